"""Whether the newest delivery always wins, as text and as JSON (``shipway.tags-prove/1``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.report.json_text import json_text

if TYPE_CHECKING:
    from shipway.gitops.proof import Proof
    from shipway.gitops.suggest import Suggestion


def proof_json(proof: Proof, suggestion: Suggestion | None) -> str:
    """The verdict; ``counterexample`` and ``suggestion`` are null where there is none."""
    found, odds = proof.counterexample, proof.odds
    return json_text(
        {
            "schema": "shipway.tags-prove/1",
            "proven": proof.proven,
            "checked": proof.checked,
            "assumptions": proof.assumptions,
            "counterexample": found
            and {"tags": found.tags, "selected": found.selected, "newest": found.newest, "why": found.why},
            "odds": odds and {"won": odds.won, "drawn": odds.drawn, "length": odds.length},
            "suggestion": suggestion and _suggested(suggestion),
        }
    )


def _suggested(suggestion: Suggestion) -> dict[str, object]:
    policy = suggestion.policy
    fields: dict[str, object] = {"scheme": suggestion.scheme.text, "policy": policy.kind}
    fields |= {"range": policy.range} if policy.kind == "semver" else {"order": policy.order}
    return {**fields, "pattern": policy.pattern, "extract": policy.extract}


def proof_text(proof: Proof, suggestion: Suggestion | None) -> str:
    """The verdict in a few lines."""
    lines = [_verdict(proof)]
    if (found := proof.counterexample) is not None:
        lines += ["", "delivered, oldest first:", *(f"  {tag}" for tag in found.tags)]
        lines += [
            f"newest:  {found.newest}",
            f"picked:  {found.selected or 'nothing'}",
            f"why:     {found.why}",
        ]
    if (odds := proof.odds) is not None:
        share = f"{odds.won} of {odds.drawn}"
        lines.append(f"odds:    the newest of {odds.length} won in {share} histories drawn by chance")
    lines += [f"holds as long as {assumption}" for assumption in proof.assumptions if proof.proven]
    if suggestion is not None:
        lines += ["", f"proven:  scheme {suggestion.scheme.text} with {suggestion.policy}"]
    return "\n".join(lines) + "\n"


def _verdict(proof: Proof) -> str:
    if proof.proven:
        return f"proven: the newest delivery won in all {proof.checked} histories at the edges of this scheme"
    return "refuted: a later delivery can lose"
