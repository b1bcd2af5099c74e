"""The JSON Schema of the fleet file (draft 2020-12), derived from the settings table."""

from __future__ import annotations

import json
import sys

from shipway.fleet.settings.fleet import FLEET
from shipway.fleet.settings.section import section_schema

SCHEMA_FILE = "shipway.schema.json"


def schema_text() -> str:
    """The schema as it is published: JSON, indented by two, with a final newline."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Shipway fleet file",
        "description": "The images that a repository delivers: how they are built, tagged and where they go.",
        **section_schema(FLEET),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
