"""Plans of random fleets: bases first, changes reach exactly what builds on them, noise reaches nothing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from shipway.fleet.builds import Builds
from shipway.fleet.graph import closure, dependents, needs, waves
from shipway.fleet.load import load_fleet
from shipway.fleet.model import Fleet
from shipway.planning.collect import collect
from shipway.values import Platform

AMD64 = Platform("linux", "amd64")


@st.composite
def fleets(draw: st.DrawFn) -> dict[int, list[int]]:
    """Image number -> the lower numbers that it builds on or copies from."""
    count = draw(st.integers(1, 7))
    return {
        number: draw(st.lists(st.integers(0, number - 1), max_size=2, unique=True)) if number else []
        for number in range(count)
    }


def write(root: Path, edges: Mapping[int, list[int]]) -> None:
    lines = ["registry: registry.test/acme", "images:"]
    for number in reversed(edges):
        directory = root / f"i{number}"
        directory.mkdir()
        bases = edges[number]
        start = f"registry.test/acme/i{bases[0]}" if bases else "scratch"
        copies = [f"COPY --from=registry.test/acme/i{base} /own /from{base}" for base in bases[1:]]
        (directory / "Dockerfile").write_text("\n".join([f"FROM {start}", "COPY own /own", *copies]) + "\n")
        (directory / "own").write_text(f"{number}")
        (directory / "unread").write_text("not copied")
        lines.append(f"  i{number}: {{context: i{number}}}")
    (root / "shipway.yaml").write_text("\n".join(lines) + "\n")


def fingerprints(root: Path) -> tuple[Fleet, dict[str, str]]:
    builds = Builds()
    fleet = load_fleet(root, builds=builds)
    order = [name for wave in waves(fleet) for name in wave]
    collected = collect(fleet, order, {}, AMD64, builds)
    assert collected.blockers == ()
    return fleet, {name: inputs.fingerprint for name, inputs in collected.inputs.items()}


@settings(max_examples=60, deadline=None)
@given(edges=fleets(), selection=st.data())
def test_every_image_comes_after_what_it_needs_in_any_selection(
    edges: dict[int, list[int]], selection: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        write(Path(directory), edges)
        fleet = load_fleet(Path(directory))
    asked = selection.draw(st.sets(st.sampled_from(sorted(edges)), min_size=1))
    names = closure(fleet, [f"i{number}" for number in asked])
    planned = waves(fleet, names)
    place = {name: index for index, wave in enumerate(planned) for name in wave}
    assert sorted(place) == sorted(names)
    for name in names:
        image = fleet.image(name)
        assert image is not None
        assert needs(image) == tuple(f"i{base}" for base in edges[int(name[1:])])
        assert all(place[base] < place[name] for base in needs(image))


@settings(max_examples=40, deadline=None)
@given(edges=fleets(), data=st.data())
def test_a_change_reaches_exactly_what_builds_on_it(edges: dict[int, list[int]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        write(root, edges)
        fleet, before = fingerprints(root)
        changed = f"i{data.draw(st.sampled_from(sorted(edges)))}"
        (root / changed / "own").write_text("changed")
        _, after = fingerprints(root)
        different = {name for name in before if before[name] != after[name]}
        assert different == set(dependents(fleet, [changed]))


@settings(max_examples=30, deadline=None)
@given(edges=fleets(), data=st.data())
def test_noise_changes_no_fingerprint(edges: dict[int, list[int]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        first, second = Path(one), Path(two)
        write(first, edges)
        write(second, edges)
        for number in edges:
            (second / f"i{number}" / "unread").write_text("other")
            (second / f"i{number}" / "extra").write_text("new")
            os.utime(second / f"i{number}" / "own", (1, 1))
            (second / f"i{number}" / "own").chmod(0o600)
            file = second / f"i{number}" / "Dockerfile"
            file.write_text("# a comment\n\n" + file.read_text().replace("COPY own", "COPY   own"))
        assert fingerprints(first)[1] == fingerprints(second)[1]
