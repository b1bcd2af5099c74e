"""Several Compose files together: overrides, variants, extends, include."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from shipway.fleet.discover.compose.reader import COMPOSE, COMPOSE_NAMED
from shipway.fleet.discover.reader import Reader
from shipway.fleet.model import Reading
from shipway.fleet.tree import FileTree


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a few directories that hold a Dockerfile."""
    for directory in (".", "api", "web", "sub", "sub/api", "deploy"):
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


def summary(reading: Reading) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [
        (found.place.path, found.name, found.inputs.context, found.references)
        for found in reading.declarations
    ]


def problems(reading: Reading) -> list[tuple[str, str]]:
    return [(problem.kind, str(problem.place)) for problem in reading.problems]


BASE = """services:
  api:
    build:
      context: api
      target: final
      args: [A=1, B=1]
      tags: [acme/api:a]
    image: acme/api
  web:
    build: web
"""


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("compose.yaml", True),
        ("compose.yml", True),
        ("docker-compose.yml", True),
        ("a/b/docker-compose.yaml", True),
        ("compose.override.yaml", True),
        ("docker-compose.prod.yml", True),
        ("docker-compose-dev.yml", True),
        ("docker-compose_test.yaml", True),
        ("decompose.yaml", False),
        ("compose.yaml.bak", False),
        ("compose.json", False),
    ],
)
def test_compose_files_are_known_by_their_names(repository: Path, name: str, found: bool) -> None:
    (repository / name).parent.mkdir(parents=True, exist_ok=True)
    (repository / name).write_text(BASE)
    assert COMPOSE.finds(FileTree(repository)) == ([name] if found else [])


def test_a_file_somebody_names_is_taken_by_the_reader_for_named_files() -> None:
    assert COMPOSE_NAMED.accepts("deploy/my-compose-file.yaml")
    assert not COMPOSE_NAMED.accepts("compose/other.yaml")
    assert not COMPOSE.accepts("compose.yaml")


def test_an_override_is_merged_key_by_key(repository: Path) -> None:
    override = """services:
  api:
    build:
      dockerfile: ../web/Dockerfile
      args: {B: "2", C: }
      tags: [acme/api:b]
    image: acme/api:2
  web: {image: acme/web}
"""
    reading = read(repository, {"compose.yaml": BASE, "compose.override.yaml": override})
    api, web = reading.declarations
    assert (api.inputs.context, api.inputs.dockerfile, api.inputs.target) == (
        "api",
        "web/Dockerfile",
        "final",
    )
    assert api.inputs.args == {"A": "1", "B": "2", "C": None}
    assert api.references == ("acme/api:2", "acme/api:a", "acme/api:b")
    assert web.references == ("acme/web",)
    assert str(api.place_of("context")) == "compose.yaml:4:16"
    assert str(api.place_of("dockerfile")) == "compose.override.yaml:4:19"


def test_reset_takes_away_and_override_replaces(repository: Path) -> None:
    override = """services:
  api:
    image: !reset null
    build:
      target: !reset null
      args: !override [C=3]
      tags: !override ["acme/api:b"]
  web:
    build: !reset
"""
    reading = read(repository, {"compose.yaml": BASE, "compose.override.yaml": override})
    (api,) = reading.declarations
    assert (api.inputs.context, api.inputs.target, api.inputs.args) == ("api", None, {"C": "3"})
    assert api.references == ("acme/api:b",)


def test_null_changes_nothing(repository: Path) -> None:
    override = "services:\n  api:\n    image:\n    build:\n      target:\n      args: ~\n"
    reading = read(repository, {"compose.yaml": BASE, "compose.override.yaml": override})
    api = reading.declarations[0]
    assert (api.references[0], api.inputs.target, api.inputs.args) == (
        "acme/api",
        "final",
        {"A": "1", "B": "1"},
    )


def test_what_is_reset_without_anything_below_is_not_there(repository: Path) -> None:
    text = """services:
  api:
    build: {context: api, target: !reset old}
  web:
    build: !reset {context: web}
"""
    (api,) = read(repository, {"compose.yaml": text}).declarations
    assert (api.inputs.context, api.inputs.target) == ("api", None)


def test_the_first_default_file_counts_and_another_one_stands_alone(repository: Path) -> None:
    other = "services:\n  api:\n    build: sub/api\n"
    reading = read(repository, {"docker-compose.yml": other, "compose.yaml": BASE})
    assert summary(reading) == [
        ("compose.yaml", "api", "api", ("acme/api", "acme/api:a")),
        ("compose.yaml", "web", "web", ()),
        ("docker-compose.yml", "api", "sub/api", ()),
    ]


def test_a_variant_without_a_build_adds_nothing(repository: Path) -> None:
    variant = "services:\n  api:\n    image: acme/other\n    environment: [X=$NONE]\n"
    reading = read(repository, {"compose.yaml": BASE, "compose.prod.yaml": variant})
    assert [found.place.path for found in reading.declarations] == ["compose.yaml", "compose.yaml"]
    assert reading.problems == ()


def test_a_variant_that_amends_a_build_is_completed_from_the_default_file(repository: Path) -> None:
    variant = "services:\n  api:\n    build:\n      target: debug\n"
    reading = read(repository, {"docker-compose.yml": BASE, "docker-compose.dev.yml": variant})
    found = reading.declarations[-1]
    assert (found.place.path, found.inputs.context, found.inputs.target) == (
        "docker-compose.dev.yml",
        "api",
        "debug",
    )
    assert found.references == ("acme/api", "acme/api:a")


