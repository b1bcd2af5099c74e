"""Hold a policy at one tag for a while, so that Flux does not undo a rollback; and release it, byte for byte.

The pattern of the ImagePolicy matches the tag alone then. Two annotations tell until when and what was there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from shipway.document import Node, parse_all
from shipway.errors import ConfigError, ShipwayError
from shipway.gitops.edits.change import Change, apply
from shipway.gitops.objects import quoted
from shipway.gitops.policy import TagPolicy
from shipway.gitops.select import select
from shipway.place import Place
from shipway.regex import compile_re2
from shipway.spans import Text, documents

UNTIL = "shipway.io/hold-until"
FORMER = "shipway.io/held-from"
_BY_HAND = "write it in block style, or hold it by hand: flux suspend image update"
_KINDS = ("semver", "alphabetical", "numerical")
Names = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Hold:
    """A policy that is held, until when (None for a time that cannot be read), and where it says so."""

    policy: str
    until: datetime | None
    place: Place


def hold(data: bytes, path: str, policies: Names, tag: str, until: datetime) -> bytes:
    """``data`` with the ``policies`` in it, by namespace and name, held at ``tag``.

    Raises ConfigError for one that is not written in block style, or whose key of ``tag`` cannot be kept.
    """
    # what is held already is held anew from what it was before
    free = release(data, path, policies)
    changes = [
        change for policy in _policies(free, path, policies) for change in policy.held(tag, _stamp(until))
    ]
    return apply(free, changes)


def release(data: bytes, path: str, policies: Names) -> bytes:
    """``data`` with those of ``policies`` that are held as they were before, byte for byte."""
    return apply(data, [each for policy in _policies(data, path, policies) for each in policy.released()])


def holds(data: bytes, path: str) -> Iterator[Hold]:
    """The policies of a file that are held. Raises ConfigError for what cannot be parsed."""
    if UNTIL.encode() not in data:
        return
    for policy in _policies(data, path, None):
        until = policy.root.get("metadata", "annotations", UNTIL)
        if until is not None:
            yield Hold(policy.title, _time(until.raw), policy.root.key_place("metadata"))


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _policies(data: bytes, path: str, names: Names | None) -> Iterator[_Policy]:
    if b"ImagePolicy" not in data:
        return
    for text, _ in documents(data, path):
        for root in parse_all(text.text, path):
            policy = _Policy(text, root)
            if policy.is_policy and (names is None or policy.key in names):
                yield policy


@dataclass(frozen=True, slots=True)
class _Policy:
    """One ImagePolicy and the text around it."""

    text: Text
    root: Node

    @property
    def is_policy(self) -> bool:
        return self._said("kind") == "ImagePolicy"

    @property
    def key(self) -> tuple[str, str]:
        return self._said("metadata", "namespace"), self._said("metadata", "name")

    @property
    def title(self) -> str:
        return "/".join(filter(None, self.key))

    # --- holding ------------------------------------------------------------------------------

    def held(self, tag: str, until: str) -> Iterator[Change]:
        pattern = self.root.get("spec", "filterTags", "pattern")
        wanted = quoted(self._pinned(tag))
        if pattern is not None:
            start, end = self.text.extent(pattern)
            former: str | None = self.text.text[start:end]
            if former is None or former[:1] in ("|", ">", "") or "\n" in former:
                raise self._odd("the pattern", pattern)
            yield self._change(start, end, wanted)
        elif self.root.get("spec", "filterTags") is not None:
            raise self._odd("filterTags without a pattern", self.root)
        else:
            former = None
            lines = ("filterTags:", f"  pattern: {wanted}")
            yield self._insert(self._node("spec"), "policy", lines)
        yield from self._annotated(until, former)

    def _annotated(self, until: str, former: str | None) -> Iterator[Change]:
        metadata = self._node("metadata")
        annotations = metadata.get("annotations")
        fresh = annotations is None or not annotations.mapping
        if fresh and annotations is not None:
            raise self._odd("annotations without an entry", annotations)
        kept = json.dumps({"pattern": former, "annotations": fresh})
        lines = (f'{UNTIL}: "{until}"', f"{FORMER}: {quoted(kept)}")
        if annotations is None:
            first = next(iter(metadata.mapping))
            yield self._insert(metadata, first, ("annotations:", *(f"  {line}" for line in lines)))
        else:
            yield self._insert(annotations, next(iter(annotations.mapping)), lines)

    def _pinned(self, tag: str) -> str:
        """A pattern that matches ``tag`` alone and keeps its key."""
        policy = self._policy()
        pinned = f"^{_escaped(tag)}$"
        if policy.extract:
            match = compile_re2(policy.pattern).search(tag)
            if match is None:
                raise self._refused(tag, "its pattern does not match the tag")
            names = {index: name for name, index in match.re.groupindex.items()}
            spans = [(*match.span(index), names.get(index, "")) for index in range(1, match.re.groups + 1)]
            pinned = f"^{_grouped(tag, spans)}$"
        at = TagPolicy(policy.kind, policy.order, policy.range, pinned, policy.extract, True)
        if select(at, [tag]).selected != tag:
            raise self._refused(tag, f"no policy of its kind picks it: {select(at, [tag]).error}")
        return pinned

    def _policy(self) -> TagPolicy:
        said = self.root.get("spec", "policy")
        kind = next((each for each in _KINDS if said is not None and said.get(each) is not None), "")
        at = ("spec", "policy", kind)
        return TagPolicy.parse(
            kind,
            order=self._said(*at, "order") or None,
            range=self._said(*at, "range") or None,
            pattern=self._said("spec", "filterTags", "pattern") or None,
            extract=self._said("spec", "filterTags", "extract") or None,
        )

    # --- releasing ----------------------------------------------------------------------------

    def released(self) -> Iterator[Change]:
        annotations = self.root.get("metadata", "annotations")
        if annotations is None or annotations.get(FORMER) is None:
            return
        kept = self._kept(annotations)
        alone = set(annotations.mapping) <= {UNTIL, FORMER}
        if kept.get("annotations") and alone:
            yield self._without(self._node("metadata"), "annotations")
        yield from (self._without(annotations, key) for key in (UNTIL, FORMER) if key in annotations.mapping)
        pattern, former = self.root.get("spec", "filterTags", "pattern"), kept.get("pattern")
        if isinstance(former, str) and pattern is not None:
            yield self._change(*self.text.extent(pattern), former)
        elif pattern is not None:
            yield self._without(self._node("spec"), "filterTags")
            yield self._without(self._node("spec", "filterTags"), "pattern")

    def _kept(self, annotations: Node) -> Mapping[str, object]:
        node = annotations.mapping[FORMER]
        try:
            kept = json.loads(node.raw)
        except ValueError:
            kept = None
        if not isinstance(kept, dict):
            raise ConfigError(f"{FORMER} of {self.title} cannot be read", place=self._place(node))
        return kept

    # --- lines --------------------------------------------------------------------------------

    def _insert(self, mapping: Node, key: str, lines: tuple[str, ...]) -> Change:
        """``lines`` before the line of ``key``, at its indentation."""
        start, indent = self._line(mapping, key)
        end = self.text.text.find("\n", start)
        newline = "\r\n" if end > 0 and self.text.text[end - 1] == "\r" else "\n"
        return self._change(start, start, "".join(f"{indent}{line}{newline}" for line in lines))

    def _without(self, mapping: Node, key: str) -> Change:
        """The line of ``key`` goes."""
        start, _ = self._line(mapping, key)
        end = self.text.text.find("\n", start)
        return self._change(start, end + 1 if end >= 0 else len(self.text.text), "")

    def _line(self, mapping: Node, key: str) -> tuple[int, str]:
        """Where the line of a key starts, and its indentation. Raises ConfigError in flow style."""
        place = mapping.key_place(key)
        start = self.text.line_start(place.line) or 0
        indent = self.text.text[start : self.text.offset(place)]
        if indent.strip(" "):
            raise self._odd(f"`{key}`", mapping)
        return start, indent

    def _change(self, start: int, end: int, new: str) -> Change:
        return Change(self.text.piece(start, "").start, self.text.piece(end, "").start, new)

    def _node(self, *path: str) -> Node:
        found = self.root.get(*path)
        if found is None or not found.mapping:
            raise self._odd(".".join(path), self.root)
        return found

    def _said(self, *path: str) -> str:
        found = self.root.get(*path)
        return (found.text or "") if found is not None else ""

    def _odd(self, what: str, node: Node) -> ShipwayError:
        return ConfigError(
            f"the ImagePolicy {self.title} cannot be held: {what} is not written on lines of its own",
            place=self._place(node),
            help=_BY_HAND,
        )

    def _refused(self, tag: str, why: str) -> ShipwayError:
        return ConfigError(
            f"the ImagePolicy {self.title} cannot be held at {tag}: {why}",
            place=self._place(self.root),
            help="hold it by hand: flux suspend image update",
        )

    def _place(self, node: Node) -> Place:
        return self.text.piece(self.text.offset(node.place), "").place


def _escaped(text: str) -> str:
    return text.replace(".", r"\.")


def _grouped(tag: str, spans: list[tuple[int, int, str]]) -> str:
    """``tag`` literally, with the groups of a pattern around what they matched, in their order."""
    starts: dict[int, str] = {}
    ends: dict[int, str] = {}
    for start, end, name in spans:
        if start < 0 or start == end:
            # a group that matched nothing still counts: those behind it keep their numbers
            starts[max(start, 0)] = starts.get(max(start, 0), "") + (f"(?P<{name}>)" if name else "()")
            continue
        starts[start] = starts.get(start, "") + (f"(?P<{name}>" if name else "(")
        ends[end] = ")" + ends.get(end, "")
    marks = (
        ends.get(index, "") + starts.get(index, "") + _escaped(tag[index : index + 1])
        for index in range(len(tag) + 1)
    )
    return "".join(marks)
