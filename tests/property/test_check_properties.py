"""Whatever stands in the files: findings or a ShipwayError, and nothing read outside the repository."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shipway.checks.facts import Facts
from shipway.checks.fixes import mend
from shipway.checks.runner import run_checks
from shipway.errors import ShipwayError
from shipway.fleet.builds import Builds
from shipway.fleet.load import load_fleet

WORDS = [
    *(
        "a.txt",
        "dir",
        "dir/*",
        "*",
        "**",
        "../x",
        "/",
        ".",
        "link/secret",
        "up/secret",
        "[",
        "a[b",
        "$X",
        "${X:-a}",
    ),
    *(
        "${X:?m}",
        "'",
        '"a',
        "\\",
        "`",
        "--from=s",
        "--from=0",
        "--link",
        "--parents",
        "--mount=source=link",
        "#",
    ),
    *(
        "scratch",
        "s",
        "AS",
        "X=1",
        "<<EOF",
        "EOF",
        "http://h.test/x",
        "!",
        "!/",
        "dir/",
        "é",
        "\udcff",
        "\ufeff",
        "[]",
    ),
]
KEYWORDS = [
    "FROM",
    "COPY",
    "ADD",
    "RUN",
    "ARG",
    "ENV",
    "USER",
    "WORKDIR",
    "ONBUILD",
    "HEALTHCHECK",
    "CMD",
    "copy",
    "",
]
word = st.sampled_from(WORDS) | st.text(max_size=6)
line = st.builds(
    lambda k, w, end: f"{k} {' '.join(w)}{end}",
    st.sampled_from(KEYWORDS),
    st.lists(word, max_size=4),
    st.sampled_from(["\n", "\r\n", " \\\n", "\n\n", "\n# shipway: ignore=SW1,SW301 x\n"]),
)
dockerfile = st.lists(line, max_size=8).map(lambda lines: "FROM scratch AS s\n" + "".join(lines)) | st.text(
    max_size=60
)
ignore = st.lists(st.sampled_from(WORDS) | st.text(max_size=8), max_size=5).map("\n".join)
scalar = st.sampled_from(
    [".", "..", "dir", "link", "up", "/etc", "-", "https://h.test/x.git", "$X", "{}", "[1]", "!x y"]
)
compose = st.builds(
    lambda context, file, target, extra: (
        f"services:\n  api:\n    image: acme.test/api:1\n    build:\n      context: {context}\n"
        f"      dockerfile: {file}\n      target: {target}\n      additional_contexts: {{c: {extra}}}\n"
    ),
    scalar,
    scalar | st.just("Dockerfile"),
    scalar | st.just("s"),
    scalar,
) | st.text(max_size=60)


class Watch:
    """Notes what is opened or listed outside of a directory, but inside of the one that holds it."""

    def __init__(self) -> None:
        self.root: Path | None = None
        self.outside: list[str] = []

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.root is None or event not in ("open", "os.scandir", "os.listdir"):
            return
        root, self.root = self.root, None
        path = Path(os.fsdecode(arguments[0])).resolve() if isinstance(arguments[0], str | bytes) else root
        if path.is_relative_to(root.parent) and not path.is_relative_to(root):
            self.outside.append(f"{event} {path}")
        self.root = root


WATCH = Watch()
sys.addaudithook(WATCH)


def lay(root: Path, texts: dict[str, str]) -> None:
    (root / "dir").mkdir(parents=True)
    (root / "dir" / "b.txt").write_text("b")
    (root / "a.txt").write_text("a")
    (root / "link").symlink_to(root.parent / "outside")
    (root / "up").symlink_to("../outside")
    for name, text in texts.items():
        (root / name).write_bytes(text.encode("utf-8", errors="surrogateescape"))


def clean(text: str) -> str:
    """``text`` as bytes can hold it: surrogates other than escaped bytes go."""
    return "".join(
        each for each in text if not "\ud800" <= each <= "\udc7f" and not "\udd00" <= each <= "\udfff"
    )


def check(root: Path) -> None:
    builds = Builds()
    facts = Facts(load_fleet(root, builds=builds), builds, str(root), frozenset({"a.txt"}))
    result = run_checks(facts)
    mend(result.findings, unsafe=True, read=facts.data, dockerfiles=facts.dockerfiles)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(dockerfile, ignore, compose)
def test_no_file_breaks_a_check_or_leads_it_outside(dockerfile: str, ignore: str, compose: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        base = Path(name).resolve()
        outside = base / "outside"
        outside.mkdir()
        (outside / "secret").write_text("s")
        (outside / "Dockerfile").write_text("FROM scratch\nCOPY secret /\n")
        lay(
            base / "repo",
            {"Dockerfile": clean(dockerfile), ".dockerignore": clean(ignore), "compose.yaml": clean(compose)},
        )
        WATCH.root, WATCH.outside = base / "repo", []
        try:
            check(base / "repo")
        except ShipwayError:
            pass
        finally:
            WATCH.root = None
        assert WATCH.outside == []
