"""The collection as people install it: a tarball, without network, into an environment that has no torch."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import textwrap
from pathlib import Path
from typing import Any

import pytest
from staging import Place, ScriptedModel, patch

HEAVY = ("torch", "transformers", "llguidance", "peft", "safetensors", "tokenizers", "accelerate", "ansiblelint")
MOST_BYTES = 8_000_000
EXTRA: dict[str, str] = {}
"""What a test adds to the environment."""


@pytest.fixture(scope="module")
def tarball(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the checkout."""
    out = tmp_path_factory.mktemp("built")
    galaxy = Path(sys.executable).with_name("ansible-galaxy")
    subprocess.run([galaxy, "collection", "build", root, "--output-path", out], check=True, capture_output=True)
    (built,) = out.glob("e2ereme-remediate-*.tar.gz")
    return built


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with this one's packages, less the heavy ones and less every collection."""
    home = tmp_path_factory.mktemp("light")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    (target,) = (home / "lib").glob("python3.*/site-packages")
    (source,) = (Path(sys.prefix) / "lib").glob("python3.*/site-packages")
    for entry in source.iterdir():
        native = entry.name.startswith("_") and entry.suffix == ".so"  # _cffi_backend and its like
        left_out = entry.name.startswith((*HEAVY, "ansible_collections", "_", "e2ereme")) or entry.suffix == ".pth"
        if native or not left_out:
            (target / entry.name).symlink_to(entry)
    return home / "bin" / "python"


@pytest.fixture(scope="module")
def installed(tarball: Path, python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of collections: kubernetes.core was there, ours is installed beside it, offline."""
    folder = tmp_path_factory.mktemp("collections")
    (source,) = (Path(sys.prefix) / "lib").glob("python3.*/site-packages/ansible_collections/kubernetes")
    (folder / "ansible_collections").mkdir()
    (folder / "ansible_collections" / "kubernetes").symlink_to(source)
    command = [python, "-m", "ansible", "galaxy", "collection", "install", "--offline", "-p", folder, tarball]
    environment = {**clean(folder, folder), "ANSIBLE_COLLECTIONS_PATH": str(folder)}
    subprocess.run(list(map(str, command)), check=True, capture_output=True, env=environment, cwd=folder)
    return folder


def clean(collections: Path, home: Path) -> dict[str, str]:
    """The environment of somebody who has nothing but the installed collection."""
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_NOCOLOR": "1",
        **EXTRA,
    }


def run(
    python: Path, collections: Path, home: Path, *arguments: Any, **variables: Any
) -> subprocess.CompletedProcess[str]:
    """ansible-playbook out of the light environment."""
    command = [python, "-m", "ansible", "playbook", *arguments, "-e", json.dumps(variables)]
    return subprocess.run(
        list(map(str, command)),
        env=clean(collections, home),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_carries_the_weights_and_nothing_of_the_checkout(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        names = archive.getnames()
    assert "model/weights/adapter_model.safetensors" in names
    assert "plugins/plugin_utils/default_policy.yml" in names
    assert not [name for name in names if name.startswith(("tests", ".venv", ".cache", "out", "setup", "."))]
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert tarball.stat().st_size < MOST_BYTES


def test_a_users_own_playbook_repairs_and_its_rescue_gets_the_outcome(
    python: Path, installed: Path, place: Place, model: ScriptedModel, tmp_path: Path
) -> None:
    place.break_image()
    model.answers = [
        "cites: e1\ndiagnosis: beyond reach\nstep: escalate\nreason: a person must push the image\n",
        patch(place, place.good),
    ]
    book = tmp_path / "ours.yml"
    book.write_text(
        textwrap.dedent("""\
        - name: Ours
          hosts: localhost
          gather_facts: false
          module_defaults:
            group/e2ereme.remediate.remediate: {kubeconfig: "{{ kubeconfig }}"}
          tasks:
            - name: Repair, or page
              block:
                - e2ereme.remediate.remediate: &how
                    {report: cart fails, namespace: "{{ space }}", model: "{{ server }}", settle: 1, out: first}
              rescue:
                - ansible.builtin.debug:
                    msg: "paged: {{ ansible_failed_result.outcome }} {{ ansible_failed_result.folder }}"
                - e2ereme.remediate.remediate: {<<: *how, out: second}
        """)
    )

    done = run(python, installed, tmp_path, book, space=place.namespace, kubeconfig=place.kubeconfig, server=model.url)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"paged: escalated {tmp_path / 'first'}" in done.stdout
    assert place.image() == place.good
    assert (tmp_path / "second" / "attempt-1" / "undo.yml").exists()


def test_without_torch_the_error_says_what_to_do_before_anything_is_changed(
    python: Path, installed: Path, place: Place, tmp_path: Path
) -> None:
    place.break_image()

    done = run(
        python,
        installed,
        tmp_path,
        "e2ereme.remediate.remediate",
        report="cart fails",
        remediate_namespace=place.namespace,
        remediate_kubeconfig=place.kubeconfig,
        remediate_out=str(tmp_path / "out"),
    )

    assert done.returncode == 2
    assert "model prepare" in done.stdout, done.stdout + done.stderr
    assert "model_python" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert place.image() == place.bad


def test_the_command_runs_out_of_the_installed_collection(python: Path, installed: Path, tmp_path: Path) -> None:
    environment = {**clean(installed, tmp_path), "PYTHONPATH": str(installed)}
    module = "ansible_collections.e2ereme.remediate.cli"
    done = subprocess.run(
        [python, "-m", module, "model", "check"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "e2ereme: " in done.stderr and "prepare" in done.stderr


def test_another_python_runs_the_model(
    python: Path, installed: Path, place: Place, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.break_image()
    monkeypatch.setitem(EXTRA, "E2EREME_BASE", str(root / ".cache" / "base"))
    monkeypatch.setitem(EXTRA, "TMPDIR", str(tmp_path))

    with contextlib.ExitStack() as after:
        after.callback(end_worker, str(tmp_path))
        done = run(
            python,
            installed,
            tmp_path,
            "e2ereme.remediate.plan",
            report="cart fails",
            remediate_namespace=place.namespace,
            remediate_kubeconfig=place.kubeconfig,
            remediate_model_python=sys.executable,
            remediate_attempts=1,
            remediate_out=str(tmp_path / "out"),
        )

    episode = json.loads((tmp_path / "out" / "episode.json").read_text("utf-8"))
    assert episode["tokens"]["out"] > 0, done.stdout + done.stderr
    assert episode["outcome"] in ("planned", "escalated", "exhausted")


def end_worker(folder: str) -> None:
    """Ends the model worker whose socket lies in a folder; it would idle for minutes."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if folder.encode() in (process / "cmdline").read_bytes():
                os.kill(int(process.name), signal.SIGTERM)
