"""Actions that build images or name them: docker's own, and those with the same inputs."""

from __future__ import annotations

import re
from dataclasses import replace

from shipway.document import Node
from shipway.fleet.discover.workflows.build import Bake, Build, attributes, output_names, pushes
from shipway.fleet.discover.workflows.evaluate import Value
from shipway.fleet.discover.workflows.holes import has_hole
from shipway.fleet.discover.workflows.scope import Scope, Text, opened
from shipway.place import Place

BUILD_ACTIONS = frozenset(
    {"docker/build-push-action", "depot/build-push-action", "useblacksmith/build-push-action"}
)
BAKE_ACTIONS = frozenset({"docker/bake-action", "depot/bake-action"})
METADATA_ACTION = "docker/metadata-action"

_DEFAULT_CONTEXT = re.compile(r"\{\{\s*defaultContext\s*\}\}(?::(.*))?\Z")
# an action that is not read here but by its name or its inputs builds an image
_BUILDER_NAME = re.compile(
    r"kaniko|buildah|(build|publish|push).*(docker|image|container)|(docker|image|container).*(build|publish|push)"
)
_NO_BUILDER = re.compile(
    r"^(docker/(setup|login|metadata|scout)|actions/|.*/(setup|install|login|cache)-?)"
    r"|cache|retention|delete|prune|lint|scan|trivy|grype|snyk|sbom|sign|attest"
)
_BUILDER_INPUT = re.compile(r"docker_?-?file|containerfile|build[-_]?args")


def action_name(uses: str) -> str:
    """``owner/name`` of an action without its version, in lower case."""
    return uses.partition("@")[0].strip().strip("/").lower()


def build_push(inputs: Node | None, scope: Scope, place: Place) -> Build:
    """The build of a docker/build-push-action step (its README, "inputs")."""
    context, base = _git_context(scope.located(_get(inputs, "context")))
    outputs = scope.lines(_get(inputs, "outputs"))
    push = scope.text(_get(inputs, "push")).lower()
    return Build(
        place=place,
        directory=".",
        context=context or Text(".", place),
        file=scope.located(_get(inputs, "file")),
        dockerfile_base=base,
        target=scope.located(_get(inputs, "target")),
        args=scope.lines(_get(inputs, "build-args")),
        contexts=scope.lines(_get(inputs, "build-contexts")),
        platforms=scope.lines(_get(inputs, "platforms"), commas=True),
        tags=(*scope.lines(_get(inputs, "tags"), commas=True), *output_names(outputs)),
        labels=scope.lines(_get(inputs, "labels")),
        secrets=_secrets(inputs, scope),
        ssh=scope.lines(_get(inputs, "ssh"), commas=True),
        cache_from=scope.lines(_get(inputs, "cache-from")),
        cache_to=scope.lines(_get(inputs, "cache-to")),
        local=push in ("", "false") and not pushes(outputs),
    )


def bake(inputs: Node | None, scope: Scope, place: Place) -> Bake | None:
    """The bake files of a docker/bake-action step; None when they come from elsewhere than this checkout."""
    source, base = _git_context(scope.located(_get(inputs, "source")))
    directory = scope.text(_get(inputs, "workdir")) or base or (source.value if source else ".")
    if "://" in directory or has_hole(directory):
        return None
    files = scope.lines(_get(inputs, "files"), commas=True)
    if _get(inputs, "files") is not None and not files:
        return None
    return Bake(
        place, directory, tuple(replace(file, value=file.value.removeprefix("cwd://")) for file in files)
    )


def metadata(inputs: Node | None, scope: Scope) -> dict[str, Value]:
    """The outputs of a docker/metadata-action step as far as its inputs tell them.

    ``tags`` has each image without a tag, unless every rule gives a literal one, and with each literal tag.
    Labels, annotations and bake files describe the run and are taken as empty.
    """
    images = [
        name for line in scope.lines(_get(inputs, "images"), commas=False) if (name := _image(line.value))
    ]
    flavor = attributes(",".join(line.value for line in scope.lines(_get(inputs, "flavor"))))
    rules = [rule for line in scope.lines(_get(inputs, "tags")) if (rule := _rule(line.value)) is not None]
    literal = [tag for rule in rules if (tag := _literal_tag(rule, flavor)) is not None]
    bare = not rules or len(literal) < len(rules)
    references = [
        *(images if bare else ()),
        *(f"{image}:{tag}" for image in images for tag in literal),
    ]
    nothing = (
        "labels",
        "annotations",
        "bake-file",
        "bake-file-tags",
        "bake-file-labels",
        "bake-file-annotations",
    )
    return opened({"tags": "\n".join(references), **dict.fromkeys(nothing, "")})


def builds_elsewhere(uses: str, inputs: Node | None) -> bool:
    """Whether an action or workflow of another repository builds an image, to go by its name and inputs."""
    name = action_name(uses)
    if _NO_BUILDER.search(name):
        return False
    keys = inputs.mapping if inputs is not None else {}
    return bool(_BUILDER_NAME.search(name)) or any(_BUILDER_INPUT.search(key.lower()) for key in keys)


def _get(inputs: Node | None, name: str) -> Node | None:
    if inputs is None:
        return None
    return next((node for key, node in inputs.mapping.items() if key.lower() == name), None)


def _git_context(context: Text | None) -> tuple[Text | None, str | None]:
    """The context, and the directory its Dockerfile is looked up in when that is not the root.

    ``{{defaultContext}}:dir`` is the directory of the Git repository that the workflow runs for.
    """
    match = _DEFAULT_CONTEXT.match(context.value) if context is not None else None
    if context is None or match is None:
        return context, None
    directory = match[1] or "."
    return Text(directory, context.place), directory


def _secrets(inputs: Node | None, scope: Scope) -> tuple[Text, ...]:
    """Secrets in the form of buildx; the value of ``secrets:`` itself is never kept."""
    inline = (
        Text(f"id={line.value.partition('=')[0]}", line.place)
        for line in scope.lines(_get(inputs, "secrets"))
        if _SECRET.match(line.value)
    )
    forms = (("secret-files", "src"), ("secret-envs", "env"))
    others = (
        Text(f"id={name},{kind}={value}", line.place)
        for field, kind in forms
        for line in scope.lines(_get(inputs, field))
        for name, _, value in [line.value.partition("=")]
    )
    return (*inline, *others)


_SECRET = re.compile(r"[A-Za-z0-9_.-]+=")


def _image(line: str) -> str | None:
    """The name in one line of metadata-action's ``images``, which it lowers; None when it is switched off."""
    fields = attributes(line)
    if fields.get("enable", "true").lower() == "false":
        return None
    name = fields.get("name", "" if "name" in fields else line.partition(",")[0])
    return name.strip().lower() or None


def _rule(line: str) -> dict[str, str] | None:
    """One line of metadata-action's ``tags``; None when it is switched off."""
    fields = attributes(line)
    if "=" not in line.partition(",")[0]:
        fields = {"type": "raw", "value": line.partition(",")[0].strip(), **fields}
    if fields.get("enable", "true").lower() == "false":
        return None
    return fields


def _literal_tag(rule: dict[str, str], flavor: dict[str, str]) -> str | None:
    """The tag of a ``type=raw`` rule when nothing in it depends on the run."""
    value = rule.get("value", "")
    tag = rule.get("prefix", flavor.get("prefix", "")) + value + rule.get("suffix", flavor.get("suffix", ""))
    if rule.get("type", "raw") != "raw" or not value or has_hole(tag) or "{{" in tag:
        return None
    return tag
