"""Which registries buildah and podman trust: the files that containers/image reads."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from shipway.engines.request import Workspace
from shipway.oci.files import reported
from shipway.ports import BuildRequest, EngineTrust

_TLS_FILES = frozenset({".crt", ".cert", ".key"})
_SYSTEM = Path("/etc/containers")
_DOCKER_CERTIFICATES = Path("/etc/docker/certs.d")


def trust_of(environ: Mapping[str, str]) -> EngineTrust:
    """Certificate directories (containers-certs.d(5)) and insecure registries
    (containers-registries.conf(5)) of the user that ``environ`` belongs to."""
    certificates = (_own(environ) / "certs.d", _SYSTEM / "certs.d", _DOCKER_CERTIFICATES)
    texts = (registries_conf(environ), *_additions(environ))
    return EngineTrust(certificates, tuple(dict.fromkeys(host for text in texts for host in insecure(text))))


def registries_conf(environ: Mapping[str, str]) -> str:
    """The text of the registries.conf that is in force, empty where there is none."""
    named = environ.get("CONTAINERS_REGISTRIES_CONF")
    candidates = [Path(named)] if named else []
    for path in (*candidates, _own(environ) / "registries.conf", _SYSTEM / "registries.conf"):
        with suppress(OSError):
            return path.read_text()
    return ""


def carried(
    request: BuildRequest, place: Workspace, environ: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """How this build reaches registries, beside what is configured on this machine: environment and options.

    A registries.conf tells which hosts are plain or insecure: a switch such as ``--tls-verify=false`` would
    drop the checks for every registry of the build. Authorities go into a directory for ``--cert-dir``, which
    stands for certs.d as a whole; so what certs.d has for hosts that the build names comes along, and within
    this one build an authority of one of them counts for the others too.
    """
    environment: dict[str, str] = {}
    options: tuple[str, ...] = ()
    if unchecked := request.registries_plain | request.registries_insecure:
        added = "".join(
            f'\n[[registry]]\nlocation = "{host}"\ninsecure = true\n' for host in sorted(unchecked)
        )
        file = place.add("registries.conf", registries_conf(environ) + added)
        environment["CONTAINERS_REGISTRIES_CONF"] = str(file)
    if request.authorities:
        options = ("--cert-dir", str(_certificates(request, place, environ)))
    return environment, options


def _certificates(request: BuildRequest, place: Workspace, environ: Mapping[str, str]) -> Path:
    directory = place.directory("certs")
    found = list(request.authorities.values())
    words = b"\n".join((request.dockerfile, *(value.encode() for value in request.args.values())))
    for configured in trust_of(environ).certificates:
        if configured.is_dir():
            hosts = (path for path in sorted(configured.iterdir()) if path.name.encode() in words)
            found += (path for host in hosts for path in sorted(host.glob("*")) if path.suffix in _TLS_FILES)
    for path in found:
        # a client certificate and its key keep one name
        stem = hashlib.sha256(str(path.with_suffix("")).encode()).hexdigest()[:12]
        suffix = path.suffix if path.suffix in _TLS_FILES else ".crt"
        with reported(f"read {path}"):
            data = path.read_bytes()
        place.add(f"{directory.name}/{stem}{suffix}", data)
    return directory


def insecure(text: str) -> Iterator[str]:
    """The hosts of a registries.conf that are reached without a look at certificates. A file that cannot be
    read is the engine's own to complain about."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    for entry in _tables(content.get("registry")):
        name = entry.get("location") or entry.get("prefix")
        if entry.get("insecure") is True and isinstance(name, str):
            yield name.partition("/")[0]
    old = content.get("registries")
    section = old.get("insecure") if isinstance(old, dict) else None
    listed = section.get("registries") if isinstance(section, dict) else None
    yield from (host for host in listed or () if isinstance(host, str))


def _tables(value: object) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _additions(environ: Mapping[str, str]) -> Iterator[str]:
    """The texts of registries.conf.d, the system's first."""
    for directory in (_SYSTEM, _own(environ)):
        for path in sorted((directory / "registries.conf.d").glob("*.conf")):
            with suppress(OSError):
                yield path.read_text()


def _own(environ: Mapping[str, str]) -> Path:
    """The user's own directory of container configuration."""
    home = environ.get("XDG_CONFIG_HOME") or f"{environ.get('HOME', '/')}/.config"
    return Path(home) / "containers"
