"""The command line: one short file a command, loaded only when it is called."""

from shipway.cli.app import main

__all__ = ["main"]
