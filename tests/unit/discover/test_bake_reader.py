"""Bake files give the images that bake would build, and name what only the build will know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from shipway.fleet.discover.bake import BAKE, read_together
from shipway.fleet.model import Declaration, Reading
from shipway.fleet.tree import FileTree
from shipway.values import Platform


def tree_of(root: Path, files: Mapping[str, str], dockerfiles: Sequence[str] = ("Dockerfile",)) -> FileTree:
    for name, text in {**dict.fromkeys(dockerfiles, "FROM scratch\n"), **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return FileTree(root)


def read(root: Path, files: Mapping[str, str], dockerfiles: Sequence[str] = ("Dockerfile",)) -> Reading:
    tree = tree_of(root, files, dockerfiles)
    return BAKE.read(BAKE.finds(tree), tree)


def hcl(root: Path, text: str) -> Reading:
    return read(root, {"docker-bake.hcl": text})


def one(reading: Reading) -> Declaration:
    assert reading.problems == ()
    (declaration,) = reading.declarations
    return declaration


def names(reading: Reading) -> list[str]:
    return [declaration.name for declaration in reading.declarations]


def problems(reading: Reading) -> list[tuple[str, str, str]]:
    return [(problem.kind, str(problem.place), problem.message) for problem in reading.problems]


def test_a_target_without_keys_builds_the_dockerfile_at_the_root(tmp_path: Path) -> None:
    found = one(hcl(tmp_path, 'target "default" {}\n'))
    assert (found.kind, found.name, str(found.place)) == ("bake", "default", "docker-bake.hcl:1:1")
    assert (found.inputs.context, found.inputs.dockerfile, found.references) == (".", "Dockerfile", ())


def test_every_key_arrives_with_its_place(tmp_path: Path) -> None:
    text = """target "app" {
  context    = "./src/"
  dockerfile = "../Dockerfile"
  target     = "final"
  args = {
    VERSION = "1"
  }
  contexts = {
    base   = "target:lib"
    alpine = "docker-image://alpine:3.20"
    data   = "./data"
    layout = "oci-layout://out/base:1"
    here   = "cwd://extra"
  }
  labels     = { a = "b" }
  tags       = ["example.org/app:1", "example.org/app:latest"]
  platforms  = ["linux/arm64/v8", "linux/amd64"]
  secret     = ["id=npm,src=./.npmrc", "id=token,env=TOKEN", "id=home,src=~/.netrc"]
  ssh        = ["default", { id = "key", paths = ["keys/a"] }]
  cache-from = ["example.org/app:cache", "type=local,src=cache"]
  cache-to   = ["type=gha,scope=app"]
}
target "lib" {}
"""
    reading = hcl(tmp_path, text)
    assert reading.problems == ()
    app = reading.declarations[0]
    assert app.inputs.context == "src"
    assert app.inputs.dockerfile == "Dockerfile"
    assert app.inputs.target == "final"
    assert app.inputs.args == {"VERSION": "1"}
    assert app.inputs.contexts == {
        "base": "target:lib",
        "alpine": "docker-image://alpine:3.20",
        "data": "data",
        "layout": "oci-layout://out/base:1",
        "here": "extra",
    }
    assert app.inputs.labels == {"a": "b"}
    assert app.references == ("example.org/app:1", "example.org/app:latest")
    assert app.inputs.platforms == (Platform("linux", "arm64"), Platform("linux", "amd64"))
    assert app.inputs.secrets == ("id=npm,src=.npmrc", "id=token,env=TOKEN", "id=home,src=~/.netrc")
    assert app.inputs.ssh == ("default", "key=keys/a")
    assert app.inputs.cache_from == ("type=registry,ref=example.org/app:cache", "type=local,src=cache")
    assert app.inputs.cache_to == ("type=gha,scope=app",)
    assert str(app.place_of("dockerfile")) == "docker-bake.hcl:3:3"
    assert str(app.place_of("args.VERSION")) == "docker-bake.hcl:6:5"
    assert str(app.place_of("contexts.alpine")) == "docker-bake.hcl:10:5"
    assert str(app.place_of("references")) == "docker-bake.hcl:16:3"


def test_inherited_values_keep_the_place_they_come_from(tmp_path: Path) -> None:
    text = 'target "_a" {\n  args = { X = "1" }\n}\ntarget "b" {\n  inherits = ["_a"]\n}\n'
    found = one(hcl(tmp_path, text))
    assert found.name == "b"
    assert str(found.place_of("args.X")) == "docker-bake.hcl:2:12"


def test_paths_of_a_file_in_a_directory_count_from_there_or_from_home(tmp_path: Path) -> None:
    text = """target "a" {
  context    = "src"
  dockerfile = "cwd://Dockerfile"
  secret     = ["id=a,src=npmrc", "id=b,src=~/npmrc", "id=c,src=/npmrc"]
  ssh        = ["k=keys/a,~/b"]
  cache-from = ["type=local,src=cache", "type=gha,src=kept"]
  cache-to   = ["type=local,dest=cache"]
}
"""
    inputs = one(read(tmp_path, {"ci/docker-bake.hcl": text}, ["ci/Dockerfile"])).inputs
    assert (inputs.context, inputs.dockerfile) == ("ci/src", "ci/Dockerfile")
    assert inputs.secrets == ("id=a,src=ci/npmrc", "id=b,src=~/npmrc", "id=c,src=/npmrc")
    assert inputs.ssh == ("k=ci/keys/a,~/b",)
    assert inputs.cache_from == ("type=local,src=ci/cache", "type=gha,src=kept")
    assert inputs.cache_to == ("type=local,dest=ci/cache",)


def test_an_inline_dockerfile_is_that_of_the_bake_file(tmp_path: Path) -> None:
    inputs = one(hcl(tmp_path, 'target "a" {\n  dockerfile-inline = "FROM x\\n"\n}\n')).inputs
    assert (inputs.inline, inputs.dockerfile) == ("FROM x\n", "docker-bake.hcl")


@pytest.mark.parametrize(
    "context", ["https://github.com/a/b.git#main:sub", "git@github.com:a/b.git", "ssh://git@host/a"]
)
def test_a_remote_context_is_kept_and_its_dockerfile_is_not_looked_for(tmp_path: Path, context: str) -> None:
    text = f'target "a" {{\n  context = "{context}"\n  dockerfile = "./build/Dockerfile"\n}}\n'
    inputs = one(hcl(tmp_path, text)).inputs
    assert (inputs.context, inputs.dockerfile) == (context, "build/Dockerfile")


def test_a_missing_dockerfile_is_named_with_its_place(tmp_path: Path) -> None:
    reading = hcl(tmp_path, 'target "a" {\n  context = "svc"\n  dockerfile = "X"\n}\n')
    assert names(reading) == ["a"]
    assert problems(reading) == [
        (
            "missing-dockerfile",
            "docker-bake.hcl:3:3",
            "the target a builds from svc/X, which does not exist; neither does its context svc",
        )
    ]


@pytest.mark.parametrize(
    ("dockerfiles", "context", "dockerfile"),
    [
        (["ci/app/Dockerfile", "app/Dockerfile"], "ci/app", "ci/app/Dockerfile"),
        (["app/Dockerfile"], "app", "app/Dockerfile"),
        ([], "ci/app", "ci/app/Dockerfile"),
    ],
)
def test_paths_count_from_where_the_dockerfile_is(
    tmp_path: Path, dockerfiles: list[str], context: str, dockerfile: str
) -> None:
    reading = read(
        tmp_path, {"ci/docker-bake.hcl": 'target "a" {\n  context = "app"\n}\n'}, dockerfiles=dockerfiles
    )
    (found,) = reading.declarations
    assert (found.inputs.context, found.inputs.dockerfile) == (context, dockerfile)


def test_files_given_together_run_where_they_are_told_to(tmp_path: Path) -> None:
    files = {"ci/vars.hcl": 'V = "2"\n', "ci/x.hcl": 'target "a" {\n  tags = ["a:${V}"]\n}\n'}
    tree = tree_of(tmp_path, files, ["ci/Dockerfile", "Dockerfile"])
    found = one(read_together(["ci/vars.hcl", "ci/x.hcl"], tree, directory="."))
    assert (found.inputs.dockerfile, found.references) == ("Dockerfile", ("a:2",))


def test_a_variable_without_default_is_never_guessed(tmp_path: Path) -> None:
    text = """variable "TAG" {}
