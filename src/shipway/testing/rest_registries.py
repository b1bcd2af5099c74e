"""The REST interfaces of Harbor, GitHub Packages and Docker Hub as they are documented, for tests of deletes.

Handlers for ``scripted_registry.serving``; each keeps digests with their tags and lets them be taken away.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from urllib.parse import unquote

from aiohttp import web

HARBOR_AUTH = "Basic Ym90OnNlY3JldC13b3Jk"
GITHUB_AUTH = "Bearer secret-word"
HUB_TOKEN = "hub-token-of-ten-minutes"  # noqa: S105


@dataclass
class FakeHarbor:
    """Harbor 2: ``artifacts`` of one repository, by digest. Immutable tags answer 412."""

    repository: str
    artifacts: dict[str, set[str]] = field(default_factory=dict)
    immutable: set[str] = field(default_factory=set)

    async def __call__(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != HARBOR_AUTH:
            return _errors(401, "UNAUTHORIZED", "unauthorized")
        project, _, name = self.repository.partition("/")
        encoded = name.replace("/", "%252F")
        start = f"/api/v2.0/projects/{project}/repositories/{encoded}/artifacts/"
        if request.method != "DELETE" or not request.raw_path.startswith(start):
            return _errors(404, "NOT_FOUND", "path not found")
        digest, _, tag = request.raw_path.removeprefix(start).partition("/tags/")
        if digest not in self.artifacts or (tag and tag not in self.artifacts[digest]):
            return _errors(404, "NOT_FOUND", "artifact not found")
        going = {tag} if tag else self.artifacts[digest]
        if going & self.immutable:
            return _errors(412, "PRECONDITION", "the tag is configured as immutable, cannot be deleted")
        if tag:
            self.artifacts[digest].discard(tag)
        else:
            del self.artifacts[digest]
        return web.Response(status=200)


@dataclass
class FakeGithub:
    """GitHub's API: the ``versions`` of one package, newest first: id, digest, tags. ``owned_by`` is ``orgs``
    or ``users``."""

    repository: str
    versions: list[tuple[int, str, list[str]]] = field(default_factory=list)
    owned_by: str = "orgs"

    async def __call__(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != GITHUB_AUTH:
            return web.json_response({"message": "Bad credentials"}, status=401)
        owner, _, name = self.repository.partition("/")
        base = f"/{self.owned_by}/{owner}/packages/container/{name.replace('/', '%2F')}"
        path = request.raw_path.partition("?")[0]
        if path == base:
            return web.json_response({"name": name})
        if not path.startswith(f"{base}/versions"):
            return web.json_response({"message": "Package not found."}, status=404)
        if request.method == "DELETE":
            return self._delete(int(path.rpartition("/")[2]))
        size, page = int(request.query["per_page"]), int(request.query["page"])
        shown = self.versions[(page - 1) * size : page * size]
        return web.json_response([_version(*version) for version in shown])

    def _delete(self, number: int) -> web.Response:
        left = [version for version in self.versions if version[0] != number]
        if len(left) == len(self.versions):
            return web.json_response({"message": "Package not found."}, status=404)
        self.versions = left
        return web.Response(status=204)


def _version(number: int, digest: str, tags: list[str]) -> dict[str, object]:
    container = {"package_type": "container", "container": {"tags": tags}}
    return {"id": number, "name": digest, "metadata": container}


@dataclass
class FakeHub:
    """Docker Hub's API: the ``tags`` of one repository, behind a login."""

    repository: str
    tags: set[str]
    logins: int = 0

    async def __call__(self, request: web.Request) -> web.Response:
        if request.path == "/v2/auth/token":
            body = json.loads(await request.read())
            if body != {"identifier": "bot", "secret": "secret-word"}:
                return web.json_response({"detail": "Incorrect authentication credentials"}, status=401)
            self.logins += 1
            return web.json_response({"access_token": HUB_TOKEN})
        if request.headers.get("Authorization") != f"Bearer {HUB_TOKEN}":
            return web.json_response({"detail": "unauthorized"}, status=401)
        start = f"/v2/repositories/{self.repository}/tags/"
        tag = unquote(request.path.removeprefix(start)).rstrip("/")
        if request.method != "DELETE" or not request.path.startswith(start) or tag not in self.tags:
            return web.json_response({"message": "object not found"}, status=404)
        self.tags.discard(tag)
        return web.Response(status=204)


def _errors(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"errors": [{"code": code, "message": message}]}, status=status)
