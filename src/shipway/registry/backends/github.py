"""Deleting through the API of GitHub Packages: ghcr.io itself deletes nothing.

One version is one digest, and deleting it takes all its tags. GitHub restores versions within 30 days.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from shipway.errors import Mismatch, NotFound, Unauthorized
from shipway.ports import Registry
from shipway.registry.backends.rest import Action, Rest, read_json
from shipway.registry.backends.untag import Untagger
from shipway.values import Digest, Reference

GITHUB_API = "https://api.github.com"
_PAGE = 100
_MAX_PAGES = 1000


class GithubDeleter:
    """Satisfies ``ports.Deleter``; ``api`` is where the API of GitHub is."""

    def __init__(self, rest: Rest, registry: Registry, api: str = GITHUB_API) -> None:
        self._rest = rest
        self._api = api
        self._packages: dict[str, str] = {}
        self._versions: dict[str, dict[str, Any]] = {}
        self._lock = asyncio.Lock()
        self._untagger = Untagger(registry, self._remove_placeholder)

    async def untag(self, reference: Reference, digest: Digest) -> None:
        """See ``ports.Deleter``; by way of a placeholder, since a version goes with all its tags."""
        await self._untagger.untag(reference, digest)

    async def remove(self, reference: Reference, tags: Sequence[str]) -> None:
        """See ``ports.Deleter``. Raises Mismatch when GitHub knows of other tags on the version."""
        version = await self._version(reference)
        others = set(_tags(version)) - set(tags)
        if others:
            raise Mismatch(f"cannot delete {reference}: it is also tagged {', '.join(sorted(others))}")
        await self._send(f"delete {reference}", reference, "DELETE", f"/versions/{version['id']}")

    async def _remove_placeholder(self, reference: Reference) -> None:
        version = await self._version(reference)
        await self._send(f"delete {reference}", reference, "DELETE", f"/versions/{version['id']}")

    async def _version(self, reference: Reference) -> Mapping[str, Any]:
        """The version with the digest of ``reference``. Raises NotFound."""
        async with self._lock:
            known = self._versions.get(reference.name, {})
            if str(reference.digest) not in known:
                known = self._versions[reference.name] = await self._list(reference)
        version = known.get(str(reference.digest))
        if version is None:
            raise NotFound(f"GitHub has no version {reference}", status=404)
        return version if isinstance(version, dict) else {}

    async def _list(self, reference: Reference) -> dict[str, Any]:
        action = f"list the versions of {reference.name}"
        found: dict[str, Any] = {}
        for number in range(1, _MAX_PAGES + 1):
            path = f"/versions?per_page={_PAGE}&page={number}"
            page = await self._send(action, reference, "GET", path)
            if not isinstance(page, list) or not all(map(_is_version, page)):
                raise Mismatch(f"cannot {action}: the answer is no list of versions")
            found.update({version["name"]: version for version in page})
            if len(page) < _PAGE:
                return found
        raise Mismatch(f"cannot {action}: it has more than {_MAX_PAGES} pages")

    async def _send(self, action: str, reference: Reference, method: str, path: str) -> object:
        headers = await self._headers(reference)
        url = f"{self._api}{await self._package(reference, headers)}{path}"
        answer = await self._rest.send(Action(action, reference, method, url, headers))
        return read_json(answer, action) if method == "GET" else None

    async def _package(self, reference: Reference, headers: Mapping[str, str]) -> str:
        """The path of the package: below its organisation, else below its user."""
        if reference.name not in self._packages:
            owner, _, name = reference.repository.partition("/")
            end = f"/{owner}/packages/container/{quote(name, safe='')}"
            action = f"look at the package of {reference.name}"
            expected = frozenset({200, 404})
            url = f"{self._api}/orgs{end}"
            answer = await self._rest.send(Action(action, reference, "GET", url, headers, expected))
            self._packages[reference.name] = f"/orgs{end}" if answer.status == 200 else f"/users{end}"
        return self._packages[reference.name]

    async def _headers(self, reference: Reference) -> Mapping[str, str]:
        credential = await self._rest.credential(reference)
        if not credential.password:
            raise Unauthorized(
                f"no token of GitHub to clean {reference.name} up with",
                cause="its API takes a classic personal access token, or the token of a workflow",
                help="docker login ghcr.io with a token that has delete:packages",
                reason="no-credentials",
            )
        return {"Authorization": f"Bearer {credential.password}", "X-GitHub-Api-Version": "2022-11-28"}


def _is_version(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("id"), int) and isinstance(entry.get("name"), str)


def _tags(version: Mapping[str, Any]) -> Sequence[str]:
    container = (version.get("metadata") or {}).get("container") or {}
    return [tag for tag in container.get("tags") or () if isinstance(tag, str)]
