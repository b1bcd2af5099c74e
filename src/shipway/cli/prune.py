"""``shipway prune``: delete old images, and never one that is still needed."""

from __future__ import annotations

import asyncio
import functools
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shipway.cli.options import Common, common
from shipway.errors import PartlyDelivered, UsageError

if TYPE_CHECKING:
    from shipway.fleet.model import RetentionSettings
    from shipway.flows.prune import Pruned, PruneRequest
    from shipway.flows.pruning.undo import Undone

_MOST = 1000


@dataclass(frozen=True, slots=True)
class Options:
    """What decides a prune; see the help of each option."""

    ref: str | None
    fleet: bool
    keep: int | None
    match: str | None
    older_than: str | None
    keep_tag: tuple[str, ...]
    by: str | None
    most: int
    manifests: tuple[Path, ...]
    backend: str
    dry_run: bool
    undo: int | None

    def request(self) -> PruneRequest:
        """The options in the words of the flow. Raises UsageError unless one of REF and --fleet is given."""
        from shipway.flows.prune import PruneRequest
        from shipway.values import Reference

        if (self.ref is not None) == self.fleet:
            raise UsageError(
                "name a repository, or --fleet" if self.ref is None else "REF and --fleet exclude each other",
                help="shipway prune ghcr.io/acme/api --keep 10 --dry-run",
            )
        repository = Reference.parse(self.ref) if self.ref is not None else None
        settings = self._settings()
        return PruneRequest(repository, settings, self.most, self.manifests, self.backend, self.dry_run)

    def _settings(self) -> RetentionSettings:
        from shipway.fleet.model import RetentionSettings
        from shipway.values import Duration

        return RetentionSettings(
            self.keep,
            self.match,
            Duration.parse(self.older_than) if self.older_than is not None else None,
            self.keep_tag,
            self.by,
        )


_OPTIONS = (
    click.argument("ref", required=False),
    click.option("--fleet", is_flag=True, help="Every repository of the fleet that has a policy."),
    click.option("--keep", type=click.IntRange(1), metavar="N", help="Keep the N newest."),
    click.option(
        "--match",
        metavar="REGEX",
        help="Touch only tags that match (RE2, anywhere in the tag); a named group holds the time or number.",
    ),
    click.option("--older-than", metavar="DURATION", help="Delete only what is older, such as 30d."),
    click.option("--keep-tag", multiple=True, metavar="REGEX", help="Always keep these; may be repeated."),
    click.option(
        "--by",
        type=click.Choice(["auto", "tag-number", "tag-time", "created"]),
        help="What tells which are the newest: a number or time in the tag, or the creation of the image.",
    ),
    click.option(
        "--max",
        "most",
        type=click.IntRange(1),
        default=_MOST,
        show_default=True,
        metavar="N",
        help="Delete at most N tags in one run, the oldest first.",
    ),
    click.option(
        "--manifests",
        multiple=True,
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="DIR",
        help="Keep what the files there use, too; the fleet's own repository is always looked at.",
    ),
    click.option(
        "--backend",
        type=click.Choice(["auto", "distribution", "github", "harbor", "hub"]),
        default="auto",
        show_default=True,
        help="The interface that deletes.",
    ),
    click.option("--dry-run", is_flag=True, help="Show what would be deleted, write nothing."),
    click.option("--undo", type=click.IntRange(1), metavar="RUN", help="Bring back what a run deleted."),
)


def _prune_options(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(common: Common, **options: Any) -> Any:
        return function(common=common, options=Options(**options))

    for option in reversed(_OPTIONS):
        wrapper = option(wrapper)
    return wrapper


@click.command("prune")
@common
@_prune_options
def command(common: Common, options: Options) -> None:
    """Delete old images from the repository REF, and never one that is still needed.

    The newest are told by the time or number in the tag or by the creation of the image, never by the
    spelling of the tag. What a kept tag names, what a kept index holds, signatures and other referrers of
    what is kept, and what the ledger and manifests use stay. Every manifest is kept in the journal of the
    run until the registry collects its blobs: --undo brings it back.
    """
    from shipway.report.console import view
    from shipway.wiring import Workspace
    from shipway.wiring.registries import prune, undo_prune

    with (
        Workspace(common.directory, common.config, common.sources, common.state) as workspace,
        view(quiet=common.quiet, verbose=False, terminal=sys.stderr.isatty()) as screen,
    ):
        if options.undo is not None:
            undone = asyncio.run(undo_prune(workspace, options.undo, screen.show))
        else:
            pruned = asyncio.run(prune(workspace, options.request(), screen.show))
    if options.undo is not None:
        _tell_undone(undone, common)
    else:
        _tell(pruned, common)


def _tell(pruned: Pruned, common: Common) -> None:
    from shipway.report.prune_report import prune_json, prune_text

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    click.echo(prune_json(pruned) if common.as_json else prune_text(pruned, width), nl=False)


def _tell_undone(undone: Undone, common: Common) -> None:
    from shipway.report.prune_report import undo_json, undo_text

    click.echo(undo_json(undone) if common.as_json else undo_text(undone), nl=False)
    if undone.failed:
        raise PartlyDelivered(
            f"{len(undone.failed)} could not be put back",
            cause=next(iter(undone.failed.values())),
            help="push those images again, or ship them",
        )
