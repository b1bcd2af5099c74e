"""What a pod is given to reach its own cluster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from shipway.cluster.access import Access, User

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def in_cluster(environ: Mapping[str, str], directory: Path) -> Access | None:
    """The API server as the kubelet tells of it, and the service account; None outside of a pod."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT", "443")
    token, authority = directory / "token", directory / "ca.crt"
    if not host or not token.is_file():
        return None
    return Access(
        name="in-cluster",
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        user=User(token_file=token),
        origin=str(directory),
        authority=authority.read_bytes() if authority.is_file() else None,
    )
