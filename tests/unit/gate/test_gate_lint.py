"""ansible-lint in its own process."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from ansible_collections.e2ereme.remediate.plugins.plugin_utils import lint as lint_module
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.emit import emit
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.lint import lint, stop_lint, warm_lint

pytest.importorskip("ansiblelint")

LOOK = {"kubernetes.core.k8s_info": {"api_version": "v1", "kind": "Pod", "namespace": "shop"}}


@pytest.fixture(scope="module", autouse=True)
def _process() -> Iterator[None]:
    warm_lint()
    yield
    stop_lint()


def test_our_own_text_passes_the_production_profile() -> None:
    text, _ = emit("Repair shop", ({"name": "Look", **LOOK, "register": "pods", "until": "pods is succeeded"},))
    assert lint(text) == lint_module.Linted("passed")


def test_a_remark_names_the_rule_and_the_line() -> None:
    text, _ = emit("Repair shop", (LOOK,))
    assert [(remark.rule, remark.line) for remark in lint(text).remarks] == [("name[missing]", 7)]


def test_warm_it_answers_within_a_second() -> None:
    text, _ = emit("Repair shop", ({"name": "Look", **LOOK},))
    lint(text)
    start = time.monotonic()
    lint(text)
    assert time.monotonic() - start < 1.0


def test_it_leaves_this_process_as_it_was() -> None:
    before, place = dict(os.environ), os.getcwd()
    lint(emit("Repair shop", ({"name": "Look", **LOOK},))[0])
    assert (dict(os.environ), os.getcwd()) == (before, place)


def test_where_it_is_not_installed_the_answer_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lint_module, "lint_installed", lambda: False)
    assert lint("---\n") == lint_module.Linted("not installed")


def test_a_dead_process_is_told_and_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: pytest.TempPathFactory) -> None:
    broken = tmp_path / "broken.py"  # type: ignore[operator]
    broken.write_text("raise SystemExit(1)\n")
    linter = lint_module._Linter()
    monkeypatch.setattr(lint_module, "_PROGRAM", broken)
    assert linter.ask("---\n").state.startswith("could not run")
