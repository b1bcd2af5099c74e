"""Push rights are proven before a build, and only where something will be pushed."""

from __future__ import annotations

import pytest

from shipway.errors import Denied
from shipway.flows.rehearse import rehearse
from shipway.planning.plan import Plan, Step
from shipway.testing.memory_registry import MemoryRegistry


def plan(*references: str, action: str = "build", engine: str = "docker") -> Plan:
    steps = [
        Step(f"i{n}", action, (), reference, "f", engine=engine)  # type: ignore[arg-type]
        for n, reference in enumerate(references)
    ]
    return Plan((tuple(steps),))


async def test_each_destination_is_asked_once() -> None:
    registry = MemoryRegistry()
    await rehearse(plan("ghcr.io/a/x:1", "ghcr.io/a/x:2", "ghcr.io/a/y:1"), registry)
    assert registry.calls["prove_push"] == 2


async def test_of_what_is_assembled_one_destination_of_a_registry_is_asked() -> None:
    registry = MemoryRegistry()
    assembled = plan("ghcr.io/a/x:1", "ghcr.io/a/y:1", "quay.io/a/x:1", engine="assemble")
    await rehearse(assembled, registry)
    assert registry.calls["prove_push"] == 2


@pytest.mark.parametrize(
    "nothing", [plan("ghcr.io/a/x:1", action="reuse"), plan("shipway.local/x:1"), Plan(())]
)
async def test_where_nothing_leaves_this_machine_nobody_is_asked(nothing: Plan) -> None:
    registry = MemoryRegistry()
    await rehearse(nothing, registry)
    assert not registry.calls


async def test_the_first_refusal_is_raised_with_the_number_of_others() -> None:
    registry = MemoryRegistry()
    registry.refuse_pushes = True
    with pytest.raises(Denied) as caught:
        await rehearse(plan("ghcr.io/a/x:1", "ghcr.io/a/y:1"), registry)
    assert caught.value.message.startswith("nothing was built: ")
    assert caught.value.message.endswith("(and 1 more)")
