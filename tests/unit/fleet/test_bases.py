from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shipway.errors import CycleError
from shipway.fleet.graph import waves
from shipway.fleet.load import load_fleet
from shipway.fleet.model import Base, Fleet

Write = Callable[..., Path]


def bases(fleet: Fleet, name: str) -> list[tuple[str, str, int, str | None, str]]:
    image = fleet.image(name)
    assert image is not None
    return [(base.reference, base.kind, base.line, base.image, base.via) for base in image.bases]


def linked(fleet: Fleet, name: str) -> list[str | None]:
    return [base[3] for base in bases(fleet, name)]


def assumed(fleet: Fleet) -> list[str]:
    return [str(problem.place) for problem in fleet.problems if problem.kind == "assumed-base"]


def services(**images: str) -> str:
    return "services:\n" + "".join(f"  {name}: {{build: {name}, {rest}}}\n" for name, rest in images.items())


def test_every_way_to_use_an_image_is_a_base_with_its_line(repository: Write) -> None:
    dockerfile = """\
ARG BASE=ghcr.io/acme/base
FROM ${BASE}:1 AS build
RUN --mount=type=bind,from=ghcr.io/acme/tools,target=/t true
FROM scratch
COPY --from=build /x /x
COPY --from=alpine:3 /y /y
"""
    compose = services(api="", base="image: 'ghcr.io/acme/base:9'", tools="image: ghcr.io/acme/tools")
    files = {"compose.yaml": compose, "api/Dockerfile": dockerfile}
    fleet = load_fleet(
        repository({**files, "base/Dockerfile": "FROM scratch\n", "tools/Dockerfile": "FROM scratch\n"})
    )
    assert bases(fleet, "api") == [
        ("ghcr.io/acme/base:1", "fleet", 2, "base", "from"),
        ("ghcr.io/acme/tools", "fleet", 3, "tools", "mount"),
        ("scratch", "scratch", 4, None, "from"),
        ("docker.io/library/alpine:3", "external", 6, None, "copy"),
    ]
    assert waves(fleet) == [["base", "tools"], ["api"]]


def test_the_args_and_the_target_of_the_image_decide(repository: Write) -> None:
    dockerfile = "ARG BASE=alpine\nFROM $BASE AS one\nFROM debian AS two\nFROM busybox\n"
    compose = "services:\n  x: {build: {context: ., target: one, args: {BASE: acme/base}}}\n"
    fleet = load_fleet(repository({"compose.yaml": compose, "Dockerfile": dockerfile}))
    assert [base[0] for base in bases(fleet, "x")] == ["docker.io/acme/base"]


def test_each_platform_adds_the_bases_it_has(repository: Write) -> None:
    dockerfile = "ARG TARGETARCH\nFROM acme/base-$TARGETARCH\n"
    files = {"shipway.yaml": "platforms: [linux/amd64, linux/arm64]\nimages: {x: {context: .}}\n"}
    fleet = load_fleet(repository({**files, "Dockerfile": dockerfile}))
    assert [base[0] for base in bases(fleet, "x")] == [
        "docker.io/acme/base-amd64",
        "docker.io/acme/base-arm64",
    ]


def test_in_a_repository_of_several_images_the_tag_decides(repository: Write) -> None:
    compose = services(a="image: 'acme/demo:1-a'", b="image: 'acme/demo:1-b'", c="", d="")
    files = {
        "compose.yaml": compose,
        "a/Dockerfile": "FROM scratch\n",
        "b/Dockerfile": "FROM scratch\n",
        "c/Dockerfile": "FROM acme/demo:1-b\n",
        "d/Dockerfile": "FROM acme/demo:7\n",
    }
    fleet = load_fleet(repository(files))
    assert (linked(fleet, "c"), linked(fleet, "d")) == (["b"], [None])


def test_an_image_that_names_its_own_repository_builds_on_what_was_there(repository: Write) -> None:
    dockerfile = "FROM acme/a:1\nCOPY --from=acme/a:2 /x /x\n"
    files = {"compose.yaml": services(a="image: 'acme/a:2'"), "a/Dockerfile": dockerfile}
    fleet = load_fleet(repository(files))
    assert bases(fleet, "a") == [
        ("docker.io/acme/a:1", "external", 1, None, "from"),
        ("docker.io/acme/a:2", "external", 2, None, "copy"),
    ]


def test_an_image_derived_from_a_public_one_is_not_taken_for_it(repository: Write) -> None:
    compose = services(redis="", tagged="image: 'node:own'", api="", web="")
    files = {
        "compose.yaml": compose,
        "redis/Dockerfile": "FROM redis\n",
        "tagged/Dockerfile": "FROM node:20\n",
        "api/Dockerfile": "FROM redis\nCOPY --from=node:20 /x /x\n",
        "web/Dockerfile": "FROM node:own\n",
    }
    fleet = load_fleet(repository(files))
    assert (linked(fleet, "api"), linked(fleet, "web")) == ([None, None], ["tagged"])


def test_a_bare_word_may_be_the_name_of_a_listed_image(repository: Write) -> None:
    images = "  base: {context: base, tag: '1.0'}\n  api: {context: api}\n  web: {context: web}\n"
    text = f"registry: ghcr.io/acme\nimages:\n{images}"
    files = {
        "shipway.yaml": text,
        "base/Dockerfile": "FROM scratch\n",
        "api/Dockerfile": "FROM base:1.0\n",
        "web/Dockerfile": "FROM base:2.0\n",
    }
    fleet = load_fleet(repository(files))
    assert (linked(fleet, "api"), linked(fleet, "web")) == (["base"], [None])
    assert fleet.problems == ()


