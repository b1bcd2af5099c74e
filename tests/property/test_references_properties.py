"""Image references in any text: pieces are what the bytes say, and edits touch nothing else."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from shipway.checks.finding import Edit
from shipway.checks.fixes import apply_edits
from shipway.checks.references.canon import Canon
from shipway.checks.references.dockerfile import read_dockerfile
from shipway.checks.references.documents import read_yaml
from shipway.checks.references.dotenv import read_env_file
from shipway.checks.references.finder import find_references
from shipway.checks.references.mention import Harvest, Mention
from shipway.checks.references.workflow import read_workflow
from shipway.dockerfile.parser import parse
from shipway.errors import ShipwayError

OLD, NEW = "old.example:5000/shop", "ghcr.io/acme/shop"
CANON = Canon(NEW, "policies", {name: f"{NEW}/{name}" for name in ("api", "base")}, frozenset(), (OLD,))

Read = Callable[[bytes, str], Harvest]
READERS: dict[str, Read] = {
    "Dockerfile": lambda data, path: read_dockerfile(parse(data, path)),
    "k8s/a.yaml": read_yaml,
    "compose.yaml": read_yaml,
    ".github/workflows/a.yml": read_workflow,
    ".env": read_env_file,
}

WORDS = st.sampled_from(
    [
        *(f"{OLD}/{name}{version}" for name in ("api", "base") for version in ("", ":1", "@sha256:aa")),
        *("FROM ", "COPY --from=", "RUN --mount=from=", "ARG R=", "${R}/api", "${R:-" + OLD + "}/api", "$R"),
        *("image: ", "- ", "repository: ", "registry: ", "tag: 1", "env:", "run: |", "with:", "tags: >-"),
        *(
            "build: {args: {R: ",
            "}}",
            "docker push ",
            "\n",
            "\r\n",
            "\n  ",
            "\n    ",
            "---\n",
            "# ",
            " ",
            '"',
            "'",
        ),
        *(
            "é",
            "\ufeff",
            "\u2028",
            "\udcff",
            "\x85",
            "&a ",
            "*a",
            "!x ",
            "\\",
            "{{ .x }}",
            "<<EOF",
            "EOF",
            "AS x",
        ),
        *("name: ", "newName: ", "images:", "R=", "export ", "\t", "[", "]", ": ", ",", "$", "{", "=", "|"),
    ]
)
TEMPLATES = [
    *("FROM {}", "COPY --from={} /a /b", "RUN --mount=type=bind,from={},target=/m x", "ARG R={}\nFROM $R"),
    *(
        "image: {}",
        "- image: '{}' # é",
        'a: {{image: "{}"}}',
        "é: {{é: {{image: {}}}}}",
        "---",
        "k: |\n  image: {}",
    ),
    *("R={}", "export R='{}' # x", "R: {}", "env: {{R: {}}}", "run: |\n  # é\n  docker push {}", "# {}", ""),
    *("build: {{args: {{R: {}}}, tags: [{}]}}", "with:\n  tags: |\n    é\n    {}", "repository: {}\ntag: 1"),
]
REFERENCES = st.sampled_from([f"{OLD}/api:1", f"{OLD}/base", f"{NEW}/api", "redis:7", OLD, "${R}/api", "é"])
WHOLE_LINES = st.tuples(st.sampled_from(TEMPLATES), REFERENCES).map(
    lambda pair: pair[0].format(pair[1], pair[1])
)
FILES = st.tuples(
    st.sampled_from(["", "\ufeff"]), st.lists(WHOLE_LINES, max_size=8), st.sampled_from(["\n", "\r\n"])
).map(lambda parts: parts[0] + "\n".join(parts[1]).replace("\n", parts[2]))
TEXTS = FILES | st.lists(WORDS, max_size=25).map("".join) | st.text(max_size=80)


@given(st.sampled_from(sorted(READERS)), TEXTS)
def test_exact_pieces_are_what_the_bytes_say(path: str, text: str) -> None:
    data = text.encode("utf-8", errors="surrogateescape") if _encodes(text) else b""
    try:
        found = READERS[path](data, path)
    except ShipwayError:
        return
    pieces = [piece for mention in found.mentions for piece in mention.pieces]
    for piece in [*pieces, *(each.piece for each in found.definitions)]:
        if piece.exact:
            assert data[piece.start : piece.end] == piece.text.encode("utf-8", errors="surrogateescape")


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8", errors="surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


@given(st.sampled_from(sorted(READERS)), TEXTS)
def test_fixes_change_prefixes_alone_and_settle(path: str, text: str) -> None:
    data = text.encode("utf-8", errors="surrogateescape") if _encodes(text) else b""
    edits = _edits(path, data)
    assert all(data[edit.start : edit.end] == b"old.example:5000" for edit in edits)
    assert all(edit.text == "ghcr.io/acme" for edit in edits)
    assert _edits(path, apply_edits(data, edits)) == []


LINES = st.lists(
    st.sampled_from(
        [
            f"FROM {OLD}/base:1",
            f'FROM "{OLD}/api" AS b',
            f"COPY --from={OLD}/api:2 /a /b",
            f"RUN --mount=type=bind,from={OLD}/base,target=/m true",
            f"RUN docker pull {OLD}/api",
            f"# FROM {OLD}/api  é",
            "LABEL a=é \\\n  b=c",
            "",
        ]
    ),
    min_size=1,
    max_size=12,
)


@given(LINES, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_line_ends_bom_and_comments_stay(lines: list[str], end: str, bom: bool, final: bool) -> None:
    before = end.join(["FROM scratch", *lines]) + (end if final else "")
    data = (("\ufeff" if bom else "") + before).encode()
    after = apply_edits(data, _edits("Dockerfile", data))
    kept = ("#", "RUN docker")
    wanted = [line if line.startswith(kept) else line.replace(OLD, NEW) for line in lines]
    expected = end.join(["FROM scratch", *wanted]) + (end if final else "")
    assert after == (("\ufeff" if bom else "") + expected).encode()


def _edits(path: str, data: bytes) -> list[Edit]:
    """The edits of everything in one file that has drifted; those of overlapping pieces once."""
    dockerfiles = {path: parse(data, path)} if path == "Dockerfile" else {}
    found = find_references([path], lambda _: data, dockerfiles, ("api", "base"), (OLD,))
    edits = [edit for mention in found.mentions for edit in _moved(mention)]
    return sorted(set(edits))


def _moved(mention: Mention) -> tuple[Edit, ...]:
    drifts = [CANON.drift(name) for name in mention.names]
    if not all(drifts):
        return ()
    return mention.renamed(tuple(drift.target for drift in drifts if drift is not None)) or ()
