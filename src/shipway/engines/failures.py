"""What the words of a failing engine mean, and what to do next.

Engines are programs whose only account of a failure is their text, so this table reads it. An entry that
does not match costs nothing but a hint: the engine's own words are always part of the error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from shipway.engines.transcript import Transcript
from shipway.errors import BuildFailed, DiskFull, EngineError
from shipway.ports import BuildRequest
from shipway.values import Reference

_LAST_LINES = 6
NO_BRIDGE = "the Docker daemon has no bridge network, which RUN steps need"


@dataclass(frozen=True, slots=True)
class Cause:
    """Words of an engine, as a pattern, with the cause and the next step they stand for.

    ``cause`` and ``help`` may use ``{0}``, what the pattern's group caught, and ``{engine}``,
    ``{platform}``, ``{context}``.
    """

    pattern: re.Pattern[str]
    cause: str
    help: str | None = None


def _cause(pattern: str, cause: str, help: str | None = None) -> Cause:
    return Cause(re.compile(pattern, re.MULTILINE), cause, help)


# What passes by itself, read from the engine's own last word alone: a network on the way to a base image, a
# daemon that restarts, a lock on the storage. What a RUN step prints is no business of ours: a command that
# ended with an exit code is not run again.
_PASSES = re.compile(
    r"temporary failure in name resolution|server misbehaving|network is unreachable|no route to host"
    r"|connection (?:refused|reset|timed out)|broken pipe|unexpected EOF|: EOF\s*$"
    r"|i/o timeout|TLS handshake timeout|context deadline exceeded|request canceled"
    r"|too ?many ?requests|unexpected (?:HTTP )?status(?: from \S+ request to \S+)?: (?:429|5\d\d)"
    r"|received unexpected HTTP status: (?:429|5\d\d)|(?:500|502|503|504) (?:Internal|Bad|Service|Gateway)"
    r"|cannot connect to the docker daemon|is the docker daemon running|error during connect"
    r"|code = Unavailable|transport is closing|error reading from server|closing transport"
    r"|database is locked|resource temporarily unavailable|layer not known|identifier is not a layer",
    re.IGNORECASE,
)
_COMMAND_ENDED = re.compile(r"exit code:|exit status|exited with status|did not complete successfully")
_NO_SPACE = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_PRUNE = {
    "docker": "docker builder prune",
    "buildah": "buildah prune --all",
    "podman": "podman system prune",
    "buildkit": "buildctl prune",
}

_CAUSES = (
    _cause(
        r"(?i)exec format error",
        "a program of another architecture was started: RUN steps for {platform} need emulation on this"
        " machine, or a script lacks its #! line",
        "install QEMU's emulation (Debian, Ubuntu: apt-get install qemu-user-static binfmt-support), or build"
        " {platform} on a machine of that architecture",
    ),
    _cause(
        r"toomanyrequests|[Tt]oo [Mm]any [Rr]equests",
        "the registry of a base image limits how often this machine may pull",
        "{engine} login, or copy the base image to a registry of your own",
    ),
    _cause(
        r"server gave HTTP response to HTTPS client",
        "the registry of a base image speaks plain HTTP",
        "serve it over TLS, or declare it insecure in the engine's own configuration",
    ),
    _cause(
        r"x509: (.+)",
        "the certificate of a registry is not trusted: {0}",
        "install the registry's CA certificate on this machine",
    ),
    _cause(
        r"(?i)unauthorized|authentication required|insufficient_scope|no basic auth credentials",
        "the registry of a base image wants other credentials than this machine has, or the image does not"
        " exist there",
        "{engine} login REGISTRY, then check the name in FROM",
    ),
    _cause(
        r"(?:load metadata for |initializing source docker://)(\S+?):? (?:reading manifest|[^\n]*not found)"
        r"|ERROR: (\S+): not found$",
        "there is no image {0}",
        "check its name and tag, and that it was pushed",
    ),
    _cause(
        r"failed to (?:compute cache key|calculate checksum)[^\n]*?\"(/[^\"]*)\"[^\n]*not found"
        r"|copier: stat: \"(/[^\"]*)\": no such file",
        "the build context {context} has no {0}, or its ignore file leaves it out",
        "paths of COPY and ADD are relative to the build context, not to the Dockerfile: check both, and the"
        " ignore file",
    ),
    _cause(
        r"no items matching glob \"([^\"]+)\"",
        "nothing in the build context {context} matches {0}, or its ignore file leaves it out",
        "paths of COPY and ADD are relative to the build context, not to the Dockerfile",
    ),
    _cause(
        r"(?:exec: \\?\"|fork/exec )(/[^\s\"\\:]+)\\?\"?:[^\n]*no such file or directory",
        "the image has no {0}",
        "an image built FROM scratch has no shell: write RUN in its JSON form, or take another base",
    ),
    _cause(
        r"target stage \"?([^\s\"]+)\"? could not be found|target \"([^\"]+)\" was not found",
        "the Dockerfile has no stage {0}",
        "check target against the AS names of the Dockerfile",
    ),
    _cause(
        r"(?i)unknown instruction: \"?(\w+)",
        "{0} is no Dockerfile instruction",
        "check the spelling in the Dockerfile",
    ),
    _cause(
        r"network bridge not found",
        NO_BRIDGE,
        "start the daemon without --bridge=none (/etc/docker/daemon.json), or use --engine buildah",
    ),
    _cause(
        r"(?i)no such host|could not resolve host|temporary failure in name resolution"
        r"|network is unreachable|connection refused|i/o timeout|tls handshake timeout|connection timed out",
        "the network did not carry the build: a host was unknown or did not answer",
        "check the network, the proxy variables and the name of the host in the lines above",
    ),
    _cause(
        r"newuidmap|no subuid ranges|no GID ranges",
        "building without root needs ranges of user ids",
        "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER, and install uidmap",
    ),
    _cause(
        r"(?:exit code|exit status|exited with status): ?(?:137)|signal: killed",
        "the command was killed, most likely for want of memory",
        "give the machine more memory, or build fewer images at a time",
    ),
    _cause(r"(?:exit code:|exit status|exited with status) ?(\d+)", "the command ended with exit code {0}"),
)


def build_failure(engine: str, request: BuildRequest, transcript: Transcript) -> BuildFailed | DiskFull:
    """The error for a build that failed."""
    at = f" at {transcript.instruction}" if transcript.instruction else ""
    message = f"{engine} could not build {request.name} for {request.platform}: it failed{at}"
    if _NO_SPACE.search(transcript.text):
        return _disk_full(engine, message)
    cause, help = _explain(engine, transcript.text, str(request.platform), request.context)
    said = "\n".join(transcript.last(_LAST_LINES))
    cause = f"{cause} ({transcript.error})" if cause else f"the engine's last lines were:\n{said}"
    return BuildFailed(message, cause=cause, help=help, transient=_passes(transcript))


def push_failure(engine: str, destination: Reference, transcript: Transcript) -> EngineError | DiskFull:
    """The error for a push to staging that failed."""
    message = f"{engine} could not push to {destination}: {transcript.error}"
    if _NO_SPACE.search(transcript.text):
        return _disk_full(engine, message)
    cause = "\n".join(transcript.last(_LAST_LINES))
    return EngineError(message, cause=cause, transient=_passes(transcript))


def _passes(transcript: Transcript) -> bool:
    word = transcript.error
    return bool(_PASSES.search(word)) and not _COMMAND_ENDED.search(word)


def _disk_full(engine: str, message: str) -> DiskFull:
    return DiskFull(
        message, cause="no space left on the device", help=f"free some space: df -h, then {_PRUNE[engine]}"
    )


def _explain(engine: str, text: str, platform: str, context: object) -> tuple[str | None, str | None]:
    facts = {"engine": engine, "platform": platform, "context": context or "(empty)"}
    for known in _CAUSES:
        if match := known.pattern.search(text):
            caught = next(filter(None, match.groups()), "")
            return known.cause.format(caught, **facts), known.help and known.help.format(caught, **facts)
    return None, None
