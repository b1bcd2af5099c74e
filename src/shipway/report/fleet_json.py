"""The fleet as JSON: ``shipway discover --json``, schema ``shipway.fleet/1``."""

from __future__ import annotations

from shipway.fleet.model import Base, Fleet, Image
from shipway.fleet.roots import below, prefix_of
from shipway.report.json_text import json_text
from shipway.report.problems import problem_document

SCHEMA = "shipway.fleet/1"


def fleet_document(fleet: Fleet) -> dict[str, object]:
    """The document for ``fleet``, made of plain JSON values; paths are relative to its own root."""
    return {
        "schema": SCHEMA,
        "images": [_image(fleet, image) for image in fleet.images],
        "problems": [problem_document(problem) for problem in fleet.problems],
    }


def fleet_json(fleet: Fleet) -> str:
    """``fleet_document`` as text."""
    return json_text(fleet_document(fleet))


def _image(fleet: Fleet, image: Image) -> dict[str, object]:
    prefix = prefix_of(fleet.roots, image.root)
    return {
        "name": image.name,
        "dockerfile": below(prefix, image.inputs.dockerfile),
        "context": below(prefix, image.inputs.context),
        "target": image.inputs.target,
        "platforms": [str(platform) for platform in image.inputs.platforms],
        "repository": image.repository,
        "tag": image.tag,
        "bases": [_base(base) for base in image.bases],
        "declared_in": [
            {"path": declaration.place.path, "line": declaration.place.line}
            for declaration in image.declarations
        ],
    }


def _base(base: Base) -> dict[str, object]:
    document: dict[str, object] = {"reference": base.reference, "kind": base.kind, "line": base.line}
    if base.image is not None:
        document["image"] = base.image
    return document
