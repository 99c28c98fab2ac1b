"""Asks the model: the local worker, any OpenAI-compatible server, or an engine in this process."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from ..plugins.module_utils.errors import ModelError, WorkerDied
from ..plugins.module_utils.evidence import Evidence, ObjectRef
from ..plugins.plugin_utils.episode import Attempt
from ..plugins.plugin_utils.policy import Policy
from ..plugins.plugin_utils.report import Report
from ..plugins.plugin_utils.step import Answer, Step, UnreadableStep
from ..plugins.plugin_utils.wishes import Write
from . import adapters, answer, grammar, prompt

START_SECONDS = 90.0
ANSWER_SECONDS = 120.0
HEALTH_SECONDS = 5.0


@dataclass(frozen=True)
class Completion:
    """A model's text and its cost; ``bits`` is None where no grammar held it."""

    text: str
    tokens_in: int
    tokens_out: int
    bits: float | None


class Model(Protocol):
    """What writes under a grammar."""

    fixed: str

    def complete(self, messages: Sequence[Mapping[str, str]], lark: str) -> Completion: ...


def ask(
    model: Model,
    report: Report,
    evidence: Evidence,
    policy: Policy,
    *,
    attempts: Sequence[Attempt] = (),
    steps: tuple[str, ...] = ("probe", "playbook", "escalate"),
    looked: tuple[ObjectRef, ...] = (),
) -> Answer:
    """One Answer: renders the prompt, builds the grammar, asks, reads the Step. Raises ModelError where none came."""
    started = time.monotonic()
    messages = prompt.render(report, evidence, attempts, fixed=model.fixed)
    lark = grammar.build(evidence, policy, steps=steps, looked=looked, attempts=attempts, report=report.raw)
    got = model.complete(messages, lark)
    step: Step
    try:
        step = answer.parse(got.text, evidence)
    except ModelError as error:
        step = UnreadableStep(str(error))
    return Answer(step, got.text, got.tokens_in, got.tokens_out, time.monotonic() - started, got.bits)


def asking(model: Model) -> Callable[[Report, Write, Policy], Answer]:
    """What answers the loop's Write with this model: the ``ask`` of the hands."""
    return lambda report, wish, policy: ask(
        model, report, wish.evidence, policy, attempts=wish.attempts, steps=wish.steps, looked=wish.looked
    )


class WorkerModel:
    """The local worker, started when it is not there. One per user and model."""

    fixed = prompt.FIXED

    def __init__(self, found: adapters.Weights, python: str = sys.executable, idle: float = 900.0) -> None:
        self._weights = found
        self._python = python
        self._idle = idle
        self._started: subprocess.Popen[bytes] | None = None
        self.socket = _folder() / f"{found.key}.sock"

    def start(self) -> None:
        """Starts the worker unless it runs; returns at once, while it loads."""
        if self._alive():
            return
        command = [
            self._python,
            "-m",
            __package__ + ".worker",
            "--socket",
            str(self.socket),
            "--base",
            str(self._weights.base),
        ]
        if self._weights.adapter:
            command += ["--adapter", str(self._weights.adapter)]
        log = self.socket.with_suffix(".log")
        try:
            with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600), "wb") as out:
                self._started = subprocess.Popen(
                    [*command, "--idle", str(self._idle)],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                    cwd="/",
                    env=_environment(),
                )
        except OSError as error:
            raise ModelError(
                f"The model worker cannot be started: {error}.",
                "Check model_python, and the space and permissions of the folder of its log.",
            ) from error

    def complete(self, messages: Sequence[Mapping[str, str]], lark: str, **more: Any) -> Completion:
        """Asks; a worker that died is started once more before WorkerDied is raised."""
        body = {"messages": list(messages), "grammar": lark, **more}
        log = self.socket.with_suffix(".log")
        for last in (False, True):
            self.start()
            try:
                return _read(self._post(body))
            except TimeoutError:
                raise WorkerDied(
                    f"The model worker does not answer (process {self._holder()}).", f"End it; its log is {log}."
                ) from None
            except (OSError, http.client.HTTPException) as error:
                if last:
                    raise WorkerDied(
                        f"The model worker ended while it was answering ({error}).", f"Its log is {log}."
                    ) from None
        raise AssertionError("unreachable")

    def stop(self) -> None:
        """Ends the worker, for instance after a test."""
        try:
            pid = json.loads(self._get())["pid"]
            os.kill(int(pid), signal.SIGTERM)
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            return

    def _alive(self) -> bool:
        try:
            self._get()
        except (OSError, http.client.HTTPException):
            return False
        return True

    def _get(self) -> bytes:
        connection = _UnixConnection(self.socket, HEALTH_SECONDS)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().read()
        finally:
            connection.close()

    def _post(self, body: Mapping[str, Any]) -> tuple[int, bytes]:
        self._wait()
        connection = _UnixConnection(self.socket, START_SECONDS + ANSWER_SECONDS)
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def _wait(self) -> None:
        """Waits until somebody listens at the socket: this worker, or that of a play which was quicker."""
        deadline = time.monotonic() + START_SECONDS
        while not self.socket.exists() or not self._alive():
            ended = None if self._started is None else self._started.poll()
            if ended is not None and ended < 0:
                raise ConnectionResetError(f"killed by signal {-ended} while it was loading")
            if ended:
                raise WorkerDied(
                    f"The model worker ended when it was started: {self._last_words()}",
                    "Name a Python that has the packages of the model: model_python, remediate_model_python.",
                )
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(0.05)
            if ended == 0:  # it gave way to one that may be about to end
                time.sleep(0.5)
                self.start()

    def _last_words(self) -> str:
        try:
            lines = self.socket.with_suffix(".log").read_text("utf-8", "replace").split("\n")
        except OSError:
            lines = []
        return next((line.strip() for line in reversed(lines) if line.strip()), "it left no message")[:300]

    def _holder(self) -> str:
        """The process that the worker's lock names."""
        try:
            return self.socket.with_suffix(".lock").read_text("utf-8").strip() or "unknown"
        except OSError:
            return "unknown"


