"""One declaration for what one job builds several times over: legs, repeated steps, several callers."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from shipway.fleet.discover.workflows.evaluate import Value, to_text
from shipway.fleet.discover.workflows.world import Found
from shipway.fleet.model import BuildInputs, Declaration
from shipway.fleet.tree import directory_of

_T = TypeVar("_T")
_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


def merge(found: Sequence[Found]) -> tuple[Declaration, ...]:
    """The declarations of ``found``: legs that differ only in platform as one with several platforms, equal
    inputs of one job once, and names told apart where the legs of a matrix share a repository."""
    by_job = _grouped(found, lambda each: each.job)
    once = _grouped(by_job, lambda each: each.declaration.place)
    return _named_apart(once)


def _grouped(found: Sequence[Found], where: Callable[[Found], Hashable]) -> list[Found]:
    """``found`` with equal inputs at one place united, in the order of their first."""
    groups: dict[Hashable, list[Found]] = {}
    for each in found:
        groups.setdefault((where(each), _identity(each.declaration.inputs)), []).append(each)
    return [united for group in groups.values() for united in _unite(group)]


def _identity(inputs: BuildInputs) -> Hashable:
    """What tells builds apart, without platforms and caches."""
    return (
        inputs.dockerfile,
        inputs.context,
        inputs.target,
        tuple(inputs.args.items()),
        tuple(inputs.contexts.items()),
        tuple(inputs.labels.items()),
        inputs.secrets,
        inputs.ssh,
        inputs.inline,
    )


def _unite(group: Sequence[Found]) -> Iterable[Found]:
    """Builds of one image united; those for other platforms under another name are another image."""
    united: list[Found] = []
    for each in sorted(group, key=lambda item: item.local):
        index = next((i for i, other in enumerate(united) if _same_image(other, each)), None)
        if index is None:
            united.append(each)
        else:
            united[index] = _together(united[index], each)
    return united


def _same_image(one: Found, other: Found) -> bool:
    same_platforms = one.declaration.inputs.platforms == other.declaration.inputs.platforms
    return same_platforms or one.declaration.name == other.declaration.name or one.local != other.local


def _together(one: Found, other: Found) -> Found:
    first, second = one.declaration, other.declaration
    inputs = replace(
        first.inputs,
        platforms=_union(first.inputs.platforms, second.inputs.platforms),
        cache_from=_union(first.inputs.cache_from, second.inputs.cache_from),
        cache_to=_union(first.inputs.cache_to, second.inputs.cache_to),
    )
    references = _union(first.references, second.references)
    places = {**second.places, **first.places}
    return replace(one, declaration=replace(first, inputs=inputs, references=references, places=places))


def _union(one: tuple[_T, ...], other: tuple[_T, ...]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def _named_apart(found: Sequence[Found]) -> tuple[Declaration, ...]:
    """Legs of one step that publish to one repository are named by the directories they build, if the
    matrix has these as values, as in ``demo:1.0-cart`` from ``src/cart/Dockerfile``."""
    groups: dict[Hashable, list[int]] = {}
    for index, each in enumerate(found):
        groups.setdefault((each.declaration.place, each.declaration.name), []).append(index)
    declarations = [each.declaration for each in found]
    for indexes in groups.values():
        for index, name in zip(indexes, _names([found[index] for index in indexes]), strict=False):
            declarations[index] = replace(declarations[index], name=name)
    return tuple(declarations)


def _names(group: Sequence[Found]) -> list[str]:
    """The values of the matrix that name most of the directories built; none where no key does."""
    shared = group[0].declaration.name
    leaves = [dict(_leaves("", each.leg)) for each in group]
    components = [_components(each.declaration.inputs) for each in group]
    if any(shared in each for each in components):
        return []
    for key in leaves[0]:
        values = [each.get(key, "") for each in leaves]
        within = sum(value in each for value, each in zip(values, components, strict=True))
        if 1 < len(set(values)) == len(values) < within * 2 and all(map(_SLUG.match, values)):
            return values
    return []


def _components(inputs: BuildInputs) -> set[str]:
    """The directories that a build's Dockerfile and context lie in."""
    return {*directory_of(inputs.dockerfile).split("/"), *inputs.context.split("/")}


def _leaves(prefix: str, leg: Mapping[str, Value]) -> Iterable[tuple[str, str]]:
    for key, value in leg.items():
        if isinstance(value, dict):
            yield from _leaves(f"{prefix}{key}.", value)
        elif not isinstance(value, list):
            yield f"{prefix}{key}", to_text(value)
