"""Kubeconfigs of managed clusters, whose user is a program with an environment of its own."""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path

import pytest
import yaml
from staging import Player, patch

from ansible_collections.e2ereme.remediate.plugins.plugin_utils.cluster_environment import cluster_environment


def calling(play: Player, folder: Path) -> Path:
    """The Place's kubeconfig with a program for a user, which answers only where CLOUD_PROFILE is set."""
    program = folder / "credential"
    program.write_text(
        textwrap.dedent("""\
        #!/bin/sh
        test -n "$CLOUD_PROFILE" || { echo "no profile" >&2; exit 1; }
        echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",' \\
          '"status": {"token": "short-lived"}}'
        """)
    )
    program.chmod(0o755)
    content = yaml.safe_load(Path(play.place.kubeconfig).read_text())
    call = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program), "interactiveMode": "Never"}
    content["users"][0]["user"] = {"exec": call}
    path = folder / "calling"
    path.write_text(json.dumps(content))
    return path


def test_a_user_that_is_a_program_works_from_the_first_look_to_the_run(
    play: Player, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUD_PROFILE", "production")
    kubeconfig = calling(play, tmp_path)
    play.place.break_image()
    play.model.answers = [patch(play.place, play.place.good)]

    played = play(remediate_kubeconfig=str(kubeconfig))

    assert played.rc == 0, played.output
    assert play.place.image() == play.place.good


def test_a_run_gets_the_credential_and_not_the_program(
    play: Player, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUD_PROFILE", "production")

    home = tmp_path / "run"
    home.mkdir()

    found = cluster_environment({"kubeconfig": str(calling(play, tmp_path))}, dict(os.environ), home)

    written = Path(found["K8S_AUTH_KUBECONFIG"])
    user = json.loads(written.read_text())["users"][0]["user"]
    assert user == {"token": "short-lived"}
    assert written.stat().st_mode & 0o077 == 0
    assert set(found) == {"K8S_AUTH_KUBECONFIG"}
