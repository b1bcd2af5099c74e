"""The way of a commit through a cluster, looked at as it is at one moment.

From its GitRepository through Kustomizations (dependencies first) and HelmReleases to workloads and pods.
Each step gives an end, leaves something open, or lets the next one look.
"""

from __future__ import annotations

from collections.abc import Callable

from shipway.gitops.concerned import KINDS
from shipway.gitops.judging.appliers import Appliers
from shipway.gitops.judging.sources import Sources
from shipway.gitops.judging.view import End, Judgement, Notebook, Target, View
from shipway.gitops.judging.workloads import Workloads


def judge(target: Target, view: View) -> Judgement:
    """The verdict as soon as it is known; else what to ask Flux for, and what to watch to know more."""
    book = Notebook(view)
    if not book.require(*map(view.feed, KINDS)):
        return book.judgement(None)
    return book.judgement(_end(target, book))


def _end(target: Target, book: Notebook) -> End | None:
    sources = Sources(target, book)
    appliers = Appliers(target, book, sources)
    workloads = Workloads(target, book, appliers)
    steps: list[Callable[[], End | None]] = [appliers.judge_kustomizations, appliers.judge_releases]
    if target.repository:
        steps.insert(0, sources.judge)
    for step in steps:
        end = step()
        if end is not None:
            return end
        if book.needs:
            return None
        if book.is_open:
            return workloads.judge_early() if appliers.kustomizations else None
    end = workloads.judge()
    return end if end is not None or book.is_open or book.needs else ("live", None)
