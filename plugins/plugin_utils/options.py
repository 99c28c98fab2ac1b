# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of the remediate action, and its result, as plain data on Ansible's side."""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Callable, Mapping
from typing import Any

from ..module_utils.connection_arguments import CONNECTION, chosen
from .audience import watched
from .conduct import Conducted, Order
from .episode import Bounds
from .run import Through
from .wishes import Tell

ARGUMENTS: dict[str, dict[str, Any]] = {
    "report": {"type": "raw"},
    "apply": {"type": "path"},
    "undo": {"type": "path"},
    "approved": {"type": "str", "default": ""},
    "force": {"type": "bool", "default": False},
    "namespace": {"type": "str"},
    "mode": {"type": "str", "choices": ["auto", "plan"], "default": "auto"},
    "out": {"type": "path"},
    "policy": {"type": "path"},
    "attempts": {"type": "int", "default": Bounds.attempts},
    "steps": {"type": "int", "default": Bounds.steps},
    "seconds": {"type": "float", "default": Bounds.seconds},
    "tokens": {"type": "int", "default": Bounds.tokens},
    "settle": {"type": "float", "default": 15.0},
    "checks": {"type": "list", "elements": "dict", "default": []},
    "runner": {"type": "str", "choices": ["process", "ansible_runner"], "default": "process"},
    "execution_environment": {"type": "str", "default": ""},
    "container_engine": {"type": "str", "choices": ["podman", "docker"], "default": "podman"},
    "model": {"type": "str", "default": "default"},
    "model_name": {"type": "str", "default": "e2ereme"},
    "model_api_key": {"type": "str", "no_log": True},
    "model_python": {"type": "path"},
    **CONNECTION,
}


def order(arguments: Mapping[str, Any], **context: Any) -> Order:
    """The Order for validated ``arguments``; ``context`` holds what comes from the play (check, no_log, …)."""
    return Order(
        report=arguments["report"],
        apply=arguments["apply"],
        undo=arguments["undo"],
        approved=arguments["approved"],
        force=arguments["force"],
        namespace=arguments["namespace"],
        mode=arguments["mode"],
        model=arguments["model"],
        out=arguments["out"],
        policy=arguments["policy"],
        bounds=Bounds(arguments["attempts"], arguments["steps"], arguments["seconds"], arguments["tokens"]),
        settle=arguments["settle"],
        through=_through(arguments),
        checks=arguments["checks"],
        connection=chosen(arguments),
        **context,
    )


def _through(arguments: Mapping[str, Any]) -> Through | None:
    """How ansible-runner is to be used; None where it is not."""
    image = arguments["execution_environment"]
    if arguments["runner"] == "process" and not image:
        return None
    return Through(image, arguments["container_engine"])


def result_of(done: Conducted, *, check: bool, diff: bool) -> dict[str, Any]:
    """The result of the task. In check mode ``changed`` says what would be."""
    episode = done.episode
    planned = check and episode.outcome == "planned"
    result: dict[str, Any] = {
        "outcome": episode.outcome,
        "message": episode.message,
        "msg": episode.message,
        "changed": bool(episode.changed) or planned,
        "failed": not episode.succeeded,
        "episode": f"{done.folder}/episode.json" if done.folder else "",
        "folder": done.folder,
        "attempts": len(episode.attempts),
        "changed_objects": [str(ref) for ref in episode.changed],
        "playbook": next((a.playbook.text for a in reversed(episode.attempts) if a.playbook), ""),
        "plan": done.plan,
        "seconds": dict(done.seconds),
    }
    if diff and done.diffs:
        result["diff"] = [beside.as_ansible() for beside in done.diffs]
    return result


def shown(display: Callable[..., None], tell: Tell, no_log: bool, colours: Mapping[str, str] | None = None) -> None:
    """Prints one line of progress, or only the station where the task says no_log.

    ``colours`` has those of lines of a diff, by their first character, for ``display`` to use.
    """
    if not watched(os.getppid()):  # of which this process is a fork
        return
    text = "" if no_log else "".join(char if char.isprintable() else " " for char in tell.text)
    attempt = f"attempt {tell.attempt}: " if tell.attempt else ""
    with contextlib.suppress(OSError):  # whoever watched is gone; the undo must go on
        line = f"  {tell.station:<8} {attempt}{text}".rstrip()
        colour = (colours or {}).get(text[:1]) if tell.station == "plan" else None
        display(line, color=colour) if colour else display(line)


def diff_shown(display: Callable[..., None], done: Conducted, colours: Mapping[str, str]) -> None:
    """Prints the diff of a Plan as Ansible's diff mode does, which itself shows none where nothing was changed."""
    for beside in done.diffs:
        sides = beside.as_ansible()
        before, after = (sides[side].splitlines() for side in ("before", "after"))
        names = sides["before_header"], sides["after_header"]
        for line in difflib.unified_diff(before, after, *names, lineterm=""):
            display(line, color=colours.get(line[:1]))
