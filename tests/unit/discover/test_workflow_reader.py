"""Workflows give the images that their jobs would build, and name what the files do not tell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent, indent

import pytest

from shipway.fleet.discover.workflows import WorkflowReader
from shipway.fleet.model import Declaration, Problem, Reading
from shipway.fleet.tree import FileTree
from shipway.place import Place
from shipway.values import Platform

WORKFLOW = ".github/workflows/build.yml"
READER = WorkflowReader()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clone of acme/shop with a few Dockerfiles."""
    for path in ("Dockerfile", "api/Dockerfile", "web/Dockerfile", "web/Dockerfile.dev", "ci/Containerfile"):
        write(tmp_path, {path: "FROM scratch\n"})
    write(tmp_path, {".git/config": '[core]\n[remote "origin"]\n\turl = git@github.com:acme/shop.git\n'})
    return tmp_path


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))


def read(root: Path, files: Mapping[str, str]) -> Reading:
    write(root, files)
    tree = FileTree(root)
    return READER.read(READER.finds(tree), tree)


def job(steps: str, head: str = "") -> str:
    """A workflow with one job of these steps."""
    body = indent(dedent(head).strip("\n"), "    ")
    listed = indent(dedent(steps).strip("\n"), "    ")
    return f"on: push\njobs:\n  build:\n{body}\n    steps:\n{listed}\n"


def read_job(root: Path, steps: str, head: str = "") -> Reading:
    return read(root, {WORKFLOW: job(steps, head)})


def only(reading: Reading) -> Declaration:
    assert len(reading.declarations) == 1, reading
    return reading.declarations[0]


def kinds(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.kind for problem in problems]


# --- docker/build-push-action -----------------------------------------------------------------


def test_a_build_step_tells_everything_with_its_place(repository: Path) -> None:
    reading = read(
        repository,
        {
            WORKFLOW: """\
            on: push
            jobs:
              api:
                steps:
                - name: Build
                  uses: docker/build-push-action@v7
                  with:
                    context: ./api
                    file: web/Dockerfile.dev
                    target: run
                    build-args: |
                      A=1
                      B=two words
                    build-contexts: base=./web
                    platforms: linux/amd64, linux/arm64/v8
                    tags: |
                      ghcr.io/acme/api:1
                      acme/api:latest
                    labels: a=b
                    secret-files: npm=./.npmrc
                    secrets: "token=${{ secrets.TOKEN }}"
                    ssh: default
                    cache-from: type=gha,scope=api
                    cache-to: type=gha,mode=max
            """
        },
    )
    found = only(reading)
    inputs = found.inputs
    assert (found.kind, found.name, found.place) == ("workflow", "api", Place(WORKFLOW, 5, 7))
    assert (inputs.context, inputs.dockerfile, inputs.target) == ("api", "web/Dockerfile.dev", "run")
    assert dict(inputs.args) == {"A": "1", "B": "two words"}
    assert dict(inputs.contexts) == {"base": "web"}
    assert inputs.platforms == (Platform("linux", "amd64"), Platform("linux", "arm64"))
    assert found.references == ("ghcr.io/acme/api:1", "acme/api:latest")
    assert dict(inputs.labels) == {"a": "b"}
    assert inputs.secrets == ("id=token", "id=npm,src=.npmrc")
    assert inputs.ssh == ("default",)
    assert (inputs.cache_from, inputs.cache_to) == (("type=gha,scope=api",), ("type=gha,mode=max",))
    lines = {
        name: found.place_of(name).line
        for name in ("context", "dockerfile", "target", "args.B", "references")
    }
    assert lines == {"context": 8, "dockerfile": 9, "target": 10, "args.B": 13, "references": 17}
    assert reading.problems == ()


def test_a_build_step_without_inputs_builds_the_repository(repository: Path) -> None:
    found = only(read_job(repository, "- uses: docker/build-push-action@0123abc"))
    assert (found.inputs.context, found.inputs.dockerfile, found.name) == (".", "Dockerfile", "build")


