from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shipway.errors import ConfigError
from shipway.fleet.load import discover_fleet, load_fleet, repositories_of
from shipway.fleet.model import Fleet, Image
from shipway.place import Place
from shipway.values import Platform

Write = Callable[..., Path]

COMPOSE = """\
services:
  api:
    image: acme/api:1.2
    build: {context: api, args: {A: compose, KEEP: compose}}
  web:
    build: web
"""
FILES = {"compose.yaml": COMPOSE, "api/Dockerfile": "FROM alpine\n", "web/Dockerfile": "FROM acme/api:1.2\n"}


def image(fleet: Fleet, name: str) -> Image:
    found = fleet.image(name)
    assert found is not None, [each.name for each in fleet.images]
    return found


def kinds(fleet: Fleet) -> list[str]:
    return [problem.kind for problem in fleet.problems]


def test_without_a_fleet_file_other_files_tell_everything(repository: Write) -> None:
    fleet = load_fleet(repository(FILES))
    assert [each.name for each in fleet.images] == ["api", "web"]
    api = image(fleet, "api")
    assert (api.repository, api.tag) == ("docker.io/acme/api", "1.2")
    assert (image(fleet, "web").repository, image(fleet, "web").tag) == (None, None)
    assert [base.image for base in image(fleet, "web").bases] == ["api"]
    assert (fleet.source, fleet.registry, fleet.problems) == (None, None, ())


def test_without_images_the_fleet_file_sets_what_is_discovered(repository: Write) -> None:
    settings = (
        "registry: ghcr.io/team\ntag: '{sha7}'\ntags: [latest]\nplatforms: [linux/arm64]\nargs: {A: fleet}\n"
    )
    fleet = load_fleet(repository({**FILES, "shipway.yaml": settings}))
    api = image(fleet, "api")
    assert (api.repository, api.tag, api.tags) == ("ghcr.io/team/api", "{sha7}", ("latest",))
    assert api.inputs.platforms == (Platform("linux", "arm64"),)
    assert api.inputs.args == {"A": "fleet", "KEEP": "compose"}
    assert [base.image for base in image(fleet, "web").bases] == ["api"]
    assert (fleet.source, fleet.registry) == ("shipway.yaml", "ghcr.io/team")


def test_the_nearest_setting_counts(repository: Write) -> None:
    text = """\
registry: ghcr.io/team
tag: fleet
version: 1
args: {A: fleet, B: fleet, C: fleet}
labels: {a: fleet, b: fleet, c: fleet}
secret-args: [A]
groups:
  back:
    registry: ghcr.io/back
    tag: 0.1.18
    version: 2
    args: {B: group, C: group}
    labels: {b: group, c: group}
    images: [api, web]
images:
  api: {tag: own, args: {C: own}, labels: {c: own}, secret-args: [C], repository: acme/own}
  web: {}
"""
    fleet = load_fleet(repository({**FILES, "shipway.yaml": text}))
    api, web = image(fleet, "api"), image(fleet, "web")
    assert api.inputs.args == {"A": "fleet", "B": "group", "C": "own", "KEEP": "compose"}
    assert api.inputs.labels == {"a": "fleet", "b": "group", "c": "own"}
    assert api.inputs.secret_args == {"A", "C"}
    assert (api.tag, api.version, api.group, api.repository) == ("own", "2", "back", "docker.io/acme/own")
    assert (web.tag, web.repository) == ("0.1.18", "ghcr.io/back/web")


def test_a_listed_image_without_inputs_refines_the_discovered_one(repository: Write) -> None:
    text = "images:\n  api: {tag: '2.0', target: prod}\n"
    fleet = load_fleet(repository({**FILES, "shipway.yaml": text}))
    assert [each.name for each in fleet.images] == ["api"]
    api = image(fleet, "api")
    assert (api.inputs.context, api.inputs.target, api.tag) == ("api", "prod", "2.0")
    assert [each.kind for each in api.declarations] == ["shipway", "compose"]
    assert kinds(fleet) == ["disagreement", "bad-target"]


def test_a_listed_image_that_nothing_declares_is_refused(repository: Write) -> None:
    root = repository({**FILES, "shipway.yaml": "images:\n  aip: {tag: '2.0'}\n"})
    with pytest.raises(ConfigError) as caught:
        load_fleet(root)
    assert caught.value.place == Place("shipway.yaml", 2, 3)
    assert caught.value.help == "did you mean `api`?"


