"""The embedded engine: transformers and torch, under a llguidance grammar with fast-forward.

What the grammar forces needs no decision and goes through the model together with the next
decision. Every decision records how many choices the grammar left (``bits``).
"""

from __future__ import annotations

import contextlib
import math
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..plugins.module_utils.errors import ModelError

MAX_NEW_TOKENS = 700


@dataclass(frozen=True)
class Generated:
    """Text and its cost. ``decisions`` are the tokens that the grammar left open."""

    text: str
    tokens_in: int
    tokens_out: int
    decisions: int
    passes: int
    bits: float
    seconds: float


class Guide:
    """Walks one answer through a grammar: what is forced, what may come next."""

    def __init__(self, tokenizer: Any, grammar: str, width: int) -> None:
        import llguidance
        import llguidance.torch as masks

        self._masks = masks
        self._matcher = llguidance.LLMatcher(tokenizer, llguidance.LLMatcher.grammar_from_lark(grammar), log_level=0)
        error = self._matcher.get_error()
        if error:
            raise ModelError(f"The answer's grammar does not compile: {error[:300]}")
        self._bitmask = masks.allocate_token_bitmask(1, width)

    def forced(self) -> list[int]:
        """Takes and returns the tokens that can only come next."""
        tokens: list[int] = []
        while True:
            more = self._matcher.compute_ff_tokens()
            if not more:
                return tokens
            self.take(more)
            tokens += more

    def take(self, tokens: Sequence[int]) -> None:
        """Consumes tokens; raises ModelError when the grammar does not allow one."""
        if not self._matcher.consume_tokens(list(tokens)):
            raise ModelError(f"The grammar does not allow {list(tokens)[:3]}: {self._matcher.get_error()[:200]}")

    def allowed(self) -> Any:
        """The ids that may come next: an int64 tensor."""
        import torch

        self._masks.fill_next_token_bitmask(self._matcher, self._bitmask)
        bits = self._bitmask[0]
        set_bits = (bits.unsqueeze(1) >> torch.arange(32, dtype=torch.int32)) & 1
        return set_bits.flatten().nonzero().flatten()

    @property
    def done(self) -> bool:
        """Nothing may follow."""
        return bool(self._matcher.is_stopped())


class Engine:
    """One base model, with or without the adapter."""

    def __init__(self, base: Path, adapter: Path | None = None, threads: int = 0) -> None:
        with _builtin_intern():
            import llguidance.hf
            import torch
            import torch._dynamo  # transformers would import it later
            from transformers import AutoModelForCausalLM, AutoTokenizer

        if threads:
            torch.set_num_threads(threads)
        self.tokenizer = AutoTokenizer.from_pretrained(base)
        dtype = torch.bfloat16 if _has_fast_bf16() else torch.float32
        self.model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        if adapter is not None:
            from peft import PeftModel

            self.model = PeftModel.from_pretrained(self.model, adapter).merge_and_unload()
        self.model = self.model.to(dtype).eval()
        self._width = self.model.config.vocab_size
        self.guide_tokenizer = llguidance.hf.from_tokenizer(self.tokenizer, n_vocab=self._width)
        self._prefix: tuple[list[int], Any] = ([], None)

    def warm(self) -> None:
        """Reads the fixed part and one grammar, so that the first answer is as fast as the next."""
        from .prompt import FIXED

        messages = [{"role": "system", "content": FIXED}, {"role": "user", "content": "Report: none"}]
        self.generate(messages, 'start: ("yes" | "no")\n')

    def encode(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """Token ids of a chat up to where the assistant speaks."""
        text = self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return ids

    def generate(
        self, messages: Sequence[Mapping[str, str]], grammar: str, *, rng: random.Random | None = None
    ) -> Generated:
        """Answers greedily under the grammar; with ``rng``, takes a random allowed token at each decision."""
        import torch

        started = time.monotonic()
        ids = self.encode(messages)
        guide = Guide(self.guide_tokenizer, grammar, self._width)
        out: list[int] = []
        decisions = passes = 0
        bits = 0.0
        with torch.inference_mode():
            cache, pending = (None, ids) if rng else self._prefilled(ids)
            while len(out) < MAX_NEW_TOKENS:
                forced = guide.forced()
                out += forced
                pending = pending + forced
                if guide.done:
                    break
                allowed = guide.allowed()
                if len(allowed) == 0:
                    break
                if len(allowed) == 1:
                    token = int(allowed[0])
                elif rng is not None:
                    token = int(allowed[rng.randrange(len(allowed))])
                else:
                    logits, cache = self._forward(pending, cache)
                    passes += 1
                    pending = []
                    token = int(allowed[logits[allowed].argmax()])
                if len(allowed) > 1:
                    decisions += 1
                    bits += math.log2(len(allowed))
                if token == self.tokenizer.eos_token_id:
                    break
                guide.take([token])
                out.append(token)
                pending = [*pending, token]
        text = self.tokenizer.decode(out, skip_special_tokens=True)
        return Generated(text, len(ids), len(out), decisions, passes, bits, time.monotonic() - started)

    def _prefilled(self, ids: list[int]) -> tuple[Any, list[int]]:
        """A cache that already holds the fixed part, and the ids still to be read."""
        from transformers import DynamicCache

        end = self.tokenizer.convert_tokens_to_ids("<|im_end|>")
        cut = ids.index(end) + 1 if end in ids else 0
        head = ids[:cut]
        if self._prefix[0] != head:
            _, cache = self._forward(head, None)
            layers = [(layer.keys.clone(), layer.values.clone()) for layer in cache.layers]
            self._prefix = (head, layers)
        cache = DynamicCache()
        for index, (keys, values) in enumerate(self._prefix[1]):
            cache.update(keys.clone(), values.clone(), index)
        return cache, ids[cut:]

    def _forward(self, ids: list[int], cache: Any) -> tuple[Any, Any]:
        """Logits after the last id, and the grown cache."""
        import torch

        out = self.model(input_ids=torch.tensor([ids]), past_key_values=cache, use_cache=True, logits_to_keep=1)
        return out.logits[0, -1].float(), out.past_key_values


@contextlib.contextmanager
def _builtin_intern() -> Iterator[None]:
    """Ansible puts an object of its own in the place of sys.intern, and torch's compiler will not be imported then."""
    replaced = sys.intern
    sys.intern = getattr(replaced, "unpatched_implementation", replaced)
    try:
        yield
    finally:
        sys.intern = replaced


def _has_fast_bf16() -> bool:
    """Whether this processor multiplies bfloat16 natively (otherwise float32 is several times faster)."""
    try:
        flags = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")), "")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
