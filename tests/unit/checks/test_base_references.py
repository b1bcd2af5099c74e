"""SW2xx: references to base images, wherever they stand, and the edits that align them."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from shipway.checks.facts import Facts
from shipway.checks.finding import Finding
from shipway.checks.fixes import mend
from shipway.checks.rules.sw206_base_platform import lacking, wanted_bases
from shipway.checks.runner import run_checks
from shipway.checks.selection import Selection
from shipway.fleet.builds import Builds
from shipway.fleet.load import load_fleet
from shipway.values import Platform

OLD = "old.example:5000/shop"
NEW = "ghcr.io/acme/shop"
FLEET = f"""\
registry: {NEW}
images:
  base: {{context: base, tag: "0.4.0"}}
  api: {{context: api}}
"""
FILES = {
    "shipway.yaml": FLEET,
    "base/Dockerfile": "FROM docker.io/library/alpine:3.20\n",
    "api/Dockerfile": f"FROM {NEW}/base:0.4.0\n",
}


class Repository:
    """A repository on disk, and what SW2xx find in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, files: dict[str, str]) -> Repository:
        for path, text in {**FILES, **files}.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode("utf-8", errors="surrogateescape"))
        return self

    def facts(self) -> Facts:
        builds = Builds()
        return Facts(load_fleet(self.root, builds=builds), builds, str(self.root))

    def find(self, rule: str = "SW2") -> list[Finding]:
        return list(run_checks(self.facts(), Selection(select=(rule,))).findings)

    def fix(self, *, unsafe: bool = False) -> set[str]:
        """Apply every fix of SW201 until nothing changes; the files that changed."""
        changed: set[str] = set()
        for _ in range(5):
            facts = self.facts()
            findings = run_checks(facts, Selection(select=("SW201",))).findings
            done = mend(findings, unsafe=unsafe, read=facts.data, dockerfiles=facts.dockerfiles)
            if not done.files:
                return changed
            changed |= set(done.files)
            for path, data in done.files.items():
                (self.root / path).write_bytes(data)
        raise AssertionError("fixes do not settle")

    def text(self, path: str) -> str:
        return (self.root / path).read_bytes().decode("utf-8", errors="surrogateescape")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


# --- where references stand ---------------------------------------------------------------------

LITERAL = {
    "from": ("api/Dockerfile", f"FROM --platform=$BUILDPLATFORM {OLD}/base:0.4.0 AS x # no comment\n"),
    "quoted from": ("api/Dockerfile", f'FROM "{OLD}/base:0.4.0"\n'),
    "unreachable stage": ("api/Dockerfile", f"FROM {OLD}/base:0.4.0 AS x\nFROM scratch\n"),
    "copy": ("api/Dockerfile", f"FROM scratch\nCOPY --chown=1 --from={OLD}/base:0.4.0 /a /b\n"),
    "mount": ("api/Dockerfile", f"FROM scratch\nRUN --mount=type=bind,from={OLD}/base,target=/m \\\n  x\n"),
    "continued": ("api/Dockerfile", f"FROM \\\n  # why\n  {OLD}/base:0.4.0\n"),
    "crlf and bom": ("api/Dockerfile", f"\ufeff# é\r\nFROM {OLD}/base:0.4.0\r\nRUN x\r\n"),
    "other Dockerfile": ("lib/tools.Dockerfile", f"FROM {OLD}/base:0.4.0\n"),
    "compose": ("compose.yaml", f"services:\n  x:\n    image: {OLD}/api:${{TAG:-1}} # é\n"),
    "compose quoted": ("compose.yaml", f"services: {{x: {{image: '{OLD}/api:1'}}}}\n"),
    "workflow tags": (
        ".github/workflows/ci.yml",
        "on: push\njobs:\n  a:\n    steps:\n      - uses: docker/build-push-action@v6\n        with:\n"
        f"          context: api\n          tags: |\n            {OLD}/api:${{{{ github.sha }}}}\n",
    ),
    "workflow run": (
        ".github/workflows/ci.yml",
        f"jobs:\n  a:\n    steps:\n      - run: |\n          # é\n          docker pull {OLD}/api:1\n",
    ),
    "workflow container": (".github/workflows/ci.yml", f"jobs: {{a: {{container: {OLD}/base:1}}}}\n"),
    "kubernetes": (
        "k8s/all.yaml",
        "kind: Service\n---\n# é\nkind: CronJob\nspec: {jobTemplate: {spec: {template: {spec:\n"
        f'  {{initContainers: [{{name: é, image: "{OLD}/base@sha256:aa"}}]}}}}}}}}}}\n',
    ),
    "yaml with crlf and bom": ("k8s/a.yaml", f"\ufeffimage: {OLD}/api:1 # é\r\na: b\r\n"),
    "anchored": ("k8s/all.yaml", f"a:\n  image: &it {OLD}/api:1\nb:\n  image: *it\n"),
    "helm values": ("chart/values.yaml", f"api:\n  repository: {OLD}/api\n  tag: 1\n"),
    "helm template": (
        "chart/templates/a.yaml",
        f"{{{{- if .x }}}}\n  - image: {OLD}/api:{{{{ .tag }}}}\n    image: {{{{ .y }}}}\n{{{{ end }}}}\n",
    ),
    "kustomize": ("k/kustomization.yaml", f"images:\n- name: app\n  newName: {OLD}/api\n"),
    "skaffold": ("skaffold.yaml", f"apiVersion: skaffold/v4\nbuild:\n  artifacts:\n  - image: {OLD}/api\n"),
}