def test_problems_of_files_that_declare_other_images_do_not_concern_a_list(repository: Write) -> None:
    other = "services:\n  x: {build: '${NOWHERE}'}\n"
    files = {**FILES, "examples/compose.yaml": other}
    assert "unresolved-variable" in kinds(load_fleet(repository(files)))
    listed = load_fleet(repository({**files, "shipway.yaml": "images: {api: }\n"}))
    assert kinds(listed) == []


def test_discovery_can_be_switched_off_or_limited(repository: Write) -> None:
    root = repository({**FILES, "shipway.yaml": "discover: false\n"})
    assert load_fleet(root).images == ()
    repository(
        {
            "shipway.yaml": "discover: [other/compose.yaml]\n",
            "other/compose.yaml": "services: {x: {build: .}}\n",
        }
    )
    repository({"other/Dockerfile": "FROM alpine\n"})
    assert [each.name for each in load_fleet(root).images] == ["x"]


def test_sources_limit_discovery_and_leave_the_fleet_file_alone(repository: Write) -> None:
    root = repository({**FILES, "shipway.yaml": "registry: ghcr.io/team\nimages: {web: }\n"})
    fleet = load_fleet(root, sources=["compose.yaml"])
    assert [each.name for each in fleet.images] == ["api", "web"]
    assert (fleet.registry, fleet.source) == (None, None)
    absolute = load_fleet(root, sources=[str(root / "compose.yaml")])
    assert absolute.images == fleet.images
    assert discover_fleet(root).images == fleet.images


def test_the_fleet_file_may_be_a_source_of_its_own(repository: Write) -> None:
    root = repository({**FILES, "shipway.yaml": "images: {x: {context: api}}\n"})
    assert [each.name for each in load_fleet(root, sources=["shipway.yaml"]).images] == ["x"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nothing.yaml", "there is no file nothing.yaml"),
        ("notes.txt", "of no kind"),
        ("/etc/passwd", "outside"),
    ],
)
def test_a_source_that_cannot_be_read_is_refused(repository: Write, source: str, words: str) -> None:
    root = repository({**FILES, "notes.txt": ""})
    with pytest.raises(ConfigError, match=words):
        load_fleet(root, sources=[source])


def test_config_names_another_fleet_file_with_paths_of_its_own(repository: Write) -> None:
    root = repository({**FILES, "deploy/prod.yaml": "images: {x: {context: ../api}}\n"})
    fleet = load_fleet(root, config="deploy/prod.yaml")
    assert image(fleet, "x").inputs.dockerfile == "api/Dockerfile"
    with pytest.raises(ConfigError, match="there is no file"):
        load_fleet(root, config="deploy/none.yaml")


def test_two_fleet_files_are_one_too_many(repository: Write) -> None:
    root = repository({"shipway.yaml": "", "shipway.json": "{}"})
    with pytest.raises(ConfigError, match=r"more than one fleet file: shipway.yaml and shipway.json"):
        load_fleet(root)


def test_a_group_must_not_name_what_is_no_image(repository: Write) -> None:
    root = repository({**FILES, "shipway.yaml": "groups:\n  back:\n    images: [api, wbe]\n"})
    with pytest.raises(ConfigError) as caught:
        load_fleet(root)
    assert caught.value.place == Place("shipway.yaml", 3, 19)
    assert caught.value.help == "did you mean `web`?"


def test_a_missing_dockerfile_is_a_problem_once_per_image(repository: Write) -> None:
    text = "services:\n  api: {build: api}\n"
    files = {"compose.yaml": text, "api/x": "", "shipway.yaml": "images:\n  api: {context: api}\n"}
    fleet = load_fleet(repository(files))
    missing = [problem for problem in fleet.problems if problem.kind == "missing-dockerfile"]
    assert [problem.message for problem in missing] == ["there is no Dockerfile api/Dockerfile"]
    assert image(fleet, "api").bases == ()


def test_a_dockerfile_that_only_the_fleet_file_names_is_missed_too(repository: Write) -> None:
    text = "discover: false\nimages:\n  api: {context: api, dockerfile: gone}\n"
    fleet = load_fleet(repository({**FILES, "shipway.yaml": text}))
    assert [(each.kind, str(each.place)) for each in fleet.problems] == [
        ("missing-dockerfile", "shipway.yaml:3:23")
    ]


