"""Names for images whose files give several of them the same one."""

from __future__ import annotations

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from shipway.fleet.discover.paths import is_remote
from shipway.fleet.model import Declaration

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_MAX_LENGTH = 128


def unique_names(declarations: Sequence[Declaration]) -> list[str]:
    """A name for each image, from its first declaration; different images get different names.

    Equal names are qualified by the directory of the Dockerfile: the shortest suffix of its path that tells
    them apart, joined with ``-``; in one directory by target, else by the Dockerfile's own name. An image
    built from a remote context is qualified by the directory of the declaring file, else by ``remote``, and
    leaves the name to the only one that is built from this repository. Characters that no name may have
    become ``-``.
    """
    names = [fit(declaration.name) for declaration in declarations]
    counts = Counter(names)
    alike: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(names):
        if counts[name] > 1:
            alike[name].append(index)
    taken = {name for name in names if counts[name] == 1}
    for name, indexes in alike.items():
        members = [declarations[index] for index in indexes]
        for index, qualified in zip(indexes, _qualified(name, members), strict=True):
            names[index] = free_name(qualified, taken)
            taken.add(names[index])
    return names


def fit(name: str) -> str:
    """``name`` with what no name may have replaced by ``-``."""
    return _UNFIT.sub("-", name).strip(".-")[:_MAX_LENGTH] or "image"


def _qualified(name: str, declarations: Sequence[Declaration]) -> list[str]:
    """The same name for all, with the fewest words before or after it that tell them apart."""
    local = [not is_remote(declaration.inputs.context) for declaration in declarations]
    if local.count(True) == 1 and len(local) > 1:
        others = [each for each, here in zip(declarations, local, strict=True) if not here]
        rest = iter([_joined(_directory_words(name, each)[-1:] or ("remote",), name) for each in others])
        return [name if here else next(rest) for here in local]
    words = [_directory_words(name, declaration) for declaration in declarations]
    depth = max(len(path) for path in words)
    names = [name] * len(words)
    for count in range(1, depth + 1):
        names = [_joined(path[-count:], name) for path in words]
        if len(set(names)) == len(names):
            return names
    ends = [_end_words(declaration) for declaration in declarations]
    for chosen in (0, 1):
        extended = [
            "-".join(filter(None, (base, end[chosen]))) for base, end in zip(names, ends, strict=True)
        ]
        if len(set(extended)) == len(extended):
            return extended
    return names


def _joined(words: tuple[str, ...], name: str) -> str:
    return "-".join((*words, name))


def _directory_words(name: str, declaration: Declaration) -> tuple[str, ...]:
    remote = is_remote(declaration.inputs.context)
    directory = posixpath.dirname(declaration.place.path if remote else declaration.inputs.dockerfile)
    words = tuple(fit(part) for part in directory.split("/") if part not in ("", ".", ".."))
    return words[:-1] if words[-1:] == (name,) else words


def _end_words(declaration: Declaration) -> tuple[str, str]:
    file_name = posixpath.basename(declaration.inputs.dockerfile)
    own = re.sub(r"(?i)^(docker|container)file[._-]?|[._-]?(docker|container)file$", "", file_name)
    target = fit(declaration.inputs.target) if declaration.inputs.target else ""
    return target, fit(own) if own else ""


def free_name(name: str, taken: Collection[str]) -> str:
    """``name``, with the first number that makes it new where it is taken."""
    if name not in taken:
        return name
    number = 2
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"
