"""What cannot be used, and what each case says: what happened, where, and what to do next; nothing is changed by it."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from meddling import Meddler, Reply, certificate, meddler
from staging import Place, patch

from ansible_collections.e2ereme.remediate.model import adapters, base
from ansible_collections.e2ereme.remediate.model.opening import opened
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import InputError
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.conduct import Conducted, Order, conduct
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.report_parse import LARGEST, parse_report
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.step import Answer, PlaybookStep
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.wishes import Tell

OPTIONS = {"model": "default", "model_name": "", "model_api_key": "", "model_python": None}


@dataclass
class Stage:
    """Conducts an Episode on the simulated shop; ``said`` is what was told on the way."""

    place: Place
    folder: Path
    said: list[Tell] = field(default_factory=list)

    def __call__(self, report: Any = "cart is down", *, answer: str = "", **order: Any) -> Conducted:
        chosen = {
            "namespace": self.place.namespace,
            "out": str(self.folder),
            "settle": 1.0,
            "connection": {"kubeconfig": self.place.kubeconfig},
            **order,
        }
        asked = Order(report=report, **chosen)
        return conduct(asked, lambda: lambda *_: written(answer), self._say)

    def _say(self, tell: Tell) -> None:
        self.said.append(tell)
        for station, act in self.at.items():
            if tell.station == station:
                act()

    at: dict[str, Any] = field(default_factory=dict)  # what to do when a station tells something


def written(answer: str) -> Answer:
    """What the model says; nothing where nobody expects it to be asked."""
    assert answer, "the model was asked"
    text = answer.partition("step: playbook\n")[2]
    return Answer(PlaybookStep(text, ("e1",), "wrong image tag"), answer, 100, 20, 0.0)


@pytest.fixture
def stage(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Stage(place, tmp_path / "out")


@pytest.fixture
def meddled(stage: Stage, place: Place) -> Iterator[Meddler]:
    """An API server that can be told to misbehave, used by ``stage``."""
    with meddler(place.cluster.transport.host) as found:  # type: ignore[attr-defined]
        place.kubeconfig = connection(found.url)  # type: ignore[assignment]
        yield found


def connection(server: str, cluster: Mapping[str, Any] | None = None, **user: Any) -> dict[str, Any]:
    """A kubeconfig."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": server, **(cluster or {})}}],
        "users": [{"name": "me", "user": user}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    }


EMPTY = "Say what is wrong: a sentence, an alert, or a tool's output."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", f"is empty. {EMPTY}"),
        (b" \n\t ", f"is empty. {EMPTY}"),
        (b"\x7fELF\0\1\2", "is binary. Give text, JSON or YAML."),
        ("Dienst fällt aus".encode("latin-1"), "is not UTF-8 text (byte 8). Convert it to UTF-8."),
        (b"x" * (LARGEST + 1), f"is larger than {LARGEST} bytes. Give the part that matters."),
    ],
    ids=["empty", "blank", "binary", "latin-1", "too large"],
)
def test_a_report_file_that_cannot_be_used(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "report.txt"
    file.write_bytes(content)

    with pytest.raises(InputError) as raised:
        parse_report(str(file), "shop")

    assert str(raised.value) == f"The report file {file} {message}"


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ("", f"The report is empty. {EMPTY}"),
        (" \n ", f"The report is empty. {EMPTY}"),
        ("/does/not/exist.json", "The report file /does/not/exist.json does not exist. "
         "Check the path, or give the report's text."),
        ("/etc/", "The report /etc/ is a directory. Give the path of a file."),
        ("/dev/null", "The report /dev/null is not an ordinary file. Give the path of a file."),
        (None, "Nothing was given to act upon. Give one of report, apply and undo."),
        (7, "The report is int. Give text, a path to a file, JSON, or a structure."),
    ],
)  # fmt: skip
def test_a_report_that_cannot_be_used(report: Any, message: str) -> None:
    done = conduct(Order(report=report, namespace="shop"), lambda: lambda *_: written(""), lambda _: None)

    assert done.episode.message == f"broken: {message}"
    assert done.folder == ""


