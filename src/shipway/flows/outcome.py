"""How a ship ended: an outcome for every image, and what to tell the user of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shipway.errors import PartlyDelivered, ShipwayError
from shipway.values import Digest

State = Literal["delivered", "reused", "held", "failed", "blocked"]
_DELIVERED = frozenset({"delivered", "reused"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the step of one image ended.

    ``digest`` is what its tags now name. ``held`` images are verified, but their tags did not move, since
    others of their atomic group are not; ``waits_for`` are the images that held or blocked it.
    """

    image: str
    state: State
    digest: Digest | None = None
    error: ShipwayError | None = None
    waits_for: tuple[str, ...] = ()

    @property
    def is_delivered(self) -> bool:
        return self.state in _DELIVERED


@dataclass(frozen=True, slots=True)
class Shipped:
    """The outcomes of a run in the order of the plan."""

    run: int
    outcomes: tuple[Outcome, ...]

    @property
    def undelivered(self) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.outcomes if not outcome.is_delivered)

    @property
    def state(self) -> str:
        """done, partly or failed; partly when a resume has less to do than this run had."""
        if not self.undelivered:
            return "done"
        nothing = all(outcome.state in ("failed", "blocked") for outcome in self.outcomes)
        return "failed" if nothing else "partly"

    def error(self) -> ShipwayError | None:
        """What to tell the user: nothing, PartlyDelivered when some images made it, else the first error."""
        failed = [(outcome.image, outcome.error) for outcome in self.outcomes if outcome.error is not None]
        if not failed:
            return None
        if self.state == "failed":
            return failed[0][1]
        more = len(failed) - 1
        return PartlyDelivered(
            f"{len(self.undelivered)} of {len(self.outcomes)} images are not delivered",
            cause=f"{failed[0][0]}: {failed[0][1].message}" + (f" (and {more} more)" if more else ""),
            help="mend the cause and run the same command again: what is verified is not built again",
        )
