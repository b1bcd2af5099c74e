"""Label selectors of Kubernetes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

_Labels = Mapping[str, str]

_OPERATORS: Mapping[str, Callable[[str | None, list[str]], bool]] = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, _: value is not None,
    "DoesNotExist": lambda value, _: value is None,
}


def selects(selector: Mapping[str, object], labels: _Labels) -> bool:
    """Whether ``matchLabels`` and ``matchExpressions`` all hold; an expression of a wrong form holds."""
    wanted = selector.get("matchLabels")
    if isinstance(wanted, Mapping) and any(labels.get(key) != str(value) for key, value in wanted.items()):
        return False
    expressions = selector.get("matchExpressions")
    return not isinstance(expressions, list) or all(_holds(each, labels) for each in expressions)


def _holds(expression: object, labels: _Labels) -> bool:
    if not isinstance(expression, Mapping):
        return True
    operator = _OPERATORS.get(str(expression.get("operator")))
    values = expression.get("values")
    listed = [str(value) for value in values] if isinstance(values, list) else []
    return operator is None or operator(labels.get(str(expression.get("key"))), listed)
