"""Parts: the platforms of one image that are built on different machines, and the names they meet under."""

from __future__ import annotations

from shipway.values import Platform

_PREFIX = "shipway-part-"
_DIGITS = 40


def part_tag(fingerprint: str, platform: Platform) -> str:
    """The tag of one platform of an image: the same on every machine, another one for other inputs.

    ``fingerprint`` is that of the whole image. 40 digits of it tell images of one repository apart; that the
    rest fits too is seen when the part is read back.
    """
    digits = fingerprint.partition(":")[2][:_DIGITS]
    return f"{_PREFIX}{digits}-{str(platform).replace('/', '-')}"