def test_a_report_of_ten_million_bytes_is_read_in_a_moment(tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    file.write_text("service cart answers 503\n" + "GET /cart 503 upstream connect error\n" * 270_000)
    started = time.monotonic()

    report = parse_report(str(file), "shop")

    assert [suspect.name for suspect in report.suspects if suspect.sure] == ["cart"]
    assert time.monotonic() - started < 5


def test_a_report_file_that_may_not_be_read() -> None:
    with tempfile.NamedTemporaryFile(suffix=".txt") as file:
        os.chmod(file.name, 0)
        with as_nobody(), pytest.raises(InputError) as raised:
            parse_report(file.name, "shop")

    assert str(raised.value) == f"The report file {file.name} cannot be read: Permission denied. Check its permissions."


def test_a_namespace_that_does_not_exist(stage: Stage) -> None:
    done = stage(namespace="nowhere")

    assert done.episode.message == (
        "broken: The namespace nowhere does not exist. Check the namespace and the cluster that is connected to."
    )


def test_a_thing_that_does_not_exist_while_another_is_broken(stage: Stage) -> None:
    stage.place.break_image()

    done = stage("ghost is down")

    assert done.episode.message == "escalated: the report names ghost, which namespace shop does not have"
    assert stage.place.image() == stage.place.bad


@pytest.mark.parametrize(
    ("server", "message"),
    [
        ("http://127.0.0.1:1", "refused the connection. Start the cluster, or correct host or kubeconfig."),
        ("http://name.invalid:6443", "cannot be resolved. Correct host or kubeconfig."),
    ],
)
def test_no_cluster(stage: Stage, server: str, message: str) -> None:
    done = stage(connection={"kubeconfig": connection(server)})

    assert done.episode.outcome == "broken"
    assert done.episode.message.endswith(message)
    assert server in done.episode.message


def test_a_password_in_an_address_is_not_repeated(stage: Stage) -> None:
    done = stage(connection={"host": "http://me:hunter2@127.0.0.1:1", "api_key": "token-of-mine"})

    assert done.episode.outcome == "broken"
    assert "127.0.0.1:1" in done.episode.message
    everything = json.dumps([tell.text for tell in stage.said]) + (stage.folder / "episode.json").read_text()
    assert "hunter2" not in everything
    assert "token-of-mine" not in everything


def test_a_server_whose_certificate_nobody_vouches_for(stage: Stage, tmp_path: Path) -> None:
    with secured(tmp_path, stage.place) as server:
        done = stage(connection={"kubeconfig": connection(server.url)})

    assert done.episode.message == (
        f"broken: The certificate of {server.url} is not trusted: certificate verify failed: self-signed certificate. "
        "Set ca_cert (certificate-authority in the kubeconfig) to the cluster's authority."
    )


@pytest.mark.parametrize("client", [False, True], ids=["plain", "by the client"])
def test_a_client_certificate_that_has_expired(stage: Stage, tmp_path: Path, client: bool) -> None:
    ended = certificate(tmp_path, "ended", days=-1)
    user = {"client-certificate": str(ended), "client-key": str(tmp_path / "ended.key")}
    extra = {"proxy-url": ""} if client else {}  # what the small reader of kubeconfigs leaves to the client
    with secured(tmp_path, stage.place) as server:
        server.meddle = lambda _method, _path: Reply(401, "Unauthorized")
        trust = {"certificate-authority": str(tmp_path / "server.crt"), **extra}
        done = stage(connection={"kubeconfig": connection(server.url, trust, **user)})

    said = done.episode.message
    assert said.startswith(f"broken: The client certificate for {server.url} expired on 20")
    assert said.endswith(" UTC. Renew it in the kubeconfig.")


def test_the_client_leaves_no_copy_of_a_key(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import base64

    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(own))
    mine = certificate(tmp_path, "mine")
    user = {
        "client-certificate-data": base64.b64encode(mine.read_bytes()).decode(),
        "client-key-data": base64.b64encode((tmp_path / "mine.key").read_bytes()).decode(),
    }
    with secured(tmp_path, stage.place) as server:
        trust = {"certificate-authority": str(tmp_path / "server.crt"), "proxy-url": ""}
        done = stage(connection={"kubeconfig": connection(server.url, trust, **user)})

    assert done.episode.outcome == "healthy"
    assert list(own.iterdir()) == []


def test_a_token_that_is_not_valid(stage: Stage, meddled: Meddler) -> None:
    meddled.meddle = lambda _method, _path: Reply(401, "Unauthorized")

    said = stage().episode.message

    assert said == (
        "broken: GET /api/v1/namespaces/shop/pods was answered with 401: Unauthorized. "
        "The credentials are missing, wrong or expired: renew the token or the kubeconfig."
    )


def test_an_account_that_may_read_nothing(stage: Stage, meddled: Meddler) -> None:
    words = 'pods is forbidden: User "me" cannot list resource "pods" in API group "" in the namespace "shop"'
    meddled.meddle = lambda _method, _path: Reply(403, words)

    said = stage().episode.message

    assert said == (
        f"broken: GET /api/v1/namespaces/shop/pods was answered with 403: {words}. "
        "Grant the account this permission, or use another account."
    )


def test_kinds_that_may_not_be_read_are_said_to_be_unseen(stage: Stage, meddled: Meddler) -> None:
    hidden = ("/secrets", "/nodes", "/resourcequotas")
    meddled.meddle = lambda _method, path: Reply(403, "no") if path.split("?")[0].endswith(hidden) else None

    done = stage()

    assert done.episode.outcome == "healthy"
    for kind in ("Secret: not permitted", "Node: not permitted", "ResourceQuota: not permitted"):
        assert kind in done.episode.message


def test_an_api_server_that_asks_for_patience_gets_it(stage: Stage, meddled: Meddler) -> None:
    asked: list[str] = []

    def busy(_method: str, path: str) -> Reply | None:
        asked.append(path)
        return Reply(429, "too many requests", retry_after=1) if len(asked) <= 2 else None

    meddled.meddle = busy

    assert stage().episode.outcome == "healthy"


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(429, "too many"), "was answered with 429: too many. The API server is overloaded: try again later."),
        (Reply(500, "etcd"), "was answered with 500: etcd. See the API server's log."),
        (Reply(0), "cannot be reached: "),
    ],
    ids=["429", "500", "cut off"],
)
def test_an_api_server_that_is_ill(stage: Stage, meddled: Meddler, reply: Reply, message: str) -> None:
    meddled.meddle = lambda _method, _path: reply

    done = stage()

    assert done.episode.outcome == "broken"
    assert message in done.episode.message


