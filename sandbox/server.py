"""The sandbox behind HTTP, for clients that want a real address: kubectl, Ansible, client libraries."""

from __future__ import annotations

import threading
import time
import traceback
from dataclasses import dataclass
from http import HTTPStatus
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl

from .api.authorization import user_of_token
from .api.exchange import Request, Response
from .api.reads import Stream, Watch
from .api.sessions import Session
from .api.status import StatusError
from .conversation import converse
from .over_http import ADVANCE, DUMP
from .sandbox import Sandbox
from .wires import wired

_TICK = 0.02
_BOOKMARK_EVERY = 60.0
_LONGEST_WATCH = 3600.0
_LONGEST_LINE = 65536
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n"


class Listener(Protocol):
    """What hears of each request with the virtual seconds at which it came, and of its answer (recording.py)."""

    def answered(self, request: Request, elapsed: float, answer: Response | Stream) -> None: ...


@dataclass(frozen=True)
class Served:
    """A sandbox that answers at ``url`` until ``stop()``. ``lock``: hold it to touch the sandbox meanwhile."""

    url: str
    kubeconfig: dict[str, Any]
    lock: threading.Condition
    _server: ThreadingTCPServer
    _stopping: threading.Event
    _threads: tuple[threading.Thread, ...]

    def stop(self) -> None:
        """Ends the watches, the clock and the server, and waits for them."""
        self._stopping.set()
        with self.lock:
            self.lock.notify_all()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join(timeout=5)

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def serve(
    sandbox: Sandbox, port: int = 0, speed: float = 1.0, namespace: str = "", recording: Listener | None = None
) -> Served:
    """Serves on 127.0.0.1 (``port`` 0: any free one), with virtual time at ``speed`` times real time."""
    lock = threading.Condition(threading.RLock())
    stopping = threading.Event()

    class Handler(_Handler):
        pass

    Handler.sandbox, Handler.lock, Handler.stopping, Handler.speed = sandbox, lock, stopping, speed
    Handler.recording = recording
    server = _Server(("127.0.0.1", port), Handler)
    url = f"http://127.0.0.1:{server.server_address[1]}"
    threads = (
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True, name="sandbox-http"),
        threading.Thread(target=_run_clock, args=(sandbox, lock, stopping, speed), daemon=True, name="sandbox-clock"),
    )
    for thread in threads:
        thread.start()
    space = namespace or getattr(sandbox.system, "namespace", "") or "default"
    return Served(url, kubeconfig_for(url, space), lock, server, stopping, threads)


def kubeconfig_for(url: str, namespace: str) -> dict[str, Any]:
    """A kubeconfig of one cluster without credentials."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "sandbox",
        "clusters": [{"name": "sandbox", "cluster": {"server": url}}],
        "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": "sandbox", "namespace": namespace}}],
        "users": [{"name": "sandbox", "user": {}}],
    }


def _run_clock(sandbox: Sandbox, lock: threading.Condition, stopping: threading.Event, speed: float) -> None:
    last = time.monotonic()
    while not stopping.wait(_wait_for(sandbox, speed)):
        with lock:
            now = time.monotonic()
            before = sandbox.store.version
            sandbox.advance((now - last) * speed)
            last = now
            if sandbox.store.version != before:
                lock.notify_all()


def _wait_for(sandbox: Sandbox, speed: float) -> float:
    """Real seconds to the next event, within a tick and a quarter of a second (the Date header moves on)."""
    due = sandbox.clock.next_due()
    return min(0.25, max(_TICK, due / speed if due is not None and speed > 0 else 0.25))


class _Server(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to report."""


