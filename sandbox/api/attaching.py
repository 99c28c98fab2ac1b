"""Attach: what a container's first process prints from now on, and what somebody types into it."""

from __future__ import annotations

from typing import Any

from .exchange import Request, Target
from .sessions import ERROR, STDOUT, Session, Talk, Told, broken, ending


def attached(behaviour: Any, request: Request, target: Target, container: str) -> Session:
    if not behaviour.is_running(target.namespace, target.name, container):
        return Told(
            broken(
                f"unable to upgrade connection: container {container} not found in pod {target.name}_{target.namespace}"
            )
        )
    process = behaviour.first_process(target.namespace, target.name, container) if request.flag("stdin") else None
    if process is None:
        return Listening(behaviour, request, target, container)

    def ends(code: int) -> None:
        behaviour.end_container(target.namespace, target.name, container, code, "Error" if code else "Completed")

    return Talk(process, request, ends)


class Listening(Session):
    """The log as it grows, until the container ends."""

    def __init__(self, behaviour: Any, request: Request, target: Target, container: str) -> None:
        self._behaviour, self._place = behaviour, (target.namespace, target.name, container)
        self._shown = request.flag("stdout") or request.flag("stderr")
        self._seen = len(self._whole())

    def say(self) -> list[tuple[str, bytes | None]]:
        if self.ended:
            return []
        text = self._whole()
        new, self._seen = text[self._seen :], len(text)
        said: list[tuple[str, bytes | None]] = [(STDOUT, new.encode())] if new and self._shown else []
        if not self._behaviour.is_running(*self._place):
            self.ended = True
            said.append((ERROR, ending(0)))
        return said

    def _whole(self) -> str:
        return self._behaviour.logs(*self._place) or ""
