"""From what a registry or engine refused to the rule that names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from shipway.checks.finding import Finding
from shipway.checks.rule import Rule
from shipway.checks.rules.sw401_registry_unreachable import RULE as UNREACHABLE
from shipway.checks.rules.sw402_not_a_registry import RULE as NOT_A_REGISTRY
from shipway.checks.rules.sw403_certificate_name import RULE as NAME
from shipway.checks.rules.sw404_certificate_expired import RULE as EXPIRED
from shipway.checks.rules.sw405_certificate_not_yet_valid import RULE as NOT_YET
from shipway.checks.rules.sw406_certificate_self_signed import RULE as SELF_SIGNED
from shipway.checks.rules.sw407_certificate_authority import RULE as AUTHORITY
from shipway.checks.rules.sw408_plain_http_registry import RULE as PLAIN
from shipway.checks.rules.sw409_tls_registry import RULE as TLS
from shipway.checks.rules.sw410_tls_handshake import RULE as HANDSHAKE
from shipway.checks.rules.sw421_no_credentials import RULE as NO_CREDENTIALS
from shipway.checks.rules.sw422_wrong_credentials import RULE as WRONG_CREDENTIALS
from shipway.checks.rules.sw423_expired_credentials import RULE as EXPIRED_CREDENTIALS
from shipway.checks.rules.sw425_token_scope import RULE as TOKEN_SCOPE
from shipway.checks.rules.sw431_push_refused import RULE as PUSH_REFUSED
from shipway.checks.rules.sw432_read_only_registry import RULE as READ_ONLY
from shipway.checks.rules.sw433_no_such_repository import RULE as MISSING_REPOSITORY
from shipway.checks.rules.sw435_immutable_tag import RULE as IMMUTABLE
from shipway.checks.rules.sw436_quota import RULE as QUOTA
from shipway.checks.rules.sw437_rate_limit import RULE as RATE_LIMIT
from shipway.checks.rules.sw438_misdirected_upload import RULE as MISDIRECTED
from shipway.checks.rules.sw506_clock_skew import RULE as CLOCK
from shipway.errors import (
    Denied,
    NotFound,
    RateLimited,
    RegistryError,
    ShipwayError,
    TlsFailed,
    Unauthorized,
)
from shipway.place import Place

# RegistryError.reason -> rule
_REASONS: Mapping[str, Rule] = {
    "unreachable": UNREACHABLE,
    "proxy": UNREACHABLE,
    "not-a-registry": NOT_A_REGISTRY,
    "certificate-name": NAME,
    "certificate-expired": EXPIRED,
    "certificate-not-yet-valid": NOT_YET,
    "certificate-self-signed": SELF_SIGNED,
    "certificate-authority": AUTHORITY,
    "plain-server": PLAIN,
    "tls-server": TLS,
    "tls": HANDSHAKE,
    "clock": CLOCK,
    "no-credentials": NO_CREDENTIALS,
    "wrong-credentials": WRONG_CREDENTIALS,
    "expired-credentials": EXPIRED_CREDENTIALS,
    "token-scope": TOKEN_SCOPE,
    "no-right": PUSH_REFUSED,
    "too-large": PUSH_REFUSED,
    "read-only": READ_ONLY,
    "missing-repository": MISSING_REPOSITORY,
    "missing": MISSING_REPOSITORY,
    "immutable-tag": IMMUTABLE,
    "quota": QUOTA,
    "rate-limit": RATE_LIMIT,
    "location": MISDIRECTED,
}

# for errors without a reason, the first that fits
_KINDS: tuple[tuple[type[RegistryError], Rule], ...] = (
    (TlsFailed, HANDSHAKE),
    (Unauthorized, WRONG_CREDENTIALS),
    (Denied, PUSH_REFUSED),
    (NotFound, MISSING_REPOSITORY),
    (RateLimited, RATE_LIMIT),
)


def rule_for(error: ShipwayError) -> Rule:
    """The rule whose page explains ``error``."""
    if not isinstance(error, RegistryError):
        return WRONG_CREDENTIALS  # a file of credentials, or of certificates, that cannot be read
    if error.reason in _REASONS:
        return _REASONS[error.reason]
    return next((rule for kind, rule in _KINDS if isinstance(error, kind)), UNREACHABLE)


def refused(error: ShipwayError, place: Place, subject: str, image: str | None = None) -> Finding:
    """The finding for something that failed: always an error, since nothing can be done after it."""
    finding = rule_for(error).finding(
        place,
        error.message if isinstance(error, RegistryError) else str(error),
        image=image,
        subject=subject,
        cause=error.cause,
        help=error.help,
    )
    return replace(finding, severity="error")