def test_a_variant_with_a_whole_build_stands_alone(repository: Path) -> None:
    variant = "services:\n  api:\n    build: sub/api\n  new:\n    build: {args: [A=1]}\n"
    reading = read(repository, {"compose.yaml": BASE, "compose.prod.yaml": variant})
    api, new = reading.declarations[2:]
    assert (api.inputs.context, api.inputs.target, api.inputs.args, api.references) == (
        "sub/api",
        None,
        {},
        (),
    )
    assert (new.name, new.inputs.context) == ("new", ".")


def test_named_files_of_one_directory_are_merged_in_order(repository: Path) -> None:
    files = {
        "compose.yaml": BASE,
        "compose.prod.yaml": "services:\n  api:\n    build: sub/api\n    image: prod\n",
    }
    reading = read(repository, files, ["compose.yaml", "compose.prod.yaml"], COMPOSE_NAMED)
    assert [found.inputs.context for found in reading.declarations] == ["sub/api", "web"]
    assert reading.declarations[0].inputs.target == "final"
    assert reading.declarations[0].references == ("prod", "acme/api:a")
    reading = read(repository, files, ["compose.prod.yaml"], COMPOSE_NAMED)
    assert summary(reading) == [("compose.prod.yaml", "api", "sub/api", ("prod",))]


def test_compose_file_in_the_env_file_names_the_default_files(repository: Path) -> None:
    files = {
        ".env": "COMPOSE_FILE=compose.prod.yaml,sub/other.yaml\nCOMPOSE_PATH_SEPARATOR=,\n",
        "compose.prod.yaml": BASE,
        "sub/other.yaml": "services:\n  api:\n    build: {target: other}\n",
    }
    reading = read(repository, files)
    assert [found.inputs.target for found in reading.declarations] == ["other", None]


def test_extends_brings_in_a_service_of_the_same_file_or_another(repository: Path) -> None:
    files = {
        "compose.yaml": """services:
  base: {image: acme/base}
  api:
    extends: middle
    image: acme/api
  middle:
    extends: {file: sub/common.yaml, service: shared}
    build: {target: middle}
""",
        "sub/common.yaml": "services:\n  shared:\n    extends: root\n    build: {args: [A=1]}\n"
        "  root:\n    build: ./api\n    image: acme/shared:$TAG\n",
        ".env": "TAG=1\n",
    }
    reading = read(repository, files)
    assert summary(reading) == [
        ("compose.yaml", "api", "sub/api", ("acme/api",)),
        ("compose.yaml", "middle", "sub/api", ("acme/shared:1",)),
    ]
    assert reading.declarations[0].inputs.target == "middle"
    assert reading.declarations[0].inputs.args == {"A": "1"}


@pytest.mark.parametrize(
    ("extends", "kind", "place"),
    [
        ("other", "unknown-service", "compose.yaml:4:14"),
        ("api", "invalid-extends", "compose.yaml:4:14"),
        ("{file: none.yaml, service: x}", "unreadable-file", "compose.yaml:4:14"),
        ("{file: compose.yaml}", "invalid-extends", "compose.yaml:4:14"),
    ],
)
def test_what_cannot_be_extended_is_named(repository: Path, extends: str, kind: str, place: str) -> None:
    text = f"services:\n  api:\n    build: api\n    extends: {extends}\n"
    reading = read(repository, {"compose.yaml": text})
    assert [found.inputs.context for found in reading.declarations] == ["api"]
    assert (kind, place) in problems(reading)


def test_services_that_extend_each_other_end(repository: Path) -> None:
    text = "services:\n  a: {extends: b, build: api}\n  b: {extends: a}\n"
    reading = read(repository, {"compose.yaml": text})
    assert {problem.message for problem in reading.problems} == {
        "the service extends itself: a -> b -> a",
        "the service extends itself: b -> a -> b",
    }


def test_include_reads_a_project_from_its_own_directory(repository: Path) -> None:
    files = {
        "compose.yaml": "include: [sub/compose.yaml]\nservices:\n  web: {build: web}\n",
        "sub/compose.yaml": "services:\n  api:\n    build: ./api\n    image: acme/api:$TAG-$OWN\n",
        ".env": "TAG=above\n",
        "sub/.env": "TAG=below\nOWN=sub\n",
    }
    reading = read(repository, files)
    assert summary(reading) == [
        ("sub/compose.yaml", "api", "sub/api", ("acme/api:above-sub",)),
        ("compose.yaml", "web", "web", ()),
    ]
    assert reading.problems == ()


def test_include_takes_a_project_directory_env_files_and_overrides(repository: Path) -> None:
    files = {
        "compose.yaml": """include:
  - path: [deploy/one.yaml, deploy/two.yaml]
    project_directory: .
    env_file: [deploy/a.env, deploy/b.env]
""",
        "deploy/one.yaml": "services:\n  api:\n    build: api\n    image: acme/api:$A\n",
        "deploy/two.yaml": "services:\n  api:\n    build: {target: two}\n",
        "deploy/a.env": "A=1\nB=1\n",
        "deploy/b.env": "A=2$B\n",
    }
    reading = read(repository, files)
    assert summary(reading) == [("deploy/two.yaml", "api", "api", ("acme/api:21",))]
    assert reading.declarations[0].inputs.target == "two"


@pytest.mark.parametrize(
    ("include", "kind"),
    [
        ("oci://example.com/x:1", "remote-include"),
        ("https://example.com/x.git", "remote-include"),
        ("compose.yaml", "include-cycle"),
        ("none.yaml", "unreadable-file"),
        ("$NONE/x.yaml", "unresolved-variable"),
    ],
)
def test_what_cannot_be_included_is_named(repository: Path, include: str, kind: str) -> None:
    text = f'include: ["{include}"]\nservices:\n  web: {{build: web}}\n'
    reading = read(repository, {"compose.yaml": text})
    assert [found.name for found in reading.declarations] == ["web"]
    assert [problem.kind for problem in reading.problems] == [kind]