@pytest.mark.parametrize("name", LITERAL)
def test_a_literal_reference_is_found_and_moved_by_its_prefix_alone(
    repository: Repository, name: str
) -> None:
    path, text = LITERAL[name]
    repository.write({path: text})
    found = [each for each in repository.find("SW201") if each.place.path == path]
    assert len(found) == 1
    assert found[0].severity == "error"
    place = found[0].place
    line = text.removeprefix("\ufeff").splitlines()[place.line - 1]
    assert line[place.column - 1 :].startswith(OLD)
    assert repository.fix() == {path}
    assert repository.text(path) == text.replace(OLD, NEW)
    assert repository.find("SW201") == []


VARIABLE = {
    "arg prefix": ("api/Dockerfile", f"ARG R={OLD}\nFROM ${{R}}/base:0.4.0\n"),
    "arg host": ("api/Dockerfile", f"ARG R={OLD}/\nFROM ${{R}}base:0.4.0\n"),
    "arg whole": ("api/Dockerfile", f'ARG B="{OLD}/base:0.4.0"\nFROM $B\n'),
    "arg of an arg": ("api/Dockerfile", f"ARG R={OLD}\nARG B=$R/base:1\nFROM $B\n"),
    "default in from": ("api/Dockerfile", f"ARG R\nFROM ${{R:-{OLD}}}/base:0.4.0\n"),
    "compose default": ("compose.yaml", f"services: {{x: {{image: '${{R:-{OLD}}}/api:1'}}}}\n"),
    "workflow variable": (
        ".github/workflows/ci.yml",
        f'env: {{R: "{OLD}"}}\njobs: {{a: {{steps: [{{run: "docker push ${{R}}/api:1"}}]}}}}\n',
    ),
    "env file": (".env", f"# {NEW}\nexport IMAGE='{OLD}/api:1' # x\nOTHER=1\n"),
}


@pytest.mark.parametrize("name", VARIABLE)
def test_the_value_of_a_variable_is_moved_only_when_that_is_asked_for(
    repository: Repository, name: str
) -> None:
    path, text = VARIABLE[name]
    repository.write({path: text})
    found = [each for each in repository.find("SW201") if each.place.path == path]
    assert [each.fix.applicability for each in found if each.fix] == ["unsafe"]
    assert repository.fix() == set()
    assert repository.fix(unsafe=True) == {path}
    assert repository.text(path) == text.replace(OLD, NEW)


