"""Let places name another tag or digest, or their images live elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from shipway.errors import ConfigError, NotMet
from shipway.gitops.edits.change import Change, scalar_change
from shipway.gitops.edits.places import ImagePlace
from shipway.place import Place
from shipway.spans import Piece
from shipway.values import Digest, Reference


def point(data: bytes, place: ImagePlace, wanted: Reference) -> tuple[Change, ...]:
    """The changes by which ``place`` names ``wanted``; none where it does already.

    What is there decides what is written: a digest is replaced by a digest, and never left beside another
    tag. Raises NotMet where a digest stands and ``wanted`` has none, ConfigError for a value that is not
    written in one piece.
    """
    return tuple(_changes(data, place, wanted))


def _changes(data: bytes, place: ImagePlace, wanted: Reference) -> Iterator[Change]:
    if place.reference == wanted:
        return
    if place.whole is not None:
        yield from _say(data, place.whole, _whole(place, wanted))
        return
    if place.tag is not None and place.tag.text != "" and "@" in place.tag.text:
        yield from _say(data, place.tag, f"{_tag(place, wanted)}@{_digest(place, wanted)}")
    elif place.tag is not None and (wanted.tag is not None or place.digest is None):
        yield from _say(data, place.tag, _tag(place, wanted))
    if place.digest is not None and place.digest.text:
        yield from _say(data, place.digest, str(_digest(place, wanted)))


def _whole(place: ImagePlace, wanted: Reference) -> str:
    text = place.whole.text if place.whole else ""
    part = place.marker.part if place.marker else ""
    if part == "name":
        return text
    pinned = "@" in text
    tagged = ":" in text.partition("@")[0][len(place.name) :] or not pinned
    named = f"{place.name}:{_tag(place, wanted)}" if tagged and wanted.tag else place.name
    if not pinned:
        return named if wanted.tag else f"{named}@{_digest(place, wanted)}"
    return f"{named}@{_digest(place, wanted)}"


def _tag(place: ImagePlace, wanted: Reference) -> str:
    if wanted.tag is None:
        raise NotMet(
            f"{place.path}:{place.line} names a tag, and {wanted} has none",
            help="promote a reference with its tag",
        )
    return wanted.tag


def _digest(place: ImagePlace, wanted: Reference) -> Digest:
    if wanted.digest is None:
        raise NotMet(
            f"{place.path}:{place.line} pins a digest, and that of {wanted} is not known",
            cause="another tag beside the old digest would still run the old image",
            help="promote what was delivered and verified, with its digest",
        )
    return wanted.digest


def _say(data: bytes, piece: Piece, text: str) -> Iterator[Change]:
    if piece.text != text:
        yield scalar_change(data, piece, text)


def stale_digest(place: ImagePlace) -> ConfigError | None:
    """The error that a place is: a marker on the tag beside a digest that nobody will change."""
    if place.marker is None or place.marker.part != "tag" or place.digest is None or not place.digest.text:
        return None
    return ConfigError(
        f"the marker writes {place.field}, and the digest beside it stays",
        place=Place(place.path, place.line),
        cause="a digest wins over the tag: the old image runs under the new label",
        help="take the digest away, or let a :digest marker write it too",
    )
