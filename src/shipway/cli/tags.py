"""``shipway tags``: what tag policies pick, why, and whether they always pick the newest."""

from __future__ import annotations

import click

from shipway.cli.tags_policy import policy
from shipway.cli.tags_prove import prove
from shipway.cli.tags_select import explain, select


@click.group("tags")
def command() -> None:
    """Decide about tags as Flux does, explain it, and prove that the newest delivery wins."""


command.add_command(select)
command.add_command(explain)
command.add_command(prove)
command.add_command(policy)
