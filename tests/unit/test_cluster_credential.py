"""Programs that a kubeconfig names for a credential: what they are told, what they say, when they are asked again."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.connect import KubernetesTransport
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import InputError
from ansible_collections.e2ereme.remediate.plugins.module_utils.exec_credential import settled, without_program
from ansible_collections.e2ereme.remediate.plugins.module_utils.kubeconfig_file import read_kubeconfig

VERSION = "client.authentication.k8s.io/v1"
PATH = {"PATH": "/usr/bin:/bin"}

Naming = Callable[..., dict[str, Any]]


@pytest.fixture
def naming(tmp_path: Path) -> Naming:
    """Writes a program from lines of shell; gives a kubeconfig that names it. Each call leaves a line in ``asked``."""

    def write(*lines: str, **call: Any) -> dict[str, Any]:
        program = tmp_path / "program"
        program.write_text("\n".join(["#!/bin/sh", f'echo "$KUBERNETES_EXEC_INFO" >> {tmp_path}/asked', *lines]) + "\n")
        program.chmod(0o700)
        said = {"apiVersion": VERSION, "command": str(program), **call}
        return {
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}],
            "clusters": [{"name": "c", "cluster": {"server": "https://k:6443", "tls-server-name": "k"}}],
            "users": [{"name": "u", "user": {"exec": said}}],
        }

    return write


def saying(**status: str) -> str:
    """The line of shell that prints an ExecCredential; ``$VARIABLE`` in it is the program's own."""
    return f"cat <<END\n{json.dumps({'apiVersion': VERSION, 'kind': 'ExecCredential', 'status': status})}\nEND"


def test_what_it_says_takes_its_place_for_that_context_alone(naming: Naming) -> None:
    content = naming(saying(token="abc"))
    content["users"].append({"name": "other", "user": {"token": "secret of another cluster"}})

    alone, expires = settled(content, None, PATH)

    assert alone["users"] == [{"name": "u", "user": {"token": "abc"}}]
    assert alone["contexts"] == content["contexts"]
    assert expires is None


def test_a_certificate_comes_with_its_key(naming: Naming) -> None:
    alone, _ = settled(naming(saying(clientCertificateData="PEM", clientKeyData="KEY")), None, PATH)

    user = alone["users"][0]["user"]
    assert base64.b64decode(user["client-certificate-data"]) == b"PEM"
    assert base64.b64decode(user["client-key-data"]) == b"KEY"


def test_it_gets_the_environment_with_what_the_kubeconfig_adds_and_its_arguments(naming: Naming) -> None:
    content = naming(
        saying(token="$OUTER-$ADDED-$1"), env=[{"name": "ADDED", "value": "b"}], args=["c"], interactiveMode="Never"
    )

    alone, _ = settled(content, None, {**PATH, "OUTER": "a"})

    assert alone["users"][0]["user"]["token"] == "a-b-c"


def test_it_is_told_the_cluster_where_it_asks_for_that(naming: Naming, tmp_path: Path) -> None:
    content = naming(saying(token="t"), provideClusterInfo=True)
    content["clusters"][0]["cluster"]["extensions"] = [
        {"name": "client.authentication.k8s.io/exec", "extension": {"a": 1}}
    ]

    settled(content, None, PATH)

    told = json.loads((tmp_path / "asked").read_text())
    assert told["spec"] == {
        "interactive": False,
        "cluster": {"server": "https://k:6443", "tls-server-name": "k", "config": {"a": 1}},
    }


@pytest.mark.parametrize(("minutes", "asked"), [(None, 1), (30, 1), (1, 2), (-1, 2)])
def test_it_is_asked_again_only_for_a_credential_that_does_not_last(
    naming: Naming, tmp_path: Path, minutes: float | None, asked: int
) -> None:
    until = (
        {} if minutes is None else {"expirationTimestamp": f"{datetime.now(UTC) + timedelta(minutes=minutes):%FT%TZ}"}
    )
    content = naming(saying(token="t", **until))

    for _ in range(2):
        settled(content, None, PATH, lasting=300)

    assert len((tmp_path / "asked").read_text().splitlines()) == asked


