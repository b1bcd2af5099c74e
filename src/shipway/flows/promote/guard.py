"""No way back by accident: what is promoted must come after what is deployed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from shipway.errors import NotMet, RegistryError
from shipway.flows.build import REVISION_LABEL
from shipway.flows.promote.wanted import Real, Wanted, labels_of
from shipway.flows.verifying.image import Subject, Verifier
from shipway.flows.verifying.origin import Origin
from shipway.ports import Branches
from shipway.values import Digest, Reference


@dataclass(frozen=True, slots=True)
class Guard:
    """Compares commits: the one that a registry tells of what is deployed with the one that is wanted."""

    verifier: Verifier
    branches: Branches
    origin: Origin
    real: Real
    allow_older: bool = False
    _known: dict[Reference, str] = field(default_factory=dict)

    async def check(self, wanted: Wanted, deployed: Reference) -> str:
        """What is to be noted of one place, ``""`` for nothing.

        Raises NotMet when ``wanted`` does not descend from what is deployed there.
        """
        if self.allow_older or deployed.digest == wanted.digest:
            return ""
        if deployed.digest is None and deployed.tag in (None, wanted.reference.tag):
            return ""
        before = await self._commit(deployed)
        if not before or not wanted.commit:
            silent = deployed if not before else wanted.reference
            return f"{wanted.image}: whether it is newer is not known, {silent} tells no commit"
        if before == wanted.commit:
            return ""
        newer = self.branches.descends(wanted.root, wanted.commit, before) if wanted.root else None
        if newer:
            return ""
        raise NotMet(
            f"{wanted.image}: {wanted.commit[:12]} does not come after {before[:12]}, which is deployed",
            cause=f"{wanted.reference} was built from {wanted.commit}, {deployed} from {before}"
            + ("" if newer is False else "; the history here does not hold both"),
            help="deliver a newer commit, or promote it all the same: --allow-older"
            if newer is False
            else "fetch the whole history of the sources (git fetch --unshallow), or --allow-older",
        )

    async def _commit(self, deployed: Reference) -> str:
        if deployed not in self._known:
            self._known[deployed] = await self._told(deployed)
        return self._known[deployed]

    async def _told(self, deployed: Reference) -> str:
        """The commit that an image says it is of, by its label, else by its provenance."""
        real = self.real(deployed)
        try:
            at = real.with_digest(deployed.digest) if deployed.digest else real
            found = await self.verifier.registry.head(at)
            if found is None:
                return ""
            at = real.with_digest(found.parsed_digest)
            labels = await labels_of(self.verifier.registry, at)
            if commit := labels.get(REVISION_LABEL, ""):
                return commit
            return await self._attested(deployed, at, found.parsed_digest)
        except RegistryError:
            return ""

    async def _attested(self, deployed: Reference, at: Reference, digest: Digest) -> str:
        verdict = await self.verifier.verify(
            Subject(replace(deployed, tag=None, digest=digest), at, self.origin)
        )
        told = verdict.provenance
        return told.source.commit if told and told.source else ""