def test_an_api_server_that_does_not_answer(stage: Stage, meddled: Meddler, monkeypatch: pytest.MonkeyPatch) -> None:
    import urllib3

    real = urllib3.Timeout
    monkeypatch.setattr(urllib3, "Timeout", lambda connect, read: real(connect=connect / 50, read=read / 50))
    meddled.meddle = lambda _method, _path: Reply(200, hang=True)

    done = stage()

    assert done.episode.message == (
        f"broken: {meddled.url} did not answer in time. Check network, proxy and the API server's load."
    )


def test_a_cluster_that_dies_after_the_change_is_told_with_what_was_changed(stage: Stage, meddled: Meddler) -> None:
    stage.place.break_image()

    def die() -> None:
        meddled.meddle = lambda _method, _path: Reply(0)

    stage.at["verify"] = die
    done = stage(answer=patch(stage.place, stage.place.good))

    assert done.episode.outcome == "broken"
    assert "Changed and not undone: Deployment cart, since " in done.episode.message
    assert done.episode.message.endswith("Then run undo.yml in the Episode's folder.")
    assert [str(ref) for ref in done.episode.changed] == ["Deployment cart"]
    assert (stage.folder / "attempt-1" / "undo.yml").is_file()


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda at: None, "There is no converted base model in {at}. Run `"),
        (lambda at: (at / "manifest.json").write_text("{"), "{at}/manifest.json cannot be read ("),
        (lambda at: whole(at, size=9), "{at}/model.safetensors is truncated or was changed: its size differs from"),
        (lambda at: whole(at, source="0"), "The base model in {at} was made from another source or by another version"),
    ],
    ids=["missing", "unreadable", "truncated", "another"],
)
def test_model_files_that_cannot_be_used(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: Any, message: str
) -> None:
    at = tmp_path / "base"
    at.mkdir()
    harm(at)
    monkeypatch.setenv("E2EREME_BASE", str(at))

    done = conduct(
        Order(report="cart is down", namespace="shop", out=str(stage.folder)), lambda: opened(OPTIONS), print
    )

    assert done.episode.message.startswith("broken: " + message.format(at=at))


def test_an_adapter_of_another_hash(tmp_path: Path) -> None:
    for file in adapters.FOLDER.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = bytearray((tmp_path / "adapter_model.safetensors").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "adapter_model.safetensors").write_bytes(weights)

    with pytest.raises(adapters.ModelMissing) as raised:
        adapters.check(tmp_path)

    assert str(raised.value) == (
        f"{tmp_path}/adapter_model.safetensors is truncated or was changed. Reinstall the collection or train again."
    )


