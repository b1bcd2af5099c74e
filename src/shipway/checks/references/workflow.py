"""Image references in CI workflows and composite actions: jobs, services, variables, inputs and scripts."""

from __future__ import annotations

import re

from shipway.checks.references.documents import Walk, pairs
from shipway.checks.references.mention import Harvest, parse_mention
from shipway.document import Node, parse
from shipway.spans import Piece, Text, words

WORKFLOW = re.compile(r"(?:.*/)?(?:\.(?:github|gitea|forgejo)/workflows/[^/]+|action)\.ya?ml\Z")
_INPUTS = ("tags", "images", "image", "cache-from", "cache-to", "image-name", "image_name")
_COMMAND = re.compile(r"\b(?:docker|podman|buildah|nerdctl|crane|skopeo|kubectl|helm|cosign|trivy|img)\b")


def read_workflow(data: bytes, path: str) -> Harvest:
    """The references of a workflow or an action. Raises ConfigError when it is no YAML."""
    walk = _Walk(Text(data, path), "workflow", Harvest.empty())
    walk.node(parse(data, path))
    return walk.found


class _Walk(Walk):
    def mapping(self, node: Node) -> None:
        for key, value in node.mapping.items():
            if key == "env":
                self._variables(value)
            elif key == "with" and value.is_mapping:
                self._inputs(value)
            elif key == "run" and isinstance(value.value, str):
                self._script(value)
            elif key == "uses" and isinstance(value.value, str):
                self.image_url(self.text.scalar(value))
            elif key in ("image", "container") and isinstance(value.value, str):
                self.found.add("workflow", self.text.scalar(value))

    def _variables(self, env: Node) -> None:
        for name, piece in pairs(self.text, env):
            self.found.define("workflow", name, piece)

    def _inputs(self, inputs: Node) -> None:
        for key in _INPUTS:
            value = inputs.get(key)
            if value is not None and isinstance(value.value, str):
                for line in self.text.lines(value):
                    self._list(line)
        for name, piece in pairs(self.text, inputs.get("build-args")):
            self.found.define("workflow", name, piece)

    def _list(self, line: Piece) -> None:
        for word in words(line):
            if "/" in word.text:
                self.found.add("workflow", word)

    def _script(self, script: Node) -> None:
        if not _COMMAND.search(script.raw):
            return
        for line in self.text.lines(script):
            if not line.text.lstrip().startswith("#"):
                for word in words(line):
                    self._word(word)

    def _word(self, word: Piece) -> None:
        """A word of a script: paths look like references, so a literal one needs a registry's host."""
        parsed = parse_mention(word.text) if "/" in word.text else None
        if parsed is None:
            return
        host = parsed.head.partition("/")[0]
        if parsed.variable or "." in host or ":" in host or host == "localhost":
            self.found.add("workflow", word)
