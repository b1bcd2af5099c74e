"""What a BuildKit is asked to do with an image, and what it says that it did.

The image is pushed by digest, without a tag (BuildKit, README § Image/Registry); the digest comes from the
metadata file, which is written after the push.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from shipway.errors import EngineError
from shipway.fleet.options import joined
from shipway.oci.manifest import INDEX_TYPES, Descriptor
from shipway.ports import BuildRequest
from shipway.values import Reference


class _Metadata(msgspec.Struct, frozen=True):
    """The metadata file of buildctl and buildx."""

    descriptor: Descriptor = msgspec.field(name="containerimage.descriptor")


def output_of(request: BuildRequest, repository: Reference, *, plain: bool) -> str:
    """The value of ``--output``; ``plain`` for a registry without TLS or with any certificate."""
    found = {"type": "image", "name": repository.name, "push": "true"}
    found |= {"push-by-digest": "true", "name-canonical": "true", "oci-mediatypes": "true"}
    if plain:
        found["registry.insecure"] = "true"
    if request.epoch is not None:
        found["rewrite-timestamp"] = "true"
    return joined(found)


def provenance_of(request: BuildRequest) -> str | None:
    """The mode of provenance. In mode ``max`` it tells the values of build args."""
    mode = request.attest.provenance
    return "min" if mode and request.secret_args else mode


def pushed(file: Path) -> Descriptor:
    """What the metadata file says was pushed. Raises EngineError when it does not tell."""
    try:
        found = msgspec.json.decode(file.read_bytes(), type=_Metadata).descriptor
    except (OSError, msgspec.MsgspecError) as error:
        raise EngineError(
            "BuildKit did not tell what it pushed",
            cause=f"its metadata file has no containerimage.descriptor: {error}",
            help="update buildx or buildctl: 0.10 and later tell it",
        ) from None
    return Descriptor(found.media_type, found.digest, found.size)


def is_index(descriptor: Descriptor) -> bool:
    """Whether the image came with attestations, which makes it an index."""
    return descriptor.media_type in INDEX_TYPES
