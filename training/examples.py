"""One training example: a prompt, the grammar that held, and the answer that an expert gave.

``encode`` walks the answer through the grammar exactly as the engine does. What the grammar forces
is read but not learnt; at every other place the example says what was allowed and what was right.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..model.engine import Guide
from ..plugins.module_utils.errors import ModelError


@dataclass(frozen=True)
class Example:
    """``origin`` tells where it came from (fault, variant, seed, step), for counting and holding out."""

    messages: tuple[dict[str, str], ...]
    lark: str
    answer: str
    origin: dict[str, Any]


@dataclass(frozen=True)
class Encoded:
    """``ids`` are prompt and answer; decision i is made at position ``at[i]`` (it predicts ``ids[at[i] + 1]``).

    ``allowed[i]`` are the ids that the grammar left; an empty one stands for more than ``MANY``.
    """

    ids: tuple[int, ...]
    at: tuple[int, ...]
    allowed: tuple[tuple[int, ...], ...]
    targets: tuple[int, ...]


MANY = 4000


def encode(example: Example, engine: Any) -> Encoded:
    """Raises ModelError where the answer is not in the grammar: the expert said what cannot be said."""
    tokenizer = engine.tokenizer
    ids = engine.encode(example.messages)
    guide = Guide(engine.guide_tokenizer, example.lark, engine.model.config.vocab_size)
    left = example.answer.encode()
    at: list[int] = []
    allowed_sets: list[tuple[int, ...]] = []
    targets: list[int] = []
    while True:
        for token in guide.forced():
            left = _after(left, _bytes(tokenizer, token))
            ids.append(token)
        if guide.done or not left:
            break
        allowed = guide.allowed().tolist()
        token = _next(tokenizer, left, set(allowed))
        if len(allowed) > 1:
            at.append(len(ids) - 1)
            allowed_sets.append(tuple(allowed) if len(allowed) <= MANY else ())
            targets.append(token)
        guide.take([token])
        left = _after(left, _bytes(tokenizer, token))
        ids.append(token)
    if not guide.done and tokenizer.eos_token_id in (allowed := guide.allowed().tolist()):
        at.append(len(ids) - 1)  # where more could follow, ending is a decision too
        allowed_sets.append(tuple(allowed) if len(allowed) <= MANY else ())
        targets.append(tokenizer.eos_token_id)
        ids.append(tokenizer.eos_token_id)
    elif left:
        raise ModelError(f"The grammar ends before the answer does: {left[:40]!r} is left.")
    return Encoded(tuple(ids), tuple(at), tuple(allowed_sets), tuple(targets))


def _next(tokenizer: Any, left: bytes, allowed: set[int]) -> int:
    """The first token of the rest, as the tokenizer would cut it; a shorter one where the grammar has it so."""
    text = left[:48].decode(errors="ignore")
    for token in tokenizer.encode(text, add_special_tokens=False)[:1]:
        if token in allowed:
            return int(token)
    fitting = [token for token in allowed if left.startswith(_bytes(tokenizer, token) or b"\0")]
    if not fitting:
        raise ModelError(f"The grammar does not allow {text[:40]!r} here.")
    return max(fitting, key=lambda token: len(_bytes(tokenizer, token)))


_BYTES: dict[int, bytes] = {}


def _bytes(tokenizer: Any, token: int) -> bytes:
    """The bytes that a byte-level token stands for."""
    if not _BYTES:
        table = {char: byte for byte, char in _byte_alphabet().items()}
        for piece, index in tokenizer.get_vocab().items():
            _BYTES[index] = b"" if index in tokenizer.all_special_ids else bytes(table.get(c, 0) for c in piece)
    return _BYTES.get(token, b"")


def _byte_alphabet() -> dict[int, str]:
    """The printable stand-ins of byte-level BPE (the GPT-2 convention): byte -> character."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {byte: chr(256 + index) for index, byte in enumerate(others)}


def _after(left: bytes, piece: bytes) -> bytes:
    if not left.startswith(piece):
        raise ModelError(f"The grammar forces {piece!r} where the answer has {left[:40]!r}.")
    return left[len(piece) :]


def write(path: Path, examples: Iterable[Example]) -> None:
    """One JSON line an example."""
    with path.open("w", encoding="utf-8") as file:
        for example in examples:
            file.write(json.dumps(asdict(example)) + "\n")


def read(path: Path) -> Iterator[Example]:
    """Reads what ``write`` wrote."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            raw = json.loads(line)
            yield Example(tuple(raw["messages"]), raw["lark"], raw["answer"], raw["origin"])
