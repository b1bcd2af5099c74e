"""A Kubernetes cluster, and what registries present over TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shipway.gitops.kubernetes import Kind, Name, Object


class Cluster(Protocol):
    """The API of one Kubernetes cluster. Every method raises a ClusterError with its cause.

    ``name`` is what people call it: the kubeconfig context.
    """

    name: str

    async def version(self, kind: Kind) -> str | None:
        """The version of the API in which this kind is served, the preferred one; None where it is not."""

    async def get(self, name: Name) -> Object | None:
        """An object as it stands; None when there is none."""

    async def list(
        self, kind: Kind, namespace: str | None = None, *, fields: Mapping[str, str] | None = None
    ) -> Sequence[Object]:
        """The objects of a namespace, of all without one, that have these values in fields of the selectable
        ones (``metadata.name``, ``involvedObject.name`` …)."""

    async def merge_patch(self, name: Name, patch: Object) -> Object:
        """Change an object (RFC 7386), and what it then is. Conflicts are tried again, a few times."""

    def watch(self, kind: Kind, namespace: str | None = None) -> AsyncIterator[Mapping[Name, Object]]:
        """All objects as they stand now, and again after every change. What breaks on the way is taken up
        where it was, or listed anew; ClusterUnreachable when the cluster stays away."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ServedCertificate:
    """What a server presents over TLS, trusted or not. ``names`` are the DNS names and addresses that it is
    valid for, times are in UTC, ``fingerprint`` is the SHA-256 of its DER form in hex."""

    names: tuple[str, ...]
    issuer: str
    begins: datetime
    ends: datetime
    fingerprint: str


class Presented(Protocol):
    async def certificate(self, registry: str) -> ServedCertificate | None:
        """What ``registry`` (host and port) presents right now; None when nothing answers over TLS."""

    def read(self, pem: bytes) -> ServedCertificate:
        """The first certificate of a PEM file. Raises ValueError when there is none."""
