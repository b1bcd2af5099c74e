"""Calls of the REST interfaces that registries have beside the distribution API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from shipway.errors import Mismatch
from shipway.registry.credentials import Credential
from shipway.registry.diagnose import Attempt, refusal
from shipway.registry.session import Session
from shipway.registry.transport import Answer, Request, whole
from shipway.values import Reference


@dataclass(frozen=True, slots=True)
class Action:
    """One call: ``action`` in words, about ``reference``, at a URL. ``body`` is sent as JSON, ``secret`` is
    what an answer must not repeat into a message."""

    action: str
    reference: Reference
    method: str
    url: str
    headers: Mapping[str, str]
    expected: frozenset[int] = frozenset({200, 202, 204})
    body: Mapping[str, str] | None = None
    secret: str = ""


class Rest:
    """Sends calls through the session of the registry client: its connections, retries and diagnosis."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def close(self) -> None:
        """Close every connection."""
        await self._session.transport.close()

    def base(self, registry: str) -> str:
        """``scheme://host`` of a registry."""
        return self._session.endpoint(registry).base

    async def credential(self, reference: Reference) -> Credential:
        """The credential that is kept for a repository."""
        return await self._session.authenticator.credential(self._attempt("log in", reference))

    async def send(self, call: Action) -> Answer:
        """The answer. Raises the RegistryError that explains a status that is not expected."""
        attempt = self._attempt(call.action, call.reference, call.secret)
        headers = {"Accept": "application/json", **call.headers}
        data = b"" if call.body is None else msgspec.json.encode(call.body)
        if data:
            headers["Content-Type"] = "application/json"
        body = whole(data) if data else None
        request = Request(attempt, call.method, call.url, headers, body, len(data))
        answer = await self._session.transport.send(request)
        if answer.status in call.expected or (
            answer.status == 404 and answer.tries > 1 and call.method == "DELETE"
        ):
            return answer
        raise refusal(attempt, answer.status, answer.headers, answer.body)

    def _attempt(self, action: str, reference: Reference, secret: str = "") -> Attempt:
        def redact(text: str) -> str:
            text = self._session.authenticator.redact(text)
            return text.replace(secret, "[redacted]") if secret else text

        endpoint = self._session.endpoint(reference.registry)
        return Attempt(action, endpoint, reference.repository, redact=redact)


def read_json(answer: Answer, action: str) -> object:
    """The JSON of an answer. Raises Mismatch for anything else."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        raise Mismatch(f"cannot {action}: the answer is no JSON", status=answer.status) from None
