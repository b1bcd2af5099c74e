"""Registries that the fleet file reaches through a port-forward."""

from __future__ import annotations

import pytest

from shipway.errors import ConfigError
from shipway.fleet.file import read_fleet_file
from shipway.fleet.model import PortForward

HOST = "registry.tools.svc.cluster.local:5000"


def access(settings: str, host: str = HOST) -> PortForward | None:
    file = read_fleet_file(f'registries: {{"{host}": {{{settings}}}}}\n', "shipway.yaml")
    return file.registries[host].forward


def test_a_forward_leads_to_a_service() -> None:
    told = "via: port-forward, namespace: tools, service: registry, port: 5000, context: lab, ca: ca.pem"
    assert access(told) == PortForward("tools", "registry", 5000, "lab")
    assert access("via: port-forward, service: registry, port: 1") == PortForward("default", "registry", 1)


def test_a_registry_is_reached_directly_unless_it_says_otherwise() -> None:
    assert access("via: direct") is None
    assert access("insecure: true") is None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("via: port-forward", "needs `service` and `port`"),
        ("via: port-forward, service: registry", "needs `service` and `port`"),
        ("service: registry", "goes with `via: port-forward` only"),
        ("via: direct, port: 5000", "goes with `via: port-forward` only"),
        ("via: vpn", "via"),
        ("via: port-forward, service: registry, port: 0", "port"),
    ],
)
def test_half_a_forward_is_refused(settings: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        access(settings)


@pytest.mark.parametrize("host", ["10.0.0.1:5000", "10.0.0.1", "[fd00::1]:5000"])
def test_an_address_cannot_be_forwarded(host: str) -> None:
    with pytest.raises(ConfigError, match="needs a name"):
        access("via: port-forward, service: registry, port: 5000", host)
