"""What the applied objects run: workloads rolled out, and the digests of their pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from shipway.gitops.concerned import inventory, is_remote, released_by, target_namespace
from shipway.gitops.judging.appliers import Appliers, declares
from shipway.gitops.judging.view import End, Feed, Notebook, Target
from shipway.gitops.kubernetes import (
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    HELM_RELEASE,
    KUSTOMIZATION,
    POD,
    STATEFUL_SET,
    WORKLOADS,
    Name,
    Object,
    number,
)
from shipway.gitops.rollout import Promoted, images_of, judge_workload, pods_of, running
from shipway.gitops.verdict import Standing, judge_release

_CHART_WORKLOADS = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET)


@dataclass(slots=True)
class Workloads:
    """The workloads that the appliers of a target have made."""

    target: Target
    book: Notebook
    appliers: Appliers

    def judge_early(self) -> End | None:
        """What has failed for good while Flux still waits for it: Flux itself tells at its time-out only.

        Only objects that name a promoted image count: of the others nobody knows whether they are the new
        ones.
        """
        if not self.appliers.is_attempted or not self.book.require(*self._feeds()):
            return None
        for name in self.appliers.inventories():
            thing = self.book.view.get(name)
            if thing is None or not declares(self.target.images, name.kind, thing):
                continue
            standing = self._fresh(name, thing)
            if standing.phase == "failed":
                return "failed", self.book.see(standing)
            if standing.phase == "suspended":
                return "suspended", self.book.see(standing)
        return None

    def _fresh(self, name: Name, thing: Object) -> Standing:
        if name.kind == HELM_RELEASE:
            return judge_release(thing, self.book.view.asked.get(name), has_new=True)
        return judge_workload(name.kind, thing)

    def judge(self) -> End | None:
        """Whether all of them are rolled out and run what was promoted."""
        appliers = self.appliers
        for name, thing in (*appliers.kustomizations.items(), *appliers.releases.items()):
            if is_remote(thing):
                message = f"{name} applies to another cluster: what runs there cannot be seen from here"
                return "failed", self.book.see(Standing(name, "failed", "OtherCluster", message))
        if not self.book.require(*self._feeds()):
            return None
        found = dict(sorted(self._found()))
        if not self.target.images:
            return self._all(found)
        ends = [self._image(promoted, found) for promoted in self.target.images]
        return next((end for end in ends if end is not None), None)

    def _feeds(self) -> set[Feed]:
        view = self.book.view
        applied = (name for name in self.appliers.inventories() if name.kind in WORKLOADS)
        feeds = {view.feed(name.kind, name.namespace) for name in applied}
        for release in self._without_inventory():
            feeds.update(view.feed(kind, target_namespace(release)) for kind in _CHART_WORKLOADS)
        return feeds

    def _without_inventory(self) -> Iterator[Object]:
        """HelmReleases of a helm-controller before 1.5: labels tell what they made."""
        return (thing for thing in self.appliers.releases.values() if not any(True for _ in inventory(thing)))

    def _found(self) -> Iterator[tuple[Name, Object]]:
        view = self.book.view
        for name in self.appliers.inventories():
            thing = view.get(name) if name.kind in WORKLOADS else None
            if thing is not None:
                yield name, thing
        for release in self._without_inventory():
            is_one = released_by(release)
            for kind in _CHART_WORKLOADS:
                made = view.feeds.get(view.feed(kind, target_namespace(release)), {})
                yield from ((name, thing) for name, thing in made.items() if is_one(thing))

    def _all(self, found: Mapping[Name, Object]) -> End | None:
        for name, thing in found.items():
            if end := self._end(judge_workload(name.kind, thing)):
                return end
        return None

    def _end(self, standing: Standing) -> End | None:
        self.book.see(standing)
        self.book.is_open = self.book.is_open or standing.phase == "waiting"
        return ("failed", standing) if standing.phase == "failed" else None

    # --- images ---------------------------------------------------------------------------------

    def _image(self, promoted: Promoted, found: Mapping[Name, Object]) -> End | None:
        written = {name: images_of(name.kind, thing) for name, thing in found.items()}
        named = [name for name, images in written.items() if any(map(promoted.is_named_by, images))]
        declared = [name for name in named if any(map(promoted.is_declared_by, written[name]))]
        if not named:
            return "failed", self.book.see(self._nowhere(promoted))
        if not declared:
            other = next(filter(promoted.is_named_by, written[named[0]]))
            return self._other_version(promoted, named[0], found[named[0]], other)
        ends = [self._end(self._workload(promoted, name, found[name])) for name in declared]
        return next((end for end in ends if end is not None), None)

    def _nowhere(self, promoted: Promoted) -> Standing:
        where = ", ".join(map(str, (*self.appliers.kustomizations, *self.appliers.releases)))
        message = f"nothing that {where} applied runs an image of {promoted.reference.name}"
        return Standing(Name(KUSTOMIZATION, "", promoted.image), "failed", "NotFound", message)

    def _other_version(self, promoted: Promoted, name: Name, thing: Object, other: str) -> End | None:
        """No workload declares the promoted image: superseded, where the commit surely was applied."""
        sources, message = self.appliers.sources, f"it declares {other}, not {promoted.reference}"
        release = self._release_of(name, thing)
        if release is not None and release.phase in ("failed", "suspended"):
            return "suspended" if release.phase == "suspended" else "failed", release
        if self.target.commit and sources.is_certain and (release is None or release.phase == "done"):
            standing = Standing(name, "failed", "OtherVersion", message)
            return "superseded", self.book.see(standing)
        self.book.see(Standing(name, "waiting", "OtherVersion", message))
        self.book.is_open = True
        asked = sources.chosen
        if release is not None and release.phase == "waiting":
            asked = {release.name: self.appliers.releases[release.name]}
        for each, found in asked.items():
            self.book.ask(each, found)
        return None

    def _release_of(self, name: Name, thing: Object) -> Standing | None:
        """How the HelmRelease stands that made a workload. Its values may come from elsewhere, so only a run
        that was asked for tells."""
        for release, found in self.appliers.releases.items():
            if released_by(found)(thing) or name in set(inventory(found)):
                return self.book.see(judge_release(found, self.book.view.asked.get(release)))
        return None

    def _workload(self, promoted: Promoted, name: Name, thing: Object) -> Standing:
        """A workload that declares the image: rolled out, and its pods run the digest."""
        standing = judge_workload(name.kind, thing)
        if name.kind == CRON_JOB:
            self.book.notes.append(f"{name} names {promoted.reference}: its next run is the first with it")
            return standing
        if standing.phase == "failed" or number(thing, "spec", "replicas", default=1) == 0:
            return standing
        feed = (POD, name.namespace)
        if not self.book.require(feed):
            return standing
        everyone = list(self.book.view.feeds[feed].values())
        return _with_pods(
            promoted, standing, [thing] if name.kind == POD else pods_of(name.kind, thing, everyone)
        )


def _with_pods(promoted: Promoted, standing: Standing, pods: Sequence[Object]) -> Standing:
    containers = running(promoted, pods)
    for each in containers:
        told = f"{each.pod.name}, container {each.container}: "
        if each.hopeless:
            return Standing(standing.name, "failed", "Hopeless", told + each.trouble)
        if standing.phase == "done" and each.digest and each.digest not in promoted.digests:
            message = f"{told}runs {each.digest}, promoted was {', '.join(sorted(promoted.digests))}"
            return Standing(standing.name, "failed", "OtherDigest", message)
    if standing.phase == "done" and containers and all(each.digest for each in containers):
        digests = ", ".join(sorted({each.digest for each in containers}))
        count = "1 container runs" if len(containers) == 1 else f"{len(containers)} containers run"
        return Standing(standing.name, "done", "Running", f"{count} {digests}")
    trouble = next((f"{each.pod.name}: {each.trouble}" for each in containers if each.trouble), "")
    message = trouble or (standing.message if standing.phase == "waiting" else "its pods do not run it yet")
    return Standing(standing.name, "waiting", standing.reason, message)
