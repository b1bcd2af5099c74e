"""SW438: a registry sends uploads to a wrong address."""

from __future__ import annotations

from shipway.checks.finding import Finding
from shipway.checks.rule import Rule, seen_live
from shipway.place import Place


def misdirected(place: Place, base: str, location: str, repository: str) -> Finding:
    """The finding for an upload that ``base`` (scheme and host) sends on to ``location``."""
    return RULE.finding(
        place,
        f"{base} sends uploads on to {location}",
        subject=repository,
        cause="the proxy in front of the registry does not send X-Forwarded-Proto and Host",
        help="set both in the proxy, for nginx: proxy_set_header X-Forwarded-Proto $scheme;",
    )


RULE = Rule(
    id="SW438",
    name="misdirected-upload",
    severity="warning",
    summary="A registry sends uploads to a wrong address",
    rationale="""\
The `Location` of an opened upload names plain HTTP or another port of the registry's own host: the proxy
in front of it does not tell it how it is reached. Shipway mends what it can; docker and buildah fail, or
send the image unprotected.

Let the proxy send `X-Forwarded-Proto` and `Host`, or set `http.host` of distribution (`external_url` of
Harbor).
""",
    check=seen_live,
    live=True,
)
