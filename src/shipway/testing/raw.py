"""A bare HTTP client for tests of registries: sends what other people's clients send, and worse."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from shipway.oci.manifest import OCI_CONFIG, OCI_INDEX, OCI_LAYER_TAR, OCI_MANIFEST
from shipway.values import Digest

_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Answer:
    """What a registry answered; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of the first error in the body."""
        return str(self.json["errors"][0]["code"])


@dataclass(frozen=True)
class RawRepository:
    """One repository of the registry at ``address`` (plain HTTP). Every request has its own connection."""

    address: str
    name: str

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> Answer:
        """Send a request; ``path`` is below the repository unless it starts with a slash."""
        url = path if path.startswith("/") else f"/v2/{self.name}/{path}"
        if query:
            url += ("&" if "?" in url else "?") + urlencode(query, doseq=True)
        connection = http.client.HTTPConnection(self.address, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request(method, url, body, dict(headers or {}))
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())
        finally:
            connection.close()

    def open_upload(self) -> str:
        """The path and query of a new upload's Location."""
        location = urlsplit(_expect(202, self("POST", "blobs/uploads/")).headers["location"])
        return f"{location.path}?{location.query}" if location.query else location.path

    def push_blob(self, data: bytes, algorithm: str = "sha256") -> Digest:
        """Push with a POST and one PUT."""
        digest = Digest.of(data, algorithm)
        _expect(201, self("PUT", self.open_upload(), data, digest=digest))
        return digest

    def put_manifest(self, reference: object, document: Mapping[str, Any], **query: Any) -> Answer:
        """Put a manifest document at a tag or digest."""
        headers = {"Content-Type": str(document["mediaType"])}
        return self("PUT", f"manifests/{reference}", encode(document), headers, **query)

    def push_image(self, tag: str, content: bytes = b"layer", **fields: Any) -> Digest:
        """Push an image of one layer to ``tag``; ``fields`` are added to its manifest."""
        document = self.image(content, **fields)
        _expect(201, self.put_manifest(tag, document))
        return Digest.of(encode(document))

    def image(self, content: bytes = b"layer", **fields: Any) -> dict[str, Any]:
        """The manifest document of an image whose config and layer are pushed."""
        self.push_blob(b"{}")
        self.push_blob(content)
        return {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(b"{}", OCI_CONFIG),
            "layers": [descriptor(content, OCI_LAYER_TAR)],
            **fields,
        }


def encode(document: object) -> bytes:
    """A document as its bytes."""
    return json.dumps(document).encode()


def descriptor(data: bytes, media_type: str = OCI_MANIFEST) -> dict[str, Any]:
    """A descriptor document of ``data``."""
    return {"mediaType": media_type, "digest": str(Digest.of(data)), "size": len(data)}


def index(*children: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """An index document."""
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(children), **fields}


def _expect(status: int, answer: Answer) -> Answer:
    if answer.status != status:
        raise AssertionError(f"expected {status}: {answer}")
    return answer
