"""The stand-in program: what every service of every system runs.

One file on the standard library. On a real cluster the containers run it; on the sandbox the
kubelet model imitates it with the same `read_settings` and the same wordings, so that both show
the same logs and exit codes. It is told by its environment what to be:

    PORT                 where it listens (or --port N)
    HEALTH_PATH          answers 200 once it is up; /healthz when not given
    *_URL                a dependency, called whenever "/" is asked for
    X_PASSWORD           is shown to X_URL; a datastore refuses whoever shows another one than its STORE_PASSWORD
    FANOUT_LIMIT         how many of its dependencies a request calls, taking turns; all when not given
    LOG_FILE             a line is appended to it for each request to "/"
    DATA_DIR             makes it a datastore: each request to "/" writes a record there and waits for the disk
    REQUIRED_SETTINGS    names that must be set, separated by commas
    *_LEVEL, *_MODE, *_ENABLED, *_SECONDS, *_MS, *_MB, *_SIZE, *_LIMIT, *_WORKERS   checked by suffix
    WORKING_SET_MB, START_CPU_MS, REQUEST_CPU_MS                                    what it costs
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMANDS = ("serve", "visit", "once", "check")
LEVELS = ("debug", "info", "warning", "error")
MODES = ("primary", "replica", "standalone", "async", "strict")
SWITCHES = ("true", "false")
NUMBERS = ("_SECONDS", "_MS", "_MB", "_SIZE", "_LIMIT", "_WORKERS")
SERVICE_LINK = re.compile(r"_(SERVICE_(HOST|PORT.*)|PORT(_\d+_(TCP|UDP|SCTP).*)?)$")
EXIT_SETTING = 78
EXIT_USAGE = 64
PASSWORD_HEADER = "X-Store-Password"
RECORDS = "records"  # the file in DATA_DIR
ROTATED_AT = 1 << 20  # bytes: a log file or a datastore starts anew beyond it
LOG_OPERATIONS = 1  # on the volume, for each request: write
DATA_OPERATIONS = 2  # write, sync


class BadSetting(Exception):
    """A setting that the program cannot run with; its text is what the log says."""


class BadUsage(BadSetting):
    """A command line that the program does not know."""


@dataclass(frozen=True)
class Settings:
    """What the environment told the program to be."""

    port: int
    health_path: str
    calls: tuple[tuple[str, str], ...]  # (variable, URL) in the order of the variables' names
    call_seconds: float
    visit_seconds: float
    working_set_mb: int
    start_cpu: float  # CPU seconds before it listens
    request_cpu: float  # CPU seconds a request
    fanout: int = 0  # dependencies that one request calls; 0: all
    log_file: str = ""
    data_dir: str = ""
    password: str = ""  # what a datastore wants to see
    passwords: tuple[tuple[str, str], ...] = ()  # (variable of the URL, what is shown there)

    def callees(self, turn: int) -> tuple[tuple[str, str], ...]:
        """Whom the request number ``turn`` (from 0) calls, in this order."""
        count = len(self.calls)
        if not count or not 0 < self.fanout < count:
            return self.calls
        return tuple(self.calls[(turn * self.fanout + step) % count] for step in range(self.fanout))

    def shown_to(self, name: str) -> str:
        """The password for the dependency of that variable; empty: none."""
        return dict(self.passwords).get(name, "")

    def refuses(self, shown: str) -> bool:
        """Whether a caller that shows this password is turned away. Who shows none may look."""
        return bool(self.data_dir and self.password and shown and shown != self.password)

    def files(self) -> tuple[tuple[str, str, str], ...]:
        """(variable, its value, path) of each file that is opened before the program listens."""
        made = (("LOG_FILE", self.log_file, self.log_file), ("DATA_DIR", self.data_dir, f"{self.data_dir}/{RECORDS}"))
        return tuple(item for item in made if item[1])


@dataclass(frozen=True)
class Invocation:
    """A parsed command line."""

    command: str
    port: str  # "" when not given


def parse_arguments(arguments: Sequence[str]) -> Invocation:
    """Raises BadUsage with the usage on anything unknown."""
    command, port, rest = "", "", list(arguments)
    while rest:
        word = rest.pop(0)
        if word.startswith("--port="):
            port = word[len("--port=") :]
        elif word == "--port" and rest:
            port = rest.pop(0)
        elif word.startswith("-"):
            raise BadUsage(f"unknown option '{word}', use --port NUMBER")
        elif command:
            raise BadUsage(f"unexpected argument '{word}'")
        else:
            command = word
    if command not in COMMANDS:
        raise BadUsage(f"unknown command '{command}', use one of {', '.join(COMMANDS)}")
    return Invocation(command, port)


def read_settings(environment: Mapping[str, str], port: str = "", serving: bool = True) -> Settings:
    """Checks every setting; raises BadSetting for the first that will not do."""
    env = {
        name: value for name, value in sorted(environment.items()) if not SERVICE_LINK.search(name) or name == "PORT"
    }
    for name in filter(None, env.get("REQUIRED_SETTINGS", "").split(",")):
        if not env.get(name):
            raise BadSetting(f"{name}: required setting is missing")
    for name, value in env.items():
        _check(name, value)
    if serving and not (port or env.get("PORT")):
        raise BadSetting("PORT: required setting is missing")
    calls = tuple((name, value) for name, value in env.items() if name.endswith("_URL"))
    return Settings(
        port=_port("--port" if port else "PORT", port or env.get("PORT", "0")),
        health_path=env.get("HEALTH_PATH", "/healthz"),
        calls=calls,
        call_seconds=float(env.get("CALL_TIMEOUT_MS", "2000")) / 1000,
        visit_seconds=float(env.get("VISIT_SECONDS", "5")),
        working_set_mb=int(env.get("WORKING_SET_MB", "8")),
        start_cpu=float(env.get("START_CPU_MS", "100")) / 1000,
        request_cpu=float(env.get("REQUEST_CPU_MS", "1")) / 1000,
        fanout=int(env.get("FANOUT_LIMIT", "0")),
        log_file=env.get("LOG_FILE", ""),
        data_dir=env.get("DATA_DIR", "").rstrip("/"),
        password=env.get("STORE_PASSWORD", ""),
        passwords=tuple(
            (name, env[password]) for name, _ in calls if env.get(password := name.removesuffix("_URL") + "_PASSWORD")
        ),
    )


def _check(name: str, value: str) -> None:
    for suffix, words, what in (
        ("_LEVEL", LEVELS, "log level"),
        ("_MODE", MODES, "mode"),
        ("_ENABLED", SWITCHES, "switch"),
    ):
        if name.endswith(suffix) and value not in words:
            raise BadSetting(f"{name}: unknown {what} '{value}', use one of {', '.join(words)}")
    if name.endswith(NUMBERS) and not (value.isdecimal() and int(value) > 0):
        raise BadSetting(f"{name}: '{value}' is not a positive whole number")
    if name.endswith("_URL"):
        try:
            parts = urllib.parse.urlsplit(value)
            sound = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
        except ValueError:
            sound = False
        if not sound:
            raise BadSetting(f"{name}: '{value}' is not an http URL")


def _port(name: str, value: str) -> int:
    if not (value.isdecimal() and int(value) < 65536):
        raise BadSetting(f"{name}: '{value}' is not a port number")
    return int(value)


def line(level: str, text: str, stamp: str) -> str:
    """One line of the log."""
    return f"{stamp} {level} {text}"


def started(port: int) -> str:
    return f"listening on :{port}"


def call_failed(url: str, why: str) -> str:
    return f"call to {url} failed: {why}"


def cannot_open(name: str, value: str, why: str) -> str:
    return f"{name}: cannot write to '{value}': {why}"


def cannot_write(path: str, why: str) -> str:
    return f"cannot write to {path}: {why}"


def refused_caller() -> str:
    return "refused a caller: wrong password"


def _log(level: str, text: str) -> None:
    print(line(level, text, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())), flush=True)


def _burn(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def _call(url: str, seconds: float, password: str = "") -> str:
    """Empty when it answered well, else why not."""
    request = urllib.request.Request(url, headers={PASSWORD_HEADER: urllib.parse.quote(password)} if password else {})
    try:
        with urllib.request.urlopen(request, timeout=seconds) as response:
            response.read()
        return ""
    except urllib.error.HTTPError as error:
        return f"status {error.code}"
    except urllib.error.URLError as error:
        return _why(error.reason, seconds)
    except OSError as error:
        return _why(error, seconds)


def _why(reason: object, seconds: float) -> str:
    if isinstance(reason, socket.gaierror):
        return "name resolution"
    if isinstance(reason, ConnectionRefusedError):
        return "connection refused"
    if isinstance(reason, TimeoutError):
        return f"no answer within {seconds:g} s"
    return str(reason)


class _Appended:
    """A file on a volume that grows by a line at a time, and starts anew when it is long."""

    def __init__(self, path: str, synced: bool) -> None:
        self.path = path
        self._synced = synced
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._written = 0

    def append(self, text: str) -> None:
        """Raises OSError."""
        if self._written > ROTATED_AT:
            os.ftruncate(self._file, 0)
            self._written = 0
        self._written += os.write(self._file, text.encode())
        if self._synced:
            os.fsync(self._file)


def _opened(settings: Settings) -> list[_Appended]:
    """Raises BadSetting."""
    made = []
    for name, value, path in settings.files():
        try:
            made.append(_Appended(path, name == "DATA_DIR"))
        except OSError as error:
            raise BadSetting(cannot_open(name, value, error.strerror or str(error))) from error
    return made


def _serve(settings: Settings, files: Sequence[_Appended]) -> None:
    turns = itertools.count()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            if path == settings.health_path:
                self._answer(200, "ok")
            elif path != "/":
                self._answer(404, f"nothing at {path}")
            elif settings.refuses(urllib.parse.unquote(self.headers.get(PASSWORD_HEADER, ""))):
                _log("ERROR", refused_caller())
                self._answer(401, refused_caller())
            else:
                status, text = self._work()
                if status != 200:
                    _log("ERROR", text)
                self._answer(status, text)

        def _work(self) -> tuple[int, str]:
            """What a request takes: the disk first, then whom it needs."""
            _burn(settings.request_cpu)
            for file in files:
                try:
                    file.append(f"{time.time():.3f} {self.client_address[0]} GET /\n")
                except OSError as error:
                    return 500, cannot_write(file.path, error.strerror or str(error))
            for name, url in settings.callees(next(turns)):
                why = _call(url, settings.call_seconds, settings.shown_to(name))
                if why:
                    return 502, call_failed(url, why)
            return 200, "ok"

        def _answer(self, status: int, text: str) -> None:
            body = (text + "\n").encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that went away before its answer came is nothing to report."""
            if not isinstance(sys.exc_info()[1], ConnectionError):
                super().handle_error(request, client_address)

    server = Server(("", settings.port), Handler)
    _log("INFO", started(settings.port))
    server.serve_forever()


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    try:
        told = parse_arguments(arguments)
        settings = read_settings(environment, told.port, serving=told.command in ("serve", "check"))
    except BadSetting as error:
        _log("FATAL", str(error))
        return EXIT_USAGE if isinstance(error, BadUsage) else EXIT_SETTING
    if told.command == "check":
        why = _call(f"http://127.0.0.1:{settings.port}{settings.health_path}", settings.call_seconds)
        print(why or "ok")
        return 1 if why else 0
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    _log("INFO", "starting")
    ballast = bytearray(os.urandom(4096)) * (256 * settings.working_set_mb)
    _burn(settings.start_cpu)
    if told.command == "serve":
        try:
            files = _opened(settings)
        except BadSetting as error:
            _log("FATAL", str(error))
            return EXIT_SETTING
        _serve(settings, files)
    while told.command == "visit":
        for name, url in settings.calls:
            why = _call(url, settings.call_seconds, settings.shown_to(name))
            if why:
                _log("ERROR", call_failed(url, why))
        threading.Event().wait(settings.visit_seconds)
    _log("INFO", f"done, {len(ballast) >> 20} MB used")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