def test_env_files_are_joined_with_the_variables_of_other_files(repository: Repository) -> None:
    compose = "services: {x: {image: '${R}/api:1'}, y: {image: '${R}/base:1'}}\n"
    repository.write({".env": f"R={OLD}\n", "compose.yaml": compose})
    assert repository.fix(unsafe=True) == {".env"}
    assert repository.text(".env") == f"R={NEW}\n"


def test_registry_and_repository_of_helm_are_moved_apart(repository: Repository) -> None:
    values = "image:\n  registry: old.example:5000\n  repository: shop/api\n  tag: 1\n"
    repository.write({"chart/values.yaml": values})
    repository.fix()
    assert repository.text("chart/values.yaml") == values.replace("old.example:5000", "ghcr.io").replace(
        "shop/api", "acme/shop/api"
    )


@pytest.mark.parametrize(
    "text",
    [
        "ARG H=old.example:5000\nARG N=shop\nFROM $H/$N/base:1\n",
        f"ARG R={OLD}\nFROM $R/base:1\nFROM $R/foreign:1\n",
    ],
    ids=["put together from two", "before a foreign image too"],
)
def test_an_arg_that_stands_for_more_than_the_prefix_is_told_but_not_edited(
    repository: Repository, text: str
) -> None:
    repository.write({"api/Dockerfile": text})
    assert [each.fix for each in repository.find("SW201")] == [None]
    assert repository.fix(unsafe=True) == set()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("api/Dockerfile", f"FROM scratch\nRUN <<EOF\ndocker pull {OLD}/base:1\nEOF\nRUN pull {OLD}/base\n"),
        ("api/Dockerfile", f"# FROM {OLD}/base:1\nFROM scratch AS base\nFROM base\nCOPY --from=base / /\n"),
        ("compose.yaml", "services: {x: {image: redis}, y: {image: api}}\n"),
        ("k8s/a.yaml", f"description: |\n  image: {OLD}/api:1\n"),
        ("k8s/a.yaml", "image: quay.io/other/api:1\n"),
        ("k8s/a.yaml", f"image: {NEW}/api:1\n"),
        (".github/workflows/ci.yml", f"jobs: {{a: {{steps: [{{run: 'cp {OLD}/api x'}}]}}}}\n"),
    ],
)
def test_what_is_no_reference_to_an_image_of_the_fleet_is_left_alone(
    repository: Repository, path: str, text: str
) -> None:
    assert repository.write({path: text}).find("SW201") == []


def test_files_that_cannot_be_read_are_problems_and_the_others_are_still_read(repository: Repository) -> None:
    repository.write({"k8s/a.yaml": f"image: {OLD}/api\n\t- [", "k8s/b.yaml": f"image: {OLD}/api\n"})
    facts = repository.facts()
    assert [problem.place.path for problem in facts.references.problems] == ["k8s/a.yaml"]
    assert [each.place.path for each in repository.find("SW034")] == ["k8s/a.yaml"]
    assert [each.place.path for each in repository.find("SW201")] == ["k8s/b.yaml"]


def test_a_file_that_discovery_could_not_read_either_is_told_once(repository: Repository) -> None:
    repository.write({"compose.yaml": f"services: {{api: {{image: {OLD}/api}}\n\t- ["})
    (repository.root / "shipway.yaml").unlink()
    assert [each.place.path for each in repository.find("SW002")] == ["compose.yaml"]
    assert repository.find("SW034") == []


# --- what is canonical --------------------------------------------------------------------------


def test_an_alias_makes_moving_a_variable_safe(repository: Repository) -> None:
    policy = f"policies: {{bases: {{aliases: ['{OLD}']}}}}\n"
    repository.write(
        {"shipway.yaml": FLEET + policy, "api/Dockerfile": f"ARG R={OLD}\nFROM $R/base:0.4.0\nFROM $R/any\n"}
    )
    assert repository.fix() == {"api/Dockerfile"}
    assert repository.text("api/Dockerfile").startswith(f"ARG R={NEW}\n")


def test_a_mirror_that_is_allowed_has_not_drifted(repository: Repository) -> None:
    policy = f"policies: {{bases: {{allow: ['{OLD}', docker.io/library/*]}}}}\n"
    files = {"shipway.yaml": FLEET + policy, "compose.yaml": f"services: {{x: {{image: {OLD}/api:1}}}}\n"}
    assert repository.write(files).find("SW201") == []


