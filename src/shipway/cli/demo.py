"""``shipway demo``: ship an example fleet on this machine, for real."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("demo")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Work in this new directory; default: a temporary one, which is kept.",
)
@click.option(
    "--engine", type=click.Choice(["auto", "buildah", "docker", "podman"]), default="auto", show_default=True
)
def command(directory: Path | None, engine: str) -> None:
    """Ship an example fleet with a real engine and the embedded registry, and show what is proven.

    Ships five images, changes one service and ships again, breaks a COPY path and shows how that is
    refused before any build, and ends with the report. Needs an engine and a static busybox, no network.
    """
    from shipway.demo import run

    run(directory, engine, click.echo)