target "a" {
  tags = ["a:${TAG}", "a:latest", lower(TAG) == "" ? "a:none" : "a:some"]
  args = {
    PLAIN = TAG
    FIXED = "1"
  }
}
"""
    reading = hcl(tmp_path, text)
    (found,) = reading.declarations
    assert found.references == ("a:latest", "a:none")
    assert found.inputs.args == {"FIXED": "1"}
    assert problems(reading) == [
        ("unresolved-variable", "docker-bake.hcl:3:11", "tags: the files give no value to TAG"),
        ("unresolved-variable", "docker-bake.hcl:5:5", "args: the files give no value to TAG"),
    ]


def test_an_empty_default_is_a_value(tmp_path: Path) -> None:
    text = 'variable "R" {\n  default = ""\n}\ntarget "a" {\n  tags = ["${R}foo:1"]\n}\n'
    assert one(hcl(tmp_path, text)).references == ("foo:1",)


@pytest.mark.parametrize(
    ("expression", "kind", "column", "message"),
    [
        ('"a:${MISSING}"', "unresolved-variable", 16, "MISSING is defined in none of the bake files"),
        ('"a:${NULL}"', "unresolved-variable", 16, "the files give no value to NULL"),
        ("nope()", "unresolved-expression", 11, "there is no function nope"),
        ('formatdate("YYYY", timestamp())', "unresolved-expression", 30, "known only when the build runs"),
        ("uuidv4()", "unresolved-expression", 11, "uuidv4() gives another value at every run"),
        ('regex("x", "y")', "unresolved-expression", 11, "regex(): the pattern does not match"),
        ('regex("(", "y")', "unresolved-expression", 11, "is not a regular expression"),
        ("null", "unresolved-expression", 11, "a text is needed, not null"),
        ('["x"]', "unresolved-expression", 11, "a text is needed, not a list"),
        ("1 / 0", "unresolved-expression", 13, "division by zero"),
        ('"a" * 2', "unresolved-expression", 15, "a number is needed, not 'a'"),
        ('{ a = 1 }["b"]', "unresolved-expression", 20, "there is no attribute 'b'"),
        ("[1][1]", "unresolved-expression", 14, "the index 1 is out of range"),
        ("LOOP", "unresolved-expression", 8, "the variable LOOP refers to itself"),
        ("endless()", "unresolved-expression", 12, "the function endless calls itself"),
        ("two(1)", "unresolved-expression", 11, "two takes 2 arguments, not 1"),
        ("upper()", "unresolved-expression", 11, "upper(): 1 arguments are needed"),
        ('"${1 / 3}"', "unresolved-expression", 16, "endless decimals"),
        ('format("%9999999d", 1)', "unresolved-expression", 11, "the width is too large"),
        ("range(99999)", "unresolved-expression", 11, "more than 1024 numbers"),
        ("pow(10, 400)", "unresolved-expression", 11, "too large to be exact"),
        ("target.a.tags[0]", "unresolved-expression", 19, "tags refers to itself"),
    ],
)
def test_an_expression_without_value_is_a_problem_and_leaves_the_rest(
    tmp_path: Path, expression: str, kind: str, column: int, message: str
) -> None:
    head = """LOOP = LOOP