def whole(at: Path, size: int = 1, source: str = base.SOURCE_SHA256) -> None:
    """A converted base of files of one byte, which a manifest says have ``size``."""
    for name in base.REQUIRED:
        (at / name).write_bytes(b"x")
    files = {name: {"size": size if name == "model.safetensors" else 1, "sha256": ""} for name in base.REQUIRED}
    (at / base.MANIFEST).write_text(json.dumps({"source_sha256": source, "format": base.FORMAT, "files": files}))


def test_a_folder_that_is_a_file(stage: Stage) -> None:
    stage.folder.write_text("")

    assert stage().episode.message == (
        f"broken: {stage.folder} cannot be written: File exists. "
        "Free some space there, correct its permissions, or give another folder (out, remediate_out)."
    )


def test_a_folder_that_may_not_be_written(place: Place) -> None:
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o555)
        with as_nobody():
            done = conduct(Order(report="cart is down", namespace="shop", out=name), lambda: written, print)  # type: ignore[arg-type,return-value]

    assert done.episode.message.startswith(f"broken: {name}/")
    assert "cannot be written: Permission denied. Free some space there" in done.episode.message


def test_a_disk_that_is_full_from_the_start(stage: Stage) -> None:
    with small_disk(stage.folder):
        (stage.folder / "ballast").write_bytes(b"x" * room(stage.folder))
        done = stage()

    assert done.episode.outcome == "broken"
    assert "cannot be written: No space left on device. Free some space there" in done.episode.message


def test_a_disk_that_fills_up_before_the_change_keeps_it_from_being_made(stage: Stage) -> None:
    stage.place.break_image()
    with small_disk(stage.folder):
        stage.at["gate"] = lambda: fill(stage.folder)
        done = stage(answer=patch(stage.place, stage.place.good))

    assert done.episode.outcome == "broken"
    assert "No space left on device" in done.episode.message
    assert stage.place.image() == stage.place.bad
    assert done.episode.changed == ()


def test_a_disk_that_fills_up_during_the_run_ends_in_an_undo(stage: Stage) -> None:
    stage.place.break_image()
    with small_disk(stage.folder):
        stage.at["run"] = lambda: fill(stage.folder)
        done = stage(answer=patch(stage.place, stage.place.good))

    assert done.episode.outcome == "broken"
    assert "No space left on device" in done.episode.message
    assert done.episode.message.endswith("The change was undone")
    assert stage.place.image() == stage.place.bad


def test_a_policy_that_is_wrong(stage: Stage, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yml"
    policy.write_text("version: 1\nnamespace: [shop]\n")

    said = stage(policy=str(policy)).episode.message

    assert said.startswith(f"broken: The policy file {policy} is wrong at the top: ")
    assert "'namespace' was unexpected" in said


def test_the_kill_switch(stage: Stage) -> None:
    stage.place.break_image()
    switch = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "e2ereme-remediate", "namespace": "shop"}}
    stage.place.cluster.create({**switch, "data": {"paused": "true"}})

    done = stage(answer=patch(stage.place, stage.place.good))

    assert done.episode.message == (
        "refused: Paused by ConfigMap e2ereme-remediate in namespace shop (paused: 'true'). "
        'Set paused to "false" there, or delete it, to let repairs go on.'
    )
    assert stage.place.image() == stage.place.bad


@contextlib.contextmanager
def secured(folder: Path, place: Place) -> Iterator[Meddler]:
    """The sandbox behind TLS, with a certificate that it signed itself and asks clients for theirs."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate(folder, "server"), folder / "server.key")
    with meddler(place.cluster.transport.host, tls) as server:  # type: ignore[attr-defined]
        yield server


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read and write everything; nobody may not."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@contextlib.contextmanager
def small_disk(at: Path) -> Iterator[None]:
    """A disk of 256 KiB at ``at``; where that takes rights that there are not, the test is skipped."""
    at.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(at)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small disk takes root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(at)], check=True)


def room(at: Path) -> int:
    free = os.statvfs(at)
    return free.f_bavail * free.f_frsize


def fill(at: Path) -> None:
    """Leaves no room."""
    with contextlib.suppress(OSError), (at / "ballast").open("ab") as file:
        file.write(b"x" * (room(at) + resource.getpagesize()))
