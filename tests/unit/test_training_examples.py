"""Examples are walked through the grammar as the engine walks it; batches and rates repeat by their seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.model import adapters
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import ModelError
from ansible_collections.e2ereme.remediate.training import examples, sft
from ansible_collections.e2ereme.remediate.training.examples import Encoded, Example

LARK = 'start: "say: " ("alpha" | "beta" | "gamma") "\\n" ("more\\n")?\n'
MESSAGES = ({"role": "system", "content": "be brief"}, {"role": "user", "content": "say something"})


@pytest.fixture(scope="module")
def engine() -> Any:
    from ansible_collections.e2ereme.remediate.model.engine import Engine

    return Engine(adapters.find("none").base)


def example(answer: str) -> Example:
    return Example(MESSAGES, LARK, answer, {"seed": 1})


def test_only_what_the_grammar_leaves_open_is_a_decision(engine: Any) -> None:
    encoded = examples.encode(example("say: beta\n"), engine)
    text = engine.tokenizer.decode(list(encoded.ids))
    assert text.endswith("say: beta\n<|im_end|>")
    assert 1 <= len(encoded.at) <= 3
    for place, allowed, target in zip(encoded.at, encoded.allowed, encoded.targets, strict=True):
        assert encoded.ids[place + 1] == target
        assert target in allowed


def test_ending_where_more_could_follow_is_a_decision_too(engine: Any) -> None:
    short, long = (examples.encode(example(text), engine) for text in ("say: beta\n", "say: beta\nmore\n"))
    assert engine.tokenizer.eos_token_id == short.targets[-1]
    assert long.targets[-1] != short.targets[-1]


def test_what_cannot_be_said_is_an_error(engine: Any) -> None:
    with pytest.raises(ModelError):
        examples.encode(example("say: delta\n"), engine)


def test_examples_are_read_as_they_were_written(tmp_path: Path) -> None:
    kept = [example("say: beta\n"), example("say: alpha\n")]
    examples.write(tmp_path / "e.jsonl", kept)
    assert list(examples.read(tmp_path / "e.jsonl")) == kept


def encoded(length: int) -> Encoded:
    return Encoded(tuple(range(length)), (0,), ((1, 2),), (1,))


def test_batches_hold_every_example_once_an_epoch_and_stay_small() -> None:
    lengths = [40, 300, 120, 500, 80, 90, 310]
    batches = sft.plan([encoded(length) for length in lengths], batch_tokens=700, epochs=2, seed=3)
    assert sorted(index for batch in batches for index in batch) == sorted(list(range(7)) * 2)
    assert all(len(batch) * max(lengths[index] for index in batch) <= 700 for batch in batches if len(batch) > 1)


def test_batches_repeat_by_their_seed() -> None:
    data = [encoded(length) for length in range(50, 400, 7)]
    assert sft.plan(data, 900, 1, 5) == sft.plan(data, 900, 1, 5)
    assert sft.plan(data, 900, 1, 5) != sft.plan(data, 900, 1, 6)


def test_each_pass_warms_up_again_and_its_batches_hold_its_own_examples() -> None:
    optimiser = {"learning_rate": 1.0, "warmup_steps": 5, "batch_tokens": 400, "epochs": 1}
    first, second = [encoded(100)] * 60, [encoded(130)] * 30
    alone, both = sft.schedule([first], optimiser, 3), sft.schedule([first, second], optimiser, 3)
    assert both[: len(alone)] == alone
    rest = both[len(alone) :]
    assert sorted(index for _, batch in rest for index in batch) == list(range(60, 90))
    assert rest[0][0] == alone[0][0] < max(rate for rate, _ in rest)


def test_the_rate_warms_up_and_falls() -> None:
    optimiser = {"learning_rate": 1.0, "warmup_steps": 10}
    rates = [sft.rate(step, 100, optimiser) for step in range(100)]
    assert rates[0] < rates[9] > rates[50] > rates[99] > 0
