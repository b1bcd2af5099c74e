"""Lists that come in pages: tags, the catalog, referrers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import quote

import msgspec

from shipway.errors import Mismatch, RegistryError
from shipway.registry.address import origin, resolve, shown
from shipway.registry.session import Call, Session
from shipway.registry.transport import Answer

PAGE = 1000
_MAX_PAGES = 10_000
_NEXT = re.compile(r"<([^>]*)>[^,]*;\s*rel\s*=\s*\"?next\"?(?=\s*[;,]|\s*\Z)", re.IGNORECASE)


def next_link(headers: list[str]) -> str | None:
    """The target of ``Link: <…>; rel="next"`` (RFC 8288), as it stands."""
    for header in headers:
        if match := _NEXT.search(header):
            return match.group(1)
    return None


async def pages(session: Session, first: Call) -> AsyncIterator[Answer]:
    """The answers to ``first`` and to every next link behind it.

    Raises RegistryError for links that lead in a circle, to another host, or never end.
    """
    call, seen = first, {first.target}
    for _ in range(_MAX_PAGES):
        answer = await session.call(call)
        yield answer
        link = next_link(answer.headers.getall("Link", []))
        if link is None:
            return
        url = resolve(link, answer.url)
        # behind TLS proxies the scheme of links may be wrong; the host must not be
        if origin(url)[1] != origin(answer.url)[1]:
            raise _loop(first, f"its next page is on another host, {shown(url)}")
        target = url.split("://", 1)[1]
        target = target[target.index("/") :] if "/" in target else "/"
        if target in seen:
            raise _loop(first, "its next page is one that it gave before")
        seen.add(target)
        call = replace(first, target=target)
    raise _loop(first, f"it has more than {_MAX_PAGES} pages")


async def names(session: Session, first: Call, key: str) -> list[str]:
    """The strings under ``key`` (``tags``, ``repositories``) of all pages, sorted, each once.

    A full page without a link is followed by ``last``, as old registries want it. One that is longer than
    asked for is of a registry that knows no pages, and all there is.
    """
    found: set[str] = set()
    call: Call | None = first
    while call is not None:
        size, last, linked = 0, "", False
        before = len(found)
        async for answer in pages(session, call):
            page = _strings(answer, key, first)
            found.update(page)
            size, last = len(page), page[-1] if page else ""
            linked = linked or next_link(answer.headers.getall("Link", [])) is not None
        more = size == PAGE and not linked and len(found) > before
        call = replace(first, target=f"{first.target}&last={quote(last, safe='')}") if more else None
    return sorted(found)


def _strings(answer: Answer, key: str, call: Call) -> list[str]:
    content = decode_object(answer.body, call)
    value = content.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Mismatch(
            f"cannot {call.action}: the answer has no list of {key}",
            cause="what answers there is no registry, or a broken one",
        )
    return value


def decode_object(body: bytes, call: Call) -> dict[str, object]:
    """The JSON object in ``body``. Raises Mismatch for anything else."""
    try:
        content = msgspec.json.decode(body)
    except msgspec.DecodeError:
        content = None
    if not isinstance(content, dict):
        raise Mismatch(
            f"cannot {call.action}: the answer is no JSON object",
            cause="what answers there is no registry, or a broken one",
        )
    return content


def _loop(call: Call, what: str) -> RegistryError:
    return Mismatch(f"cannot {call.action}: {what}", cause="the registry's paging is broken")
