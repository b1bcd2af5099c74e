"""Every function of bake's standard library: the ones that are evaluated here, and why others are not.

The list is that of buildx, ``bake/hclparser/stdlib.go``; ``try``, ``can`` and ``convert`` look at their
arguments' expressions and belong to the evaluator.
"""

from __future__ import annotations

from collections.abc import Mapping

from shipway.fleet.discover.bake.builtin import Builtin
from shipway.fleet.discover.bake.collection_functions import COLLECTION_FUNCTIONS
from shipway.fleet.discover.bake.encoding_functions import ENCODING_FUNCTIONS
from shipway.fleet.discover.bake.number_functions import NUMBER_FUNCTIONS
from shipway.fleet.discover.bake.text_functions import TEXT_FUNCTIONS

BUILTINS: Mapping[str, Builtin] = {
    **TEXT_FUNCTIONS,
    **COLLECTION_FUNCTIONS,
    **NUMBER_FUNCTIONS,
    **ENCODING_FUNCTIONS,
}

_TIME = "is known only when the build runs"
_RANDOM = "gives another value at every run"
_UNSUPPORTED = "is not evaluated from files"
ONLY_WHEN_BUILDING: Mapping[str, str] = {
    "bcrypt": _RANDOM,
    "byteslen": _UNSUPPORTED,
    "bytesslice": _UNSUPPORTED,
    "cidrhost": _UNSUPPORTED,
    "cidrnetmask": _UNSUPPORTED,
    "cidrsubnet": _UNSUPPORTED,
    "cidrsubnets": _UNSUPPORTED,
    "formatdate": _UNSUPPORTED,
    "formattimestamp": _UNSUPPORTED,
    "homedir": "depends on the machine that builds",
    "log": _UNSUPPORTED,
    "rsadecrypt": _UNSUPPORTED,
    "semvercmp": _UNSUPPORTED,
    "timeadd": _UNSUPPORTED,
    "timestamp": _TIME,
    "unixtimestampparse": _UNSUPPORTED,
    "uuidv4": _RANDOM,
}
