"""From what was seen to a named cause and the next command: every error of the client is made here.

Pure: answers and failures in, errors out. See ``wordings`` for what registries say, ``probe`` for the looks
that a failed connection is given.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from shipway.errors import (
    Denied,
    NotFound,
    RateLimited,
    RegistryError,
    TlsFailed,
    Unauthorized,
    Unreachable,
)
from shipway.registry.address import Endpoint, split_authority
from shipway.registry.auth import Scope
from shipway.registry.credentials import ANONYMOUS, Credential
from shipway.registry.probe import TlsLook, is_address
from shipway.registry.wordings import WORDINGS

MAX_ERROR_BYTES = 64 * 1024
_SHOWN = 300
_CLOCK_SKEW = 60.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was tried: ``action`` in words (``put the manifest of …``), where, and as whom.

    ``lacking`` are the rights that the token in use does not grant, as far as its claims tell.
    ``redact`` takes secrets out of what a registry echoes.
    """

    action: str
    endpoint: Endpoint
    repository: str = ""
    credential: Credential = ANONYMOUS
    lacking: tuple[Scope, ...] = ()
    redact: Callable[[str], str] = field(default=str, repr=False)

    def fill(self, text: str) -> str:
        """``text`` with the names of this attempt."""
        registry = self.endpoint.registry
        return text.format(
            registry=registry,
            repository=self.repository or "the repository",
            name=f"{registry}/{self.repository}" if self.repository else registry,
            owner=self.repository.partition("/")[0] or "the owner",
        )


# --- answers ----------------------------------------------------------------------------------


def refusal(attempt: Attempt, status: int, headers: Mapping[str, str], body: bytes) -> RegistryError:
    """The error for an answer that was not the hoped-for one. The status decides where words do not."""
    text = body[:MAX_ERROR_BYTES].decode("utf-8", errors="replace")
    said = attempt.redact(_said(text, headers))
    message = f"cannot {attempt.action}: HTTP {status}{f' {said}' if said else ''}"
    # without credentials that is the cause, whatever right the registry says is missing
    nobody = status == 401 and attempt.credential.is_anonymous
    for wording in WORDINGS:
        if nobody and wording.error is Denied:
            continue
        if wording.fits(status, text.lower(), attempt.endpoint.registry):
            cause, help_ = attempt.fill(wording.cause), attempt.fill(wording.help)
            return wording.error(message, cause=cause, help=help_, status=status, reason=wording.reason)
    error, reason, cause, help_ = _by_status(attempt, status, headers, text)
    cause, help_ = attempt.fill(cause), attempt.fill(help_)
    return error(message, cause=cause, help=help_, status=status, reason=reason)


_Verdict = tuple[type[RegistryError], str, str, str]
_RETRIED = (
    Unreachable,
    "unreachable",
    "the registry, or a proxy in front of it, fails by itself; trying again did not help",
    "look at the registry's own log, then run it again: what is there is not uploaded twice",
)


def _by_status(attempt: Attempt, status: int, headers: Mapping[str, str], text: str) -> _Verdict:
    if status == 401:
        return _unauthorized(attempt)
    if status == 403:
        return _denied(attempt)
    if status == 413:
        return _too_large(headers)
    if status in (408, 500, 502, 503, 504, 522):
        return _RETRIED
    if status != 429 and (is_page(headers, text) or 300 <= status < 400):
        return (
            Unreachable,
            "not-a-registry",
            "what answers at {registry} is a web page or a redirect, no registry",
            "look at it: curl -sSi " + attempt.endpoint.base + "/v2/",
        )
    return _STATUSES.get(status, _OTHER)


