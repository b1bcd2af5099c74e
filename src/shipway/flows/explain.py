"""Explain: one image of a prepared plan beside its last delivery."""

from __future__ import annotations

from shipway.flows.prepare import Prepared
from shipway.planning.explain import Explanation, Last, explain
from shipway.planning.inputs import decode
from shipway.ports import Ledger


def explain_image(prepared: Prepared, ledger: Ledger, name: str) -> Explanation:
    """Why the image ``name``, which must be in the plan, is built or not."""
    step = next(step for step in prepared.plan.steps if step.image == name)
    last = next((each for each in ledger.deliveries() if each.image == name), prepared.found.get(name))
    if last is None:
        return explain(step, prepared.inputs[name], prepared.drafts[name], None, None, prepared.plan.notes)
    known = prepared.inputs[name] if name in prepared.found else decode(ledger.inputs(last.fingerprint))
    shown = Last(last.reference, last.digest, last.fingerprint, last.run, last.verified)
    return explain(step, prepared.inputs[name], prepared.drafts[name], shown, known, prepared.plan.notes)
