"""The methods that the table compares: the model, and what needs none.

All of them drive the product's loop through gate, run and verify; only what writes the Step differs.
``nothing`` is what happens when nobody comes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..model import adapters, client
from ..model.engine import Engine
from ..plugins.module_utils.errors import InputError
from ..plugins.module_utils.evidence import ObjectRef
from ..plugins.plugin_utils.episode import Bounds
from ..plugins.plugin_utils.hands import Ask
from ..plugins.plugin_utils.policy import Policy
from ..plugins.plugin_utils.report import Report
from ..plugins.plugin_utils.step import Answer
from ..plugins.plugin_utils.wishes import Write
from .cases import Scene
from .expert import expert
from .named import named_workload
from .runbook import runbook
from .writing import hand_over, play, restart, roll_back

_USUAL = Bounds()
_ONE_TRY = Bounds(attempts=1)


@dataclass(frozen=True)
class Method:
    """``asks`` makes what writes the Steps for one Scene; None: nobody comes. ``model`` says whose answers they are.
    ``course_bounds``: where a course is under way, instead of ``bounds``."""

    name: str
    asks: Callable[[Scene], Ask] | None
    bounds: Bounds = _USUAL
    model: str = ""
    course_bounds: Bounds | None = None


def method(name: str) -> Method:
    """A method by its name; raises InputError, or ModelMissing where its model is not there."""
    try:
        return _METHODS[name]()
    except KeyError:
        raise InputError(f"The method {name!r} is not known.", f"Known are {', '.join(_METHODS)}.") from None


def _model(name: str, adapter: str) -> Method:
    found = adapters.find(adapter)
    model = client.LocalModel(_engine(found))
    return Method(name, lambda scene: client.asking(model), model=found.key)


def _random() -> Method:
    """Any path through the grammar, each allowed token as likely as the next; the weights play no part."""
    engine = _engine(adapters.find("none"))
    return Method(
        "random", lambda scene: client.asking(client.LocalModel(engine, random.Random(f"random {scene.case.key}")))
    )


@lru_cache(maxsize=2)
def _engine(found: adapters.Weights) -> Any:
    engine = Engine(found.base, found.adapter)
    engine.warm()
    return engine


def _once(act: Callable[[ObjectRef, Write], Answer]) -> Callable[[Scene], Ask]:
    """One try on the workload that the report names."""

    def ask(report: Report, wish: Write, policy: Policy) -> Answer:
        ref = named_workload(report, wish.evidence.inventory)
        return act(ref, wish) if ref is not None else hand_over("the report names no workload")

    return lambda scene: ask


_METHODS: Mapping[str, Callable[[], Method]] = {
    "adapter": lambda: _model("adapter", "default"),
    "base": lambda: _model("base", "none"),
    "random": _random,
    "restart": lambda: Method(
        "restart", _once(lambda ref, wish: play(restart(ref, wish.evidence.inventory.time))), _ONE_TRY
    ),
    "undo": lambda: Method("undo", _once(lambda ref, wish: play(roll_back(ref))), _ONE_TRY),
    "runbook": lambda: Method("runbook", lambda scene: runbook),
    "nothing": lambda: Method("nothing", None),
    "expert": lambda: Method("expert", lambda scene: expert(scene), _ONE_TRY, course_bounds=_USUAL),
}
KNOWN = tuple(_METHODS)
COMPARED = ("adapter", "base", "random", "restart", "undo", "nothing")
"""What the table shows when nobody asks for others. ``expert`` knows the fault and only tests the harness."""
