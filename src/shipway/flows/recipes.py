"""Recipes: an image and its pinned bases as the request that an engine gets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from shipway.dockerfile.ignore import load_ignore
from shipway.dockerfile.pin import pin
from shipway.fleet.builds import Builds, dockerfile_bytes
from shipway.fleet.discover.paths import is_remote
from shipway.fleet.model import Fleet, Image
from shipway.planning.collect import canonical, given_args
from shipway.ports import BuildRequest
from shipway.values import Platform, Reference


class FileRecipes:
    """Recipes from the files of ``fleet``; args without a value are taken from ``environ``."""

    def __init__(self, fleet: Fleet, environ: Mapping[str, str], builds: Builds) -> None:
        self._fleet = fleet
        self._builds = builds
        self._plain = frozenset(host for host, access in fleet.registries.items() if access.plain_http)
        self._environ = environ

    def request(
        self, image: Image, platform: Platform, pins: Mapping[str, Reference], labels: Mapping[str, str]
    ) -> BuildRequest:
        """See ``flows.yard.Recipes``. Raises DockerfileError when a base cannot be pinned in place."""
        inputs = image.inputs
        root = Path(self._fleet.roots[image.root])
        args = given_args(inputs, self._environ)
        return BuildRequest(
            name=image.name,
            dockerfile=self._pinned(image, platform, pins, args),
            context=None if inputs.context == "-" else root / inputs.context,
            platform=platform,
            ignore=_ignore(image, root),
            target=inputs.target,
            args=args,
            contexts=_named_contexts(inputs.contexts, root),
            labels={**inputs.labels, **labels},
            secrets=inputs.secrets,
            ssh=inputs.ssh,
            secret_args=inputs.secret_args,
            registries_plain=self._plain,
            bases=frozenset(pins.values()),
        )

    def _pinned(
        self,
        image: Image,
        platform: Platform,
        pins: Mapping[str, Reference],
        args: Mapping[str, str],
    ) -> bytes:
        directory = self._fleet.roots[image.root]
        build = self._builds.build(directory, image.inputs, platform, args).require_valid()
        named = ((base.span, pins.get(canonical(base.reference))) for base in build.bases)
        replacements = [(span, str(to)) for span, to in named if to is not None]
        text = dockerfile_bytes(self._builds.tree(directory), image.inputs)
        return pin(text, replacements, image.inputs.dockerfile)


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
