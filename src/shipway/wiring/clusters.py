"""Clusters: waiting for what was promoted, what runs there, and the certificates that they care for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shipway.errors import GitError, InvalidValue, UsageError
from shipway.wiring.workspace import Workspace

if TYPE_CHECKING:
    from shipway.cluster.client import KubernetesCluster
    from shipway.fleet.model import Fleet
    from shipway.flows.abreast import Abreast
    from shipway.flows.live.probed import OnProbed, Probed
    from shipway.flows.wait.ancestry import Ancestry
    from shipway.flows.wait.result import Waited
    from shipway.flows.wait.targets import Promotion
    from shipway.flows.wait.wait import OnStanding
    from shipway.gitops.judging.view import Target
    from shipway.ports import Branch
    from shipway.values import Reference

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
# a registry that does not answer must not keep anybody from waiting: the index' own digest is known anyway
_DIGEST_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitRequest:
    """What to wait for: ``images`` of the fleet or with a digest, the ``promotion`` that is a run of the
    ledger, or a ``commit`` of ``repository`` (a URL; that of the working copy by default) on ``branch``; the
    last promotion when all are empty.

    ``context`` is one of the kubeconfig, None the current one, ``namespace`` the only one in which Flux is
    looked for. It lasts ``seconds`` at most; ``asks`` Flux to come at once.
    """

    images: tuple[str, ...] = ()
    promotion: int | None = None
    commit: str = ""
    repository: str = ""
    branch: str | None = None
    context: str | None = None
    namespace: str | None = None
    seconds: float = 600.0
    asks: bool = True

    def require_sense(self) -> None:
        """Raises UsageError for what does not go together."""
        if self.promotion is not None and (self.commit or self.images):
            raise UsageError("a promotion names its commits and images itself", help="leave the others out")
        if not self.commit and (self.repository or self.branch):
            raise UsageError("--repository and --branch say where a --commit is", help="add --commit SHA")


@asynccontextmanager
async def cluster_of(workspace: Workspace, context: str | None) -> AsyncIterator[KubernetesCluster]:
    """A client of the cluster of a kubeconfig context, the current one without."""
    from shipway.cluster.client import KubernetesCluster
    from shipway.cluster.kubeconfig import access_to
    from shipway.cluster.transport import Transport
    from shipway.registry.proxy import Proxies

    environ = workspace.host.environ
    access = access_to(context, environ, Path.home())
    proxies = Proxies.from_environment(environ)
    client = KubernetesCluster(Transport(access, workspace.host, workspace.clock, proxies.for_request))
    try:
        yield client
    finally:
        await client.close()


async def wait_for(workspace: Workspace, request: WaitRequest, on_standing: OnStanding) -> Waited:
    """Wait for promotions or a commit. Raises UsageError when nobody knows what for, ClusterError."""
    from shipway.flows.wait.wait import Waiting, wait

    request.require_sense()
    fleet = workspace.fleet() if workspace.has_fleet_file() else workspace.accesses()
    targets = await targets_of(workspace, fleet, request)
    ancestry = _ancestry(workspace, fleet, targets)
    waiting = Waiting(seconds=request.seconds, namespace=request.namespace, asks=request.asks)
    async with cluster_of(workspace, request.context) as cluster:
        return await wait(targets, cluster, workspace.clock, ancestry.relate, waiting, on_standing)


async def targets_of(workspace: Workspace, fleet: Fleet, request: WaitRequest) -> tuple[Target, ...]:
    """What a request means."""
    from shipway.flows.wait import targets as flow
    from shipway.gitops.judging.view import Target
    from shipway.gitops.rollout import Promoted

    ledger = workspace.ledger(create=False)
    if request.commit or any("/" in image for image in request.images):
        images = [flow.named_image(image, ledger) for image in request.images]
        digests = await _digests(workspace, fleet, [reference for _, reference in images])
        repository = _repository(workspace, request) if request.commit else ""
        promoted = tuple(Promoted(name, reference, digests[reference]) for name, reference in images)
        return (Target(repository, request.commit, request.branch, (), promoted),)
    found: list[Promotion] = (
        flow.promoted_in(ledger, request.promotion)
        if request.promotion is not None
        else flow.last_promotions(ledger, request.images)
    )
    flow.require_pushed(found)
    known = await _digests(workspace, fleet, [each.reference for each in found])
    return flow.targets_of(found, known.__getitem__)


def _repository(workspace: Workspace, request: WaitRequest) -> str:
    if not _COMMIT.fullmatch(request.commit):
        raise InvalidValue(
            f"{request.commit!r} is not a whole commit", help=f"git rev-parse {request.commit} tells it"
        )
    if request.repository:
        return request.repository
    here = workspace.working_copy.revision(workspace.root)
    if here is None or here.remote is None:
        raise UsageError(
            "nobody knows which repository the commit is of",
            cause="this directory has no git remote called origin",
            help="name it with --repository URL, as the GitRepository of the cluster does",
        )
    return here.remote


async def _digests(
    workspace: Workspace, fleet: Fleet, references: Sequence[Reference]
) -> dict[Reference, frozenset[str]]:
    from shipway.flows.wait.targets import known_digests

    found = {reference: frozenset({str(reference.digest or "")}) for reference in references}
    with suppress(TimeoutError):
        async with asyncio.timeout(_DIGEST_SECONDS), workspace.registry(fleet) as registry:
            found.update(await known_digests(registry, references))
    return found


def _ancestry(workspace: Workspace, fleet: Fleet, targets: Sequence[Target]) -> Ancestry:
    """What git tells, of those repositories that are on this machine."""
    from shipway.flows.wait.ancestry import Ancestry
    from shipway.git import GitBranches
    from shipway.gitops.concerned import same_repository

    branches = GitBranches(workspace.host)
    directories = [workspace.root, *(workspace.root / each.path for each in fleet.gitops if each.path)]
    clones: dict[str, Path] = {}
    for directory in directories:
        with suppress(GitError):
            here = workspace.working_copy.revision(directory) if directory.is_dir() else None
            remote = here.remote if here else None
            clones.update(
                (each.repository, directory)
                for each in targets
                if remote and same_repository(remote, each.repository)
            )

    def fetch(target: Target, directory: Path) -> None:
        branches.tip(branches.at(directory, target.branch))

    return Ancestry(clones, branches.descends, fetch)


async def status_live(workspace: Workspace, context: str | None, namespace: str | None) -> Abreast:
    """What is built, promoted, declared and running. Raises UsageError before anything was delivered."""
    from shipway.flows import abreast as flow
    from shipway.flows.promote.publish import Snapshot
    from shipway.flows.wait.targets import promotions
    from shipway.git import GitBranches
    from shipway.wiring.promoting import Destinations, followed

    ledger = workspace.ledger(create=False)
    deliveries = ledger.deliveries()
    if not deliveries:
        raise UsageError("nothing was delivered yet", help="shipway ship delivers")
    fleet = workspace.fleet() if workspace.has_fleet_file() else workspace.accesses()
    told = list(promotions(ledger))
    references = [*map(flow.reference_of, deliveries), *(each.reference for each in told)]
    digests = await _digests(workspace, fleet, list(dict.fromkeys(references)))
    branches = GitBranches(workspace.host)
    with ExitStack() as stack:
        opened: list[tuple[Branch, str]] = []
        if fleet.gitops:
            opened = stack.enter_context(followed(workspace, fleet, Destinations(), branches))
        snapshots = [
            Snapshot(branches, branch, tip, below)
            for branch, below in opened
            if (tip := branches.tip(branch)) is not None
        ]
        known = flow.Known(deliveries, told, snapshots, digests)
        async with cluster_of(workspace, context) as cluster:
            return await flow.look(known, cluster, namespace)


@dataclass(frozen=True, slots=True)
class CertificatesRequest:
    """Which cluster, and whether to look until all is renewed: for ``seconds`` at most, None for one look."""

    context: str | None
    seconds: float | None
    on_probed: OnProbed


async def certificates(workspace: Workspace, request: CertificatesRequest) -> tuple[Probed, ...]:
    """The certificates of the registries that the fleet delivers to, as cert-manager cares for them."""
    from shipway.flows.live.aims import ports_of
    from shipway.flows.live.cluster_tls import Sought, look, until_renewed
    from shipway.registry.presented import RegistryPresented

    ports = ports_of(workspace.checker.facts(workspace.builds))
    sought = [Sought(port.registry, port.place) for port in ports if port.goals]
    async with cluster_of(workspace, request.context) as cluster:

        async def once() -> tuple[Probed, ...]:
            return await look(sought, cluster, RegistryPresented(), workspace.clock, request.on_probed)

        return await (once() if request.seconds is None else until_renewed(once, request.seconds))
