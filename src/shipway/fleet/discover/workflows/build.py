"""One build as a step asks for it, before its paths and names are settled."""

from __future__ import annotations

from dataclasses import dataclass, field

from shipway.fleet.discover.workflows.holes import has_hole
from shipway.fleet.discover.workflows.scope import Text, split_csv
from shipway.place import Place

# where GitHub keeps the checked-out repository, as in containers of a job
WORKSPACE = "/github/workspace"


@dataclass(frozen=True, slots=True)
class Build:
    """What a step or a command line asks for; texts may have holes.

    ``directory`` is what paths are relative to. ``dockerfile_base`` is set where the Dockerfile is looked up
    elsewhere than there. ``inline`` is the Dockerfile's text. ``containerfile`` tells that the tool prefers a
    Containerfile, ``local`` that the result is not pushed by this step.
    """

    place: Place
    directory: str
    context: Text | None = None
    file: Text | None = None
    dockerfile_base: str | None = None
    target: Text | None = None
    args: tuple[Text, ...] = ()
    contexts: tuple[Text, ...] = ()
    platforms: tuple[Text, ...] = ()
    tags: tuple[Text, ...] = ()
    labels: tuple[Text, ...] = ()
    secrets: tuple[Text, ...] = ()
    ssh: tuple[Text, ...] = ()
    cache_from: tuple[Text, ...] = ()
    cache_to: tuple[Text, ...] = ()
    inline: str | None = None
    containerfile: bool = False
    local: bool = False
    unclear: tuple[Text, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Bake:
    """A bake file that a step builds from, for whoever reads those; ``files`` are empty for the defaults."""

    place: Place
    directory: str
    files: tuple[Text, ...]


def output_names(outputs: tuple[Text, ...]) -> tuple[Text, ...]:
    """The references in ``type=image,name=…`` outputs; a name may list several, quoted."""
    names: list[Text] = []
    for output in outputs:
        for attribute in split_csv(output.value):
            key, _, value = attribute.partition("=")
            if key.strip() == "name":
                names += (Text(name.strip(), output.place) for name in value.split(",") if name.strip())
    return tuple(names)


def pushes(outputs: tuple[Text, ...]) -> bool:
    """Whether an output may be pushed."""
    return any("push=true" in output.value or has_hole(output.value) for output in outputs)


def attributes(text: str) -> dict[str, str]:
    """``key=value`` attributes of one line, as buildx and docker's actions write them; keys in lower case."""
    pairs = (part.partition("=") for part in split_csv(text))
    return {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}
