"""Registries that move: every mention in values, and no other byte."""

from __future__ import annotations

import pytest

from shipway.errors import UsageError
from shipway.gitops.edits.rewrite import Move, rewrite

TEXT = """\
# 10.0.0.5:5000 in a comment é
a: 10.0.0.5:5000/x/y:1   # 10.0.0.5:5000
"10.0.0.5:5000": "oci://10.0.0.5:5000/c"
run: |
  docker pull 10.0.0.5:5000/a && note: 10.0.0.5:5000/z@sha256:0
  curl https://10.0.0.5:5000/v2/ http://x@10.0.0.5:5000/
others: [10.0.0.5:50001/q, 110.0.0.5:5000/q, 10.0.0.5/q, mirror.10.0.0.5:5000/q, q/10.0.0.5:5000/r]
image: {registry: "10.0.0.5:5000", repository: acme/api, tag: 1}
"""


def moved(text: str, move: str, path: str = "a.yaml") -> str:
    edits = rewrite({path: text.encode()}, Move.parse(move))
    return edits.files[0].after.decode() if edits.files else text


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("bom", ["", "\ufeff"], ids=["plain", "bom"])
def test_a_host_moves_wherever_a_value_names_it(newline: str, bom: str) -> None:
    text = moved(bom + TEXT.replace("\n", newline), "10.0.0.5:5000=ghcr.io/acme/")
    assert text.count(newline) == TEXT.count("\n")
    assert text.replace(newline, "\n") == bom + """\
# 10.0.0.5:5000 in a comment é
a: ghcr.io/acme/x/y:1   # 10.0.0.5:5000
"ghcr.io/acme": "oci://ghcr.io/acme/c"
run: |
  docker pull ghcr.io/acme/a && note: ghcr.io/acme/z@sha256:0
  curl https://ghcr.io/acme/v2/ http://x@10.0.0.5:5000/
others: [10.0.0.5:50001/q, 110.0.0.5:5000/q, 10.0.0.5/q, mirror.10.0.0.5:5000/q, q/10.0.0.5:5000/r]
image: {registry: "ghcr.io/acme", repository: acme/api, tag: 1}
"""  # fmt: skip


def test_a_prefix_moves_also_where_registry_and_repository_are_apart() -> None:
    text = moved(TEXT, "10.0.0.5:5000/acme=ghcr.io/org")
    assert text == TEXT.replace(
        '{registry: "10.0.0.5:5000", repository: acme/api', '{registry: "ghcr.io", repository: org/api'
    )


def test_a_prefix_ends_at_the_end_of_a_name() -> None:
    text = "a: ghcr.io/acme-old/x:1\nb: ghcr.io/acme:1\nc: ghcr.io/acme/x@sha256:1\n"
    assert (
        moved(text, "ghcr.io/acme=r.example")
        == "a: ghcr.io/acme-old/x:1\nb: r.example:1\nc: r.example/x@sha256:1\n"
    )


def test_assignments_move_and_comments_of_env_files_stay() -> None:
    text = "# 10.0.0.5:5000\nexport A='10.0.0.5:5000/x:1' # 10.0.0.5:5000\nB=10.0.0.5:5000\n"
    assert moved(text, "10.0.0.5:5000=r.example", "prod.env") == (
        "# 10.0.0.5:5000\nexport A='r.example/x:1' # 10.0.0.5:5000\nB=r.example\n"
    )


def test_templates_and_text_over_several_lines_are_left_alone_and_told() -> None:
    edits = rewrite(
        {
            "a.yaml": b"{{ if x }}\nimage: 10.0.0.5:5000/x\n{{ end }}\n",
            "b.yaml": b'a: "see\n  10.0.0.5:5000/x"\n',
        },
        Move.parse("10.0.0.5:5000=r.example"),
    )
    assert edits.files == ()
    assert [note.partition(" is left")[0] for note in edits.notes] == ["a.yaml", "b.yaml:1"]


@pytest.mark.parametrize("text", ["a", "=", "a=", "a b=c", "r.example:tag=x.y", "acme/x=y.z/x", "r.x=r.x"])
def test_what_is_no_move_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Move.parse(text)
