"""GitHub workflows: the images their steps and scripts build."""

from shipway.fleet.discover.workflows.reader import WorkflowReader

__all__ = ["WorkflowReader"]
