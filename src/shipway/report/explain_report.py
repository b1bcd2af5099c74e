"""An explanation for people, and as the document ``shipway.explain/1``."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from shipway.planning.explain import Explanation, Input
from shipway.report.json_text import json_text
from shipway.report.text import labelled, plural, table

_TITLES = {"dockerfile": "Dockerfile", "file": "files", "setting": "settings", "base": "bases"}
_SHOWN = 24


def explain_json(explanation: Explanation) -> str:
    """Every input with what counts of it now and counted before."""
    return json_text(msgspec.to_builtins(explanation))


def explain_text(explanation: Explanation, *, width: int | None = None) -> str:
    """Decision and reason first, then every input, marked where it differs from the last delivery."""
    lines = [f"{explanation.image}: {explanation.action}: {'; '.join(explanation.why)}"]
    lines.append(f"fingerprint {explanation.fingerprint}")
    lines += _last(explanation)
    for kind, title in _TITLES.items():
        found = [each for each in explanation.inputs if each.kind == kind]
        if found:
            lines.append(title)
            lines.append(table([_cells(each, explanation) for each in found], indent="  ", width=width))
    for url in explanation.uncovered:
        lines += labelled("not covered: ", f"what {url} holds; write ADD --checksum=… to pin it", width=width)
    for note in explanation.notes:
        lines += labelled("note: ", note, width=width)
    return "\n".join(lines)


def _last(explanation: Explanation) -> Iterator[str]:
    last = explanation.last
    if last is None:
        yield "never delivered from here"
        return
    where = f"read back in run {last.run}" if last.run else "read back from the registry"
    yield f"last delivered as {last.reference}@{last.digest}, {where}, {last.verified:%Y-%m-%d %H:%M} UTC"
    if not explanation.compared:
        yield "what it was made from is not known: another version of Shipway wrote it"
    else:
        yield f"{plural(len(explanation.differences), 'difference')} to what it was made from"


def _cells(each: Input, explanation: Explanation) -> tuple[str, ...]:
    if not explanation.compared or not each.differs:
        return "", each.name, _short(each.now), ""
    if each.before is None:
        return "+", each.name, _short(each.now), "new"
    if each.now is None:
        return "-", each.name, "", f"was {_short(each.before)}"
    return "~", each.name, _short(each.now), f"was {_short(each.before)}"


def _short(value: str | None) -> str:
    """Enough of a digest to tell two apart; everything else as it is."""
    text = value or ""
    head, colon, digits = text.rpartition(":")
    if len(digits) >= 64:
        return f"{head}{colon}{digits[:_SHOWN]}"
    return text
