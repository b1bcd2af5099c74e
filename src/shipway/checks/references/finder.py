"""Every file of a repository that may hold image references, read by its kind."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from shipway.checks.references.dockerfile import read_dockerfile
from shipway.checks.references.documents import read_yaml
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

_YAML = (".yaml", ".yml")
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
    words: Iterable[str],
) -> References:
    """The image references of ``files``; those of ``dockerfiles`` are parsed already.

    ``words`` are what a reference of interest contains (names of images, prefixes): a file without any
    of them, and without a variable that Dockerfiles put before a name, is not parsed.
    """
    search = _Search(read)
    for dockerfile in dockerfiles.values():
        search.take(read_dockerfile(dockerfile))
    others = [path for path in files if path not in dockerfiles and not _is_foreign(path)]
    interesting = _pattern([*words, *(use.variable for use in search.found.uses)])
    for path in others:
        reader = _reader_of(path)
        if reader is not None:
            search.file(path, reader, None if is_env_file(path) else interesting)
    return References((*search.found.mentions, *_joined(search.found)), tuple(search.problems))


def _reader_of(path: str) -> Callable[[bytes, str], Harvest] | None:
    if WORKFLOW.match(path):
        return read_workflow
    if path.endswith(_YAML) or posixpath.basename(path) == "Kustomization":
        return read_yaml
    if is_env_file(path):
        return read_env_file
    return _read_dockerfile if DOCKERFILES.accepts(path) else None


def _read_dockerfile(data: bytes, path: str) -> Harvest:
    return read_dockerfile(parse(data, path))


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

    def file(
        self, path: str, reader: Callable[[bytes, str], Harvest], interesting: re.Pattern[bytes] | None
    ) -> None:
        """Read a file; one that cannot be read is a problem, and the others are still read."""
        try:
            data = self._read(path)
            if interesting is None or interesting.search(data):
                self.take(reader(data, path))
        except ShipwayError as error:
            self.problems.append(Problem("unreadable-file", error.message, error.place or Place(path)))


def _pattern(words: Iterable[str]) -> re.Pattern[bytes] | None:
    chosen = sorted({word for word in words if word})
    return re.compile("|".join(map(re.escape, chosen)).encode()) if chosen else None


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
