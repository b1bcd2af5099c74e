"""The settings at the top of the fleet file."""

from __future__ import annotations

from shipway.fleet.settings.builders import BUILDERS
from shipway.fleet.settings.image import IMAGES, SHARED
from shipway.fleet.settings.policy import CHECKS, POLICIES
from shipway.fleet.settings.section import Setting, Table
from shipway.fleet.settings.signing import SIGNING
from shipway.fleet.settings.sources import GITOPS, GROUPS, REGISTRIES, REPOSITORIES
from shipway.fleet.shapes import SWITCHED_PATHS

DISCOVER = Setting(
    "discover",
    SWITCHED_PATHS,
    "Files to look for images in (Compose, bake, workflows, Skaffold, Dockerfiles); false: none.",
    True,
)

FLEET: Table = (
    *SHARED,
    GROUPS,
    IMAGES,
    REPOSITORIES,
    GITOPS,
    REGISTRIES,
    POLICIES,
    CHECKS,
    BUILDERS,
    SIGNING,
    DISCOVER,
)
