"""Playbook tasks carried out in process, with the effect that Ansible and kubernetes.core would have.

Each module does the requests that the module of kubernetes.core 6.2 does, in the same order and with the same
content types, so that what ends up in the cluster is the same. Only the modules that the gate lets through are
here, and of their arguments those that change an outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .conditions import BadCondition, holds
from .modules import MODULES, Cluster, ModuleFailed

Handle = Callable[..., Any]
Object = dict[str, Any]

_KEYWORDS = {
    "always",
    "block",
    "delay",
    "ignore_errors",
    "name",
    "no_log",
    "register",
    "rescue",
    "retries",
    "timeout",
    "until",
    "when",
}


def run_tasks(
    handle: Handle, tasks: Sequence[Mapping[str, Any]], *, sleep: Callable[[float], None] | None = None
) -> list[Object]:
    """Runs tasks on a sandbox's ``handle``. A failure ends the run, as in a play.

    Returns one entry a task that ran or was skipped: name, module, status (ok, changed, failed, skipped),
    message, seconds (virtual). ``sleep`` lets virtual time pass while a module waits; by default the clock of
    the sandbox whose ``handle`` it is.
    """
    sandbox: Any = getattr(handle, "__self__", None)
    now = (lambda: float(sandbox.clock.elapsed)) if sandbox is not None else (lambda: 0.0)
    run = _Run(Cluster(handle, sleep or sandbox.advance), now)
    run.tasks(tasks)
    return run.results


class _Run:
    def __init__(self, cluster: Cluster, now: Callable[[], float]) -> None:
        self._cluster, self._now = cluster, now
        self._registered: Object = {}
        self.results: list[Object] = []

    def tasks(self, tasks: Sequence[Mapping[str, Any]]) -> bool:
        """Whether all went well; stops at the first failure."""
        return all(self._block(task) if "block" in task else self._task(task) for task in tasks)

    def _block(self, block: Mapping[str, Any]) -> bool:
        try:
            if "when" in block and not holds(block["when"], self._registered):
                return True
        except BadCondition as error:
            return self._note(block, "block", "failed", str(error), self._now())
        fine = self.tasks(block["block"])
        if not fine and block.get("rescue"):
            fine = self.tasks(block["rescue"])
            if fine:
                self._rescue()
        if block.get("always"):
            fine = self.tasks(block["always"]) and fine
        return fine

    def _rescue(self) -> None:
        """What a rescue made good did not fail the play."""
        for result in self.results:
            if result["status"] == "failed":
                result["status"], result["message"] = "ok", f"rescued: {result['message']}"

    def _task(self, task: Mapping[str, Any]) -> bool:
        module = next((key for key in task if key not in _KEYWORDS), "")
        started = self._now()
        try:
            if "when" in task and not holds(task["when"], self._registered):
                self._register(task, {"changed": False, "skipped": True})
                return self._note(task, module, "skipped", "Conditional result was False", started)
            result = self._tried(task, module)
        except (ModuleFailed, BadCondition) as error:
            result = {**getattr(error, "result", {}), "changed": False, "failed": True, "msg": str(error)}
        self._register(task, result)
        if not result.get("failed"):
            status = "changed" if result.get("changed") else "ok"
            return self._note(task, module, status, str(result.get("msg", "")), started)
        if task.get("ignore_errors"):
            return self._note(task, module, "ok", f"ignored: {result['msg']}", started)
        return self._note(task, module, "failed", str(result["msg"]), started)

    def _tried(self, task: Mapping[str, Any], module: str) -> Object:
        """One call of the module, or several until its condition holds."""
        if "until" not in task:
            return self._call(task, module)
        attempts = int(task.get("retries", 3)) + 1
        for attempt in range(attempts):
            try:
                result = self._call(task, module)
            except ModuleFailed as error:
                result = {**error.result, "changed": False, "failed": True, "msg": str(error)}
            self._register(task, result)
            if not result.get("failed") and holds(task["until"], self._registered):
                return {**result, "attempts": attempt + 1}
            if attempt + 1 < attempts:
                self._cluster.sleep(float(task.get("delay", 5)))
        message = result.get("msg") if result.get("failed") else "the condition of until was never met"
        raise ModuleFailed(str(message), result)

    def _call(self, task: Mapping[str, Any], module: str) -> Object:
        act = MODULES.get(module) or MODULES.get(f"kubernetes.core.{module}")
        if act is None:
            raise ModuleFailed(f"couldn't resolve module/action '{module}'")
        self._cluster.lean = not task.get("register")
        return act(self._cluster, task[module] or {})

    def _register(self, task: Mapping[str, Any], result: Object) -> None:
        if task.get("register"):
            self._registered[task["register"]] = {"failed": False, **result}

    def _note(self, task: Mapping[str, Any], module: str, status: str, message: str, started: float) -> bool:
        seconds = round(self._now() - started, 6)
        name = task.get("name") or module
        self.results.append({"name": name, "module": module, "status": status, "message": message, "seconds": seconds})
        return status != "failed"
