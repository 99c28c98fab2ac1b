"""One session over its connection: what is said on one side is heard on the other, in its time."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections import deque

from .api.sessions import Session
from .sandbox import Sandbox
from .wires import Wire

_TICK = 0.05  # real seconds between two looks at what a session has to say by itself
_PATIENCE = 10.0  # in which a client opens the streams that it is waited for
_GOODBYE = 5.0
_AT_ONCE = 65536


def converse(
    connection: socket.socket,
    unread: bytes,
    wire: Wire,
    session: Session,
    sandbox: Sandbox,
    lock: threading.Condition,
    stopping: threading.Event,
    speed: float,
) -> None:
    """Until the session has ended or the client has gone. ``unread``: what it has said already. ``speed``: virtual
    seconds a second, 0 where time stands still: then nothing is waited for. Raises OSError."""
    connection.sendall(wire.begin())
    waiting: deque[tuple[float, list[tuple[str, bytes | None]]]] = deque()
    patient_until = float("inf")
    connection.sendall(_hear(unread, wire, session, sandbox, lock))
    while not stopping.is_set() and not wire.gone:
        with lock:
            seconds = session.seconds / speed if speed > 0 else 0.0
            said = _moving(sandbox, lock, session)
        now = time.monotonic()
        if said:
            waiting.append((max(now, waiting[-1][0] if waiting else now) + seconds, said))
        while waiting and waiting[0][0] <= now:
            connection.sendall(b"".join(wire.say(name, data) for name, data in waiting.popleft()[1]))
        if session.ended and not waiting:
            patient_until = min(patient_until, now + _PATIENCE)
            if not wire.waits or now > patient_until:
                break
        until = min(_TICK, max(0.0, waiting[0][0] - now)) if waiting else _TICK
        if select.select([connection], (), (), until)[0]:
            data = connection.recv(_AT_ONCE)
            if not data:
                break
            connection.sendall(_hear(data, wire, session, sandbox, lock))
    with lock:
        session.hang_up()
    if not wire.gone:
        connection.sendall(wire.end())
        connection.settimeout(_GOODBYE)
        while not wire.gone and (data := connection.recv(_AT_ONCE)):
            connection.sendall(wire.hear(data))


def _hear(data: bytes, wire: Wire, session: Session, sandbox: Sandbox, lock: threading.Condition) -> bytes:
    if not data:
        return b""
    with lock:
        before = sandbox.store.version
        answer = wire.hear(data)
        if sandbox.store.version != before:
            lock.notify_all()
    return answer


def _moving(sandbox: Sandbox, lock: threading.Condition, session: Session) -> list[tuple[str, bytes | None]]:
    """What the session says; what it did to the cluster others hear of."""
    before = sandbox.store.version
    said = session.say()
    sandbox.clock.settle()
    if sandbox.store.version != before:
        lock.notify_all()
    return said
