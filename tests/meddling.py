"""An API server with something wrong: stands before a sandbox and answers some requests otherwise, or not at all."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Reply:
    """What is answered in place of the sandbox; status 0 ends the connection, ``hang`` says nothing."""

    status: int
    message: str = ""
    retry_after: int = 0
    hang: bool = False


Meddle = Callable[[str, str], Reply | None]
"""Takes method and path; None lets the request pass."""


@dataclass
class Meddler:
    """``meddle`` may be set anew at any time."""

    url: str
    meddle: Meddle = lambda _method, _path: None


@contextlib.contextmanager
def meddler(behind: str, tls: ssl.SSLContext | None = None) -> Iterator[Meddler]:
    """Serves before the API server at ``behind``."""
    target = urlsplit(behind).netloc
    ending = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            reply = found.meddle(self.command, self.path)
            if reply is None:
                self._pass(body)
            elif reply.hang:
                ending.wait(60)
                self.close_connection = True
            elif not reply.status:
                self.close_connection = True
            else:
                status = {"kind": "Status", "apiVersion": "v1", "code": reply.status, "message": reply.message}
                more = {"Retry-After": str(reply.retry_after)} if reply.retry_after else {}
                self._send(reply.status, {"Content-Type": "application/json", **more}, json.dumps(status).encode())

        def _pass(self, body: bytes) -> None:
            onward = http.client.HTTPConnection(target, timeout=30)
            with contextlib.closing(onward):
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                onward.request(self.command, self.path, body, headers)
                answer = onward.getresponse()
                kept = ("Content-Type", "Date")
                got = {name: answer.headers[name] for name in kept if name in answer.headers}
                self._send(answer.status, got, answer.read())

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            with contextlib.suppress(OSError):
                self.send_response_only(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.wfile.flush()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, *_: object) -> None:
            """A handshake that failed is what some tests want."""

        def finish_request(self, request: object, client_address: object) -> None:
            if tls is not None:
                request = tls.wrap_socket(request, server_side=True)  # type: ignore[arg-type]
            super().finish_request(request, client_address)  # type: ignore[arg-type]

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    scheme = "https" if tls else "http"
    found = Meddler(f"{scheme}://127.0.0.1:{server.server_port}")
    try:
        yield found
    finally:
        ending.set()
        server.shutdown()
        server.server_close()


def certificate(folder: Path, name: str, *, days: int = 1, signed_by: str = "") -> Path:
    """A certificate for 127.0.0.1 in ``name``.crt, its key in ``name``.key; with negative ``days`` it has expired."""
    key, out, request = folder / f"{name}.key", folder / f"{name}.crt", folder / f"{name}.csr"
    extra = folder / f"{name}.ext"
    extra.write_text("subjectAltName=IP:127.0.0.1\n")
    _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key),
             "-out", str(request), "-subj", f"/CN={name}")  # fmt: skip
    signer = ["-CA", str(folder / f"{signed_by}.crt"), "-CAkey", str(folder / f"{signed_by}.key"), "-CAcreateserial"]
    _openssl("x509", "-req", "-in", str(request), "-out", str(out), "-days", str(days), "-extfile", str(extra),
             *(signer if signed_by else ["-signkey", str(key)]))  # fmt: skip
    return out


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)
