"""How an image came to be, as SLSA provenance (v1) tells it; and what a reader gets back from it.

What is stated is what Shipway itself saw: nothing here is taken from the build's own output. Of build args
only the names are told, since whoever may pull the image may read its provenance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from shipway.errors import Mismatch
from shipway.evidence.statement import PROVENANCE_V1, Statement, statement
from shipway.values import Digest, Reference

BUILD_TYPE = "urn:shipway:build:1"
BUILDER = "urn:shipway:builder"
READ_BACK = "read-back"
_SOURCE, _DOCKERFILE = "source", "Dockerfile"


@dataclass(frozen=True, slots=True)
class Source:
    """The revision that was built. ``dirty`` tells whether tracked files differed from ``commit``."""

    commit: str
    dirty: bool
    repository: str | None = None
    branch: str | None = None


@dataclass(frozen=True, slots=True)
class Material:
    """A base image: how the Dockerfile names it, and what stood for it; None where nobody pinned it."""

    name: str
    reference: Reference | None = None


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What the registry showed of the image. ``size`` is in bytes, ``verified`` when it was seen."""

    platforms: tuple[str, ...]
    size: int
    verified: datetime


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is known of one build.

    ``dockerfile`` is the path in the repository, ``dockerfile_digest`` that of its exact bytes before bases
    are pinned; ``inline`` where the text stands in another file. ``builders`` are engines and versions,
    ``parameters`` further things the build was told.
    """

    image: str
    fingerprint: str
    dockerfile: str
    dockerfile_digest: Digest
    read_back: ReadBack
    started: datetime
    run: str = ""
    inline: bool = False
    source: Source | None = None
    bases: tuple[Material, ...] = ()
    builders: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def statement(self, name: str, digest: Digest) -> Statement:
        """The statement that the manifest ``digest`` of the repository ``name`` was built so."""
        predicate = _omitting({"buildDefinition": self._definition(), "runDetails": self._details(digest)})
        return statement(name, digest, PROVENANCE_V1, predicate)

    def _definition(self) -> dict[str, Any]:
        dependencies = [self._source(), self._dockerfile(), *map(_dependency, self.bases)]
        return {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "image": self.image,
                "dockerfile": self.dockerfile,
                "inline": self.inline or None,
                **self.parameters,
            },
            "internalParameters": {"fingerprint": self.fingerprint},
            "resolvedDependencies": [each for each in dependencies if each],
        }

    def _source(self) -> dict[str, Any]:
        if self.source is None:
            return {}
        at = f"@refs/heads/{self.source.branch}" if self.source.branch else ""
        return {
            "name": _SOURCE,
            "uri": f"git+{self.source.repository}{at}" if self.source.repository else None,
            "digest": {"gitCommit": self.source.commit},
            "annotations": {"dirty": self.source.dirty},
        }

    def _dockerfile(self) -> dict[str, Any]:
        return {"name": _DOCKERFILE, "digest": _digest_set(self.dockerfile_digest)}

    def _details(self, digest: Digest) -> dict[str, Any]:
        seen = self.read_back
        facts = {"platforms": list(seen.platforms), "size": seen.size, "verified": _time(seen.verified)}
        return {
            "builder": {"id": BUILDER, "version": dict(self.builders)},
            "metadata": {
                "invocationId": self.run or None,
                "startedOn": _time(self.started),
                "finishedOn": _time(seen.verified),
            },
            "byproducts": [{"name": READ_BACK, "digest": _digest_set(digest), "annotations": facts}],
        }


def _dependency(base: Material) -> dict[str, Any]:
    pinned = base.reference.digest if base.reference else None
    return {
        "name": base.name,
        "uri": f"docker://{base.reference}" if base.reference else None,
        "digest": _digest_set(pinned) if pinned else None,
        "annotations": None if pinned else {"pinned": False},
    }


def _digest_set(digest: Digest) -> dict[str, str]:
    return {digest.algorithm: digest.hex}


def _time(moment: datetime) -> str:
    """RFC 3339, in whole seconds: what SLSA asks for."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _omitting(value: Any) -> Any:
    """``value`` without the entries of mappings that are None."""
    if isinstance(value, dict):
        return {key: _omitting(item) for key, item in value.items() if item is not None}
    return [_omitting(item) for item in value] if isinstance(value, list) else value


