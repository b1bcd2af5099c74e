"""Deleting through Docker Hub's API: its registry answers 405, and there are tags to delete only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from shipway.errors import Mismatch, NotFound, Unauthorized
from shipway.ports import Clock
from shipway.registry.backends.rest import Action, Rest, read_json
from shipway.values import Digest, Reference

HUB_API = "https://hub.docker.com"
# a token lives for ten minutes
_TOKEN_SECONDS = 480.0


class HubDeleter:
    """Satisfies ``ports.Deleter``. Manifests without a tag are Docker Hub's own to collect."""

    def __init__(self, rest: Rest, clock: Clock, api: str = HUB_API) -> None:
        self._rest = rest
        self._clock = clock
        self._api = api
        self._lock = asyncio.Lock()
        self._token = ""
        self._until = 0.0

    async def untag(self, reference: Reference, digest: Digest) -> None:  # noqa: ARG002
        """See ``ports.Deleter``."""
        namespace, _, name = reference.repository.partition("/")
        url = f"{self._api}/v2/repositories/{namespace}/{name}/tags/{reference.tag}/"
        token = await self._login(reference)
        headers = {"Authorization": f"Bearer {token}"}
        await self._rest.send(Action(f"delete {reference}", reference, "DELETE", url, headers, secret=token))

    async def remove(self, reference: Reference, tags: Sequence[str]) -> None:
        """See ``ports.Deleter``: takes the tags away."""
        for tag in tags:
            with suppress(NotFound):
                await self.untag(reference.with_tag(tag), reference.digest or Digest.of(b""))

    async def _login(self, reference: Reference) -> str:
        async with self._lock:
            now = self._clock.now().timestamp()
            if now >= self._until:
                self._token = await self._fetch(reference)
                self._until = now + _TOKEN_SECONDS
            return self._token

    async def _fetch(self, reference: Reference) -> str:
        credential = await self._rest.credential(reference)
        if not credential.password:
            raise Unauthorized(
                f"no login at Docker Hub to clean {reference.name} up with",
                help="docker login with an access token that may delete",
                reason="no-credentials",
            )
        action = "log in at Docker Hub's API"
        body = {"identifier": credential.username, "secret": credential.password}
        url = f"{self._api}/v2/auth/token"
        content = read_json(
            await self._rest.send(Action(action, reference, "POST", url, {}, body=body)), action
        )
        token = content.get("access_token") if isinstance(content, Mapping) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise Mismatch(f"cannot {action}: the answer has no token")
        return token
