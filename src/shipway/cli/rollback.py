"""``shipway rollback``: back to an earlier image, and held there."""

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


@click.command("rollback")
@click.argument("image")
@destinations
@click.option("--tag", metavar="TAG", help="Go back to this tag.")
@click.option(
    "--to-promotion",
    "promotion",
    type=click.IntRange(1),
    metavar="N",
    help="Go back to what this run promoted (shipway status --runs lists them).",
)
@click.option(
    "--hold",
    metavar="DURATION",
    default="7d",
    show_default=True,
    help="Hold Flux's policy of the image there for so long; 0: leave it alone.",
)
@click.option("--release", is_flag=True, help="End the hold: the policy is again what it was, nothing else.")
@common
def command(
    common: Common,
    image: str,
    where: Destinations,
    tag: str | None,
    promotion: int | None,
    hold: str,
    release: bool,
) -> None:
    """Name an earlier image again, and hold the policy that would undo it, in one commit.

    Without --tag and --to-promotion the image goes back to what it was before its last promotion. The hold
    pins the ImagePolicy to the tag where markers of Flux write the image; shipway check tells when it ends.
    """
    from shipway.values import Duration
    from shipway.wiring import Workspace, rolling_back

    if (tag is not None) + (promotion is not None) + release > 1:
        raise UsageError(
            "--tag, --to-promotion and --release exclude one another", help="leave all but one out"
        )
    with Workspace(common.directory, common.config, common.sources, common.state) as workspace:
        if release:
            result = asyncio.run(rolling_back.release(workspace, image, where))
        else:
            length = Duration.parse(hold)
            held = length if length.seconds else None
            request = rolling_back.RollbackRequest(image, where, tag, promotion, held)
            typed = shlex.join(["shipway", *sys.argv[1:]])
            result = asyncio.run(rolling_back.roll_back(workspace, request, typed))
    show(result, common)
