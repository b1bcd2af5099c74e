from __future__ import annotations

from collections.abc import Iterable

from shipway.fleet.discover.merge import Merged, disagreements, merge
from shipway.fleet.model import BuildInputs, Declaration, DeclarationKind
from shipway.place import Place


def one(
    kind: DeclarationKind,
    name: str,
    dockerfile: str,
    *references: str,
    at: str = "",
    context: str = ".",
    target: str | None = None,
    args: dict[str, str | None] | None = None,
) -> Declaration:
    inputs = BuildInputs(dockerfile, context, target, args or {})
    return Declaration(kind, name, Place(at or f"{kind}.file", 1), inputs, references)


def merged(*declarations: Declaration, missing: Iterable[str] = ()) -> list[tuple[str, int]]:
    return [(image.name, len(image.declarations)) for image in images(*declarations, missing=missing)]


def images(*declarations: Declaration, missing: Iterable[str] = ()) -> tuple[Merged, ...]:
    return merge(declarations, lambda path: path not in missing)


def test_one_repository_in_two_files_is_one_image() -> None:
    assert merged(
        one("compose", "web", "a/Dockerfile", "acme/web:1"),
        one("workflow", "x", "b/Dockerfile", "acme/web:2"),
    ) == [("web", 2)]


def test_a_repository_that_holds_several_images_tells_nothing() -> None:
    found = merged(
        one("compose", "ad", "ad/Dockerfile", "acme/demo:1-ad"),
        one("compose", "cart", "cart/Dockerfile", "acme/demo:1-cart"),
        one("workflow", "cart", "cart/Dockerfile", "acme/demo:dev-cart"),
        one("workflow", "mail", "mail/Dockerfile", "acme/demo:dev-mail"),
    )
    assert found == [("ad", 1), ("cart", 2), ("mail", 1)]


def test_a_bare_word_is_a_name_on_this_machine_only() -> None:
    assert merged(
        one("compose", "x", "a/Dockerfile", "app", at="a/compose.yaml", context="a"),
        one("compose", "y", "b/Dockerfile", "app", at="b/compose.yaml", context="b"),
    ) == [("x", 1), ("y", 1)]


def test_one_dockerfile_and_target_is_one_image_unless_args_contradict() -> None:
    bake = one("bake", "py311", "Dockerfile", args={"PY": "3.11"})
    assert merged(bake, one("compose", "app", "Dockerfile", args={"OTHER": "1"})) == [("py311", 2)]
    assert merged(bake, one("compose", "app", "Dockerfile", args={"PY": "3.12"})) == [
        ("py311", 1),
        ("app", 1),
    ]
    assert merged(bake, one("compose", "app", "Dockerfile", args={"PY": None})) == [("py311", 2)]
    assert merged(bake, one("compose", "app", "Dockerfile", target="dev")) == [("py311", 1), ("app", 1)]
    assert merged(bake, one("compose", "py311", "Dockerfile", args={"PY": "3.12"})) == [("py311", 2)]


def test_of_several_builds_of_a_dockerfile_the_one_of_that_name_is_meant() -> None:
    found = images(
        one("bake", "api", "Dockerfile", args={"A": "1"}),
        one("bake", "job", "Dockerfile", args={"A": "2"}),
        one("compose", "job", "Dockerfile"),
    )
    assert [(image.name, [each.kind for each in image.declarations]) for image in found] == [
        ("api", ["bake"]),
        ("job", ["bake", "compose"]),
    ]


def test_one_name_is_one_image_only_with_a_dockerfile_in_common() -> None:
    api = one("bake", "my_api", "api/Dockerfile", context="api")
    near = one("compose", "my-api", "api/Dockerfile.dev", context="api")
    same_context = one("compose", "my-api", "docker/api.Dockerfile", context="api")
    far = one("compose", "my-api", "examples/api/Dockerfile", context="examples/api")
    assert merged(api, near) == [("my_api", 2)]
    assert merged(api, same_context) == [("my_api", 2)]
    assert merged(api, far) == [("my_api", 1), ("my-api", 1)]
    assert merged(api, far, missing=["examples/api/Dockerfile"]) == [("my_api", 2)]


def test_two_names_of_one_file_are_two_images_unless_they_publish_the_same() -> None:
    assert merged(one("compose", "a", "Dockerfile"), one("compose", "b", "Dockerfile")) == [
        ("a", 1),
        ("b", 1),
    ]
    assert merged(
        one("compose", "a", "Dockerfile", "acme/x"), one("compose", "b", "Dockerfile", "acme/x")
    ) == [("a", 2)]
    assert merged(
        one("shipway", "a", "Dockerfile", "acme/x"), one("shipway", "b", "Dockerfile", "acme/x")
    ) == [("a", 1), ("b", 1)]


