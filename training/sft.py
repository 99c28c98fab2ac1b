"""Supervised fine-tuning: expert Episodes in, an adapter out.

Configuration, data, loop, save, in reading order. Runs in chunks: it saves adapter, optimiser and
place every few minutes and goes on from there when started again with the same folder.

    python -m ansible_collections.e2ereme.remediate.training.sft --out .cache/sft [--seconds 1200]
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from ..model import adapters
from ..plugins.module_utils.errors import ModelError
from . import examples
from .examples import Encoded

RECIPE = Path(__file__).with_name("recipes") / "sft.yaml"
SAVE_SECONDS = 240.0
LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def train(recipe: dict[str, Any], data: Path, out: Path, seconds: float = math.inf) -> bool:
    """Trains until done or until ``seconds`` have passed; True when done."""
    import torch
    from peft import LoraConfig, get_peft_model, set_peft_model_state_dict

    from ..model.engine import Engine

    started = time.monotonic()
    torch.manual_seed(recipe["seed"])
    engine = Engine(adapters.find("none").base)
    model = engine.model.float()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    layers = range(recipe["adapter"]["layers_from"], model.config.num_hidden_layers)
    config = LoraConfig(
        r=recipe["adapter"]["rank"],
        lora_alpha=recipe["adapter"]["alpha"],
        lora_dropout=0.0,
        target_modules=list(LINEAR),
        layers_to_transform=list(layers),
        task_type="CAUSAL_LM",
    )
    tuned = get_peft_model(model, config)
    tuned.train()

    passes, held_out = load(data, engine, recipe["data"])
    train_set = [example for part in passes for example in part]
    steps = schedule(passes, recipe["optimiser"], recipe["seed"])
    free = [parameter for parameter in tuned.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(free, lr=recipe["optimiser"]["learning_rate"], betas=(0.9, 0.98), weight_decay=0.0)

    first = 0
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        set_peft_model_state_dict(tuned, state["adapter"])
        optimiser.load_state_dict(state["optimiser"])
        first = state["step"]
        print(f"going on at step {first} of {len(steps)}", flush=True)

    saved = time.monotonic()
    for step in range(first, len(steps)):
        for group in optimiser.param_groups:
            group["lr"] = steps[step][0]
        loss, right, decisions = run_batch(tuned, [train_set[index] for index in steps[step][1]])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(free, 1.0)
        optimiser.step()
        if step % 10 == 0 or step == len(steps) - 1:
            spent = time.monotonic() - started
            print(
                f"step {step} of {len(steps)} loss {loss.item():.4f} right {right / decisions:.3f} {spent:.0f} s",
                flush=True,
            )
        if time.monotonic() - saved > SAVE_SECONDS or time.monotonic() - started > seconds:
            save_checkpoint(checkpoint, tuned, optimiser, step + 1)
            saved = time.monotonic()
            if time.monotonic() - started > seconds:
                return False
    save_checkpoint(checkpoint, tuned, optimiser, len(steps))
    scores = evaluate(tuned, held_out)
    print(f"held out: {scores}", flush=True)
    export(tuned, out / "adapter", recipe=recipe, examples=len(train_set), **scores)
    return True


def load(data: Path, engine: Any, recipe: dict[str, Any]) -> tuple[list[list[Encoded]], list[Encoded]]:
    """Encoded examples: those of each pass, and those held out, told apart by the seed of their Episode."""
    held_seeds = _seeds(recipe["held_out"])
    pass_seeds = [_seeds(part) for part in recipe["passes"]]
    passes: list[list[Encoded]] = [[] for _ in pass_seeds]
    held: list[Encoded] = []
    dropped = 0
    for example in examples.read(data):
        try:
            encoded = examples.encode(example, engine)
        except ModelError as error:
            dropped += 1
            print(f"dropped {example.origin}: {error}", file=sys.stderr)
            continue
        seed = example.origin["seed"]
        if seed in held_seeds:
            held.append(encoded)
            continue
        for seeds, part in zip(pass_seeds, passes, strict=True):
            if seed in seeds:
                part.append(encoded)
    count = " + ".join(str(len(part)) for part in passes)
    tokens = sum(len(example.ids) for part in passes for example in part)
    print(f"{count} examples, {tokens} tokens, {len(held)} held out, {dropped} dropped", flush=True)
    return passes, held


def _seeds(part: dict[str, int]) -> range:
    return range(part["first_seed"], part["first_seed"] + part["episodes"])


def schedule(
    passes: Sequence[Sequence[Encoded]], optimiser: dict[str, Any], seed: int
) -> list[tuple[float, list[int]]]:
    """The learning rate and the batch of each step; indices count through the passes, one after the other.

    Each pass warms up and decays by itself (warm restarts), so that one can be added to a finished run.
    """
    steps: list[tuple[float, list[int]]] = []
    before = 0
    for number, part in enumerate(passes):
        batches = plan(part, optimiser["batch_tokens"], optimiser["epochs"], seed + number)
        for step, batch in enumerate(batches):
            steps.append((rate(step, len(batches), optimiser), [before + index for index in batch]))
        before += len(part)
    return steps


def plan(train_set: Sequence[Encoded], batch_tokens: int, epochs: int, seed: int) -> list[list[int]]:
    """Batches of like length, shuffled: lists of indices, the same for the same seed."""
    rng = random.Random(seed)
    batches: list[list[int]] = []
    for _ in range(epochs):
        order = sorted(range(len(train_set)), key=lambda index: (len(train_set[index].ids) // 24, rng.random()))
        epoch: list[list[int]] = [[]]
        for index in order:
            if epoch[-1] and (len(epoch[-1]) + 1) * len(train_set[index].ids) > batch_tokens:
                epoch.append([])
            epoch[-1].append(index)
        rng.shuffle(epoch)
        batches += epoch
    return batches


def rate(step: int, steps: int, optimiser: dict[str, Any]) -> float:
    """Linear warm-up, then a cosine down to a twentieth."""
    warm = min(1.0, (step + 1) / optimiser["warmup_steps"])
    return float(optimiser["learning_rate"] * warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / steps))))


def run_batch(tuned: Any, batch: Sequence[Encoded]) -> tuple[Any, int, int]:
    """Mean loss over the decisions of a batch, how many were right, and how many there were.

    Each decision is scored among what the grammar allowed there; each example weighs the same.
    """
    import torch

    width = max(len(example.ids) for example in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    mask = torch.zeros(len(batch), width, dtype=torch.long)
    for row, example in enumerate(batch):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        mask[row, : len(example.ids)] = 1
    core = tuned.get_base_model()
    hidden = core.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    losses, right, decisions = [], 0, 0
    for row, example in enumerate(batch):
        logits = core.lm_head(hidden[row, list(example.at)]).float()
        own = []
        for index, (allowed, target) in enumerate(zip(example.allowed, example.targets, strict=True)):
            if allowed:
                picked = logits[index, list(allowed)]
                own.append(torch.logsumexp(picked, 0) - logits[index, target])
                right += int(allowed[int(picked.argmax())] == target)
            else:
                own.append(torch.logsumexp(logits[index], 0) - logits[index, target])
                right += int(int(logits[index].argmax()) == target)
        losses.append(torch.stack(own).sum())
        decisions += len(own)
    return torch.stack(losses).sum() / decisions, right, decisions


def evaluate(tuned: Any, held_out: Sequence[Encoded]) -> dict[str, float]:
    """Loss and share of right decisions, and of answers with every decision right."""
    import torch

    tuned.eval()
    total, right, decisions, whole = 0.0, 0, 0, 0
    with torch.inference_mode():
        for example in held_out:
            loss, good, count = run_batch(tuned, [example])
            total += loss.item() * count
            right, decisions, whole = right + good, decisions + count, whole + (good == count)
    tuned.train()
    every = max(1, decisions)
    return {"loss": total / every, "decisions_right": right / every, "answers_right": whole / max(1, len(held_out))}


def save_checkpoint(path: Path, tuned: Any, optimiser: Any, step: int) -> None:
    """Writes beside its place, then moves: an interrupted save leaves the last one whole."""
    import torch
    from peft import get_peft_model_state_dict

    draft = path.with_suffix(".new")
    state = {"adapter": get_peft_model_state_dict(tuned), "optimiser": optimiser.state_dict(), "step": step}
    torch.save(state, draft)
    draft.replace(path)


def export(tuned: Any, folder: Path, **facts: object) -> None:
    """The adapter as peft and vLLM read it, in float16, with its card."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    tuned.save_pretrained(folder)
    half = {name: tensor.half().contiguous() for name, tensor in get_peft_model_state_dict(tuned).items()}
    save_file(half, str(folder / "adapter_model.safetensors"), metadata={"format": "pt"})
    config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    config["base_model_name_or_path"] = "SmolLM2-135M-Instruct"
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")
    adapters.write_card(folder, **facts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: done; 3: there is more to do, start it again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--data", type=Path, help="examples from training.experts (made when missing)")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=math.inf)
    given = parser.parse_args(arguments)
    recipe = yaml.safe_load(given.recipe.read_text("utf-8"))
    given.out.mkdir(parents=True, exist_ok=True)
    data = given.data or given.out / "examples.jsonl"
    if not data.exists():
        from . import experts

        last = max(_seeds(part)[-1] for part in recipe["data"]["passes"])
        experts.generate(last, 1, data)
    return 0 if train(recipe, data, given.out, given.seconds) else 3


if __name__ == "__main__":
    sys.exit(main())
