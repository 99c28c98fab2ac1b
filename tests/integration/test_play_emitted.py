"""A real ansible-playbook takes every string of our re-emit literally, and conditions as conditions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.plugin_utils.emit import emit

ANSIBLE = Path(sys.executable).with_name("ansible-playbook")
pytestmark = pytest.mark.skipif(not ANSIBLE.exists(), reason="ansible-playbook is not installed beside Python")

LITERAL = (
    "{{ 6 * 7 }}",
    "{% if true %}yes{% endif %}",
    "#jinja2:variable_start_string:'[%',variable_end_string:'%]'\n[% 6 * 7 %]",
    "{{ lookup('pipe', 'echo ran') }}",
    'quotes " and \\ backslash',
    "naïve \U0001f600 \u202e",
    "a\tb\nc",
    " # no comment: {a} [b] *c &d !e",
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each task of one run gave back, by its name."""
    folder = tmp_path_factory.mktemp("play")
    debug = [{"name": f"literal {n} {text}", "ansible.builtin.debug": {"msg": text}} for n, text in enumerate(LITERAL)]
    conditional = [
        {"name": "first", "ansible.builtin.debug": {"msg": {"count": 2}}, "register": "first"},
        {"name": "holds", "ansible.builtin.debug": {"msg": "ran"}, "when": "first.msg.count == 2"},
        {
            "name": "fails",
            "ansible.builtin.debug": {"msg": "ran"},
            "when": ["first is succeeded", "first.msg.count == 3"],
        },
    ]
    text, _ = emit("{{ 6 * 7 }}", (*debug, *conditional))
    (folder / "play.yml").write_text(text)
    (folder / "ansible.cfg").write_text("[defaults]\nnocows = true\n")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }
    (folder / "callback").mkdir()
    (folder / "callback" / "lines.py").write_text(CALLBACK)
    environment |= {"ANSIBLE_CALLBACK_PLUGINS": str(folder / "callback"), "ANSIBLE_STDOUT_CALLBACK": "lines"}
    done = subprocess.run(
        [str(ANSIBLE), "-i", "localhost,", str(folder / "play.yml")],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {line["task"]: line["result"] for line in lines}


CALLBACK = '''
import json
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: lines
    type: stdout
    short_description: one JSON line a task
    description: one JSON line a task
"""

class CallbackModule(CallbackBase):
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "lines"

    def _say(self, result, **more):
        print(json.dumps({"task": result._task.get_name(), "result": {"msg": result._result.get("msg"), **more}}))

    def v2_runner_on_ok(self, result):
        self._say(result)

    def v2_runner_on_skipped(self, result):
        self._say(result, skipped=True)
'''


@pytest.mark.parametrize("number", range(len(LITERAL)))
def test_an_argument_and_a_name_are_taken_literally(number: int, results: dict[str, Any]) -> None:
    text = LITERAL[number]
    assert results[f"literal {number} {text}"]["msg"] == text


def test_a_condition_is_live(results: dict[str, Any]) -> None:
    assert results["holds"]["msg"] == "ran"
    assert results["fails"].get("skipped") is True
