from __future__ import annotations

import pytest

from shipway.errors import ConfigError
from shipway.fleet.file import declare, has_inputs, read_fleet_file
from shipway.fleet.model import BuildInputs
from shipway.fleet.settings.image import ARGS_KEY, PLATFORMS_KEY, REPOSITORY_KEY, TAG, TAGS, VERSION
from shipway.fleet.settings.section import paths
from shipway.place import Place
from shipway.values import Platform


def failure(text: str, path: str = "shipway.yaml") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read_fleet_file(text, path)
    return caught.value


def test_an_unknown_key_names_its_place_and_the_nearest_right_one() -> None:
    error = failure("registry: ghcr.io/acme\nplatform: [linux/amd64]\n")
    assert error.place == Place("shipway.yaml", 2, 1)
    assert "`platform`" in error.message
    assert error.help == "did you mean `platforms`?"


def test_an_unknown_key_of_an_image_is_found_too_with_underscores_for_dashes() -> None:
    error = failure("images:\n  api:\n    context: .\n    cache_from: [x]\n")
    assert error.place == Place("shipway.yaml", 4, 5)
    assert "image `api`" in error.message
    assert error.help == "did you mean `cache-from`?"


def test_a_key_that_resembles_nothing_gets_the_list_of_keys() -> None:
    assert "registry" in str(failure("zzzzzz: 1\n").help)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("tag: [a]\n", 1, "`tag` must be a text or a number, not a list"),
        ("tag: true\n", 1, "not the boolean true"),
        ("tag:\n", 1, "not nothing"),
        (
            "platforms: {a: b}\n",
            1,
            "`platforms` must be a list of platforms such as linux/amd64, not a mapping",
        ),
        ("platforms: [linux]\n", 1, "'linux' is not a platform"),
        ("images: api\n", 1, "not the text 'api'"),
        ("images:\n  api: services/api\n", 2, "image `api` must be a mapping"),
        ("images:\n  api: {context: 7}\n", 2, "`context` must be a path, not the number 7"),
        ("images:\n  api: {args: {A: [1]}}\n", 2, "`args.A` must be a text or a number, not a list"),
        ("images:\n  api: {labels: {a: }}\n", 2, "`labels.a` has no value"),
        ("images:\n  -api: {context: .}\n", 2, "'-api' cannot be a name"),
        ("images:\n  - context: .\n", 2, "needs a `name`"),
        ("images:\n  - name: a\n    context: .\n  - name: a\n", 4, "stands twice, first in line 2"),
        ("images:\n  a: {dockerfile: D, dockerfile-inline: FROM x}\n", 2, "both `dockerfile` and"),
        ("images:\n  a: {repository: 'acme/a:1'}\n", 2, "has a tag or a digest"),
        ("images:\n  a: {repository: acme/A}\n", 2, "is not an image reference"),
        ("images:\n  a: {registry: ghcr.io}\n", 2, "unknown key `registry`"),
        ("registry: https://ghcr.io/acme\n", 1, "`registry` is 'https://ghcr.io/acme'"),
        ("registry: ghcr.io/ACME\n", 1, "`registry`: "),
        ("groups: [a]\n", 1, "`groups` must be a mapping of names to groups, not a list"),
        ("repositories:\n  a: {ref: main}\n", 2, "needs either `path` or `git`"),
        ("repositories:\n  a: {path: x, git: y}\n", 2, "needs either `path` or `git`"),
        ("repositories:\n  a: {path: x, ref: main}\n", 2, "`ref` goes with `git` only"),
        ("discover: 3\n", 1, "true, false or a list of paths"),
        ("args: {'A B': 1}\n", 1, "'A B' cannot name a build arg"),
        ("- a\n", 1, "the fleet file must be a mapping, not a list"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, words: str) -> None:
    def read() -> None:
        file = read_fleet_file(text, "shipway.yaml")
        for name, section in (file.images or {}).items():
            declare(name, section, file.directory)

    with pytest.raises(ConfigError) as caught:
        read()
    assert words in caught.value.message
    assert caught.value.place is not None
    assert caught.value.place.line == line


def test_the_scheme_of_a_registry_is_dropped_in_the_help() -> None:
    assert failure("registry: https://ghcr.io/acme/\n").help == "write ghcr.io/acme"


def test_numbers_keep_the_text_they_are_written_with() -> None:
    file = read_fleet_file(
        "tag: 1.10\nversion: 0.1\ntags: [1.0, latest]\nargs: {GO: 1.20, ON: true}\n", "f.yaml"
    )
    assert (file.shared.get(TAG), file.shared.get(VERSION)) == ("1.10", "0.1")
    assert paths(file.shared.get(TAGS)) == ("1.0", "latest")
    args = file.shared.get(ARGS_KEY) or {}
    assert {name: entry.value for name, entry in args.items()} == {"GO": "1.20", "ON": "true"}