def test_the_default_dockerfile_lies_in_the_context(repository: Path) -> None:
    found = only(read_job(repository, "- uses: docker/build-push-action@v7\n  with: {context: api}"))
    assert (found.inputs.dockerfile, found.name) == ("api/Dockerfile", "api")


def test_a_directory_of_the_default_context_is_one_of_the_repository(repository: Path) -> None:
    step = """
    - uses: docker/build-push-action@v7
      with: {context: "{{ defaultContext }}:web", file: Dockerfile.dev}
    """
    found = only(read_job(repository, step))
    assert (found.inputs.context, found.inputs.dockerfile) == ("web", "web/Dockerfile.dev")


def test_a_remote_context_stays_as_it_is(repository: Path) -> None:
    step = '- uses: docker/build-push-action@v7\n  with: {context: "https://github.com/acme/x.git#main:sub"}'
    reading = read_job(repository, step)
    assert only(reading).inputs.context == "https://github.com/acme/x.git#main:sub"
    assert reading.problems == ()


def test_a_secret_in_a_build_argument_is_marked_and_not_kept(repository: Path) -> None:
    step = '- uses: docker/build-push-action@v7\n  with: {build-args: "KEY=${{ secrets.KEY }}"}'
    reading = read_job(repository, step)
    assert dict(only(reading).inputs.args) == {"KEY": None}
    assert only(reading).inputs.secret_args == {"KEY"}
    assert kinds(reading.problems) == ["unresolved-expression"]


def test_the_repository_of_an_unknown_tag_is_kept(repository: Path) -> None:
    step = """
    - uses: docker/build-push-action@v7
      with: {tags: "ghcr.io/${{ github.repository }}/api:${{ github.sha }}"}
    """
    reading = read_job(repository, step)
    assert only(reading).references == ("ghcr.io/acme/shop/api",)
    assert kinds(reading.problems) == ["unresolved-tag"]
    assert "github.sha" in reading.problems[0].message


def test_an_unknown_repository_is_left_out_and_named(repository: Path) -> None:
    step = '- uses: docker/build-push-action@v7\n  with: {context: web, tags: "${{ vars.REGISTRY }}/api:1"}'
    reading = read_job(repository, step)
    assert (only(reading).references, only(reading).name) == ((), "web")
    assert kinds(reading.problems) == ["unresolved-expression"]
    assert "vars.REGISTRY" in reading.problems[0].message
    assert reading.problems[0].place.line == 7


@pytest.mark.parametrize("field", ["context", "file", "target"])
def test_a_build_whose_inputs_are_unknown_is_not_listed_but_named(repository: Path, field: str) -> None:
    step = f'- uses: docker/build-push-action@v7\n  with: {{{field}: "x-${{{{ github.ref_name }}}}"}}'
    reading = read_job(repository, step)
    assert reading.declarations == ()
    assert kinds(reading.problems) == ["unresolved-expression"]
    assert "not listed" in reading.problems[0].message


def test_a_tag_that_no_registry_takes_is_a_problem(repository: Path) -> None:
    reading = read_job(repository, "- uses: docker/build-push-action@v7\n  with: {tags: ghcr.io/Acme/Api}")
    assert only(reading).references == ()
    assert kinds(reading.problems) == ["invalid-reference"]


def test_a_missing_dockerfile_is_told_and_the_build_still_listed(repository: Path) -> None:
    reading = read_job(repository, "- uses: docker/build-push-action@v7\n  with: {file: gone/Dockerfile}")
    assert only(reading).inputs.dockerfile == "gone/Dockerfile"
    assert kinds(reading.problems) == ["missing-dockerfile"]


@pytest.mark.parametrize(
    "step",
    [
        "run: sed s/a/b/ Dockerfile > gone/Dockerfile",
        "run: git clone https://example.com/x gone",
        "{uses: actions/checkout@v6, with: {repository: acme/other, path: gone}}",
        "uses: actions/download-artifact@v5",
    ],
)
def test_a_dockerfile_that_an_earlier_step_may_make_is_not_missing(repository: Path, step: str) -> None:
    build = "- uses: docker/build-push-action@v7\n  with: {file: gone/Dockerfile}"
    assert read_job(repository, f"- {step}\n{build}").problems == ()
    assert kinds(read_job(repository, f"{build}\n- {step}").problems) == ["missing-dockerfile"]


