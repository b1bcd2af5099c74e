"""``shipway worker``: build for others, behind a Dask scheduler."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipway.cli.options import build_engine_option
from shipway.cli.tls import tls_options

if TYPE_CHECKING:
    from shipway.workers.address import Tls
    from shipway.workers.serving import Post


@click.command("worker")
@click.option(
    "--scheduler",
    required=True,
    metavar="tcp://HOST:PORT",
    envvar="SHIPWAY_SCHEDULER",
    help="Where `dask scheduler` listens.",
)
@click.option("--slots", type=click.IntRange(1, 64), default=1, show_default=True, help="Builds at a time.")
@build_engine_option
@click.option(
    "--platform",
    "platforms",
    multiple=True,
    metavar="OS/ARCH",
    help="What its engine builds, instead of its own platform; may be repeated, as where QEMU is set up.",
)
@click.option("--name", help="What it is called in events; default: host and process.")
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where it keeps caches and staging; default: a directory of its own below the user's state.",
)
@tls_options("tls")
@click.option("--json", "as_json", is_flag=True, help="Print what it offers as JSON, when it is ready.")
def command(
    scheduler: str,
    slots: int,
    engine: str,
    platforms: tuple[str, ...],
    name: str | None,
    state: Path | None,
    tls: Tls,
    as_json: bool,
) -> None:
    """Build for `shipway ship --executor` until interrupted; prints one line when ready.

    Whoever reaches the scheduler can run anything on this machine, as this user: keep it in a network of its
    own, or use TLS. Credentials for registries are those of this machine.
    """
    from shipway.values import Platform
    from shipway.wiring.working import WorkerSettings, work
    from shipway.workers.address import Address

    settings = WorkerSettings(
        Address.parse(scheduler),
        tls,
        slots,
        engine,
        tuple(map(Platform.parse, platforms)),
        name,
        state,
    )

    def announce(url: str, post: Post) -> None:
        click.echo(_ready_json(url, post) if as_json else _ready_text(url, post))

    asyncio.run(work(settings, announce))


def _ready_text(url: str, post: Post) -> str:
    return f"worker {post.name} ready for {url}: {', '.join(_offers(post))}"


def _offers(post: Post) -> list[str]:
    slots = f"{post.slots} slot{'s' if post.slots > 1 else ''}"
    return [slots, *(name for name in post.resources if ":" in name)]


def _ready_json(url: str, post: Post) -> str:
    """The one line as a document, still on one line for whoever waits for it."""
    document = {"schema": "shipway.worker/1", "scheduler": url, "name": post.name}
    return json.dumps({**document, "slots": post.slots, "resources": dict(post.resources)})
