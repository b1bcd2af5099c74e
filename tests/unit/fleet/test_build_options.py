"""Secrets, SSH agents and caches as buildx writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipway.errors import InvalidValue
from shipway.fleet.options import Secret, fields, joined, read_cache, read_secret, ssh_below


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("id=npm,src=.npmrc", Secret("npm", "file", ".npmrc")),
        ("type=file,id=npm,source=/run/npm", Secret("npm", "file", "/run/npm")),
        ("id=npm,type=file", Secret("npm", "file", "npm")),
        ("id=npm,env=NPM_TOKEN", Secret("npm", "env", "NPM_TOKEN")),
        ("type=env,id=npm,src=NPM_TOKEN", Secret("npm", "env", "NPM_TOKEN")),
        ("type=env,id=NPM", Secret("NPM", "env", "NPM")),
        ("id=npm", Secret("npm", None, "npm")),
        ('id=npm,"src=a,b"', Secret("npm", "file", "a,b")),
    ],
)
def test_a_secret_is_read_as_buildx_reads_it(text: str, secret: Secret) -> None:
    assert read_secret(text) == secret
    assert read_secret(str(secret)) == (secret if secret.kind else Secret("npm", "file", "npm"))


@pytest.mark.parametrize("text", ["src=.npmrc", "id=npm,what=ever", "id=npm,type=vault", "npm"])
def test_what_is_no_secret_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        read_secret(text)


def test_a_secret_without_a_source_is_the_variable_of_its_name_if_there_is_one() -> None:
    assert read_secret("id=NPM").settled({"NPM": ""}).kind == "env"
    assert read_secret("id=NPM").settled({}).kind == "file"


def test_paths_become_absolute_and_variables_stay() -> None:
    assert read_secret("id=a,src=b").below(Path("/r")).source == "/r/b"
    assert read_secret("id=a,src=/b").below(Path("/r")).source == "/b"
    assert read_secret("id=a,env=B").below(Path("/r")).source == "B"
    assert ssh_below("default", Path("/r")) == "default"
    assert ssh_below("key=a,/b", Path("/r")) == "key=/r/a,/b"


def test_a_cache_is_a_reference_or_names_its_type() -> None:
    assert read_cache("reg.example/cache:a") == {"type": "registry", "ref": "reg.example/cache:a"}
    assert list(read_cache("mode=max,type=gha")) == ["type", "mode"]
    with pytest.raises(InvalidValue, match="is no build cache"):
        read_cache("ref=x")


def test_values_with_commas_survive() -> None:
    assert fields(joined({"a": 'x,"y"', "b": ""})) == {"a": 'x,"y"', "b": ""}
