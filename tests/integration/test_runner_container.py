"""ansible-runner in a container: what gets in, and that it ends. A script stands in for the engine."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from pathlib import Path

import pytest
from staging import Place

from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import RunError
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Playbook
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.run import ProcessRunner, Through
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.runner_files import collection_roots

ENGINE = textwrap.dedent("""\
    #!{python}
    # As podman and docker: a new environment and a folder at /runner. What runs there is this machine's Ansible.
    import json, os, sys
    arguments = sys.argv[1:]
    with open("{log}", "a") as log:
        log.write(json.dumps(arguments) + "\\n")
    if arguments[0] == "run":
        if "missing:1" in arguments:
            sys.exit("Error: missing:1: image not known")
        folder = arguments[arguments.index("-v") + 1].split(":")[0].rstrip("/")
        inside = lambda text: text.replace("/runner", folder)
        with open(arguments[arguments.index("--env-file") + 1]) as file:
            given = dict(line.rstrip("\\n").split("=", 1) for line in file if "=" in line)
        with open("{log}.env", "w") as file:
            json.dump(given, file)
        own = {{"PATH": "{path}", "HOME": folder, "LC_ALL": "C.UTF-8", "ANSIBLE_COLLECTIONS_PATH": "{roots}"}}
        own["ANSIBLE_PYTHON_INTERPRETER"] = "{python}"
        os.chdir(folder + "/project")
        command = arguments[arguments.index("image:1") + 1 :]
        environment = {{name: inside(value) for name, value in given.items()}}
        os.execvpe(command[0], [inside(word) for word in command], {{**own, **environment}})
""")


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts the stand-in on PATH; gives the file with a line for each of its calls."""
    folder, log = tmp_path / "bin", tmp_path / "calls"
    folder.mkdir()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    text = ENGINE.format(python=sys.executable, log=log, path=path, roots=os.pathsep.join(collection_roots()))
    (folder / "podman").write_text(text)
    (folder / "podman").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return log


def playbook(task: str) -> Playbook:
    """A playbook of one task, a line of YAML."""
    text = f"- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n    - {task}\n"
    return Playbook((), text, ())


def test_the_playbook_reaches_the_cluster_with_what_it_was_given_and_nothing_else(
    engine: Path, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "leaks")
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "leaks")
    content = json.loads(Path(place.kubeconfig).read_text())
    (tmp_path / "token").write_text("from a file")
    content["users"][0]["user"] = {"tokenFile": str(tmp_path / "token")}
    look = playbook("{name: Look, kubernetes.core.k8s_info: {kind: Service, namespace: shop, name: cart}}")

    with ProcessRunner({"kubeconfig": content}, parent=tmp_path / "bin", through=Through("image:1")) as runner:
        result = runner.run(look, check=True)

    given = json.loads(engine.with_suffix(".env").read_text())
    assert result.ok, result
    assert result.tasks[0].message == "1 found"
    assert given["K8S_AUTH_KUBECONFIG"] == "/runner/kubeconfig"
    assert "leaks" not in given.values()
    assert [entry.name for entry in (tmp_path / "bin").iterdir()] == ["podman"]


def test_an_interrupt_ends_the_container_by_its_name(engine: Path, tmp_path: Path) -> None:
    sleep = playbook("{name: Sleep, ansible.builtin.command: {argv: [sleep, '986.5']}}")
    modules = ["ansible.builtin.command"]

    def interrupt(name: str) -> None:
        raise KeyboardInterrupt

    with (
        ProcessRunner({"host": "http://k"}, modules=modules, parent=tmp_path, through=Through("image:1")) as runner,
        pytest.raises(KeyboardInterrupt),
    ):
        runner.run(sleep, on_task=interrupt)

    calls = [json.loads(line) for line in engine.read_text().splitlines()]
    started = next(call for call in calls if call[0] == "run")
    assert ["kill", started[started.index("--name") + 1]] in calls


def test_what_the_engine_says_is_told(engine: Path, tmp_path: Path) -> None:
    with (
        ProcessRunner({"host": "http://k"}, parent=tmp_path, through=Through("missing:1")) as runner,
        pytest.raises(RunError, match=r"did not start: .*missing:1: image not known"),
    ):
        runner.run(playbook("{name: Look, kubernetes.core.k8s_info: {kind: Service}}"))
