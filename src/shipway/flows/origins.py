"""Digests of images outside of the fleet, asked of their registries."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from shipway.errors import RegistryError
from shipway.ports import Registry
from shipway.values import Digest, Reference

PATIENCE = 15.0
"""Seconds that a question about a base may take, retries included: a build can do without the answer."""


class Origins:
    """Asks for each reference once. What cannot be told is in ``notes``, and never an error: the engine may
    reach, or hold, what is not reached from here."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._asked: dict[str, asyncio.Task[Digest | None]] = {}
        self.notes: list[str] = []

    async def present(self, references: Iterable[str]) -> Mapping[str, Digest]:
        """The digests that tags have now, without those that could not be told."""
        wanted = list(references)
        for text in wanted:
            if text not in self._asked:
                self._asked[text] = asyncio.ensure_future(self._ask(text))
        found = await asyncio.gather(*(self._asked[text] for text in wanted))
        return {text: digest for text, digest in zip(wanted, found, strict=True) if digest is not None}

    @property
    def known(self) -> Mapping[str, Digest]:
        """What was told so far."""
        done = {text: task.result() for text, task in self._asked.items() if task.done()}
        return {text: digest for text, digest in done.items() if digest is not None}

    async def _ask(self, text: str) -> Digest | None:
        parsed = Reference.parse(text)
        tagged = parsed if parsed.tag is not None else parsed.with_tag("latest")
        try:
            async with asyncio.timeout(PATIENCE):
                found = await self._registry.head(tagged)
            if found is not None:
                return found.parsed_digest
            why = f"{tagged.registry} has no such image"
        except TimeoutError:
            why = f"{tagged.registry} did not answer within {PATIENCE:.0f} s"
        except RegistryError as error:
            why = error.cause or error.message
        self.notes.append(f"the digest of {text} is not known: {why}")
        return None
