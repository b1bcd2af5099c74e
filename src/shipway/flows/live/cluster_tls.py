"""The certificates of registries that cert-manager cares for: named, stored, presented, renewed?

A Certificate says which names are wanted, its Secret holds what was issued last, and the registry presents
what it read when it started. Each step can be behind the one before.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shipway.checks.finding import Finding
from shipway.checks.rules.sw411_certificate_expires_soon import expiring
from shipway.checks.rules.sw412_certificate_lacks_address import RULE as LACKS_ADDRESS
from shipway.checks.rules.sw413_certificate_not_reloaded import RULE as NOT_RELOADED
from shipway.checks.rules.sw414_certificate_not_renewed import RULE as NOT_RENEWED
from shipway.errors import ClusterDenied
from shipway.flows.live.probed import OnProbed, Probed, probed
from shipway.gitops.kubernetes import (
    CERTIFICATE,
    DAEMON_SET,
    DEPLOYMENT,
    SECRET,
    STATEFUL_SET,
    Name,
    Object,
    condition,
    items,
    mapping,
    name_of,
    text,
    value,
)
from shipway.place import Place
from shipway.ports import Clock, Cluster, Presented, ServedCertificate

PROBE = "certificate"
# cert-manager renews at renewalTime; issuers take their time
_SLACK = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Sought:
    """A registry as it is addressed (host and port), and where the files say so."""

    registry: str
    place: Place

    @property
    def host(self) -> str:
        """The host alone, an IPv6 address without its brackets."""
        host, _, port = self.registry.rpartition(":")
        return (host if host and port.isdigit() else self.registry).strip("[]").lower()


@dataclass(frozen=True, slots=True)
class Issued:
    """A Certificate of cert-manager and what it has issued: ``names`` are those that it asks for, ``stored``
    is what its Secret holds, None where that is not there or may not be read (``is_hidden``)."""

    name: Name
    thing: Object
    secret: Name
    stored: ServedCertificate | None
    is_hidden: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """DNS names and addresses, as the Certificate asks for them."""
        asked = (value(self.thing, "spec", key) for key in ("dnsNames", "ipAddresses"))
        return tuple(each for listed in asked if isinstance(listed, list) for each in map(str, listed))

    def time(self, field: str) -> datetime | None:
        """A time of the status."""
        with suppress(ValueError):
            return datetime.fromisoformat(text(self.thing, "status", field)).astimezone(UTC)
        return None


async def look(
    sought: Sequence[Sought], cluster: Cluster, presented: Presented, clock: Clock, on_probed: OnProbed
) -> tuple[Probed, ...]:
    """Compare, for every registry, what is asked for, stored and presented. Raises a ClusterError."""
    issued = [await _issued(cluster, presented, thing) for thing in await cluster.list(CERTIFICATE)]
    told = []
    for each in sought:
        served = await presented.certificate(each.registry)
        told.append(await _probe(each, issued, served, cluster, clock.now()))
        on_probed(told[-1])
    return tuple(told)


async def until_renewed(
    look_again: Callable[[], Awaitable[tuple[Probed, ...]]],
    seconds: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    pause: float = 5.0,
) -> tuple[Probed, ...]:
    """Look until nothing is wrong any more, for ``seconds`` at most: what the last look showed."""
    for _ in range(max(1, round(seconds / pause))):
        told = await look_again()
        if all(each.state == "ok" for each in told):
            return told
        await sleep(pause)
    return await look_again()


async def _issued(cluster: Cluster, presented: Presented, thing: Object) -> Issued:
    name = name_of(CERTIFICATE, thing)
    secret = Name(SECRET, name.namespace, text(thing, "spec", "secretName"))
    try:
        held = await cluster.get(secret)
    except ClusterDenied:
        return Issued(name, thing, secret, None, is_hidden=True)
    with suppress(ValueError, binascii.Error):
        pem = base64.b64decode(text(held, "data", "tls.crt"), validate=True)
        return Issued(name, thing, secret, presented.read(pem))
    return Issued(name, thing, secret, None)


async def _probe(
    sought: Sought,
    issued: Sequence[Issued],
    served: ServedCertificate | None,
    cluster: Cluster,
    now: datetime,
) -> Probed:
    own = _own(sought, issued, served)
    if own is None:
        seen = "nothing answers over TLS" if served is None else "no Certificate of this cluster is for it"
        return probed(PROBE, sought.registry, seen)
    findings = list(_findings(sought, own, served, now))
    if served is not None and _is_behind(own, served):
        findings.append(await _not_reloaded(sought, own, served, cluster))
    if served is None:
        seen = f"{own.name}, and nothing answers over TLS"
    else:
        seen = f"{own.name}, presented since {served.begins:%Y-%m-%d}, valid to {served.ends:%Y-%m-%d}"
    return probed(PROBE, sought.registry, seen, *findings)


def _own(sought: Sought, issued: Sequence[Issued], served: ServedCertificate | None) -> Issued | None:
    """The Certificate of a registry: what it presents comes from it, or it names the address, or it shares
    names with what is presented."""
    if served is not None:
        for each in issued:
            if each.stored is not None and each.stored.fingerprint == served.fingerprint:
                return each
    named = next((each for each in issued if covers(each.names, sought.host)), None)
    if named is not None or served is None:
        return named
    shared = set(served.names)
    return next((each for each in issued if shared & set(each.names)), None)


def covers(names: Sequence[str], host: str) -> bool:
    """Whether a certificate for ``names`` is one for ``host`` (RFC 6125: a wildcard is one whole label)."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        _, _, parent = host.partition(".")
        wanted = {host, f"*.{parent}"} if parent else {host}
        return any(name.lower().rstrip(".") in wanted for name in names)
    for name in names:
        with suppress(ValueError):
            if ipaddress.ip_address(name) == address:
                return True
    return False


