"""Options that commands share, declared once."""

from __future__ import annotations

import functools
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from shipway.planning.parts import Role
    from shipway.planning.plan import Choices


@dataclass(frozen=True, slots=True)
class Common:
    """What every command is told: the directory, the fleet file, ``--from`` files, and how to speak."""

    directory: Path
    config: str | None
    sources: tuple[str, ...]
    state: Path | None
    as_json: bool
    quiet: bool


def _color(ctx: click.Context, _: click.Parameter, off: bool) -> None:
    if off or os.environ.get("NO_COLOR"):
        ctx.color = False


_OPTIONS = (
    click.option(
        "-C",
        "directory",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        default=".",
        help="Work in this directory.",
    ),
    click.option("--config", metavar="FILE", help="The fleet file, instead of shipway.yaml."),
    click.option(
        "--from",
        "sources",
        multiple=True,
        metavar="FILE",
        help="Discover from this file only; may be repeated.",
    ),
    click.option(
        "--state",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="SHIPWAY_STATE_DIR",
        help="Where ledger, logs and the embedded registry live.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print JSON with a versioned schema."),
    click.option("-q", "--quiet", is_flag=True, help="Print results and errors only."),
    click.option(
        "--no-color", is_flag=True, expose_value=False, is_eager=True, callback=_color, help="No colours."
    ),
)


def common(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the shared options; it receives them as one ``common`` argument."""

    @functools.wraps(function)
    def wrapper(**options: Any) -> Any:
        names = ("directory", "config", "sources", "state", "as_json", "quiet")
        shared = Common(**{name: options.pop(name) for name in names})
        return function(common=shared, **options)

    for option in reversed(_OPTIONS):
        wrapper = option(wrapper)
    return wrapper


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What decides a plan: the images wanted (none: all), and what overrides the fleet's settings."""

    images: tuple[str, ...]
    force: bool
    tag: str | None
    registry: str | None
    offline: bool
    since: str | None
    refresh_bases: bool
    no_registry_lookup: bool
    platform: str | None
    join: bool
    only: bool
    base: tuple[str, ...]

    def role(self, *, hands_out: bool = False) -> Role:
        """What this machine does of a ship that several share. Raises UsageError for two roles at once."""
        from shipway.errors import UsageError
        from shipway.planning.parts import Role
        from shipway.values import Platform

        if self.platform is not None and self.join:
            raise UsageError("--platform and --join do not go together: one builds, the other joins")
        if self.join and hands_out:
            raise UsageError("--join and --executor do not go together: who joins builds nothing")
        return Role(
            Platform.parse(self.platform) if self.platform is not None else None, self.join, hands_out
        )

    def choices(self) -> Choices:
        """The options in the words of the planner. Raises UsageError for those that exclude each other."""
        from shipway.errors import UsageError
        from shipway.planning.plan import Choices

        if self.refresh_bases and self.offline:
            raise UsageError("--refresh-bases asks registries, and --offline asks none", help="leave one out")
        forced = frozenset(self.images or ("*",)) if self.force else frozenset()
        return Choices(
            frozenset(self.images),
            forced,
            self.tag,
            self.registry,
            self.since,
            self.refresh_bases,
            lookup=not self.no_registry_lookup,
            only=self.only,
            bases=self._bases(),
        )

    def _bases(self) -> dict[str, str]:
        """The digests that were handed on, by image. Raises UsageError, or InvalidValue for no digest."""
        from shipway.errors import UsageError
        from shipway.values import Digest

        if self.only and not self.images:
            raise UsageError("--only needs the names of images", help="shipway ship --only api web")
        found = {}
        for text in self.base:
            name, equals, digest = text.partition("=")
            if not equals:
                raise UsageError(f"{text!r} hands no base on", help="write --base IMAGE=sha256:…")
            found[name] = str(Digest.parse(digest))
        return found


_PLAN_OPTIONS = (
    click.argument("images", nargs=-1),
    click.option("--force", is_flag=True, help="Build the images asked for even when nothing changed."),
    click.option("--tag", metavar="SCHEME", help="Tag instead of the fleet's scheme."),
    click.option("--registry", metavar="HOST[/PREFIX]", help="Deliver there instead."),
    click.option("--offline", is_flag=True, help="Trust the ledger, ask no registry what it still has."),
    click.option(
        "--since",
        metavar="REVISION",
        help="Only images that changed since HEAD left this branch, tag or commit, and what builds on them.",
    ),
    click.option(
        "--refresh-bases",
        is_flag=True,
        help="Ask registries what the tags of external bases name now; images on older ones are built.",
    ),
    click.option(
        "--no-registry-lookup",
        is_flag=True,
        envvar="SHIPWAY_NO_REGISTRY_LOOKUP",
        help="Trust this machine's ledger alone, take no delivery over that only the registry knows.",
    ),
    click.option(
        "--platform",
        metavar="OS/ARCH",
        help="Build this platform of every image alone and move no tag; --join does, where all meet.",
    ),
    click.option(
        "--join",
        is_flag=True,
        help="Build nothing: join what --platform left, and fail for every platform that is lost.",
    ),
    click.option(
        "--only",
        is_flag=True,
        help="Build IMAGES alone; a base that does not stand as delivered is an error.",
    ),
    click.option(
        "--base",
        multiple=True,
        metavar="IMAGE=DIGEST",
        help="Fail unless this image of the fleet stands as this digest; may be repeated.",
    ),
)


def plan_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that decide a plan; it receives them as one ``options`` argument."""

    @functools.wraps(function)
    def wrapper(**options: Any) -> Any:
        names = [field.name for field in fields(PlanOptions)]
        return function(options=PlanOptions(**{name: options.pop(name) for name in names}), **options)

    for option in reversed(_PLAN_OPTIONS):
        wrapper = option(wrapper)
    return wrapper


_ENGINES = ("buildah", "docker", "podman")
engine_option = click.option(
    "--engine",
    type=click.Choice(["auto", *_ENGINES]),
    default="auto",
    show_default=True,
    envvar="SHIPWAY_ENGINE",
    help="What builds the images.",
)
build_engine_option = click.option(
    "--engine",
    type=click.Choice(["auto", "assemble", *_ENGINES]),
    default="auto",
    show_default=True,
    envvar="SHIPWAY_ENGINE",
    help="What builds the images; auto takes an engine for those that cannot be assembled.",
)


context_option = click.option(
    "--context", metavar="NAME", help="The kubeconfig context of the cluster; by default the current one."
)


def output_width() -> int | None:
    """The columns of the terminal that results go to; None where they go elsewhere, as long as they are."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


run_option = click.option(
    "--run", type=click.IntRange(1), metavar="N", help="This run instead of the last ship."
)
