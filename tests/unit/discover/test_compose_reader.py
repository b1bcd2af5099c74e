"""Compose files give the images that Compose would build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from shipway.fleet.discover.compose.reader import COMPOSE, COMPOSE_NAMED
from shipway.fleet.discover.reader import Reader
from shipway.fleet.model import Declaration, Problem, Reading
from shipway.fleet.tree import FileTree
from shipway.place import Place
from shipway.values import Platform


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a few directories that hold a Dockerfile."""
    for directory in (".", "api", "web", "deploy", "deploy/app", "sub/api"):
        path = tmp_path / directory / "Dockerfile"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("FROM scratch\n")
    return tmp_path


def read(
    root: Path, files: Mapping[str, str], paths: Sequence[str] | None = None, reader: Reader = COMPOSE
) -> Reading:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    tree = FileTree(root)
    return reader.read(reader.finds(tree) if paths is None else paths, tree)


def one(root: Path, files: Mapping[str, str]) -> Declaration:
    reading = read(root, files)
    assert reading.problems == ()
    (declaration,) = reading.declarations
    return declaration


def service(build: str, rest: str = "") -> dict[str, str]:
    """A Compose file with one service whose ``build`` has these lines."""
    lines = "\n".join(f"      {line}" for line in build.strip().splitlines())
    return {"compose.yaml": f"services:\n  api:\n    build:\n{lines}\n{rest}"}


def located(reading: Reading) -> list[tuple[str, str, str, str]]:
    return [
        (str(found.place), found.name, found.inputs.context, found.inputs.dockerfile)
        for found in reading.declarations
    ]


def problems(reading: Reading) -> list[tuple[str, str]]:
    return [(problem.kind, str(problem.place)) for problem in reading.problems]


def test_only_services_with_a_build_are_images(repository: Path) -> None:
    text = """services:
  db:
    image: postgres
  api:
    build: ./api
    image: acme/api:1
  off:
    build:
"""
    found = one(repository, {"docker-compose.yml": text})
    assert (found.kind, found.name, found.place) == ("compose", "api", Place("docker-compose.yml", 4, 3))
    assert (found.inputs.context, found.inputs.dockerfile) == ("api", "api/Dockerfile")
    assert found.references == ("acme/api:1",)
    assert found.place_of("context") == Place("docker-compose.yml", 5, 12)
    assert found.place_of("references") == Place("docker-compose.yml", 6, 12)


def test_every_key_of_a_build_is_read(repository: Path) -> None:
    (repository / "api/deep").mkdir()
    (repository / "api/deep/Dockerfile.prod").write_text("FROM scratch\n")
    build = """
context: api
dockerfile: deep/Dockerfile.prod
target: final
args: {A: 1.10, B: "", C: }
labels: [x=1, y]
cache_from: [type=gha, "acme/api:cache"]
cache_to: [type=gha]
platforms: [linux/amd64, linux/arm64/v8, linux/amd64]
tags: ["acme/api:2", "acme/api:1"]
ssh: [default, key=/k]
additional_contexts: [src=../sub, alpine=docker-image://alpine:3, "git=https://example.com/x.git"]
secrets: [npm, {source: token, target: t}]
"""
    secrets = "secrets:\n  npm: {file: ./api/npm.txt}\n  token: {environment: TOKEN}\n"
    files = {"deploy/compose.yaml": service(build, "    image: acme/api:1\n" + secrets)["compose.yaml"]}
    files["deploy/api/deep/Dockerfile.prod"] = "FROM scratch\n"
    found = one(repository, files)
    inputs = found.inputs
    assert (inputs.context, inputs.dockerfile, inputs.target) == (
        "deploy/api",
        "deploy/api/deep/Dockerfile.prod",
        "final",
    )
    assert inputs.args == {"A": "1.10", "B": "", "C": None}
    assert inputs.labels == {"x": "1", "y": ""}
    assert inputs.cache_from == ("type=gha", "acme/api:cache")
    assert inputs.cache_to == ("type=gha",)
    assert inputs.platforms == (Platform("linux", "amd64"), Platform("linux", "arm64"))
    assert found.references == ("acme/api:1", "acme/api:2")
    assert inputs.ssh == ("default", "key=/k")
    assert inputs.contexts == {
        "src": "sub",
        "alpine": "docker-image://alpine:3",
        "git": "https://example.com/x.git",
    }
    assert inputs.secrets == ("id=npm,src=deploy/api/npm.txt", "id=t,env=TOKEN")