class RemoteModel:
    """An OpenAI-compatible server: vLLM (``grammar=True``, which holds the answer) or any other."""

    def __init__(self, url: str, name: str, api_key: str = "", *, grammar: bool = True, tuned: bool = False) -> None:
        self.fixed = prompt.FIXED if tuned else prompt.GUIDE
        self._url = urlsplit(url)
        self._name = name
        self._key = api_key
        self._grammar = grammar

    def complete(self, messages: Sequence[Mapping[str, str]], lark: str) -> Completion:
        """Asks the server. Raises ModelError with its status and message."""
        body: dict[str, Any] = {"model": self._name, "messages": list(messages), "temperature": 0, "max_tokens": 700}
        if self._grammar:
            body["structured_outputs"] = {"grammar": lark}
        secure = self._url.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self._url.hostname or "", self._url.port or (443 if secure else 80), timeout=ANSWER_SECONDS)
        headers = {
            "Content-Type": "application/json",
            **({"Authorization": f"Bearer {self._key}"} if self._key else {}),
        }
        try:
            connection.request("POST", self._url.path.rstrip("/") + "/chat/completions", json.dumps(body), headers)
            reply = connection.getresponse()
            got = _read((reply.status, reply.read()))
        except (OSError, http.client.HTTPException) as error:
            raise ModelError(f"The model server at {self._url.netloc} does not answer ({error}).") from None
        finally:
            connection.close()
        return got if self._grammar else Completion(_unfenced(got.text), got.tokens_in, got.tokens_out, None)


class LocalModel:
    """An engine in this process: benchmark, training and tests. ``rng`` makes it answer at random."""

    fixed = prompt.FIXED

    def __init__(self, engine: Any, rng: random.Random | None = None) -> None:
        self._engine = engine
        self._rng = rng

    def complete(self, messages: Sequence[Mapping[str, str]], lark: str) -> Completion:
        out = self._engine.generate(messages, lark, rng=self._rng)
        return Completion(out.text, out.tokens_in, out.tokens_out, out.bits)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _read(reply: tuple[int, bytes]) -> Completion:
    status, data = reply
    try:
        got = json.loads(data)
    except ValueError:
        raise ModelError(f"The model server answered {status} with something that is not JSON.") from None
    if status != 200:
        error = got.get("error") if isinstance(got, dict) else None
        message = error.get("message") if isinstance(error, dict) else error or got
        raise ModelError(f"The model server answered {status}: {str(message)[:300]}")
    usage = got.get("usage", {})
    text = got["choices"][0]["message"]["content"]
    bits = got.get("choice", {}).get("bits")
    return Completion(text, int(usage.get("prompt_tokens", 0)), int(usage.get("completion_tokens", 0)), bits)


def _unfenced(text: str) -> str:
    """Takes an answer out of a Markdown fence, as servers without a grammar like to give it."""
    lines = [line for line in text.strip().splitlines() if not line.startswith("```")]
    return "\n".join(lines) + "\n"


def _folder() -> Path:
    """A 0700 folder of this user for sockets (paths of Unix sockets must stay under 108 bytes)."""
    root = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    folder = root / f"e2ereme-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ModelError(
            f"The folder of the model worker, {folder}, cannot be made: {error.strerror}.",
            "Set XDG_RUNTIME_DIR to a folder of yours, or unset it.",
        ) from error
    if folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077:
        raise ModelError(f"{folder} is not a private folder of this user.", "Remove it, or set XDG_RUNTIME_DIR.")
    return folder


def _environment() -> dict[str, str]:
    """What the worker gets: where Python finds its packages, and nothing of the play's."""
    keep = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "OMP_NUM_THREADS", "E2EREME_BASE")
    root = str(Path(__file__).resolve().parents[1])
    env = {name: os.environ[name] for name in keep if name in os.environ}
    env["HF_HUB_OFFLINE"] = "1"
    env["TORCHINDUCTOR_CACHE_DIR"] = str(_folder() / "torch")  # made at import, otherwise in everybody's /tmp
    env["OMP_WAIT_POLICY"] = "PASSIVE"  # threads that wait by spinning take the cores from the play beside them
    if "ansible_collections" in root:
        above = str(Path(root).parents[2])
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [above, env.get("PYTHONPATH", "")]))
    return env
