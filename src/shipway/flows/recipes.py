"""Recipes: an image and its pinned bases as the request that an engine gets."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from shipway.dockerfile.ignore import load_ignore
from shipway.dockerfile.pin import pin
from shipway.dockerfile.resolved import ResolvedBuild
from shipway.fleet.builds import Builds, dockerfile_bytes
from shipway.fleet.discover.paths import is_remote
from shipway.fleet.model import Access, Fleet, Image
from shipway.fleet.options import read_secret, ssh_below
from shipway.planning.caches import scoped
from shipway.planning.collect import canonical, given_args
from shipway.planning.labels import Origin, epoch_of, origin_labels
from shipway.ports import BuildRequest, Revision
from shipway.values import Platform, Reference


class FileRecipes:
    """Recipes from the files of ``fleet``; args without a value are taken from ``environ``.

    Images tell where they come from, and are as old as their commit: SOURCE_DATE_EPOCH of ``environ``, else
    the time of ``revision``. Raises InvalidValue for a SOURCE_DATE_EPOCH that is no number.
    """

    def __init__(
        self,
        fleet: Fleet,
        environ: Mapping[str, str],
        builds: Builds,
        revision: Revision | None = None,
    ) -> None:
        self._fleet = fleet
        self._builds = builds
        self._environ = environ
        self._remote = revision.remote if revision else None
        self._epoch = epoch_of(environ, revision.time if revision else None)

    def request(
        self, image: Image, platform: Platform, pins: Mapping[str, Reference], labels: Mapping[str, str]
    ) -> BuildRequest:
        """See ``flows.yard.Recipes``. Raises DockerfileError when a base cannot be pinned in place."""
        inputs = image.inputs
        root = Path(self._fleet.roots[image.root])
        args = given_args(inputs, self._environ)
        build = self._builds.build(str(root), inputs, platform, args).require_valid()
        caches = scoped(image.name, platform, inputs.cache_from, inputs.cache_to)
        origin = Origin(None if image.root else self._remote, image.version, self._epoch)
        return BuildRequest(
            name=image.name,
            dockerfile=self._pinned(image, build, pins),
            context=None if inputs.context == "-" else root / inputs.context,
            platform=platform,
            ignore=_ignore(image, root),
            target=inputs.target,
            args=args,
            contexts=_named_contexts(inputs.contexts, root),
            labels={**origin_labels(origin, build, pins), **inputs.labels, **labels},
            secrets=tuple(
                str(read_secret(text).settled(self._environ).below(root)) for text in inputs.secrets
            ),
            ssh=tuple(ssh_below(text, root) for text in inputs.ssh),
            secret_args=inputs.secret_args,
            registries_plain=self._hosts(lambda access: access.plain_http),
            registries_insecure=self._hosts(lambda access: access.insecure),
            authorities=self._fleet.authorities,
            bases=frozenset(pins.values()),
            epoch=self._epoch,
            dockerfile_mode=_mode(root / inputs.dockerfile),
            cache_from=caches.sources,
            cache_to=caches.destinations,
            attest=image.attest,
        )

    def _hosts(self, chosen: Callable[[Access], bool]) -> frozenset[str]:
        return frozenset(host for host, access in self._fleet.registries.items() if chosen(access))

    def _pinned(self, image: Image, build: ResolvedBuild, pins: Mapping[str, Reference]) -> bytes:
        directory = self._fleet.roots[image.root]
        named = ((base.span, pins.get(canonical(base.reference))) for base in build.bases)
        replacements = [(span, str(to)) for span, to in named if to is not None]
        text = dockerfile_bytes(self._builds.tree(directory), image.inputs)
        return pin(text, replacements, image.inputs.dockerfile)


def _mode(dockerfile: Path) -> int:
    """The permissions of a Dockerfile, those of an ordinary one where it cannot be looked at."""
    try:
        return stat.S_IMODE(dockerfile.stat().st_mode)
    except OSError:
        return 0o644


def _ignore(image: Image, root: Path) -> bytes | None:
    if image.inputs.context == "-":
        return None
    rules = load_ignore(root, image.inputs.context, None if image.inputs.inline else image.inputs.dockerfile)
    return (root / rules.path).read_bytes() if rules.path else None


def _named_contexts(contexts: Mapping[str, str], root: Path) -> dict[str, str]:
    """Those that the engine must know: images of the fleet are pinned in the Dockerfile instead."""
    return {
        name: value if "://" in value or is_remote(value) else str(root / value)
        for name, value in contexts.items()
        if not value.startswith("target:")
    }
