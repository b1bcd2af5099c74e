"""Which repositories are cleaned up, by which policy, and what of them is in use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from shipway.errors import ConfigError, UsageError
from shipway.fleet.model import Fleet, Image, RetentionSettings
from shipway.fleet.tree import FileTree
from shipway.flows.pruning.usage import may_reference, uses_of, words_beside
from shipway.planning.destination import destination
from shipway.planning.retention.moments import SchemeReader
from shipway.planning.retention.policy import Policy, Uses
from shipway.planning.tags import TagScheme
from shipway.ports import Delivery
from shipway.values import Reference

_NO_POLICY = (
    "write --keep N or --older-than 30d, or a section `retention:` in shipway.yaml; --dry-run shows what goes"
)


@dataclass(frozen=True, slots=True)
class Target:
    """A repository to clean up: what it is called, ``at`` which address, and by which policy."""

    repository: Reference
    at: Reference
    policy: Policy
    schemes: tuple[SchemeReader, ...] = ()
    uses: Uses = field(default_factory=Uses)


def choose(fleet: Fleet, repository: Reference | None, given: RetentionSettings) -> list[Target]:
    """The one repository asked for, or with None those of the fleet that have a policy.

    ``given`` goes before what the fleet file says. Raises UsageError without a policy, or when images of
    one repository have policies that differ.
    """
    if repository is not None:
        if repository.tag is not None or repository.digest is not None:
            raise UsageError(
                f"{repository} names an image, and prune takes a repository",
                help=f"write {repository.without_version()}",
            )
        images = [image for image in fleet.images if destination(image).name == repository.name]
        targets = [_target(repository, image, given) for image in images] or [
            _target(repository, None, given)
        ]
    else:
        targets = [_target(destination(image), image, given) for image in fleet.images]
    chosen = [target for target in targets if target is not None]
    if not chosen:
        raise UsageError("nothing is deleted without a policy that says what to keep", help=_NO_POLICY)
    return _combined(chosen)


def _target(repository: Reference, image: Image | None, given: RetentionSettings) -> Target | None:
    own = image.retention if image is not None else None
    policy = Policy.of(_overlaid(own or RetentionSettings(), given))
    if policy is None:
        return None
    schemes = () if image is None or image.tag is None else (TagScheme.parse(image.tag),)
    uses = Uses() if image is None else Uses(tags=_own_tags(image, schemes))
    return Target(repository, repository, policy, tuple(map(SchemeReader.of, schemes)), uses)


def _overlaid(own: RetentionSettings, given: RetentionSettings) -> RetentionSettings:
    return RetentionSettings(
        keep=own.keep if given.keep is None else given.keep,
        match=own.match if given.match is None else given.match,
        older_than=own.older_than if given.older_than is None else given.older_than,
        keep_tags=(*own.keep_tags, *given.keep_tags),
        by=given.by or own.by,
    )


def _own_tags(image: Image, schemes: Iterable[TagScheme]) -> dict[str, str]:
    """The tags that each delivery of an image gets: the fleet moves them, they never grow old."""
    fixed = (
        scheme.text.format(version=image.version)
        for scheme in schemes
        if not scheme.fields or (set(scheme.fields) == {"version"} and image.version)
    )
    return dict.fromkeys((*image.tags, *fixed), f"the fleet delivers {image.name} to it")


def _combined(targets: Iterable[Target]) -> list[Target]:
    """One target a repository, with the schemes and tags of all the images in it."""
    found: dict[str, Target] = {}
    for target in targets:
        known = found.setdefault(target.repository.name, target)
        if known.policy != target.policy:
            raise UsageError(
                f"images of the fleet share {target.repository.name} and differ in their retention",
                help="give them the same retention, or repositories of their own",
            )
        schemes = tuple(dict.fromkeys((*known.schemes, *target.schemes)))
        uses = Uses(tags={**known.uses.tags, **target.uses.tags})
        found[target.repository.name] = replace(known, schemes=schemes, uses=uses)
    return list(found.values())


def with_uses(
    targets: Sequence[Target], deliveries: Sequence[Delivery], trees: Sequence[FileTree]
) -> Iterator[Target]:
    """The targets with what the ledger and the files of ``trees`` use of them."""
    files = dict(_files(trees))
    for target in targets:
        uses = uses_of(target.repository, deliveries, words_beside(files, target.repository))
        tags = {**uses.tags, **target.uses.tags}
        yield replace(target, uses=Uses(tags, uses.digests))


def _files(trees: Sequence[FileTree]) -> Iterator[tuple[str, bytes]]:
    """Every file that may reference images. Raises HostError for one that may not be read."""
    for number, tree in enumerate(trees):
        for path in filter(may_reference, tree.files):
            # links that lead nowhere or out of the tree, and files too large for a manifest
            with suppress(ConfigError):
                yield path if number == 0 else f"{tree.root}/{path}", tree.read(path)
