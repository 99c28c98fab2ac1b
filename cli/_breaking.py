# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Breaking a running sandbox from the command line, remembering what was broken, and putting it right again.

check(fault, variant)           raises InputError for what there is not
break_it(state, folder, ...)    the report that somebody sends, kept in the folder
broken(folder)                  what was broken since the sandbox started
heal(state, folder)             carries out the ground truth of all of it
machines(state, node, to)       says which machines are on, and switches one
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..plugins.module_utils.errors import InputError, RunError
from ._keeping import write
from ._systems import system_of

if TYPE_CHECKING:
    from ..sandbox.faults import Injected

REPORT, BROKEN = "report", "injected.json"


def table() -> Iterator[str]:
    """A line for each fault: what is right, and its variants; and for each course."""
    from ..benchmark.courses import COURSES
    from ..sandbox import faults

    for name, fault in sorted(faults.FAULTS.items()):
        beyond = f" ({', '.join(fault.beyond)}: escalate)" if fault.beyond else ""
        yield f"{name:<26}{fault.right:<10}{', '.join(fault.variants)}{beyond}"
    for kind, variants in COURSES.items():
        yield f"{kind:<26}{'course':<10}{', '.join(variants)}"


def check(fault: str, variant: str) -> None:
    """Raises InputError where there is no such fault, or no such variant of it."""
    from ..sandbox import faults

    known = faults.FAULTS.get(fault)
    if known is None:
        raise InputError(f"The fault {fault!r} is not known.", f"Known are {', '.join(sorted(faults.FAULTS))}.")
    if variant and variant not in known.variants:
        raise InputError(f"{fault} has no variant {variant!r}.", f"It has {', '.join(known.variants)}.")


def break_it(state: Mapping[str, Any], folder: Path, fault: str, variant: str, seed: int) -> str:
    """Injects a fault into the running sandbox and returns a report of it. Raises InputError, RunError."""
    from ..sandbox import faults
    from ..sandbox.over_http import HttpTransport
    from ..sandbox.systems.rest import ApiError

    check(fault, variant)
    system = system_of(state["system"])
    rng = random.Random(f"{fault}/{variant}/{seed}")
    try:
        injected = faults.inject(fault, HttpTransport(state["url"]), system, rng, variant)
    except faults.CannotInject as error:
        raise InputError(f"{error}.", "Try another --variant, or start another --system.") from None
    except (ApiError, KeyError) as error:
        raise RunError(f"What {fault} would break is not as it was deployed: {error}.", "Heal it first.") from None
    keep(folder, [injected])
    return kept_report(folder, injected.reports[seed % len(injected.reports)])


def kept_report(folder: Path, report: Any) -> str:
    """Writes a report down, and returns it as text."""
    text = report if isinstance(report, str) else json.dumps(report, indent=1)
    write(folder / REPORT, text)
    return text


def keep(folder: Path, injected: Iterable[Injected]) -> None:
    """Remembers what was broken, for ``heal``."""
    more = [{**asdict(item), "reports": []} for item in injected]
    if more:
        write(folder / BROKEN, json.dumps([*_kept(folder), *more], indent=1))


def unkeep(folder: Path, passed: Iterable[Injected]) -> None:
    """Somebody else has put these right."""
    gone = [(item.fault, item.workload["name"]) for item in passed]
    if gone:
        left = [item for item in _kept(folder) if (item["fault"], item["workload"]["name"]) not in gone]
        write(folder / BROKEN, json.dumps(left, indent=1))


def broken(folder: Path) -> list[str]:
    """In words, one line a fault."""
    return [
        f"{item.fault}/{item.variant} on {item.workload['kind']} {item.workload['name']}: {item.right}"
        for item in map(_read, _kept(folder))
    ]


def heal(state: Mapping[str, Any], folder: Path) -> list[str]:
    """Undoes what was broken, the last first. Returns what, in words; empty where nothing was. Raises RunError."""
    from ..sandbox import faults
    from ..sandbox.over_http import HttpTransport
    from ..sandbox.systems.rest import ApiError

    done, system, transport = [], system_of(state["system"]), HttpTransport(state["url"])
    left = _kept(folder)
    while left:
        injected = _read(left[-1])
        try:
            faults.heal(transport, injected, system)
            faults.withdraw(transport, injected)
        except (ApiError, KeyError, StopIteration) as error:
            what = f"{injected.fault} on {injected.workload['name']}"
            raise RunError(f"{what} cannot be healed: {error}.", "Start the sandbox anew.") from None
        done.append(f"{injected.fault} on {injected.workload['kind']} {injected.workload['name']}")
        left.pop()
        write(folder / BROKEN, json.dumps(left, indent=1))
    return done


def machines(state: Mapping[str, Any], node: str, to: str) -> dict[str, str]:
    """Node -> on, off or hung; first switches ``node`` where ``to`` says to what. Raises InputError."""
    from ..sandbox.over_http import HttpTransport
    from ..sandbox.switches import MACHINES

    transport = HttpTransport(state["url"])
    if to:
        answer = transport.request("POST", MACHINES, {"node": node, "state": to})
        if answer.status != 200:
            raise InputError(f"{answer.json()['message']}.", "e2ereme sandbox machine names all.")
    found: dict[str, str] = transport.request("GET", MACHINES).json()
    return found


def forget(folder: Path) -> None:
    """A new sandbox is whole."""
    (folder / BROKEN).unlink(missing_ok=True)


def _kept(folder: Path) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads((folder / BROKEN).read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return found


def _read(raw: Mapping[str, Any]) -> Injected:
    from ..sandbox.faults import Injected
    from ..sandbox.systems.edits import Edit

    edits = tuple(Edit(**{**item, "path": tuple(item["path"])}) for item in raw["edits"])
    experiments = tuple((kind, name) for kind, name in raw["experiments"])
    return Injected(**{**raw, "edits": edits, "experiments": experiments, "reports": ()})