_OTHER: _Verdict = (
    Denied,
    "refused",
    "the registry refuses the request for a reason of its own",
    "look at the registry's own log",
)
_STATUSES: dict[int, _Verdict] = {
    404: (
        NotFound,
        "missing",
        "there is no such repository, manifest or blob on {registry}, or it is hidden from this account",
        "look at what is there: shipway registry tags {name}",
    ),
    405: (
        Denied,
        "read-only",
        "the registry does not allow this: deleting is switched off, or it is read-only",
        "for distribution, set storage.delete.enabled: true (or end maintenance.readonly) and restart it",
    ),
    416: (
        Denied,
        "refused",
        "the registry refuses the piece that was sent or asked for",
        "run it again; if it stays, a proxy in front of {registry} changes ranges",
    ),
    429: (
        RateLimited,
        "rate-limit",
        "too many requests from this address or account; waiting as long as it asked did not help",
        "wait, log in if you are not, then run it again",
    ),
}


def _unauthorized(attempt: Attempt) -> _Verdict:
    if attempt.credential.is_anonymous:
        searched = "; ".join(attempt.credential.searched) or "none are configured"
        cause = "no credentials for {registry} were found (" + _literal(searched) + ")"
        return (
            Unauthorized,
            "no-credentials",
            cause,
            "log in: docker login {registry} (or buildah login {registry})",
        )
    if attempt.lacking:
        return _denied(attempt)
    return (
        Unauthorized,
        "wrong-credentials",
        f"the credentials from {_literal(attempt.credential.source)} are wrong or expired, or {{repository}}"
        " is hidden from them",
        "log in again: docker login {registry} (or buildah login {registry})",
    )


def _denied(attempt: Attempt) -> _Verdict:
    who = "anonymous access" if attempt.credential.is_anonymous else "the account"
    source = "" if attempt.credential.is_anonymous else f" from {_literal(attempt.credential.source)}"
    if attempt.lacking:
        rights = _literal(" ".join(str(scope) for scope in attempt.lacking))
        return (
            Denied,
            "token-scope",
            f"the token service knows {who}{source} but did not grant {rights}",
            "give the account that right on {name}, or log in as another: docker login {registry}",
        )
    return (
        Denied,
        "no-right",
        f"{who}{source} may not do this in {{repository}}",
        "give the account the right to push to {name}, or log in as another: docker login {registry}",
    )


def _too_large(headers: Mapping[str, str]) -> _Verdict:
    proxy = headers.get("Server", "")
    named = f" ({_literal(proxy[:40])})" if proxy else ""
    return (
        Denied,
        "too-large",
        f"a proxy in front of {{registry}}{named} limits the size of a request",
        "raise its limit, for nginx: client_max_body_size 0;",
    )


def is_page(headers: Mapping[str, str], text: str) -> bool:
    """Whether an answer is HTML, which no registry API sends."""
    return "html" in headers.get("Content-Type", "").lower() or text.lstrip()[:9].lower() in (
        "<!doctype",
        "<html>",
    )


def not_a_registry(attempt: Attempt, status: int, headers: Mapping[str, str], body: bytes) -> RegistryError:
    """The error for a host whose ``/v2/`` is not that of a registry."""
    text = body[:MAX_ERROR_BYTES].decode("utf-8", errors="replace")
    kind = "a web page" if is_page(headers, text) else "no registry"
    return Unreachable(
        f"cannot {attempt.action}: {attempt.endpoint.base}/v2/ answered HTTP {status}",
        cause=f"at {attempt.endpoint.authority} is {kind}; the right one may have another port or name",
        help=f"look at it: curl -sSi {attempt.endpoint.base}/v2/",
        status=status,
        reason="not-a-registry",
    )


def token_refused(attempt: Attempt, realm_host: str, status: int, body: bytes) -> RegistryError:
    """The error for a token service that says no (GHCR decides here already, before the registry does)."""
    error = refusal(attempt, status, {}, body)
    at = f"the token service {realm_host}"
    if status in (400, 401) and attempt.credential.is_anonymous:
        hidden = f"{attempt.repository or attempt.endpoint.registry} is private or does not exist"
        error.reason = "no-credentials"
        error.cause = f"{at} gives nothing to anonymous callers: {hidden}; {error.cause}"
    elif status == 401:
        error.cause = f"{at} refused the credentials from {attempt.credential.source}"
    else:
        error.cause = f"{at} decided so: {error.cause}"
    return error


