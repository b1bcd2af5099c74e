"""``shipway tags prove``: whether every later delivery wins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from shipway.cli.options import Common, common
from shipway.cli.tags_options import policy_options

if TYPE_CHECKING:
    from shipway.gitops.policy import TagPolicy


@click.command("prove")
@click.option(
    "--scheme",
    required=True,
    help="The tag scheme, such as '{branch}-{sha7}-{timestamp}', or the tag of a CI script, such as "
    "'main-${GITHUB_SHA::7}-$(date +%s)'.",
)
@click.option("--branch", default="main", show_default=True, help="The branch whose deliveries must win.")
@policy_options
@common
def prove(common: Common, policy: Callable[[], TagPolicy], scheme: str, branch: str) -> None:
    """Show that every later delivery wins under this scheme and policy, or how it does not.

    Tried are the edges of every field (widths that change, commits of digits only, turns of the day and the
    year, versions past 9), tags of other branches, and with a pattern tags with a suffix. What else must hold
    is told. Exit codes: 0 proven; 1 refuted, with the smallest counter-example and the policy that would be
    right; 2 the policy or the scheme is invalid.
    """
    from shipway.gitops.proof import prove as decide
    from shipway.gitops.scripts import assumptions_of, scheme_of
    from shipway.gitops.suggest import suggest
    from shipway.report.proof_report import proof_json, proof_text

    parsed = scheme_of(scheme)
    verdict = decide(parsed, policy(), branch)
    verdict = replace(verdict, assumptions=(*verdict.assumptions, *assumptions_of(scheme)))
    suggestion = None if verdict.proven else suggest(parsed, branch)
    shown = proof_json(verdict, suggestion) if common.as_json else proof_text(verdict, suggestion)
    click.echo(shown, nl=common.as_json)
    if not verdict.proven:
        click.get_current_context().exit(1)
