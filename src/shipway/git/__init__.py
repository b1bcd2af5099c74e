"""Git through its program."""

from shipway.git.working_copy import GitWorkingCopy

__all__ = ["GitWorkingCopy"]
