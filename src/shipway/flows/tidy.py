"""Tidy what an engine pushed: the image stays, notes about this machine and secret build args go."""

from __future__ import annotations

from shipway.errors import BuildFailed
from shipway.oci.manifest import Manifest
from shipway.oci.metadata import tidied
from shipway.ports import BuildRequest, Registry
from shipway.values import Reference


async def tidy(
    registry: Registry, repository: Reference, pushed: Manifest, request: BuildRequest
) -> Manifest:
    """Put the tidied image beside ``pushed`` in ``repository``, and take out of it what shows a secret.

    Returns the manifest that counts. Raises BuildFailed when the Dockerfile itself puts the value of a
    secret build arg into the image.
    """
    config = pushed.body.config
    if config is None:
        return pushed
    secrets = {name: value for name, value in request.args.items() if name in request.secret_args}
    found = tidied(pushed, await registry.blob(repository, config), secrets)
    if secrets and found.manifest.data != pushed.data:
        await registry.delete(repository.with_digest(pushed.digest))
        await registry.delete_blob(repository, config.parsed_digest)
    if found.leaks:
        raise BuildFailed(
            f"{request.name} has the value of a secret build arg in its {', '.join(found.leaks)}",
            cause="the Dockerfile puts it there, for everybody who pulls the image",
            help="give it to the step that needs it: RUN --mount=type=secret, and secrets: in shipway.yaml",
        )
    if found.manifest.data == pushed.data:
        return pushed
    await registry.put_blob(repository, found.config)
    await registry.put_manifest(repository.with_digest(found.manifest.digest), found.manifest)
    return found.manifest