def test_json_is_accepted_and_a_single_platform_is_a_list_of_one() -> None:
    file = read_fleet_file(
        '{"platforms": "linux/arm64", "images": [{"name": "a", "context": "."}]}', "s.json"
    )
    assert paths(file.shared.get(PLATFORMS_KEY)) == (Platform("linux", "arm64"),)
    assert list(file.images or {}) == ["a"]


def test_args_may_be_a_list_as_in_compose() -> None:
    file = read_fleet_file("args: [A=1, B, C=]\n", "f.yaml")
    args = file.shared.get(ARGS_KEY) or {}
    assert {name: entry.value for name, entry in args.items()} == {"A": "1", "B": None, "C": ""}


def test_groups_and_images_tell_membership_and_must_not_contradict() -> None:
    groups = "groups:\n  back: {images: [api]}\n  front: {}\n"
    text = f"{groups}images:\n  api: {{context: .}}\n  web: {{context: ., group: front}}\n"
    file = read_fleet_file(text, "shipway.yaml")
    assert {name: group.value for name, group in file.membership.items()} == {"api": "back", "web": "front"}
    error = failure(text.replace("api: {context: .}", "api: {context: ., group: front}"))
    assert "two groups: `back` and `front`" in error.message
    assert error.place == Place("shipway.yaml", 5, 21)
    assert error.cause == "the first one is told at shipway.yaml:2:19"


def test_a_group_that_is_not_there_gets_the_nearest_one() -> None:
    error = failure("groups: {backend: {}}\nimages: {api: {context: ., group: bakend}}\n")
    assert error.help == "did you mean `backend`?"


def inputs_of(text: str, path: str = "shipway.yaml", known: BuildInputs | None = None) -> BuildInputs:
    file = read_fleet_file(f"images:\n  api: {text}\n", path)
    section = (file.images or {})["api"]
    return declare("api", section, file.directory, known).inputs


def test_context_and_dockerfile_complete_each_other_relative_to_the_file() -> None:
    both = [
        inputs_of("{context: services/api}"),
        inputs_of("{dockerfile: services/api/Dockerfile}"),
        inputs_of("{context: ../services/api}", "deploy/shipway.yaml"),
    ]
    assert {(each.dockerfile, each.context) for each in both} == {("services/api/Dockerfile", "services/api")}
    apart = inputs_of("{context: ., dockerfile: services/api/Dockerfile}")
    assert (apart.dockerfile, apart.context) == ("services/api/Dockerfile", ".")


def test_a_remote_context_holds_its_dockerfile() -> None:
    inputs = inputs_of("{context: 'https://github.com/acme/api.git#main', dockerfile: docker/Dockerfile}")
    assert inputs.context == "https://github.com/acme/api.git#main"
    assert inputs.dockerfile == "docker/Dockerfile"


def test_named_contexts_are_paths_unless_they_link() -> None:
    inputs = inputs_of(
        "{context: ., contexts: {a: lib, b: 'target:base', c: 'docker-image://alpine'}}", "x/s.yaml"
    )
    assert dict(inputs.contexts) == {"a": "x/lib", "b": "target:base", "c": "docker-image://alpine"}


def test_an_inline_dockerfile_belongs_to_the_fleet_file() -> None:
    inputs = inputs_of("{dockerfile-inline: FROM alpine}")
    assert (inputs.inline, inputs.dockerfile, inputs.context) == ("FROM alpine", "shipway.yaml", ".")


def test_what_an_image_leaves_out_comes_from_what_is_known() -> None:
    known = BuildInputs(
        "a/Dockerfile", "a", "prod", {"A": "1", "B": "2"}, secrets=("id=x",), ssh=("default",)
    )
    refined = inputs_of("{args: {B: 3}, ssh: []}", known=known)
    assert (refined.dockerfile, refined.context, refined.target) == ("a/Dockerfile", "a", "prod")
    assert refined.args == {"A": "1", "B": "3"}
    assert (refined.secrets, refined.ssh) == (("id=x",), ())


def test_a_declaration_knows_where_its_values_stand() -> None:
    file = read_fleet_file("images:\n  api:\n    context: .\n    repository: acme/api\n", "shipway.yaml")
    section = (file.images or {})["api"]
    declaration = declare("api", section, ".")
    assert has_inputs(section)
    assert declaration.place == Place("shipway.yaml", 2, 3)
    assert declaration.place_of("context") == Place("shipway.yaml", 3, 5)
    assert declaration.references == ("docker.io/acme/api",)
    assert section.get(REPOSITORY_KEY) == "docker.io/acme/api"


def test_repositories_are_by_path_or_by_git() -> None:
    by_git = "{git: 'https://h/b.git', ref: 1.0, config: c.yaml}"
    text = f"repositories:\n  a: {{path: ../a, images: [x]}}\n  b: {by_git}\n"
    first, second = read_fleet_file(text, "deploy/shipway.yaml").repositories
    assert (first.path, first.git, [item.value for item in first.images]) == ("a", None, ["x"])
    assert (second.path, second.git, second.ref, second.config) == (None, "https://h/b.git", "1.0", "c.yaml")
