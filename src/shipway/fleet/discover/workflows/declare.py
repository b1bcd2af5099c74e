"""From a build that a step asks for to a declaration of the fleet, and what is wrong with it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from shipway.errors import InvalidValue
from shipway.fleet.discover.paths import is_remote
from shipway.fleet.discover.workflows.build import WORKSPACE, Build, attributes
from shipway.fleet.discover.workflows.holes import causes, has_hole, show
from shipway.fleet.discover.workflows.scope import Text
from shipway.fleet.model import BuildInputs, Declaration, Problem
from shipway.fleet.tree import FileTree, directory_of, join
from shipway.place import Place
from shipway.values import Platform, Reference

_SCHEME = re.compile(r"[a-z][a-z0-9+-]*:")


@dataclass(frozen=True, slots=True)
class Checkout:
    """Where the repository lies in the workspace (``.`` unless checked out elsewhere), and whether an earlier
    step could have made a file that the repository does not hold."""

    tree: FileTree
    directory: str
    could_make: Callable[[str], bool]


@dataclass(slots=True)
class Declared:
    """A declaration, or None where its context, Dockerfile or target is unknown, and the problems met."""

    declaration: Declaration | None = None
    problems: list[Problem] = field(default_factory=list)


def declare(build: Build, checkout: Checkout, fallback_name: str) -> Declared:
    """What ``build`` declares; ``fallback_name`` is its name when neither reference nor path tells one."""
    return _Declarer(build, checkout).run(fallback_name)


def rooted(directory: str, path: str, checkout_directory: str = ".") -> str:
    """``path``, given relative to ``directory`` of the workspace, relative to the repository root."""
    joined = join(directory, path.replace("${GITHUB_WORKSPACE}", WORKSPACE))
    if joined == WORKSPACE or joined.startswith(f"{WORKSPACE}/"):
        joined = posixpath.relpath(joined, WORKSPACE)
    if checkout_directory != "." and (joined + "/").startswith(f"{checkout_directory}/"):
        joined = posixpath.relpath(joined, checkout_directory)
    return joined


class _Declarer:
    def __init__(self, build: Build, checkout: Checkout) -> None:
        self._build = build
        self._checkout = checkout
        self._places: dict[str, Place] = {}
        self._templates: list[str] = []
        self._found = Declared()

    def run(self, fallback_name: str) -> Declared:
        build = self._build
        context = self._context()
        dockerfile = self._dockerfile(context) if context is not None else None
        if context is None or dockerfile is None or not self._is_known(build.target, "target"):
            return self._found
        for text in build.unclear:
            self._unknown(text, "options", "they are not read")
        references = self._references()
        args, secret_args = self._args()
        inputs = BuildInputs(
            dockerfile=dockerfile,
            context=context,
            target=self._place("target", build.target),
            args=args,
            contexts={key: self._source(value) for key, value in self._pairs(build.contexts, "contexts")},
            platforms=self._platforms(),
            labels=dict(self._pairs(build.labels, "labels")),
            secrets=tuple(filter(None, map(self._secret, build.secrets))),
            ssh=self._kept(build.ssh, "ssh"),
            cache_from=self._kept(build.cache_from, "cache_from"),
            cache_to=self._kept(build.cache_to, "cache_to"),
            inline=build.inline,
            secret_args=secret_args,
        )
        name = _name(references, inputs) or fallback_name
        self._found.declaration = Declaration(
            "workflow",
            name,
            build.place,
            inputs,
            references,
            dict(self._places),
            tuple(dict.fromkeys(self._templates)),
        )
        return self._found

    def _problem(self, kind: str, message: str, place: Place) -> None:
        self._found.problems.append(Problem(kind, message, place))

    def _unknown(self, text: Text, what: str, result: str) -> None:
        cause = causes(text.value)[0]
        self._problem(
            "unresolved-expression",
            f"{what}: {cause} is known only when the workflow runs; {result}",
            text.place,
        )

    def _is_known(self, text: Text | None, what: str) -> bool:
        """Whether the build can be described; else it is reported as not listed."""
        if text is None or not has_hole(text.value):
            return True
        self._unknown(text, what, "this build is not listed")
        return False

    def _place(self, name: str, text: Text | None) -> str | None:
        if text is None:
            return None
        self._places[name] = text.place
        return text.value.replace(WORKSPACE, ".")

    def _rooted(self, path: str) -> str:
        return rooted(self._build.directory, path, self._checkout.directory)

    def _context(self) -> str | None:
        text = self._build.context or Text(".", self._build.place)
        directory = Text(self._build.directory, self._build.place)
        if not self._is_known(text, "context"):
            return None
        self._places["context"] = text.place
        if text.value == "-" or is_remote(text.value):
            return text.value
        return self._rooted(text.value) if self._is_known(directory, "working directory") else None

    def _dockerfile(self, context: str) -> str | None:
        file = self._build.file
        if not self._is_known(file, "file"):
            return None
        if self._build.inline is not None:
            return self._build.place.path
        self._places["dockerfile"] = file.place if file is not None else self._places["context"]
        if is_remote(context) and self._build.file is None:
            return "Dockerfile"
        path = self._dockerfile_path(context, file)
        if not self._checkout.tree.is_file(path) and not is_remote(context) and not is_remote(path):
            self._report_missing(path)
        return path

    def _dockerfile_path(self, context: str, file: Text | None) -> str:
        names = ("Containerfile", "Dockerfile") if self._build.containerfile else ("Dockerfile",)
        if file is None:
            paths = [join(context, name) for name in names]
        elif self._build.dockerfile_base is not None:
            paths = [self._rooted(join(self._build.dockerfile_base, file.value))]
        else:
            paths = [self._rooted(file.value)]
            if self._build.containerfile:
                paths.append(join(context, file.value))
        # docker's name and, for the others, the path as written are what a missing file is called by
        default = paths[-1] if file is None else paths[0]
        return next((path for path in paths if self._checkout.tree.is_file(path)), default)

    def _report_missing(self, path: str) -> None:
        if not self._checkout.could_make(path):
            self._problem("missing-dockerfile", f"there is no Dockerfile {path}", self._places["dockerfile"])

    def _references(self) -> tuple[str, ...]:
        references: list[str] = []
        for text in self._build.tags:
            known = self._reference(text)
            if known is not None and known not in references:
                references.append(known)
                self._places.setdefault("references", text.place)
        return tuple(references)

    def _reference(self, text: Text) -> str | None:
        name, mark, version = _split_version(text.value)
        if has_hole(name):
            self._unknown(text, "tags", "this reference is left out")
            return None
        if has_hole(version):
            cause = causes(version)[0]
            self._problem(
                "unresolved-tag",
                f"the tag of {name} is known only when the workflow runs: {cause}",
                text.place,
            )
            self._templates.append(name + mark + show(version))
            mark, version = "", ""
        try:
            Reference.parse(name + mark + version)
        except InvalidValue as error:
            cause = f": {error.cause}" if error.cause else ""
            self._problem("invalid-reference", f"{error.message}{cause}", text.place)
            return None
        return name + mark + version

    def _args(self) -> tuple[dict[str, str | None], frozenset[str]]:
        args: dict[str, str | None] = {}
        secret: set[str] = set()
        for text in self._build.args:
            name, equals, value = text.value.partition("=")
            if has_hole(name):
                self._unknown(text, "args", "this build argument is left out")
                continue
            self._places.setdefault("args", text.place)
            self._places[f"args.{name}"] = text.place
            if has_hole(value):
                self._unknown(text, f"build argument {name}", "its value is taken at build time")
                secret |= {name for cause in causes(value) if cause.startswith("${{ secrets.")}
            args[name] = value.replace(WORKSPACE, ".") if equals and not has_hole(value) else None
        return args, frozenset(secret)

    def _pairs(self, texts: Iterable[Text], what: str) -> list[tuple[str, str]]:
        pairs = []
        for text in texts:
            if has_hole(text.value):
                self._unknown(text, what, f"{show(text.value.partition('=')[0])} is left out")
                continue
            self._places.setdefault(what, text.place)
            key, _, value = text.value.partition("=")
            pairs.append((key, value.replace(WORKSPACE, ".")))
        return pairs

    def _source(self, value: str) -> str:
        """The value of a named context: a path becomes relative to the root."""
        return value if _SCHEME.match(value) or is_remote(value) else self._rooted(value)

    def _kept(self, texts: Iterable[Text], what: str) -> tuple[str, ...]:
        kept = []
        for text in texts:
            if has_hole(text.value):
                self._unknown(text, what, "it is left out")
            else:
                self._places.setdefault(what, text.place)
                kept.append(text.value.replace(WORKSPACE, "."))
        return tuple(kept)

    def _secret(self, text: Text) -> str | None:
        """A secret with its file relative to the root; where the source is unknown, its id alone."""
        fields = attributes(text.value)
        if has_hole(text.value):
            name = fields.get("id", "")
            if not name or has_hole(name):
                self._unknown(text, "secrets", "it is left out")
                return None
            fields = {"id": name}
        self._places.setdefault("secrets", text.place)
        for key in ("src", "source"):
            if key in fields and not fields[key].startswith(("~", "$")):
                fields[key] = self._rooted(fields[key])
        return ",".join(f"{key}={value}" for key, value in fields.items()) or None

    def _platforms(self) -> tuple[Platform, ...]:
        platforms: list[Platform] = []
        for text in self._build.platforms:
            if has_hole(text.value):
                self._unknown(text, "platforms", "it is left out")
                continue
            self._places.setdefault("platforms", text.place)
            try:
                platforms.append(Platform.parse(text.value))
            except InvalidValue as error:
                self._problem("invalid-platform", error.message, text.place)
        return tuple(dict.fromkeys(platforms))


def _split_version(text: str) -> tuple[str, str, str]:
    """A reference in its name, ``:`` or ``@``, and the tag or digest."""
    name, at, digest = text.partition("@")
    if at:
        return name, at, digest
    head, colon, tail = text.rpartition(":")
    return (head, colon, tail) if colon and "/" not in tail else (text, "", "")


def _name(references: tuple[str, ...], inputs: BuildInputs) -> str:
    """The last component of the first repository, else the target, else what the Dockerfile's path says."""
    if references:
        return posixpath.basename(_split_version(references[0])[0])
    if inputs.target:
        return inputs.target
    directory = directory_of(inputs.dockerfile)
    if inputs.inline is None and directory != ".":
        return posixpath.basename(directory)
    stem = posixpath.basename(inputs.dockerfile)
    suffix = (
        stem.removeprefix("Dockerfile.")
        if stem.startswith("Dockerfile.")
        else stem.removesuffix(".Dockerfile")
    )
    return suffix if suffix != stem else ""
