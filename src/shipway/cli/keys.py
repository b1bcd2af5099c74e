"""``shipway keys``: key pairs that images are signed and verified with."""

from __future__ import annotations

import json
from pathlib import Path

import click

from shipway.cli.evidence import person
from shipway.cli.options import Common, common
from shipway.errors import UsageError

SCHEMA = "shipway.keys/1"


@click.group("keys")
def command() -> None:
    """Make key pairs that images are signed and verified with."""


@command.command("generate")
@click.option(
    "-o",
    "--output",
    "prefix",
    type=click.Path(path_type=Path),
    default="cosign",
    show_default=True,
    metavar="PREFIX",
    help="Write PREFIX.key and PREFIX.pub.",
)
@common
def generate(common: Common, prefix: Path) -> None:
    """Make a key pair: ECDSA on P-256, the private half encrypted with a password.

    The password comes from SHIPWAY_KEY_PASSWORD or COSIGN_PASSWORD, else a person is asked. The public half
    goes into the repository and into shipway.yaml (signing: {key: cosign.pub}), the private half nowhere but
    to who signs. cosign verifies with the public half.
    """
    from shipway.wiring import Workspace
    from shipway.wiring.evidence import key_password, write_pair

    with Workspace(common.directory, common.config, common.sources, common.state) as workspace:
        password = key_password(workspace, person())
        if not password:
            raise UsageError(
                "a private key needs a password", help="set SHIPWAY_KEY_PASSWORD, or run it at a terminal"
            )
        private, public, key = write_pair(workspace.root / prefix, password)
    if common.as_json:
        document = {"schema": SCHEMA, "private": str(private), "public": str(public), "key": str(key.id)}
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(f"wrote {private} (keep it secret) and {public} (key {key.id.short})")
    if not common.quiet:
        click.echo(
            f"next  signing: {{key: {prefix}.pub}} in shipway.yaml; SHIPWAY_SIGNING_KEY={prefix}.key for ship"
        )
