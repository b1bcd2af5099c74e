"""Which images changed between two states of their files: those whose inputs differ, and what builds on them.

The inputs are computed for both states by the very function that decides what is built, and compared.
Mapping changed paths to images would have to foresee every way in which a path counts: a deleted file that a
wildcard matched, a renamed Dockerfile, a new line of an ignore file, an arg or a context in the fleet file, a
base that became one of the fleet. Here all of them are one comparison. What builds on a changed image changes
along, since the inputs of an image hold the fingerprints of its bases. No registry is asked: the digests of
images outside of the fleet are the same unknown on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping

from shipway.fleet.model import Fleet, Image
from shipway.planning.collect import Collected
from shipway.planning.draft import UNREADABLE
from shipway.planning.inputs import changes


def affected(
    fleet: Fleet, now: Collected, before: Fleet, then: Collected, revision: str
) -> Mapping[str, tuple[str, ...]]:
    """The images of ``fleet`` that changed after ``before``, each with its reasons.

    An image that was not there, that cannot be read, or whose files are in another repository (of which
    ``revision`` tells nothing) counts as changed; so does one that is delivered elsewhere now.
    """
    past = {image.name: image for image in before.images}
    found = {}
    for image in fleet.images:
        if image.name in now.drafts:
            why = _why(image, now, past.get(image.name), then, revision)
            if why:
                found[image.name] = why
    return found


def _why(
    image: Image, now: Collected, before: Image | None, then: Collected, revision: str
) -> tuple[str, ...]:
    if image.root:
        return (f"its files are in the repository {image.root}",)
    if before is None or image.name not in then.inputs:
        return (f"not there at {revision}",)
    if UNREADABLE in (now.drafts[image.name].dockerfile, then.drafts[image.name].dockerfile):
        return ("cannot be compared",)
    after = now.inputs[image.name]
    if after != then.inputs[image.name]:
        return changes(then.inputs[image.name], after)
    if _destination(image) != _destination(before):
        return ("delivered elsewhere",)
    return ()


def _destination(image: Image) -> tuple[object, ...]:
    return image.repository, image.tag, image.tags, image.version
