"""SW709: a policy that takes the tags of signatures and attestations for deliveries."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.image_policies import policies, tell
from shipway.checks.rule import Rule
from shipway.gitops.select import select

_DIGEST = "sha256-" + "0" * 64
_SIGNATURES = (_DIGEST, f"{_DIGEST}.sig", f"{_DIGEST}.att", f"{_DIGEST}.sbom")


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    for each, policy in policies(facts):
        if policy.kind == "semver" or facts.flux.repository_of(each) is None:
            continue
        compared = ("candidate", "hidden", "unparsable")
        let_in = [tag.state in compared for tag in select(policy, _SIGNATURES).considered]
        if any(let_in):
            yield tell(
                rule,
                each,
                "pattern" if policy.pattern else "kind",
                "the tags of attestations (sha256-….att) are compared with those of deliveries",
                cause="one of them makes the whole policy fail"
                if policy.kind == "numerical"
                else "the default exclusion list leaves out .sig alone, and sha256-… comes behind main-…",
                help="give the policy a pattern, or exclude ^sha256- in the ImageRepository",
            )


RULE = Rule(
    id="SW709",
    name="signature-tags",
    severity="warning",
    summary="A policy that takes the tags of signatures and attestations for deliveries",
    rationale="""\
cosign and other tools put signatures, attestations and lists of contents beside an image as tags:
`sha256-<digest>.sig`, `.att`, `.sbom`, and `sha256-<digest>` where a registry has no referrers. Flux leaves
out `^.*\\.sig$` and nothing else, so that

```yaml
policy:
  alphabetical: {order: asc}
```

picks an attestation as soon as there is one, for `s` comes after `m` and after digits; under `numerical`
the policy fails. Say with `filterTags.pattern` what a delivery looks like, or add `^sha256-` to
`exclusionList` of the ImageRepository; setting the list replaces the default. Policies whose
ImageRepository is not in this repository are not looked at.
""",
    check=_check,
)
