"""Repository names, tags and digests as they come in a path; malformed ones are refused."""

from __future__ import annotations

from starlette.requests import Request

from shipway.errors import InvalidValue
from shipway.registry.server.refusal import Refusal, parse_digest
from shipway.values import Digest, Reference

_MAX_NAME = 255


def repository_of(request: Request) -> str:
    """The ``name`` in the path of a request. Refuses with NAME_INVALID."""
    name = str(request.path_params["name"])
    parsed = _parse(f"localhost/{name}")
    if parsed is None or parsed.repository != name or len(name) > _MAX_NAME:
        raise Refusal(400, "NAME_INVALID", f"{name!r} is not a repository name", detail={"name": name})
    return name


def reference_of(request: Request) -> str | Digest:
    """The ``reference`` in the path: a Digest, or the text of a tag, which may be malformed."""
    text = str(request.path_params["reference"])
    return parse_digest(text) if ":" in text else text


def require_tag(tag: str) -> None:
    """Refuse with MANIFEST_INVALID what cannot be a tag."""
    parsed = _parse(f"localhost/x:{tag}")
    if parsed is None or parsed.tag != tag:
        raise Refusal(400, "MANIFEST_INVALID", f"{tag!r} is not a tag", detail={"tag": tag})


def _parse(text: str) -> Reference | None:
    try:
        return Reference.parse(text)
    except InvalidValue:
        return None