def test_the_platform_of_the_service_counts_where_the_build_has_none(repository: Path) -> None:
    found = one(repository, service("context: api", "    platform: linux/arm64\n"))
    assert found.inputs.platforms == (Platform("linux", "arm64"),)
    found = one(repository, service("platforms: [linux/386]", "    platform: linux/arm64\n"))
    assert found.inputs.platforms == (Platform("linux", "386"),)


def test_the_extension_of_bake_adds_to_the_build(repository: Path) -> None:
    bake = """
tags: acme/api:1
x-bake:
  tags: [acme/api:1, acme/api:2]
  platforms: linux/arm64
  contexts: {base: "target:base", dir: ./web}
  cache-from: [type=gha]
  cache-to: type=inline
  secret: [id=x]
  ssh: default
"""
    found = one(repository, service(bake))
    assert found.references == ("acme/api:1", "acme/api:2")
    assert found.inputs.platforms == (Platform("linux", "arm64"),)
    assert found.inputs.contexts == {"base": "target:base", "dir": "web"}
    assert (found.inputs.cache_from, found.inputs.cache_to) == (("type=gha",), ("type=inline",))
    assert (found.inputs.secrets, found.inputs.ssh) == (("id=x",), ("default",))


def test_an_inline_dockerfile_stands_in_the_compose_file(repository: Path) -> None:
    found = one(repository, service("dockerfile_inline: |\n  FROM scratch\n  ENV A=$$B"))
    assert found.inputs.inline == "FROM scratch\nENV A=$B\n"
    assert (found.inputs.context, found.inputs.dockerfile) == (".", "compose.yaml")


@pytest.mark.parametrize(
    "url", ["https://example.com/x.git#main:dir", "git@example.com:a/b.git", "github.com/a/b", "ssh://h/x"]
)
def test_a_remote_context_is_left_as_it_is(repository: Path, url: str) -> None:
    found = one(repository, service(f'context: "{url}"\ndockerfile: docker/Dockerfile'))
    assert (found.inputs.context, found.inputs.dockerfile) == (url, "docker/Dockerfile")


def test_a_service_as_context_is_a_target(repository: Path) -> None:
    text = """services:
  base: {build: ./app}
  db: {image: postgres}
  app:
    build:
      context: web
      additional_contexts:
        base: service:base
        db: service:db
        none: service:none
"""
    (repository / "deploy/web").mkdir()
    (repository / "deploy/web/Dockerfile").write_text("FROM scratch\n")
    reading = read(repository, {"deploy/compose.yaml": text})
    assert reading.declarations[1].inputs.contexts == {"base": "target:base"}
    assert problems(reading) == [
        ("unknown-service", "deploy/compose.yaml:9:13"),
        ("unknown-service", "deploy/compose.yaml:10:15"),
    ]


