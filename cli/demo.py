# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``e2ereme demo``: breaks a service of a simulated shop, and lets the playbook repair it.

Everything but the cluster is real: the playbook, Ansible, the model, the gate, the undo.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..plugins.module_utils.errors import InputError
from ._systems import NAMES, system_of

if TYPE_CHECKING:
    from ..sandbox.faults import Injected
    from ..sandbox.sandbox import Sandbox
    from ..sandbox.systems import System

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_FAULT = "service_target_port"  # every Pod runs, so neither a restart nor a rollback helps
DEFAULT_SPEED = 10.0
DEFAULT_SYSTEM = "shop"

_STAGINGS = 12
"""How many systems and values are tried until the fault shows."""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("demo", help="break a simulated shop and see it repaired", description=__doc__)
    parser.add_argument("--fault", default=DEFAULT_FAULT, help="what to break (%(default)s); 'list' names all")
    parser.add_argument("--system", default=DEFAULT_SYSTEM, help=f"{NAMES} (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another victim and other values (%(default)s)")
    parser.add_argument(
        "--speed", type=float, default=DEFAULT_SPEED, help="how fast the cluster's clock runs (%(default)s x real time)"
    )
    parser.add_argument("--model", default="default", help="default, none (the untuned base), a folder or an address")
    parser.add_argument("--out", type=Path, help="a new folder for all files (default: out/TIME-FAULT)")
    parser.add_argument("--keep", action="store_true", help="leave the cluster running afterwards, until Ctrl-C")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Stages the failure, plays, tells how it ended. Returns the play's exit status."""
    from ..sandbox import faults
    from ..sandbox.server import serve
    from ._foreground import foreground

    if args.fault == "list":
        print("\n".join(f"{name:<26}{fault.right}" for name, fault in sorted(faults.FAULTS.items())))
        return 0
    if args.fault not in faults.FAULTS:
        raise InputError(f"There is no fault {args.fault!r}.", f"Take one of {', '.join(sorted(faults.FAULTS))}.")
    if not 0 < args.speed <= 60:
        raise InputError(f"A speed of {args.speed:g} does not work.", "Give one above 0 and at most 60.")
    scene = stage(args.fault, args.seed, args.system)
    folder = _fresh(args.out or Path("out") / f"{time.strftime('%Y%m%d-%H%M%S')}-{args.fault}")
    with serve(scene.sandbox, speed=args.speed, namespace=scene.system.namespace) as served:
        (folder / "kubeconfig").write_text(json.dumps(served.kubeconfig, indent=1), "utf-8")
        report = _write_report(folder, scene.report)
        command = _command(folder, report, scene.system.namespace, args.model)
        with served.lock:
            print(_opening(scene, args.speed))
        print(_heading("Repair"), f"$ {_typed(folder, command)}", "", sep="\n", flush=True)
        status = foreground(command, _environment(folder))
        with served.lock:
            print("\n".join(_closing(scene, folder, args.keep)), flush=True)
        if args.keep:
            _wait_for_interrupt()
    return status


@dataclass(frozen=True)
class Scene:
    """A running system with a fault that shows, and what somebody reports of it."""

    sandbox: Sandbox
    system: System
    injected: Injected

    @property
    def report(self) -> Any:
        """The sharpest thing somebody says, in words where there are words."""
        return next((text for text in self.injected.reports if isinstance(text, str)), self.injected.reports[0])


def stage(fault: str, seed: int, name: str = DEFAULT_SYSTEM) -> Scene:
    """Deploys a system and breaks it; a random one where the shop has nothing that this fault breaks.

    Takes no real time worth mentioning: until somebody connects, the clock jumps. Raises InputError.
    """
    from ..sandbox import faults
    from ..sandbox.sandbox import Sandbox
    from ..sandbox.systems import generate, prepare

    named, refusal = system_of(name), "it does not show"
    for turn in range(_STAGINGS):
        other = name == DEFAULT_SYSTEM and turn >= _STAGINGS // 2
        system = generate(seed * _STAGINGS + turn) if other else named
        sandbox = Sandbox(system, seed)
        prepare(sandbox, system)
        transport = sandbox.transport()
        try:
            injected = faults.inject(fault, transport, system, random.Random(f"demo {fault} {seed} {turn}"))
        except faults.CannotInject as error:
            refusal = str(error)
            continue
        if faults.confirm(transport, injected):
            return Scene(sandbox, system, injected)
    raise InputError(f"The fault {fault} cannot be staged: {refusal}.", "Take another --seed.")


def _opening(scene: Scene, speed: float) -> str:
    system, injected = scene.system, scene.injected
    lines = [
        _heading("A failure"),
        f"A simulated cluster runs the system {system.name}: {len(system.services)} workloads in namespace "
        f"{system.namespace}.",
        f"Its clock runs {speed:g} times as fast as yours: what takes the cluster {speed:g} s passes in 1 s here."
        if speed != 1
        else "Its clock runs as fast as yours.",
        f"The fault {injected.fault} was put into it; neither the playbook nor the model is told what or where.",
        "",
        *_pods(scene),
        "",
        "A request to each Service:",
        *_answers(scene),
        "",
        "Somebody reports:",
        *(f"  {line}" for line in _wrapped(_text(scene.report))[:12]),
        "",
    ]
    return "\n".join(lines)


