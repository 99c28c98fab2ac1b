"""What a run gets of the outer world: environment, configuration, connection."""

from __future__ import annotations

import configparser
import json
import stat
import sys
from pathlib import Path

import pytest

from ansible_collections.e2ereme.remediate.plugins.plugin_utils.cluster_environment import cluster_environment
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.runner_files import (
    clean_environment,
    collection_roots,
    write_configuration,
)


@pytest.mark.parametrize(
    "name",
    [
        "ANSIBLE_LIBRARY",
        "ANSIBLE_VAULT_PASSWORD_FILE",
        "AWX_TOKEN",
        "TOWER_PASSWORD",
        "AWS_ACCESS_KEY_ID",
        "VAULT_TOKEN",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "PYTHONPATH",
        "LD_PRELOAD",
        "K8S_AUTH_API_KEY",
    ],
)
def test_a_variable_that_is_not_listed_does_not_pass(name: str) -> None:
    assert name not in clean_environment({name: "x"}, Path("/home/of/run"))


def test_the_users_configuration_of_ansible_is_replaced() -> None:
    found = clean_environment({"ANSIBLE_CONFIG": "/etc/mine.cfg", "LANG": "C.UTF-8"}, Path("/h"))

    assert found["ANSIBLE_CONFIG"] == "/h/ansible.cfg"
    assert found["ANSIBLE_PYTHON_INTERPRETER"] == sys.executable


def test_without_a_locale_the_run_gets_one_that_ansible_accepts() -> None:
    assert clean_environment({}, Path("/h"))["LC_ALL"] == "C.UTF-8"
    assert "LC_ALL" not in clean_environment({"LANG": "de_DE.UTF-8"}, Path("/h"))


def test_the_configuration_finds_collections_where_this_process_found_them(tmp_path: Path) -> None:
    write_configuration(tmp_path, no_log=True)

    parser = configparser.ConfigParser()
    parser.read(tmp_path / "ansible.cfg")
    for root in parser["defaults"]["collections_path"].split(":"):
        assert (Path(root) / "ansible_collections").is_dir()
    assert parser["defaults"]["no_log"] == "True"


def test_kubernetes_core_and_this_collection_are_among_the_roots() -> None:
    roots = collection_roots()

    assert any((Path(root) / "ansible_collections/kubernetes/core").is_dir() for root in roots)
    assert any((Path(root) / "ansible_collections/e2ereme/remediate").is_dir() for root in roots)


def test_options_become_variables_that_kubernetes_core_reads(tmp_path: Path) -> None:
    options = {
        "host": "https://k:6443",
        "api_key": "token",
        "validate_certs": False,
        "impersonate_groups": ["a", "b"],
        "proxy_headers": {"basic_auth": "u:p", "user_agent": None},
    }

    assert cluster_environment(options, {}, tmp_path) == {
        "K8S_AUTH_HOST": "https://k:6443",
        "K8S_AUTH_API_KEY": "token",
        "K8S_AUTH_VALIDATE_CERTS": "false",
        "K8S_AUTH_IMPERSONATE_GROUPS": "a,b",
        "K8S_AUTH_PROXY_HEADERS_BASIC_AUTH": "u:p",
    }


def test_an_option_wins_over_the_environment(tmp_path: Path) -> None:
    found = cluster_environment({"context": "a"}, {"K8S_AUTH_CONTEXT": "b", "KUBECONFIG": "/k"}, tmp_path)

    assert found == {"K8S_AUTH_CONTEXT": "a", "K8S_AUTH_KUBECONFIG": "/k"}


def test_relative_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert cluster_environment({"kubeconfig": "k:l"}, {}, tmp_path) == {
        "K8S_AUTH_KUBECONFIG": f"{tmp_path}/k:{tmp_path}/l"
    }


def test_an_inline_kubeconfig_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    found = cluster_environment({"kubeconfig": {"kind": "Config"}}, {}, tmp_path)

    path = Path(found["K8S_AUTH_KUBECONFIG"])
    assert json.loads(path.read_text()) == {"kind": "Config"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_bare_host_gets_a_kubeconfig_of_its_own(tmp_path: Path) -> None:
    found = cluster_environment({"host": "http://127.0.0.1:8001"}, {"KUBECONFIG": "/does/not/exist"}, tmp_path)

    written = json.loads(Path(found["K8S_AUTH_KUBECONFIG"]).read_text())
    assert written["clusters"][0]["cluster"]["server"] == "http://127.0.0.1:8001"
    assert found["K8S_AUTH_HOST"] == "http://127.0.0.1:8001"


def test_in_a_pod_the_service_account_is_used_as_kubernetes_core_does(tmp_path: Path) -> None:
    assert cluster_environment({}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, tmp_path) == {}
