"""Kubeconfig files in all their forms, and what a pod is given."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from shipway.cluster.access import Access
from shipway.cluster.kubeconfig import access_to
from shipway.errors import ConfigError, ShipwayError, UsageError


def config(
    path: Path, name: str = "prod", *, current: str | None = None, user: Any = None, **cluster: Any
) -> Path:
    """A kubeconfig with one context."""
    document = {
        "current-context": name if current is None else current,
        "contexts": [{"name": name, "context": {"cluster": f"{name}-c", "user": f"{name}-u"}}],
        "clusters": [
            {"name": f"{name}-c", "cluster": {"server": f"https://{name}.example:6443/", **cluster}}
        ],
        "users": [{"name": f"{name}-u", "user": user or {"token": f"{name}-token"}}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document))
    return path


def access(*files: Path, context: str | None = None) -> Access:
    return access_to(context, {"KUBECONFIG": ":".join(map(str, files))}, Path("/nonexistent"))


def test_the_file_of_the_home_directory(tmp_path: Path) -> None:
    config(tmp_path / ".kube" / "config")
    found = access_to(None, {}, tmp_path)
    assert (found.name, found.server, found.user.token) == ("prod", "https://prod.example:6443", "prod-token")


def test_several_files_are_merged_and_the_first_wins(tmp_path: Path) -> None:
    first = config(tmp_path / "a", "prod")
    second = config(tmp_path / "b", "test")
    third = config(tmp_path / "c", "prod", user={"token": "other"})
    assert access(tmp_path / "gone", first, second, third).user.token == "prod-token"
    assert access(first, second, context="test").server == "https://test.example:6443"
    assert access(second, first).name == "test"


def test_data_inline_and_files_relative_to_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"CA")
    (tmp_path / "key.pem").write_bytes(b"KEY")
    inline = base64.b64encode(b"CERT").decode()
    user = {"client-certificate-data": inline, "client-key": "key.pem"}
    found = access(config(tmp_path / "config", user=user, **{"certificate-authority": "ca.pem"}))
    assert (found.authority, found.user.certificate, found.user.key) == (b"CA", b"CERT", b"KEY")


def test_certificates_are_checked_unless_the_file_says_not_to(tmp_path: Path) -> None:
    assert not access(config(tmp_path / "a")).insecure
    loose = config(tmp_path / "b", **{"insecure-skip-tls-verify": True, "tls-server-name": "kubernetes"})
    assert (access(loose).insecure, access(loose).server_name) == (True, "kubernetes")


def test_proxies_and_impersonation(tmp_path: Path) -> None:
    found = access(
        config(tmp_path / "a", user={"token": "t", "as": "jane"}, **{"proxy-url": "http://proxy:3128"})
    )
    assert (found.proxy, dict(found.user.impersonate)) == ("http://proxy:3128", {"Impersonate-User": "jane"})


def test_exec_plugins(tmp_path: Path) -> None:
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "./bin/login",
        "args": ["--cluster", "prod"],
        "env": [{"name": "REGION", "value": "eu"}],
        "installHint": "install\n  login",
        "provideClusterInfo": True,
    }
    found = access(config(tmp_path / "a", user={"exec": plugin})).user.plugin
    assert found is not None
    assert found.argv == (str(tmp_path / "bin/login"), "--cluster", "prod")
    assert (dict(found.env), found.hint, found.takes_cluster) == ({"REGION": "eu"}, "install login", True)


BROKEN: dict[str, tuple[str, type[ShipwayError], str]] = {
    "no yaml": ("{", ConfigError, "YAML"),
    "a list": ("[]", ConfigError, "no kubeconfig"),
    "no current context": ("contexts: []", UsageError, "no context is current"),
    "no such context": ("current-context: prod", UsageError, "no context 'prod'"),
    "no such cluster": (
        "current-context: p\ncontexts: [{name: p, context: {cluster: c, user: u}}]",
        UsageError,
        "no cluster 'c'",
    ),
    "no server": (
        "current-context: p\ncontexts: [{name: p, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {}}]\nusers: [{name: u, user: {}}]",
        ConfigError,
        "no server URL",
    ),
}


@pytest.mark.parametrize("row", BROKEN, ids=str)
def test_broken_files_are_named(tmp_path: Path, row: str) -> None:
    text, kind, message = BROKEN[row]
    (tmp_path / "config").write_text(text)
    with pytest.raises(kind, match=message):
        access(tmp_path / "config")


USERS: dict[str, tuple[Any, str]] = {
    "auth-provider": ({"auth-provider": {"name": "gcp"}}, "auth-provider is gone"),
    "old plugin": ({"exec": {"apiVersion": "client.authentication.k8s.io/v1alpha1", "command": "x"}}, "exec"),
    "no command": ({"exec": {"apiVersion": "client.authentication.k8s.io/v1"}}, "exec"),
    "no base64": ({"client-certificate-data": "%%%"}, "no base64"),
    "missing file": ({"client-key": "gone.pem"}, "cannot be read"),
}


@pytest.mark.parametrize("row", USERS, ids=str)
def test_users_that_cannot_be_used(tmp_path: Path, row: str) -> None:
    user, message = USERS[row]
    with pytest.raises(ConfigError, match=message):
        access(config(tmp_path / "config", user=user))


def test_a_proxy_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="socks5"):
        access(config(tmp_path / "a", **{"proxy-url": "socks5://proxy:1080"}))


def test_a_misspelt_context_gets_a_proposal(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'prod'"):
        access(config(tmp_path / "a"), context="prot")


def test_what_a_pod_is_given(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    (tmp_path / "ca.crt").write_text("CA")
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    found = access_to(None, environ, Path("/nonexistent"), tmp_path)
    assert (found.server, found.authority) == ("https://[fd00::1]:6443", b"CA")
    assert found.user.token_file == tmp_path / "token"


def test_neither_a_file_nor_a_pod(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no kubeconfig"):
        access_to(None, {}, tmp_path, tmp_path)


def test_secrets_stay_out_of_what_is_printed(tmp_path: Path) -> None:
    found = access(
        config(tmp_path / "a", user={"token": "very-secret", "username": "u", "password": "hidden"})
    )
    assert "very-secret" not in repr(found)
    assert "hidden" not in repr(found)
