"""Matrices expand as GitHub's documentation of job variations defines them."""

from __future__ import annotations

from shipway.document import parse
from shipway.fleet.discover.workflows.evaluate import Open, Value
from shipway.fleet.discover.workflows.holes import causes
from shipway.fleet.discover.workflows.matrix import legs
from shipway.fleet.discover.workflows.scope import Scope
from shipway.fleet.model import Problem


def expand(text: str) -> tuple[list[Value], list[Problem]]:
    scope = Scope({"github": Open(), "needs": Open()}, {})
    return legs(parse(text, "w.yml"), scope)


def test_a_job_without_a_matrix_has_one_empty_leg() -> None:
    assert legs(None, Scope({}, {})) == ([{}], [])


def test_lists_multiply() -> None:
    found, problems = expand("a: [1, 2]\nb: [x, y]\n")
    assert found == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}]
    assert problems == []


def test_exclude_drops_the_combinations_it_matches_in_part() -> None:
    found, _ = expand("a: [1, 2]\nb: [x, y]\nexclude:\n- {a: 1}\n- {a: 2, b: y}\n")
    assert found == [{"a": 2, "b": "x"}]


def test_include_extends_original_combinations_and_else_adds_legs() -> None:
    # the example of GitHub's documentation, "Example: Expanding configurations"
    found, _ = expand(
        """
fruit: [apple, pear]
animal: [cat, dog]
include:
  - color: green
  - color: pink
    animal: cat
  - fruit: apple
    shape: circle
  - fruit: banana
  - fruit: banana
    animal: cat
"""
    )
    assert found == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]


def test_include_alone_gives_a_leg_each() -> None:
    assert expand("include: [{a: 1}, {b: 2}]")[0] == [{"a": 1}, {"b": 2}]


def test_a_matrix_from_literal_json_is_known() -> None:
    assert expand("""a: ${{ fromJSON('["x", "y"]') }}""")[0] == [{"a": "x"}, {"a": "y"}]


def test_a_matrix_that_a_job_computes_is_a_problem_and_one_unknown_leg() -> None:
    found, problems = expand("a: ${{ fromJSON(needs.plan.outputs.images) }}\nb: [1]\n")
    leg = found[0]
    assert isinstance(leg, dict)
    assert causes(str(leg["a"])) == ["${{ matrix.a }}"] and leg["b"] == 1
    assert [(each.kind, each.place.line) for each in problems] == [("unresolved-matrix", 1)]
    assert "needs.plan.outputs.images" in problems[0].message


def test_an_unknown_include_leaves_the_known_legs() -> None:
    found, problems = expand("a: [1, 2]\ninclude: ${{ fromJSON(needs.x.outputs.y) }}\n")
    assert found == [{"a": 1}, {"a": 2}]
    assert [each.kind for each in problems] == ["unresolved-matrix"]


def test_more_legs_than_github_takes_are_a_problem() -> None:
    many = ", ".join(map(str, range(40)))
    found, problems = expand(f"a: [{many}]\nb: [{many}]\nc: [{many}]\n")
    assert len(found) == 1
    assert "more than 256" in problems[0].message


def test_a_scalar_where_a_list_belongs_is_a_problem() -> None:
    _, problems = expand("a: one\n")
    assert "'one'" in problems[0].message and problems[0].place.line == 1