def test_the_upstream_of_an_image_is_not_the_image(repository: Repository) -> None:
    repository.write({"api/Dockerfile": "FROM other.example/api:1\n"})
    assert repository.find("SW201") == []


def test_without_a_fleet_file_the_majority_tells_and_says_so(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    for name, base in (
        ("base", "alpine"),
        ("a", f"{NEW}/base:1"),
        ("b", f"{NEW}/base:1"),
        ("c", f"{OLD}/base:1"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(f"FROM {base}\n")
    found = repository.find("SW201")
    assert [(each.place.path, each.severity) for each in found] == [("c/Dockerfile", "warning")]
    assert found[0].cause == f"most references to images of the fleet begin with {NEW}"
    (tmp_path / "b" / "Dockerfile").write_text("FROM scratch\n")
    assert repository.find("SW201") == [], "a tie tells nothing"


# --- the other rules ----------------------------------------------------------------------------


def one(repository: Repository, rule: str) -> Finding:
    found = repository.find(rule)
    assert len(found) == 1, found
    return found[0]


def test_an_internal_base_that_nobody_publishes_names_the_nearest_image(repository: Repository) -> None:
    repository.write({"api/Dockerfile": f"FROM {NEW}/bse:0.4.0\n"})
    found = one(repository, "SW202")
    assert (found.severity, found.image, found.help) == ("error", "api", "did you mean `base`?")
    assert (found.place.line, found.place.column) == (1, 6)
    repository.write({"api/Dockerfile": f"FROM {NEW}/base:0.4.0\nFROM docker.io/library/alpine:3\n"})
    assert repository.find("SW202") == []


def test_one_reference_from_two_dockerfiles_is_told_at_the_later_one(repository: Repository) -> None:
    compose = (
        f"services:\n  x: {{build: one, image: '{NEW}/x:1'}}\n  y: {{build: two, image: '{NEW}/x:1'}}\n"
        "  z: {build: two, image: local}\n"
    )
    files = {"compose.yaml": compose, "one/Dockerfile": "FROM scratch\n", "two/Dockerfile": "FROM scratch\n"}
    repository.write({**files, "shipway.yaml": f"registry: {NEW}\n"})
    same = {
        each.place.line for each in run_checks(repository.facts()).findings if each.rule in ("SW006", "SW203")
    }
    assert same == {3}
    other = compose.replace("two, image: 'ghcr.io/acme/shop/x:1'", "one, image: 'ghcr.io/acme/shop/x:1'")
    assert repository.write({"compose.yaml": other, "shipway.yaml": f"registry: {NEW}\n"}).find("SW203") == []


@pytest.mark.parametrize(
    ("base", "found"),
    [("node", 1), ("node:latest", 1), ("node:22", 0), (f"node@sha256:{'a' * 64}", 0), ("scratch", 0)],
)
def test_a_base_without_a_version_is_a_warning(repository: Repository, base: str, found: int) -> None:
    repository.write({"api/Dockerfile": f"FROM {base}\n"})
    assert [each.severity for each in repository.find("SW204")] == ["warning"] * found


def test_policies_grade_latest_and_unpinned(repository: Repository) -> None:
    policy = "policies: {bases: {latest: error, unpinned: info}}\n"
    repository.write({"api/Dockerfile": "FROM node\n"})
    assert repository.find("SW205") == []
    repository.write({"api/Dockerfile": "FROM node\n", "shipway.yaml": FLEET + policy})
    assert one(repository, "SW204").severity == "error"
    assert {each.severity for each in repository.find("SW205")} == {"info"}
    repository.write(
        {"shipway.yaml": FLEET + policy.replace("error", "off"), "api/Dockerfile": "FROM node\n"}
    )
    assert repository.find("SW204") == []


PLATFORMS = f"""\
registry: {NEW}
images:
  base: {{context: base, platforms: [linux/amd64]}}
  api: {{context: api, platforms: [linux/amd64, linux/arm64]}}
"""


def test_a_base_of_the_fleet_that_lacks_a_platform_is_an_error(repository: Repository) -> None:
    repository.write({"shipway.yaml": PLATFORMS})
    found = one(repository, "SW206")
    assert found.message == f"the base {NEW}/base:0.4.0 is not there for linux/arm64"
    repository.write(
        {"shipway.yaml": PLATFORMS, "api/Dockerfile": f"FROM --platform=$BUILDPLATFORM {NEW}/base:0.4.0\n"}
    )
    assert repository.find("SW206") == []


def test_whoever_looks_into_registries_learns_what_is_wanted_of_external_bases(
    repository: Repository,
) -> None:
    repository.write({"shipway.yaml": PLATFORMS, "api/Dockerfile": "FROM node:22\n"})
    wanted = {str(each.base.reference): each for each in wanted_bases(repository.facts())}
    node = wanted["docker.io/library/node:22"]
    assert [str(each) for each in node.platforms] == ["linux/amd64", "linux/arm64"]
    amd64, arm64 = Platform("linux", "amd64"), Platform("linux", "arm64")
    assert lacking(node, [amd64, arm64], "docker.io") is None
    assert cast(Finding, lacking(node, [amd64], "docker.io")).cause == "docker.io has it for linux/amd64"


def test_the_allow_list_names_whole_repositories(repository: Repository) -> None:
    policy = "policies: {bases: {allow: [docker.io/library/*, gcr.io/distroless]}}\n"
    bases = ["alpine:3", "gcr.io/distroless/static:1", "gcr.io/distroless-evil/x:1", "bitnami/redis:7"]
    text = "".join(f"FROM {base} AS s{n}\n" for n, base in enumerate(bases))
    copies = "".join(f"COPY --from=s{n} / /\n" for n in range(len(bases)))
    repository.write({"shipway.yaml": FLEET + policy, "api/Dockerfile": f"{text}FROM {NEW}/base\n{copies}"})
    assert [each.subject for each in repository.find("SW207")] == bases[2:]


def test_a_from_that_expands_to_nothing_names_its_variable(repository: Repository) -> None:
    repository.write({"api/Dockerfile": "ARG V\nFROM python:${V}\n"})
    found = one(repository, "SW209")
    assert (found.severity, found.subject) == ("error", "python:${V}")
    assert found.help == "write ARG V=… before the first FROM, or pass the build arg"
    args = FLEET.replace("context: api", "context: api, args: {V: 3}")
    repository.write({"api/Dockerfile": "ARG V\nFROM python:${V}\n", "shipway.yaml": args})
    assert repository.find("SW209") == []


def test_args_from_the_environment_may_have_a_value(repository: Repository) -> None:
    args = FLEET.replace("context: api", "context: api, args: [V]")
    repository.write({"api/Dockerfile": "ARG V\nFROM python:${V}\n", "shipway.yaml": args})
    assert repository.find("SW209") == []


def test_a_tag_that_the_fleet_does_not_deliver_is_told(repository: Repository) -> None:
    repository.write({"api/Dockerfile": f"FROM {NEW}/base:0.3.0\n"})
    found = one(repository, "SW210")
    assert found.help == f"write {NEW}/base:0.4.0"
    assert found.fix is not None
    assert found.fix.edits[0].text == "0.4.0"
    data = (repository.root / "api/Dockerfile").read_bytes()
    assert data[found.fix.edits[0].start : found.fix.edits[0].end] == b"0.3.0"
    repository.write({"api/Dockerfile": f"ARG V=0.3.0\nFROM {NEW}/base:$V\n"})
    assert repository.find("SW210") == []


def test_upper_case_is_mended_in_lower_case(repository: Repository) -> None:
    repository.write({"api/Dockerfile": "FROM ghcr.io/Acme/Tool:V1\n"})
    found = one(repository, "SW211")
    assert found.fix is not None
    assert found.fix.edits[0].text == "ghcr.io/acme/tool:V1"
    broken = {each.rule for each in run_checks(repository.facts()).findings if each.severity == "error"}
    assert "SW111" not in broken, "one thing is told once"
