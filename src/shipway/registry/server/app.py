"""The ASGI application of the embedded registry."""

from __future__ import annotations

import logging

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from shipway.errors import DiskFull, ShipwayError
from shipway.oci.files import host_error
from shipway.registry.server.accounts import Accounts, Authenticated
from shipway.registry.server.blobs import Blobs
from shipway.registry.server.listings import Listings
from shipway.registry.server.manifests import Manifests
from shipway.registry.server.pushes import Pushes
from shipway.registry.server.refusal import Refusal, response
from shipway.registry.server.store import Store

_LOG = logging.getLogger(__name__)
_READING = frozenset({"GET", "HEAD"})


def create_app(store: Store, *, accounts: Accounts | None = None, read_only: bool = False) -> Starlette:
    """The OCI distribution API over ``store``, for ``accounts`` alone where they are given.
    ``read_only`` refuses whatever would change it with 405."""
    middleware = [Middleware(Authenticated, accounts)] if accounts else []
    app = Starlette(
        routes=[
            Route("/v2/", _ping, methods=["GET"]),
            Route("/v2", _ping, methods=["GET"]),
            *Pushes(store).routes(),
            *Blobs(store).routes(),
            *Manifests(store).routes(),
            *Listings(store).routes(),
        ],
        middleware=[*middleware, Middleware(_ReadOnly)] if read_only else middleware,
        exception_handlers=dict.fromkeys(_ANSWERED, _answer),
    )
    app.router.redirect_slashes = False
    return app


async def _ping(request: Request) -> Response:  # noqa: ARG001
    # Docker tells a registry of version 2 by this header
    headers = {"Docker-Distribution-Api-Version": "registry/2.0"}
    return Response(b"{}", headers=headers, media_type="application/json")


class _ReadOnly:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _READING:
            refusal = Refusal(405, "UNSUPPORTED", "this registry is read-only")
            await response(refusal)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


async def _answer(request: Request, error: Exception) -> Response:
    return response(_refusal(error, f"{request.method} {request.url.path}"))


def _refusal(error: Exception, asked: str) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, HTTPException):
        code = "UNSUPPORTED" if error.status_code == 405 else "NAME_UNKNOWN"
        return Refusal(error.status_code, code, f"{asked} is not in the API", headers=error.headers)
    if isinstance(error, ClientDisconnect):
        return Refusal(400, "SIZE_INVALID", "the connection was lost before the end of the request")
    if isinstance(error, OSError):
        error = host_error(error, f"serve {asked}")
    if isinstance(error, ShipwayError):
        _LOG.error("%s (%s)", error, error.cause)
        full = isinstance(error, DiskFull)
        status, code = (507, "INSUFFICIENT_STORAGE") if full else (500, "UNKNOWN")
        return Refusal(status, code, error.message, detail={"cause": error.cause, "help": error.help})
    _LOG.error("%s failed", asked, exc_info=error)
    return Refusal(500, "UNKNOWN", "the registry failed; its log says why")


# Exception alone would not do: Starlette raises again what only that handler answers
_ANSWERED = (Refusal, HTTPException, ClientDisconnect, OSError, ShipwayError, Exception)
