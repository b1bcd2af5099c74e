"""What stands for the images of a plan: what the ledger knows, what registries hold, and on which bases.

The digest that a tag of an image outside of the fleet had at the last delivery counts until it is asked
again, so that a plan needs no network and says the same tomorrow. It is asked again with ``refresh_bases``,
for every image, and when an image is built anyway and ``pins`` is set, for that one: a build takes what the
tag names now, and says so in its inputs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from shipway.errors import RegistryError
from shipway.fleet.model import Image
from shipway.flows.found import Found, Sought, find
from shipway.flows.origins import Origins
from shipway.flows.yard import Staging
from shipway.planning.destination import EMBEDDED, destination
from shipway.planning.draft import Draft
from shipway.planning.inputs import Inputs, decode
from shipway.planning.plan import (
    NEVER,
    Choices,
    Delivered,
    Origin,
    scheme_of,
    secondary_tags,
    standing_tags,
    wanted_platforms,
)
from shipway.planning.tags import TagFacts
from shipway.ports import Delivery, Ledger, Registry
from shipway.values import Digest, Platform, Reference


@dataclass(frozen=True, slots=True)
class Setting:
    """What is the same for all images. Without ``registry`` the ledger is trusted as it is."""

    ledger: Ledger
    registry: Registry | None
    staging: Staging
    choices: Choices
    facts: TagFacts
    native: Platform
    now: datetime
    pins: bool


@dataclass(slots=True)
class Standing:
    """Settles images wave by wave, since the fingerprint of an image covers those of its bases."""

    setting: Setting
    drafts: Mapping[str, Draft]
    images: Mapping[str, Image]
    inputs: dict[str, Inputs] = field(default_factory=dict)
    delivered: dict[str, Delivered] = field(default_factory=dict)
    found: dict[str, Delivery] = field(default_factory=dict)
    named: dict[str, frozenset[str]] = field(default_factory=dict)
    recorded: dict[str, Inputs] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _origins: Origins | None = None
    _last: dict[str, Delivery] = field(default_factory=dict)
    _silent: set[str] = field(default_factory=set)

    async def settle(self, waves: Sequence[Sequence[str]]) -> None:
        """Fill ``inputs`` and ``delivered`` for every image, ``found`` for those that only a registry knew,
        ``named`` with the tags that name what stands.

        Raises RegistryError when a registry cannot tell whether it still holds a delivery.
        """
        setting = self.setting
        self._last = {delivery.image: delivery for delivery in setting.ledger.deliveries()}
        self._origins = None if setting.registry is None else Origins(setting.registry)
        if self._origins is not None and setting.choices.refresh_bases:
            await self._origins.present({text: None for each in self.drafts.values() for text in each.tags})
        for wave in waves:
            await asyncio.gather(*map(self._image, wave))
        if self._origins is not None:
            self.notes += self._origins.notes

    @property
    def origins(self) -> tuple[Origin, ...]:
        """The images outside of the fleet that were asked for, and who was delivered on another digest."""
        known = self._origins.known if self._origins is not None else {}
        return tuple(Origin(text, str(digest), self._moved(text, digest)) for text, digest in known.items())

    def _moved(self, text: str, digest: Digest) -> tuple[str, ...]:
        return tuple(
            name
            for name, inputs in self.recorded.items()
            if text in self.drafts[name].tags and inputs.digests.get(text, digest) != digest
        )

    # --- one image ----------------------------------------------------------------------------

    async def _image(self, name: str) -> None:
        draft, last = self.drafts[name], self._last.get(name)
        before = decode(self.setting.ledger.inputs(last.fingerprint)) if last and draft.tags else None
        if before is not None:
            self.recorded[name] = before
        digests = before.digests if before is not None else {}
        if self.setting.choices.refresh_bases:
            digests = {**digests, **await self._present(draft)}
        inputs = self._with(draft, digests)
        known = await self._in_ledger(name, inputs)
        if known.standing is None and (found := await self._look(name, draft)) is not None:
            known = self._take(name, found)
            inputs = found.inputs
        if self.setting.pins and (known.standing is None or self._is_forced(name)):
            newer = self._with(draft, {**digests, **await self._present(draft)})
            if newer != inputs:
                inputs, known = newer, replace(await self._in_ledger(name, newer), lost=known.lost)
        self.inputs[name], self.delivered[name] = inputs, known

    def _with(self, draft: Draft, digests: Mapping[str, Digest]) -> Inputs:
        fingerprints = {image: self.inputs[image].fingerprint for image in draft.needs.values()}
        return draft.inputs(fingerprints, {text: digests[text] for text in draft.tags if text in digests})

    def _is_forced(self, name: str) -> bool:
        return bool(self.setting.choices.force & {name, "*"})

    async def _present(self, draft: Draft) -> Mapping[str, Digest]:
        return await self._origins.present(draft.tags) if self._origins is not None else {}

    # --- deliveries ---------------------------------------------------------------------------

    async def _in_ledger(self, name: str, inputs: Inputs) -> Delivered:
        """What stands for an image: its delivery with exactly these inputs, if the registry still has it."""
        last, ledger = self._last.get(name), self.setting.ledger
        if last is None:
            return NEVER
        same = last if last.fingerprint == inputs.fingerprint else ledger.delivered(name, inputs.fingerprint)
        before = None if same is last else decode(ledger.inputs(last.fingerprint))
        repository = self._destination(name)
        if same is None or Reference.parse(same.reference).without_version() != repository:
            return Delivered(last.fingerprint, before)
        digest = Digest.parse(same.digest)
        if not await self._is_held(name, repository, same):
            return Delivered(last.fingerprint, before, lost=True)
        return Delivered(last.fingerprint, before, digest, same.reference)

    async def _is_held(self, name: str, repository: Reference, delivery: Delivery) -> bool:
        """Whether the registry still has a delivery. Its tags are looked at first, as ship would do anyway:
        one that names the digest shows that it is there."""
        setting, image = self.setting, self.images[name]
        if setting.registry is None:
            return True
        _, tags = standing_tags(image, setting.facts, setting.choices, delivery.reference)
        real = setting.staging.real(repository)
        heads = await asyncio.gather(*(setting.registry.head(real.with_tag(tag)) for tag in tags))
        named = [
            tag for tag, head in zip(tags, heads, strict=True) if head and head.digest == delivery.digest
        ]
        self.named[name] = frozenset(named)
        if named:
            return True
        return await setting.registry.head(real.with_digest(Digest.parse(delivery.digest))) is not None

    def _destination(self, name: str) -> Reference:
        return destination(self.images[name], self.setting.choices.registry)

    def _take(self, name: str, found: Found) -> Delivered:
        delivery = found.delivery
        self.found[name] = delivery
        digest = Digest.parse(delivery.digest)
        return Delivered(found.inputs.fingerprint, None, digest, delivery.reference, found=True)

    async def _look(self, name: str, draft: Draft) -> Found | None:
        """Somebody else's delivery. Of a registry that does not answer one note is enough."""
        setting, repository = self.setting, self._destination(name)
        host = repository.registry
        if setting.registry is None or not setting.choices.lookup or self._is_forced(name):
            return None
        if host == EMBEDDED or host in self._silent:
            return None
        try:
            return await find(setting.registry, self._sought(name, draft, repository), setting.now)
        except RegistryError as error:
            if host not in self._silent:
                self._silent.add(host)
                why = error.cause or error.message
                self.notes.append(f"{host} was not asked for deliveries that are not known here: {why}")
            return None

    def _sought(self, name: str, draft: Draft, repository: Reference) -> Sought:
        image, setting = self.images[name], self.setting
        scheme = scheme_of(image, setting.facts, setting.choices)
        last = self._last.get(name)
        present = self._origins.known if self._origins and setting.choices.refresh_bases else {}
        return Sought(
            image=name,
            repository=repository,
            real=setting.staging.real(repository),
            scheme=scheme,
            tag=scheme.render(setting.facts, image.version),
            secondary=secondary_tags(image, setting.facts),
            since=Reference.parse(last.reference).tag if last else None,
            platforms=wanted_platforms(image, setting.native),
            inputs=lambda digests: self._with(draft, {**digests, **present}),
        )
