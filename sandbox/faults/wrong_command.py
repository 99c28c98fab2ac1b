"""A command line that cannot run: a mistyped program, path, word or option."""

from __future__ import annotations

import random
from typing import Any

from ..systems.edits import Edit
from ..systems.names import typo
from .fault import TEMPLATE_VARIANTS, Damage, Fault
from .scene import Scene


def damage(scene: Scene, rng: random.Random, variant: str) -> Damage | None:
    for victim in scene.victims(rng):
        fields = [field for field in ("command", "args") if victim.container.get(field)]
        if not fields:
            continue
        field = rng.choice(fields)
        right: list[str] = list(victim.container[field])
        wrong = _wrong(right, rng)
        edits: list[Any] = [Edit("Deployment", victim.name, victim.path(field), wrong, right)]
        if field == "command" and "args" not in fields and rng.random() < 0.1:
            edits = [Edit("Deployment", victim.name, victim.path("command"), right[:1], right)]
        return Damage("Deployment", victim.name, victim.name, "unready", tuple(edits))
    return None


def _wrong(right: list[str], rng: random.Random) -> list[str]:
    while True:
        made, style = list(right), rng.random()
        spot = rng.randrange(len(made))
        if made[spot] == "-c":
            made[spot] = rng.choice(("-C", "-x9", "--command"))
        elif made[spot].startswith("exec "):
            words = made[spot].split(" ")
            place = rng.randrange(len(words) - 1) + 1
            words[place] = typo(rng, words[place])
            made[spot] = " ".join(words)
        elif style < 0.55 or made[spot].count("/") == 0:
            made[spot] = typo(rng, made[spot])
        elif style < 0.8:
            folder, _, name = made[spot].rpartition("/")
            made[spot] = f"{folder}{rng.choice(('-old', '/bin', '/src', '/current', '2'))}/{name}"
        else:
            made.append(f"--{rng.choice(('verbose', 'debug', 'workers', 'config', 'listen', 'bind'))}")
        if made != right and not _still_works(made, right):
            return made


def _still_works(made: list[str], right: list[str]) -> bool:
    """A mistake that changes nothing, such as another shell that is there too."""
    return [item.rsplit("/", 1)[-1] for item in made] == [item.rsplit("/", 1)[-1] for item in right] and made[0] in (
        "sh",
        "bash",
        "/bin/bash",
    )


FAULT = Fault(
    name="wrong_command",
    right="resolve",
    why="the command belongs to the workload; siblings that run the same program, or history, tell the right one",
    variants=TEMPLATE_VARIANTS,
    damage=damage,
)
