"""``shipway tags policy``: the Flux objects that suit the fleet's tag schemes."""

from __future__ import annotations

import click

from shipway.cli.options import Common, common
from shipway.errors import UsageError


@click.command("policy")
@click.argument("images", nargs=-1)
@click.option("--scheme", help="The tag scheme, instead of that of each image.")
@click.option("--deliver-branch", default="main", show_default=True, help="The branch whose deliveries run.")
@click.option("--namespace", default="flux-system", show_default=True, help="Namespace of the objects.")
@click.option("--source", default="flux-system", show_default=True, help="GitRepository of the manifests.")
@click.option("--branch", default="main", show_default=True, help="Branch of the manifests.")
@click.option("--path", default="./", show_default=True, help="Directory of the manifests with markers.")
@click.option("--automation/--no-automation", default=True, help="Also print an ImageUpdateAutomation.")
@common
def policy(
    common: Common,
    images: tuple[str, ...],
    scheme: str | None,
    deliver_branch: str,
    automation: bool,
    **places: str,
) -> None:
    """Print an ImageRepository and an ImagePolicy for each image of the fleet, or for IMAGES.

    Each policy is proven for the tag scheme of its image before it is printed; where no policy can be right
    for a scheme, nothing is printed and the scheme that could be is told.
    """
    from shipway.gitops.generate import generate
    from shipway.gitops.objects import Automation, automation_object, image_objects
    from shipway.report.json_text import json_text
    from shipway.wiring import Workspace

    with Workspace(common.directory, common.config, common.sources, common.state) as workspace:
        found = generate(workspace.fleet(), images, scheme, deliver_branch)
    if not found:
        raise UsageError("the fleet has no images", help="run shipway init, or name a directory with -C")
    settings = Automation(**places)
    texts = [image_objects(each.name, each.repository, each.policy, settings) for each in found]
    if automation:
        texts.append(automation_object("shipway", settings))
    if common.as_json:
        click.echo(json_text({"schema": "shipway.tags-policy/1", "manifests": "".join(texts)}))
    else:
        click.echo("".join(texts), nl=False)