def _findings(
    sought: Sought, own: Issued, served: ServedCertificate | None, now: datetime
) -> Iterator[Finding]:
    if not covers(own.names, sought.host):
        yield _lacks_address(sought, own)
    ready, renewal = condition(own.thing, "Ready"), own.time("renewalTime")
    if ready is not None and ready.status == "False":
        yield _not_renewed(sought, own, f"it is not Ready: {ready.message or ready.reason}")
    elif renewal is not None and renewal + _SLACK < now:
        yield _not_renewed(sought, own, f"its renewal was due on {renewal:%Y-%m-%d %H:%M} UTC")
    elif own.stored is None and not own.is_hidden:
        yield _not_renewed(sought, own, f"there is no certificate in {own.secret}")
    # before renewalTime a short life is on purpose, and cert-manager's care
    if served is not None and (renewal is None or renewal < now):
        soon = expiring(sought.place, sought.registry, served.ends, now)
        if soon is not None:
            yield soon


def _lacks_address(sought: Sought, own: Issued) -> Finding:
    names = ", ".join(own.names) or "nothing"
    key = "ipAddresses" if _is_address(sought.host) else "dnsNames"
    return LACKS_ADDRESS.finding(
        sought.place,
        f"{own.name} is for {names}, and the registry is reached as {sought.host}",
        subject=sought.registry,
        cause="the registry has moved, or is reached by another name than it was set up for",
        help=f"add {sought.host} to spec.{key} of {own.name}, then: shipway doctor --cluster --wait-renewed",
    )


def _not_renewed(sought: Sought, own: Issued, why: str) -> Finding:
    where, name = own.name.namespace, own.name.name
    return NOT_RENEWED.finding(
        sought.place,
        f"{own.name} is not renewed: {why}",
        subject=sought.registry,
        cause="the issuer refuses, a challenge fails, or cert-manager does not run",
        help=f"kubectl -n {where} describe certificate {name}; to renew {own.secret}:"
        f" cmctl renew -n {where} {name}",
    )


def _is_behind(own: Issued, served: ServedCertificate) -> bool:
    """Whether something older is presented than was issued last."""
    if own.stored is not None:
        return own.stored.fingerprint != served.fingerprint and own.stored.begins >= served.begins
    issued = own.time("notBefore")
    return issued is not None and served.begins < issued


async def _not_reloaded(sought: Sought, own: Issued, served: ServedCertificate, cluster: Cluster) -> Finding:
    users = [str(name) async for name in _users(cluster, own.secret)]
    where = own.secret.namespace
    restart = "; ".join(
        f"kubectl -n {where} rollout restart {kind.lower()}/{name.rpartition('/')[2]}"
        for kind, _, name in (user.partition(" ") for user in users)
    )
    begins = own.stored.begins if own.stored is not None else own.time("notBefore")
    return NOT_RELOADED.finding(
        sought.place,
        f"{sought.registry} presents the certificate of {served.begins:%Y-%m-%d %H:%M} UTC,"
        f" {own.secret} has that of {begins:%Y-%m-%d %H:%M} UTC",
        subject=sought.registry,
        cause="what presents it read it when it started, and has not been restarted since",
        help=f"{restart or 'restart the registry'}, then: shipway doctor --cluster --wait-renewed",
    )


async def _users(cluster: Cluster, secret: Name) -> AsyncIterator[Name]:
    """The workloads that mount a Secret."""
    for kind in (DEPLOYMENT, STATEFUL_SET, DAEMON_SET):
        try:
            found = await cluster.list(kind, secret.namespace)
        except ClusterDenied:
            continue
        for thing in found:
            volumes = items(mapping(thing, "spec", "template", "spec"), "volumes")
            if any(text(volume, "secret", "secretName") == secret.name for volume in volumes):
                yield name_of(kind, thing)


def _is_address(host: str) -> bool:
    with suppress(ValueError):
        ipaddress.ip_address(host)
        return True
    return False
