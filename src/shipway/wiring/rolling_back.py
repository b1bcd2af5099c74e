"""Rolling back: what an image goes back to, and how long its policy is held."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from shipway.errors import NotMet, UsageError
from shipway.fleet.model import Fleet
from shipway.flows.promote.promotion import Promotion
from shipway.flows.promote.rollback import Release, Rollback, earlier
from shipway.flows.promote.wanted import Wanted, verified
from shipway.flows.verifying.image import Verifier
from shipway.gitops.edits.retarget import Target
from shipway.planning.destination import destination
from shipway.registry.client import RegistryClient
from shipway.values import Duration, Reference
from shipway.wiring.evidence import fleet_key
from shipway.wiring.promoting import Destinations, Promoted, carry_out, fleet_of, guard_of, kept
from shipway.wiring.verifying import Places
from shipway.wiring.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """``image`` is a name of the fleet or a repository; what it goes back to is ``tag``, what the run
    ``promotion`` named, or what it was before. without ``hold`` no policy is held."""

    image: str
    destinations: Destinations
    tag: str | None = None
    promotion: int | None = None
    hold: Duration | None = None


async def roll_back(workspace: Workspace, request: RollbackRequest, command: str) -> Promoted:
    """Let repositories name an earlier image. Raises NotMet when it is not there any more."""
    fleet = fleet_of(workspace, [request.image])
    reference = _earlier(workspace, fleet, request)
    async with workspace.registry(fleet) as registry:
        verifier = Verifier(registry, fleet_key(workspace, fleet))
        wanted = await _verified(Places(workspace, fleet, registry), verifier, registry, reference)
        wanted = replace(wanted, image=_name(request.image))
        guard = guard_of(workspace, verifier, allow_older=True)
        back = Promotion((wanted,), guard, kind="revert(images)")
        until = workspace.now() + timedelta(seconds=request.hold.seconds) if request.hold else None
        done = await carry_out(workspace, fleet, request.destinations, Rollback(back, until))
    return kept(workspace, done, (wanted,), request.destinations, ("rollback", command))


async def release(workspace: Workspace, image: str, destinations: Destinations) -> Promoted:
    """Let policies choose again as they did before they were held."""
    fleet = fleet_of(workspace, [image])
    plan = Release(Target(_name(image), _repository(fleet, image)))
    done = await carry_out(workspace, fleet, destinations, plan)
    return Promoted(done, dry_run=destinations.dry_run, kind="release")


def _earlier(workspace: Workspace, fleet: Fleet, request: RollbackRequest) -> Reference:
    repository = _repository(fleet, request.image)
    if request.tag is not None:
        return repository.with_tag(request.tag)
    return earlier(workspace.ledger(create=False), _name(request.image), request.promotion)


async def _verified(
    places: Places, verifier: Verifier, registry: RegistryClient, reference: Reference
) -> Wanted:
    """The image, by its digest where that is known: its tag may name another one by now."""
    if reference.digest is None:
        (wanted,) = await verified(verifier, [places.named(reference)])
        return wanted
    (wanted,) = await verified(verifier, [places.named(replace(reference, tag=None))])
    wanted = replace(wanted, reference=reference)
    if reference.tag is not None:
        now = await registry.head(replace(wanted.real, tag=reference.tag, digest=None))
        if now is None or now.parsed_digest != reference.digest:
            raise NotMet(
                f"the tag {reference.tag} does not name {reference.digest} any more",
                cause=f"it names {now.digest}" if now else "it is gone",
                help=f"put it back: shipway copy {reference.name}@{reference.digest} NAME:TAG",
            )
    return wanted


def _repository(fleet: Fleet, image: str) -> Reference:
    found = fleet.image(image)
    if found is not None:
        return destination(found)
    if "/" not in image:
        names = ", ".join(sorted(each.name for each in fleet.images)) or "none"
        raise UsageError(f"there is no image {image!r}", help=f"images: {names}")
    return Reference.parse(image).without_version()


def _name(image: str) -> str:
    """The name by which the ledger knows what was promoted by its reference."""
    return Reference.parse(image).repository.rpartition("/")[2] if "/" in image else image