def _said(text: str, headers: Mapping[str, str]) -> str:
    """What the registry says, on one line: its error codes and messages, or the start of the text."""
    if is_page(headers, text):
        return "(a web page)"
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    parts = "; ".join(_errors(content)) if isinstance(content, dict) else text
    return "".join(c if c.isprintable() else " " for c in parts).strip()[:_SHOWN]


def _errors(content: Mapping[str, object]) -> Iterator[str]:
    """``code: message`` of each error (distribution spec, § Error Codes), or what comes close to it."""
    errors = content.get("errors")
    for error in errors if isinstance(errors, list) else [content]:
        if isinstance(error, dict):
            words = [error.get(key) for key in ("code", "message", "details", "error")]
            yield ": ".join(word for word in words if isinstance(word, str) and word)


def _literal(text: str) -> str:
    """``text`` for use inside a template."""
    return text.replace("{", "{{").replace("}", "}}")


# --- failures ---------------------------------------------------------------------------------

FailureKind = Literal[
    "name", "refused", "timeout", "lost", "proxy", "certificate", "tls", "plain-server", "tls-server", "other"
]


@dataclass(frozen=True, slots=True)
class Failure:
    """A connection that gave no answer: what kind, to which host[:port], and what a second look showed.

    ``detail`` is the system's word for it, ``code`` OpenSSL's verification code (X509_V_ERR_…).
    """

    kind: FailureKind
    authority: str
    detail: str = ""
    code: int = 0
    look: TlsLook | None = None


def failure(attempt: Attempt, seen: Failure, now: datetime) -> RegistryError:
    """The error for a request that got no answer."""
    message = f"cannot {attempt.action}: "
    if seen.kind == "certificate":
        return _certificate(attempt, seen, message, now)
    error, what, cause, help_ = _FAILURES[seen.kind]
    names = {"host": split_authority(seen.authority)[0], "at": seen.authority}
    names |= {"registry": attempt.endpoint.registry, "detail": seen.detail or "no reason given"}
    return error(
        message + what.format(**names),
        cause=cause.format(**names),
        help=help_.format(**names),
        reason=_REASONS.get(seen.kind, "unreachable"),
    )


_REASONS: dict[FailureKind, str] = {
    "tls": "tls",
    "plain-server": "plain-server",
    "tls-server": "tls-server",
    "proxy": "proxy",
}


_FAILURES: dict[FailureKind, tuple[type[RegistryError], str, str, str]] = {
    "name": (
        Unreachable,
        "the name {host} cannot be resolved ({detail})",
        "a misspelt registry, or no name server for it here",
        "check the name: getent hosts {host}",
    ),
    "refused": (
        Unreachable,
        "{at} refused the connection",
        "nothing listens there: the registry is not started, or has another port",
        "check it: curl -sSi {at}/v2/",
    ),
    "timeout": (
        Unreachable,
        "{at} did not answer in time",
        "a firewall that drops packets, a proxy that is needed and not set, or an overloaded registry",
        "check the way: curl -sSiv {at}/v2/ ; behind a proxy, set HTTPS_PROXY",
    ),
    "lost": (
        Unreachable,
        "the connection to {at} was lost ({detail}), several times",
        "the registry, or a proxy in front of it, hangs up in the middle",
        "look at the registry's own log, then run it again: what is there is not uploaded twice",
    ),
    "proxy": (
        Unreachable,
        "the proxy on the way to {at} failed ({detail})",
        "the proxy of HTTP_PROXY or HTTPS_PROXY does not answer, or refuses this host",
        "correct the proxy, or except the host: export NO_PROXY={host}",
    ),
    "tls": (
        TlsFailed,
        "no TLS connection to {at} ({detail})",
        "client and server share no protocol, or the server wants a client certificate",
        "look at it: openssl s_client -connect {at} </dev/null",
    ),
    "plain-server": (
        TlsFailed,
        "{at} speaks plain HTTP, not TLS",
        "the registry runs without a certificate and is not configured as a plain one here",
        'if that is meant, write into shipway.yaml: registries: {{"{registry}": {{plain-http: true}}}}',
    ),
    "tls-server": (
        TlsFailed,
        "{at} speaks TLS and was spoken to over plain HTTP",
        "the host is configured as plain, or is a loopback host without a certificate authority here",
        "put its authority into /etc/containers/certs.d/{registry}/ca.crt, or write into shipway.yaml:"
        ' registries: {{"{registry}": {{ca: PATH}}}}',
    ),
    "other": (
        Unreachable,
        "no usable answer from {at} ({detail})",
        "something else than a registry listens there",
        "look at it: curl -sSi {at}/v2/",
    ),
}

