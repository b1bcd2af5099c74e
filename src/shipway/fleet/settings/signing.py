"""Settings of signatures: the keys, and where signatures go."""

from __future__ import annotations

from shipway.fleet.settings.section import Setting, Table, sectioned
from shipway.fleet.shapes import PATH, SWITCH

KEY = Setting("key", PATH, "Public key (PEM) that signatures of the fleet's images are checked with.")
PRIVATE_KEY = Setting(
    "private-key",
    PATH,
    "Private key (PEM) that shipway ship signs with, relative to the fleet file; absent: the one that"
    " SHIPWAY_SIGNING_KEY names or holds, if any.",
)
COSIGN_TAGS = Setting(
    "cosign-tags",
    SWITCH,
    "Put signatures also at the tags sha256-….sig and .att, where cosign before version 3 looks.",
    True,
)
SIGNING_TABLE: Table = (KEY, PRIVATE_KEY, COSIGN_TAGS)
SIGNING = Setting(
    "signing", sectioned(SIGNING_TABLE, "signing"), "With which keys images are signed and verified."
)
