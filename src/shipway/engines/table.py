"""Every engine, and the choice among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from shipway.engines.buildah import Buildah
from shipway.engines.docker import Docker
from shipway.engines.podman import Podman
from shipway.errors import EngineMissing, UsageError
from shipway.ports import Engine, Host

AUTO = "auto"

# in the order in which "auto" tries them
ENGINES: Mapping[str, Callable[[Host], Engine]] = MappingProxyType(
    {"docker": Docker, "buildah": Buildah, "podman": Podman}
)


async def choose(name: str, host: Host) -> Engine:
    """The engine called ``name``, or for ``auto`` the first one that works on this machine, one that can
    run RUN steps before one that cannot.

    Raises UsageError for an unknown name, EngineMissing with what to install or start.
    """
    if name == AUTO:
        return await _first_working(host)
    if name not in ENGINES:
        raise UsageError(f"there is no engine {name!r}", help=f"choose one of {', '.join((AUTO, *ENGINES))}")
    engine = ENGINES[name](host)
    await engine.probe()
    return engine


async def _first_working(host: Host) -> Engine:
    reasons, hindered = [], []
    for make in ENGINES.values():
        engine = make(host)
        try:
            survey = await engine.survey()
        except EngineMissing as error:
            because = f" ({error.cause})" if error.cause else ""
            help = f"; {error.help}" if error.help else ""
            reasons.append(f"{engine.name}: {error.message}{because}{help}")
        else:
            if not survey.obstacle:
                return engine
            hindered.append(engine)
    if hindered:
        return hindered[0]
    raise EngineMissing(
        "no build engine works on this machine",
        cause="\n".join(reasons),
        help="apt-get install buildah (Debian, Ubuntu), or start the Docker daemon",
    )