def test_a_build_that_writes_a_log_does_not_make_its_own_dockerfile(repository: Path) -> None:
    steps = "- run: |\n    echo start\n    docker build -f gone/Dockerfile . > gone.log"
    assert kinds(read_job(repository, steps).problems) == ["missing-dockerfile"]


def test_an_earlier_line_of_the_script_may_make_the_dockerfile(repository: Path) -> None:
    steps = "- run: |\n    generate > gone/Dockerfile\n    docker build -f gone/Dockerfile ."
    assert read_job(repository, steps).problems == ()


def test_a_checkout_below_the_workspace_moves_the_paths(repository: Path) -> None:
    steps = """
    - {uses: actions/checkout@v6, with: {path: src}}
    - {uses: docker/build-push-action@v7, with: {context: src/api}}
    """
    assert only(read_job(repository, steps)).inputs.dockerfile == "api/Dockerfile"


def test_a_step_or_job_that_is_switched_off_builds_nothing(repository: Path) -> None:
    step = "- {uses: docker/build-push-action@v7, if: false}"
    assert read_job(repository, step).declarations == ()
    assert read_job(repository, "- uses: docker/build-push-action@v7", "if: ${{ false }}").declarations == ()


def test_a_condition_on_the_event_does_not_hide_a_build(repository: Path) -> None:
    step = (
        "- {uses: docker/build-push-action@v7, if: github.event_name == 'push' && github.repository == 'a/b'}"
    )
    only(read_job(repository, step))


def test_a_condition_on_the_matrix_chooses_the_legs_of_a_step(repository: Path) -> None:
    steps = """
    - uses: docker/build-push-action@v7
      if: matrix.image == 'api'
      with: {context: api, tags: "acme/${{ matrix.image }}"}
    """
    found = only(read_job(repository, steps, "strategy: {matrix: {image: [api, web]}}"))
    assert found.references == ("acme/api",)


# --- tags from docker/metadata-action ---------------------------------------------------------


def test_metadata_gives_its_images_with_literal_tags(repository: Path) -> None:
    steps = """
    - id: meta
      uses: docker/metadata-action@v6
      with:
        images: |
          ghcr.io/${{ github.repository_owner }}/API
          name=acme/off,enable=false
        flavor: suffix=-slim
        tags: |
          type=semver,pattern={{version}}
          type=raw,value=edge
          type=raw,value=never,enable=false
    - uses: docker/build-push-action@v7
      with:
        tags: ${{ steps.meta.outputs.tags }}
        labels: ${{ steps.meta.outputs.labels }}
    """
    reading = read_job(repository, steps)
    assert only(reading).references == ("ghcr.io/acme/api", "ghcr.io/acme/api:edge-slim")
    assert reading.problems == ()


def test_metadata_with_literal_tags_alone_gives_no_bare_image(repository: Path) -> None:
    steps = """
    - {id: m, uses: docker/metadata-action@v6, with: {images: acme/api, tags: "latest"}}
    - {uses: docker/build-push-action@v7, with: {tags: "${{ steps.m.outputs.tags }}"}}
    """
    assert only(read_job(repository, steps)).references == ("acme/api:latest",)


def test_an_image_output_by_digest_names_the_image(repository: Path) -> None:
    step = """
    - uses: docker/build-push-action@v7
      with:
        outputs: type=image,name=ghcr.io/acme/api,push-by-digest=true,push=true
    """
    assert only(read_job(repository, step)).references == ("ghcr.io/acme/api",)


# --- matrices and jobs ------------------------------------------------------------------------


