"""The tuned adapter: where it lies, and whether it fits this prompt, grammar and probe."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from ..plugins.module_utils.errors import ModelMissing
from . import base
from .prompt import format_hash

FOLDER = Path(__file__).resolve().parent / "weights"
CARD = "format.json"


@dataclass(frozen=True)
class Weights:
    """A base model's folder, and an adapter's (None: the untuned base)."""

    base: Path
    adapter: Path | None

    @property
    def key(self) -> str:
        """Names this model among others: part of the worker's socket."""
        adapter = (self.adapter / "adapter_model.safetensors").stat() if self.adapter else None
        stamp = f"{adapter.st_size}-{adapter.st_mtime_ns}" if adapter else "base"
        return hashlib.sha256(f"{self.base}|{self.adapter}|{stamp}|{format_hash()}".encode()).hexdigest()[:16]


def find(adapter: str = "default", folder: Path | None = None) -> Weights:
    """``adapter``: "default" (the shipped one), "none" (the untuned base) or a folder. Raises ModelMissing."""
    at = folder or base.default_folder()
    base.check(at)
    if adapter == "none":
        return Weights(at, None)
    path = FOLDER if adapter == "default" else Path(adapter)
    check(path)
    return Weights(at, path)


def check(path: Path) -> None:
    """Raises ModelMissing where the adapter is not whole or was trained for another format."""
    for name in ("adapter_model.safetensors", "adapter_config.json", CARD):
        if not (path / name).is_file():
            raise ModelMissing(
                f"The adapter in {path} lacks {name}.", "Reinstall the collection or train it: `make train`."
            )
    try:
        card = json.loads((path / CARD).read_text("utf-8"))
        size, hashed = int(card["size"]), str(card["sha256"])
    except (ValueError, KeyError, TypeError):
        raise ModelMissing(f"{path / CARD} cannot be read.", "Reinstall the collection or train again.") from None
    weights = path / "adapter_model.safetensors"
    if weights.stat().st_size != size or base.sha256(weights) != hashed:
        raise ModelMissing(f"{weights} is truncated or was changed.", "Reinstall the collection or train again.")
    if card.get("format") != format_hash():
        raise ModelMissing(
            f"The adapter in {path} was trained for another prompt, grammar or evidence format.",
            "Train it again for this version: `make train`.",
        )


def write_card(path: Path, **facts: object) -> None:
    """Writes the card beside freshly trained weights."""
    weights = path / "adapter_model.safetensors"
    card = {"format": format_hash(), "size": weights.stat().st_size, "sha256": base.sha256(weights), **facts}
    (path / CARD).write_text(json.dumps(card, indent=2) + "\n", "utf-8")
