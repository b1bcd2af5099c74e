"""What a user sees when something goes wrong: one message with place, cause and next step."""

from __future__ import annotations

import errno
import json
import os
import tempfile
import traceback

import click

from shipway.errors import DiskFull, HostError, Interrupted, ShipwayError, UsageError


def explain(error: BaseException, *, as_json: bool) -> int:
    """Print what happened and return the exit code."""
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return Interrupted.exit_code
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()  # the help of a group that was called alone: nothing went wrong that could be explained
        return error.exit_code
    known = _known(error)
    if as_json:
        click.echo(json.dumps(_document(known)))
    click.echo(_text(known), err=True)
    return known.exit_code


def _known(error: BaseException) -> ShipwayError:
    """The error as one of ours."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ShipwayError):
        return error
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return Interrupted("interrupted", help="run the same command again: it goes on where it stopped")
    if isinstance(error, click.ClickException):
        command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "shipway"
        return UsageError(error.format_message(), help=f"see {command} --help")
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return DiskFull(
            f"cannot write {error.filename or 'a file'}",
            cause="no space left on the device",
            help="free some space and run the same command again: it resumes",
        )
    if isinstance(error, OSError):
        return HostError(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    return _defect(error)


def _defect(error: BaseException) -> ShipwayError:
    """An error nobody planned: the details go to a file that can be attached to a report."""
    with tempfile.NamedTemporaryFile("w", prefix="shipway-", suffix=".txt", delete=False) as file:
        file.write("".join(traceback.format_exception(error)))
    return ShipwayError(
        f"a defect in Shipway: {type(error).__name__}: {error}",
        help=f"please report it with the file {file.name}",
    )


def _text(error: ShipwayError) -> str:
    lines = [f"{click.style('error:', fg='red', bold=True)} {error.message}"]
    if error.place:
        lines.append(f"  at    {error.place}")
    if error.cause:
        lines.append(f"  cause {error.cause}")
    if error.help:
        lines.append(f"  next  {error.help}")
    return "\n".join(lines)


def _document(error: ShipwayError) -> dict[str, object]:
    place = error.place
    return {
        "schema": "shipway.error/1",
        "error": {
            "kind": type(error).__name__,
            "message": error.message,
            "path": place.path if place else None,
            "line": place.line if place else None,
            "cause": error.cause,
            "help": error.help,
            "exit_code": error.exit_code,
        },
    }