def test_a_listed_name_stays_whatever_other_files_call_so(repository: Write) -> None:
    fleet = load_fleet(repository({**FILES, "shipway.yaml": "images: {api: {context: web}}\n"}))
    assert [(each.name, each.inputs.context) for each in fleet.images] == [("api", "web")]


def test_two_images_for_one_destination_are_a_problem(repository: Write) -> None:
    images = "  a: {context: api, repository: acme/x}\n  b: {context: web, repository: acme/x}\n"
    text = f"tag: t\nimages:\n{images}"
    fleet = load_fleet(repository({**FILES, "shipway.yaml": text}))
    found = [problem for problem in fleet.problems if problem.kind == "same-destination"]
    assert [(problem.place.line, "docker.io/acme/x:t" in problem.message) for problem in found] == [(4, True)]


def test_tags_of_one_reference_list_are_first_and_secondary(repository: Write) -> None:
    text = """\
services:
  api:
    image: ghcr.io/acme/api:1
    build: {context: api, tags: ['ghcr.io/acme/api:latest', 'acme/api:1']}
"""
    api = image(load_fleet(repository({**FILES, "compose.yaml": text})), "api")
    assert (api.repository, api.tag, api.tags) == ("ghcr.io/acme/api", "1", ("latest",))


def test_a_whole_reference_tells_more_than_a_bare_word(repository: Write) -> None:
    bake = '{"target": {"api": {"context": "api", "tags": ["api:dev"]}}}'
    api = image(load_fleet(repository({**FILES, "docker-bake.json": bake})), "api")
    assert [each.kind for each in api.declarations] == ["bake", "compose"]
    assert (api.repository, api.tag) == ("docker.io/acme/api", "1.2")


def test_a_registry_prefers_the_declared_repository_below_it(repository: Write) -> None:
    text = "services:\n  api: {image: 'ghcr.io/acme/shop-api:1', build: api}\n"
    fleet = load_fleet(
        repository({**FILES, "compose.yaml": text, "shipway.yaml": "registry: ghcr.io/acme\n"})
    )
    assert image(fleet, "api").repository == "ghcr.io/acme/shop-api"


def test_the_default_repository_is_lower_case(repository: Write) -> None:
    files = {**FILES, "shipway.yaml": "registry: ghcr.io/acme\nimages: {My._Api: {context: api}}\n"}
    assert image(load_fleet(repository(files)), "My._Api").repository == "ghcr.io/acme/my-api"


def test_dockerfiles_are_read_as_images_only_when_nothing_else_tells_of_them(repository: Write) -> None:
    lonely = {"tools/Dockerfile": "FROM alpine\nCOPY nowhere /x\n"}
    fleet = load_fleet(repository({**FILES, **lonely}))
    assert [each.name for each in fleet.images] == ["api", "web", "tools"]
    assert kinds(fleet) == ["context-unknown"]
    declared = COMPOSE + "  mine: {build: tools}\n"
    assert kinds(load_fleet(repository({"compose.yaml": declared}))) == []
    repository({"compose.yaml": COMPOSE, "shipway.yaml": "images: {tools: }\n"})
    fleet = load_fleet(repository({}))
    assert [(each.name, each.inputs.context) for each in fleet.images] == [("tools", "tools")]


# --- env files ----------------------------------------------------------------------------------


def test_env_files_give_build_args_and_args_go_before_them(repository: Write) -> None:
    text = "env-files: [build.env]\nimages:\n  api: {context: api, args: [A=own, B], env-files: [more.env]}\n"
    files = {**FILES, "shipway.yaml": text, "build.env": "A=1\nB=2\nC=3\n", "more.env": "C='4'\n"}
    fleet = load_fleet(repository(files))
    assert image(fleet, "api").inputs.args == {"A": "own", "B": "2", "C": "4"}
    assert kinds(fleet) == []


def test_a_missing_env_file_and_a_missing_variable_are_problems(repository: Write) -> None:
    images = "images: {api: {context: api}, web: {context: web}}\n"
    text = f"env-files: [gone.env, build.env]\nargs:\n  GONE:\n{images}"
    fleet = load_fleet(repository({**FILES, "shipway.yaml": text, "build.env": "A=1\n"}))
    assert [(each.kind, str(each.place)) for each in fleet.problems] == [
        ("missing-env-file", "shipway.yaml:1:13"),
        ("missing-variable", "shipway.yaml:3:3"),
    ]


