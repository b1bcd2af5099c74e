"""The page of every rule, in Markdown: ``python -m shipway.checks.pages`` writes them to docs/rules."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from shipway.checks.rule import Rule
from shipway.checks.table import RULES, rule
from shipway.errors import UsageError

_FIXES = {
    None: "none",
    "safe": "safe: `shipway check --fix` applies it",
    "unsafe": "unsafe: `shipway check --unsafe-fixes` applies it",
    "display": "shown, never applied",
}


def explain(id: str) -> str:
    """The page of a rule. Raises UsageError when there is none of that id."""
    found = rule(id)
    if found is None:
        close = get_close_matches(id.upper(), [each.id for each in RULES], n=1)
        known = f"did you mean {close[0]}?" if close else f"rules: {', '.join(each.id for each in RULES)}"
        raise UsageError(f"no rule is called {id}", help=known)
    return page(found)


def page(rule: Rule) -> str:
    """What docs/rules/SWxxx.md holds."""
    also = f"| elsewhere | {', '.join(rule.aliases)} |\n" if rule.aliases else ""
    return (
        f"# {rule.id}: {rule.summary}\n\n"
        f"| | |\n| --- | --- |\n| name | {rule.name} |\n| severity | {rule.severity} |\n"
        f"| fix | {_FIXES[rule.fix]} |\n{also}\n{rule.rationale}"
        f"\nIgnore it in one place with `# shipway: ignore={rule.id} reason`, for all files or some under"
        " `checks` of the fleet file.\n"
    )


def index() -> str:
    """What docs/rules/README.md holds: every rule in one table."""
    lines = [
        f"| [{each.id}]({each.id}.md) | {each.summary} | {each.severity} | {each.fix or ''} |"
        for each in RULES
    ]
    return "\n".join(
        [
            "# Rules of `shipway check`",
            "",
            "SW0 discovery, SW1 build context, SW2 base references, SW3 Dockerfile, SW4 registry and TLS,"
            " SW5 engine and host.",
            "Generated from the rules by `make docs`.",
            "",
            "| rule | finds | severity | fix |",
            "| --- | --- | --- | --- |",
            *lines,
            "",
        ]
    )


def pages() -> Iterator[tuple[str, str]]:
    """The name and text of every generated file."""
    yield "README.md", index()
    for each in RULES:
        yield f"{each.id}.md", page(each)


def write(directory: Path) -> None:
    """Write all pages, and delete those of rules that are gone."""
    directory.mkdir(parents=True, exist_ok=True)
    wanted = dict(pages())
    for old in directory.glob("*.md"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/rules"))
