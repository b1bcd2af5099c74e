"""Git through its program."""

from shipway.git.branches import GitBranches
from shipway.git.working_copy import GitWorkingCopy

__all__ = ["GitBranches", "GitWorkingCopy"]