def test_an_env_file_that_cannot_be_read_is_a_problem(repository: Write) -> None:
    text = "env-files: [build.env]\nimages: {api: {context: api}}\n"
    fleet = load_fleet(repository({**FILES, "shipway.yaml": text, "build.env": "A=1\n= x\n"}))
    assert [(each.kind, str(each.place)) for each in fleet.problems] == [("unreadable-file", "build.env:2")]


def test_without_env_files_an_arg_without_a_value_is_taken_from_the_environment(repository: Write) -> None:
    fleet = load_fleet(
        repository({**FILES, "shipway.yaml": "images: {api: {context: api, args: [TOKEN]}}\n"})
    )
    assert image(fleet, "api").inputs.args == {"TOKEN": None}
    assert kinds(fleet) == []


# --- other repositories -------------------------------------------------------------------------

OUTER = """\
registry: ghcr.io/platform
tag: outer
groups:
  agents: {tag: agents, images: [runner]}
repositories:
  agents: {path: ../agents}
"""


def test_images_of_another_repository_join_with_its_settings_below_the_fleets(repository: Write) -> None:
    root = repository({**FILES, "shipway.yaml": OUTER})
    repository(
        {
            "compose.yaml": "services: {runner: {build: r}, helper: {build: r2}, api: {build: r}}\n",
            "shipway.yaml": "tag: inner\n",
            "r/Dockerfile": "FROM ghcr.io/platform/api\n",
            "r2/Dockerfile": "FROM alpine\n",
        },
        "agents",
    )
    fleet = load_fleet(root)
    assert [each.name for each in fleet.images] == ["api", "web", "runner", "helper", "agents-api"]
    runner, helper = image(fleet, "runner"), image(fleet, "helper")
    assert (runner.tag, runner.group, runner.root) == ("agents", "agents", "agents")
    assert (helper.tag, helper.repository) == ("inner", "ghcr.io/platform/helper")
    assert image(fleet, "api").tag == "outer"
    assert runner.inputs.context == "r"
    assert runner.declarations[0].place.path == "../agents/compose.yaml"
    assert [base.image for base in runner.bases] == ["api"]
    assert Path(fleet.roots["agents"]).resolve() == (root / "../agents").resolve()


def test_chosen_images_of_another_repository_must_be_there(repository: Write) -> None:
    root = repository({"shipway.yaml": "repositories:\n  a: {path: ../a, images: [runer]}\n"})
    repository(
        {"compose.yaml": "services: {runner: {build: .}, x: {build: .}}\n", "Dockerfile": "FROM x\n"}, "a"
    )
    with pytest.raises(ConfigError) as caught:
        load_fleet(root)
    assert (caught.value.place, caught.value.help) == (Place("shipway.yaml", 2, 28), "did you mean `runner`?")
    repository({"shipway.yaml": "repositories:\n  a: {path: ../a, images: [runner]}\n"})
    assert [each.name for each in load_fleet(root).images] == ["runner"]


def test_a_repository_that_is_not_there_is_a_problem(repository: Write) -> None:
    text = "repositories:\n  gone: {path: ../gone}\n  far: {git: 'https://example.com/far.git'}\n"
    root = repository({"shipway.yaml": text})
    assert kinds(load_fleet(root)) == ["missing-repository", "repository-not-fetched"]
    assert [(each.name, each.git) for each in repositories_of(root)][1] == (
        "far",
        "https://example.com/far.git",
    )
    far = repository({"compose.yaml": "services: {x: {build: .}}\n", "Dockerfile": "FROM y\n"}, "far")
    fleet = load_fleet(root, checkouts={"far": far})
    assert [(each.name, each.root) for each in fleet.images] == [("x", "far")]


def test_an_error_in_another_repository_is_placed_there(repository: Write) -> None:
    root = repository({"shipway.yaml": "repositories: {a: {path: ../a}}\n"})
    repository({"shipway.yaml": "nope: 1\n"}, "a")
    with pytest.raises(ConfigError) as caught:
        load_fleet(root)
    assert caught.value.place == Place("../a/shipway.yaml", 1, 1)


def test_repositories_of_a_repository_are_not_followed(repository: Write) -> None:
    root = repository({"shipway.yaml": "repositories: {a: {path: ../a}}\n"})
    repository({"shipway.yaml": "repositories: {b: {path: ../b}}\n"}, "a")
    fleet = load_fleet(root)
    assert [(each.kind, each.place.path) for each in fleet.problems] == [
        ("nested-repositories", "../a/shipway.yaml")
    ]
