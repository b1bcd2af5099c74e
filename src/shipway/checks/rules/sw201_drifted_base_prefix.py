"""SW201: a reference to an image of the fleet that names another registry or path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from shipway.checks.bases import is_listed
from shipway.checks.facts import Facts
from shipway.checks.finding import Applicability, Finding, Fix
from shipway.checks.references.canon import Canon, Drift
from shipway.checks.references.mention import Mention
from shipway.checks.rule import Rule
from shipway.place import Place


def _check(rule: Rule, facts: Facts) -> Iterator[Finding]:
    canon = facts.canon
    images = {build.path: build.image.name for build in reversed(facts.declared)}
    for mention in dict.fromkeys(facts.references.mentions):
        drifts = [canon.drift(name) for name in mention.names]
        found = next((drift for drift in drifts if drift is not None), None)
        if found is not None and not is_listed(found.name, facts.fleet.bases.allow):
            finding = _finding(rule, canon, mention, found, _fix(canon, mention, drifts))
            yield replace(finding, image=images.get(mention.place.path))


def _finding(rule: Rule, canon: Canon, mention: Mention, drift: Drift, fix: Fix | None) -> Finding:
    piece = mention.pieces[0]
    place = piece.place
    finding = rule.finding(
        place,
        f"{drift.name} is called {drift.target} in this fleet",
        subject=mention.written + mention.version,
        cause=_why(canon, drift),
        help=_help(canon, fix),
        fix=fix,
        end=Place(place.path, place.line, place.column + len(piece.text)) if piece.exact else None,
    )
    return finding if canon.origin != "majority" else replace(finding, severity="warning")


def _why(canon: Canon, drift: Drift) -> str:
    if drift.declared:
        return "the fleet file lists its prefix as another name of the same images"
    if canon.origin == "majority":
        return f"most references to images of the fleet begin with {canon.prefix}"
    key = "`policies.bases.prefix`" if canon.origin == "policies" else "`registry`"
    return f"{canon.prefix} is {key} of the fleet file"


def _help(canon: Canon, fix: Fix | None) -> str:
    if fix is None:
        return (
            f"make it begin with {canon.prefix}; several variables, or quotes, keep it from being edited here"
        )
    if fix.applicability == "safe":
        return "shipway check --select SW2 --fix"
    return "shipway check --select SW2 --fix --unsafe-fixes, if nothing else sets or needs the old value"


def _fix(canon: Canon, mention: Mention, drifts: Iterable[Drift | None]) -> Fix | None:
    """The edit, where every name that the text stands for moves alike."""
    known = [drift for drift in drifts if drift is not None]
    if len(known) != len(mention.names):
        return None
    edits = mention.renamed(tuple(drift.target for drift in known))
    if not edits:
        return None
    declared = all(drift.declared for drift in known)
    guessed = mention.shared or canon.origin == "majority"
    applicability: Applicability = "safe" if declared or not guessed else "unsafe"
    return Fix(applicability, f"write {known[0].target}", edits)


RULE = Rule(
    id="SW201",
    name="drifted-base-prefix",
    severity="error",
    summary="A reference to an image of the fleet names another registry or path",
    rationale="""\
The images of a fleet are published below one registry and path: `policies.bases.prefix` of the fleet file,
else its `registry`, else the one that most references agree on. A reference with the last components of one
of them and something else before it still builds as long as the old registry answers, with an old image.

```dockerfile
FROM old-registry.example:5000/shop/base:0.4.0
```

It is looked for in FROM, COPY --from, RUN --mount, defaults of ARG, Compose, workflows, manifests of
Kubernetes, values of Helm, Kustomize, Skaffold and env files. On a public registry the name alone does not
count: the path must have something in common with the canonical one, or hold several of the fleet's names.

Prefixes that the fleet file lists under `policies.bases.aliases` are drifted for certain, and moving them is
safe. What is right as it is, a mirror for example, goes under `policies.bases.allow`.

`shipway check --select SW2 --fix` mends literal references; values of variables, which something else may
set, need `--unsafe-fixes` unless their prefix is an alias.
""",
    check=_check,
    fix="safe",
)
