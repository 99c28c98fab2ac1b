"""The same tree as a wheel: pip puts it where Python finds the command, and Ansible the collection."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def programs(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a fresh environment: the wheel, installed without network, and what it depends on."""
    folder = tmp_path_factory.mktemp("wheel")
    here = Path(sys.executable).parent
    build = [here / "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(build, cwd=root, check=True, capture_output=True)
    (wheel,) = folder.glob("e2ereme_remediate-*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    python = folder / "env" / "bin" / "python"
    install = ["-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run([sys.executable, *install], check=True, capture_output=True)
    (ours,) = (folder / "env" / "lib").glob("python3.*/site-packages")
    (theirs,) = (Path(sys.prefix) / "lib").glob("python3.*/site-packages")
    for entry in theirs.iterdir():
        if not (ours / entry.name).exists() and not entry.name.startswith("__editable__") and entry.suffix != ".pth":
            (ours / entry.name).symlink_to(entry)
    return python.parent


def said(programs: Path, home: Path, *command: str) -> str:
    environment = {"PATH": os.defpath, "HOME": str(home), "LC_ALL": "C.UTF-8"}
    line = [str(programs / "python"), *command]
    return subprocess.run(line, env=environment, cwd=home, check=True, capture_output=True, text=True).stdout


def test_the_command_comes_with_it(programs: Path, tmp_path: Path) -> None:
    shown = said(programs, tmp_path, str(programs / "e2ereme"), "--help")

    assert "model" in shown and "sandbox" in shown


def test_what_is_imported_is_what_was_installed(programs: Path, tmp_path: Path) -> None:
    ask = "from ansible_collections.e2ereme.remediate.model import base; print(base.__file__, base.default_folder())"
    where, cache = said(programs, tmp_path, "-c", ask).split()

    assert Path(where).is_relative_to(programs.parent)
    assert Path(cache).is_relative_to(tmp_path)


def test_ansible_finds_role_and_module(programs: Path, tmp_path: Path) -> None:
    role = said(programs, tmp_path, "-m", "ansible", "doc", "--type", "role", "e2ereme.remediate.remediate")
    listed = said(programs, tmp_path, "-m", "ansible", "doc", "--list", "e2ereme.remediate")

    assert "remediate_report" in role
    assert "e2ereme.remediate.probe" in listed
