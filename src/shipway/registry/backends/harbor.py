"""Deleting through Harbor's API (v2.0): its distribution API refuses to delete tags (400 UNSUPPORTED)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from shipway.registry.backends.rest import Action, Rest
from shipway.values import Digest, Reference


class HarborDeleter:
    """Satisfies ``ports.Deleter``. Harbor takes the children of an index along."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def untag(self, reference: Reference, digest: Digest) -> None:
        """See ``ports.Deleter``."""
        path = f"{_artifact(reference, str(digest))}/tags/{reference.tag}"
        await self._delete(reference, path)

    async def remove(self, reference: Reference, tags: Sequence[str]) -> None:  # noqa: ARG002
        """See ``ports.Deleter``."""
        await self._delete(reference, _artifact(reference, str(reference.digest)))

    async def _delete(self, reference: Reference, path: str) -> None:
        url = f"{self._rest.base(reference.registry)}/api/v2.0/{path}"
        headers = await self._headers(reference)
        await self._rest.send(Action(f"delete {reference}", reference, "DELETE", url, headers))

    async def _headers(self, reference: Reference) -> Mapping[str, str]:
        credential = await self._rest.credential(reference)
        return {"Authorization": f"Basic {credential.basic}"} if credential.basic else {}


def _artifact(reference: Reference, at: str) -> str:
    """The path of an artifact; the slashes of a repository are encoded twice, as Harbor wants it."""
    project, _, name = reference.repository.partition("/")
    return f"projects/{project}/repositories/{quote(quote(name, safe=''), safe='')}/artifacts/{at}"