def test_each_leg_of_a_matrix_is_an_image(repository: Path) -> None:
    step = """
    - uses: docker/build-push-action@v7
      with: {context: "${{ matrix.service.dir }}", tags: "acme/${{ matrix.service.name }}:1"}
    """
    head = """
    strategy:
      matrix:
        service: [{name: one, dir: api}, {name: two, dir: web}]
    """
    found = read_job(repository, step, head).declarations
    assert [(each.name, each.inputs.context) for each in found] == [("one", "api"), ("two", "web")]


def test_legs_that_differ_in_platform_alone_are_one_image(repository: Path) -> None:
    step = """
    - uses: docker/build-push-action@v7
      with:
        platforms: ${{ matrix.platform }}
        tags: acme/api:1-${{ matrix.arch }}
        cache-to: type=gha,scope=${{ matrix.arch }}
    """
    head = """
    runs-on: ${{ matrix.runner }}
    strategy:
      matrix:
        include:
          - {runner: one, platform: linux/amd64, arch: amd64}
          - {runner: two, platform: linux/arm64, arch: arm64}
    """
    found = only(read_job(repository, step, head))
    assert found.inputs.platforms == (Platform("linux", "amd64"), Platform("linux", "arm64"))
    assert found.references == ("acme/api:1-amd64", "acme/api:1-arm64")
    assert found.inputs.cache_to == ("type=gha,scope=amd64", "type=gha,scope=arm64")


def test_legs_for_other_platforms_under_other_names_stay_apart(repository: Path) -> None:
    step = """
    - uses: docker/build-push-action@v7
      with: {platforms: "linux/${{ matrix.arch }}", tags: "acme/api-${{ matrix.arch }}", push: true}
    """
    found = read_job(repository, step, "strategy: {matrix: {arch: [amd64, arm64]}}").declarations
    assert [each.name for each in found] == ["api-amd64", "api-arm64"]


def test_images_that_share_a_repository_are_named_by_what_they_build(repository: Path) -> None:
    step = """
    - uses: docker/build-push-action@v7
      with: {context: "${{ matrix.name }}", tags: "acme/demo:1-${{ matrix.name }}"}
    """
    found = read_job(repository, step, "strategy: {matrix: {name: [api, web]}}").declarations
    assert [each.name for each in found] == ["api", "web"]


def test_a_test_build_and_the_push_of_one_job_are_one_image(repository: Path) -> None:
    steps = """
    - {uses: docker/build-push-action@v7, with: {context: api, load: true, tags: local-test}}
    - {uses: docker/build-push-action@v7, with: {context: api, push: true, tags: ghcr.io/acme/api:1}}
    """
    found = only(read_job(repository, steps))
    assert (found.name, found.references) == ("api", ("ghcr.io/acme/api:1", "local-test"))


def test_an_unknown_matrix_is_named_with_the_build_it_hides(repository: Path) -> None:
    step = "- {uses: docker/build-push-action@v7, with: {context: '${{ matrix.dir }}'}}"
    head = "strategy: {matrix: {dir: '${{ fromJSON(needs.plan.outputs.dirs) }}'}}"
    reading = read_job(repository, step, head)
    assert reading.declarations == ()
    assert sorted(kinds(reading.problems)) == ["unresolved-expression", "unresolved-matrix"]


def test_an_unknown_matrix_of_a_job_that_builds_nothing_does_not_matter(repository: Path) -> None:
    head = "strategy: {matrix: '${{ fromJSON(needs.plan.outputs.matrix) }}'}"
    assert read_job(repository, "- run: make test", head).problems == ()


def test_outputs_of_another_job_are_followed(repository: Path) -> None:
    reading = read(
        repository,
        {
            WORKFLOW: """\
            on: push
            env: {REGISTRY: ghcr.io}
            jobs:
              build:
                needs: plan
                strategy: {matrix: {dir: "${{ fromJSON(needs.plan.outputs.dirs) }}"}}
                steps:
                - uses: docker/build-push-action@v7
                  with: {context: "${{ matrix.dir }}", tags: "${{ env.REGISTRY }}/acme/${{ matrix.dir }}"}
              plan:
                outputs: {dirs: "${{ steps.list.outputs.dirs }}"}
                steps:
                - id: list
                  run: echo 'dirs=["api", "web"]' >> "$GITHUB_OUTPUT"
            """
        },
    )
    assert [each.references for each in reading.declarations] == [
        ("ghcr.io/acme/api",),
        ("ghcr.io/acme/web",),
    ]
    assert reading.problems == ()


