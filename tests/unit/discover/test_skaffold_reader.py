"""Skaffold configurations give the images that Skaffold would build from Dockerfiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from shipway.fleet.discover.skaffold import SKAFFOLD
from shipway.fleet.model import Declaration, Reading
from shipway.fleet.tree import FileTree
from shipway.place import Place
from shipway.values import Platform

HEAD = "apiVersion: skaffold/v4beta11\nkind: Config\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a few directories that hold a Dockerfile."""
    for path in (
        "Dockerfile",
        "api/Dockerfile",
        "api/prod/Dockerfile",
        "web/Dockerfile",
        "sub/api/Dockerfile",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("FROM scratch\n")
    return tmp_path


def read(root: Path, files: Mapping[str, str], paths: Sequence[str] | None = None) -> Reading:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    tree = FileTree(root)
    return SKAFFOLD.read(SKAFFOLD.finds(tree) if paths is None else paths, tree)


def artifact(lines: str) -> dict[str, str]:
    """A configuration with one artifact of these lines."""
    body = "\n".join(f"      {line}" for line in lines.strip().splitlines())
    return {"skaffold.yaml": f"{HEAD}build:\n  artifacts:\n    -\n{body}\n"}


def one(root: Path, files: Mapping[str, str]) -> Declaration:
    reading = read(root, files)
    assert reading.problems == ()
    (declaration,) = reading.declarations
    return declaration


def problems(reading: Reading) -> list[tuple[str, str]]:
    return [(problem.kind, str(problem.place)) for problem in reading.problems]


def test_an_artifact_is_an_image(repository: Path) -> None:
    text = f"{HEAD}build:\n  artifacts:\n  - image: acme/api\n    context: api\n  - image: root\n"
    reading = read(repository, {"skaffold.yaml": text})
    api, root = reading.declarations
    assert (api.kind, api.name, api.place) == ("skaffold", "acme/api", Place("skaffold.yaml", 5, 5))
    assert (api.inputs.context, api.inputs.dockerfile) == ("api", "api/Dockerfile")
    assert api.references == ("acme/api",)
    assert api.place_of("context") == Place("skaffold.yaml", 6, 14)
    assert (root.inputs.context, root.inputs.dockerfile) == (".", "Dockerfile")
    assert reading.problems == ()


def test_every_key_of_the_docker_builder_is_read(repository: Path) -> None:
    lines = """
image: acme/api
context: ../api
platforms: [linux/arm64]
docker:
  dockerfile: prod/Dockerfile
  target: final
  buildArgs: {A: "1", B: }
  cacheFrom: [acme/api:cache]
  ssh: default
  secrets:
  - {id: npm, src: npm.txt}
  - {id: token, env: TOKEN}
"""
    text = artifact(lines)["skaffold.yaml"].replace("build:", "build:\n  platforms: [linux/386]", 1)
    inputs = one(repository, {"sub/skaffold.yaml": text}).inputs
    assert (inputs.context, inputs.dockerfile, inputs.target) == ("api", "api/prod/Dockerfile", "final")
    assert inputs.args == {"A": "1", "B": None}
    assert inputs.platforms == (Platform("linux", "arm64"),)
    assert inputs.secrets == ("id=npm,src=sub/npm.txt", "id=token,env=TOKEN")
    assert (inputs.cache_from, inputs.ssh) == (("acme/api:cache",), ("default",))


def test_the_platforms_of_the_build_count_for_artifacts_without(repository: Path) -> None:
    text = artifact("image: x")["skaffold.yaml"].replace("build:", "build:\n  platforms: [linux/386]", 1)
    assert one(repository, {"skaffold.yaml": text}).inputs.platforms == (Platform("linux", "386"),)


def test_kaniko_builds_a_dockerfile_too(repository: Path) -> None:
    inputs = one(
        repository, artifact("image: x\ncontext: api\nkaniko: {dockerfile: prod/Dockerfile, target: t}")
    ).inputs
    assert (inputs.dockerfile, inputs.target) == ("api/prod/Dockerfile", "t")


def test_a_dockerfile_outside_of_the_context_is_looked_for_beside_the_configuration(repository: Path) -> None:
    lines = "image: x\ncontext: web\ndocker: {dockerfile: api/prod/Dockerfile}"
    assert one(repository, artifact(lines)).inputs.dockerfile == "api/prod/Dockerfile"


@pytest.mark.parametrize("builder", ["jib", "buildpacks", "ko", "bazel", "custom"])
def test_a_builder_without_a_dockerfile_is_named(repository: Path, builder: str) -> None:
    reading = read(repository, artifact(f"image: acme/x\n{builder}: {{}}"))
    assert reading.declarations == ()
    assert problems(reading) == [("unsupported-builder", "skaffold.yaml:7:7")]
    assert builder in reading.problems[0].message


def test_a_required_artifact_is_handed_on_as_build_arg_and_context(repository: Path) -> None:
    text = f"""{HEAD}build:
  artifacts:
  - image: gcr.io/acme/web
    context: web
    requires:
    - {{image: gcr.io/acme/base, alias: BASE}}
    - {{image: gcr.io/acme/base}}
    - {{image: gcr.io/acme/none, alias: NONE}}
    docker: {{buildArgs: {{OWN: "1"}}}}
  - image: gcr.io/acme/base
"""
    reading = read(repository, {"skaffold.yaml": text})
    web = reading.declarations[0]
    assert web.inputs.args == {"BASE": "gcr.io/acme/base", "OWN": "1"}
    assert web.inputs.contexts == {"gcr.io/acme/base": "target:gcr.io/acme/base"}
    assert problems(reading) == [("unknown-artifact", "skaffold.yaml:10:7")]


def test_required_configurations_are_read_once_and_remote_ones_named(repository: Path) -> None:
    files = {
        "skaffold.yaml": f"""{HEAD}requires:
- path: sub
- path: web/skaffold-web.yml
- git: {{repo: x}}
- path: none
""",
        "sub/skaffold.yml": f"""{HEAD}requires: [{{path: ../skaffold.yaml}}]
build: {{artifacts: [{{image: api, context: api}}]}}
""",
        "web/skaffold-web.yml": f"""{HEAD}build:
  artifacts: [{{image: web, requires: [{{image: api, alias: API}}]}}]
""",
    }
    for paths in (["skaffold.yaml"], None):
        reading = read(repository, files, paths)
        assert {found.name: found.inputs.context for found in reading.declarations} == {
            "api": "sub/api",
            "web": "web",
        }
        assert problems(reading) == [
            ("remote-include", "skaffold.yaml:6:3"),
            ("unreadable-file", "skaffold.yaml:7:3"),
        ]
        web = next(found for found in reading.declarations if found.name == "web")
        assert (web.inputs.args, web.inputs.contexts) == ({"API": "api"}, {})


def test_profiles_add_the_images_that_the_configuration_has_not(repository: Path) -> None:
    text = f"""{HEAD}build:
  artifacts:
  - image: api
    context: api
profiles:
- name: debug
  build:
    artifacts:
    - {{image: api, context: web}}
    - {{image: debug, context: web}}
- name: patched
  patches:
  - {{op: add, path: /build/artifacts/-, value: {{image: patched, context: web}}}}
  - {{op: replace, path: /build/artifacts/0, value: {{image: other, context: web}}}}
  - {{op: add, path: /deploy/x, value: {{image: other}}}}
"""
    reading = read(repository, {"skaffold.yaml": text})
    assert [(found.name, found.inputs.context) for found in reading.declarations] == [
        ("api", "api"),
        ("debug", "web"),
        ("patched", "web"),
    ]
    assert reading.problems == ()


def test_every_document_of_a_file_is_read(repository: Path) -> None:
    text = "---\n".join(
        f"{HEAD}build: {{artifacts: [{{image: {name}, context: {name}}}]}}\n" for name in ("api", "web")
    )
    assert [found.name for found in read(repository, {"skaffold.yaml": text}).declarations] == ["api", "web"]


def test_a_template_is_a_variable_without_value(repository: Path) -> None:
    reading = read(repository, artifact('image: x\ndocker: {buildArgs: {A: "{{.A}}", B: b}}'))
    assert reading.declarations[0].inputs.args == {"B": "b"}
    assert problems(reading) == [("unresolved-variable", "skaffold.yaml:7:31")]
    reading = read(repository, artifact('image: x\ndocker: {dockerfile: "{{.FILE}}"}'))
    assert reading.declarations == ()
    assert problems(reading) == [("unresolved-variable", "skaffold.yaml:7:28")]


@pytest.mark.parametrize(
    ("lines", "listed", "problem"),
    [
        ("context: api", 0, ("invalid-build", "skaffold.yaml:6:7")),
        ("image: [a]", 0, ("invalid-build", "skaffold.yaml:6:14")),
        ("image: x\ncontext: none", 1, ("missing-context", "skaffold.yaml:7:16")),
        ("image: x\ndocker: {dockerfile: X}", 1, ("missing-dockerfile", "skaffold.yaml:7:28")),
        ("image: x\nplatforms: [x]", 1, ("invalid-platform", "skaffold.yaml:7:19")),
        ("image: Acme/API", 1, ("invalid-reference", "skaffold.yaml:6:7")),
        ("image: x\ndocker: {secrets: [{src: x}]}", 1, ("invalid-build", "skaffold.yaml:7:26")),
    ],
)
def test_what_is_wrong_is_named(repository: Path, lines: str, listed: int, problem: tuple[str, str]) -> None:
    reading = read(repository, artifact(lines))
    assert len(reading.declarations) == listed
    assert problem in problems(reading)


def test_files_that_are_no_configuration_do_not_hide_the_others(repository: Path) -> None:
    files = {"a/skaffold.yaml": "build: [\n", "b/skaffold.yaml": "kind: Other\n", **artifact("image: x")}
    reading = read(repository, files)
    assert [found.name for found in reading.declarations] == ["x"]
    assert problems(reading) == [
        ("unreadable-file", "a/skaffold.yaml:2:1"),
        ("unreadable-file", "b/skaffold.yaml:1:1"),
    ]


@pytest.mark.parametrize(
    ("path", "accepted"),
    [
        ("skaffold.yaml", True),
        ("a/skaffold-dev.yml", True),
        ("my.skaffold.yaml", True),
        ("skaffold.json", False),
    ],
)
def test_configurations_are_known_by_their_names(path: str, accepted: bool) -> None:
    assert SKAFFOLD.accepts(path) is accepted