def test_the_declaration_of_the_highest_kind_counts_whatever_the_order() -> None:
    found = images(
        one("dockerfile", "a", "a/Dockerfile"),
        one("workflow", "w", "a/Dockerfile"),
        one("compose", "c", "a/Dockerfile"),
        one("bake", "b", "a/Dockerfile"),
        one("skaffold", "s", "a/Dockerfile"),
        one("shipway", "f", "a/Dockerfile"),
    )
    assert [(image.name, [each.kind for each in image.declarations]) for image in found] == [
        ("f", ["shipway", "bake", "compose", "skaffold", "workflow"])
    ]


def test_a_bare_dockerfile_is_an_image_when_nothing_else_builds_it() -> None:
    assert merged(
        one("dockerfile", "app", "app/Dockerfile.debug"),
        one("dockerfile", "app", "app/Dockerfile"),
        one("compose", "app", "app/Dockerfile"),
    ) == [("app", 1), ("app-debug", 1)]


def test_a_dockerfile_of_a_remote_context_is_not_the_one_of_that_path_here() -> None:
    remote = one("bake", "x", "Dockerfile", context="https://example.com/x.git")
    assert merged(remote, one("compose", "y", "Dockerfile"), one("dockerfile", "z", "Dockerfile")) == [
        ("x", 1),
        ("y", 1),
    ]
    assert merged(remote, one("dockerfile", "z", "Dockerfile")) == [("x", 1), ("z", 1)]
    assert merged(remote, one("compose", "x", "Dockerfile")) == [("remote-x", 1), ("x", 1)]


def test_inline_dockerfiles_are_told_apart_by_their_text() -> None:
    def inline(kind: DeclarationKind, name: str, text: str) -> Declaration:
        return Declaration(
            kind, name, Place(f"{kind}.file", 1), BuildInputs("compose.yaml", ".", inline=text)
        )

    assert merged(inline("bake", "a", "FROM x"), inline("compose", "b", "FROM x")) == [("a", 2)]
    assert merged(inline("bake", "a", "FROM x"), inline("compose", "b", "FROM y")) == [("a", 1), ("b", 1)]


def problems(*declarations: Declaration) -> list[str]:
    return [problem.message for image in images(*declarations) for problem in disagreements(image)]


def test_every_disagreement_names_both_places() -> None:
    found = problems(
        one("bake", "api", "api/Dockerfile", "ghcr.io/acme/api", context="api"),
        one("workflow", "api", "api/Dockerfile.ci", "acme/other", context=".", target="prod"),
    )
    assert found == [
        "api: the dockerfile is api/Dockerfile in bake.file:1, but api/Dockerfile.ci in workflow.file:1",
        "api: the context is api in bake.file:1, but . in workflow.file:1",
        "api: the target is the default in bake.file:1, but prod in workflow.file:1",
        "api: the repository is ghcr.io/acme/api in bake.file:1, but docker.io/acme/other in workflow.file:1",
    ]


def test_another_name_is_a_disagreement() -> None:
    assert problems(one("bake", "api", "Dockerfile"), one("compose", "web", "Dockerfile")) == [
        "api: the name is api in bake.file:1, but web in compose.file:1"
    ]


def test_declarations_that_agree_are_no_problem() -> None:
    assert not problems(
        one("bake", "api", "Dockerfile", "acme/api:1"),
        one("compose", "api", "Dockerfile", "acme/api:2", "api"),
    )


# --- names --------------------------------------------------------------------------------------


def names(*declarations: Declaration) -> list[str]:
    return [image.name for image in images(*declarations)]


def test_equal_names_get_the_shortest_directories_that_tell_them_apart() -> None:
    assert names(
        one("compose", "api", "examples/go/api/Dockerfile", at="go.yaml", context="go"),
        one("compose", "api", "examples/py/api/Dockerfile", at="py.yaml", context="py"),
        one("compose", "web", "web/Dockerfile"),
    ) == ["go-api", "py-api", "web"]
    assert names(
        one("compose", "app", "a/x/Dockerfile", at="1", context="a"),
        one("compose", "app", "b/x/Dockerfile", at="2", context="b"),
        one("compose", "app", "Dockerfile", at="3", context="."),
    ) == ["a-x-app", "b-x-app", "app"]


def test_a_qualified_name_never_takes_one_that_is_there() -> None:
    assert names(
        one("compose", "go-api", "other/Dockerfile"),
        one("compose", "api", "go/Dockerfile", at="1", context="go"),
        one("compose", "api", "py/Dockerfile", at="2", context="py"),
    ) == ["go-api", "go-api-2", "py-api"]


def test_characters_that_no_name_may_have_become_dashes() -> None:
    assert names(one("workflow", "acme/api (prod)", "Dockerfile")) == ["acme-api-prod"]
