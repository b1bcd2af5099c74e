from __future__ import annotations

import pytest

from shipway.errors import CycleError, UsageError
from shipway.fleet.graph import build_order, closure, dependents, needs, waves
from shipway.fleet.model import Base, BuildInputs, Fleet, Image
from shipway.place import Place


def image(name: str, *bases: str) -> Image:
    found = tuple(Base(f"acme/{base}", "fleet", line, base) for line, base in enumerate(bases, 1))
    external = Base("docker.io/library/alpine:3", "external", 9)
    return Image(name, BuildInputs(f"{name}/Dockerfile", name), bases=(*found, external))


SHOP = Fleet(
    (
        image("api", "go"),
        image("base"),
        image("go", "base", "base"),
        image("web", "base"),
        image("job", "api", "web"),
    )
)


def test_a_wave_needs_only_earlier_ones_and_keeps_the_order_of_declaration() -> None:
    assert waves(SHOP) == [["base"], ["go", "web"], ["api"], ["job"]]


def test_images_outside_a_selection_still_order_those_inside() -> None:
    assert waves(SHOP, ["job", "base"]) == [["base"], ["job"]]
    assert waves(SHOP, ["api", "web"]) == [["api", "web"]]
    assert waves(SHOP, []) == []


def test_closure_and_dependents_follow_every_edge() -> None:
    assert closure(SHOP, ["api"]) == ("api", "base", "go")
    assert dependents(SHOP, ["go"]) == ("api", "go", "job")
    assert closure(SHOP, []) == ()


def test_a_base_named_twice_is_needed_once() -> None:
    assert needs(SHOP.images[2]) == ("base",)


def test_the_build_order_puts_every_base_first() -> None:
    order = build_order(SHOP)
    assert sorted(order) == sorted(each.name for each in SHOP.images)
    assert all(order.index(base) < order.index(each.name) for each in SHOP.images for base in needs(each))


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(UsageError) as caught:
        waves(SHOP, ["wbe"])
    assert caught.value.help == "did you mean `web`?"


def test_a_cycle_is_named_edge_by_edge_with_file_and_line() -> None:
    fleet = Fleet(
        (image("outside", "api"), image("api", "fine", "base"), image("base", "api"), image("fine"))
    )
    with pytest.raises(CycleError) as caught:
        waves(fleet)
    assert "api -> base (api/Dockerfile:2) -> api (base/Dockerfile:1)" in caught.value.message
    assert "outside" not in caught.value.message
    assert caught.value.place == Place("api/Dockerfile", 2)


def test_an_image_that_needs_itself_is_a_cycle() -> None:
    with pytest.raises(CycleError, match=r"api -> api \(api/Dockerfile:1\)"):
        build_order(Fleet((image("api", "api"),)))


def test_a_long_chain_does_not_exhaust_the_stack() -> None:
    chain = Fleet(tuple(image(f"i{n}", *([f"i{n + 1}"] if n < 2999 else [])) for n in range(3000)))
    assert len(waves(chain)) == 3000
    assert len(closure(chain, ["i0"])) == 3000
