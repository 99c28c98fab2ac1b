"""Connection options and what failed connections are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import (
    KubernetesTransport,
    connection_options,
    unreachable,
)
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import InputError, Unreachable


def test_options_win_over_the_environment() -> None:
    assert connection_options({"context": "a"}, {"K8S_AUTH_CONTEXT": "b"})["context"] == "a"


def test_the_environment_fills_in_with_types() -> None:
    chosen = connection_options({}, {"K8S_AUTH_VERIFY_SSL": "no", "K8S_AUTH_IMPERSONATE_GROUPS": "a,b"})
    assert chosen == {"validate_certs": False, "impersonate_groups": ["a", "b"]}


def test_aliases_are_taken() -> None:
    assert connection_options({"cert_file": "x", "verify_ssl": False}, {}) == {
        "client_cert": "x",
        "validate_certs": False,
    }


def test_a_missing_kubeconfig_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Set kubeconfig"):
        KubernetesTransport({"kubeconfig": str(tmp_path / "none")})


def test_a_broken_kubeconfig_is_an_input_error(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("clusters: [")
    with pytest.raises(InputError, match=str(file)):
        KubernetesTransport({"kubeconfig": str(file)})


def test_an_unknown_context_is_an_input_error() -> None:
    config = {"apiVersion": "v1", "kind": "Config", "clusters": [], "contexts": [], "users": [], "current-context": ""}
    with pytest.raises(InputError, match="kubeconfig"):
        KubernetesTransport({"kubeconfig": config, "context": "none"})


def test_a_refused_connection_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="refused"):
        Cluster(KubernetesTransport({"host": "https://127.0.0.1:1", "api_key": "x"})).now()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("certificate verify failed: certificate has expired (_ssl.c:1006)", "expired"),
        ("[SSL] certificate verify failed: self-signed certificate", "not trusted"),
        ("Connection to x timed out", "in time"),
        ("Failed to resolve 'x'", "resolved"),
    ],
)
def test_failures_are_named(said: str, message: str) -> None:
    error = unreachable("https://x", OSError(said))
    assert message in error.what
    assert error.hint
