"""The stand-in program: what every service of every system runs.

One file on the standard library. On a real cluster the containers run it; on the sandbox the
kubelet model imitates it with the same `read_settings` and the same wordings, so that both show
the same logs and exit codes. It is told by its environment what to be:

    PORT                 where it listens (or --port N)
    HEALTH_PATH          answers 200 once it is up; /healthz when not given
    *_URL                a dependency, called whenever "/" is asked for
    REQUIRED_SETTINGS    names that must be set, separated by commas
    *_LEVEL, *_MODE, *_ENABLED, *_SECONDS, *_MS, *_MB, *_SIZE, *_LIMIT, *_WORKERS   checked by suffix
    WORKING_SET_MB, START_CPU_MS, REQUEST_CPU_MS                                    what it costs
"""

from __future__ import annotations

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

COMMANDS = ("serve", "visit", "once", "check")
LEVELS = ("debug", "info", "warning", "error")
MODES = ("primary", "replica", "standalone", "async", "strict")
SWITCHES = ("true", "false")
NUMBERS = ("_SECONDS", "_MS", "_MB", "_SIZE", "_LIMIT", "_WORKERS")
SERVICE_LINK = re.compile(r"_(SERVICE_(HOST|PORT.*)|PORT(_\d+_(TCP|UDP|SCTP).*)?)$")
EXIT_SETTING = 78
EXIT_USAGE = 64


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


def _log(level: str, text: str) -> None:
    print(line(level, text, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())), flush=True)


def _burn(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def _call(url: str, seconds: float) -> str:
    """Empty when it answered well, else why not."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as response:
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


def _serve(settings: Settings) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            if path == settings.health_path:
                self._answer(200, "ok")
            elif path != "/":
                self._answer(404, f"nothing at {path}")
            else:
                _burn(settings.request_cpu)
                for _name, url in settings.calls:
                    why = _call(url, settings.call_seconds)
                    if why:
                        _log("ERROR", call_failed(url, why))
                        self._answer(502, call_failed(url, why))
                        return
                self._answer(200, "ok")

        def _answer(self, status: int, text: str) -> None:
            body = (text + "\n").encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("", settings.port), Handler)
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
        _serve(settings)
    while told.command == "visit":
        for _name, url in settings.calls:
            why = _call(url, settings.call_seconds)
            if why:
                _log("ERROR", call_failed(url, why))
        threading.Event().wait(settings.visit_seconds)
    _log("INFO", f"done, {len(ballast) >> 20} MB used")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
