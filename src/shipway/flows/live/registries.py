"""Looks at one registry: reach it, then everything that goes there or comes from there at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import replace

from shipway.checks.finding import Finding
from shipway.checks.live import refused
from shipway.checks.rules.sw206_base_platform import WantedBase, lacking
from shipway.checks.rules.sw401_registry_unreachable import RULE as UNREACHABLE
from shipway.checks.rules.sw411_certificate_expires_soon import expiring
from shipway.checks.rules.sw421_no_credentials import RULE as NO_CREDENTIALS
from shipway.checks.rules.sw423_expired_credentials import expired
from shipway.checks.rules.sw424_credentials_for_another_host import misplaced
from shipway.checks.rules.sw435_immutable_tag import frozen
from shipway.checks.rules.sw436_quota import scarce
from shipway.checks.rules.sw438_misdirected_upload import misdirected
from shipway.checks.rules.sw441_missing_base import missing
from shipway.checks.rules.sw505_engine_distrusts_registry import distrusted
from shipway.checks.rules.sw506_clock_skew import skewed
from shipway.errors import NotFound, RegistryError, ShipwayError
from shipway.flows.live.aims import Goal, Port
from shipway.flows.live.probed import Probed, Sight, probed
from shipway.ports import Account, EngineSurvey, EngineTrust, Reached
from shipway.values import Reference


class RegistryProbes:
    """The probes of the registry of one ``port``, all of them done before ``deadline`` (loop time).

    ``survey`` gives what the engine is, None when there is none, and is None itself where no engine matters;
    ``plain`` are the hosts that the fleet file reaches over plain HTTP.
    """

    def __init__(
        self,
        world: Sight,
        port: Port,
        survey: asyncio.Future[EngineSurvey | None] | None,
        carried: EngineTrust,
        deadline: float,
    ) -> None:
        self._world = world
        self._port = port
        self._survey = survey
        self._carried = carried
        self._deadline = deadline

    async def run(self) -> list[Probed]:
        """Reach the registry; where that fails nothing else can be seen, and one cause is told once."""
        account, problem = await self._account()
        try:
            async with asyncio.timeout_at(self._deadline):
                reached = await self._world.inspector.reach(self._port.registry)
        except TimeoutError:
            return [self._tell("registry", self._port.registry, "no answer", self._late("answer"))]
        except ShipwayError as error:
            finding = self._refused(error, account, self._port.registry)
            return [self._tell("registry", self._port.registry, "cannot be used", finding)]
        first = [self._registry(reached), self._credentials(account, problem)]
        return first + list(await asyncio.gather(*self._further(reached, account)))

    def _further(self, reached: Reached, account: Account | None) -> list[Awaitable[Probed]]:
        looks: list[Awaitable[Probed]] = [self._trust(self._survey)] if self._survey is not None else []
        looks += [self._push(goal, reached, account) for goal in self._port.goals]
        looks += [self._base(reference, users, account) for reference, users in self._bases().items()]
        if reached.is_harbor:
            projects = {goal.repository.repository.partition("/")[0]: goal for goal in self._port.goals}
            looks += [self._quota(name, goal) for name, goal in projects.items()]
            looks += [self._tag(goal, goal.tagged) for goal in self._port.goals if goal.tagged]
        return looks

    def _registry(self, reached: Reached) -> Probed:
        now, registry, place = self._world.clock.now(), self._port.registry, self._port.place
        seen = [f"answers at {reached.base}"]
        if reached.expires is not None:
            seen.append(f"certificate valid for {(reached.expires - now).days} days")
        return self._tell(
            "registry",
            registry,
            ", ".join(seen),
            expiring(place, registry, reached.expires, now) if reached.expires else None,
            skewed(place, registry, reached.time, now) if reached.time else None,
        )

    # --- credentials --------------------------------------------------------------------------

    async def _account(self) -> tuple[Account | None, ShipwayError | None]:
        """The credentials for what goes there, else for what comes from there."""
        goals, bases = self._port.goals, self._port.bases
        named = [goal.repository for goal in goals] + [wanted.base.reference for wanted in bases]
        reference = next(iter(named), Reference(self._port.registry, ""))
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._world.inspector.account(reference), None
        except ShipwayError as error:
            return None, error
        except TimeoutError:
            return None, None

    def _credentials(self, account: Account | None, problem: ShipwayError | None) -> Probed:
        registry, place = self._port.registry, self._port.place
        if problem is not None:
            return self._tell("credentials", registry, "unreadable", refused(problem, place, registry))
        if account is None or not account.source:
            return self._tell("credentials", registry, "none, anonymous access")
        who = f" for {account.username}" if account.username else ""
        over = None
        if account.expires is not None:
            over = expired(place, registry, account.source, account.expires, self._world.clock.now())
        return self._tell("credentials", registry, f"{account.source}{who}", over)

    def _refused(
        self, error: ShipwayError, account: Account | None, subject: str, goal: Goal | None = None
    ) -> Finding:
        place, image = (goal.place, goal.image.name) if goal else (self._port.place, None)
        finding = refused(error, place, subject, image)
        if account is None:
            return finding
        if finding.rule == NO_CREDENTIALS.id and account.similar:
            return misplaced(finding, self._port.registry, account.similar)
        over = None
        if account.expires is not None and isinstance(error, RegistryError) and error.status == 401:
            now = self._world.clock.now()
            over = expired(place, self._port.registry, account.source, account.expires, now)
        return over or finding

    # --- what goes there ----------------------------------------------------------------------

    async def _push(self, goal: Goal, reached: Reached, account: Account | None) -> Probed:
        subject = goal.repository.name
        try:
            async with asyncio.timeout_at(self._deadline):
                proof = await self._world.inspector.prove_push(goal.repository)
        except TimeoutError:
            return self._tell("push", subject, "no answer", self._late("open an upload"))
        except ShipwayError as error:
            finding = self._refused(error, account, subject, goal)
            return self._tell("push", subject, "refused", finding)
        seen = ["an upload was opened" + (" and cancelled" if proof.cancelled else ", the registry drops it")]
        if proof.granted is not None:
            seen.append(f"the token grants {' '.join(proof.granted) or 'nothing'}")
        wrong = None
        if proof.misdirected is not None:
            wrong = misdirected(goal.place, reached.base, proof.misdirected, subject)
        return self._tell("push", subject, ", ".join(seen), wrong)

    async def _quota(self, project: str, goal: Goal) -> Probed:
        quota = None
        with suppress(ShipwayError, TimeoutError):
            async with asyncio.timeout_at(self._deadline):
                quota = await self._world.inspector.quota(goal.repository)
        if quota is None or quota.limit is None:
            return self._tell("quota", project, "not told" if quota is None else "unlimited")
        return self._tell(
            "quota",
            project,
            f"{quota.used >> 20} of {quota.limit >> 20} MiB used",
            scarce(goal.place, project, quota.used, quota.limit),
        )

    async def _tag(self, goal: Goal, tagged: Reference | None) -> Probed:
        immutable = False
        with suppress(ShipwayError, TimeoutError):
            async with asyncio.timeout_at(self._deadline):
                immutable = tagged is not None and await self._world.inspector.is_immutable(tagged)
        finding = frozen(goal.place, goal.image.name, tagged) if immutable and tagged else None
        return self._tell("tag", str(tagged), "immutable" if immutable else "may be written", finding)

    # --- what comes from there ----------------------------------------------------------------

    def _bases(self) -> dict[Reference, list[WantedBase]]:
        """Each base once, with all its users: registries count every manifest that is read as a pull."""
        found: dict[Reference, list[WantedBase]] = {}
        for wanted in self._port.bases:
            found.setdefault(wanted.base.reference, []).append(wanted)
        return found

    async def _base(self, base: Reference, users: list[WantedBase], account: Account | None) -> Probed:
        subject = base.familiar
        versioned = base.tag is not None or base.digest is not None
        try:
            async with asyncio.timeout_at(self._deadline):
                reference = base if versioned else base.with_tag("latest")
                platforms = await self._world.inspector.platforms(reference)
        except TimeoutError:
            return self._tell("base", subject, "no answer", self._late(f"tell about {subject}"))
        except NotFound as error:
            return self._tell("base", subject, "missing", *(missing(user.base, error) for user in users))
        except ShipwayError as error:
            goals = (Goal(user.base.build.image, base, user.base.place) for user in users)
            findings = (self._refused(error, account, subject, goal) for goal in goals)
            return self._tell("base", subject, "cannot be read", *findings)
        seen = ", ".join(map(str, platforms)) or "no platform named"
        lacks = (lacking(user, platforms, self._port.registry) for user in users)
        return self._tell("base", subject, seen, *lacks)

    async def _trust(self, surveyed: asyncio.Future[EngineSurvey | None]) -> Probed:
        """The registry as the engine sees it, which reads other files than Shipway."""
        registry, pulls = self._port.registry, bool(self._port.bases)
        try:
            async with asyncio.timeout_at(self._deadline):
                # the time-out of one that waits must not take the survey from the others
                survey = await asyncio.shield(surveyed)
        except TimeoutError:
            survey = None
        if survey is None:
            return self._tell("engine trust", registry, "no engine to ask")
        name = survey.info.name
        try:
            async with asyncio.timeout_at(self._deadline):
                await self._world.inspector.reach(registry, self._trusted(survey))
        except TimeoutError:
            return self._tell("engine trust", registry, "no answer", self._late("answer"))
        except ShipwayError as error:
            finding = distrusted(self._port.place, name, registry, error, survey.advice, pulls=pulls)
            return self._tell("engine trust", registry, f"{name} would not pull", finding)
        return self._tell("engine trust", registry, f"{name} can pull")

    def _trusted(self, survey: EngineSurvey) -> EngineTrust:
        """What the engine trusts by itself, and what builds tell it."""
        own, carried = survey.trust, self._carried
        if not survey.takes_plain:
            return own
        return replace(own, plain=own.plain + carried.plain, authorities=carried.authorities)

    # --- telling ------------------------------------------------------------------------------

    def _late(self, what: str) -> Finding:
        registry = self._port.registry
        return UNREACHABLE.finding(
            self._port.place,
            f"{registry} did not {what} within {self._world.seconds:g} s",
            subject=registry,
            cause="a firewall that drops packets, an overloaded registry, or a slow credential helper",
            help=f"check the way: curl -sSiv {registry}/v2/",
        )

    def _tell(self, probe: str, subject: str, seen: str, *findings: Finding | None) -> Probed:
        told = probed(probe, subject, seen, *findings)
        self._world.on_probed(told)
        return told
