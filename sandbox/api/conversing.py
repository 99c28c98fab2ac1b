"""What the API server says before it changes protocols, and the session that follows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from .attaching import attached
from .exchange import Request, Target
from .forwarding import Forward
from .sessions import ERROR, RESIZE, STDERR, STDIN, STDOUT, CannotStart, Session, Talk, Told, broken
from .status import StatusError, bad_request

Object = dict[str, Any]

_UPGRADES = ("websocket", "spdy/3.1")


def converse(behaviour: Any, request: Request, target: Target, pod: Object) -> Session:
    """Raises 400 where the server refuses before it changes protocols, and 501 for what the sandbox cannot carry."""
    container = ""
    if target.subresource != "portforward":
        container = chosen_container(pod, request.query.get("container", ""))
    if not pod["spec"].get("nodeName"):
        raise bad_request(f"pod {target.name} does not have a host assigned")
    if not request.upgrade:
        raise bad_request("Upgrade request required")
    if request.upgrade not in _UPGRADES:
        words = f"the sandbox carries {target.subresource} over WebSockets and SPDY/3.1, not over {request.upgrade}"
        raise StatusError(501, "NotImplemented", words)
    if target.subresource == "portforward":
        return Forward(behaviour, target, _ports(request.ports))
    session = _command(behaviour, request, target, pod, container)
    session.expected = _expected(request)
    return session


def _command(behaviour: Any, request: Request, target: Target, pod: Object, container: str) -> Session:
    why = behaviour.unreachable(pod["spec"]["nodeName"])
    if why:
        return Told(broken(f"error dialing backend: {why}"))
    if target.subresource == "exec":
        return _executed(behaviour, request, target, pod, container)
    return attached(behaviour, request, target, container)


def _expected(request: Request) -> frozenset[str]:
    names = {name for name in (STDIN, STDOUT, STDERR) if request.flag(name)} | {ERROR}
    return frozenset(names - {STDERR} | {RESIZE} if request.flag("tty") else names)


def chosen_container(pod: Object, name: str) -> str:
    """The container that is meant: the only one, where none is named. Raises 400."""
    title = pod["metadata"]["name"]
    groups = ("containers", "initContainers", "ephemeralContainers")
    names = [c["name"] for group in groups for c in pod["spec"].get(group) or ()]
    regular = [container["name"] for container in pod["spec"]["containers"]]
    inits = [container["name"] for container in pod["spec"].get("initContainers") or ()]
    late = names[len(regular) + len(inits) :]
    if not name:
        if len(names) == 1:
            return str(names[0])
        choice = " ".join(regular)
        more = f" or one of the init containers: [{' '.join(inits)}]" if inits else ""
        more += f" or one of the ephemeral containers: [{' '.join(late)}]" if late else ""
        raise bad_request(f"a container name must be specified for pod {title}, choose one of: [{choice}]{more}")
    if name not in names:
        raise bad_request(f"container {name} is not valid for pod {title}")
    return name


def _executed(behaviour: Any, request: Request, target: Target, pod: Object, container: str) -> Session:
    argv, reads, tty = list(request.command), request.flag("stdin"), request.flag("tty")
    try:
        process = behaviour.process(target.namespace, target.name, container, argv, reads, tty)
    except CannotStart as error:
        number = hashlib.sha256(f"{pod['metadata']['uid']}/{error}".encode()).hexdigest()
        words = "error executing command in container: failed to exec in container: failed to "
        words += f'start exec "{number}": OCI runtime exec failed: exec failed: {error}: unknown'
        return Told(broken(f"Internal error occurred: {words}"))
    if process is None:
        return Told(broken(f'unable to upgrade connection: container not found ("{container}")'))
    return Talk(process, request)


def _ports(named: Sequence[str]) -> tuple[int, ...]:
    """Raises 400."""
    words = [word for name in named for word in name.split(",")]
    for word in words:
        if not word.isdecimal() or not 0 < int(word) < 65536:
            raise bad_request(
                f'unable to parse "{word}" as a port: strconv.ParseUint: parsing "{word}": invalid syntax'
            )
    return tuple(int(word) for word in words)
