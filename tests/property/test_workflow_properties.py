"""Whatever a workflow holds, reading it ends in values, holes and problems, never in an exception."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from shipway.fleet.discover.workflows import WorkflowReader
from shipway.fleet.discover.workflows.evaluate import Open, evaluate, fill, to_text
from shipway.fleet.discover.workflows.holes import causes, hole, is_hole, show
from shipway.fleet.discover.workflows.shell import run
from shipway.fleet.model import Reading
from shipway.fleet.tree import FileTree

CONTEXTS = {"github": Open({"repository": "a/b"}), "matrix": {"a": [1, {"b": "c"}]}, "env": Open({"X": "1"})}

EXPRESSION_WORDS = """
github matrix env .a [0] ['b'] .* ( ) ! && || == != < >= 'x' '' 1 0x1 -2.5 null true , format(
contains( fromJSON( toJSON( join( case( startsWith( github.sha matrix.a matrix.a[1].b ${{ }}
{0}
"""
EXPRESSION_PIECES = st.sampled_from(EXPRESSION_WORDS.split())
EXPRESSIONS = st.one_of(st.text(max_size=80), st.lists(EXPRESSION_PIECES, max_size=25).map(" ".join))

SHELL_WORDS = r"""
docker build buildx podman -f -t --build-arg A=1 . - $X ${X:-y} ${X//a/b} $( ) ` ' " \ ; && ||
| ( { } if then fi for in do done case esac ;; while cd echo >> <<EOF EOF $GITHUB_OUTPUT
$GITHUB_ENV # sudo env timeout name=v export f() ${ $(( < -- = [[ ]] ! tr basename
"""
SHELL_PIECES = st.sampled_from([*SHELL_WORDS.split(), "\n"])
SCRIPTS = st.one_of(st.text(max_size=120), st.lists(SHELL_PIECES, max_size=40).map(" ".join))


@given(EXPRESSIONS)
@settings(deadline=None)
def test_an_expression_always_has_a_value(text: str) -> None:
    to_text(evaluate(text, CONTEXTS))


@given(EXPRESSIONS)
@settings(deadline=None)
def test_a_text_with_expressions_always_has_a_value(text: str) -> None:
    to_text(fill("a ${{" + text + "}} b", CONTEXTS))


@given(st.text(alphabet=st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=60))
@settings(deadline=None)
def test_a_hole_says_its_cause(cause: str) -> None:
    words = " ".join(cause.split()).replace("\0", "?").replace("\ufffe", "?").replace("\uffff", "?")
    assert causes(hole(cause)) == [words]
    assert is_hole(hole(cause))
    assert show(f"<{hole(cause)}>") == f"<{words}>"


@given(SCRIPTS)
@settings(deadline=None)
def test_a_script_always_ends_in_commands(text: str) -> None:
    for command in run(text, {"X": "a b"}, ".").commands:
        assert command.words
        assert 0 <= command.line <= text.count("\n")


def read(text: str) -> Reading:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, ".github/workflows/w.yml")
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8", errors="replace")
        tree = FileTree(Path(directory))
        return WorkflowReader().read(WorkflowReader().finds(tree), tree)


@given(SCRIPTS, EXPRESSIONS)
@settings(max_examples=60, deadline=None)
def test_a_workflow_with_any_script_and_expression_is_read(script: str, expression: str) -> None:
    step = {"id": "s", "run": script, "if": expression, "env": {"X": "${{" + expression + "}}"}}
    build = {
        "uses": "docker/build-push-action@v7",
        "with": dict.fromkeys(("context", "file", "tags", "build-args", "platforms", "secrets"), script),
    }
    job = {"strategy": {"matrix": {"a": "${{" + expression + "}}"}}, "steps": [step, build]}
    read(json.dumps({"on": "push", "jobs": {"j": job}}))


KEYS = "jobs steps run uses with env matrix strategy include exclude needs if on inputs outputs runs id"
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["./x", "docker/bake-action@v1", "docker build ."]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS.split()),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(JSON)
@settings(max_examples=100, deadline=None)
def test_a_document_of_any_shape_is_read(document: object) -> None:
    read(json.dumps({"on": "push", "jobs": {"a": document}}))
    read(json.dumps(document))