def _closing(scene: Scene, folder: Path, keep: bool) -> Iterator[str]:
    """How it ended, by what the cluster shows and by what the Episode says."""
    episode = _read(folder / "episode.json")
    yield _heading("Afterwards")
    yield from _pods(scene)
    yield ""
    yield "A request to each Service:"
    yield from _answers(scene)
    yield ""
    if not episode:
        yield "The play left no Episode; what it printed above says why."
        return
    yield episode["message"]
    if scene.injected.right == "escalate":
        yield f"Handing this fault over to a person is right: {scene.injected.why}"
    changed = ", ".join(f"{ref['kind']} {ref['name']}" for ref in episode["changed"])
    yield f"  changed    {changed or 'nothing'}"
    yield f"  seconds    {_seconds(episode['seconds'])}"
    yield f"  tokens     {episode['tokens']['in']} read, {episode['tokens']['out']} written"
    if (folder / "report.html").exists():
        yield f"  page       {_near(folder / 'report.html')}: all of it at a glance, in any browser"
    yield f"  files      {_near(folder)}: episode.json, and for each attempt its playbook, evidence, diff and undo"
    undo = folder / f"attempt-{len(episode['attempts'])}" / "undo.yml"
    if episode["changed"] and undo.exists():
        yield f"  undo       {_typed(folder, [_ansible_playbook(), str(undo)])}"
        if not keep:
            yield "             (this cluster ends now; with KEEP=1 it stays, and you can try that)"


def _pods(scene: Scene) -> list[str]:
    """What ``kubectl get pods`` prints, in its first columns."""
    path = f"/api/v1/namespaces/{scene.system.namespace}/pods"
    table = scene.sandbox.handle("GET", path, accept="application/json;as=Table;v=v1;g=meta.k8s.io").json()
    shown = [place for place, column in enumerate(table["columnDefinitions"]) if column.get("priority", 0) == 0]
    rows = [[column["name"].upper() for column in table["columnDefinitions"]]]
    rows += [[str(cell) for cell in row["cells"]] for row in table["rows"]]
    widths = {place: max(len(row[place]) for row in rows) for place in shown}
    return ["  " + "   ".join(row[place].ljust(widths[place]) for place in shown).rstrip() for row in rows]


def _answers(scene: Scene) -> list[str]:
    """What each Service answers to a request for its front page."""
    from ..sandbox.systems.rest import Api

    api = Api(scene.sandbox.transport())
    space = scene.system.namespace
    by_status: dict[int, list[str]] = {}
    for spec in scene.system.services:
        if spec.service:
            by_status.setdefault(api.visit(space, spec.service, spec.service_port), []).append(spec.service)
    return [f"  HTTP {status}  {', '.join(names)}" for status, names in sorted(by_status.items())]


def _command(folder: Path, report: Path, namespace: str, model: str) -> list[str]:
    command = [_ansible_playbook(), str(ROOT / "playbooks" / "remediate.yml")]
    command += ["-e", f"report={report}", "-e", f"remediate_namespace={namespace}", "-e", f"remediate_out={folder}"]
    return command + (["-e", f"remediate_model={model}"] if model != "default" else [])


def _ansible_playbook() -> str:
    return str(Path(sys.executable).with_name("ansible-playbook"))


def _environment(folder: Path) -> dict[str, str]:
    """Ours, with the simulated cluster as the only one that the play can reach."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("K8S_AUTH_")}
    environment.pop("KUBECONFIG", None)
    return environment | {"K8S_AUTH_KUBECONFIG": str(folder / "kubeconfig")}


def _typed(folder: Path, command: list[str]) -> str:
    """The command as somebody would type it here. Modules run elsewhere: the kubeconfig keeps its whole path."""
    words = [word.replace(f"{Path.cwd()}/", "") for word in command]
    return f"K8S_AUTH_KUBECONFIG={shlex.quote(str(folder / 'kubeconfig'))} {shlex.join(words)}"


def _near(path: Path) -> str:
    return str(path).replace(f"{Path.cwd()}/", "")


def _fresh(folder: Path) -> Path:
    path = folder.absolute()
    for number in range(1, 100):
        try:
            path.mkdir(mode=0o700, parents=True)
            return path
        except FileExistsError:
            path = path.with_name(f"{folder.name}-{number + 1}")
        except OSError as error:
            raise InputError(f"{path} cannot be made: {error.strerror}.", "Give another folder (--out).") from error
    raise InputError(f"{folder} is there already.", "Give another folder (--out).")


def _write_report(folder: Path, report: Any) -> Path:
    path = folder / ("report.txt" if isinstance(report, str) else "report.json")
    path.write_text(_text(report) + "\n", "utf-8")
    return path


def _wrapped(text: str) -> list[str]:
    return [part for line in text.splitlines() for part in textwrap.wrap(line, 100) or [""]]


def _text(report: Any) -> str:
    return report.strip() if isinstance(report, str) else json.dumps(report, indent=1)


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _seconds(spans: dict[str, float]) -> str:
    inner = ", ".join(
        f"{name} {spans[name]:.1f}" for name in spans if name not in ("wall", "own") and spans[name] >= 0.05
    )
    return f"{spans['wall']:.1f} in all: {inner}; own cost {spans['own']:.2f}"


def _heading(text: str) -> str:
    return f"── {text} " + "─" * max(0, 76 - len(text))


def _wait_for_interrupt() -> None:
    import signal

    print("The cluster stays until Ctrl-C.", flush=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        print()
