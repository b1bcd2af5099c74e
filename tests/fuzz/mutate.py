"""Structured mutation: what comes out is close enough to valid input to get deep into the readers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeAlias

Mutation: TypeAlias = Callable[[Random, bytes, Sequence[bytes]], bytes]

# Ways out of the repository, and what stands in the tree of ``trees.py`` and leads there.
PATHS = (
    b"..",
    b"../outside",
    b"../outside/Dockerfile",
    b"../../../../../../etc/hostname",
    b"/etc/hostname",
    b"/",
    b"out",
    b"out/Dockerfile",
    b"out/secret",
    b"deep/up",
    b"secret",
    b"loop",
    b"loop/x",
    b"src/../../outside",
    b"file:///etc/hostname",
    b"~/x",
    b".",
    b"./",
    b"a" * 300,
    b"a/" * 3000,
    b"c:\\x",
    b"x\x00y",
)
WORDS = (
    *(b"$", b"${", b"}", b"${A:-", b"${A:?x}", b"${A/b/c}", b"${A##*", b"$$", b"$A", b"${A:+${B:-${C}}}"),
    *(
        b"${{",
        b"}}",
        b"${{ matrix.x }}",
        b"%{ if x }",
        b"%{ endfor }",
        b"<<EOF",
        b"<<-'E'",
        b"EOF",
        b"<<: *a",
    ),
    *(b"*", b"**", b"?", b"[", b"[]", b"[^]", b"[a-", b"[z-a]", b"\\", b"`", b"!", b"#", b"'", b'"', b"''"),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b"(",
        b")",
        b",",
        b":",
        b"|",
        b">",
        b"&a",
        b"*a",
        b"!reset",
        b"!!binary",
        b"---",
    ),
    *(b"null", b"true", b"~", b"0", b"-1", b"1e999", b"9" * 5000, b"0x" + b"f" * 400, b".nan", b"[]", b"{}"),
    *(b"scratch", b"FROM", b"from x AS y", b"--from=", b"--from=0", b"--mount=from=x,source=", b"ONBUILD"),
    *(b"registry.test/shop/base:1", b"a@sha256:" + b"0" * 64, b"linux/arm64", b"target:api", b"service:api"),
    *(b"docker-image://", b"oci-layout://out", b"git@x.test:a/b.git", b"https://x.test/a.git#b", b"-"),
)
CHARACTERS = (
    *(
        b"\x00",
        b"\x07",
        b"\x1b[31m",
        b"\x1c",
        b"\x7f",
        b"\xc2\x80",
        b"\xc2\x85",
        b"\xc2\xa0",
        b"\xe2\x80\xa8",
    ),
    *(
        b"\xef\xbb\xbf",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xf0\x9f\x98\x80",
        b"\\ud83d\\ude00",
        b"\\ud83d",
        b"\\u0000",
    ),
    *(b"\r", b"\r\n", b"\n", b"\t", b" ", b"\x0b", b"\x0c", b"\\\n", b"`\n", b" \\\r\n", b"\xef\xbf\xbe"),
)
BRACKETS = ((b"[", b"]"), (b"{a: ", b"}"), (b"(", b")"), (b"${A:-", b"}"), (b"-", b""), (b"!", b""))
_TOKEN = re.compile(rb"[A-Za-z0-9_./@-]+|\s+|.", re.DOTALL)
_VALUE = re.compile(rb"(?<=[ =:\"'\[])[A-Za-z0-9_./-]+")


def mutate(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """``data`` after a few mutations; ``others`` lend lines."""
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 5, 9))):
        data = random.choice(MUTATIONS)(random, data, others)
    return data[:200_000]


def _path(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """A value becomes a way out of the repository."""
    return _replaced(random, data, _VALUE, random.choice(PATHS))


def _word(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    return _replaced(random, data, _TOKEN, random.choice(WORDS))


def _insert(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + random.choice((*WORDS, *CHARACTERS, *CHARACTERS)) + data[at:]


def _insert_often(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Depth and length: one piece many times over."""
    at = random.randint(0, len(data))
    return data[:at] + random.choice((*WORDS, *CHARACTERS)) * random.choice((10, 120, 3000)) + data[at:]


def _drop(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    return _replaced(random, data, _TOKEN, b"")


def _twice(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    found = _some(random, data, _TOKEN)
    return data[: found[1]] + data[found[0] : found[1]] * random.choice((1, 1, 40)) + data[found[1] :]


def _lines(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Lines go, come again, change places, or come from another file."""
    lines = data.split(b"\n")
    at, to = random.randrange(len(lines)), random.randrange(len(lines))
    choice = random.randrange(5)
    if choice == 0:
        del lines[at]
    elif choice == 1:
        lines.insert(to, lines[at])
    elif choice == 2:
        lines[at], lines[to] = lines[to], lines[at]
    elif choice == 3:
        lines.insert(to, random.choice(random.choice(others).split(b"\n")))
    else:
        lines[at] = random.choice((b"  ", b"\t", b"")) + lines[at].lstrip()
    return b"\n".join(lines)


def _cut(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] if random.random() < 0.5 else data[at:]


def _flip(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    if not data:
        return b"\xff"
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :]


def _line_ends(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    return data.replace(b"\n", random.choice((b"\r\n", b"\r", b"\n\n", b" \\\n", b"\xe2\x80\xa8")))


def _deep(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """A value inside of many brackets, or the whole file below many keys."""
    opening, closing = random.choice(
        ((b"[", b"]"), (b"{a: ", b"}"), (b"(", b")"), (b"${A:-", b"}"), (b"-", b""))
    )
    depth = random.choice((5, 60, 99, 101, 1000, 4000))
    start, end = _some(random, data, _VALUE)
    return data[:start] + opening * depth + data[start:end] + closing * depth + data[end:]


def _replaced(random: Random, data: bytes, pattern: re.Pattern[bytes], text: bytes) -> bytes:
    start, end = _some(random, data, pattern)
    return data[:start] + text + data[end:]


def _some(random: Random, data: bytes, pattern: re.Pattern[bytes]) -> tuple[int, int]:
    """Where the pattern matches, near a place chosen at random; an empty stretch where it does not."""
    at = random.randint(0, len(data))
    found = pattern.search(data, at) or pattern.search(data)
    return found.span() if found else (at, at)


MUTATIONS: tuple[Mutation, ...] = (
    *(_path, _path, _word, _word, _word, _insert, _insert, _insert_often, _drop, _twice),
    *(_lines, _lines, _lines, _cut, _flip, _line_ends, _deep),
)
