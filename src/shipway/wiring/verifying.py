"""Verifying: which images, with which key, and where their provenance can be followed to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from shipway.fleet.model import Fleet, Image
from shipway.flows import verify as flow
from shipway.flows.verifying.image import Subject, Verifier
from shipway.flows.verifying.origin import Origin
from shipway.planning.destination import destination
from shipway.planning.plan import Choices
from shipway.registry.client import RegistryClient
from shipway.values import Digest, Platform, Reference
from shipway.wiring.evidence import fleet_key, public_key
from shipway.wiring.workspace import Workspace


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What is verified: ``references``, or without any the whole fleet; ``key`` in place of the fleet's."""

    references: tuple[Reference, ...]
    key: Path | None = None
    deep: bool = False
    jobs: int = 8


async def verify(workspace: Workspace, request: VerifyRequest) -> flow.Verification:
    """Look at images and at what was attached to them; writes nothing."""
    # without a fleet file there is nothing to compare with, and a big directory would be read for nothing
    whole = not request.references or workspace.has_fleet_file()
    fleet = workspace.fleet() if whole else workspace.accesses()
    key = public_key(request.key) if request.key else fleet_key(workspace, fleet)
    async with workspace.registry(fleet) as registry:
        places = Places(workspace, fleet, registry)
        if request.references:
            subjects = [places.named(reference) for reference in request.references]
        else:
            subjects = await places.delivered()
        return await flow.verify(Verifier(registry, key, request.deep), subjects, request.jobs)


class Places:
    """What is known here of images: the fleet, its ledger, and where their sources are."""

    def __init__(self, workspace: Workspace, fleet: Fleet, registry: RegistryClient) -> None:
        self._workspace = workspace
        self._fleet = fleet
        self._registry = registry
        self._origins: dict[str, Origin] = {}

    def named(self, reference: Reference) -> Subject:
        """An image by its reference, and which one of the fleet it is."""
        ours = (image for image in self._fleet.images if destination(image) == reference.without_version())
        return self._subject(reference, next(ours, None))

    async def delivered(self, only: frozenset[str] | None = None) -> list[Subject]:
        """Every image of the fleet, or ``only`` some: as the ledger knows it, else as the plan finds it."""
        ledger = self._workspace.ledger(create=False)
        known = {delivery.image: delivery for delivery in ledger.deliveries()}
        images = [image for image in self._fleet.images if only is None or image.name in only]
        rest = frozenset(image.name for image in images if image.name not in known)
        planned = {}
        if rest:
            prepared = await self._workspace.plan(
                self._fleet, Choices(rest), self._registry, ledger, pins=False
            )
            planned = {step.image: step for step in prepared.plan.steps}
        subjects = []
        for image in images:
            if (delivery := known.get(image.name)) is not None:
                subject = self._subject(Reference.parse(delivery.reference), image)
                platforms = tuple(map(Platform.parse, delivery.platforms))
                subjects.append(replace(subject, digest=Digest.parse(delivery.digest), platforms=platforms))
            else:
                subjects.append(self._subject(Reference.parse(planned[image.name].reference), image))
        return subjects

    def _subject(self, reference: Reference, image: Image | None) -> Subject:
        return Subject(
            reference,
            self._workspace.staging.real(reference),
            self._origin(image.root if image else ""),
            image.name if image else None,
            reference.digest,
            (image.inputs.platforms or None) if image else None,
        )

    def _origin(self, root: str) -> Origin:
        if root not in self._origins:
            directory = self._fleet.roots.get(root)
            self._origins[root] = Origin(
                self._registry,
                self._workspace.working_copy,
                Path(directory) if directory else None,
                self._workspace.staging.real,
            )
        return self._origins[root]
