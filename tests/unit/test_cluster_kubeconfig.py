"""Which kubeconfigs can do without the kubernetes client, and that both lead to the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.kubeconfig import plain


def kubeconfig(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None) -> dict[str, Any]:
    """A kubeconfig with two contexts, ``one`` being the current one."""
    return {
        "current-context": "one",
        "contexts": [
            {"name": "one", "context": {"cluster": "near", "user": "me"}},
            {"name": "two", "context": {"cluster": "far", "user": "me"}},
        ],
        "clusters": [
            {"name": "near", "cluster": {"server": "http://127.0.0.1:80/", **(cluster or {})}},
            {"name": "far", "cluster": {"server": "https://far.invalid:6443"}},
        ],
        "users": [{"name": "me", "user": user or {}}],
    }


def test_a_file_with_a_token_needs_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(json.dumps(kubeconfig(user={"token": "abc"})))

    found = plain({"kubeconfig": str(file)}, {})

    assert found is not None
    assert (found.host, found.headers, found.tls) == ("http://127.0.0.1:80", (("authorization", "Bearer abc"),), None)


def test_the_context_that_is_asked_for_is_taken() -> None:
    found = plain({"kubeconfig": kubeconfig(), "context": "two"}, {})

    assert found is not None
    assert found.host == "https://far.invalid:6443"
    assert found.tls is not None
    assert found.tls.check_hostname


def test_certificates_are_not_checked_where_the_kubeconfig_says_so() -> None:
    insecure = kubeconfig({"server": "https://near.invalid", "insecure-skip-tls-verify": True})

    found = plain({"kubeconfig": insecure}, {})

    assert found is not None
    assert found.tls is not None
    assert found.tls.verify_mode.name == "CERT_NONE"


@pytest.mark.parametrize(
    "user",
    [
        {"token": "abc", "exec": {"command": "aws"}},
        {"auth-provider": {"name": "oidc"}},
        {"username": "a", "password": "b"},
        {"token": "abc", "as": "somebody-else"},
    ],
)
def test_who_asks_by_other_means_is_left_to_the_client(user: dict[str, Any]) -> None:
    assert plain({"kubeconfig": kubeconfig(user=user)}, {}) is None


@pytest.mark.parametrize(
    "cluster",
    [
        {"proxy-url": "http://proxy"},
        {"tls-server-name": "other"},
        {"server": "https://x", "certificate-authority-data": "not base64"},
        {"server": "https://x", "certificate-authority": "/does/not/exist"},
    ],
)
def test_a_cluster_reached_by_other_means_is_left_to_the_client(cluster: dict[str, Any]) -> None:
    assert plain({"kubeconfig": kubeconfig(cluster)}, {}) is None


@pytest.mark.parametrize("more", [{"host": "https://x"}, {"validate_certs": False}, {"ca_cert": "/x"}])
def test_further_options_are_left_to_the_client(more: dict[str, Any]) -> None:
    assert plain({"kubeconfig": kubeconfig(), **more}, {}) is None


@pytest.mark.parametrize("name", ["KUBERNETES_SERVICE_HOST", "HTTPS_PROXY", "https_proxy"])
def test_an_environment_that_matters_is_left_to_the_client(name: str) -> None:
    assert plain({"kubeconfig": kubeconfig()}, {name: "x"}) is None


def test_a_token_is_read_from_its_file_which_is_replaced_now_and_then(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc\n")
    (tmp_path / "config").write_text(json.dumps(kubeconfig(user={"tokenFile": "token"})))

    found = plain({"kubeconfig": str(tmp_path / "config")}, {})

    assert found is not None
    assert found.headers == (("authorization", "Bearer abc"),)
    assert found.until is not None
