"""Which images are stand-ins, by the label that their Dockerfile or declaration gives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipway.fleet.builds import Builds
from shipway.fleet.load import load_fleet
from shipway.planning.collect import collect
from shipway.values import Platform

LABEL = 'LABEL io.shipway.stand-in="true"'


def stand_ins(root: Path, files: dict[str, str]) -> list[str]:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    builds = Builds()
    fleet = load_fleet(root, builds=builds)
    order = sorted((image.name for image in fleet.images), key=lambda name: name != "base")
    found = collect(fleet, order, {}, Platform("linux", "amd64"), builds)
    assert found.blockers == ()
    return [name for name, draft in found.drafts.items() if draft.stand_in]


@pytest.mark.parametrize(
    ("dockerfile", "marked"),
    [
        (f"FROM scratch\n{LABEL}\n", True),
        ("FROM scratch\nLABEL a=b io.shipway.stand-in=true\n", True),
        ("FROM scratch\nLABEL io.shipway.stand-in true\n", True),
        ("FROM scratch\nLABEL 'io.shipway.stand-in'='true'\n", True),
        (f'FROM scratch\n{LABEL}\nLABEL io.shipway.stand-in="false"\n', False),
        (f"FROM scratch AS one\n{LABEL}\nFROM one\n", True),
        (f'FROM scratch AS one\n{LABEL}\nFROM one\nLABEL io.shipway.stand-in="false"\n', False),
        (f"FROM scratch AS tools\n{LABEL}\nFROM scratch\nCOPY --from=tools / /\n", False),
        ('FROM scratch\nLABEL io.shipway.stand-in="yes"\n', False),
        (f"FROM scratch\n# {LABEL}\n", False),
    ],
)
def test_the_last_label_of_the_image_itself_counts(tmp_path: Path, dockerfile: str, marked: bool) -> None:
    files = {"shipway.yaml": "images: {api: {context: .}}\n", "Dockerfile": dockerfile}
    assert stand_ins(tmp_path, files) == ["api"] * marked


def test_a_label_of_the_declaration_goes_first(tmp_path: Path) -> None:
    declared = 'images: {api: {context: ., labels: {io.shipway.stand-in: "false"}}}\n'
    files = {"shipway.yaml": declared, "Dockerfile": f"FROM scratch\n{LABEL}\n"}
    assert stand_ins(tmp_path, files) == []


def test_what_builds_on_a_stand_in_is_one_too_unless_it_says_otherwise(tmp_path: Path) -> None:
    files = {
        "shipway.yaml": (
            'images:\n  base: {context: base, tag: "1"}\n  api: {context: api}\n'
            "  web: {context: web}\n  tool: {context: tool}\n"
        ),
        "base/Dockerfile": f"FROM scratch\n{LABEL}\n",
        "api/Dockerfile": "FROM base:1\n",
        "web/Dockerfile": 'FROM base:1\nLABEL io.shipway.stand-in="false"\n',
        "tool/Dockerfile": "FROM scratch\nCOPY --from=base:1 / /\n",
    }
    assert stand_ins(tmp_path, files) == ["base", "api"]
