"""Command lines that build images, in the spelling of each tool."""

from __future__ import annotations

import pytest

from shipway.fleet.discover.workflows.build import Bake, Build
from shipway.fleet.discover.workflows.command import read
from shipway.fleet.discover.workflows.holes import causes, show
from shipway.fleet.discover.workflows.scope import Text
from shipway.fleet.discover.workflows.shell import run
from shipway.place import Place

PLACE = Place("w.yml", 7)


def parsed(line: str, **variables: str) -> Build | Bake | None:
    return read(run(line, variables, ".").commands[-1], PLACE)


def built(line: str, **variables: str) -> Build:
    found = parsed(line, **variables)
    assert isinstance(found, Build)
    return found


def values(texts: tuple[Text, ...]) -> list[str]:
    return [show(text.value) for text in texts]


@pytest.mark.parametrize(
    "line",
    [
        "docker build ctx",
        "docker image build ctx",
        "docker buildx build ctx",
        "docker buildx --builder remote b ctx",
        "docker --context far --debug build ctx",
        "sudo -E docker build ctx",
        "sudo -u root A=1 docker build ctx",
        "DOCKER_BUILDKIT=1 /usr/bin/docker build ctx",
        "env A=1 timeout -k 5 10m docker build ctx",
        "podman build ctx",
        "buildah bud ctx",
        "buildah --storage-driver vfs build ctx",
        "docker build --pull --no-cache -q ctx --label a=b",
        "docker build --ulimit nofile=1 --network host ctx",
    ],
)
def test_every_spelling_of_a_build_is_seen(line: str) -> None:
    context = built(line).context
    assert context == Text("ctx", PLACE)


@pytest.mark.parametrize(
    "line",
    [
        "docker run build",
        "docker compose build",
        "docker buildx imagetools create x",
        "docker buildx create --use",
        "echo docker build .",
        "docker build --check .",
        "docker build --help",
        "buildah push x",
        "docker",
    ],
)
def test_what_builds_nothing_is_passed_over(line: str) -> None:
    assert parsed(line) is None


def test_options_are_read_in_all_their_forms() -> None:
    build = built(
        "docker buildx build -f d/Dockerfile --target=run -t a:1 --tag b:2 -tc:3"
        " --build-arg A=1 --build-arg=B=x"
        " --build-context base=docker-image://alpine --platform linux/amd64,linux/arm64 --label k=v"
        " --secret id=s,src=f --ssh default --cache-from type=gha --cache-to type=gha,mode=max ."
    )
    assert build.file == Text("d/Dockerfile", PLACE)
    assert build.target == Text("run", PLACE)
    assert values(build.tags) == ["a:1", "b:2", "c:3"]
    assert values(build.args) == ["A=1", "B=x"]
    assert values(build.contexts) == ["base=docker-image://alpine"]
    assert values(build.platforms) == ["linux/amd64", "linux/arm64"]
    assert values(build.labels) == ["k=v"]
    assert values(build.secrets) == ["id=s,src=f"]
    assert values(build.ssh) == ["default"]
    assert values(build.cache_from) == ["type=gha"]
    assert values(build.cache_to) == ["type=gha,mode=max"]


def test_an_argument_without_a_value_takes_it_from_the_environment() -> None:
    assert values(built("docker build --build-arg A --build-arg B .", A="1").args) == ["A=1", "B"]


def test_the_name_of_an_image_output_is_a_reference() -> None:
    line = "docker buildx build --output 'type=image,\"name=a/b,c/d\",push-by-digest=true,push=true' ."
    assert values(built(line).tags) == ["a/b", "c/d"]


def test_a_variable_with_unknown_options_is_named_and_not_taken_for_the_context() -> None:
    build = built("docker build $OPTIONS -t a .")
    assert build.context == Text(".", PLACE)
    assert values(build.unclear) == ["$OPTIONS"]


def test_an_unknown_context_stays_the_context() -> None:
    build = built("docker build -t a $DIR")
    assert build.context is not None and causes(build.context.value) == ["$DIR"]


def test_a_load_is_local_and_a_push_is_not() -> None:
    assert built("docker buildx build --load .").local
    assert not built("docker buildx build --push .").local
    assert not built("docker build .").local


def test_a_dockerfile_from_a_here_document_is_inline() -> None:
    build = built("docker build -t a - <<EOF\nFROM scratch\nEOF")
    assert build.inline == "FROM scratch\n"


def test_a_dockerfile_from_a_redirection_is_that_file() -> None:
    assert built("docker build -t a - < ci/Dockerfile").file == Text("ci/Dockerfile", PLACE)


def test_a_dockerfile_from_a_pipe_is_unknown() -> None:
    build = built("generate | docker build -t a -")
    assert build.file is not None and causes(build.file.value) == ["standard input of docker build"]


def test_bake_names_its_files() -> None:
    found = parsed("docker buildx bake -f one.hcl --file two.json --push target")
    assert isinstance(found, Bake)
    assert values(found.files) == ["one.hcl", "two.json"]
