"""Exec, attach and port-forward: connections that go on in another protocol, and what the API server says before.

What a session carries is worked out at once: each channel's bytes, as kubectl and the client libraries read them from a
WebSocket (v4 and v5.channel.k8s.io): 1 what was printed, 2 what was complained of, 3 how it ended, as a Status.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from .exchange import Request, Target
from .reads import Stream
from .status import StatusError, bad_request

Object = dict[str, Any]

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io", "channel.k8s.io")
_OUT, _ERR, _END = 1, 2, 3


@dataclass(frozen=True)
class Ended:
    """What a command printed, and its exit code."""

    out: str = ""
    err: str = ""
    code: int = 0
    seconds: float = 0.0


class CannotStart(Exception):
    """The runtime cannot start such a command; the text says why, in its words."""


class Session(Stream):
    """``chunks``: (channel, bytes) in order. ``seconds`` (virtual) pass before it ends."""

    ended = True

    def __init__(self, chunks: tuple[tuple[int, bytes], ...], seconds: float = 0.0) -> None:
        self.chunks, self.seconds = chunks, seconds

    def lines(self) -> list[bytes]:
        """In process, where there is no other protocol: all that was said, and how it ended."""
        return [data for _, data in self.chunks]


def converse(behaviour: Any, request: Request, target: Target, pod: Object) -> Session:
    """Raises 400 where the server refuses before it changes protocols, and 501 for what the sandbox cannot carry."""
    container = ""
    if target.subresource != "portforward":
        container = chosen_container(pod, request.query.get("container", ""))
    if not pod["spec"].get("nodeName"):
        raise bad_request(f"pod {target.name} does not have a host assigned")
    if not request.upgrade:
        raise bad_request("Upgrade request required")
    if request.upgrade != "websocket":
        words = f"the sandbox carries {target.subresource} over WebSockets only, not over {request.upgrade}"
        raise StatusError(501, "NotImplemented", words)
    if target.subresource != "exec":
        raise StatusError(501, "NotImplemented", f"the sandbox does not carry pods/{target.subresource}")
    return _executed(behaviour, request, target, pod, container)


def chosen_container(pod: Object, name: str) -> str:
    """The container that is meant: the only one, where none is named. Raises 400."""
    title = pod["metadata"]["name"]
    names = [c["name"] for group in ("containers", "initContainers") for c in pod["spec"].get(group, ())]
    regular = [container["name"] for container in pod["spec"]["containers"]]
    if not name:
        if len(names) == 1:
            return str(names[0])
        choice = " ".join(regular)
        inits = names[len(regular) :]
        more = f" or one of the init containers: [{' '.join(inits)}]" if inits else ""
        raise bad_request(f"a container name must be specified for pod {title}, choose one of: [{choice}]{more}")
    if name not in names:
        raise bad_request(f"container {name} is not valid for pod {title}")
    return name


def _executed(behaviour: Any, request: Request, target: Target, pod: Object, container: str) -> Session:
    why = behaviour.unreachable(pod["spec"]["nodeName"])
    if why:
        return Session(((_END, _broken(f"error dialing backend: {why}")),))
    try:
        ended = behaviour.execute(target.namespace, target.name, container, list(request.command))
    except CannotStart as error:
        number = hashlib.sha256(f"{pod['metadata']['uid']}/{error}".encode()).hexdigest()
        words = "Internal error occurred: error executing command in container: failed to exec in container: failed to "
        words += f'start exec "{number}": OCI runtime exec failed: exec failed: {error}: unknown'
        return Session(((_END, _broken(words)),))
    if ended is None:
        return Session(((_END, _broken(f'unable to upgrade connection: container not found ("{container}")')),))
    chunks = [(_OUT, ended.out.encode())] if ended.out and request.flag("stdout") else []
    chunks += [(_ERR, ended.err.encode())] if ended.err and request.flag("stderr") else []
    return Session((*chunks, (_END, _ending(ended.code))), ended.seconds)


def _ending(code: int) -> bytes:
    if not code:
        return _encoded({"metadata": {}, "status": "Success"})
    return _encoded(
        {
            "metadata": {},
            "status": "Failure",
            "message": f"command terminated with non-zero exit code: command terminated with exit code {code}",
            "reason": "NonZeroExitCode",
            "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
        }
    )


def _broken(words: str) -> bytes:
    return _encoded(
        {
            "metadata": {},
            "status": "Failure",
            "message": f"Internal error occurred: {words}",
            "reason": "InternalError",
            "details": {"causes": [{"message": words}]},
            "code": 500,
        }
    )


def _encoded(status: Object) -> bytes:
    return json.dumps(status, separators=(",", ":")).encode()