_NOT_YET, _EXPIRED, _SELF_SIGNED, _NO_ISSUER = (9,), (10,), (18,), (19, 20, 21)
_WRONG_HOST, _WRONG_ADDRESS = (62,), (64,)


def _certificate(attempt: Attempt, seen: Failure, message: str, now: datetime) -> RegistryError:
    reason, what, cause, help_ = _certificate_verdict(seen, now)
    if seen.authority != attempt.endpoint.authority:
        cause += f"; {attempt.endpoint.registry} sends its clients on to {seen.authority}"
    return TlsFailed(f"{message}{what}", cause=cause, help=help_, reason=reason)


def _certificate_verdict(seen: Failure, now: datetime) -> tuple[str, str, str, str]:
    host = split_authority(seen.authority)[0]
    certificate = seen.look.certificate if seen.look else None
    trust = f"put the authority that signed it into /etc/containers/certs.d/{seen.authority}/ca.crt"
    renew = f"renew the certificate of {seen.authority}"
    if seen.code in _EXPIRED + _NOT_YET:
        return _out_of_time(seen, now, renew)
    if seen.code in _WRONG_HOST + _WRONG_ADDRESS:
        names = ", ".join(certificate.names) if certificate and certificate.names else "no name at all"
        kind = "IP" if is_address(host) else "DNS"
        return (
            "certificate-name",
            f"the certificate of {seen.authority} is not for {host}",
            f"it is valid for {names}; a common name alone counts for nothing",
            f"use one of those names, or issue it with subjectAltName={kind}:{host}",
        )
    if seen.code in _SELF_SIGNED:
        return (
            "certificate-self-signed",
            f"the certificate of {seen.authority} is self-signed",
            "nobody vouches for it here",
            f"if it is yours, put it into /etc/containers/certs.d/{seen.authority}/ca.crt",
        )
    if seen.code in _NO_ISSUER:
        issuer = f" {certificate.issuer!r}" if certificate else ""
        return (
            "certificate-authority",
            f"the certificate of {seen.authority} is signed by an authority{issuer} that is unknown here",
            "a private authority, or a server that does not send its intermediate certificates",
            trust,
        )
    what = f"the certificate of {seen.authority} is refused ({seen.detail})"
    return "tls", what, "see the reason given", trust


def _out_of_time(seen: Failure, now: datetime, renew: str) -> tuple[str, str, str, str]:
    if seen.look and seen.look.server_time:
        skew = (now - seen.look.server_time).total_seconds()
        certificate = seen.look.certificate
        if abs(skew) > _CLOCK_SKEW and certificate.begins <= seen.look.server_time <= certificate.ends:
            return (
                "clock",
                f"the certificate of {seen.authority} does not fit this machine's clock",
                f"the clock here is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the registry's",
                "set the clock: timedatectl set-ntp true",
            )
    look = seen.look.certificate if seen.look else None
    if seen.code in _EXPIRED:
        when = f" on {look.ends:%Y-%m-%d %H:%M} UTC" if look else ""
        what = f"the certificate of {seen.authority} expired{when}"
        return "certificate-expired", what, "it was not renewed in time", renew
    when = f" before {look.begins:%Y-%m-%d %H:%M} UTC" if look else ""
    return (
        "certificate-not-yet-valid",
        f"the certificate of {seen.authority} is not valid{when}",
        "it was issued for a later time, or the clock of who issued it is wrong",
        renew,
    )
