"""Ports of EXPOSE: ``[ip:]public:private/proto`` (BuildKit, dockerfile2llb: convert_expose.go)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from shipway.errors import InvalidValue

_PROTOCOLS = frozenset({"tcp", "udp", "sctp"})
_LAST = 65_535


def exposed(spec: str) -> Iterator[str]:
    """``port/protocol`` for every port of ``spec``. Raises InvalidValue for what engines refuse."""
    head, _, container = spec.rpartition(":")
    ip, _, public = head.rpartition(":")
    port, _, protocol = container.partition("/")
    protocol = protocol.lower() or "tcp"
    if not port or protocol not in _PROTOCOLS:
        raise InvalidValue(f"{spec!r} is no port")
    if ip:
        _require_address(ip)
    first, last = _range(port)
    if public:
        low, high = _range(public)
        if high - low != last - first and last != first:
            raise InvalidValue(f"{spec!r} has ranges of different lengths")
    for number in range(first, last + 1):
        yield f"{number}/{protocol}"


def _require_address(text: str) -> None:
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        raise InvalidValue(f"{text!r} is no IP address") from None


def _range(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    low = _port(first)
    high = _port(last) if dash and last != first else low
    if high < low:
        raise InvalidValue(f"{text!r} is no range of ports")
    return low, high


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > _LAST:
        raise InvalidValue(f"{text!r} is no port")
    return int(text)
