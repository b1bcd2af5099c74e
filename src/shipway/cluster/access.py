"""How one cluster is reached, and as whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A program that gives credentials (client-go credential plugins). ``version`` is the API version that
    it speaks, ``hint`` how to install it; ``takes_cluster`` that it wants to be told about the cluster."""

    argv: tuple[str, ...]
    version: str
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    hint: str = ""
    takes_cluster: bool = False


@dataclass(frozen=True, slots=True)
class User:
    """Who we are, in one of several ways. ``certificate`` and ``key`` are PEM, ``token_file`` is read anew
    before it grows old, ``impersonate`` are headers."""

    certificate: bytes | None = None
    key: bytes | None = field(default=None, repr=False)
    token: str = field(default="", repr=False)
    token_file: Path | None = None
    basic: tuple[str, str] | None = field(default=None, repr=False)
    plugin: ExecPlugin | None = None
    impersonate: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Access:
    """``name`` is the context. ``server`` is a URL without a final slash; ``authority`` is PEM, the system's
    authorities count where it is None; ``server_name`` is who the certificate has to be for where that is not
    the host. ``origin`` says where all this was read."""

    name: str
    server: str
    user: User
    origin: str
    authority: bytes | None = None
    insecure: bool = False
    server_name: str | None = None
    proxy: str | None = field(default=None, repr=False)
