"""Which tags are delivered into the repository that a policy picks from, where files tell both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from shipway.checks.facts import Facts
from shipway.checks.image_policies import policies
from shipway.errors import InvalidValue, ShipwayError
from shipway.fleet.model import Image
from shipway.fleet.settings.image import DEFAULT_TAG
from shipway.gitops.flux import ImagePolicy
from shipway.gitops.histories import BRANCH, pairs
from shipway.gitops.policy import TagPolicy
from shipway.gitops.scripts import scheme_of
from shipway.gitops.select import select
from shipway.planning.destination import destination
from shipway.planning.tags import TagScheme
from shipway.values import Reference

_BRANCH = re.compile(r"\^(?P<name>[A-Za-z][\w.-]*?)[-_.]?(?=[\[(\\$]|\Z)")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A policy and the tags that one image of the fleet gets, the first scheme first. ``branch`` is the one
    whose deliveries the policy is about."""

    declared: ImagePolicy
    policy: TagPolicy
    image: str
    schemes: tuple[TagScheme, ...]
    branch: str


def deliveries(facts: Facts) -> Iterator[Delivery]:
    """Every policy over a repository that the fleet delivers to, with tags that are known."""
    found = list(policies(facts))
    delivered = _delivered(facts) if found else {}
    for declared, policy in found:
        repository = facts.flux.repository_of(declared)
        reference = repository.reference if repository is not None else None
        for image in delivered.get(reference.name, ()) if reference is not None else ():
            branch = _branch(policy)
            schemes = tuple(_schemes(image, policy, branch))
            if schemes:
                yield Delivery(declared, policy, image.name, schemes, branch)


def _delivered(facts: Facts) -> dict[str, list[Image]]:
    found: dict[str, list[Image]] = {}
    for image in facts.fleet.images:
        try:
            found.setdefault(destination(image).name, []).append(image)
        except ShipwayError:
            continue  # a problem of its own tells it
    return found


def _branch(policy: TagPolicy) -> str:
    """The branch that a pattern names at its beginning, ``main`` where it names none."""
    match = _BRANCH.match(policy.pattern)
    return match["name"] if match is not None else BRANCH


def _schemes(image: Image, policy: TagPolicy, branch: str) -> Iterator[TagScheme]:
    """The scheme of the fleet file; else those of workflows that the policy is about."""
    if any(each.kind == "shipway" for each in image.declarations):
        for text in (image.tag or DEFAULT_TAG, *image.tags):
            if (scheme := _scheme(text)) is not None and scheme.fields:
                yield scheme
        return
    for text in _templates(image):
        scheme = _scheme(text)
        if scheme is not None and _is_meant(scheme, policy, branch):
            yield scheme


def _templates(image: Image) -> list[str]:
    """The tags that workflows give the image, those of its own repository alone."""
    found = []
    for each in image.declarations:
        for template in each.templates:
            name, _, tag = template.partition(":") if "/" not in template else _split(template)
            if _is_named(name, image):
                found.append(tag)
    return list(dict.fromkeys(found))


def _split(template: str) -> tuple[str, str, str]:
    """Name and tag, of which the tag may hold anything."""
    host, slash, rest = template.partition("/")
    name, colon, tag = rest.partition(":")
    return f"{host}{slash}{name}", colon, tag


def _is_named(name: str, image: Image) -> bool:
    try:
        return Reference.parse(name).name == destination(image).name
    except InvalidValue:
        return False


def _scheme(text: str) -> TagScheme | None:
    try:
        return scheme_of(text)
    except ShipwayError:
        return None


def _is_meant(scheme: TagScheme, policy: TagPolicy, branch: str) -> bool:
    """Whether the policy compares the tags of a scheme at all."""
    try:
        newest = next(pairs(scheme, branch)).newest
    except ShipwayError:
        return False
    return select(policy, [newest]).selected is not None
