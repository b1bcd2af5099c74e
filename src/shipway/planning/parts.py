"""Parts: the platforms of one image that are built on different machines, and the names they meet under."""

from __future__ import annotations

from dataclasses import dataclass

from shipway.values import Platform

_PREFIX = "shipway-part-"
_DIGITS = 40


@dataclass(frozen=True, slots=True)
class Role:
    """What this machine does of a ship that several share: builds one ``platform`` of every image, or joins
    what others have built; neither is a ship of one machine alone. With ``hands_out`` workers build for it.
    """

    platform: Platform | None = None
    joins: bool = False
    hands_out: bool = False

    @property
    def shares(self) -> bool:
        """Whether other machines have a part in this ship."""
        return self.joins or self.platform is not None


ALONE = Role()


def part_tag(fingerprint: str, platform: Platform) -> str:
    """The tag of one platform of an image: the same on every machine, another one for other inputs.

    ``fingerprint`` is that of the whole image. 40 digits of it tell images of one repository apart; that the
    rest fits too is seen when the part is read back.
    """
    digits = fingerprint.partition(":")[2][:_DIGITS]
    return f"{_PREFIX}{digits}-{str(platform).replace('/', '-')}"
