"""Every file of a repository that may hold image references, read by its kind."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from shipway.checks.references.dockerfile import read_dockerfile
from shipway.checks.references.documents import kind_of, read_yaml
from shipway.checks.references.dotenv import is_env_file, read_env_file
from shipway.checks.references.mention import Definition, Harvest, Mention, Use, is_prefix
from shipway.checks.references.workflow import WORKFLOW, read_workflow
from shipway.dockerfile.parser import parse
from shipway.dockerfile.syntax import Dockerfile
from shipway.errors import ShipwayError
from shipway.fleet.discover.dockerfiles import DOCKERFILES
from shipway.fleet.discover.paths import is_remote
from shipway.fleet.model import Problem
from shipway.place import Place

UNREAD_REFERENCES = "unread-references"
_YAML = (".yaml", ".yml")
# parts of the names of all files that are read
NAMED = (*_YAML, "kustomization", ".env", "dockerfile", "containerfile")
_FOREIGN = frozenset({"vendor", "third_party"})


@dataclass(frozen=True, slots=True)
class References:
    """Every mention of an image in the files of a repository, and the files that could not be read."""

    mentions: tuple[Mention, ...]
    problems: tuple[Problem, ...] = ()


def find_references(
    files: Iterable[str],
    read: Callable[[str], bytes],
    dockerfiles: Mapping[str, Dockerfile],
    names: Iterable[str],
    prefixes: Iterable[str] = (),
) -> References:
    """The image references of ``files``; those of ``dockerfiles`` are parsed already.

    ``names`` are last components of references of interest, ``prefixes`` their beginnings: a file without
    any of them, and without a variable that Dockerfiles put before a name, is not parsed.
    """
    search = _Search(read)
    for dockerfile in dockerfiles.values():
        search.take(read_dockerfile(dockerfile))
    variables = (use.variable for use in search.found.uses)
    interesting = _filter(names, prefixes, variables)
    for path in files:
        if path not in dockerfiles and not _is_foreign(path):
            search.file(path, interesting)
    return References((*search.found.mentions, *_joined(search.found)), tuple(search.problems))


@dataclass(frozen=True, slots=True)
class _Filter:
    """What a file must contain to be parsed: anywhere in it, and behind a key of a manifest or of values."""

    anywhere: re.Pattern[bytes]
    manifest: re.Pattern[bytes]

    def of(self, path: str) -> re.Pattern[bytes]:
        plain = path.endswith(_YAML) and not WORKFLOW.match(path) and kind_of(path) in ("kubernetes", "helm")
        return self.manifest if plain else self.anywhere


def _filter(names: Iterable[str], prefixes: Iterable[str], variables: Iterable[str]) -> _Filter | None:
    """The filter, None when there is nothing to look for."""
    last, known = _any_of(names), _any_of(variables)
    first = _any_of(each.removeprefix("docker.io/") for each in prefixes)
    if not last:
        return None
    word = rf"(?<![A-Za-z0-9_.-])(?:{last})(?![A-Za-z0-9_-])" + (f"|{first}" if first else "")
    behind = rf"\b(?:image|repository|registry)[\"']?[ \t]*:[^\n]{{0,300}}?(?:{word})"
    anywhere = word + (rf"|\b(?:{known})[ \t]*[:=]" if known else "")
    return _Filter(re.compile(anywhere.encode()), re.compile(behind.encode()))


def _any_of(words: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, set(words)), key=len, reverse=True))


class _Search:
    def __init__(self, read: Callable[[str], bytes]) -> None:
        self._read = read
        self.found = Harvest.empty()
        self.problems: list[Problem] = []

    def take(self, harvest: Harvest) -> None:
        """Add what one file holds."""
        self.found.mentions += harvest.mentions
        self.found.uses += harvest.uses
        self.found.definitions += harvest.definitions

    def file(self, path: str, interesting: _Filter | None) -> None:
        """Read a file of any kind; one that cannot be read is a problem, and the others are still read."""
        if not _is_candidate(path):
            return
        try:
            data = self._read(path)
            if is_env_file(path):
                self.take(read_env_file(data, path))
            elif interesting is not None and interesting.of(path).search(data):
                self.take(_harvest(data, path, interesting.of(path)))
        except ShipwayError as error:
            self.problems.append(Problem(UNREAD_REFERENCES, error.message, error.place or Place(path)))


def _is_candidate(path: str) -> bool:
    return (
        path.endswith(_YAML)
        or posixpath.basename(path) == "Kustomization"
        or is_env_file(path)
        or DOCKERFILES.accepts(path)
    )


def _harvest(data: bytes, path: str, interesting: re.Pattern[bytes]) -> Harvest:
    if WORKFLOW.match(path):
        return read_workflow(data, path)
    if path.endswith(_YAML) or posixpath.basename(path) == "Kustomization":
        return read_yaml(data, path, interesting)
    return read_dockerfile(parse(data, path))


def _is_foreign(path: str) -> bool:
    return is_remote(path) or not _FOREIGN.isdisjoint(path.split("/")[:-1])


def _joined(found: Harvest) -> Iterator[Mention]:
    """The values of variables outside of Dockerfiles that stand before names: one mention a value."""
    rests = _rests(found.uses)
    for definition in found.definitions:
        after = rests.get(definition.variable, {})
        fitting = tuple(rest for rest in after if _fits(definition, rest))
        if fitting and is_prefix(definition.piece.text):
            mention = Mention(definition.where, (definition.piece,), fitting, shared=True)
            yield mention if len(fitting) == len(after) else _closed(mention)


def _rests(uses: Iterable[Use]) -> dict[str, dict[str, None]]:
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for use in uses:
        if use.rest:
            found[use.variable][use.rest] = None
    return found


def _fits(definition: Definition, rest: str) -> bool:
    return rest.startswith("/") != definition.piece.text.endswith("/")


def _closed(mention: Mention) -> Mention:
    """The mention without a way to edit it: the variable stands for other things too."""
    return replace(mention, pieces=tuple(replace(piece, exact=False) for piece in mention.pieces))