def test_a_bare_word_that_only_other_files_know_is_an_assumption(repository: Write) -> None:
    files = {
        "compose.yaml": services(base="", api="", web=""),
        "base/Dockerfile": "FROM scratch\n",
        "api/Dockerfile": "FROM base\n",
        "web/Dockerfile": "FROM base:20\n",
    }
    fleet = load_fleet(repository(files))
    assert (linked(fleet, "api"), linked(fleet, "web")) == (["base"], [None])
    assert assumed(fleet) == ["api/Dockerfile:1"]


STACKS = {
    "images/foundation/Dockerfile": "FROM ubuntu\n",
    "images/base/Dockerfile": "ARG OWNER=acme\nFROM quay.io/$OWNER/foundation\n",
    "images/mini/Dockerfile": "FROM quay.io/acme/base\n",
    "images/pinned/Dockerfile": f"FROM quay.io/acme/base@sha256:{'a' * 64}\n",
    "docs/old/Dockerfile": "FROM docker.io/acme/base:1\n",
}


def test_siblings_under_one_prefix_are_linked_by_their_last_component(repository: Write) -> None:
    fleet = load_fleet(repository(STACKS))
    assert (linked(fleet, "base"), linked(fleet, "mini")) == (["foundation"], ["base"])
    assert (linked(fleet, "pinned"), linked(fleet, "old")) == ([None], [None])
    assert assumed(fleet) == ["images/base/Dockerfile:2", "images/mini/Dockerfile:1"]
    assert waves(fleet)[:3] == [["old", "foundation", "pinned"], ["base"], ["mini"]]


def test_two_prefixes_with_equally_many_siblings_tell_nothing(repository: Write) -> None:
    alpine = dict.fromkeys(("images/mini/Dockerfile", "images/pinned/Dockerfile"), "FROM alpine\n")
    fleet = load_fleet(repository({**STACKS, **alpine}))
    assert (linked(fleet, "base"), assumed(fleet)) == ([None], [])


def test_siblings_with_a_known_repository_are_linked_by_it_alone(repository: Write) -> None:
    fleet = load_fleet(repository({**STACKS, "shipway.yaml": "registry: quay.io/acme\n"}))
    assert (linked(fleet, "mini"), assumed(fleet)) == (["base"], [])
    other = load_fleet(repository({"shipway.yaml": "registry: ghcr.io/acme\n"}))
    assert linked(other, "mini") == [None]


def test_named_contexts_link_images_of_the_same_file(repository: Write) -> None:
    text = """\
images:
  base: {context: base}
  api:
    context: api
    contexts: {lib: 'target:base', os: 'docker-image://ghcr.io/acme/os:1', gone: 'target:nope'}
"""
    files = {
        "shipway.yaml": text,
        "base/Dockerfile": "FROM scratch\n",
        "api/Dockerfile": "FROM lib\nCOPY --from=os /a /a\nCOPY --from=gone /b /b\n",
    }
    fleet = load_fleet(repository(files))
    assert bases(fleet, "api") == [
        ("target:base", "fleet", 1, "base", "context"),
        ("ghcr.io/acme/os:1", "external", 2, None, "context"),
        ("target:nope", "external", 3, None, "context"),
    ]


def test_a_remote_dockerfile_leaves_the_links_of_its_declaration(repository: Write) -> None:
    text = """\
images:
  base: {context: base}
  api:
    context: https://example.com/api.git
    contexts: {lib: 'target:base'}
"""
    fleet = load_fleet(repository({"shipway.yaml": text, "base/Dockerfile": "FROM scratch\n"}))
    assert bases(fleet, "api") == [("target:base", "fleet", 5, "base", "context")]


def test_what_keeps_a_dockerfile_from_being_built_is_a_problem(repository: Write) -> None:
    text = "platforms: [linux/amd64, linux/arm64]\nimages: {a: {context: a}, b: {context: b, target: nope}}\n"
    files = {
        "shipway.yaml": text,
        "a/Dockerfile": "ARG X\nFROM $X\n",
        "b/Dockerfile": "FROM alpine AS prod\n",
    }
    fleet = load_fleet(repository(files))
    assert [(each.kind, str(each.place)) for each in fleet.problems] == [
        ("bad-base", "a/Dockerfile:2"),
        ("bad-target", "b/Dockerfile"),
    ]


def test_an_inline_dockerfile_has_bases(repository: Write) -> None:
    compose = "services:\n  a: {build: {dockerfile_inline: 'FROM alpine:3'}}\n"
    fleet = load_fleet(repository({"compose.yaml": compose}))
    assert [base[0] for base in bases(fleet, "a")] == ["docker.io/library/alpine:3"]


def test_a_cycle_names_its_files_and_lines(repository: Write) -> None:
    compose = services(api="image: acme/api", base="image: acme/base")
    files = {
        "compose.yaml": compose,
        "api/Dockerfile": "FROM acme/base\n",
        "base/Dockerfile": "#\nFROM acme/api\n",
    }
    fleet = load_fleet(repository(files))
    assert fleet.images[0].bases == (Base("docker.io/acme/base", "fleet", 1, "base"),)
    with pytest.raises(CycleError, match=r"api -> base \(api/Dockerfile:1\) -> api \(base/Dockerfile:2\)"):
        waves(fleet)
