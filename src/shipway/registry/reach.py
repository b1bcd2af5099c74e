"""Does a registry answer as one, and does it take the credentials kept for it?"""

from __future__ import annotations

from dataclasses import replace

from shipway.registry.diagnose import is_page, not_a_registry
from shipway.registry.session import Call, Session
from shipway.registry.transport import Answer

_WHATEVER = frozenset(range(200, 600))


async def reach(session: Session, registry: str) -> Answer:
    """The first answer to ``GET /v2/``, which may be a challenge.

    Raises when what answers is no registry, or when it refuses the credentials kept for it. A registry that
    wants a login where there are none answers as a registry.
    """
    call = Call(f"reach the registry {registry}", registry, "", "GET", "/v2/")
    first = answer = await session.call(replace(call, expected=_WHATEVER))
    attempt = session.attempt(call)
    if answer.status in (200, 401) and not _is_registry(answer):
        raise not_a_registry(attempt, answer.status, answer.headers, answer.body)
    if answer.status == 401 and (await session.authenticator.credential(attempt)).is_anonymous:
        return first
    if answer.status == 401:
        answer = await session.call(call)
    if answer.status == 404 or 300 <= answer.status < 400:
        raise not_a_registry(attempt, answer.status, answer.headers, answer.body)
    if answer.status != 200:
        raise await session.explain(call, answer)
    return first


def _is_registry(answer: Answer) -> bool:
    """Whether an answer to ``GET /v2/`` is that of a registry: its header, JSON, or a challenge."""
    if "Docker-Distribution-Api-Version" in answer.headers:
        return True
    if answer.status == 401:
        return bool(answer.headers.getall("WWW-Authenticate", []))
    return not is_page(answer.headers, answer.body.decode(errors="replace")) and answer.body[:1] in (
        b"",
        b"{",
    )
