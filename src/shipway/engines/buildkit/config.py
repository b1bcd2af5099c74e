"""How registries are reached, for a BuildKit daemon: its configuration file (docs/buildkitd.toml.md).

A daemon reads it once, at its start; ``buildx create`` copies it, and the authorities it names, into the
builder. So a builder made with other settings has to be another builder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path

from shipway.oci.files import reported


@dataclass(frozen=True, slots=True)
class Registries:
    """Hosts without TLS, hosts with any certificate, and the PEM file trusted for a host."""

    plain: Set[str] = frozenset()
    insecure: Set[str] = frozenset()
    authorities: Mapping[str, Path] = field(default_factory=dict)

    def toml(self) -> str:
        """The text of a buildkitd.toml; empty where there is nothing to tell."""
        return "\n".join(
            self._table(host) for host in sorted({*self.plain, *self.insecure, *self.authorities})
        )

    def _table(self, host: str) -> str:
        lines = [f"[registry.{_quoted(host)}]"]
        if host in self.plain:
            lines.append("  http = true")
        if host in self.insecure:
            lines.append("  insecure = true")
        if host in self.authorities:
            lines.append(f"  ca = [{_quoted(str(self.authorities[host].absolute()))}]")
        return "\n".join(lines) + "\n"

    def identity(self) -> str:
        """Eight letters that are others whenever a builder made with this would be another one."""
        hasher = hashlib.sha256(self.toml().encode())
        for host in sorted(self.authorities):
            with reported(f"read {self.authorities[host]}"):
                hasher.update(self.authorities[host].read_bytes())
        return hasher.hexdigest()[:8]


def _quoted(text: str) -> str:
    # a basic string of TOML is one of JSON as long as nothing beyond ASCII stands in it unescaped
    return json.dumps(text)
