"""Build secrets and SSH agents: seen to be there before a build, and kept out of its output."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from shipway.engines.request import Workspace, secret_environment
from shipway.errors import BuildFailed
from shipway.fleet.options import Secret, read_secret
from shipway.ports import BuildRequest

# shorter lines of a secret file are brackets and the like: masking them would make a log unreadable
_SHORTEST = 4
_LONGEST_FILE = 1 << 20
# characters that the option parsers of buildah and BuildKit read in ways of their own
_SPECIAL = frozenset(',"')


@dataclass(frozen=True, slots=True)
class Mounts:
    """The options for secrets and SSH agents, and the texts that must not be shown."""

    options: tuple[str, ...]
    masked: tuple[str, ...]


def mounts(request: BuildRequest, place: Workspace, environ: Mapping[str, str]) -> Mounts:
    """Raises BuildFailed for a secret or an agent that is not there: engines go on without (buildx#3285)."""
    options: list[str] = []
    masked = list(secret_environment(request).values())
    for number, text in enumerate(request.secrets):
        secret = read_secret(text).settled(environ)
        value = _value(request, secret, environ)
        masked += _lines(value)
        if secret.kind == "file" and _SPECIAL & set(secret.source):
            copy = place.add(f"secret-{number}", value.encode(errors="surrogateescape"))
            secret = Secret(secret.id, "file", str(copy))
        options += ["--secret", str(secret)]
    for agent in request.ssh:
        _require_agent(request, agent, environ)
        options += ["--ssh", agent]
    return Mounts(tuple(options), tuple(masked))


def _value(request: BuildRequest, secret: Secret, environ: Mapping[str, str]) -> str:
    if secret.kind == "env":
        if secret.source not in environ:
            raise _absent(request, secret, f"the environment has no {secret.source}")
        return environ[secret.source]
    path = Path(secret.source)
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST_FILE).decode(errors="surrogateescape")
    except OSError as error:
        raise _absent(request, secret, f"{path}: {error.strerror}") from None


def _absent(request: BuildRequest, secret: Secret, cause: str) -> BuildFailed:
    return BuildFailed(
        f"cannot build {request.name}: there is no value for its secret {secret.id}",
        cause=cause,
        help="set the variable, or write the file, then run the same command again",
    )


def _lines(value: str) -> list[str]:
    lines = (line.strip() for line in value.splitlines())
    return [line for line in lines if len(line) >= _SHORTEST]


def _require_agent(request: BuildRequest, agent: str, environ: Mapping[str, str]) -> None:
    id, _, paths = agent.partition("=")
    absent = [path for path in paths.split(",") if paths and not _is_there(path)]
    socket = environ.get("SSH_AUTH_SOCK", "")
    if not paths and not _is_there(socket):
        absent = [f"SSH_AUTH_SOCK={socket}" if socket else "SSH_AUTH_SOCK is not set"]
    if absent:
        raise BuildFailed(
            f"cannot build {request.name}: there is no SSH agent or key {id or 'default'}",
            cause=", ".join(absent),
            help='eval "$(ssh-agent)" && ssh-add, or name a key: ssh: [default=PATH]',
        )


def _is_there(path: str) -> bool:
    with suppress(OSError):
        return bool(path) and Path(path).exists()
    return False