variable "NULL" {
  default = null
}
function "endless" {
  params = []
  result = endless()
}
function "two" {
  params = [a, b]
  result = a
}
"""
    reading = hcl(tmp_path, head + f'target "a" {{\n  tags = [{expression}, "kept:1"]\n}}\n')
    (found,) = reading.declarations
    assert found.references == ("kept:1",)
    ((found_kind, place, text),) = problems(reading)
    assert found_kind == kind
    assert message in text
    assert place.endswith(f":{column}")


def test_files_that_would_run_for_ever_stop_with_a_problem(tmp_path: Path) -> None:
    doubling = "".join(
        f'function "f{n}" {{\n  params = []\n  result = "${{f{n - 1}()}}${{f{n - 1}()}}"\n}}\n'
        for n in range(1, 60)
    )
    text = (
        f'function "f0" {{\n  params = []\n  result = ""\n}}\n{doubling}target "a" {{\n  tags = [f59()]\n}}\n'
    )
    ((kind, _, message),) = problems(hcl(tmp_path, text))
    assert (kind, message) == ("unresolved-expression", "tags: the files need too many evaluations")


def test_files_that_would_fill_the_memory_stop_with_a_problem(tmp_path: Path) -> None:
    doubling = "".join(f'V{n} = "${{V{n - 1}}}${{V{n - 1}}}"\n' for n in range(1, 60))
    ((kind, _, message),) = problems(
        hcl(tmp_path, f'V0 = "x"\n{doubling}target "a" {{\n  tags = [V59]\n}}\n')
    )
    assert (kind, message) == ("unresolved-expression", "tags: the value is too large")


@pytest.mark.parametrize("key", ["context", "dockerfile", "target", "dockerfile-inline"])
def test_a_target_whose_build_is_unknown_is_no_declaration(tmp_path: Path, key: str) -> None:
    reading = hcl(tmp_path, f'target "a" {{\n  {key} = UNKNOWN\n}}\n')
    assert reading.declarations == ()
    assert [problem.kind for problem in reading.problems] == ["unresolved-variable"]


def test_an_unknown_value_that_a_child_replaces_is_no_problem(tmp_path: Path) -> None:
    text = (
        'target "_a" {\n  context = UNKNOWN\n  tags = [UNKNOWN]\n}\n'
        'target "b" {\n  inherits = ["_a"]\n  context = "."\n  tags = []\n}\n'
    )
    assert one(hcl(tmp_path, text)).name == "b"


def test_tags_and_platforms_that_are_none_are_problems(tmp_path: Path) -> None:
    text = 'target "a" {\n  tags = ["UPPER:1", "ok:1"]\n  platforms = ["linux", "linux/amd64"]\n}\n'
    reading = hcl(tmp_path, text)
    (found,) = reading.declarations
    assert found.references == ("ok:1",)
    assert found.inputs.platforms == (Platform("linux", "amd64"),)
    assert [kind for kind, _, _ in problems(reading)] == ["invalid-reference", "invalid-platform"]


def test_the_local_platform_is_none_and_among_others_a_problem(tmp_path: Path) -> None:
    alone = one(hcl(tmp_path, 'target "a" {\n  platforms = [BAKE_LOCAL_PLATFORM]\n}\n'))
    assert alone.inputs.platforms == ()
    mixed = hcl(tmp_path, 'target "a" {\n  platforms = ["local", "linux/arm64"]\n}\n')
    assert mixed.declarations[0].inputs.platforms == (Platform("linux", "arm64"),)
    assert [kind for kind, _, _ in problems(mixed)] == ["unresolved-variable"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('target "_base" {\n  context = "."\n}\ntarget "a" {\n  inherits = ["_base"]\n}', ["a"]),
        (
            'group "g" {\n  targets = ["base"]\n}\ntarget "base" {}\ntarget "a" {\n  inherits = ["base"]\n}',
            "base a",
        ),
        (
            'target "base" {\n  target = "x"\n  tags = ["b:1"]\n}\ntarget "a" {\n  inherits = ["base"]\n}',
            "base a",
        ),
        ('target "meta" {\n  tags = ["b:1"]\n}\ntarget "a" {\n  inherits = ["meta"]\n}', ["a"]),
        ('target "docker-metadata-action" {}\ntarget "a" {\n  context = "."\n}', ["a"]),
        ('target "bin" {\n  output = ["./out"]\n}\ntarget "a" {\n  context = "."\n}', ["a"]),
        ('target "bin" {\n  output = [{ type = "cacheonly" }]\n  tags = ["b:1"]\n}', ["bin"]),
        (
            'target "low" {\n  output = ["out"]\n}\n'
            'target "lib" {\n  output = ["type=cacheonly"]\n  contexts = { l = "target:low" }\n}\n'
            'target "a" {\n  contexts = { l = "target:lib" }\n}',
            "low lib a",
        ),
    ],
    ids=["abstract", "grouped", "tagged", "placeholder", "empty", "files-only", "tagged-cache", "linked"],
)
def test_which_targets_are_images(tmp_path: Path, text: str, expected: str | list[str]) -> None:
    wanted = expected.split() if isinstance(expected, str) else expected
    assert names(hcl(tmp_path, text + "\n")) == wanted


def test_a_matrix_gives_an_image_for_each_combination(tmp_path: Path) -> None:
    text = """group "default" {
  targets = ["app"]
}
target "app" {
  name   = "app-${v}"
  matrix = { v = ["1", "2"] }
  tags   = ["app:${v}"]
}
"""
    reading = hcl(tmp_path, text)
    assert reading.problems == ()
    assert [(found.name, found.references) for found in reading.declarations] == [
        ("app-1", ("app:1",)),
        ("app-2", ("app:2",)),
    ]


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ('name = "a.${v}"\n  matrix = { v = ["1"] }', "invalid-name", "'a.1' is no target name"),
        ('name = "same"\n  matrix = { v = ["1", "2"] }', "invalid-name", "gives the name 'same' twice"),
        (
            'matrix = { v = UNKNOWN }\n  name = "a-${v}"',
            "unresolved-variable",
            "matrix: the variable UNKNOWN",
        ),
        ('matrix = "x"\n  name = "a"', "unresolved-expression", "matrix: an object is needed"),
        (
            'matrix = { v = range(200), w = range(200) }\n  name = "a"',
            "unresolved-expression",
            "more than 10000",
        ),
        ('name = "b"', "invalid-name", "has a name but no matrix"),
    ],
)
def test_a_matrix_that_cannot_be_expanded_is_a_problem(
    tmp_path: Path, body: str, kind: str, message: str
) -> None:
    reading = hcl(tmp_path, f'target "a" {{\n  {body}\n}}\n')
    assert [found_kind for found_kind, _, _ in problems(reading)] == [kind]
    assert message in reading.problems[0].message


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('group "g" {\n  targets = ["x"]\n}', "docker-bake.hcl:1:1"),
        ('target "a" {\n  inherits = ["x"]\n}', "docker-bake.hcl:2:3"),
        ('target "a" {\n  contexts = { b = "target:x" }\n}', "docker-bake.hcl:2:3"),
    ],
)
def test_a_name_that_no_file_defines_is_a_problem(tmp_path: Path, text: str, place: str) -> None:
    ((kind, where, message),) = problems(hcl(tmp_path, text + "\n"))
    assert (kind, where) == ("unknown-target", place)
    assert "refers to x" in message


def test_names_may_come_from_the_compose_file_that_bake_reads_too(tmp_path: Path) -> None:
    files = {"docker-bake.hcl": 'group "g" {\n  targets = ["web"]\n}\n', "compose.yaml": "services: {}\n"}
    assert problems(read(tmp_path, files)) == []


def test_circular_groups_parents_and_links_end(tmp_path: Path) -> None:
    text = """group "g" {
  targets = ["h"]
}
group "h" {
  targets = ["g", "a"]
}
target "a" {
  inherits = ["b"]
  contexts = { x = "target:b" }
}
target "b" {
  inherits = ["a"]
  contexts = { x = "target:a" }
  args     = { B = "1" }
}
"""
    reading = hcl(tmp_path, text)
    assert names(reading) == ["a", "b"]
    assert reading.declarations[0].inputs.args == {"B": "1"}


@pytest.mark.parametrize(
    ("name", "text", "place", "message"),
    [
        ("docker-bake.hcl", 'target "a" {\n', "docker-bake.hcl:2:1", "a block that never ends"),
        ("docker-bake.hcl", "a = 'x'\n", "docker-bake.hcl:1:5", "a text in single quotes"),
        ("docker-bake.hcl", 'a = "x\n', "docker-bake.hcl:1:7", "a text that never ends"),
        ("docker-bake.hcl", "a = <<EOT\nx\n", "docker-bake.hcl:1:5", "the text after <<EOT never ends"),
        ("docker-bake.hcl", "/* x", "docker-bake.hcl:1:1", "a comment that never ends"),
        ("docker-bake.hcl", "a = [1 2]\n", "docker-bake.hcl:1:8", "']' expected"),
        ("docker-bake.hcl", "a = 1 b = 2\n", "docker-bake.hcl:1:7", "a new line expected"),
        ("docker-bake.hcl", "a = 1\na = 2\n", "docker-bake.hcl:2:1", "'a' is set twice, first in line 1"),
        ("docker-bake.hcl", 'target "a" { x = 1\n}\n', "docker-bake.hcl:1:19", "starts and ends on one line"),
        ("docker-bake.hcl", 'target "${x}" {}\n', "docker-bake.hcl:1:8", "cannot be a template"),
        ("docker-bake.hcl", 'a = "%{ if x }y"\n', "docker-bake.hcl:1:9", "%{ if } without %{ endif }"),
        ("docker-bake.hcl", 'a = "%{ endif }"\n', "docker-bake.hcl:1:9", "%{ endif } without its beginning"),
        ("docker-bake.hcl", 'a = "\\q"\n', "docker-bake.hcl:1:6", "unknown escape"),
        ("docker-bake.hcl", 'a = "\\UFFFFFFFF"\n', "docker-bake.hcl:1:6", "is no character"),
        ("docker-bake.hcl", "a = " + "[" * 3000, "docker-bake.hcl", "nested too deeply"),
        ("docker-bake.json", '{"target": 1}', "docker-bake.json:1:12", "'target' is an object"),
        ("docker-bake.json", '{"target": {"a": 1}}', "docker-bake.json:1:18", "a target is an object"),
        ("docker-bake.json", "[]", "docker-bake.json:1:1", "a bake file is a JSON object"),
        ("docker-bake.json", '{"a": "${"}', "docker-bake.json:1:7", "a value expected"),
    ],
)
def test_a_file_that_is_no_bake_file_is_unreadable_at_its_place(
    tmp_path: Path, name: str, text: str, place: str, message: str
) -> None:
    ((kind, where, found),) = problems(read(tmp_path, {name: text}))
    assert (kind, where) == ("unreadable-file", place)
    assert message in found


def test_bytes_that_are_no_text_are_unreadable(tmp_path: Path) -> None:
    (tmp_path / "docker-bake.hcl").write_bytes(b'a = "\xff"\n')
    assert problems(read(tmp_path, {})) == [
        ("unreadable-file", "docker-bake.hcl", "the file is not UTF-8 text")
    ]


def test_a_broken_override_does_not_hide_the_file_it_overrides(tmp_path: Path) -> None:
    files = {
        "docker-bake.hcl": 'target "a" {}\ntarget "b" {\n  tags = ["b:1"]\n}\n',
        "docker-bake.override.hcl": "!",
    }
    reading = read(tmp_path, files)
    assert names(reading) == ["b"]
    assert [kind for kind, _, _ in problems(reading)] == ["unreadable-file"]


def test_deep_chains_are_a_problem_and_no_crash(tmp_path: Path) -> None:
    chain = " + ".join(["1"] * 20_000)
    ((kind, _, message),) = problems(hcl(tmp_path, f'target "a" {{\n  args = {{ X = {chain} }}\n}}\n'))
    assert (kind, message) == ("unreadable-file", "the file is nested too deeply")


def test_only_files_that_are_bake_files_are_found(tmp_path: Path) -> None:
    target = 'target "a" {}\n'
    tree = tree_of(
        tmp_path,
        {
            "docker-bake.hcl": target,
            "docker-bake.override.json": "{}",
            "ci/release.bake.hcl": target,
            "ci/bakery.hcl": 'resource "x" "y" {}\n',
            "bakery.json": '{"bread": 1}',
            "sub/my-bake.json": '{"group": {}}',
            "broken-bake.json": "{",
            "vendor/x/docker-bake.hcl": target,
            "other.hcl": target,
        },
    )
    assert BAKE.finds(tree) == [
        "ci/release.bake.hcl",
        "docker-bake.hcl",
        "docker-bake.override.json",
        "sub/my-bake.json",
    ]


@pytest.mark.parametrize(
    ("path", "accepted"),
    [
        ("docker-bake.hcl", True),
        ("a/b/docker-bake.override.json", True),
        ("x.bake.hcl", True),
        ("vendor/docker-bake.hcl", True),
        ("bake.yaml", False),
        ("bake/other.hcl", False),
    ],
)
def test_files_are_accepted_by_name(path: str, accepted: bool) -> None:
    assert BAKE.accepts(path) is accepted


def test_files_of_one_directory_are_merged_and_other_ones_stand_alone(tmp_path: Path) -> None:
    files = {
        "docker-bake.hcl": 'target "a" {\n  tags = ["a:1"]\n}\n',
        "docker-bake.override.hcl": 'target "a" {\n  tags = ["a:2"]\n}\n',
        "extra.bake.hcl": 'target "a" {\n  tags = ["a:3"]\n}\n',
        "sub/docker-bake.hcl": 'target "a" {\n  tags = ["a:4"]\n}\n',
    }
    reading = read(tmp_path, files, ["Dockerfile", "sub/Dockerfile"])
    found = [(str(d.place), d.references, d.inputs.context) for d in reading.declarations]
    assert found == [
        ("docker-bake.hcl:1:1", ("a:2",), "."),
        ("extra.bake.hcl:1:1", ("a:3",), "."),
        ("sub/docker-bake.hcl:1:1", ("a:4",), "sub"),
    ]


@pytest.mark.parametrize("number", ["9" * 5000, "1e999999999", "1." + "0" * 500, "0x10", ".nan", ".inf"])
@pytest.mark.parametrize("form", ["hcl", "json"])
def test_numbers_that_nobody_calculates_with_are_named_with_their_place(
    tmp_path: Path, form: str, number: str
) -> None:
    text = {
        "hcl": f'target "a" {{\n  args = {{\n    A = {number}\n  }}\n}}\n',
        "json": f'{{"target": {{"a": {{\n"args":\n{{"A": {number}}}}}}}}}',
    }[form]
    reading = read(tmp_path, {f"docker-bake.{form}": text})
    assert [(problem.place.path, problem.place.line) for problem in reading.problems] == [
        (f"docker-bake.{form}", 3)
    ]


def test_an_index_of_thousands_of_digits_is_named(tmp_path: Path) -> None:
    reading = hcl(tmp_path, f'target "a" {{\n  tags = [x.{"9" * 5000}]\n}}\n')
    assert [problem.place.line for problem in reading.problems] == [2]


def test_escapes_of_half_a_surrogate_pair_are_what_go_makes_of_them(tmp_path: Path) -> None:
    reading = hcl(tmp_path, r'target "a" { dockerfile-inline = "FROM scratch\nLABEL a=\ud83d\ude00\u00e9" }')
    assert one(reading).inputs.inline == "FROM scratch\nLABEL a=\ufffd\ufffdé"


@pytest.mark.parametrize("key", ["secret", "cache-from"])
def test_an_option_over_two_lines_is_named(tmp_path: Path, key: str) -> None:
    reading = hcl(tmp_path, f'target "a" {{ {key} = ["type=x,id=a\\rb"] }}')
    assert ["comma-separated" in problem.message for problem in reading.problems] == [True]
