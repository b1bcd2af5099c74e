"""Which tags of a repository may name an image that was built from today's inputs, the likeliest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from shipway.planning.retention.moments import SchemeReader, Stamp
from shipway.planning.tags import TagScheme

MOST = 5
"""How many candidates are looked at for one image, at each of the two ways."""
_OWN = 3


def named(scheme: TagScheme, today: str, secondary: Sequence[str]) -> list[str]:
    """The candidates that need no list of tags: ``secondary``, which move along with what is delivered, and
    ``today``, the tag that the scheme gives now, where another run may have made it already."""
    carries_time = bool({"timestamp", "time"} & set(scheme.fields))
    return list(dict.fromkeys([*([] if carries_time else [today]), *secondary]))[:MOST]


def is_ordered(scheme: TagScheme) -> bool:
    """Whether the tags of ``scheme`` tell which of them is the newest: whether a list of them helps."""
    return SchemeReader.of(scheme).ordered


def newest(tags: Iterable[str], scheme: TagScheme, today: str, since: str | None) -> list[str]:
    """At most MOST of ``tags`` that ``scheme`` has made, the newest first by the time or number they carry.

    Some places are kept for those of the series of ``today`` (of the same branch, mostly). With ``since``,
    the tag of the last delivery that is known here, only newer ones.
    """
    reader = SchemeReader.of(scheme)
    stamps = {tag: stamp for tag in tags if (stamp := reader.read(tag)) is not None}
    after = reader.read(since) if since is not None else None
    own = reader.read(today)
    newer = [tag for tag, stamp in stamps.items() if after is None or _order(stamp) > _order(after)]
    ordered = sorted(newer, key=lambda tag: _order(stamps[tag]), reverse=True)
    mine = [tag for tag in ordered if own is not None and stamps[tag].series == own.series][:_OWN]
    return list(dict.fromkeys([*mine, *ordered]))[:MOST]


def _order(stamp: Stamp) -> float:
    """A scheme gives either times or numbers, never both."""
    return stamp.moment.timestamp() if isinstance(stamp.moment, datetime) else float(stamp.moment)