class _Handler(StreamRequestHandler):
    """Reads HTTP/1.1 by itself: http.server's handler takes three times as long for a request as its answer does."""

    wbufsize = -1
    disable_nagle_algorithm = True
    sandbox: Sandbox
    lock: threading.Condition
    stopping: threading.Event
    speed: float
    recording: Listener | None = None

    def handle(self) -> None:
        while self._one():
            pass

    def _one(self) -> bool:
        """One request. False when it was the last one of its connection."""
        try:
            method, target, _ = self.rfile.readline(_LONGEST_LINE).decode("latin-1").split()
        except (ValueError, OSError):
            return False  # the client went away, or speaks something else
        headers = self._headers()
        if headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        length = int(headers.get("content-length") or 0)
        body = self.rfile.read(length) if length else None
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._chunks()
        path, _, query = target.partition("?")
        told = parse_qsl(query, keep_blank_values=True) if query else []
        authorization = headers.get("authorization", "")
        groups = headers.get("impersonate-group")
        request = Request(
            method,
            path,
            dict(told),
            body,
            headers.get("content-type", "application/json"),
            headers.get("accept", "application/json"),
            headers.get("user-agent", ""),
            headers.get("impersonate-user")
            or (user_of_token(authorization.rpartition(" ")[2]) if authorization else ""),
            headers.get("if-none-match", ""),
            tuple(groups.split("\n")) if groups else (),
            headers.get("upgrade", "").lower(),
            tuple(value for name, value in told if name == "command") if "upgrade" in headers else (),
            tuple(value for name, value in told if name == "ports") if "upgrade" in headers else (),
        )
        answer = self._answer(request)
        if isinstance(answer, Session):
            self._converse(path, headers, answer)
            return False
        if isinstance(answer, Stream):
            self._stream(request, answer)
            return False
        if answer.seconds and self.speed > 0:
            # A slow answer takes its time, on the clock of the client too.
            self.stopping.wait(min(answer.seconds / self.speed, 60.0))
        self._send(method, answer)
        return headers.get("connection", "").lower() != "close" and not self.stopping.is_set()

    def _headers(self) -> dict[str, str]:
        """By lower-case name; what comes several times is joined by line ends."""
        headers: dict[str, str] = {}
        while (line := self.rfile.readline(_LONGEST_LINE)) not in (b"\r\n", b"\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            name, value = name.lower(), value.strip()
            headers[name] = f"{headers[name]}\n{value}" if name in headers else value
        return headers

    def _converse(self, path: str, headers: dict[str, str], session: Session) -> None:
        """Goes on in another protocol until one of both hangs up."""
        found = wired(headers, session, path.endswith("/portforward"))
        if found is None:
            spoken = "unable to upgrade: none of the requested protocols is spoken"
            self._send("GET", Response(403, StatusError(403, "Forbidden", spoken).body()))
            return
        head, wire = found
        try:
            self.wfile.write(head)
            self.wfile.flush()
            self.connection.setblocking(False)
            unread = self.rfile.peek()  # type: ignore[attr-defined]  # what came with the request is already here
            self.connection.settimeout(30.0)
            converse(self.connection, bytes(unread), wire, session, self.sandbox, self.lock, self.stopping, self.speed)
        except OSError:
            return  # the client went away

    def _answer(self, request: Request) -> Response | Stream:
        with self.lock:
            try:
                before, came = self.sandbox.store.version, self.sandbox.clock.elapsed
                if request.path == ADVANCE and request.method == "POST":
                    self.sandbox.advance(float(request.query.get("seconds", "0")))
                    answer: Response | Stream = Response(200, {})
                elif request.path == DUMP and request.method == "GET":
                    from .dump import dump  # not at start-up, for what nobody may ask for

                    answer = Response(200, body=dump(self.sandbox))
                else:
                    answer = self.sandbox.answer(request)
                    if self.recording and not isinstance(answer, Session):
                        self.recording.answered(request, came, answer)
                if self.sandbox.store.version != before:
                    self.lock.notify_all()
                if isinstance(answer, Response):
                    answer.body  # noqa: B018  (encoded while nothing changes)
            except Exception as error:  # a bug of ours must not look like a broken network
                traceback.print_exc()
                status = StatusError(500, "InternalError", f"Internal error occurred: {type(error).__name__}: {error}")
                return Response(500, status.body())
            return answer

    def _send(self, method: str, answer: Response) -> None:
        body = b"" if answer.status in (204, 304) else answer.body
        lines = [f"HTTP/1.1 {answer.status} {_PHRASES.get(answer.status, '')}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        lines += [
            "Cache-Control: no-cache, private",
            *([f"Content-Length: {len(body)}"] if answer.status != 304 else []),
        ]
        head = "\r\n".join(lines) + "\r\n\r\n"
        self.wfile.write(head.encode("latin-1") + (body if method != "HEAD" else b""))
        self.wfile.flush()

    def _stream(self, request: Request, watch: Stream) -> None:
        self.wfile.write(_STREAM_HEAD % watch.content_type.encode())
        self.wfile.flush()
        end = time.monotonic() + float(request.query.get("timeoutSeconds") or _LONGEST_WATCH)
        bookmarks = request.flag("allowWatchBookmarks")
        bookmark_at = time.monotonic() + _BOOKMARK_EVERY
        try:
            while not self.stopping.is_set() and time.monotonic() < end:
                with self.lock:
                    lines = watch.lines()
                    if not lines and not watch.ended:
                        self.lock.wait(min(1.0, max(0.0, end - time.monotonic())))
                        lines = watch.lines()
                    if bookmarks and isinstance(watch, Watch) and time.monotonic() >= bookmark_at:
                        lines.append(watch.bookmark())
                        bookmark_at = time.monotonic() + _BOOKMARK_EVERY
                for line in lines:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                if lines:
                    self.wfile.flush()
                if watch.ended:
                    break
            self.wfile.write(b"0\r\n\r\n")
            self.wfile.flush()
        except OSError:
            return  # the client went away

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().split(b";")[0].strip() or b"0", 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)
