"""The command `e2ereme`: finds its subcommands, and never shows a user a stack trace for what is their business."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.e2ereme.remediate.cli import main as cli


def test_a_file_is_a_subcommand_named_after_it(root: Path) -> None:
    found = cli.commands()

    assert found["model"] == "model"
    assert "main" not in found
    assert all((root / "cli" / f"{stem}.py").is_file() for stem in found.values())


def test_help_lists_every_subcommand(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])

    assert ended.value.code == 0
    listed = capsys.readouterr().out
    assert [name for name in cli.commands() if name not in listed] == []


def test_an_error_of_ours_is_one_line_and_a_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = cli.main(["model", "check", "--folder", str(tmp_path / "nowhere")])

    assert status == 1
    assert capsys.readouterr().err.startswith("e2ereme: There is no converted base model in")


def test_an_unknown_subcommand_is_refused() -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["repair-everything"])

    assert ended.value.code == 2


def test_help_loads_neither_torch_nor_kubernetes() -> None:
    code = (
        "import contextlib, sys\nfrom ansible_collections.e2ereme.remediate.cli.main import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "print('heavy:', *[name for name in ('torch', 'transformers', 'kubernetes') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)

    assert done.stdout.splitlines()[-1] == "heavy:"
