"""Events as single lines, for logs and for terminals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shipway.ports import Event
from shipway.report.text import plural, seconds, size

_Line = Callable[[Mapping[str, Any]], str]


def _short(digest: str) -> str:
    return digest.partition(":")[2][:12]


# Every event that is worth a line; the others are for the ledger only.
_LINES: dict[str, _Line] = {
    "run.started": lambda data: (
        f"run {data['run']}: {plural(data['builds'], 'image')} to build, {data['reuses']} as delivered"
    ),
    "plan.noted": lambda data: f"note: {data['note']}",
    "engine.chosen": lambda data: f"engine {data['name']} {data['version']} on {data['native']}",
    "build.started": lambda data: f"build: {'; '.join(data['why'])}",
    "build.assigned": lambda data: (
        f"{data['platform']} is built by {data['worker']}"
        + (f", try {data['attempt']}: a worker was lost" if data["attempt"] > 1 else "")
    ),
    "build.stays": lambda data: f"built on this machine for {data['why']}",
    "build.done": lambda data: f"built {data['platform']} {_short(data['digest'])}",
    "part.found": lambda data: f"{data['platform']} is there as {_short(data['digest'])}",
    "push.done": lambda data: f"pushed {_short(data['digest'])} to {data['repository']}",
    "readback.verified": lambda data: (
        f"read back {_short(data['digest'])}: {', '.join(data['platforms'])}, {size(data['size'])}"
    ),
    "image.resumed": lambda data: f"run {data['run']} built {_short(data['digest'])} already",
    "step.retried": lambda data: (
        f"could not {data['step']}, try {data['attempt'] + 1} of {data['retries'] + 1} follows in"
        f" {data['seconds']:g} s: {data['message']}"
    ),
    "image.held": lambda data: f"verified, its tags wait for {', '.join(data['waits_for'])}",
    "evidence.attached": lambda data: (
        f"attested {_short(data['digest'])}, "
        + (f"signed by {_short(data['key'])}" if data["key"] else "unsigned")
    ),
    "tag.moved": lambda data: f"tag {data['tag']} names {_short(data['digest'])}",
    "image.delivered": lambda data: f"delivered {data['reference']} in {seconds(data['seconds'])}",
    "base.moved": lambda data: (
        f"{data['reference']} has moved since {', '.join(data['images'])} came to stand on it:"
        " --refresh-bases builds them again"
    ),
    "image.found": lambda data: f"the registry has it as {data['reference']}",
    "image.reused": lambda data: f"stands as {_short(data['digest'])}",
    "image.failed": lambda data: f"FAILED: {data['message']}",
    "image.blocked": lambda data: f"blocked by {', '.join(data['waits_for'])}",
    "prune.reading": lambda data: f"reading {data['repository']}",
    "prune.progress": lambda data: f"{data['repository']}: {data['done']} of {data['of']} deletions done",
    "prune.restored": lambda data: f"put back {data['reference']}",
    "copy.done": lambda data: (
        f"{data['state']} {_short(data['digest'])} to {data['destination']}"
        f" ({plural(data['blobs_moved'], 'blob')} moved, {size(data['bytes'])})"
    ),
    "copy.failed": lambda data: f"FAILED: {data['message']}",
    "registry.warning": lambda data: f"{data['registry']} warns: {data['text']}",
    "registry.retry": lambda data: f"retry {data.get('attempt')}: {data.get('reason')}",
}


def event_line(event: Event) -> str | None:
    """One line for people, None for an event that needs none."""
    line = _LINES.get(event.kind)
    if line is None:
        return None
    prefix = f"{event.image}: " if event.image else ""
    return prefix + line(event.data)
