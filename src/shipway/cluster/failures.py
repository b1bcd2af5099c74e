"""From what a cluster answers, or does not, to an error with cause and remedy."""

from __future__ import annotations

import errno
import json
import socket
import ssl
from contextlib import suppress

import aiohttp

from shipway.cluster.access import Access
from shipway.errors import (
    ClusterConflict,
    ClusterDenied,
    ClusterError,
    ClusterNotFound,
    ClusterUnauthorized,
    ClusterUnreachable,
    beneath,
)
from shipway.gitops.kubernetes import text


def refused(doing: str, access: Access, status: int, body: bytes) -> ClusterError:
    """The error for an HTTP status. ``doing`` completes "cannot …"."""
    said = _message(body)
    message = f"cannot {doing}: {access.name} answers {status}" + (f": {said}" if said else "")
    if status == 401:
        return ClusterUnauthorized(
            message,
            cause="the credentials of this context are missing, wrong or expired",
            help=f"log in again; what is used: kubectl config view --minify --context {access.name}",
            status=status,
        )
    if status == 403:
        return ClusterDenied(
            message,
            cause="the cluster knows this user, and no role allows this",
            help=f"kubectl auth can-i --list --context {access.name} shows what is allowed",
            status=status,
        )
    if status == 404:
        return ClusterNotFound(
            message,
            cause="the object, or its kind, is not in this cluster",
            help=_contexts(access),
            status=status,
        )
    if status == 409:
        return ClusterConflict(message, cause="others keep changing it", help="try again", status=status)
    if status in (502, 503, 504):
        return ClusterUnreachable(
            message, cause="the API server, or a proxy before it, is overloaded or starting", status=status
        )
    return ClusterError(message, cause="the API server did not take the request", status=status)


def unreachable(doing: str, access: Access, error: BaseException) -> ClusterUnreachable:
    """The error for a connection that failed."""
    cause, help = _cause(access, error)
    return ClusterUnreachable(f"cannot {doing}: no connection to {access.server}", cause=cause, help=help)


def _cause(access: Access, error: BaseException) -> tuple[str, str]:
    # aiohttp's errors inherit from those of ssl, without their fields
    links = [link for link in beneath(error) if not isinstance(link, aiohttp.ClientError)]
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        return "the proxy on the way refuses", f"see proxy-url in {access.origin}, and HTTPS_PROXY"
    for link in links:
        if isinstance(link, ssl.SSLCertVerificationError):
            return (
                f"the certificate of the server is not accepted: {link.verify_message}",
                f"see certificate-authority-data and tls-server-name of {access.name} in {access.origin}",
            )
    if any(isinstance(link, ssl.SSLError) for link in links):
        return "the TLS handshake failed", "does the server want a client certificate, or speak plain HTTP?"
    if any(isinstance(link, socket.gaierror) for link in links):
        return "the host name is unknown here", f"is this the right network? {_contexts(access)}"
    if any(getattr(link, "errno", None) == errno.ECONNREFUSED for link in links):
        return "nothing listens there", f"is the cluster running? {_contexts(access)}"
    if isinstance(error, TimeoutError):
        return "no answer in time: a firewall, a VPN that is down, or an overloaded server", _contexts(access)
    return "the connection was lost", _contexts(access)


def _contexts(access: Access) -> str:
    return f"the context is {access.name} of {access.origin}; kubectl config get-contexts lists others"


def _message(body: bytes) -> str:
    """The message of a ``Status``, or the start of whatever else came."""
    with suppress(ValueError, RecursionError):
        return " ".join(text(json.loads(body), "message").split())[:500]
    return " ".join(body.decode(errors="replace").split())[:200]
