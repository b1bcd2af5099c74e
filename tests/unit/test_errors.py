"""Every error means one exit code, and carries what a person needs."""

from __future__ import annotations

import inspect

from shipway import errors
from shipway.errors import ConfigError, ShipwayError
from shipway.place import Place

EXIT_CODES = {
    "NotMet": 1,
    "UsageError": 2,
    "ConfigError": 2,
    "CycleError": 2,
    "InvalidValue": 2,
    "EngineMissing": 3,
    "CannotAssemble": 3,
    "Unreachable": 3,
    "DiskFull": 3,
    "Locked": 3,
    "PartlyDelivered": 4,
    "Interrupted": 130,
}


def test_exit_codes_are_those_that_the_documentation_promises() -> None:
    assert {name: getattr(errors, name).exit_code for name in EXIT_CODES} == EXIT_CODES


def test_every_error_stands_in_the_tree_at_the_top_of_the_file() -> None:
    classes = {
        name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, ShipwayError)
    }
    drawn = {word for word in (errors.__doc__ or "").replace("─", " ").split() if word in classes}
    assert classes == drawn


def test_an_error_names_its_place_first() -> None:
    error = ConfigError("unknown key", place=Place("shipway.yaml", 4, 2), cause="a typo", help="write tags")
    assert str(error) == "shipway.yaml:4:2: unknown key"
    assert (error.cause, error.help) == ("a typo", "write tags")
    assert isinstance(error, ShipwayError)
