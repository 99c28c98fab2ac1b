"""The model worker: one process per user and model that outlives the play.

It speaks the OpenAI chat protocol over a Unix socket (mode 0600 in a 0700 folder) with one more
field, ``grammar`` (Lark), answers one request at a time, and ends after ``--idle`` seconds without
one. Started by client.py on first use.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import random
import signal
import socketserver
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from ..plugins.module_utils.errors import RemediateError
from .base import check

MAX_BODY = 4 * 2**20


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, path: Path) -> None:
        self.engine: Any = None
        self.failed = ""
        self.ready = threading.Event()
        self.turn = threading.Lock()
        self.last = time.monotonic()
        super().__init__(str(path), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Keeps prompts and paths out of the log."""

    def address_string(self) -> str:
        return "local"

    def do_GET(self) -> None:
        ready = self.server.ready.is_set()
        self._send(200 if ready else 503, {"ready": ready, "busy": self.server.turn.locked(), "pid": os.getpid()})

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        if size > MAX_BODY:
            self.close_connection = True
            return self._send(413, {"error": {"message": f"The request is larger than {MAX_BODY} bytes."}})
        body = self.rfile.read(size)
        self.server.last = time.monotonic()
        self.server.ready.wait()
        if self.server.failed:
            return self._send(500, {"error": {"message": self.server.failed}})
        try:
            asked = json.loads(body)
            with self.server.turn:
                answer = self._complete(asked)
        except (ValueError, KeyError, TypeError) as error:
            return self._send(400, {"error": {"message": f"The request cannot be read: {error}"}})
        except RemediateError as error:
            return self._send(422, {"error": {"message": str(error)}})
        except Exception as error:  # of torch, for instance for want of memory
            return self._send(500, {"error": {"message": f"The model failed: {type(error).__name__}: {error}"}})
        finally:
            self.server.last = time.monotonic()
        return self._send(200, answer)

    def _complete(self, asked: dict[str, Any]) -> dict[str, Any]:
        seed = asked.get("seed") if asked.get("sampling") == "random" else None
        rng = random.Random(seed) if seed is not None else None
        out = self.server.engine.generate(asked["messages"], asked["grammar"], rng=rng)
        return {
            "object": "chat.completion",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": out.text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": out.tokens_in, "completion_tokens": out.tokens_out},
            "choice": {"bits": out.bits, "decisions": out.decisions, "passes": out.passes, "seconds": out.seconds},
        }

    def _send(self, status: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def serve(path: Path, base: Path, adapter: Path | None, idle: float) -> None:
    """Listens at ``path`` until idle. A second worker for the same path gives way at once."""
    lock = path.with_suffix(".lock").open("a", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    lock.truncate(0)
    print(os.getpid(), file=lock, flush=True)  # for whoever finds that it does not answer
    path.unlink(missing_ok=True)
    old = os.umask(0o177)
    server = _Server(path)
    os.umask(old)
    threading.Thread(target=_load, args=(server, base, adapter), daemon=True).start()
    threading.Thread(target=_end_when_idle, args=(server, idle), daemon=True).start()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))  # so that the socket goes with the process
    try:
        server.serve_forever(poll_interval=0.5)
    finally:
        path.unlink(missing_ok=True)
        lock.close()


def _load(server: _Server, base: Path, adapter: Path | None) -> None:
    failed = ""
    with ThreadPoolExecutor(1) as beside:
        whole = beside.submit(check, base, deep=True)
        try:
            from .engine import Engine

            server.engine = Engine(base, adapter)
            server.engine.warm()
        except Exception as error:  # whatever it is, those who wait must hear of it
            failed = f"The model could not be loaded: {type(error).__name__}: {error}"
        try:
            whole.result()
        except RemediateError as error:  # which explains what torch may have said before
            failed = str(error)
    server.last = time.monotonic()
    server.failed = failed
    server.ready.set()


def _end_when_idle(server: _Server, idle: float) -> None:
    while True:
        time.sleep(min(5.0, idle / 4))
        gone = time.monotonic() - server.last > idle
        if (gone and not server.turn.locked()) or (server.failed and time.monotonic() - server.last > 5):
            server.shutdown()
            return


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--adapter", type=Path)
    parser.add_argument("--idle", type=float, default=900.0)
    given = parser.parse_args(arguments)
    serve(given.socket, given.base, given.adapter, given.idle)
    return 0


if __name__ == "__main__":
    sys.exit(main())