def test_variables_come_from_the_env_file_beside_and_from_nowhere_else(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAG", "environment")
    monkeypatch.setenv("REPO", "environment")
    files = service(
        "context: ${DIR:-api}\nargs: [TAG, PLAIN, SAME=$SAME]", "    image: ${REPO:-acme}/api:$TAG\n"
    )
    found = one(repository, {**files, ".env": "TAG=7\n"})
    assert found.references == ("acme/api:7",)
    assert found.inputs.args == {"TAG": "7", "PLAIN": None, "SAME": None}


def test_the_name_of_the_project_is_a_variable(repository: Path) -> None:
    text = "name: shop\nservices:\n  api:\n    build: api\n    image: ${COMPOSE_PROJECT_NAME}/api\n"
    assert one(repository, {"compose.yaml": text}).references == ("shop/api",)


def test_a_variable_without_value_is_a_problem_and_never_a_guess(repository: Path) -> None:
    build = """
context: api
target: ${STAGE}
args: {V: 'v$NONE', W: w}
tags: [acme/api:1, 'acme/api:${NONE:?set it}']
"""
    reading = read(repository, service(build, "    image: acme/api:$TAG\n"))
    (found,) = reading.declarations
    assert found.references == ("acme/api:1",)
    assert (found.inputs.target, found.inputs.args) == (None, {"W": "w"})
    assert problems(reading) == [
        ("unresolved-variable", "compose.yaml:5:15"),
        ("unresolved-variable", "compose.yaml:6:17"),
        ("unresolved-variable", "compose.yaml:8:12"),
        ("unresolved-variable", "compose.yaml:7:26"),
    ]
    assert reading.problems[3].message == "the image name uses NONE (set it), which has no value"


@pytest.mark.parametrize(
    ("build", "kind"),
    [
        ("context: $DIR", "unresolved-variable"),
        ("dockerfile: Dockerfile.$X", "unresolved-variable"),
        ("dockerfile_inline: FROM $BASE", "unresolved-variable"),
        ("context: ${DIR", "invalid-build"),
        ("context: [api]", "invalid-build"),
        ("- api", "invalid-build"),
        ("dockerfile: a\ndockerfile_inline: FROM scratch", "invalid-build"),
    ],
)
def test_without_context_or_dockerfile_there_is_no_declaration(
    repository: Path, build: str, kind: str
) -> None:
    reading = read(repository, service(build))
    assert reading.declarations == ()
    assert [problem.kind for problem in reading.problems] == [kind]


@pytest.mark.parametrize(
    ("build", "problem"),
    [
        ("context: nowhere", ("missing-context", "compose.yaml:4:16")),
        ("context: ../..", ("missing-context", "compose.yaml:4:16")),
        ("dockerfile: Dockerfile.x", ("missing-dockerfile", "compose.yaml:4:19")),
        ("context: deploy\nargs: 3", ("invalid-build", "compose.yaml:5:13")),
        ("context: deploy\nargs: [{a: 1}]", ("invalid-build", "compose.yaml:5:13")),
        ("context: deploy\ncache_from: {a: 1}", ("invalid-build", "compose.yaml:5:19")),
        ("platforms: [linux]", ("invalid-platform", "compose.yaml:4:19")),
        ("tags: [acme/API]", ("invalid-reference", "compose.yaml:4:14")),
        ("secrets: [none]", ("unknown-secret", "compose.yaml:4:17")),
    ],
)
def test_what_is_wrong_is_named_and_the_image_still_listed(
    repository: Path, build: str, problem: tuple[str, str]
) -> None:
    reading = read(repository, service(build))
    assert len(reading.declarations) == 1
    assert problems(reading) == [problem]


def test_a_file_that_cannot_be_parsed_does_not_hide_the_others(repository: Path) -> None:
    files = {"a/compose.yaml": "services: [\n", "b/compose.yaml": "- list\n", **service("context: api")}
    reading = read(repository, files)
    assert [found.place.path for found in reading.declarations] == ["compose.yaml"]
    assert problems(reading) == [
        ("unreadable-file", "a/compose.yaml:2:1"),
        ("unreadable-file", "b/compose.yaml:1:1"),
    ]


def test_a_bad_env_file_is_a_problem(repository: Path) -> None:
    reading = read(repository, {**service("context: ${DIR:-api}"), ".env": "oh no"})
    assert problems(reading) == [("unreadable-file", ".env:1")]
    assert len(reading.declarations) == 1


def test_a_named_file_that_is_not_there_is_a_problem(repository: Path) -> None:
    reading = read(repository, {}, ["compose.yaml"], COMPOSE_NAMED)
    assert reading.problems == (
        Problem("unreadable-file", "there is no file compose.yaml", Place("compose.yaml")),
    )


def test_anchors_merge_keys_and_extension_fields_are_followed(repository: Path) -> None:
    text = """x-build: &build
  build: &b
    context: api
    args: {A: "1"}
  image: acme/api
services:
  one: {<<: *build}
  two:
    <<: *build
    build:
      <<: *b
      args: {A: "2"}
    profiles: [later]
"""
    reading = read(repository, {"compose.yaml": text})
    assert [found.name for found in reading.declarations] == ["one", "two"]
    assert [found.inputs.args for found in reading.declarations] == [{"A": "1"}, {"A": "2"}]
    assert {found.inputs.context for found in reading.declarations} == {"api"}


def test_further_documents_of_a_file_are_merged(repository: Path) -> None:
    text = "services:\n  api:\n    build: api\n---\nservices:\n  api:\n    image: acme/api\n"
    found = one(repository, {"compose.yaml": text})
    assert (found.inputs.context, found.references) == ("api", ("acme/api",))
