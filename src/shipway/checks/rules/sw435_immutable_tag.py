"""SW435: a tag that would be written is there and may not be moved."""

from __future__ import annotations

from shipway.checks.finding import Finding
from shipway.checks.rule import Rule, seen_live
from shipway.place import Place
from shipway.values import Reference


def frozen(place: Place, image: str, reference: Reference) -> Finding:
    """The finding for a tag that stands for ever."""
    return RULE.finding(
        place,
        f"the tag {reference} is there and immutable",
        image=image,
        subject=str(reference),
        cause="an immutability rule of the project protects it",
        help="choose a tag that was never pushed, or change the rule of the project",
    )


RULE = Rule(
    id="SW435",
    name="immutable-tag",
    severity="error",
    summary="A tag that would be written is there and may not be moved",
    rationale="""\
An immutability rule protects the tag, so that the push fails with its last request (HTTP 412 on Harbor).

Give the image a tag that was never pushed, such as `tag: "{branch}-{sha7}"`, or change the rule of the
project.
""",
    check=seen_live,
    live=True,
)
