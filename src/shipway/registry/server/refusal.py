"""What the registry answers when it does not do what was asked.

The codes are those of the OCI distribution specification 1.1, § Error Codes.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from shipway.errors import InvalidValue
from shipway.values import Digest


class Refusal(Exception):
    """An answer other than success: HTTP ``status``, ``code`` of the specification, text for people."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        detail: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail
        self.headers = dict(headers or {})

    @property
    def body(self) -> bytes:
        """The JSON body: ``{"errors": [{code, message, detail}]}``."""
        error: dict[str, object] = {"code": self.code, "message": self.message}
        if self.detail is not None:
            error["detail"] = self.detail
        return msgspec.json.encode({"errors": [error]})


def response(refusal: Refusal) -> Response:
    """The refusal as it is sent."""
    return Response(refusal.body, refusal.status, refusal.headers, "application/json")


def parse_digest(text: str) -> Digest:
    """The digest that a client wrote. Refuses with DIGEST_INVALID."""
    try:
        return Digest.parse(text)
    except InvalidValue as error:
        raise Refusal(400, "DIGEST_INVALID", error.message, detail={"digest": text}) from None


def blob_unknown(digest: Digest) -> Refusal:
    return Refusal(
        404, "BLOB_UNKNOWN", f"the repository has no blob {digest}", detail={"digest": str(digest)}
    )


def manifest_unknown(reference: str) -> Refusal:
    return Refusal(
        404,
        "MANIFEST_UNKNOWN",
        f"the repository has no manifest {reference}",
        detail={"reference": reference},
    )


def upload_unknown(upload: str) -> Refusal:
    return Refusal(404, "BLOB_UPLOAD_UNKNOWN", f"there is no upload {upload} in this repository")


def repository_unknown(name: str) -> Refusal:
    return Refusal(404, "NAME_UNKNOWN", f"there is no repository {name}", detail={"name": name})
