"""What `.ci/run` and `make remediate` do with clusters that are not theirs. The programs they call are stand-ins that
write down how they were called."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def program(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{body}\n")
    path.chmod(0o755)


class Checkout:
    """A folder with our .ci/run, a `make` that only notes its call, and perhaps a lab beside it."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.notes = folder / "notes"
        self.lab = folder / "shared" / "lab"
        (folder / "checkout" / ".ci").mkdir(parents=True)
        self.ci = shutil.copy(root / ".ci" / "run", folder / "checkout" / ".ci" / "run")
        self.programs = folder / "bin"
        program(
            self.programs / "make", f'echo "make $* on ${{KUBECONFIG:-no cluster}}" >>{self.notes}; exit ${{FAIL:-0}}'
        )

    def add_lab(self, up: str) -> None:
        program(self.lab / "up", up)
        program(self.lab / "down", f"echo down >>{self.notes}")

    def run(self, **environment: str) -> tuple[int, list[str]]:
        clean = {key: value for key, value in os.environ.items() if key != "KUBECONFIG"}
        path = f"{self.programs}:{os.environ['PATH']}"
        done = subprocess.run([self.ci], env={**clean, "PATH": path, **environment}, check=False, capture_output=True)
        return done.returncode, self.notes.read_text().splitlines()


@pytest.fixture
def checkout(tmp_path: Path, root: Path) -> Checkout:
    return Checkout(tmp_path, root)


STARTED = "echo 'export KUBECONFIG=/lab.conf'"
FOUND = f"echo 'lab: already running' >&2; {STARTED}"


def test_without_a_lab_tests_and_checks_run_without_a_cluster(checkout: Checkout) -> None:
    assert checkout.run() == (0, ["make test on no cluster", "make check on no cluster"])


def test_a_lab_that_ci_started_serves_the_tests_alone_and_is_stopped_after_them(checkout: Checkout) -> None:
    checkout.add_lab(STARTED)

    assert checkout.run() == (0, ["make test LAB=1 on /lab.conf", "down", "make check on no cluster"])


def test_a_lab_that_was_already_running_keeps_running(checkout: Checkout) -> None:
    checkout.add_lab(FOUND)

    assert checkout.run() == (0, ["make test LAB=1 on /lab.conf", "make check on no cluster"])


def test_a_lab_that_does_not_start_is_cleaned_up_and_its_tests_left_out(checkout: Checkout) -> None:
    checkout.add_lab("exit 1")

    assert checkout.run() == (0, ["make test on no cluster", "down", "make check on no cluster"])


def test_failed_tests_fail_ci_and_still_stop_the_lab(checkout: Checkout) -> None:
    checkout.add_lab(STARTED)

    assert checkout.run(FAIL="2") == (2, ["make test LAB=1 on /lab.conf", "down"])


@pytest.fixture
def remediate(tmp_path: Path, root: Path):  # type: ignore[no-untyped-def]
    """Runs `make remediate`; gives the arguments and the KUBECONFIG that its program was called with."""
    note = f'printf "%s\\n" "$0" "${{KUBECONFIG:-none}}" "$@" >{tmp_path}/call'
    for name in ("e2ereme", "ansible-playbook"):
        program(tmp_path / "bin" / name, note)
    (tmp_path / "bin" / "python").symlink_to(sys.executable)

    def run(*variables: str, **environment: str) -> tuple[str, str, list[str]]:
        command = ["make", "--no-print-directory", "remediate", "PYTHON=true", f"BIN={tmp_path}/bin", *variables]
        clean = {key: value for key, value in os.environ.items() if key not in ("KUBECONFIG", "MAKEFLAGS")}
        subprocess.run(command, cwd=root, env={**clean, **environment}, check=True, capture_output=True)
        called, kubeconfig, *arguments = (tmp_path / "call").read_text().splitlines()
        return Path(called).name, kubeconfig, arguments

    return run


def test_the_demonstration_never_gets_the_cluster_of_the_environment(remediate) -> None:  # type: ignore[no-untyped-def]
    assert remediate("FAULT=bad_image_tag", KUBECONFIG="/production") == (
        "e2ereme", "none", ["demo", "--fault", "bad_image_tag"],
    )  # fmt: skip


def test_a_report_goes_to_the_named_cluster_word_for_word(remediate) -> None:  # type: ignore[no-untyped-def]
    report = """cart says "no; it's `down`" & 50% fail"""

    called, kubeconfig, arguments = remediate(f"REPORT={report}", "NAMESPACE=shop", "KUBECONFIG=/mine")

    assert (called, kubeconfig) == ("ansible-playbook", "/mine")
    assert arguments[:2] == ["playbooks/remediate.yml", "-e"]
    plain = arguments[2].replace('"report": !unsafe ', '"report": ')
    assert plain != arguments[2], "Ansible must take nothing in it for a template"
    assert json.loads(plain) == {"report": report, "remediate_namespace": "shop"}
