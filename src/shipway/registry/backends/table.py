"""The backends, and which registry has which."""

from __future__ import annotations

from shipway.errors import UsageError
from shipway.ports import Clock, Deleter, Registry
from shipway.registry.backends.distribution import DistributionDeleter
from shipway.registry.backends.github import GithubDeleter
from shipway.registry.backends.harbor import HarborDeleter
from shipway.registry.backends.hub import HubDeleter
from shipway.registry.backends.rest import Rest
from shipway.registry.reach import reach
from shipway.registry.session import Session

BACKENDS = ("distribution", "github", "harbor", "hub")
_KNOWN = {"ghcr.io": "github", "docker.io": "hub"}
_HARBOR_SERVICE = "harbor-registry"


async def backend_of(session: Session, registry: str) -> str:
    """The backend of a registry: known by name, or Harbor by the token service that it sends clients to."""
    if registry in _KNOWN:
        return _KNOWN[registry]
    answer = await reach(session, registry)
    return "harbor" if _HARBOR_SERVICE in answer.headers.get("WWW-Authenticate", "") else "distribution"


def make(name: str, session: Session, registry: Registry, clock: Clock) -> Deleter:
    """The deleter called ``name``. Raises UsageError for an unknown one."""
    rest = Rest(session)
    if name == "distribution":
        return DistributionDeleter(registry)
    if name == "github":
        return GithubDeleter(rest, registry)
    if name == "harbor":
        return HarborDeleter(rest)
    if name == "hub":
        return HubDeleter(rest, clock)
    raise UsageError(f"there is no backend {name!r}", help=f"known are {', '.join(BACKENDS)}")