def test_jobs_that_need_each_other_end(repository: Path) -> None:
    text = "on: push\njobs:\n  a: {needs: b, steps: []}\n  b: {needs: [a], steps: []}\n"
    assert read(repository, {WORKFLOW: text}) == Reading()


def test_without_a_remote_the_repository_is_unknown(tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": "FROM scratch\n"})
    step = '- uses: docker/build-push-action@v7\n  with: {tags: "ghcr.io/${{ github.repository }}:1"}'
    reading = read_job(tmp_path, step)
    assert only(reading).references == ()
    assert "github.repository" in reading.problems[0].message


# --- scripts ----------------------------------------------------------------------------------


def test_a_build_command_is_found_with_its_line_and_directory(repository: Path) -> None:
    steps = """
    - run: |
        echo start
        docker build \\
          -f Dockerfile.dev -t "$IMAGE:$GITHUB_SHA" --build-arg V=${{ env.V }} ../web
      working-directory: web
      env: {IMAGE: ghcr.io/acme/web, V: 2}
    """
    reading = read_job(repository, steps)
    found = only(reading)
    assert found.place == Place(WORKFLOW, 8)
    assert (found.inputs.context, found.inputs.dockerfile) == ("web", "web/Dockerfile.dev")
    assert (found.references, dict(found.inputs.args)) == (("ghcr.io/acme/web",), {"V": "2"})
    assert kinds(reading.problems) == ["unresolved-tag"]


def test_the_environment_of_workflow_job_and_step_reaches_a_script(repository: Path) -> None:
    text = """\
    on: push
    env: {REGISTRY: ghcr.io, NAME: wrong}
    defaults: {run: {working-directory: api}}
    jobs:
      build:
        env: {NAME: api}
        steps:
        - run: echo "TAG=7" >> $GITHUB_ENV
        - run: cd .. && docker build -t $REGISTRY/$GITHUB_REPOSITORY/$NAME:$TAG "${GITHUB_WORKSPACE}/api"
    """
    found = only(read(repository, {WORKFLOW: text}))
    assert (found.references, found.inputs.context) == (("ghcr.io/acme/shop/api:7",), "api")


def test_a_loop_over_images_builds_each(repository: Path) -> None:
    step = "- run: for s in api web; do docker build -t acme/$s:1 $s; done"
    found = read_job(repository, step).declarations
    assert [(each.name, each.inputs.dockerfile) for each in found] == [
        ("api", "api/Dockerfile"),
        ("web", "web/Dockerfile"),
    ]


def test_podman_prefers_a_containerfile(repository: Path) -> None:
    assert only(read_job(repository, "- run: podman build ci")).inputs.dockerfile == "ci/Containerfile"


def test_a_here_document_is_an_inline_dockerfile(repository: Path) -> None:
    step = "- run: |\n    docker build -t acme/tool - <<EOF\n    FROM scratch\n    EOF"
    inputs = only(read_job(repository, step)).inputs
    assert (inputs.inline, inputs.dockerfile, inputs.context) == ("FROM scratch\n", WORKFLOW, "-")


def test_scripts_of_other_languages_are_not_read_as_shell(repository: Path) -> None:
    assert read_job(repository, "- {run: docker build ., shell: python}").declarations == ()


# --- calls ------------------------------------------------------------------------------------

CALLED = ".github/workflows/image.yml"
CALLED_TEXT = """\
on:
  workflow_call:
    inputs:
      name: {required: true, type: string}
      registry: {default: ghcr.io, type: string}
jobs:
  image:
    steps:
    - uses: docker/build-push-action@v7
      with:
        context: ${{ inputs.name }}
        tags: ${{ inputs.registry }}/acme/${{ inputs.name }}:1
"""


def test_a_reusable_workflow_is_read_through_its_callers(repository: Path) -> None:
    caller = """\
    on: push
    jobs:
      one: {uses: ./.github/workflows/image.yml, with: {name: api}}
      two:
        strategy: {matrix: {name: [web]}}
        uses: ./.github/workflows/image.yml
        with: {name: "${{ matrix.name }}", registry: quay.io}
    """
    reading = read(repository, {WORKFLOW: caller, CALLED: CALLED_TEXT})
    assert [each.references for each in reading.declarations] == [
        ("ghcr.io/acme/api:1",),
        ("quay.io/acme/web:1",),
    ]
    assert {each.place.path for each in reading.declarations} == {CALLED}
    assert reading.problems == ()


def test_callers_that_build_the_same_are_one_image(repository: Path) -> None:
    caller = """\
    on: push
    jobs:
      one: {uses: ./.github/workflows/image.yml, with: {name: api}}
      two: {uses: ./.github/workflows/image.yml, with: {name: api, registry: quay.io}}
    """
    found = only(read(repository, {WORKFLOW: caller, CALLED: CALLED_TEXT}))
    assert found.references == ("ghcr.io/acme/api:1", "quay.io/acme/api:1")


def test_a_reusable_workflow_without_callers_is_read_with_its_defaults(repository: Path) -> None:
    reading = read(repository, {CALLED: CALLED_TEXT})
    assert reading.declarations == ()
    assert "inputs.name" in reading.problems[0].message


def test_an_input_that_a_caller_leaves_out_is_empty(repository: Path) -> None:
    called = CALLED_TEXT.replace("required: true, type: string", "type: string").replace(
        "${{ inputs.name }}", "api${{ inputs.name }}"
    )
    caller = "on: push\njobs:\n  one: {uses: ./.github/workflows/image.yml}\n"
    assert only(read(repository, {WORKFLOW: caller, CALLED: called})).inputs.context == "api"


def test_a_composite_action_is_read_with_the_inputs_of_its_step(repository: Path) -> None:
    action = """\
    inputs:
      dir: {default: web}
      image: {required: true}
    outputs:
      image: {value: "${{ steps.name.outputs.it }}"}
    runs:
      using: composite
      steps:
      - {id: name, shell: bash, run: "echo it=${{ inputs.image }} >> $GITHUB_OUTPUT"}
      - uses: docker/build-push-action@v7
        with: {context: "${{ inputs.dir }}", tags: "${{ inputs.image }}:1"}
    """
    steps = """
    - {id: a, uses: ./.github/actions/build, with: {image: acme/site}}
    - run: docker build -t ${{ steps.a.outputs.image }}-extra api
    """
    reading = read(repository, {WORKFLOW: job(steps), ".github/actions/build/action.yml": action})
    assert [(each.name, each.inputs.context) for each in reading.declarations] == [
        ("site", "web"),
        ("site-extra", "api"),
    ]
    assert reading.declarations[0].place.path == ".github/actions/build/action.yml"


def test_an_action_that_several_jobs_use_alike_gives_one_image(repository: Path) -> None:
    action = "runs: {using: composite, steps: [{uses: docker/build-push-action@v7, with: {context: api}}]}"
    job_text = "{steps: [{uses: ./.github/actions/x}]}"
    text = f"on: push\njobs:\n  a: {job_text}\n  b: {job_text}\n"
    only(read(repository, {WORKFLOW: text, ".github/actions/x/action.yml": action}))


def test_workflows_that_call_each_other_without_end_are_named(repository: Path) -> None:
    text = "on: {push: , workflow_call: }\njobs:\n  again: {uses: ./.github/workflows/build.yml}\n"
    reading = read(repository, {WORKFLOW: text})
    assert kinds(reading.problems) == ["unresolved-call"]


def test_a_call_of_what_is_not_there_is_named(repository: Path) -> None:
    text = "on: push\njobs:\n  a: {uses: ./.github/workflows/gone.yml}\n  b: {steps: [{uses: ./gone}]}\n"
    assert kinds(read(repository, {WORKFLOW: text}).problems) == ["missing-workflow", "missing-action"]


@pytest.mark.parametrize(
    "step",
    [
        "{uses: acme/build-and-push-image@v1}",
        "{uses: acme/thing@v1, with: {dockerfile: Dockerfile}}",
    ],
)
def test_a_build_that_another_repository_declares_is_named(repository: Path, step: str) -> None:
    assert kinds(read_job(repository, f"- {step}").problems) == ["remote-build"]


@pytest.mark.parametrize(
    "uses",
    ["actions/checkout@v6", "docker/setup-buildx-action@v4", "docker/login-action@v4", "acme/deploy@v1"],
)
def test_other_actions_are_passed_over(repository: Path, uses: str) -> None:
    assert read_job(repository, f"- uses: {uses}") == Reading()


def test_a_linter_of_dockerfiles_is_no_build(repository: Path) -> None:
    assert read_job(repository, "- {uses: acme/hadolint@v3, with: {dockerfile: Dockerfile}}") == Reading()


# --- bake, files, structure -------------------------------------------------------------------


def test_a_bake_file_is_left_to_its_reader_and_missed_when_it_is_not_there(repository: Path) -> None:
    write(repository, {"ci/bake.hcl": ""})
    steps = """
    - {uses: docker/bake-action@v7, with: {workdir: ci, files: "bake.hcl,gone.hcl"}}
    - run: docker buildx bake -f ci/bake.hcl
    """
    reading = read_job(repository, steps)
    assert reading.declarations == ()
    assert [(each.kind, each.message) for each in reading.problems] == [
        ("missing-bake-file", "there is no bake file ci/gone.hcl")
    ]


def test_a_bake_step_without_files_needs_one_of_the_default_names(repository: Path) -> None:
    assert kinds(read_job(repository, "- uses: docker/bake-action@v7").problems) == ["missing-bake-file"]
    write(repository, {"docker-bake.hcl": ""})
    assert read_job(repository, "- uses: docker/bake-action@v7").problems == ()


def test_a_file_that_cannot_be_parsed_does_not_hide_the_others(repository: Path) -> None:
    reading = read(
        repository,
        {".github/workflows/bad.yml": "a: [", WORKFLOW: job("- uses: docker/build-push-action@v7")},
    )
    only(reading)
    assert kinds(reading.problems) == ["unreadable-file"]
    assert reading.problems[0].place.path == ".github/workflows/bad.yml"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "jobs: 1",
        "jobs: {a: 1}",
        "jobs: {a: {steps: 1}}",
        "jobs: {a: {steps: [1, [], {run: []}, {run: {}}, {uses: []}]}}",
        "jobs: {a: {steps: [{uses: docker/build-push-action@v1, with: 1}]}}",
        "jobs: {a: {needs: {}, strategy: 1, steps: []}}",
        "jobs: {a: {strategy: {matrix: {include: 1, exclude: x}}, env: 1, steps: [{run: docker build .}]}}",
        "on: [[]]\njobs: {a: {uses: 1, with: []}}",
        "on: {workflow_call: {inputs: 1, outputs: 1}}\nenv: []\ndefaults: 1\njobs: []",
    ],
)
def test_a_workflow_of_any_shape_is_read_without_failing(repository: Path, text: str) -> None:
    read(repository, {WORKFLOW: text})


def test_aliases_that_multiply_do_not_grow_without_bound(repository: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 12)]
    text = "\n".join(lines) + "\njobs: {b: {strategy: {matrix: {v: *a11}}, steps: [{run: docker build .}]}}"
    read(repository, {WORKFLOW: text})


def test_the_readers_files_are_workflows_and_their_actions(repository: Path) -> None:
    names = [WORKFLOW, ".github/workflows/b.yaml", ".github/actions/a/b/action.yaml", "action.yml"]
    write(repository, dict.fromkeys([*names, ".github/workflows/sub/c.yml", ".github/x.yml"], ""))
    assert READER.finds(FileTree(repository)) == sorted(names[:3])
    assert all(READER.accepts(name) for name in names)
    assert not READER.accepts("compose.yaml")
