"""What was promoted, as text and as JSON (``shipway.promote/1``)."""

from __future__ import annotations

from typing import Protocol

from shipway.flows.promote.publish import Published
from shipway.flows.promote.wanted import Wanted
from shipway.report.json_text import json_text
from shipway.report.text import plural

SCHEMA = "shipway.promote/1"


class Result(Protocol):
    """What there is to tell."""

    @property
    def repositories(self) -> tuple[Published, ...]: ...
    @property
    def wanted(self) -> tuple[Wanted, ...]: ...
    @property
    def run(self) -> int | None: ...
    @property
    def dry_run(self) -> bool: ...
    @property
    def kind(self) -> str: ...


def promote_text(result: Result) -> str:
    """What is wanted, then for every repository the places that change; the diffs when nothing is written."""
    lines = [_image(each) for each in result.wanted]
    lines += [note for each in result.wanted for note in each.notes]
    for each in result.repositories:
        lines += [*([""] if lines else []), *_repository(each, dry_run=result.dry_run)]
    if result.dry_run:
        lines.append("nothing was written")
    return "\n".join(lines) + "\n"


def _image(wanted: Wanted) -> str:
    marked = ", a stand-in without code of its own" if wanted.stand_in else ""
    commit = f", commit {wanted.commit[:12]}" if wanted.commit else ""
    return f"{wanted.image}: {wanted.reference}{commit}{marked}"


def _repository(done: Published, *, dry_run: bool) -> list[str]:
    lines = [f"{done.title}: {_state(done)}"]
    if dry_run:
        lines += [file.diff.rstrip("\n") for file in done.edits.files]
    else:
        lines += [
            f"  {place.path}:{place.line}  {place.before} -> {place.after}" for place in done.edits.changed
        ]
    lines += [f"  note: {note}" for note in done.notes]
    if done.error is not None:
        lines.append(f"  error: {done.error}")
        lines += [f"  cause: {done.error.cause}"] if done.error.cause else []
    return lines


def _state(done: Published) -> str:
    places = plural(len(done.edits.changed), "place")
    files = plural(len(done.edits.files), "file")
    if done.state == "unchanged":
        named = len(done.edits.places)
        return f"nothing to change ({plural(named, 'place')} as wanted)" if named else "nothing to change"
    if done.state == "planned":
        return f"{places} in {files} to change on {done.branch}"
    if done.state == "failed":
        return "not written"
    how = "pushed to" if done.state == "pushed" else "committed to"
    tries = f", at try {done.tries}" if done.tries > 1 else ""
    return f"{places} in {files}, {how} {done.branch} as {done.commit[:12]}{tries}"


def promote_json(result: Result) -> str:
    """The same as JSON."""
    document = {
        "schema": SCHEMA,
        "kind": result.kind,
        "dry_run": result.dry_run,
        "run": result.run,
        "images": [_image_json(each) for each in result.wanted],
        "repositories": [_json(each) for each in result.repositories],
    }
    return json_text(document) + "\n"


def _image_json(wanted: Wanted) -> dict[str, object]:
    return {
        "image": wanted.image,
        "reference": str(wanted.reference),
        "digest": str(wanted.digest),
        "platforms": [str(platform) for platform in wanted.platforms],
        "commit": wanted.commit,
        "statement": wanted.statement,
        "stand_in": wanted.stand_in,
        "notes": list(wanted.notes),
    }


def _json(done: Published) -> dict[str, object]:
    return {
        "repository": done.title,
        "url": done.url,
        "state": done.state,
        "branch": done.branch,
        "base": done.base,
        "commit": done.commit,
        "tries": done.tries,
        "subject": done.subject,
        "body": done.body,
        "files": [file.path for file in done.edits.files],
        "diff": "".join(file.diff for file in done.edits.files),
        "places": [
            {
                "file": place.path,
                "line": place.line,
                "field": place.field,
                "object": place.object,
                "image": place.image,
                "before": place.before,
                "after": place.after,
                "changed": place.before != place.after,
            }
            for place in done.edits.places
        ],
        "notes": list(done.notes),
        "error": None
        if done.error is None
        else {"message": str(done.error), "cause": done.error.cause, "help": done.error.help},
    }
