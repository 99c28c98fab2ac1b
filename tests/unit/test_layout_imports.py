"""The contracts in pyproject.toml must catch what they are there for; plugins must load with next to nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = ("benchmark", "cli", "model", "plugins", "sandbox", "training")
PREFIX = "ansible_collections.e2ereme.remediate"


def lint_imports(checkout: Path, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--config", root / "pyproject.toml"],
        cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout)}, text=True, capture_output=True, check=False,
    )  # fmt: skip


@pytest.fixture
def copy(tmp_path: Path, root: Path) -> Path:
    """A copy of our Python files at ansible_collections/e2ereme/remediate, apart from the real ones."""
    # A regular package at the top hides the namespace of the same name in site-packages.
    (tmp_path / "ansible_collections").mkdir()
    (tmp_path / "ansible_collections" / "__init__.py").touch()
    for package in PACKAGES:
        for source in (root / package).rglob("*.py"):
            target = tmp_path / "ansible_collections" / "e2ereme" / "remediate" / source.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    return tmp_path


def add(copy: Path, path: str, code: str) -> None:
    """Appends to a file of the copy, or makes it."""
    target = copy / "ansible_collections" / "e2ereme" / "remediate" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("a", encoding="utf-8") as file:
        file.write(f"\n{code}\n")


def test_the_checkout_keeps_the_contracts(root: Path) -> None:
    done = lint_imports(root, root)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("path", "code", "contract"),
    [
        ("plugins/module_utils/intruder.py", "from ..plugin_utils import loop", "Imports point one way"),
        ("plugins/plugin_utils/intruder.py", "from ...model import base", "Imports point one way"),
        ("plugins/plugin_utils/intruder.py", f"import {PREFIX}.model.base", "Imports point one way"),
        ("model/intruder.py", "def late():\n    from ..cli import main", "Imports point one way"),
        ("sandbox/intruder.py", "from ..plugins.module_utils import errors", "The sandbox imports nothing else"),
        ("model/intruder.py", "from ..sandbox import store", "The product does not know the sandbox"),
        ("benchmark/oracle.py", "from ..plugins.module_utils import verify", "The judge and verify"),
    ],
)
def test_an_import_against_the_direction_breaks_its_contract(
    copy: Path, root: Path, path: str, code: str, contract: str
) -> None:
    add(copy, "plugins/module_utils/verify.py", "")
    add(copy, path, code)

    done = lint_imports(copy, root)

    assert done.returncode == 1, done.stdout + done.stderr
    broken = [line for line in done.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(line.startswith(contract) for line in broken), broken


BARE = """
import importlib, importlib.abc, sys
from pathlib import Path

class OnlyStandardLibraryAndYaml(importlib.abc.MetaPathFinder):
    allowed = set(sys.stdlib_module_names) | {"yaml", "_yaml", "ansible_collections"} | set(sys.argv[2:])
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in self.allowed:
            raise ImportError(f"{name} is neither standard library nor PyYAML")

sys.meta_path.insert(0, OnlyStandardLibraryAndYaml())
importlib.import_module(sys.argv[1])
"""


def importable(root: Path, *packages: str) -> list[str]:
    paths = sorted(path for package in packages for path in (root / package).rglob("*.py"))
    return [".".join(path.relative_to(root).with_suffix("").parts) for path in paths if path.stem[0] != "_"]


ROOT = Path(__file__).resolve().parents[2]


def bare_import(module: str, *also: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BARE, f"{PREFIX}.{module}", *also], text=True, capture_output=True, check=False
    )


@pytest.mark.parametrize("module", importable(ROOT, "plugins/module_utils", "plugins/plugin_utils", "model"))
def test_the_library_imports_on_the_standard_library_and_pyyaml(module: str) -> None:
    done = bare_import(module)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "module",
    importable(ROOT, "plugins/action", "plugins/callback", "plugins/doc_fragments", "plugins/filter",
               "plugins/lookup", "plugins/modules"),
)  # fmt: skip
def test_a_plugin_imports_with_ansible_alone(module: str) -> None:
    done = bare_import(module, "ansible", "jinja2", "markupsafe", "packaging", "cryptography", "resolvelib")

    assert done.returncode == 0, done.stderr


def test_the_bare_import_refuses_a_third_party_package(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BARE, "torch"], text=True, capture_output=True, check=False, cwd=tmp_path
    )

    assert "torch is neither standard library nor PyYAML" in done.stderr
