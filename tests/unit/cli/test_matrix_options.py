"""Job matrices and what hands bases on, through the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shipway.cli.plan import command
from shipway.errors import InvalidValue, UsageError
from shipway.values import Digest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    for name, text in (("base", "FROM scratch"), ("api", "FROM acme/base:live")):
        (root / name).mkdir(parents=True)
        (root / name / "Dockerfile").write_text(f"{text}\nCOPY Dockerfile /{name}\n")
    (root / "shipway.yaml").write_text(
        "registry: acme\ntag: live\nimages:\n  base: {context: base}\n  api: {context: api}\n"
    )
    return root


def plan(root: Path, *arguments: str) -> Result:
    where = ["-C", str(root), "--state", str(root.parent / "state"), "--offline"]
    return CliRunner().invoke(command, [*where, *arguments])


def test_the_matrix_is_lines_for_the_outputs_of_a_step(root: Path) -> None:
    lines = plan(root, "--format", "github-matrix").stdout.splitlines()
    assert [line.partition("=")[0] for line in lines] == ["builds", "waves", "wave-1", "wave-2"]
    assert '"arguments":"--only base"' in lines[2]
    assert '"arguments":"--only api"' in lines[3]


def test_only_shows_what_else_would_be_built(root: Path) -> None:
    assert "base would be built, and --only asks for api" in plan(root, "--only", "api").stdout


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["--only"], UsageError),
        (["--base", "base"], UsageError),
        (["--base", "base=sha256:short"], InvalidValue),
    ],
    ids=["only nothing", "no digest", "half a digest"],
)
def test_options_that_hand_nothing_on_are_wrong_usage(
    root: Path, arguments: list[str], kind: type[UsageError]
) -> None:
    assert isinstance(plan(root, *arguments).exception, kind)


def test_a_base_that_does_not_stand_as_handed_on_blocks(root: Path) -> None:
    digest = Digest.of(b"base")
    assert f"base does not stand as {digest}" in plan(root, f"--base=base={digest}", "api").stdout
