"""A local HTTP proxy in front of an API server, which writes down every request and its answer.

Clients reach it by a kubeconfig without credentials; towards the cluster it uses those of the real kubeconfig.
Requests go through as they came, but for two headers: an answer must be readable, so compression is not asked for,
and where a client would take protobuf or JSON, it gets JSON (which is what the sandbox answers too).
"""

from __future__ import annotations

import base64
import http.client
import json
import select
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from ...plugins.module_utils.errors import InputError
from .exchange import Exchange

_DECIDING = ("content-type", "accept", "user-agent", "impersonate-user", "impersonate-group", "authorization")
_HOP_BY_HOP = ("host", "connection", "accept-encoding", "content-length", "transfer-encoding")
_LONGEST = 60.0


@dataclass
class Recorder:
    """Serves at ``url``; ``exchanges`` grows. Set ``client`` and ``step`` before a client is let loose."""

    url: str = ""
    client: str = ""
    step: str = ""
    silent: bool = False  # true: what passes is not written down
    exchanges: list[Exchange] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def kubeconfig(self, namespace: str) -> dict[str, Any]:
        """A kubeconfig that leads here."""
        context = {"cluster": "recorded", "user": "recorded", "namespace": namespace}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "recorded",
            "clusters": [{"name": "recorded", "cluster": {"server": self.url}}],
            "contexts": [{"name": "recorded", "context": context}],
            "users": [{"name": "recorded", "user": {}}],
        }

    def in_order(self) -> list[Exchange]:
        return sorted(self.exchanges, key=lambda each: each.started)


@contextmanager
def recording(kubeconfig: Path) -> Iterator[Recorder]:
    """A Recorder in front of the cluster of a kubeconfig's current context. Raises InputError."""
    server, context, token = upstream_of(kubeconfig)
    recorder = Recorder()

    class Handler(_Handler):
        pass

    Handler.recorder, Handler.upstream, Handler.context, Handler.token = recorder, server, context, token
    http_server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http_server.daemon_threads = True
    recorder.url = f"http://127.0.0.1:{http_server.server_port}"
    thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        http_server.shutdown()
        http_server.server_close()
        thread.join(timeout=5)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    recorder: Recorder
    upstream: str
    context: ssl.SSLContext | None
    token: str

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        recorder = self.recorder
        client, step, silent = recorder.client, recorder.step, recorder.silent
        started = time.monotonic() - recorder.began
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        if "vnd.kubernetes.protobuf" in headers.get("Accept", ""):
            headers["Accept"] = "application/json"
        kept = {name.lower(): value for name, value in headers.items() if name.lower() in _DECIDING}
        if self.token and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.token}"
        connection = connect(self.upstream, self.context)
        status, kind, received = 0, "", b""
        try:
            connection.request(self.command, self.path, body or None, headers)
            upstream = connection.sock  # the connection forgets it with an answer that ends it
            answer = connection.getresponse()
            status, kind = answer.status, answer.getheader("Content-Type", "")
            received = self._hand_on(answer, upstream)
        except OSError:
            self.close_connection = True
        finally:
            connection.close()
        if not silent:
            ended = time.monotonic() - recorder.began
            exchange = Exchange(client, step, round(started, 3), round(ended, 3), self.command, self.path, kept)
            recorder.exchanges.append(_completed(exchange, body, status, kind, received))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _pass

    def _hand_on(self, answer: http.client.HTTPResponse, upstream: socket.socket) -> bytes:
        """Sends the answer piece by piece as it comes (a watch), or whole; returns it."""
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        if answer.status in (204, 304):
            self.end_headers()
            return b""
        length = answer.getheader("Content-Length")
        if length is not None or self.command == "HEAD":
            received = answer.read()
            self.send_header("Content-Length", str(len(received)))
            self.end_headers()
            self.wfile.write(received)
            return received
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        parts: list[bytes] = []
        over = threading.Event()
        guard = threading.Thread(target=self._hang_up_with_client, args=(upstream, over), daemon=True)
        guard.start()
        try:
            while part := answer.read1(65536):
                parts.append(part)
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")
        except (OSError, ValueError, http.client.HTTPException):
            self.close_connection = True  # one of the two went away: a watch ends like that
        finally:
            over.set()
            guard.join()
        return b"".join(parts)

    def _hang_up_with_client(self, upstream: socket.socket, over: threading.Event) -> None:
        """Ends the wait for the cluster's next word when nobody listens any more."""
        end = time.monotonic() + _LONGEST
        while not over.wait(0.1):
            if time.monotonic() > end or not self._client_listens():
                self.close_connection = True
                with suppress(OSError):
                    upstream.shutdown(socket.SHUT_RDWR)
                return

    def _client_listens(self) -> bool:
        """Whether the client has not hung up."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        try:
            return not readable or self.connection.recv(1, socket.MSG_PEEK) != b""
        except OSError:
            return False

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are written down, not logged."""


def _completed(exchange: Exchange, body: bytes, status: int, kind: str, received: bytes) -> Exchange:
    answer: Any = received.decode("utf-8", "replace")
    if exchange.watches and status == 200:
        answer = [json.loads(line) for line in answer.splitlines() if line.strip().endswith("}")]
    elif "json" in kind:
        answer = _parsed(answer)
    sent = _parsed(body.decode("utf-8")) if _is_text(body) else {"base64": base64.b64encode(body).decode()}
    return replace(exchange, body=sent if body else None, status=status, kind=kind, answer=answer)


def _is_text(body: bytes) -> bool:
    try:
        return b"\x00" not in body and body.decode("utf-8") is not None
    except UnicodeDecodeError:
        return False


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def connect(server: str, context: ssl.SSLContext | None) -> http.client.HTTPConnection:
    where = urlsplit(server)
    if context is None:
        return http.client.HTTPConnection(where.netloc, timeout=_LONGEST)
    return http.client.HTTPSConnection(where.netloc, timeout=_LONGEST, context=context)


def upstream_of(kubeconfig: Path) -> tuple[str, ssl.SSLContext | None, str]:
    """Server, TLS context and bearer token of the current context."""
    config = yaml.safe_load(kubeconfig.read_text("utf-8"))
    name = config.get("current-context")
    try:
        context = _named(config["contexts"], name)["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"]
    except (KeyError, StopIteration):
        raise InputError(f"The kubeconfig {kubeconfig} has no current context.", "Set one, or name another.") from None
    if not cluster["server"].startswith("https:"):
        return cluster["server"], None, user.get("token", "")
    tls = ssl.create_default_context(cadata=_material(cluster, "certificate-authority") or None)
    if cluster.get("insecure-skip-tls-verify"):
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    certificate, key = _material(user, "client-certificate"), _material(user, "client-key")
    if certificate and key:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as both:
            both.write(certificate + "\n" + key)
            both.flush()
            tls.load_cert_chain(both.name)
    return cluster["server"], tls, user.get("token", "")


def _material(holder: Mapping[str, Any], name: str) -> str:
    if holder.get(f"{name}-data"):
        return base64.b64decode(holder[f"{name}-data"]).decode()
    return Path(holder[name]).read_text("utf-8") if holder.get(name) else ""


def _named(items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(item for item in items if item["name"] == name)
