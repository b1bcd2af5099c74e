"""What the fleet file says about base images."""

import pytest

from shipway.errors import ConfigError
from shipway.fleet.file import read_fleet_file
from shipway.fleet.model import BasePolicy


def policy(text: str) -> BasePolicy:
    return read_fleet_file(text, "shipway.yaml").bases


def test_the_registry_of_the_fleet_is_the_prefix_of_its_bases() -> None:
    assert policy("registry: ghcr.io/acme/shop\n") == BasePolicy(prefix="ghcr.io/acme/shop")


def test_a_policy_goes_before_the_registry() -> None:
    text = (
        "registry: ghcr.io/acme/shop\npolicies:\n  bases:\n    prefix: ghcr.io/acme/bases\n"
        "    aliases: [old.example:5000/shop]\n    allow: docker.io/library/*\n"
        "    latest: error\n    unpinned: info\n"
    )
    assert policy(text) == BasePolicy(
        "ghcr.io/acme/bases", ("old.example:5000/shop",), ("docker.io/library/*",), "error", "info"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("latest: yes", "`latest` must be error, warning, info or off"),
        ("aliases: ['https://old/shop']", "without a scheme"),
        ("prefixes: x", "unknown key `prefixes`"),
    ],
)
def test_what_is_wrong_is_named(line: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        policy(f"policies:\n  bases:\n    {line}\n")
    assert message in f"{caught.value.message} {caught.value.cause}"
    assert caught.value.place is not None
    assert caught.value.place.line == 3
