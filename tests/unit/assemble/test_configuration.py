"""Details of instructions that change the configuration alone."""

from __future__ import annotations

from typing import Any

import pytest

from shipway.assemble.expose import exposed
from shipway.assemble.image import MadeLayer, make_image
from shipway.assemble.metadata import Settings
from shipway.assemble.signals import is_signal
from shipway.assemble.stages import Task, assemble
from shipway.dockerfile.parser import parse
from shipway.dockerfile.resolve import resolve
from shipway.errors import InvalidValue
from shipway.oci.manifest import OCI_LAYER_GZIP, Descriptor
from shipway.values import Platform

AMD64 = Platform.parse("linux/amd64")


def config_of(text: str) -> dict[str, Any]:
    build = resolve(parse(text.encode("utf-8", "surrogateescape"), "Dockerfile"))
    return assemble(Task(build, {}, AMD64)).settings.config


@pytest.mark.parametrize(
    ("spec", "ports"),
    [
        ("80", ["80/tcp"]),
        ("53/UDP", ["53/udp"]),
        ("8000-8002/sctp", ["8000/sctp", "8001/sctp", "8002/sctp"]),
        ("127.0.0.1:8080:80", ["80/tcp"]),
        ("[::1]:80:80", ["80/tcp"]),
        ("9000:80/tcp", ["80/tcp"]),
        ("7-7", ["7/tcp"]),
    ],
)
def test_ports_are_spelled_out(spec: str, ports: list[str]) -> None:
    assert list(exposed(spec)) == ports


@pytest.mark.parametrize(
    "spec", ["", "x", "80/icmp", "99999", "9-8", "/tcp", "nowhere:80:80", "1-3:1-2", "-1"]
)
def test_what_is_no_port_is_refused(spec: str) -> None:
    with pytest.raises(InvalidValue):
        list(exposed(spec))


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("SIGTERM", True),
        ("term", True),
        ("9", True),
        ("RTMIN+3", True),
        ("0", False),
        ("SIGX", False),
        ("", False),
    ],
)
def test_signals_go_by_number_or_name(text: str, known: bool) -> None:
    assert is_signal(text) is known


def test_a_command_of_the_stage_itself_outlives_an_entrypoint() -> None:
    below = 'FROM scratch AS one\nCMD ["c"]\nFROM one\n'
    assert "Cmd" not in config_of(below + 'ENTRYPOINT ["e"]\n')
    assert config_of(below + 'CMD ["d"]\nENTRYPOINT ["e"]\n')["Cmd"] == ["d"]


def test_triggers_of_a_stage_do_not_reach_its_grandchildren() -> None:
    text = "FROM scratch AS one\nONBUILD ENV T=1\nFROM one AS two\nFROM two\nENV U=$T\n"
    config = config_of(text)
    assert config["Env"][1:] == ["T=1", "U=1"]
    assert "OnBuild" not in config


def test_a_healthcheck_leaves_out_what_it_does_not_set() -> None:
    check = config_of("FROM scratch\nHEALTHCHECK --interval=0 --retries=0 --start-interval=1.5s CMD x\n")
    assert check["Healthcheck"] == {"Test": ["CMD-SHELL", "x"], "StartInterval": 1_500_000_000}


def test_bytes_that_are_no_utf_8_do_not_stop_the_configuration() -> None:
    build = resolve(parse(b"FROM scratch\nENV A=\xff\n", "Dockerfile"))
    image = make_image(assemble(Task(build, {}, AMD64)), [], AMD64, None)
    assert '"A=�"'.encode() in image.config
    assert b"1980-01-01T00:00:00Z" in image.config


def test_the_manifest_names_what_the_configuration_counts() -> None:
    build = resolve(parse(b"FROM scratch\nENV A=1\n", "Dockerfile"), platform=Platform.parse("linux/arm/v7"))
    layer = MadeLayer(Descriptor(OCI_LAYER_GZIP, f"sha256:{'a' * 64}", 5), f"sha256:{'b' * 64}")
    image = make_image(assemble(Task(build, {}, AMD64)), [layer], build.platform, 0)
    assert image.manifest.body.layers == (layer.descriptor,)
    assert image.manifest.body.config == image.config_descriptor
    assert b'"architecture":"arm","os":"linux","variant":"v7"' in image.config
    assert f'"diff_ids":["{layer.diff_id}"]'.encode() in image.config


def test_settings_fork_without_sharing() -> None:
    parent = Settings({"Env": ["A=1"]}, {"A": "1"}, "\\")
    child = parent.fork()
    child.set_variable("A", "2")
    assert (parent.config["Env"], parent.env, child.config["Env"]) == (["A=1"], {"A": "1"}, ["A=2"])
