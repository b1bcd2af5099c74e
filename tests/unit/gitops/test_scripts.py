"""Tags of CI scripts read as tag schemes."""

from __future__ import annotations

import pytest

from shipway.errors import ConfigError
from shipway.gitops.scripts import assumptions_of, scheme_of


@pytest.mark.parametrize(
    ("script", "scheme"),
    [
        ("main-${GITHUB_SHA::7}-$(date +%s)", "main-{sha7}-{timestamp}"),
        ("main-${GITHUB_SHA:0:7}-$(date -u '+%s')", "main-{sha7}-{timestamp}"),
        ("${GITHUB_SHA}", "{sha}"),
        ("$GITHUB_SHA-1", "{sha}-1"),
        ("${{ github.sha }}", "{sha}"),
        ("v1-${{github.run_number}}", "v1-{run}"),
        ("${{ github.ref_name }}-${{   github.sha   }}-x", "{branch}-{sha}-x"),
        ("$(git rev-parse --short HEAD)", "{sha7}"),
        ("${GITHUB_REF##*/}-$(date -u +%Y%m%d%H%M%S)", "{branch}-{date}{time}"),
        ("$(date +%Y%m%d-%H%M%S)", "{date}-{time}"),
        ("{{branch}}-{{sha}}-{{date 'X'}}", "{branch}-{sha7}-{timestamp}"),
        ("{{date 'YYYYMMDD.HHmmss'}}", "{date}.{time}"),
        ("$CI_COMMIT_REF_SLUG-$CI_COMMIT_SHORT_SHA-$CI_PIPELINE_IID", "{branch}-{sha7}-{run}"),
        ('"${VERSION}"', "{version}"),
        ("{branch}-{sha7}-{timestamp}", "{branch}-{sha7}-{timestamp}"),
        ("latest", "latest"),
    ],
)
def test_an_expression_is_what_it_gives(script: str, scheme: str) -> None:
    assert scheme_of(script).text == scheme


@pytest.mark.parametrize(
    "script",
    [
        "v-${{ steps.meta.outputs.version }}",
        "$(cat VERSION)",
        "$GITHUB_SHA256",
        "${GITHUB_SHA::9}",
        "`date +%s`",
        "{{ tag }}",
    ],
)
def test_what_nobody_knows_is_an_error_that_names_it(script: str) -> None:
    with pytest.raises(ConfigError) as caught:
        scheme_of(script)
    assert "is not known" in caught.value.message
    assert caught.value.help


def test_a_branch_that_loses_its_beginning_is_an_assumption() -> None:
    assert "feature/main" in assumptions_of("${GITHUB_REF##*/}")[0]
    assert assumptions_of("${{ github.ref_name }}") == ()
