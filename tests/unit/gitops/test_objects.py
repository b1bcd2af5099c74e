"""The Flux objects that are generated: readable YAML that holds the policy asked for."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from shipway.errors import NotMet, UsageError
from shipway.fleet.load import load_fleet
from shipway.fleet.model import Fleet
from shipway.gitops.generate import generate
from shipway.gitops.objects import Automation, automation_object, image_objects
from shipway.gitops.policy import TagPolicy
from shipway.gitops.select import select
from shipway.values import Reference


def documents(text: str) -> list[Any]:
    return list(yaml.safe_load_all(text))


def test_the_objects_hold_repository_filter_and_policy() -> None:
    policy = TagPolicy.parse("numerical", pattern=r"^it's-(?P<n>\d+)$", extract="$n", exclusions=["^sha256-"])
    repository = Reference.parse("ghcr.io/acme/api")
    scanned, chosen = documents(image_objects("api", repository, policy, Automation(namespace="apps")))
    assert scanned["spec"] == {"image": "ghcr.io/acme/api", "interval": "5m", "exclusionList": ["^sha256-"]}
    assert scanned["metadata"] == {"name": "api", "namespace": "apps"}
    assert chosen["spec"]["imageRepositoryRef"] == {"name": "api"}
    assert chosen["spec"]["filterTags"] == {"pattern": r"^it's-(?P<n>\d+)$", "extract": "$n"}
    assert chosen["spec"]["policy"] == {"numerical": {"order": "asc"}}
    assert chosen["spec"]["interval"], "Flux wants one where digests are always reflected"


def test_a_semver_policy_without_a_filter_has_its_range_alone() -> None:
    policy = TagPolicy.parse("semver", range=">=1.0.0 <2.0.0-0")
    _, chosen = documents(image_objects("api", Reference.parse("r.io/api"), policy, Automation()))
    assert chosen["spec"]["policy"] == {"semver": {"range": ">=1.0.0 <2.0.0-0"}}
    assert "filterTags" not in chosen["spec"]


def test_the_automation_writes_at_markers_below_its_path() -> None:
    (made,) = documents(automation_object("shipway", Automation(path="./clusters", branch="trunk")))
    assert made["spec"]["update"] == {"strategy": "Setters", "path": "./clusters"}
    assert made["spec"]["git"]["checkout"]["ref"] == made["spec"]["git"]["push"] == {"branch": "trunk"}


@pytest.fixture
def fleet(tmp_path: Any) -> Fleet:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "shipway.yaml").write_text(
        "registry: ghcr.io/acme\n"
        "images: {api: {context: .}, web_ui: {context: ., tag: '{version}', version: 1.2.0}}\n"
    )
    return load_fleet(tmp_path)


def test_each_image_gets_the_policy_of_its_own_scheme(fleet: Fleet) -> None:
    api, web = generate(fleet, (), None, "main")
    assert (api.name, web.name) == ("api", "web-ui")
    tags = ["main-f00dbad-1710000000", "main-1c3a5e7-1710000300", "next-1c3a5e7-1710000400"]
    assert select(api.policy, tags).selected == tags[1]
    assert select(web.policy, ["1.9.0", "1.10.0"]).selected == "1.10.0"


def test_the_branch_asked_for_is_the_one_that_counts(fleet: Fleet) -> None:
    (api,) = generate(fleet, ("api",), None, "release/1.2")
    assert select(api.policy, ["main-f00dbad-1710000300", "release-1.2-1c3a5e7-1710000000"]).selected == (
        "release-1.2-1c3a5e7-1710000000"
    )


def test_a_scheme_that_tells_no_order_gets_no_policy(fleet: Fleet) -> None:
    with pytest.raises(NotMet, match=r"no policy can be right for the tags \{sha7\} of api"):
        generate(fleet, ("api",), "{sha7}", "main")


def test_an_unknown_image_is_named(fleet: Fleet) -> None:
    with pytest.raises(UsageError, match="there is no image 'apo'"):
        generate(fleet, ("apo",), None, "main")
