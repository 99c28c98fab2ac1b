# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``e2ereme sandbox``: a simulated cluster at an address, with a system in it, to break and to repair."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..plugins.module_utils.errors import InputError, RunError, Unreachable
from . import _breaking, _keeping, _unfolding
from ._systems import NAMES, system_of

if TYPE_CHECKING:
    from ..sandbox.recording import Recording
    from ..sandbox.sandbox import Sandbox

DEFAULT_DIR = Path("out/sandbox")
_READY_WITHIN = 30.0


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("sandbox", help="run a simulated cluster", description=__doc__)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, act, text in (
        ("start", start, "start one in the background and print how to reach it"),
        ("serve", serve, "the same in the foreground, until it is interrupted"),
        ("inject", inject, "break the system and print the report that somebody sends"),
        ("heal", heal, "put right all that inject has broken, as somebody would who knows"),
        ("machine", machine, "say which machines are on, or switch one off, hang its kubelet, switch it on"),
        ("status", status, "say whether one runs, with what, and what is broken in it"),
        ("dump", dump, "write all of it to a file, from which start --load goes on"),
        ("replay", replay, "ask a recording's requests again and compare the answers"),
        ("stop", stop, "end it"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("--dir", type=Path, default=DEFAULT_DIR, help="its kubeconfig and state (%(default)s)")
        action.set_defaults(run=act)
        if name in ("start", "serve"):
            action.add_argument("--system", default="shop", help=f"{NAMES} (%(default)s)")
            action.add_argument("--port", type=int, default=0, help="0: any free one (%(default)s)")
            action.add_argument("--speed", type=float, default=1.0, help="virtual seconds a second (%(default)s)")
            action.add_argument("--load", type=Path, metavar="FILE", help="go on with this dump, instead of --system")
            action.add_argument("--record", type=Path, metavar="FILE", help="write down every request and its answer")
            action.add_argument(
                "--today", action="store_true", help="its clock says what ours does, not always the same"
            )
            action.add_argument("--chaos-mesh", action="store_true", help="with Chaos Mesh's kinds from the beginning")
        if name in ("start", "inject"):
            action.add_argument("--seed", type=int, default=0, help="what the fault's values come from (%(default)s)")
            action.add_argument("--variant", default="", help="how the fault lies (default: one that the seed picks)")
    actions.choices["start"].add_argument("--fault", default="", help="inject this fault at once")
    actions.choices["inject"].add_argument("fault", help="its name; 'list' tells all of them")
    actions.choices["machine"].add_argument("node", nargs="?", default="", help="the Node's name")
    actions.choices["machine"].add_argument(
        "state", nargs="?", choices=("on", "off", "hung"), help="what to switch it to; hung: its kubelet is dead"
    )
    actions.choices["dump"].add_argument("file", type=Path, help="a JSON file to write")
    actions.choices["replay"].add_argument("file", type=Path, help="what start --record wrote")


def start(args: argparse.Namespace) -> None:
    """Starts the server in a process of its own and waits until it answers."""
    if args.load:
        _keeping.loaded(args.load)
    else:
        system_of(args.system)
    if args.fault:
        _breaking.check(args.fault, args.variant)
    running = _state(args.dir)
    if running is not None:
        raise InputError(f"A sandbox runs already at {running['url']}.", f"Stop it first: {_call(args, 'stop')}.")
    if args.speed < 0:
        raise InputError(f"Time cannot go at {args.speed:g}.", "Give a --speed of 0 (it stands still) or more.")
    _keeping.folder(args.dir)
    _breaking.forget(args.dir)
    log = args.dir / "sandbox.log"
    command = [sys.executable, "-m", f"{__package__}", "sandbox", "serve", "--dir", str(args.dir)]
    command += ["--system", args.system, "--port", str(args.port), "--speed", str(args.speed)]
    command += ["--load", str(args.load)] if args.load else []
    command += ["--record", str(args.record)] if args.record else []
    command += ["--chaos-mesh"] if args.chaos_mesh else []
    command += ["--today"] if args.today else []
    with log.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL, start_new_session=True)
    end = time.monotonic() + _READY_WITHIN
    while (state := _state(args.dir)) is None or state["pid"] != process.pid:
        if process.poll() is not None or time.monotonic() > end:
            said = log.read_text("utf-8", "replace").split("\n")
            why = next((line for line in reversed(said) if line.strip()), "it said nothing")
            raise RunError(f"The sandbox did not start: {why}.", f"All that it said is in {log}.")
        time.sleep(0.02)
    if args.fault:
        inject(args)
    print(f"export KUBECONFIG={(args.dir / 'kubeconfig').resolve()}")
    print(f"# {state['url']}, namespace {state['namespace']}", file=sys.stderr)


def serve(args: argparse.Namespace) -> None:
    """Serves until SIGTERM or SIGINT."""
    from ..sandbox.server import serve as serve_sandbox

    # Not in the middle of start-up: from here on, a signal means an orderly end.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    sandbox = _keeping.loaded(args.load) if args.load else _made(args.system, today=args.today)
    if args.chaos_mesh:
        _install_chaos_mesh(sandbox)
    namespace = getattr(sandbox.system, "namespace", "default")
    args.dir.mkdir(parents=True, exist_ok=True)
    with ExitStack() as open_:
        recording = _recording(sandbox, open_.enter_context(args.record.open("w"))) if args.record else None
        served = open_.enter_context(serve_sandbox(sandbox, args.port, args.speed, namespace, recording))
        _keeping.write(args.dir / "kubeconfig", json.dumps(served.kubeconfig, indent=1))
        state = {
            "pid": os.getpid(),
            "url": served.url,
            "namespace": namespace,
            "system": sandbox.called,
            "speed": args.speed,
        }
        _keeping.write(args.dir / "state.json", json.dumps(state))
        print(served.url, flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            pass
        finally:
            (args.dir / "state.json").unlink(missing_ok=True)


def inject(args: argparse.Namespace) -> None:
    """Breaks the running system; the report goes to the file ``report`` and to the output. A course stays with us."""
    if args.fault == "list":
        print("\n".join(_breaking.table()))
        return

    def report(text: str) -> None:
        print(text, file=sys.stderr if args.action == "start" else sys.stdout, flush=True)
        told = f"# that report is in {args.dir / _breaking.REPORT}; {_call(args, 'heal')} puts it right"
        print(told, file=sys.stderr)

    state = _running(args)
    if _unfolding.is_course(args.fault):
        _unfolding.unfold_it(state, args.dir, args.fault, args.variant, args.seed, report, print)
    else:
        report(_breaking.break_it(state, args.dir, args.fault, args.variant, args.seed))


def heal(args: argparse.Namespace) -> None:
    """Carries out the ground truth of every fault that was injected."""
    done = _breaking.heal(_running(args), args.dir)
    print("\n".join(f"healed: {what}" for what in done) if done else "nothing has been injected since it started")


def machine(args: argparse.Namespace) -> None:
    """Which machines are on; with a node and a state, switches one."""
    states = _breaking.machines(_running(args), args.node, args.state or "")
    print("\n".join(f"{name:<20}{state}" for name, state in states.items()))


def status(args: argparse.Namespace) -> int:
    state = _state(args.dir)
    if state is None:
        print(f"no sandbox runs in {args.dir}")
        return 1
    print(f"{state['url']}: system {state['system']} in namespace {state['namespace']}, process {state['pid']}")
    print(f"kubeconfig: {(args.dir / 'kubeconfig').resolve()}")
    broken = [f"broken: {what}" for what in _breaking.broken(args.dir)]
    print("\n".join(broken) or "nothing has been injected since it started")
    return 0


def dump(args: argparse.Namespace) -> None:
    """Writes the running sandbox to a file; it runs on."""
    size = _keeping.write_dump(_running(args)["url"], args.file)
    print(f"{args.file}: {size} bytes; go on with it: e2ereme sandbox start --load {args.file}")


def replay(args: argparse.Namespace) -> int:
    """Fails where an answer differs from the recorded one."""
    return 0 if _keeping.replay(args.file, print) else 1


def stop(args: argparse.Namespace) -> None:
    state = _state(args.dir)
    if state is None:
        print(f"no sandbox runs in {args.dir}")
        return
    os.kill(state["pid"], signal.SIGTERM)
    end = time.monotonic() + 10
    while _alive(state["pid"]):
        if time.monotonic() > end:
            raise RunError(f"The sandbox (process {state['pid']}) does not end.", "End it by hand.")
        time.sleep(0.02)
    print("stopped")


def _made(name: str, *, today: bool) -> Sandbox:
    """A system with its past, by name. ``today``: its clock then says what ours does, and clients that reckon with
    their own clock (kubectl describe, events, operators) show ages as they are."""
    from ..sandbox.sandbox import Sandbox
    from ..sandbox.systems import past, prepare

    system = system_of(name)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=past(system)) if today else None
    sandbox = Sandbox(system, seed=_number(name), start=start)
    sandbox.called = name
    prepare(sandbox, system)
    return sandbox


def _install_chaos_mesh(sandbox: Sandbox) -> None:
    """Its kinds, Schedule too, where they are not there yet; its controller is always there."""
    from ..sandbox.chaos import definitions, schedules

    there = {item["metadata"]["name"] for item in sandbox.store.list("CustomResourceDefinition")}
    for definition in (*definitions(), schedules()):
        if definition["metadata"]["name"] not in there:
            sandbox.create(definition)


def _recording(sandbox: Sandbox, sink: IO[str]) -> Recording:
    from ..sandbox.recording import Recording

    return Recording(sandbox, sink)


def _number(name: str) -> int:
    return int(name) if name.isdigit() else 0


def _state(directory: Path) -> dict[str, Any] | None:
    """What the running sandbox wrote about itself; None when it is gone."""
    try:
        state: dict[str, Any] = json.loads((directory / "state.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return state if _alive(state["pid"]) else None


def _running(args: argparse.Namespace) -> dict[str, Any]:
    state = _state(args.dir)
    if state is None:
        raise Unreachable(f"No sandbox runs in {args.dir}.", f"Start one: {_call(args, 'start')}.")
    return state


def _call(args: argparse.Namespace, action: str) -> str:
    """How to call another action on the same sandbox."""
    return f"e2ereme sandbox {action}" + (f" --dir {args.dir}" if args.dir != DEFAULT_DIR else "")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    try:  # a process that ended but was not waited for is no sandbox
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True
