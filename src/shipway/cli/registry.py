"""``shipway registry``: the embedded registry."""

from __future__ import annotations

import json
from pathlib import Path

import click

from shipway.cli.options import Common, common
from shipway.cli.registry_diagnose import command as diagnose
from shipway.cli.registry_gc import command as gc
from shipway.cli.registry_ls import command as ls
from shipway.cli.registry_tags import command as tags
from shipway.errors import UsageError


@click.group("registry")
def command() -> None:
    """Look at registries, and run the embedded one."""


@command.command("serve")
@click.option("--listen", default="127.0.0.1:5000", show_default=True, metavar="HOST:PORT")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where images are kept; default: this fleet's embedded registry.",
)
@click.option(
    "--tls-cert", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="PEM certificate."
)
@click.option(
    "--tls-key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="PEM private key."
)
@click.option(
    "--htpasswd",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Accounts that may push and pull, as `htpasswd -B` writes them.",
)
@common
def serve(
    common: Common,
    listen: str,
    data: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    htpasswd: Path | None,
) -> None:
    """Serve images until interrupted; prints one line when ready.

    Without --htpasswd whoever reaches the address can push and pull. It listens on loopback unless told
    otherwise.
    """
    from shipway.registry.server.embedded import TlsFiles
    from shipway.registry.server.embedded import serve as run
    from shipway.wiring import Workspace

    if (tls_cert is None) != (tls_key is None):
        raise UsageError("--tls-cert and --tls-key go together")
    tls = TlsFiles(tls_cert, tls_key) if tls_cert and tls_key else None
    with Workspace(common.directory, common.config, common.sources, common.state) as workspace:
        directory = data or workspace.registry_directory

        def announce(url: str) -> None:
            click.echo(_ready_json(url, directory) if common.as_json else _ready_text(url, directory))

        run(directory, listen, tls, htpasswd=htpasswd, announce=announce)


def _ready_text(url: str, directory: Path) -> str:
    return f"registry ready on {url}, data in {directory}"


def _ready_json(url: str, directory: Path) -> str:
    """The one line as a document, still on one line for whoever waits for it."""
    return json.dumps({"schema": "shipway.registry-serve/1", "url": url, "data": str(directory)})


command.add_command(gc)
command.add_command(ls)
command.add_command(tags)
command.add_command(diagnose)
