"""The fake API server: discovery, CRUD, merge patch, status, watch; and whatever goes wrong, on demand."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import unquote

import yaml
from aiohttp import web

from shipway.testing.kubernetes.certificates import Authority, server_context
from shipway.testing.kubernetes.store import KINDS, Change, Refused, Served, Store, selector

_T = TypeVar("_T")
_TOKEN = "test-token"  # noqa: S105 - known to tests alone
_BOOKMARK_SECONDS = 1.0
_CUT, _TORN, _EXPIRE = "cut", "torn", "expire"


@dataclass
class _Fault:
    """An answer instead of the right one, ``times`` times."""

    method: str
    plural: str
    refused: Refused
    times: int

    def fits(self, method: str, plural: str) -> bool:
        return self.times > 0 and self.method in ("", method) and self.plural in ("", plural)


@dataclass(frozen=True, slots=True)
class _Path:
    served: Served
    version: str
    namespace: str | None
    name: str | None
    is_status: bool


class FakeCluster:
    """A Kubernetes API server on loopback, in a thread of its own, within ``with``.

    ``kinds`` is what it serves. It takes the token ``token`` and client certificates of its own authority,
    401 for everybody else; ``kubeconfig`` writes a file that lets in. ``requests`` are the lines of all
    requests so far. It behaves on demand as clusters do on bad days: ``refuse``, ``disconnect``, ``tear``,
    ``compact``, ``stop``. Nothing runs in it: no controller, no scheduler, no garbage collection.
    """

    token = _TOKEN

    def __init__(self, kinds: Sequence[Served] = KINDS) -> None:
        self.authority = Authority()
        self.requests: list[str] = []
        self.url = ""
        self._kinds = kinds
        self._store = Store()
        self._faults: list[_Fault] = []
        self._port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._runner: web.AppRunner | None = None
        self._context = server_context(self.authority.issue("kubernetes", ["127.0.0.1"]), self.authority.pem)

    def __enter__(self) -> Self:
        self._thread.start()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # --- what tests do to it --------------------------------------------------------------------

    def start(self) -> None:
        """Listen (again, at the same address)."""
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()

    def stop(self) -> None:
        """Close every connection and listen no more; objects stay."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()

    def refuse(self, status: int, *, times: int = 1, method: str = "", plural: str = "") -> None:
        """Answer the next requests that fit with a status, ``times`` of them."""
        words = {
            401: "Unauthorized",
            403: "Forbidden",
            409: "Conflict",
            410: "Expired",
            429: "TooManyRequests",
        }
        fault = _Fault(method, plural, Refused(status, words.get(status, "InternalError"), "refused"), times)
        self._call(lambda: self._faults.append(fault))

    def disconnect(self) -> None:
        """Break every watch."""
        self._push(_CUT)

    def tear(self) -> None:
        """Break every watch in the middle of an event."""
        self._push(_TORN)

    def compact(self, *, expire: bool = False) -> None:
        """Forget the history: whoever comes back with an older version gets 410 Gone; with ``expire`` those
        that watch now get it too, as an event."""
        self._call(self._store.compact)
        if expire:
            self._push(_EXPIRE)

    @property
    def watches(self) -> int:
        """How many watches are open."""
        return len(self._store.watchers)

    def kubeconfig(self, path: Path, context: str = "test", **user: Any) -> Path:
        """Write a kubeconfig for it; ``user`` replaces the token, ``{}`` keeps it."""
        encoded = base64.b64encode(self.authority.pem).decode()
        cluster = {"server": self.url, "certificate-authority-data": encoded}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
            "clusters": [{"name": context, "cluster": cluster}],
            "users": [{"name": context, "user": user or {"token": self.token}}],
        }
        path.write_text(yaml.safe_dump(document))
        return path

    def _push(self, what: str) -> None:
        def push() -> None:
            for watcher in self._store.watchers:
                watcher.put_nowait(what)

        self._call(push)

    def _call(self, work: Callable[[], _T]) -> _T:
        done: Future[_T] = Future()
        self._loop.call_soon_threadsafe(lambda: done.set_result(work()))
        return done.result()

    # --- serving --------------------------------------------------------------------------------

    async def _start(self) -> None:
        app = web.Application(client_max_size=16 << 20)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(
            self._runner, "127.0.0.1", self._port, ssl_context=self._context, reuse_address=True
        )
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"https://127.0.0.1:{self._port}"

    async def _stop(self) -> None:
        for watcher in self._store.watchers:
            watcher.put_nowait(_CUT)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.raw_path}")
        try:
            self._authenticate(request)
            return await self._route(request)
        except Refused as refused:
            return web.json_response(refused.body, status=refused.status)

    def _authenticate(self, request: web.Request) -> None:
        transport = request.transport
        certificate = transport.get_extra_info("peercert") if transport else None
        if request.headers.get("Authorization") != f"Bearer {self.token}" and not certificate:
            raise Refused(401, "Unauthorized", "Unauthorized")

    async def _route(self, request: web.Request) -> web.StreamResponse:
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        found = self._discovery(parts)
        if found is not None:
            return web.json_response(found)
        path = self._path(parts)
        for fault in self._faults:
            if fault.fits(request.method, path.served.plural):
                fault.times -= 1
                raise fault.refused
        if request.method == "GET" and request.query.get("watch") in ("1", "true"):
            return await self._watch(request, path)
        body = await request.json() if request.can_read_body else {}
        answered = self._object(request, path, body)
        return web.json_response(self._shown(path, answered), status=201 if request.method == "POST" else 200)

    def _object(self, request: web.Request, path: _Path, body: dict[str, Any]) -> dict[str, Any]:
        store, served, namespace = self._store, path.served, path.namespace or ""
        if path.name is None:
            if request.method == "POST":
                space = namespace if served.is_namespaced else ""
                return store.create(served, space, body)
            return self._list(request, path)
        match request.method:
            case "GET":
                return store.get(served, namespace, path.name)
            case "PATCH":
                if request.content_type != "application/merge-patch+json":
                    raise Refused(415, "UnsupportedMediaType", f"cannot take {request.content_type}")
                return store.patch(served, (namespace, path.name), body, is_status=path.is_status)
            case "PUT":
                return store.replace(served, (namespace, path.name), body, is_status=path.is_status)
            case "DELETE":
                return store.delete(served, namespace, path.name)
        raise Refused(405, "MethodNotAllowed", f"{request.method} is not supported here")

    # --- paths and kinds ------------------------------------------------------------------------

    def _discovery(self, parts: list[str]) -> dict[str, Any] | None:
        match parts:
            case ["version"]:
                return {"major": "1", "minor": "34", "gitVersion": "v1.34.0", "platform": "linux/amd64"}
            case ["healthz" | "readyz" | "livez"]:
                return {"status": "ok"}
            case ["api"]:
                return {"kind": "APIVersions", "versions": ["v1"]}
            case ["apis"]:
                groups = dict.fromkeys(each.kind.group for each in self._kinds if each.kind.group)
                return {"kind": "APIGroupList", "apiVersion": "v1", "groups": list(map(self._group, groups))}
            case ["api", version]:
                return self._resources("", version)
            case ["apis", group]:
                return self._group(group)
            case ["apis", group, version]:
                return self._resources(group, version)
        return None

    def _group(self, group: str) -> dict[str, Any]:
        of_all = (version for each in self._kinds if each.kind.group == group for version in each.versions)
        versions = [{"groupVersion": f"{group}/{each}", "version": each} for each in dict.fromkeys(of_all)]
        if not versions:
            raise Refused(404, "NotFound", "the server could not find the requested resource")
        return {
            "kind": "APIGroup",
            "apiVersion": "v1",
            "name": group,
            "versions": versions,
            "preferredVersion": versions[0],
        }

    def _resources(self, group: str, version: str) -> dict[str, Any]:
        resources: list[dict[str, Any]] = []
        verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
        for each in self._kinds:
            if each.kind.group != group or version not in each.versions:
                continue
            entry = {
                "name": each.plural,
                "singularName": each.kind.name.lower(),
                "namespaced": each.is_namespaced,
                "kind": each.kind.name,
                "verbs": verbs,
            }
            status = {**entry, "name": f"{each.plural}/status", "verbs": ["get", "patch", "update"]}
            resources += [entry, status] if each.has_status else [entry]
        if not resources:
            raise Refused(404, "NotFound", "the server could not find the requested resource")
        name = f"{group}/{version}" if group else version
        return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": resources}

    def _path(self, parts: list[str]) -> _Path:
        group, version, rest = (
            ("", parts[1], parts[2:]) if parts[0] == "api" and len(parts) > 2 else ("", "", [])
        )
        if parts[0] == "apis" and len(parts) > 3:
            group, version, rest = parts[1], parts[2], parts[3:]
        namespace = None
        if len(rest) > 2 and rest[0] == "namespaces" and rest[2] != "status":
            namespace, rest = rest[1], rest[2:]
        if rest:
            for each in self._kinds:
                if each.kind.group == group and each.plural == rest[0] and version in each.versions:
                    name = rest[1] if len(rest) > 1 else None
                    return _Path(each, version, namespace, name, rest[2:] == ["status"])
        raise Refused(404, "NotFound", "the server could not find the requested resource")

    def _shown(self, path: _Path, answered: dict[str, Any]) -> dict[str, Any]:
        """An object under the version that was asked for."""
        if answered.get("kind", "").endswith("List"):
            return answered
        return _titled(answered, path.served, path.version)

    # --- lists and watches ----------------------------------------------------------------------

    def _list(self, request: web.Request, path: _Path) -> dict[str, Any]:
        query, served = request.query, path.served
        chosen = selector(served, query.get("fieldSelector", ""), query.get("labelSelector", ""))
        everything = self._store.all(served, path.namespace, chosen)
        version, start = self._store.version, 0
        if "continue" in query:
            version, start = map(int, query["continue"].split(":"))
            if version < self._store.floor:
                raise Refused(410, "Expired", "the provided continue parameter is too old")
        limit = int(query.get("limit", "0")) or len(everything)
        meta: dict[str, Any] = {"resourceVersion": str(version)}
        if start + limit < len(everything):
            meta["continue"] = f"{version}:{start + limit}"
        return {
            "kind": f"{served.kind.name}List",
            "apiVersion": f"{served.kind.group}/{path.version}".lstrip("/"),
            "metadata": meta,
            "items": [_titled(each, served, path.version) for each in everything[start : start + limit]],
        }

    async def _watch(self, request: web.Request, path: _Path) -> web.StreamResponse:
        query, store = request.query, self._store
        chosen = selector(path.served, query.get("fieldSelector", ""), query.get("labelSelector", ""))
        past = list(store.since(int(query.get("resourceVersion") or "0")))
        queue: asyncio.Queue[Change | str] = asyncio.Queue()
        for change in past:
            queue.put_nowait(change)
        store.watchers.append(queue)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        try:
            # whoever watched may be gone already
            with suppress(TimeoutError, ConnectionError):
                await response.prepare(request)
                async with asyncio.timeout(float(query.get("timeoutSeconds", "300"))):
                    while await self._step(request, response, queue, path, chosen):
                        pass
        finally:
            store.watchers.remove(queue)
        return response

    async def _step(
        self,
        request: web.Request,
        response: web.StreamResponse,
        queue: asyncio.Queue[Change | str],
        path: _Path,
        chosen: Callable[[Any], bool],
    ) -> bool:
        """Send what comes next; whether the watch goes on."""
        try:
            async with asyncio.timeout(_BOOKMARK_SECONDS):
                change = await queue.get()
        except TimeoutError:
            if request.query.get("allowWatchBookmarks") == "true":
                await response.write(_line("BOOKMARK", self._bookmark(path)))
            return True
        if isinstance(change, str):
            if change == _EXPIRE:
                await response.write(_line("ERROR", Refused(410, "Expired", "too old resource version").body))
                return False
            if change == _TORN:
                await response.write(_line("BOOKMARK", self._bookmark(path))[:-20])
            if request.transport is not None:
                request.transport.abort()
            return False
        space = change.thing["metadata"].get("namespace")
        if change.served == path.served and path.namespace in (None, space) and chosen(change.thing):
            await response.write(_line(change.type, _titled(change.thing, path.served, path.version)))
        return True

    def _bookmark(self, path: _Path) -> dict[str, Any]:
        return _titled({"metadata": {"resourceVersion": str(self._store.version)}}, path.served, path.version)


def _titled(thing: Mapping[str, Any], served: Served, version: str) -> dict[str, Any]:
    return {
        **thing,
        "apiVersion": f"{served.kind.group}/{version}".lstrip("/"),
        "kind": served.kind.name,
    }


def _line(type_: str, thing: object) -> bytes:
    return json.dumps({"type": type_, "object": thing}).encode() + b"\n"
