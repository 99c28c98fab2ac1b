"""Breaking a running sandbox from the command line, and putting it right again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.e2ereme.remediate.cli import main as cli
from ansible_collections.e2ereme.remediate.sandbox import faults
from ansible_collections.e2ereme.remediate.sandbox.over_http import HttpTransport
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.server import serve
from ansible_collections.e2ereme.remediate.sandbox.systems import prepare
from ansible_collections.e2ereme.remediate.sandbox.systems.choose import choose

SPEED = 40.0
Said = tuple[int, str, str]
Command = Callable[..., Said]


@pytest.fixture
def sandbox(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Calls ``e2ereme sandbox`` for a sandbox of the shop, whose time runs fast."""
    system = choose("shop")
    running = Sandbox(system, 1)
    prepare(running, system)

    def call(*words: str) -> Said:
        status = cli.main(["sandbox", *words, "--dir", str(tmp_path)])
        said = capsys.readouterr()
        return status, said.out, said.err

    with serve(running, speed=SPEED) as served:
        state = {"url": served.url, "pid": os.getpid(), "system": "shop", "namespace": "shop", "speed": SPEED}
        (tmp_path / "state.json").write_text(json.dumps(state))
        yield call


def is_well(tmp_path: Path) -> bool:
    url = json.loads((tmp_path / "state.json").read_text())["url"]
    HttpTransport(url).sleep(330)
    return faults.healthy(HttpTransport(url), choose("shop")) == ()


def test_all_that_was_injected_is_healed(sandbox: Command, tmp_path: Path) -> None:
    for fault in ("scaled_to_zero", "network_delay", "node_lost"):
        assert sandbox("inject", fault, "--seed", "2")[0] == 0
    broken = sandbox("status")[1]

    healed = sandbox("heal")[1]

    assert [line.split("/")[0] for line in broken.splitlines()[2:]] == [
        "broken: scaled_to_zero",
        "broken: network_delay",
        "broken: node_lost",
    ]
    assert [line.split(" on ")[0] for line in healed.splitlines()] == [
        "healed: node_lost",
        "healed: network_delay",
        "healed: scaled_to_zero",
    ]
    assert is_well(tmp_path)
    assert sandbox("heal")[1] == "nothing has been injected since it started\n"
    assert "nothing has been injected" in sandbox("status")[1]


def test_the_report_is_printed_kept_and_told_where(sandbox: Command, tmp_path: Path) -> None:
    _, said, told = sandbox("inject", "scaled_to_zero")

    assert (tmp_path / "report").read_text() == said.rstrip("\n") != ""
    assert told == f"# that report is in {tmp_path}/report; e2ereme sandbox heal --dir {tmp_path} puts it right\n"


def test_what_comes_late_comes_while_the_command_stays_and_is_healed_too(sandbox: Command, tmp_path: Path) -> None:
    status, said, _ = sandbox("inject", "late", "--variant", "repairable", "--seed", "2")

    report, now = said.rstrip("\n").rsplit("\n", 1)
    assert status == 0 and report == (tmp_path / "report").read_text()
    assert now.startswith("now ")
    assert len(sandbox("heal")[1].splitlines()) == 2
    assert is_well(tmp_path)


def test_what_passes_by_itself_is_not_broken_any_more(sandbox: Command, tmp_path: Path) -> None:
    _, said, _ = sandbox("inject", "passing", "--variant", "rebooting")

    assert said.splitlines()[-1].startswith("passed: node_lost on ")
    assert "nothing has been injected" in sandbox("status")[1]
    assert is_well(tmp_path)


@pytest.mark.parametrize(("words", "part"), [
    (["inject", "late", "--variant", "sideways"], "It has repairable, beyond."),
    (["inject", "gremlins"], "Known are bad_image_tag, "),
    (["inject", "bad_image_tag", "--variant", "sideways"], "It has latest, buried, moved_on."),
    (["inject", "disk_latency"], "finds nothing to break in shop"),
    (["machine", "node-9", "off"], 'nodes "node-9" not found'),
    (["start", "--fault", "gremlins"], "Known are bad_image_tag, "),
    (["start", "--fault", "bad_image_tag", "--variant", "sideways"], "It has latest, buried, moved_on."),
    (["dump", "/proc/nowhere"], "/proc/nowhere cannot be written"),
    (["start"], "Stop it first: e2ereme sandbox stop --dir "),
])  # fmt: skip
def test_what_cannot_be_done_is_said_in_one_line(sandbox: Command, words: list[str], part: str) -> None:
    status, said, told = sandbox(*words)

    assert (status, said, told.count("\n")) == (1, "", 1)
    assert told.startswith("e2ereme: ") and part in told


def test_a_machine_is_switched_by_hand(sandbox: Command) -> None:
    assert sandbox("machine")[1].split() == ["node-1", "on", "node-2", "on"]
    assert sandbox("machine", "node-2", "off")[1].split() == ["node-1", "on", "node-2", "off"]
    assert sandbox("machine", "node-2", "on")[1].split() == ["node-1", "on", "node-2", "on"]


def test_every_fault_is_listed_with_its_variants(sandbox: Command) -> None:
    lines = {line.split()[0]: line for line in sandbox("inject", "list")[1].splitlines()}

    assert set(lines) == {*faults.FAULTS, "pair", "late", "cascade", "passing"}
    told = "resolve   once, varied, follows, on_node (follows: escalate)"
    assert lines["network_delay"].split(None, 1)[1] == told
