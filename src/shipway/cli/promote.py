"""``shipway promote``: name what was delivered in the repositories that clusters follow."""

from __future__ import annotations

import asyncio
import shlex
import sys
from typing import TYPE_CHECKING

import click

from shipway.cli.options import Common, common
from shipway.cli.promoting import destinations, show
from shipway.errors import UsageError

if TYPE_CHECKING:
    from shipway.wiring.promoting import Destinations


@click.command("promote")
@click.argument("images", nargs=-1, metavar="[IMAGE]...")
@destinations
@click.option("--tag", metavar="TAG", help="This tag instead of what was delivered last.")
@click.option("--digest", metavar="DIGEST", help="This digest instead of what was delivered last.")
@click.option(
    "--allow-older", is_flag=True, help="Promote what does not come after what is deployed, all the same."
)
@click.option(
    "--rewrite",
    metavar="OLD=NEW",
    help="Registries that move: replace HOST[:PORT][/PREFIX] wherever manifests and .env files name it.",
)
@common
def command(
    common: Common,
    images: tuple[str, ...],
    where: Destinations,
    tag: str | None,
    digest: str | None,
    allow_older: bool,
    rewrite: str | None,
) -> None:
    """Name images in the repositories that clusters follow: verified, in one commit each, never forced.

    IMAGE is a name of the fleet or a reference; without any, all that is delivered. Every place that names
    the image gets the new tag, and the new digest where one stands; no other byte changes.
    """
    from shipway.gitops.edits.rewrite import Move
    from shipway.values import Digest
    from shipway.wiring import Workspace, promoting

    if rewrite is not None and (images or tag or digest or allow_older):
        raise UsageError("--rewrite moves a registry, and names no image", help="run the two one by one")
    with Workspace(common.directory, common.config, common.sources, common.state) as workspace:
        if rewrite is not None:
            result = asyncio.run(promoting.rewrite(workspace, Move.parse(rewrite), where))
        else:
            request = promoting.PromoteRequest(
                images, where, tag, Digest.parse(digest) if digest else None, allow_older
            )
            typed = shlex.join(["shipway", *sys.argv[1:]])
            result = asyncio.run(promoting.promote(workspace, request, typed))
    show(result, common)
