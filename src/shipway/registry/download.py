"""Blobs downloaded: in pieces, checked while they are read, going on where a connection broke."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import aiohttp

from shipway.errors import Mismatch
from shipway.oci.manifest import Descriptor
from shipway.registry.session import Call, Session
from shipway.registry.transport import Answer
from shipway.values import Digest

PIECE = 1 << 20
_TRIES = 5
_PAUSE = 0.2
_CONTENT_RANGE = re.compile(r"bytes\s+(\d+)-(\d+)/(\d+|\*)\Z")
# less is hashed faster than it is handed to a thread
_INLINE_HASH = 64 << 10


class Checked:
    """Counts and hashes what passes; the hash runs in a thread beside the next read."""

    def __init__(self, digest: Digest) -> None:
        self._digest = digest
        self._hash = hashlib.new(digest.algorithm)
        self._running: asyncio.Future[None] | None = None
        self.size = 0

    async def update(self, data: bytes) -> None:
        """Take ``data`` in; returns while it is still being hashed."""
        await self._settle()
        self.size += len(data)
        if len(data) < _INLINE_HASH:
            self._hash.update(data)
        else:
            self._running = asyncio.ensure_future(asyncio.to_thread(self._hash.update, data))

    async def digest(self) -> Digest:
        """The digest of all that passed."""
        await self._settle()
        return Digest(self._digest.algorithm, self._hash.hexdigest())

    async def _settle(self) -> None:
        if self._running is not None:
            running, self._running = self._running, None
            await running


async def stream(session: Session, call: Call, descriptor: Descriptor) -> AsyncGenerator[bytes, None]:
    """The blob that ``call`` gets, in pieces of about 1 MiB.

    A lost connection is taken up again with Range where it broke, five times without progress at most.
    Raises Mismatch when size or digest differ. The last piece is held back until they are known to be
    right, so nobody ever gets the whole of a wrong blob.
    """
    checked = Checked(descriptor.parsed_digest)
    held = b""
    async with aclosing(_all(session, call, descriptor, checked)) as pieces:
        async for piece in pieces:
            if held:
                yield held
            held = piece
    found = await checked.digest()
    if found != descriptor.parsed_digest:
        raise _mismatch(call, f"its content has the digest {found}, not {descriptor.digest}")
    if held:
        yield held


async def _all(
    session: Session, call: Call, descriptor: Descriptor, checked: Checked
) -> AsyncGenerator[bytes, None]:
    """Exactly as many bytes as the descriptor says, over as many connections as it takes."""
    failures = 0
    while True:
        before = checked.size
        try:
            async with aclosing(_from(session, call, checked.size)) as pieces:
                async for piece in pieces:
                    if checked.size + len(piece) > descriptor.size:
                        raise _mismatch(call, f"it is longer than {descriptor.size} bytes")
                    await checked.update(piece)
                    yield piece
        except (aiohttp.ClientError, OSError) as error:
            reason = type(error).__name__
        else:
            reason = "the answer ended early"
        if checked.size >= descriptor.size:
            return
        failures = 1 if checked.size > before else failures + 1
        if failures >= _TRIES:
            raise _mismatch(call, f"it ends after {checked.size} of {descriptor.size} bytes")
        session.transport.emit(
            "resume", registry=call.registry, action=call.action, offset=checked.size, reason=reason
        )
        await session.transport.pause(_PAUSE * failures)


async def _from(session: Session, call: Call, offset: int) -> AsyncGenerator[bytes, None]:
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    expected = frozenset({200, 206, 416}) if offset else frozenset({200})
    answer = await session.call(replace(call, headers=headers, expected=expected, stream=True))
    try:
        skip = _start(answer, call, offset)
        async with aclosing(_pieces(answer)) as pieces:
            async for piece in pieces:
                if skip < len(piece):
                    yield piece[skip:]
                skip = max(skip - len(piece), 0)
    finally:
        answer.close()


def _start(answer: Answer, call: Call, offset: int) -> int:
    """How much of the answer is known already: all before ``offset`` where Range was ignored."""
    if answer.status == 416:
        raise _mismatch(call, f"it ends after {offset} bytes, before the size that its descriptor says")
    if answer.status != 206:
        return offset
    match = _CONTENT_RANGE.match(answer.headers.get("Content-Range", ""))
    if match is None or int(match.group(1)) != offset:
        raise _mismatch(call, "asked for the rest, the registry sends another part")
    return 0


async def _pieces(answer: Answer) -> AsyncGenerator[bytes, None]:
    """The body in pieces of about 1 MiB; what came before a lost connection is passed on first."""
    if answer.stream is None:
        return
    held: list[bytes] = []
    size = 0
    try:
        async for data in answer.stream.content.iter_any():
            held.append(data)
            size += len(data)
            if size >= PIECE:
                piece, held, size = b"".join(held), [], 0
                yield piece
    except (aiohttp.ClientError, OSError):
        if held:
            yield b"".join(held)
        raise
    if held:
        yield b"".join(held)


def _mismatch(call: Call, what: str) -> Mismatch:
    return Mismatch(
        f"cannot {call.action}: {what}",
        cause="the registry, its storage, or a proxy in between changes or cuts content",
        help="push the image again from where it was built",
    )
