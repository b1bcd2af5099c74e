"""Rollbacks end to end: the places go back, the policy stays there, and a release gives its bytes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipway.errors import NotMet, UsageError
from shipway.gitops.edits.hold import holds
from shipway.testing.gitops import OLD, Cluster, git
from shipway.testing.harbour import Harbour
from shipway.values import Duration
from shipway.wiring import Workspace
from shipway.wiring.promoting import Destinations, Promoted, PromoteRequest, promote
from shipway.wiring.rolling_back import RollbackRequest, release, roll_back

MARKED = """\
kind: HelmRelease
metadata: {{name: solo}}
spec:
  values:
    image:
      repository: {registry}/shop/solo
      tag: "0" # {{"$imagepolicy": "flux-system:solo:tag"}}
      digest: sha256:{old} # {{"$imagepolicy": "flux-system:solo:digest"}}
"""
POLICY = """\
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata:
  name: solo
  namespace: flux-system
spec:
  image: {registry}/shop/solo
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata:
  name: solo
  namespace: flux-system
spec:
  imageRepositoryRef:
    name: solo

  policy:
    numerical: # by number
      order: asc
"""


@pytest.fixture
def flux(tmp_path: Path, shipped: Harbour) -> Cluster:
    at = {"registry": shipped.destination, "old": OLD}
    return Cluster(tmp_path, "flux", MARKED.format(**at), {"policies.yaml": POLICY.format(**at)})


async def deliver(harbour: Harbour, tag: str) -> None:
    """Another version of the image, from another commit."""
    file = harbour.root / "shipway.yaml"
    lines = [f"tag: '{tag}'" if line.startswith("tag: ") else line for line in file.read_text().splitlines()]
    file.write_text("\n".join(lines) + "\n")
    (harbour.root / "solo" / "f").write_text(tag)
    git(harbour.root, "commit", "-qam", tag)
    await harbour.ship("solo")


async def promoted(harbour: Harbour, cluster: Cluster) -> Promoted:
    with Workspace(harbour.root, state=harbour.state) as workspace:
        where = Destinations((str(cluster.copy),))
        return await promote(workspace, PromoteRequest(("solo",), where), "promote")


async def rolled(harbour: Harbour, cluster: Cluster, hold: str = "7d", **more: object) -> Promoted:
    with Workspace(harbour.root, state=harbour.state) as workspace:
        where = Destinations((str(cluster.copy),))
        length = Duration.parse(hold)
        request = RollbackRequest("solo", where, hold=length if length.seconds else None, **more)  # type: ignore[arg-type]
        return await roll_back(workspace, request, "rollback")


async def test_places_and_policy_go_back_in_one_commit(shipped: Harbour, flux: Cluster) -> None:
    await promoted(shipped, flux)
    first = flux.file()
    await deliver(shipped, "2")
    await promoted(shipped, flux)
    assert 'tag: "2"' in flux.file()
    before = flux.head
    result = await rolled(shipped, flux)
    assert result.repositories[0].state == "pushed"
    assert flux.file() == first
    assert git(flux.remote, "rev-list", f"{before}..main") == flux.head
    (held,) = holds(flux.file("policies.yaml").encode(), "policies.yaml")
    assert held.policy == "flux-system/solo"
    assert "pattern: '^1$'" in flux.file("policies.yaml")
    with Workspace(shipped.root, state=shipped.state) as workspace:
        await release(workspace, "solo", Destinations((str(flux.copy),)))
    assert flux.file("policies.yaml") == POLICY.format(registry=shipped.destination).rstrip()
    assert flux.file() == first


async def test_a_second_rollback_goes_further_back(shipped: Harbour, flux: Cluster) -> None:
    for tag in ("1", "2", "3"):
        if tag != "1":
            await deliver(shipped, tag)
        await promoted(shipped, flux)
    seen = []
    for _ in range(2):
        await rolled(shipped, flux, hold="0")
        seen.append(next(line for line in flux.file().splitlines() if "tag:" in line).split()[1])
    assert seen == ['"2"', '"1"']
    assert flux.file("policies.yaml") == POLICY.format(registry=shipped.destination).rstrip()


async def test_a_promotion_is_named_by_its_run(shipped: Harbour, flux: Cluster) -> None:
    first = await promoted(shipped, flux)
    for tag in ("2", "3"):
        await deliver(shipped, tag)
        await promoted(shipped, flux)
    await rolled(shipped, flux, promotion=first.run)
    assert 'tag: "1"' in flux.file()
    with pytest.raises(UsageError, match="run 999 did not promote solo"):
        await rolled(shipped, flux, promotion=999)


async def test_without_markers_only_the_places_go_back(shipped: Harbour, cluster: Cluster) -> None:
    await promoted(shipped, cluster)
    first = cluster.file()
    await deliver(shipped, "2")
    await promoted(shipped, cluster)
    result = await rolled(shipped, cluster)
    assert cluster.file() == first
    assert [file.path for file in result.repositories[0].edits.files] == ["apps/solo.yaml"]


async def test_what_was_never_promoted_or_is_gone_cannot_be_gone_back_to(
    shipped: Harbour, cluster: Cluster
) -> None:
    head = cluster.head
    with pytest.raises(NotMet, match="not known here"):
        await rolled(shipped, cluster)
    await promoted(shipped, cluster)
    with pytest.raises(NotMet, match="cannot be promoted"):
        await rolled(shipped, cluster)  # what was there before the first promotion is in no registry
    assert git(cluster.remote, "rev-parse", "main~1") == head
