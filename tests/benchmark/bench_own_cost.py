"""What a remediation costs beside model, cluster and Ansible: ``make bench-speed``.

Plays playbooks/remediate.yml on the simulated shop with a model that answers from a script, and runs
three tasks warm and bare. Machines and moments differ: the ratios are what to compare, and each is of
two things that ran one after the other.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from staging import Place, Player, patch, scripted_model, simulated  # noqa: E402

from ansible_collections.e2ereme.remediate.model import adapters, client  # noqa: E402
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import ModelError  # noqa: E402
from ansible_collections.e2ereme.remediate.plugins.module_utils.probe import look  # noqa: E402
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.emit import emit  # noqa: E402
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Playbook  # noqa: E402
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.policy import load_policy  # noqa: E402
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.report_parse import parse_report  # noqa: E402
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.run import ProcessRunner, Through  # noqa: E402

WRITING = 1.5
"""Seconds that the scripted model takes, about as long as the real one: what is warmed meanwhile costs nothing."""
SPANS = ("import", "gate", "snapshot", "verify")


def main() -> None:
    """Prints the table: median and the quickest of each measurement, and the target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5, help="how often each thing is measured (default: 5)")
    parser.add_argument("--model", default="default", help="whose writing is timed: default, none, or a folder")
    asked = parser.parse_args()
    print(f"{'seconds':<46}{'median':>8}{'least':>8}{'target':>8}")
    with tempfile.TemporaryDirectory(prefix="e2ereme-bench-") as name, simulated(Path(name)) as place:
        episodes = [episode(place, Path(name) / str(turn)) for turn in range(asked.times)]
        show("own cost of a remediation", [seconds["own"] for seconds in episodes], 0.3)
        for span in SPANS:
            show(f"  of it: {span}", [seconds[span] for seconds in episodes])
        rest = [seconds["own"] - sum(seconds[span] for span in SPANS) for seconds in episodes]
        show("  of it: all else", rest)
        show("writing a playbook, worker warm", list(writing(place, asked.model, asked.times)), 2.0)
        turns = [three_tasks(place, Path(name)) for _ in range(asked.times)]
        show("three tasks, warm", [warm for warm, _, _ in turns], 2.5)
        show("three tasks, ansible-playbook by itself", [bare for _, bare, _ in turns])
        show("three tasks, through ansible-runner", [through for _, _, through in turns if through])
        ratio = median(warm / bare for warm, bare, _ in turns)
        runner = median(through / bare for _, bare, through in turns)
        own = median(seconds["own"] for seconds in episodes) / median(bare for _, bare, _ in turns)
    machine = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"\nwarm / bare {ratio:.2f}   ansible-runner / bare {runner:.2f}   own cost / bare {own:.2f}   {machine}")


def show(what: str, seconds: list[float], target: float | None = None) -> None:
    """One line of the table."""
    if seconds:
        said = f"{target:.1f}" if target else ""
        print(f"{what:<46}{median(seconds):>8.2f}{min(seconds):>8.2f}{said:>8}", flush=True)


def episode(place: Place, folder: Path) -> dict[str, float]:
    """Seconds by span of one resolved Episode, through the real playbook."""
    folder.mkdir()
    place.break_image()
    with scripted_model() as model:

        def answer() -> str:
            time.sleep(WRITING)
            return patch(place, place.good)

        model.answers = [answer]
        played = Player(ROOT, place, model, folder / "out")()
    assert played.rc == 0, played.output
    return dict(played.episode["seconds"])


def writing(place: Place, name: str, times: int) -> Iterator[float]:
    """Seconds for one Answer each; none where the model is not there."""
    try:
        worker = client.WorkerModel(adapters.find(name))
    except ModelError as error:
        print(f"writing a playbook: {error}")
        return
    place.break_image()
    report = parse_report("cart does not answer", place.namespace)
    evidence = look(place.cluster, place.namespace, (("cart", ""),))
    for turn in range(times + 1):
        got = client.ask(worker, report, evidence, load_policy(), steps=("playbook",))
        if turn:  # the first one waits for the worker to load
            yield got.seconds


def three_tasks(place: Place, folder: Path) -> tuple[float, float, float]:
    """Seconds for three tasks: in a warm process, by ansible-playbook, and (0: it is not there) by ansible-runner."""
    cart = {"api_version": "apps/v1", "kind": "Deployment", "namespace": place.namespace, "name": "cart"}

    def text() -> str:
        note = {"metadata": {"annotations": {"bench": str(time.time_ns())}}}
        patched = {**cart, "state": "patched", "definition": note}
        look = {"kubernetes.core.k8s_info": cart}
        tasks = ({"name": "Look", **look}, {"name": "Patch", "kubernetes.core.k8s": patched}, {"name": "Again", **look})
        return emit("Three tasks", tasks)[0]

    def timed(through: Through | None) -> float:
        with ProcessRunner({"kubeconfig": place.kubeconfig}, parent=folder, through=through) as runner:
            runner.warm()
            nothing = Playbook((), "- hosts: localhost\n  gather_facts: false\n  tasks: []\n", ())
            runner.run(nothing)  # waits until it is warm
            started = time.monotonic()
            assert runner.run(Playbook((), text(), ())).ok
            return time.monotonic() - started

    warm = timed(None)
    (folder / "three.yml").write_text(text())
    environment = {**os.environ, "K8S_AUTH_KUBECONFIG": place.kubeconfig, "ANSIBLE_PYTHON_INTERPRETER": sys.executable}
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(folder / "three.yml")]
    started = time.monotonic()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    bare = time.monotonic() - started
    return warm, bare, timed(Through()) if importlib.util.find_spec("ansible_runner") else 0.0


if __name__ == "__main__":
    main()
