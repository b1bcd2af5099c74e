"""Label selectors as Kubernetes reads them."""

from __future__ import annotations

import pytest

from shipway.gitops.selector import selects

LABELS = {"team": "shop", "stage": "live"}


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({}, True),
        ({"matchLabels": {"team": "shop"}}, True),
        ({"matchLabels": {"team": "shop", "stage": "test"}}, False),
        ({"matchLabels": {"none": ""}}, False),
        ({"matchExpressions": [{"key": "team", "operator": "In", "values": ["a", "shop"]}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "In", "values": ["a"]}]}, False),
        ({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["shop"]}]}, False),
        ({"matchExpressions": [{"key": "none", "operator": "NotIn", "values": ["shop"]}]}, True),
        ({"matchExpressions": [{"key": "stage", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "stage", "operator": "DoesNotExist"}]}, False),
        (
            {
                "matchExpressions": [
                    {"key": "stage", "operator": "Exists"},
                    {"key": "x", "operator": "Exists"},
                ]
            },
            False,
        ),
    ],
)
def test_all_that_a_selector_says_must_hold(selector: dict[str, object], selected: bool) -> None:
    assert selects(selector, LABELS) == selected