# --- reading ----------------------------------------------------------------------------------


class _Resource(msgspec.Struct, frozen=True):
    """A ResourceDescriptor of in-toto."""

    name: str = ""
    uri: str = ""
    digest: dict[str, str] = {}
    annotations: dict[str, Any] = {}


class _Definition(msgspec.Struct, frozen=True, rename="camel"):
    build_type: str = ""
    external_parameters: dict[str, Any] = {}
    internal_parameters: dict[str, Any] = {}
    resolved_dependencies: tuple[_Resource, ...] = ()


class _Builder(msgspec.Struct, frozen=True):
    id: str = ""
    version: dict[str, str] = {}


class _Metadata(msgspec.Struct, frozen=True, rename="camel"):
    invocation_id: str = ""
    started_on: datetime | None = None
    finished_on: datetime | None = None


class _Details(msgspec.Struct, frozen=True):
    builder: _Builder = _Builder()
    metadata: _Metadata = _Metadata()
    byproducts: tuple[_Resource, ...] = ()


class _Predicate(msgspec.Struct, frozen=True, rename="camel"):
    build_definition: _Definition
    run_details: _Details


def is_of_shipway(read: Statement) -> bool:
    """Whether a provenance statement is of the kind that ``read_provenance`` understands."""
    definition = read.predicate.get("buildDefinition")
    return isinstance(definition, dict) and definition.get("buildType") == BUILD_TYPE


def read_provenance(read: Statement) -> Provenance:
    """What a statement of ours tells. Raises Mismatch when it lacks what it must have."""
    try:
        predicate = msgspec.convert(read.predicate, type=_Predicate)
        return _understood(predicate.build_definition, predicate.run_details)
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        raise Mismatch(f"provenance cannot be read: {error}") from None


def _understood(definition: _Definition, details: _Details) -> Provenance:
    external = definition.external_parameters
    known = {each.name: each for each in definition.resolved_dependencies}
    byproducts = {each.name: each for each in details.byproducts}
    facts = msgspec.convert(byproducts[READ_BACK].annotations, type=_Seen)
    return Provenance(
        image=str(external["image"]),
        fingerprint=str(definition.internal_parameters["fingerprint"]),
        dockerfile=str(external["dockerfile"]),
        dockerfile_digest=_digest(known[_DOCKERFILE].digest),
        read_back=ReadBack(facts.platforms, facts.size, facts.verified),
        started=details.metadata.started_on or facts.verified,
        run=details.metadata.invocation_id,
        inline=bool(external.get("inline")),
        source=_read_source(known.get(_SOURCE)),
        bases=tuple(
            _read_base(each)
            for each in definition.resolved_dependencies
            if each.name not in (_SOURCE, _DOCKERFILE)
        ),
        builders=details.builder.version,
    )


class _Seen(msgspec.Struct, frozen=True):
    platforms: tuple[str, ...]
    size: int
    verified: datetime


def _read_source(resource: _Resource | None) -> Source | None:
    if resource is None:
        return None
    repository, _, branch = resource.uri.removeprefix("git+").partition("@refs/heads/")
    dirty = resource.annotations.get("dirty") is not False
    return Source(resource.digest["gitCommit"], dirty, repository or None, branch or None)


def _read_base(resource: _Resource) -> Material:
    if not resource.digest or not resource.uri:
        return Material(resource.name)
    reference = Reference.parse(resource.uri.removeprefix("docker://"))
    return Material(resource.name, reference.with_digest(_digest(resource.digest)))


def _digest(digests: dict[str, str]) -> Digest:
    algorithm = next(iter(digests), "")
    return Digest.parse(f"{algorithm}:{digests.get(algorithm, '')}")
