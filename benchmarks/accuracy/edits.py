"""``python -m benchmarks.accuracy.edits DIRECTORY…``: every reference of every manifest, edited.

For each place of each file: naming what is there already changes no byte; another tag and digest change
the lines of that place and no others; a second edit changes nothing; another reader of YAML sees the same as
before but for the reference. Each registry that a file names is moved and moved back. Prints a row of
``docs/compatibility.md`` a directory, and whatever went wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from shipway.errors import ShipwayError
from shipway.gitops.edits.change import apply
from shipway.gitops.edits.files import is_manifest
from shipway.gitops.edits.places import ImagePlace, find_places
from shipway.gitops.edits.point import point
from shipway.gitops.edits.rewrite import Move, rewrite
from shipway.values import Digest, Reference

# another reader takes minutes for definitions of that size
COMPARED = 200_000
TAG = "0123"
DIGEST = Digest("sha256", "ab" * 32)


@dataclass
class Tally:
    """What was seen in one directory. ``refused`` are edits that were not made, and why."""

    name: str
    files: int = 0
    manifests: int = 0
    templates: int = 0
    places: int = 0
    edits: int = 0
    moves: int = 0
    refused: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def row(self) -> str:
        counts = (self.manifests, self.places, self.edits, self.moves, len(self.refused), len(self.wrong))
        return f"| {self.name} | {' | '.join(map(str, counts))} |"


def tally(directory: Path) -> Tally:
    """Every manifest below ``directory``."""
    seen = Tally(directory.name.replace("+", "/"))
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.is_symlink() and is_manifest(path.name):
            _file(seen, str(path.relative_to(directory)), path.read_bytes())
    return seen


def _file(seen: Tally, name: str, data: bytes) -> None:
    seen.files += 1
    try:
        places = find_places(data, name)
    except ShipwayError:
        seen.templates += 1
        return
    seen.manifests += bool(places)
    seen.places += len(places)
    for index, place in enumerate(places):
        try:
            wrong = _edit(seen, data, index, place)
        except ShipwayError as error:
            seen.refused.append(f"{name}:{place.line} {place.field}: {error}")
            continue
        seen.wrong += [f"{name}:{place.line} {place.field}: {why}" for why in wrong]
    seen.wrong += [f"{name}: {why}" for why in _moves(seen, name, data, places)]


def _edit(seen: Tally, data: bytes, index: int, place: ImagePlace) -> Iterator[str]:
    """What is wrong with the edits of one place."""
    present = place.reference
    if present is not None and point(data, place, present):
        return iter(["an edit to what is there changes something"])
    base = Reference.parse(place.name or "r.example/any")
    wanted = Reference(base.registry, base.repository, TAG, DIGEST)
    changes = point(data, place, wanted)
    if not changes:
        return iter(())
    seen.edits += 1
    after = apply(data, changes)
    return _judge(data, after, index, place, wanted)


def _judge(data: bytes, after: bytes, index: int, place: ImagePlace, wanted: Reference) -> Iterator[str]:
    lines = {piece.place.line for piece in (place.whole, place.tag, place.digest) if piece is not None}
    before, now = data.split(b"\n"), after.split(b"\n")
    if len(before) != len(now):
        yield "the number of lines changed"
        return
    changed = {number for number, (one, other) in enumerate(zip(before, now, strict=True), 1) if one != other}
    if not changed or not changed <= lines:
        yield f"lines {sorted(changed)} changed, and the place is in {sorted(lines)}"
    found = find_places(after, place.path)
    if len(found) != len(find_places(data, place.path)):
        yield "another number of places"
    elif point(after, found[index], wanted):
        yield "a second edit changes it again"
    if len(data) <= COMPARED:
        yield from _compared(data, after)


def _compared(data: bytes, after: bytes) -> Iterator[str]:
    """Whether another reader sees the reference change and nothing else."""
    one, other = _leaves(data), _leaves(after)
    if one is None or other is None:
        return
    if len(one) != len(other):
        yield "another reader sees another structure"
        return
    unlike = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
    for _, new in unlike:
        if not isinstance(new, str) or (TAG not in new and str(DIGEST) not in new):
            yield f"another reader sees {new!r}"


def _leaves(data: bytes) -> list[object] | None:
    """Every scalar and key as PyYAML reads them; None for what it does not take."""
    try:
        documents = list(yaml.load_all(data.decode("utf-8-sig"), _Loader))
    except (yaml.YAMLError, UnicodeError, ValueError):
        return None
    leaves: list[object] = []
    pending: list[object] = list(reversed(documents))
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            pending += [each for pair in reversed(node.items()) for each in reversed(pair)]
        elif isinstance(node, list):
            pending += reversed(node)
        else:
            leaves.append(node)
    return leaves


class _Loader(yaml.CSafeLoader):
    """Takes tags of applications as their plain values."""


def _plain(loader: yaml.CSafeLoader, _: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]


_Loader.add_multi_constructor("!", _plain)


def _moves(seen: Tally, name: str, data: bytes, places: tuple[ImagePlace, ...]) -> Iterator[str]:
    """What is wrong with moving each registry that a file names, and moving it back."""
    hosts = {place.name.partition("/")[0] for place in places}
    for host in sorted(each for each in hosts if "." in each):
        there = rewrite({name: data}, Move(host, "moved.example:5000"))
        for file in there.files:
            seen.moves += 1
            back = rewrite({name: file.after}, Move("moved.example:5000", host)).files
            if not back or back[0].after != data:
                yield f"{host} does not come back"
            elif len(file.before.split(b"\n")) != len(file.after.split(b"\n")):
                yield f"lines come or go with {host}"
            elif file.before.replace(host.encode(), b"") != _stripped(file.after, host):
                yield f"more than {host} changes"


def _stripped(data: bytes, host: str) -> bytes:
    return data.replace(b"moved.example:5000", b"").replace(host.encode(), b"")


def main() -> int:
    """Print the table, then everything that went wrong; 1 when something did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directories", nargs="+", type=Path)
    parser.add_argument("--refused", action="store_true", help="show the edits that were refused")
    options = parser.parse_args()
    all_ = [tally(directory) for directory in options.directories]
    print("| repository | manifests | places | edits | moves | refused | wrong |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for seen in all_:
        print(seen.row())
    for seen in all_:
        for text in (*seen.wrong, *(seen.refused if options.refused else ())):
            print(f"{seen.name} {text}")
    return int(any(seen.wrong for seen in all_))


if __name__ == "__main__":
    sys.exit(main())
