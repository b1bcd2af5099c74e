"""Edits of manifests of every style: the line of the place changes alone, an edit to what is there none."""

from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from shipway.gitops.edits.change import apply
from shipway.gitops.edits.places import find_places
from shipway.gitops.edits.point import point
from shipway.gitops.edits.rewrite import Move, rewrite
from shipway.values import Reference

TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
DIGESTS = st.integers(0, 15).map(lambda digit: "sha256:" + f"{digit:x}" * 64)
NAMES = st.sampled_from(["nginx", "acme/api", "ghcr.io/acme/api", "localhost:5000/a/b", "10.0.0.5:5000/x"])
COMMENTS = st.sampled_from(["", " # why", "   # é: 'a' \"b\"", " # ghcr.io/acme/api:9"])
QUOTES = st.sampled_from(["", "'", '"'])


@st.composite
def references(draw: st.DrawFn) -> str:
    tag, digest = draw(st.none() | TAGS), draw(st.none() | DIGESTS)
    return draw(NAMES) + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")


@st.composite
def blocks(draw: st.DrawFn) -> str:
    """A mapping that names one image, in one of the usual shapes and styles."""
    quote, comment, reference = draw(QUOTES), draw(COMMENTS), draw(references())
    # a tag in plain style may be a number to YAML; quotes keep it a text
    tag = f"'{draw(TAGS)}'"
    return draw(
        st.sampled_from(
            [
                f"image: {quote}{reference}{quote}{comment}",
                f"image: &a {quote}{reference}{quote}{comment}\nother: *a",
                f'spec: {{containers: [{{name: é, image: "{reference}"}}]}}{comment}',
                f"image: >-{comment}\n  {reference}",
                f"image:\n  repository: ghcr.io/acme/api{comment}\n  tag: {tag}{comment}",
                f"images:\n- name: ghcr.io/acme/api\n  newTag: {tag}{comment}",
            ]
        )
    )


@st.composite
def manifests(draw: st.DrawFn) -> bytes:
    parts = draw(st.lists(blocks(), min_size=1, max_size=4))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    text = (
        draw(st.sampled_from(["", "# é\n", "---\n", "\n\n"]))
        + "\n---\n".join(parts)
        + draw(st.sampled_from(["", "\n"]))
    )
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.replace("\n", newline).encode()


@given(manifests(), TAGS, DIGESTS)
def test_an_edit_changes_the_lines_of_its_place_alone(data: bytes, tag: str, digest: str) -> None:
    for index, place in enumerate(find_places(data, "a.yaml")):
        present = place.reference
        assert present is None or point(data, place, present) == ()
        wanted = Reference.parse(f"{place.name}:{tag}@{digest}")
        after = apply(data, point(data, place, wanted))
        lines = {piece.place.line for piece in (place.whole, place.tag, place.digest) if piece is not None}
        before, now = data.split(b"\n"), after.split(b"\n")
        assert len(before) == len(now)
        changed = {at for at, (one, other) in enumerate(zip(before, now, strict=True), 1) if one != other}
        assert changed <= lines
        found = find_places(after, "a.yaml")
        assert point(after, found[index], wanted) == ()
        said = found[index].reference
        assert said is not None
        assert said.name == wanted.name
        assert tag == said.tag or digest == str(said.digest)
        assert len(list(yaml.compose_all(after.decode("utf-8-sig")))) == len(
            list(yaml.compose_all(data.decode("utf-8-sig")))
        )


@given(manifests())
def test_a_registry_that_moves_and_comes_back_leaves_no_trace(data: bytes) -> None:
    for old in ("ghcr.io", "10.0.0.5:5000", "ghcr.io/acme"):
        there = rewrite({"a.yaml": data}, Move(old, "moved.example:5000"))
        for file in there.files:
            (back,) = rewrite({"a.yaml": file.after}, Move("moved.example:5000", old)).files
            assert back.after == data
