"""Working folders: nobody's are removed, somebody's stay."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from pathlib import Path

from ansible_collections.e2ereme.remediate.plugins.plugin_utils.workfolder import remove_abandoned, work_folder


def test_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = work_folder("w-", tmp_path)

    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_one_whose_process_is_gone_is_removed_by_the_next(tmp_path: Path) -> None:
    first = work_folder("w-", tmp_path)
    (first.path / "secret").write_text("x")
    first.hand_over()  # to nobody

    second = work_folder("w-", tmp_path)

    assert list(tmp_path.iterdir()) == [second.path]


def test_one_that_another_process_holds_stays_until_that_is_killed(tmp_path: Path) -> None:
    first = work_folder("w-", tmp_path)
    holder = subprocess.Popen(["sleep", "60"], pass_fds=(first.lock,))
    first.hand_over()
    remove_abandoned(tmp_path, "w-")
    assert first.path.exists()

    holder.kill()
    holder.wait()

    remove_abandoned(tmp_path, "w-")
    assert not first.path.exists()


def test_what_was_not_made_here_stays(tmp_path: Path) -> None:
    other, link, plain = tmp_path / "w-other", tmp_path / "w-link", tmp_path / "w-file"
    other.mkdir()
    (other / "data").write_text("x")
    link.symlink_to(other)
    plain.write_text("x")
    os.utime(other, (time.time() - 9999,) * 2)
    abandoned = work_folder("v-", tmp_path)
    abandoned.hand_over()

    remove_abandoned(tmp_path, "w-")

    assert sorted(tmp_path.iterdir()) == sorted([other, link, plain, abandoned.path])
    assert (other / "data").exists()


def test_an_empty_one_that_was_never_locked_goes_once_it_is_old(tmp_path: Path) -> None:
    old, new = tmp_path / "w-old", tmp_path / "w-new"
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (time.time() - 9999,) * 2)

    remove_abandoned(tmp_path, "w-")

    assert list(tmp_path.iterdir()) == [new]


def test_another_users_lock_file_is_not_followed(tmp_path: Path) -> None:
    folder, target = tmp_path / "w-a", tmp_path / "target"
    folder.mkdir()
    (folder / ".in-use").symlink_to(target)

    remove_abandoned(tmp_path, "w-")

    assert folder.exists()
    assert not target.exists()
