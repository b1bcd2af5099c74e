"""Objects of image automation and markers as files declare them."""

from __future__ import annotations

import pytest

from shipway.gitops.flux import Flux, concerns_flux, read_flux

REPOSITORY = """\
apiVersion: image.toolkit.fluxcd.io/v1beta2
kind: ImageRepository
metadata: {name: api, namespace: flux-system}
spec:
  image: ghcr.io/acme/api
"""
POLICY = """\
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata:
  name: api
  namespace: flux-system
  labels: {team: shop}
spec:
  imageRepositoryRef:
    name: api
  filterTags:
    pattern: '^main-(?P<ts>[0-9]+)$'
    extract: $ts
  policy:
    numerical:
      order: asc
"""


def flux(**files: str) -> Flux:
    named = {path.replace("_", "/") + ".yaml": text.encode() for path, text in files.items()}
    return read_flux(
        {path: data for path, data in named.items() if concerns_flux(data)}, named, named.__getitem__
    )


def test_a_policy_and_its_repository() -> None:
    read = flux(one=f"{REPOSITORY}---\n{POLICY}")
    (policy,) = read.policies
    assert str(read.complete(policy)) == "numerical asc, pattern ^main-(?P<ts>[0-9]+)$, extract $ts"
    assert read.repository_of(policy) == read.repositories[0]
    assert str(policy.title.place) == "one.yaml:10:9"
    assert str(policy.at("pattern")) == "one.yaml:17:15"
    assert policy.scalars["kind"].text == "numerical"


@pytest.mark.parametrize("version", ["v1", "v1beta2", "v1beta1", "v1alpha2"])
def test_every_version_of_the_api_is_read(version: str) -> None:
    assert len(flux(one=POLICY.replace("/v1\n", f"/{version}\n")).policies) == 1


def test_the_exclusions_of_the_repository_are_those_of_the_policy() -> None:
    listed = flux(one=f"{REPOSITORY}  exclusionList: ['^x', '^y']\n---\n{POLICY}")
    default = flux(one=f"{REPOSITORY}---\n{POLICY}")
    assert listed.complete(listed.policies[0]).exclusions == ("^x", "^y")  # type: ignore[union-attr]
    assert default.complete(default.policies[0]).exclusions == (r"^.*\.sig$",)  # type: ignore[union-attr]


def test_objects_in_a_list_are_read() -> None:
    item = "".join(f"    {line}\n" for line in POLICY.splitlines()).replace("    api", "  - api", 1)
    assert len(flux(one=f"apiVersion: v1\nkind: List\nitems:\n{item}").policies) == 1


def test_of_several_kinds_semver_is_used() -> None:
    both = POLICY.replace("    numerical:\n", "    semver:\n      range: 1.x\n    numerical:\n")
    policy = flux(one=both).policies[0].policy
    assert policy is not None
    assert policy.kind == "semver"


def test_what_flux_refuses_is_an_error_of_the_policy() -> None:
    read = flux(one=POLICY.replace("order: asc", "order: ASC"))
    assert read.policies[0].policy is None
    assert "no order" in str(read.policies[0].error)


@pytest.mark.parametrize(
    "text",
    [
        POLICY.replace("order: asc", "order: ${ORDER}"),
        POLICY.replace("order: asc", "order: '{{ .Values.order }}'"),
        POLICY[: POLICY.index("spec:")] + "spec: {filterTags: {pattern: '^x$'}}\n",
    ],
)
def test_what_is_filled_in_later_is_neither_a_policy_nor_wrong(text: str) -> None:
    (policy,) = flux(one=text).policies
    assert policy.policy is None
    assert policy.error is None


def test_a_group_of_the_pattern_is_not_filled_in_later() -> None:
    assert flux(one=POLICY.replace("$ts", "${ts}")).policies[0].policy is not None


def test_kustomize_moves_what_it_takes_up() -> None:
    moved = flux(
        base_policy=POLICY,
        base_kustomization="resources: [policy.yaml]\n",
        over_kustomization="namespace: shop\nresources: [../base]\n",
    )
    title = moved.policies[0].title
    assert title.may_be("shop", "api")
    assert not title.may_be("flux-system", "api")


def test_flux_moves_what_it_applies() -> None:
    applied = (
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: x}\n"
        "spec: {path: ./base, targetNamespace: shop}\n"
    )
    title = flux(base_policy=POLICY, flux=applied).policies[0].title
    assert title.may_be("shop", "api")
    assert not title.may_be("other", "api")


def test_a_prefix_leaves_the_name_open() -> None:
    read = flux(policy=POLICY, kustomization="namePrefix: dev-\nresources: [policy.yaml]\n")
    assert read.policies_called("flux-system", "dev-api")


MARKER = '{"$imagepolicy": "flux-system:api"}'


@pytest.mark.parametrize(
    "text",
    [
        f"image: a:1 # {MARKER}\n",
        f"image: 'a:1'   #{MARKER}\n",
        f"image: a:1 # {MARKER}\r\nother: x\r\n",
        f"a:\n  # {MARKER}\n  - a:1\n",
        f"x: y\n---\nimage: >- # {MARKER}\n  a:1\n",
        "digest: # " + MARKER.replace("api", "api:digest") + "\n",
    ],
)
def test_markers_that_flux_reads(text: str) -> None:
    (written,) = flux(one=text).written
    assert written.marker is not None
    assert written.unread is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"# {MARKER}\nimage: a:1\n", "line of its own"),
        (f"image: {{tag: a}} # {MARKER}\n", "behind a value"),
        (f"a: |\n  image: a:1 # {MARKER}\n", "behind a value"),
        (f"a: &x 1\nb: *x # {MARKER}\n", "behind a value"),
        (f"image: a:1 # now {MARKER}\n", "other text"),
        (f"- image: a:1 # {MARKER}\n", "a list"),
        (f"{{{{ if x }}}}\nimage: a:1 # {MARKER}\n", "no YAML"),
        ('image: a:1 # {"$imagepolicy": "api"}\n', "a marker is"),
        ('image: a:1 # {"$imagepolicy": "flux-system:api:sha"}\n', "a marker is"),
    ],
)
def test_markers_that_flux_passes_over(text: str, why: str) -> None:
    (written,) = flux(one=text).written
    assert why in (written.unread or "")


def test_a_line_that_is_commented_out_has_no_marker() -> None:
    assert flux(one=f"a: b\n# image: a:1 # {MARKER}\n").written == ()


def test_what_is_not_about_images_is_not_read() -> None:
    assert not concerns_flux(b"kind: Deployment\nimage: a:1\n")
    assert flux(one="kind: [\n") == Flux()
