"""A tag policy out of the manifest of an ImagePolicy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shipway.errors import HostError, UsageError
from shipway.gitops.flux import Flux, ImagePolicy, concerns_flux, read_flux
from shipway.gitops.policy import TagPolicy

_YAML = (".yaml", ".yml")


def policy_of_manifest(manifest: str) -> TagPolicy:
    """The policy of ``FILE`` or ``FILE#NAME``; its ImageRepository is looked for in the same directory.

    Raises HostError for a file that cannot be read, ConfigError for one that is no YAML, UsageError where it
    has no such policy or several, and what Flux refuses in the policy itself.
    """
    given, _, name = manifest.partition("#")
    path = str(Path(given))
    flux = _read(Path(given))
    found = [
        each for each in flux.policies if each.title.place.path == path and name in ("", each.title.name)
    ]
    chosen = _only(found, path, name)
    if chosen.error is not None:
        raise chosen.error
    policy = flux.complete(chosen)
    if policy is None:
        raise UsageError(
            f"the policy {chosen.title.name} is filled in later, by a template or Flux's substitution",
            help="name the manifest that it gives",
        )
    return policy


def _read(file: Path) -> Flux:
    """The objects of the file, and of the others in its directory that can be read."""
    files = {str(file): _data(file)}
    for other in sorted(file.parent.iterdir()):
        if other.suffix in _YAML and other != file and other.is_file():
            files[str(other)] = _data(other)
    flux = read_flux({path: data for path, data in files.items() if concerns_flux(data)})
    for error in flux.unread:
        if error.place is not None and error.place.path == str(file):
            raise error
    return flux


def _data(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise HostError(f"{file} cannot be read", cause=str(error)) from None


def _only(found: Sequence[ImagePolicy], path: str, name: str) -> ImagePolicy:
    if len(found) == 1:
        return found[0]
    if not found:
        called = f" {name}" if name else ""
        raise UsageError(f"{path} has no ImagePolicy{called}")
    names = ", ".join(each.title.name for each in found)
    raise UsageError(f"{path} has several policies: {names}", help=f"name one: {path}#{found[0].title.name}")
