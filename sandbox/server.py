"""The sandbox behind HTTP, for clients that want a real address: kubectl, Ansible, client libraries."""

from __future__ import annotations

import socket
import threading
import time
import traceback
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .api.authorization import user_of_token
from .api.exchange import Request, Response
from .api.reads import Watch
from .api.status import StatusError
from .over_http import ADVANCE
from .sandbox import Sandbox

_TICK = 0.02
_BOOKMARK_EVERY = 60.0
_LONGEST_WATCH = 3600.0


@dataclass(frozen=True)
class Served:
    """A sandbox that answers at ``url`` until ``stop()``. ``lock``: hold it to touch the sandbox meanwhile."""

    url: str
    kubeconfig: dict[str, Any]
    lock: threading.Condition
    _server: ThreadingHTTPServer
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


def serve(sandbox: Sandbox, port: int = 0, speed: float = 1.0, namespace: str = "") -> Served:
    """Serves on 127.0.0.1 (``port`` 0: any free one), with virtual time at ``speed`` times real time."""
    lock = threading.Condition(threading.RLock())
    stopping = threading.Event()

    class Handler(_Handler):
        pass

    Handler.sandbox, Handler.lock, Handler.stopping, Handler.speed = sandbox, lock, stopping, speed
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


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to report."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    sandbox: Sandbox
    lock: threading.Condition
    stopping: threading.Event
    speed: float

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else None
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = self._chunks()
        where = urlsplit(self.path)
        token = self.headers.get("Authorization", "").rpartition(" ")[2]
        request = Request(
            self.command,
            where.path,
            dict(parse_qsl(where.query, keep_blank_values=True)),
            body,
            self.headers.get("Content-Type", "application/json"),
            self.headers.get("Accept", "application/json"),
            self.headers.get("User-Agent", ""),
            self.headers.get("Impersonate-User") or user_of_token(token),
            self.headers.get("If-None-Match", ""),
            tuple(self.headers.get_all("Impersonate-Group") or ()),
        )
        answer = self._answer(request)
        if isinstance(answer, Watch):
            self._stream(request, answer)
            return
        if answer.seconds and self.speed > 0:
            # A slow answer takes its time, on the clock of the client too.
            self.stopping.wait(min(answer.seconds / self.speed, 60.0))
        self._send(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _answer(self, request: Request) -> Response | Watch:
        with self.lock:
            try:
                before = self.sandbox.store.version
                if request.path == ADVANCE and request.method == "POST":
                    self.sandbox.advance(float(request.query.get("seconds", "0")))
                    answer: Response | Watch = Response(200, {})
                else:
                    answer = self.sandbox.answer(request)
                if self.sandbox.store.version != before:
                    self.lock.notify_all()
                if isinstance(answer, Response):
                    answer.body  # noqa: B018  (encoded while nothing changes)
            except Exception as error:  # a bug of ours must not look like a broken network
                traceback.print_exc()
                status = StatusError(500, "InternalError", f"Internal error occurred: {type(error).__name__}: {error}")
                return Response(500, status.body())
            return answer

    def _send(self, answer: Response) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Cache-Control", "no-cache, private")
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()

    def _stream(self, request: Request, watch: Watch) -> None:
        self.send_response_only(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
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
                    if bookmarks and time.monotonic() >= bookmark_at:
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

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged."""
