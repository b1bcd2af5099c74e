"""The ``shipway`` command: a table of commands, loaded when they are called."""

from __future__ import annotations

import atexit
import gc
import importlib
import sys

import click

from shipway import __version__

# name -> (module of shipway.cli, one line of help); the module has a click command named `command`
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init", "Write a commented shipway.yaml from what is there."),
    "scaffold": ("scaffold", "Write a minimal service that stands in for an image without code."),
    "discover": ("discover", "List the images that the repository's files declare."),
    "check": ("check", "Find in a second what would fail in an hour, and mend what can be mended."),
    "doctor": ("doctor", "Look at registries, credentials and engine before anything is built."),
    "plan": ("plan", "Show what would be built, why, and in which order."),
    "ship": ("ship", "Build, push, read back and prove what changed."),
    "worker": ("worker", "Build for ships of other machines, behind a Dask scheduler."),
    "status": ("status", "Show what is delivered and what the last ship did, or list all runs."),
    "report": ("report", "Write the report of a run as Markdown, JSON or HTML."),
    "wait": ("wait", "Wait until what was promoted runs, and tell why it does not."),
    "verify": ("verify", "Verify images from any machine: content, signature, provenance."),
    "promote": ("promote", "Name what was delivered in the repositories that clusters follow."),
    "rollback": ("rollback", "Name an earlier image again, and hold the policy that would undo it."),
    "keys": ("keys", "Make key pairs that images are signed and verified with."),
    "copy": ("copy", "Copy images between registries, layouts and archives, signatures included."),
    "prune": ("prune", "Delete old images from registries, and never one that is still needed."),
    "registry": ("registry", "Look at registries, and run the embedded one."),
    "tags": ("tags", "Decide about tags as Flux does, explain it, and prove that the newest wins."),
    "demo": ("demo", "Ship an example fleet on this machine."),
}


# these end within seconds; looking for cyclic garbage meanwhile takes a fifth of their time and frees nothing
SHORT = frozenset({"init", "discover", "check", "plan", "tags"})
# the others look for it after so many new objects: what imports make stays, and the usual 700 cost a tenth
PATIENCE = 50_000


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = importlib.import_module(f"shipway.cli.{entry[0]}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, help) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"there is no command {args[0]!r}{_nearest(args[0])}")
        return super().resolve_command(ctx, args)


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, COMMANDS, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="shipway")
def shipway() -> None:
    """Take a fleet of container images from Dockerfiles to a registry, and prove every step.

    Exit codes: 0 done; 1 findings or a claim not met; 2 wrong usage or configuration; 3 the environment
    failed; 4 partly delivered, running again finishes it; 130 interrupted.
    """


def main() -> None:
    """Run the command line and exit with its code; no traceback reaches the user."""
    if not SHORT.isdisjoint(sys.argv[1:2]):
        gc.disable()
    else:
        gc.set_threshold(PATIENCE)
    # the end of the process frees everything at once
    atexit.register(gc.freeze)
    try:
        code = shipway.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except BaseException as error:
        from shipway.cli.failure import explain

        sys.exit(explain(error, as_json="--json" in sys.argv))
    sys.exit(code or 0)
