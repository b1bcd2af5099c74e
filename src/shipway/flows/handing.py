"""Handing out: workers on other machines build what may travel, this machine builds the rest."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Protocol

from shipway.errors import CannotAssemble
from shipway.fleet.model import BuildInputs, Image
from shipway.flows.yard import Builders
from shipway.planning.engines import ASSEMBLE, AUTO
from shipway.ports import Builder, Event, Events
from shipway.values import Platform

STAYS = "build.stays"


class Remote(Protocol):
    """What has workers build."""

    def builder(self, engine: str) -> Builder:
        """One that has ``engine`` of any worker build; each one builds one platform at a time."""

    def finish(self) -> Awaitable[None]:
        """Nothing more will be built."""


class HandedOut:
    """Workers build, and ``here`` what cannot travel. Satisfies ``flows.yard.Builders``.

    ``engines`` are the engines by image as the plan chose them, ``native`` is the platform of images that
    declare none. Where it ``insists`` nobody builds what could not be assembled.
    """

    def __init__(
        self,
        remote: Remote,
        here: Builders,
        engines: Mapping[str, str],
        native: Platform,
        events: Events,
        *,
        insists: bool = False,
    ) -> None:
        self._remote = remote
        self._here = here
        self._engines = engines
        self._native = native
        self._events = events
        self._insists = insists

    async def native(self) -> Platform:
        """See ``flows.yard.Builders``, like every method here."""
        return self._native

    async def builder(self, image: Image, platform: Platform) -> Builder:
        if (why := stays(image.inputs)) is not None:
            self._events.emit(Event(STAYS, image.name, {"why": why}))
            return await self._here.builder(image, platform)
        return self._remote.builder(self._engines.get(image.name, AUTO))

    async def instead(self, image: Image, platform: Platform, refusal: CannotAssemble) -> Builder:
        """Who builds what could not be assembled. Raises the refusal when nobody else shall."""
        if self._insists or image.engine == ASSEMBLE:
            raise refusal
        if stays(image.inputs) is not None:
            return await self._here.builder(image, platform)
        return self._remote.builder(AUTO)

    async def finish(self) -> None:
        await self._remote.finish()
        await self._here.finish()


def stays(inputs: BuildInputs) -> str | None:
    """What keeps a build on this machine; None when it may leave it."""
    if inputs.secrets:
        return "its build secrets"
    if inputs.ssh:
        return "its SSH agent"
    if inputs.secret_args & inputs.args.keys():
        return "its secret build args"
    if any(value.startswith("oci-layout://") for value in inputs.contexts.values()):
        return "the image layout that it reads"
    return None
