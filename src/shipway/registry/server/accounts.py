"""User accounts of the embedded registry: a password file with bcrypt hashes, and Basic authentication.

All or nothing: who is in the file may push and pull, everybody else may do neither.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import re
import secrets
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from shipway.errors import ConfigError
from shipway.oci.files import reported
from shipway.place import Place
from shipway.registry.server.refusal import Refusal, response

_BCRYPT = re.compile(r"\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}\Z")
# bcrypt reads no further, and htpasswd cuts there too
_MAX_PASSWORD_BYTES = 72
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="shipway", charset="UTF-8"'}


class Accounts:
    """The accounts of a password file, as ``htpasswd -B`` writes it."""

    def __init__(self, hashes: dict[str, bytes]) -> None:
        self._hashes = hashes
        # bcrypt is slow on purpose, and a push is a hundred requests: what was right once is known by a
        # keyed hash, never by the password itself
        self._key = secrets.token_bytes(32)
        self._known: set[bytes] = set()
        self._nobody = next(iter(hashes.values()))

    @classmethod
    def read(cls, path: Path) -> Accounts:
        """Raises ConfigError for a line that is no account with a bcrypt hash, and for a file without any."""
        with reported(f"read {path}"):
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
        hashes = {}
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip() or line.startswith("#"):
                continue
            user, colon, hashed = line.strip().partition(":")
            if not colon or not user or not _BCRYPT.match(hashed):
                raise _bad(path, number)
            hashes[user] = hashed.encode()
        if not hashes:
            raise _bad(path, 1)
        return cls(hashes)

    def knows(self, authorization: str) -> bool:
        """Whether an ``Authorization`` header is that of an account that proved its password before."""
        return self._keyed(authorization) in self._known

    def check(self, authorization: str) -> bool:
        """Whether the header is ``Basic`` with the password of an account. Takes as long as bcrypt does,
        for names that are no account too."""
        import bcrypt

        user, password = _parse(authorization)
        hashed = self._hashes.get(user)
        right = bcrypt.checkpw(password[:_MAX_PASSWORD_BYTES], hashed or self._nobody)
        if hashed is None or not right:
            return False
        self._known.add(self._keyed(authorization))
        return True

    def _keyed(self, authorization: str) -> bytes:
        return hashlib.blake2b(authorization.encode("latin-1", "replace"), key=self._key).digest()


class Authenticated:
    """Lets requests through that come with an account, and asks all others for one."""

    def __init__(self, app: ASGIApp, accounts: Accounts) -> None:
        self._app = app
        self._accounts = accounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or await self._is_welcome(Headers(scope=scope).get("authorization")):
            await self._app(scope, receive, send)
            return
        refusal = Refusal(401, "UNAUTHORIZED", "a user name and password are required", headers=_CHALLENGE)
        await response(refusal)(scope, receive, send)

    async def _is_welcome(self, authorization: str | None) -> bool:
        if authorization is None:
            return False
        if self._accounts.knows(authorization):
            return True
        return await asyncio.to_thread(self._accounts.check, authorization)


def _parse(authorization: str) -> tuple[str, bytes]:
    """User and password of a Basic header; two that fit no account where it is none."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return "", b""
    user, _, password = decoded.partition(b":")
    if scheme.lower() != "basic":
        return "", b""
    return user.decode("utf-8", errors="surrogateescape"), password


def _bad(path: Path, line: int) -> ConfigError:
    return ConfigError(
        f"{path} has no account with a bcrypt hash in line {line}",
        place=Place(str(path), line),
        cause="the hashes of other methods are quickly guessed, so they are not accepted",
        help=f"write the account anew: htpasswd -B {path} NAME",
    )
