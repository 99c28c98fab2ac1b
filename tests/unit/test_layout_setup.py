"""Set-up: what it installs, which torch it takes, when a step is done again."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml


@pytest.fixture(scope="module")
def install(root: Path) -> ModuleType:
    """setup/install.py, which is a script beside torch_build.py and no part of the package."""
    sys.path.insert(0, str(root / "setup"))
    try:
        spec = importlib.util.spec_from_file_location("install", root / "setup" / "install.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules["install"] = module
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(root / "setup"))


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return loaded


def report(*names: str) -> str:
    """What `pip install --dry-run --report -` says, as far as it is read."""
    return json.dumps({"install": [{"metadata": {"name": name, "version": "1"}} for name in names]})


def test_without_a_gpu_a_cuda_build_is_replaced_by_the_cpu_index(install: ModuleType) -> None:
    index = install.torch_build.choose_index(False, "", lambda: report("torch", "nvidia-cublas", "sympy"))

    assert index == install.torch_build.CPU_INDEX


def test_without_a_gpu_a_cpu_build_is_taken_from_where_pip_found_it(install: ModuleType) -> None:
    index = install.torch_build.choose_index(False, "", lambda: report("torch", "sympy", "filelock"))

    assert index == ""


def test_with_a_gpu_pip_is_not_even_asked(install: ModuleType) -> None:
    def unwanted() -> str:
        raise AssertionError("asked pip")

    assert install.torch_build.choose_index(True, "", unwanted) == ""


def test_the_index_that_the_user_names_is_taken(install: ModuleType) -> None:
    assert install.torch_build.choose_index(False, "https://mirror/whl", report) == "https://mirror/whl"


@pytest.mark.parametrize("name", ["nvidia-cudnn-cu13", "cuda-bindings", "triton"])
def test_what_comes_with_cuda_is_recognised(install: ModuleType, name: str) -> None:
    assert install.torch_build.brings_cuda(report("torch", name))


def test_a_step_is_done_once_and_again_when_its_inputs_change(
    install: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "STAMPS", tmp_path)
    did: list[str] = []

    def set_up(inputs: str) -> int:
        step = install.Step("one", "a step", inputs, lambda: did.append(inputs))
        monkeypatch.setattr(install, "steps", lambda checks=False: [step])
        return int(install.main())

    statuses = [set_up("pin 1"), set_up("pin 1"), set_up("pin 2")]

    assert statuses == [0, 0, 0]
    assert did == ["pin 1", "pin 2"]


def test_a_failed_step_leaves_no_stamp_and_says_what_failed(
    install: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "STAMPS", tmp_path)
    step = install.Step("one", "a step", "", lambda: install.run(sys.executable, "-c", "raise SystemExit('no disk')"))
    monkeypatch.setattr(install, "steps", lambda checks=False: [step])

    status = install.main()

    assert status == 1
    assert "no disk" in capsys.readouterr().out
    assert not step.done()


def test_torch_comes_before_anything_that_would_pull_one_in(install: ModuleType) -> None:
    names = [step.name for step in install.steps()]

    assert names.index("venv") < names.index("torch") < names.index("packages")


def test_everything_asked_for_is_pinned(root: Path, project: dict[str, Any]) -> None:
    asked = project["dependencies"] + [one for extra in project["optional-dependencies"].values() for one in extra]
    pinned = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (root / "constraints.txt").read_text().splitlines()
        if "==" in line
    }

    missing = [one for one in asked if re.split(r"[=<>~!\[ ]", one)[0].lower().replace("_", "-") not in pinned]

    assert missing == []


def test_the_base_package_is_the_one_that_the_conversion_knows(install: ModuleType) -> None:
    from ansible_collections.e2ereme.remediate.model import base

    assert install.BASE_PACKAGE == base.PACKAGE


def test_galaxy_and_python_name_the_same_version(root: Path, project: dict[str, Any]) -> None:
    galaxy = yaml.safe_load((root / "galaxy.yml").read_text())

    assert galaxy["version"] == project["version"]


def test_a_wheel_takes_every_folder_that_holds_our_code(root: Path) -> None:
    taken = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    tops = {
        path.relative_to(root).parts[0] for path in root.glob("*/**/*.py") if path.relative_to(root).parts[0][0] != "."
    }

    assert tops - {"setup", "tests", "build", "dist", "out", "collections"} <= set(taken["only-include"])


@pytest.mark.parametrize(
    "path", sorted(Path(__file__).resolve().parents[2].glob("plugins/**/*.py")), ids=lambda p: p.name
)
def test_a_plugin_file_states_its_licence(path: Path) -> None:
    assert "GNU General Public License v3.0+" in path.read_text()[:300]
