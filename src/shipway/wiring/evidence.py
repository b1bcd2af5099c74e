"""Evidence: keys from where users keep them, and what proves and verifies with them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shipway.errors import ConfigError, HostError, UsageError
from shipway.flows.prove import Prover
from shipway.wiring.workspace import Workspace

if TYPE_CHECKING:
    from shipway.evidence.keys import PublicKey, SigningKey
    from shipway.fleet.model import Fleet
    from shipway.flows.prepare import Prepared
    from shipway.ports import Registry, Revision

Ask = Callable[[str], str]
"""Asks a person for a secret, and gives what was typed."""

_PASSWORDS = ("SHIPWAY_KEY_PASSWORD", "COSIGN_PASSWORD")


@dataclass(frozen=True, slots=True)
class EvidenceRequest:
    """Whether evidence is left, and with which key it is signed: a file or the PEM itself, None for the one
    that the fleet file names. ``ask`` is None where there is nobody to ask for its password."""

    wanted: bool = True
    key: str | None = None
    ask: Ask | None = None


AS_CONFIGURED = EvidenceRequest()


def prover_of(
    workspace: Workspace,
    request: EvidenceRequest,
    prepared: Prepared,
    registry: Registry,
    key: SigningKey | None,
) -> Prover | None:
    """What leaves evidence with the images of a plan; None where it is not wanted."""
    if not request.wanted:
        return None
    own = prepared.fleet.roots.get("")
    known: dict[Path, Revision | None] = {Path(own): prepared.revision} if own else {}

    def revision(root: Path) -> Revision | None:
        if root not in known:
            known[root] = workspace.working_copy.revision(root)
        return known[root]

    tags = prepared.fleet.signing.tags
    return Prover(prepared.fleet, workspace.builds, revision, registry, key, tags)


# --- keys -------------------------------------------------------------------------------------


def signing_key(workspace: Workspace, fleet: Fleet, request: EvidenceRequest) -> SigningKey | None:
    """The key to sign with, None where none is configured.

    Raises ConfigError when it cannot be read, or is not the one that the fleet's images are verified with.
    """
    named = request.key or fleet.signing.private_key
    if named is None or not request.wanted:
        return None
    from shipway.evidence.keys import SigningKey

    if "-----BEGIN" in named:
        pem, name = named.encode(), "the signing key of the environment"
    else:
        path = Path(named) if request.key else workspace.root / named
        without = "shipway keys generate makes a pair; ship without evidence: --no-evidence"
        pem, name = _read(path, "private key", without), str(path)
    key = SigningKey.parse(pem, _password(workspace, pem, name, request.ask), name)
    public = fleet_key(workspace, fleet)
    if public is not None and public.id != key.public.id:
        raise ConfigError(
            f"{name} is not the private half of {fleet.signing.key}",
            cause="images would be signed with a key that nobody verifies them with",
            help="name a pair that belongs together under signing: in shipway.yaml",
        )
    return key


def fleet_key(workspace: Workspace, fleet: Fleet) -> PublicKey | None:
    """The key that the fleet file names to verify with. Raises ConfigError when it cannot be read."""
    named = fleet.signing.key
    return public_key(workspace.root / named) if named else None


def public_key(path: Path) -> PublicKey:
    """Raises ConfigError unless ``path`` holds a public key."""
    from shipway.evidence.keys import PublicKey

    pem = _read(path, "public key", "name the file that ends in .pub; shipway keys generate makes a pair")
    return PublicKey.parse(pem, str(path))


def write_pair(prefix: Path, password: bytes) -> tuple[Path, Path, PublicKey]:
    """Make ``prefix``.key, for its owner's eyes only, and ``prefix``.pub.

    Raises UsageError when one of them exists.
    """
    from shipway.evidence.keys import SigningKey

    private, public = prefix.with_name(f"{prefix.name}.key"), prefix.with_name(f"{prefix.name}.pub")
    for path in (private, public):
        if os.path.lexists(path):
            raise UsageError(
                f"{path} exists", help="name another prefix, or move it away: a key cannot be made twice"
            )
    key = SigningKey.generate()
    _write(private, key.encrypted(password), 0o600)
    try:
        _write(public, key.public.pem, 0o644)
    except HostError:
        private.unlink(missing_ok=True)
        raise
    return private, public, key.public


def key_password(workspace: Workspace, ask: Ask | None) -> bytes | None:
    """The password from the environment, else from a person; None where there is neither."""
    for name in _PASSWORDS:
        if (value := workspace.host.environ.get(name)) is not None:
            return value.encode()
    return ask("Password of the private key").encode() if ask else None


def _password(workspace: Workspace, pem: bytes, name: str, ask: Ask | None) -> bytes:
    if b"ENCRYPTED" not in pem:
        return b""
    asking = (lambda _: ask(f"Password of {name}")) if ask else None
    return key_password(workspace, asking) or b""


def _read(path: Path, what: str, help: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"the {what} {path} cannot be read: {error.strerror}", help=help) from None


def _write(path: Path, data: bytes, mode: int) -> None:
    """Make a file that was not there, with this mode from its first moment on."""
    made = False
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        made = True
        with os.fdopen(file, "wb") as opened:
            opened.write(data)
    except OSError as error:
        if made:  # half a key is none, and would be in the way of the next one
            path.unlink(missing_ok=True)
        raise HostError(f"cannot write {path}: {error.strerror}") from None
