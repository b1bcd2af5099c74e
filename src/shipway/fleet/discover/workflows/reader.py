"""Reads the images that GitHub workflows build, from the files of a repository alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shipway.document import Node
from shipway.fleet.discover.reader import Reader
from shipway.fleet.discover.workflows.jobs import calls, read_action, read_workflow, triggers
from shipway.fleet.discover.workflows.merge import merge
from shipway.fleet.discover.workflows.world import World
from shipway.fleet.model import DeclarationKind, Reading
from shipway.fleet.tree import FileTree, join

_WORKFLOW = re.compile(r"(?:.*/)?\.github/workflows/[^/]+\.ya?ml\Z")
_ACTION = re.compile(r"(?:.*/)?action\.ya?ml\Z")
_OWN = re.compile(r"\.github/(?:workflows/[^/]+|actions/(?:[^/]+/)+action)\.ya?ml\Z")


class WorkflowReader:
    """Reader of ``.github/workflows`` and of the composite actions beside them.

    Follows docker/build-push-action steps and ``docker``, ``podman`` and ``buildah`` build commands through
    matrices, reusable workflows and composite actions. What a run alone knows is a Problem:
    ``unresolved-expression``, ``unresolved-tag`` (the repository is known), ``unresolved-matrix``,
    ``remote-build`` (declared in another repository), ``missing-dockerfile``, ``missing-bake-file``,
    ``missing-workflow``, ``missing-action``, ``invalid-reference``, ``invalid-platform``.
    """

    kind: DeclarationKind = "workflow"

    def finds(self, tree: FileTree) -> list[str]:
        """The repository's workflows and composite actions."""
        return [path for path in tree.mentioning(".github/") if _OWN.match(path)]

    def accepts(self, path: str) -> bool:
        """Whether ``path`` is named like a workflow or an action."""
        return bool(_WORKFLOW.match(path) or _ACTION.match(path))

    def read(self, paths: Sequence[str], tree: FileTree) -> Reading:
        """The images that the workflows of ``paths`` build.

        A workflow that only others call, and a composite action, is read through its callers when there are
        any among ``paths``.
        """
        world = World(tree)
        documents = {path: document for path in paths if (document := world.document(path)) is not None}
        called = {join(".", target) for document in documents.values() for target in calls(document)}
        for path, document in documents.items():
            _read_one(world, path, document, called)
        return Reading(merge(world.found), world.problems)


def _read_one(world: World, path: str, document: Node, called: set[str]) -> None:
    if document.get("runs") is not None:
        if path.rpartition("/")[0] not in called:
            read_action(world, path, document)
    elif not (path in called and set(triggers(document)) == {"workflow_call"}):
        read_workflow(world, path, document)


WORKFLOWS: Reader = WorkflowReader()
