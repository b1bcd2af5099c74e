"""The reader of Skaffold configurations: ``skaffold.yaml`` of the schemas ``skaffold/v1`` to ``v4beta``."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shipway.document import Node, parse_all
from shipway.errors import InvalidValue, ShipwayError
from shipway.fleet.discover.notes import Notes
from shipway.fleet.discover.paths import missing_paths, rooted
from shipway.fleet.discover.reader import Reader
from shipway.fleet.model import BuildInputs, Declaration, DeclarationKind, Problem, Reading
from shipway.fleet.tree import FileTree, directory_of, join
from shipway.place import Place
from shipway.values import Platform, Reference

_DISCOVERED = re.compile(r"skaffold(?:[._-][^/]*)?\.ya?ml\Z")
_NAMED = re.compile(r"[^/]*skaffold[^/]*\.ya?ml\Z")
_DEFAULT_FILES = ("skaffold.yaml", "skaffold.yml")
# Both build a Dockerfile, and call the parts of it alike.
_DOCKERFILE_BUILDERS = ("docker", "kaniko")
_OTHER_BUILDERS = ("jib", "jibMaven", "jibGradle", "buildpacks", "buildpack", "ko", "bazel", "custom")
_ARTIFACTS_PATH = re.compile(r"/build/artifacts/(?:-|[0-9]+)\Z")
_ARG_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class _Artifact:
    """An entry of ``build.artifacts`` and the configuration that it stands in."""

    node: Node
    image: str
    path: str
    platforms: Node | None

    @property
    def directory(self) -> str:
        return directory_of(self.path)


class _SkaffoldNotes(Notes):
    def text(self, node: Node | None, what: str) -> str | None:
        """The text of a scalar; None, with a Problem, for a template: Skaffold fills it in when it runs."""
        text = super().text(node, what)
        if node is not None and text is not None and "{{" in text:
            self.add("unresolved-variable", f"{what} is the template {text}", node.place)
            return None
        return text


@dataclass(frozen=True, slots=True)
class SkaffoldReader:
    """Reads ``build.artifacts`` of every document, and of the local configurations that one ``requires``.

    What profiles add counts where it is an image that the configuration has not: in its own ``artifacts``
    or in a patch that adds one. How profiles change the other images does not.
    """

    kind: DeclarationKind = "skaffold"

    def finds(self, tree: FileTree) -> list[str]:
        return [path for path in tree.mentioning("skaffold") if _DISCOVERED.match(posixpath.basename(path))]

    def accepts(self, path: str) -> bool:
        return _NAMED.match(posixpath.basename(path)) is not None

    def read(self, paths: Sequence[str], tree: FileTree) -> Reading:
        notes = _SkaffoldNotes()
        artifacts = list(_artifacts(paths, tree, notes))
        files: dict[str, set[str]] = {}
        for artifact in artifacts:
            files.setdefault(artifact.image, set()).add(artifact.path)
        found = [_declaration(artifact, files, tree, notes) for artifact in artifacts]
        declarations = tuple(declaration for declaration in found if declaration is not None)
        missing = [problem for one in declarations for problem in _missing(one, tree)]
        return Reading(declarations, tuple(dict.fromkeys((*notes.problems, *missing))))


def _artifacts(paths: Sequence[str], tree: FileTree, notes: Notes) -> Iterator[_Artifact]:
    """The artifacts of ``paths`` and of what they require, each file once."""
    waiting = [(path, Place(path)) for path in paths]
    known = set(paths)
    for path, place in waiting:
        for document in _documents(path, place, tree, notes):
            yield from _own_artifacts(document, path, notes)
            for required, at in _required(document, path, tree, notes):
                if required not in known:
                    known.add(required)
                    waiting.append((required, at))


def _documents(path: str, place: Place, tree: FileTree, notes: Notes) -> Iterator[Node]:
    try:
        documents = parse_all(tree.read(path), path)
    except ShipwayError as error:
        notes.unreadable(error, place)
        return
    for document in documents:
        version = document.get("apiVersion")
        if version is not None and (version.text or "").startswith("skaffold/"):
            yield document
        else:
            notes.add(
                "unreadable-file",
                "this is no Skaffold configuration: no apiVersion skaffold/…",
                document.place,
            )


def _required(document: Node, path: str, tree: FileTree, notes: Notes) -> Iterator[tuple[str, Place]]:
    """The configuration files that ``requires`` names, and where."""
    for entry in notes.items(document.get("requires"), "requires"):
        remote = next(
            (key for key in ("git", "googleCloudStorage", "googleCloudBuildRepoV2") if entry.get(key)), None
        )
        if remote is not None:
            notes.add("remote-include", f"a configuration is required from elsewhere ({remote})", entry.place)
            continue
        text = notes.text(entry.get("path"), "path")
        if text is None:
            continue
        required = join(directory_of(path), text)
        if tree.is_dir(required):
            candidates = [join(required, name) for name in _DEFAULT_FILES]
            required = next(filter(tree.is_file, candidates), candidates[0])
        yield required, entry.place


def _own_artifacts(document: Node, path: str, notes: Notes) -> Iterator[_Artifact]:
    """The artifacts of one configuration, and those that only its profiles have."""
    seen: set[str] = set()
    for build, nodes in _builds(document, notes):
        images = [notes.text(node.get("image"), "image") for node in nodes]
        for node, image in zip(nodes, images, strict=True):
            if image is None:
                notes.add("invalid-build", "an artifact without an image", node.place)
            elif image not in seen:
                yield _Artifact(node, image, path, build.get("platforms") if build else None)
        seen.update(image for image in images if image is not None)


def _builds(document: Node, notes: Notes) -> Iterator[tuple[Node | None, list[Node]]]:
    """``build`` of the configuration and of each profile, with the artifacts of it."""
    build = document.get("build")
    yield build, list(notes.items(build.get("artifacts") if build else None, "artifacts"))
    for profile in notes.items(document.get("profiles"), "profiles"):
        own = profile.get("build")
        added = [
            patch.mapping["value"]
            for patch in notes.items(profile.get("patches"), "patches")
            if _adds_artifact(patch)
        ]
        yield own or build, [*notes.items(own.get("artifacts") if own else None, "artifacts"), *added]


def _adds_artifact(patch: Node) -> bool:
    operation, path, value = (patch.get(key) for key in ("op", "path", "value"))
    return (
        operation is not None
        and operation.text == "add"
        and path is not None
        and _ARTIFACTS_PATH.match(path.text or "") is not None
        and value is not None
    )


def _declaration(
    artifact: _Artifact, files: dict[str, set[str]], tree: FileTree, notes: Notes
) -> Declaration | None:
    """The image of one artifact; None, with a Problem, where no Dockerfile builds it or none is known."""
    node = artifact.node
    other = next((key for key in _OTHER_BUILDERS if key in node.mapping), None)
    if other is not None:
        message = f"{artifact.image} is built by {other}, not from a Dockerfile"
        notes.add("unsupported-builder", message, node.key_place(other))
        return None
    builder = next((node.mapping[key] for key in _DOCKERFILE_BUILDERS if key in node.mapping), None)
    inputs = _inputs(artifact, builder or Node({}, node.place), files, tree, notes)
    if inputs is None:
        return None
    nodes = {**notes.entries(builder, "the builder"), **node.mapping}
    places = {
        {"buildArgs": "args", "image": "references"}.get(key, key): value.place
        for key, value in nodes.items()
    }
    references = tuple(_references(artifact, notes))
    return Declaration("skaffold", artifact.image, node.place, inputs, references, places)


def _inputs(
    artifact: _Artifact, builder: Node, files: dict[str, set[str]], tree: FileTree, notes: Notes
) -> BuildInputs | None:
    given = {"context": artifact.node.get("context"), "dockerfile": builder.get("dockerfile")}
    known = {key: notes.text(node, key) for key, node in given.items()}
    if any(known[key] is None and node is not None and node.value is not None for key, node in given.items()):
        return None
    context = rooted(known["context"] or ".", artifact.directory)
    required = dict(_requirements(artifact, files, notes))
    return BuildInputs(
        dockerfile=_dockerfile(known["dockerfile"] or "Dockerfile", context, artifact.directory, tree),
        context=context,
        target=notes.text(builder.get("target"), "target") or None,
        args={**required, **dict(_args(builder, notes))},
        contexts=dict(_contexts(artifact, required, files)),
        platforms=_platforms(artifact, notes),
        secrets=tuple(_secrets(builder, artifact.directory, notes)),
        ssh=_texts(builder.get("ssh"), "ssh", notes),
        cache_from=_texts(builder.get("cacheFrom"), "cacheFrom", notes),
    )


def _dockerfile(given: str, context: str, directory: str, tree: FileTree) -> str:
    """In the context, or else beside the configuration (Skaffold's ``NormalizeDockerfilePath``)."""
    inside, beside = join(context, given), join(directory, given)
    return beside if not tree.is_file(inside) and tree.is_file(beside) else inside


def _args(builder: Node, notes: Notes) -> Iterator[tuple[str, str | None]]:
    for name, value in notes.entries(builder.get("buildArgs"), "buildArgs").items():
        text = notes.text(value, f"the build arg {name}")
        if text is not None or value.value is None:
            yield name, text


def _requirements(artifact: _Artifact, files: dict[str, set[str]], notes: Notes) -> Iterator[tuple[str, str]]:
    """The build args by which Skaffold hands on the images of required artifacts: alias and image."""
    for entry in notes.items(artifact.node.get("requires"), "requires"):
        image = notes.text(entry.get("image"), "image")
        alias = notes.text(entry.get("alias"), "alias") or image
        if image is None or alias is None:
            notes.add("invalid-build", "a requirement without an image", entry.place)
        elif image not in files:
            notes.add("unknown-artifact", f"no artifact builds {image}", entry.place)
        elif _ARG_NAME.match(alias):
            yield alias, image


def _contexts(
    artifact: _Artifact, required: dict[str, str], files: dict[str, set[str]]
) -> Iterator[tuple[str, str]]:
    """The required images of the same file, so that ``FROM ${ALIAS}`` finds what this file builds."""
    for image in required.values():
        if artifact.path in files[image]:
            yield image, f"target:{image}"


def _platforms(artifact: _Artifact, notes: Notes) -> tuple[Platform, ...]:
    found: dict[Platform, None] = {}
    for item in notes.items(artifact.node.get("platforms") or artifact.platforms, "platforms"):
        text = notes.text(item, "the platform")
        try:
            if text is not None:
                found[Platform.parse(text)] = None
        except InvalidValue as error:
            notes.add("invalid-platform", error.message, item.place)
    return tuple(found)


def _secrets(builder: Node, directory: str, notes: Notes) -> Iterator[str]:
    """In the form of ``buildx build --secret``."""
    # One secret under ``secret`` until skaffold/v2beta22, a list since.
    single, several = builder.get("secret"), builder.get("secrets")
    for item in [*([single] if single else []), *notes.items(several, "secrets")]:
        identity = notes.text(item.get("id"), "the id of the secret")
        source, variable = notes.text(item.get("src"), "src"), notes.text(item.get("env"), "env")
        if identity is None:
            notes.add("invalid-build", "a secret without an id", item.place)
            continue
        origin = f",src={join(directory, source)}" if source else ""
        yield f"id={identity}{origin}" + (f",env={variable}" if variable else "")


def _texts(node: Node | None, what: str, notes: Notes) -> tuple[str, ...]:
    texts = (notes.text(item, what) for item in notes.items(node, what))
    return tuple(text for text in texts if text)


def _references(artifact: _Artifact, notes: Notes) -> Iterator[str]:
    try:
        Reference.parse(artifact.image)
        yield artifact.image
    except InvalidValue as error:
        notes.add("invalid-reference", error.cause or error.message, artifact.node.place)


def _missing(declaration: Declaration, tree: FileTree) -> Iterator[Problem]:
    places = declaration.place_of("context"), declaration.place_of("dockerfile")
    return missing_paths(declaration.inputs, tree, *places)


SKAFFOLD: Reader = SkaffoldReader()
