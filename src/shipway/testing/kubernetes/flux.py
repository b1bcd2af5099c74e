"""Flux and the kubelet, played from a script on any API: the state machines that its documents describe.

Each look at the objects moves every one of them by a step, through ``/status`` as the controllers do:

* GitRepository: a request -> Reconciling, Ready=Unknown -> artifact at the script's head, Ready=True,
  ``lastHandledReconcileAt`` at the end.
* Kustomization: a new artifact or a request -> Reconciling/Progressing -> ``lastAttemptedRevision`` ->
  what the script applies, inventory -> health -> ``lastAppliedRevision``, Ready=True; or Ready=False with
  Reconciling/ProgressingWithRetry. A dependency that is not ready: DependencyNotReady.
* HelmRelease: a change or a request -> Reconciling -> Released=True, Ready=True; or Released=False.
* Deployment: a change -> new pods with their ``imageID`` -> rolled out; or ProgressDeadlineExceeded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shipway.gitops.concerned import dependencies, source_of
from shipway.gitops.kubernetes import (
    DEPLOYMENT,
    GIT_REPOSITORY,
    HELM_RELEASE,
    KUSTOMIZATION,
    POD,
    Name,
    Object,
    condition,
    generation,
    items,
    mapping,
    name_of,
    number,
    text,
    value,
)
from shipway.gitops.rollout import parsed
from shipway.gitops.verdict import is_applied, token_of
from shipway.ports import Cluster
from shipway.testing.kubernetes.api import Api

_PAUSE_SECONDS = 0.02
_NOW = "2026-11-21T12:00:00Z"
_PROGRESS = {"type": "Reconciling", "status": "True", "reason": "Progressing"}


@dataclass
class Script:
    """What happens. ``head`` is the revision that GitRepositories find. ``applies`` are the changes that a
    Kustomization (by name) makes to objects, ``fails`` why something by this name fails: reason and message.
    ``digests`` are what the image of a Deployment resolves to; ``stuck`` never get on."""

    head: str
    applies: Mapping[str, Sequence[tuple[Name, Mapping[str, Any]]]] = field(default_factory=dict)
    fails: dict[str, tuple[str, str]] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    stuck: frozenset[str] = frozenset()


class ScriptedFlux:
    """Plays ``script`` on the objects of one namespace, until it is cancelled."""

    def __init__(self, api: Api, cluster: Cluster, namespace: str, script: Script) -> None:
        self.script = script
        self._api = api
        self._cluster = cluster
        self._namespace = namespace

    async def run(self) -> None:
        """Look, move, and again."""
        while True:
            await self.step()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def settle(self, most: int = 40) -> None:
        """Move until nothing more does."""
        for _ in range(most):
            if not await self.step():
                return

    async def step(self) -> bool:
        """Move every object by one step; whether any moved."""
        moved = False
        for kind, move in (
            (GIT_REPOSITORY, self._source),
            (KUSTOMIZATION, self._kustomization),
            (HELM_RELEASE, self._release),
            (DEPLOYMENT, self._deployment),
        ):
            for thing in await self._cluster.list(kind, self._namespace):
                if value(thing, "spec", "suspend") is not True:
                    moved = await move(name_of(kind, thing), thing) or moved
        return moved

    async def _tell(
        self, name: Name, thing: Object, conditions: Mapping[str, tuple[str, str, str]], **status: Any
    ) -> bool:
        """Write conditions (type: status, reason, message) and fields of a status."""
        told = [
            {
                "type": kind,
                "status": state,
                "reason": reason,
                "message": message,
                "observedGeneration": generation(thing),
                "lastTransitionTime": _NOW,
            }
            for kind, (state, reason, message) in conditions.items()
        ]
        await self._api.patch_status(name, {"conditions": told, **status})
        return True

    # --- source-controller ----------------------------------------------------------------------

    async def _source(self, name: Name, thing: Object) -> bool:
        token, reconciling = token_of(thing), condition(thing, "Reconciling")
        seen = text(thing, "status", "lastHandledReconcileAt")
        if name.name in self.script.stuck or (
            seen == token and text(thing, "status", "artifact", "revision")
        ):
            return False
        if reconciling is None:
            progress = ("True", "Progressing", "building artifact")
            return await self._tell(
                name, thing, {"Reconciling": progress, "Ready": ("Unknown", "Progressing", "reconciling")}
            )
        done: dict[str, Any] = {"observedGeneration": generation(thing), "lastHandledReconcileAt": token}
        if name.name in self.script.fails:
            reason, message = self.script.fails[name.name]
            failed = {"FetchFailed": ("True", reason, message), "Ready": ("False", reason, message)}
            return await self._tell(name, thing, failed, lastHandledReconcileAt=token)
        artifact = {"revision": self.script.head, "digest": f"sha256:{'0' * 64}", "lastUpdateTime": _NOW}
        stored = ("True", "Succeeded", f"stored artifact for revision '{self.script.head}'")
        return await self._tell(name, thing, {"Ready": stored}, artifact=artifact, **done)

    # --- kustomize-controller -------------------------------------------------------------------

    async def _kustomization(self, name: Name, thing: Object) -> bool:
        source = await self._cluster.get(source_of(thing))
        revision = text(source, "status", "artifact", "revision")
        token, attempted = token_of(thing), text(thing, "status", "lastAttemptedRevision")
        ready, reconciling = condition(thing, "Ready"), condition(thing, "Reconciling")
        was_blocked = ready is not None and ready.reason == "DependencyNotReady"
        is_running = reconciling is not None and reconciling.reason == "Progressing"
        is_new = attempted != revision or token != text(thing, "status", "lastHandledReconcileAt")
        if not revision or not (is_new or was_blocked or is_running):
            return False
        blocking = await self._blocking(thing, revision)
        if blocking is not None:
            message = f"dependency '{blocking.namespace}/{blocking.name}' is not ready"
            is_told = was_blocked and not is_new
            return not is_told and await self._retry(name, thing, ("DependencyNotReady", message), token)
        if not is_running or attempted != revision:
            progress = {
                "Reconciling": ("True", "Progressing", f"Building manifests for revision {revision}"),
                "Ready": ("Unknown", "Progressing", "Reconciliation in progress"),
            }
            return await self._tell(name, thing, progress, lastAttemptedRevision=revision)
        return await self._applied(name, thing, revision, token)

    async def _blocking(self, thing: Object, revision: str) -> Name | None:
        """The dependency that is not ready, or not yet at the revision of the same source."""
        for each in dependencies(KUSTOMIZATION, thing):
            found = await self._cluster.get(each)
            is_here = found is not None and source_of(found) == source_of(thing)
            is_behind = is_here and text(found, "status", "lastAppliedRevision") != revision
            if found is None or is_behind or not is_applied(found):
                return each
        return None

    async def _applied(self, name: Name, thing: Object, revision: str, token: str) -> bool:
        if (failure := self.script.fails.get(name.name)) and failure[0] != "HealthCheckFailed":
            return await self._retry(name, thing, failure, token)
        entries = {text(each, "id"): dict(each) for each in items(thing, "status", "inventory", "entries")}
        for made, change in self.script.applies.get(name.name, ()):
            await self._api.patch(made, change)
            key = f"{made.namespace}_{made.name}_{made.kind.group}_{made.kind.name}"
            entries[key] = {"id": key, "v": "v1"}
        inventory = {"entries": list(entries.values())}
        if name.name in self.script.stuck:
            checking = {
                "Reconciling": ("True", "Progressing", f"Running health checks for revision {revision}"),
                "Ready": ("Unknown", "Progressing", "Reconciliation in progress"),
            }
            same = mapping(thing, "status", "inventory") == inventory
            return not same and await self._tell(name, thing, checking, inventory=inventory)
        if failure:
            return await self._retry(name, thing, failure, token, inventory=inventory)
        return await self._tell(
            name,
            thing,
            {"Ready": ("True", "ReconciliationSucceeded", f"Applied revision: {revision}")},
            observedGeneration=generation(thing),
            lastAppliedRevision=revision,
            lastHandledReconcileAt=token,
            inventory=inventory,
        )

    async def _retry(
        self, name: Name, thing: Object, failure: tuple[str, str], token: str, **status: Any
    ) -> bool:
        reason, message = failure
        conditions = {
            "Reconciling": ("True", "ProgressingWithRetry", message),
            "Ready": ("False", reason, message),
        }
        return await self._tell(name, thing, conditions, lastHandledReconcileAt=token, **status)

    # --- helm-controller ------------------------------------------------------------------------

    async def _release(self, name: Name, thing: Object) -> bool:
        token, handled = token_of(thing), text(thing, "status", "lastHandledReconcileAt")
        seen = number(thing, "status", "lastAttemptedGeneration")
        if name.name in self.script.stuck or (seen == generation(thing) and token == handled):
            return False
        if condition(thing, "Reconciling") is None:
            return await self._tell(name, thing, {"Reconciling": ("True", "Progressing", "Running upgrade")})
        done = {
            "lastAttemptedGeneration": generation(thing),
            "lastHandledReconcileAt": token,
            "observedGeneration": generation(thing),
        }
        if failure := self.script.fails.get(name.name):
            reason, message = failure
            failed = {"Released": ("False", reason, message), "Ready": ("False", reason, message)}
            return await self._tell(name, thing, failed, **done)
        for made, change in self.script.applies.get(name.name, ()):
            await self._api.patch(made, change)
        succeeded = ("True", "UpgradeSucceeded", "Helm upgrade succeeded")
        return await self._tell(name, thing, {"Released": succeeded, "Ready": succeeded}, **done)

    # --- deployment controller and kubelet ------------------------------------------------------

    async def _deployment(self, name: Name, thing: Object) -> bool:
        if number(thing, "status", "observedGeneration") == generation(thing):
            return False
        if name.name in self.script.stuck:
            return await self._counted(name, thing, updated=0)
        if failure := self.script.fails.get(name.name):
            conditions = {"Progressing": ("False", *failure)}
            return await self._tell(name, thing, conditions, observedGeneration=generation(thing))
        await self._replace_pods(name, thing)
        return await self._counted(name, thing, updated=number(thing, "spec", "replicas", default=1))

    async def _counted(self, name: Name, thing: Object, updated: int) -> bool:
        wanted = number(thing, "spec", "replicas", default=1)
        available = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        return await self._tell(
            name,
            thing,
            {"Available": available},
            observedGeneration=generation(thing),
            replicas=wanted,
            updatedReplicas=updated,
            availableReplicas=wanted,
            readyReplicas=wanted,
        )

    async def _replace_pods(self, name: Name, thing: Object) -> None:
        prefix = f"{name.name}-"
        for pod in await self._cluster.list(POD, name.namespace):
            if text(pod, "metadata", "name").startswith(prefix):
                await self._api.delete(name_of(POD, pod))
        spec = mapping(thing, "spec", "template", "spec")
        labels = mapping(thing, "spec", "selector", "matchLabels")
        owner = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": name.name,
            "uid": text(thing, "metadata", "uid"),
        }
        for count in range(number(thing, "spec", "replicas", default=1)):
            pod_name = Name(POD, name.namespace, f"{prefix}{generation(thing)}-{count}")
            meta = {"labels": dict(labels), "ownerReferences": [owner]}
            await self._api.create(pod_name, metadata=meta, spec=dict(spec))
            statuses = [self._container(container) for container in items(spec, "containers")]
            ready = {"type": "Ready", "status": str(all("state" not in each for each in statuses))}
            status = {"phase": "Running", "conditions": [ready], "containerStatuses": statuses}
            await self._api.patch_status(pod_name, status)

    def _container(self, container: Object) -> dict[str, Any]:
        image = text(container, "image")
        found = parsed(image)
        repository = found.name if found else image
        digest = str(found.digest) if found and found.digest else self.script.digests.get(image, "")
        status = {
            "name": text(container, "name"),
            "image": image,
            "ready": True,
            "restartCount": 0,
            "imageID": f"{repository}@{digest}" if digest else "",
        }
        return status if digest else {**status, "state": {"waiting": {"reason": "ImagePullBackOff"}}}