@pytest.mark.parametrize(
    ("lines", "call", "what"),
    [
        (
            ["echo 'session is over, log in' >&2", "exit 3"],
            {},
            r"program' failed \(3\)|failed \(3\): session is over, log in",
        ),
        (["echo hello"], {}, "printed no ExecCredential: no JSON"),
        (["echo '[1]'"], {}, "printed no ExecCredential"),
        ([saying()], {}, "neither a token nor a certificate"),
        ([saying(clientCertificateData="x")], {}, "its key go together"),
        (
            [saying(token="t")],
            {"apiVersion": "client.authentication.k8s.io/v1beta1"},
            "v1beta1 ExecCredential was expected",
        ),
        (
            [],
            {"command": "no-such-program", "installHint": "Get it at k.invalid"},
            "cannot be started.*Get it at k.invalid",
        ),
        ([], {"interactiveMode": "Always"}, "wants a terminal"),
    ],
)
def test_what_is_wrong_with_it_is_said(naming: Naming, lines: list[str], call: dict[str, Any], what: str) -> None:
    with pytest.raises(InputError, match=what):
        settled(naming(*lines, **call), None, PATH)


def test_a_secret_that_it_prints_while_failing_is_not_repeated(naming: Naming) -> None:
    with pytest.raises(InputError) as failed:
        settled(naming("echo 'token=hunter2' >&2", "exit 1"), None, PATH)

    assert "hunter2" not in str(failed.value)


def test_a_program_beside_the_kubeconfig_is_found_from_anywhere(naming: Naming, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(json.dumps(naming(saying(token="t"), command="./program")))

    content = without_program(str(tmp_path / "config"), None, PATH)

    assert content["users"][0]["user"] == {"token": "t"}


def test_a_user_with_a_token_of_its_own_is_left_as_it_is(naming: Naming, tmp_path: Path) -> None:
    content = naming(saying(token="other"))
    content["users"][0]["user"]["token"] = "own"

    assert without_program(content, None, PATH) is content
    assert not (tmp_path / "asked").exists()


def test_a_connection_asks_for_a_new_credential_when_the_old_one_ends(naming: Naming, tmp_path: Path) -> None:
    content = naming(saying(token="t", expirationTimestamp=f"{datetime.now(UTC) + timedelta(seconds=9):%FT%TZ}"))
    content["clusters"][0]["cluster"] = {"server": "http://127.0.0.1:9"}
    transport = KubernetesTransport({"kubeconfig": content})

    with pytest.raises(Exception, match="refused"):
        transport.request("GET", "/version")

    assert len((tmp_path / "asked").read_text().splitlines()) == 2


def test_of_several_files_the_first_says_and_paths_start_from_their_own_folder(tmp_path: Path) -> None:
    for place, server in (("a", "https://a"), ("b", "https://b")):
        (tmp_path / place).mkdir()
        cluster = {"server": server, "certificate-authority": "ca.crt"}
        content = {"clusters": [{"name": "c", "cluster": cluster}, {"name": place, "cluster": cluster}]}
        (tmp_path / place / "config").write_text(json.dumps({**content, "current-context": place}))

    found = read_kubeconfig(f"{tmp_path}/none:{tmp_path}/a/config:{tmp_path}/b/config")

    clusters = {entry["name"]: entry["cluster"] for entry in found["clusters"]}
    assert found["current-context"] == "a"
    assert clusters["c"] == clusters["a"] == {"server": "https://a", "certificate-authority": f"{tmp_path}/a/ca.crt"}
    assert clusters["b"]["certificate-authority"] == f"{tmp_path}/b/ca.crt"


def test_only_its_owner_can_read_what_a_container_is_given(naming: Naming, tmp_path: Path) -> None:
    from ansible_collections.e2ereme.remediate.plugins.plugin_utils.container_environment import container_environment

    (tmp_path / "ca.crt").write_text("CA")
    (tmp_path / "token").write_text("T")
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}

    found = container_environment({}, environ, tmp_path, account=tmp_path)

    written = json.loads((tmp_path / "kubeconfig").read_text())
    assert found == {"K8S_AUTH_KUBECONFIG": "/runner/kubeconfig"}
    assert stat.S_IMODE((tmp_path / "kubeconfig").stat().st_mode) == 0o600
    assert written["clusters"][0]["cluster"] == {
        "server": "https://[fd00::1]:443",
        "certificate-authority-data": base64.b64encode(b"CA").decode(),
    }
    assert written["users"][0]["user"] == {"token": "T"}
