"""One Compose service as a declaration of an image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shipway.document import Node
from shipway.errors import InvalidValue
from shipway.fleet.discover.compose.project import Model
from shipway.fleet.discover.compose.values import Filled
from shipway.fleet.discover.notes import Notes
from shipway.fleet.discover.paths import dockerfile_in
from shipway.fleet.model import BuildInputs, Declaration
from shipway.place import Place
from shipway.values import Platform, Reference

_SERVICE = "service:"


class ServiceReader:
    """Reads the services of ``model``, whose default context is ``directory``.

    ``model`` tells the other services and the secrets that a build may name.
    """

    def __init__(self, model: Model, directory: str, notes: Notes) -> None:
        self._model = model
        self._directory = directory
        self._notes = notes

    def declaration(self, name: str, service: Node, place: Place) -> Declaration | None:
        """The image that ``service`` builds.

        None when it builds none, or, with a Problem, when its context or Dockerfile cannot be known.
        """
        build = service.get("build")
        if build is None or build.value is None:
            return None
        entries = self._notes.entries(build, f"build of {name}")
        inputs = self._inputs(service, build, place) if build.is_mapping else None
        if inputs is None:
            return None
        places = {field: node.place for field, node in _fields(service, entries)}
        return Declaration("compose", name, place, inputs, tuple(self._references(service, build)), places)

    def _inputs(self, service: Node, build: Node, place: Place) -> BuildInputs | None:
        located = self._located(build, place)
        if located is None:
            return None
        context, dockerfile, inline = located
        bake = build.get("x-bake") or Node({}, build.place)
        return BuildInputs(
            dockerfile=dockerfile,
            context=context,
            target=self._notes.text(build.get("target"), "target") or None,
            args=self._args(build.get("args")),
            contexts=dict(self._contexts(build.get("additional_contexts"), bake.get("contexts"))),
            platforms=self._platforms(service, build, bake),
            labels=dict(self._labels(build.get("labels"))),
            secrets=_unique(self._secrets(build.get("secrets")), self._texts(bake.get("secret"), "secret")),
            ssh=_unique(self._ssh(build.get("ssh")), self._texts(bake.get("ssh"), "ssh")),
            cache_from=self._both(build, "cache_from", bake, "cache-from"),
            cache_to=self._both(build, "cache_to", bake, "cache-to"),
            inline=inline,
        )

    def _located(self, build: Node, place: Place) -> tuple[str, str, str | None] | None:
        """Context, Dockerfile, and the text of the Dockerfile where the service carries it."""
        given = {key: build.get(key) for key in ("context", "dockerfile", "dockerfile_inline")}
        known = {key: self._notes.text(node, key) for key, node in given.items()}
        if any(
            known[key] is None and node is not None and node.value is not None for key, node in given.items()
        ):
            return None
        context, inline = known["context"] or self._directory, known["dockerfile_inline"]
        if inline is None:
            return context, dockerfile_in(context, known["dockerfile"] or "Dockerfile"), None
        if known["dockerfile"]:
            self._notes.add("invalid-build", "dockerfile and dockerfile_inline exclude each other", place)
            return None
        return context, place.path, inline

    def _args(self, node: Node | None) -> dict[str, str | None]:
        args: dict[str, str | None] = {}
        for name, value in self._notes.entries(node, "args").items():
            if value.value is None or _passes_on(name, value):
                args[name] = None
            elif (text := self._notes.text(value, f"the build arg {name}")) is not None:
                args[name] = text
        return args

    def _labels(self, node: Node | None) -> Iterator[tuple[str, str]]:
        for name, value in self._notes.entries(node, "labels").items():
            text = self._notes.text(value, f"the label {name}")
            if text is not None or value.value is None:
                yield name, text or ""

    def _contexts(self, *nodes: Node | None) -> Iterator[tuple[str, str]]:
        for node in nodes:
            for name, value in self._notes.entries(node, "additional_contexts").items():
                text = self._notes.text(value, f"the context {name}")
                if text is not None and text.startswith(_SERVICE):
                    text = self._target(text.removeprefix(_SERVICE), value.place)
                if text is not None:
                    yield name, text

    def _target(self, name: str, place: Place) -> str | None:
        service = self._model.services.get(name)
        if service is None:
            self._notes.add("unknown-service", f"there is no service {name}", place)
            return None
        build = service.get("build")
        if build is None or build.value is None:
            self._notes.add("unknown-service", f"the service {name} builds no image", place)
            return None
        return f"target:{name}"

    def _platforms(self, service: Node, build: Node, bake: Node) -> tuple[Platform, ...]:
        given = [
            *self._each(build.get("platforms"), "platforms"),
            *self._each(bake.get("platforms"), "platforms"),
        ]
        found: dict[Platform, None] = {}
        for text, place in given or self._each(service.get("platform"), "platform"):
            try:
                found[Platform.parse(text)] = None
            except InvalidValue as error:
                self._notes.add("invalid-platform", error.message, place)
        return tuple(found)

    def _references(self, service: Node, build: Node) -> Iterator[str]:
        """``image`` first: Compose gives the image that name, and ``build.tags`` besides."""
        nodes = (service.get("image"), build.get("tags"), build.get("x-bake", "tags"))
        places: dict[str, Place] = {}
        for node in nodes:
            for text, place in self._each(node, "the image name"):
                places.setdefault(text, place)
        for text, place in places.items():
            try:
                Reference.parse(text)
                yield text
            except InvalidValue as error:
                self._notes.add("invalid-reference", error.cause or error.message, place)

    def _secrets(self, node: Node | None) -> Iterator[str]:
        """In the form of ``buildx build --secret``."""
        for item in self._notes.items(node, "secrets"):
            source = self._notes.text(item.get("source") if item.is_mapping else item, "the secret")
            if source is None:
                continue
            definition = self._model.secrets.get(source)
            if definition is None:
                self._notes.add("unknown-secret", f"there is no secret {source}", item.place)
                continue
            identity = self._notes.text(item.get("target"), "target") or source
            yield f"id={identity}{self._secret_origin(definition)}"

    def _secret_origin(self, definition: Node) -> str:
        file = self._notes.text(definition.get("file"), "the file of the secret")
        variable = self._notes.text(definition.get("environment"), "the variable of the secret")
        return f",src={file}" if file else f",env={variable}" if variable else ""

    def _ssh(self, node: Node | None) -> Iterator[str]:
        if node is None or not node.is_mapping:
            yield from self._texts(node, "ssh")
            return
        for name, value in node.mapping.items():
            path = self._notes.text(value, "ssh")
            yield f"{name}={path}" if path else name

    def _both(self, build: Node, key: str, bake: Node, bake_key: str) -> tuple[str, ...]:
        return _unique(self._texts(build.get(key), key), self._texts(bake.get(bake_key), bake_key))

    def _texts(self, node: Node | None, what: str) -> Iterator[str]:
        return (text for text, _ in self._each(node, what))

    def _each(self, node: Node | None, what: str) -> Iterator[tuple[str, Place]]:
        for item in self._notes.items(node, what):
            text = self._notes.text(item, what)
            if text:
                yield text, item.place


def _passes_on(name: str, value: Node) -> bool:
    """Whether an arg is ``name: ${name}`` without a value in the files: taken from the environment."""
    return isinstance(value, Filled) and [unset.name for unset in value.unset] == [name] and not value.raw


def _fields(service: Node, build: dict[str, Node]) -> Iterator[tuple[str, Node]]:
    """The values of a declaration and the nodes that hold them."""
    names = {"dockerfile_inline": "inline", "additional_contexts": "contexts", "tags": "references"}
    for key, node in build.items():
        yield names.get(key, key), node
    if "image" in service.mapping:
        yield "references", service.mapping["image"]


def _unique(*texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for group in texts for text in group))
