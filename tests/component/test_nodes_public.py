"""Containers of public images do what they are told, as exec would, and what they print is their log."""

from __future__ import annotations

from typing import Any

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox

PODS = "/api/v1/namespaces/shop/pods"


def ran(sandbox: Sandbox, image: str, *argv: str, seconds: float = 10.0) -> tuple[Any, str]:
    """(the state of the container, its log) some seconds after a Pod was made."""
    container = {"name": "main", "image": image, **({"args": list(argv)} if argv else {})}
    spec = {"restartPolicy": "Never", "containers": [container]}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "it", "labels": {"app": "it"}}, "spec": spec}
    assert sandbox.handle("POST", PODS, {}, body).status == 201
    sandbox.advance(seconds)
    state = sandbox.handle("GET", f"{PODS}/it").json()["status"]["containerStatuses"][0]["state"]
    return state, sandbox.handle("GET", f"{PODS}/it/log").text()


def test_a_script_prints_and_ends_with_its_code(sandbox: Sandbox) -> None:
    state, log = ran(sandbox, "busybox", "sh", "-c", "echo one; hostname; exit 3")
    assert (state["terminated"]["exitCode"], state["terminated"]["reason"], log) == (3, "Error", "one\nit\n")


def test_a_visitor_asks_a_service(sandbox: Sandbox) -> None:
    state, log = ran(sandbox, "curlimages/curl:8.5.0", "curl", "-s", "http://cart:8080/")
    assert (state["terminated"]["exitCode"], log) == (0, "ok\n")


def test_what_an_image_starts_by_itself_takes_arguments(sandbox: Sandbox) -> None:
    assert ran(sandbox, "curlimages/curl", "-s", "http://cart:8080/healthz")[1] == "ok\n"


def test_programs_of_the_image_are_found(sandbox: Sandbox) -> None:
    assert ran(sandbox, "busybox", "wget", "-qO-", "http://cart:8080/healthz")[1] == "ok\n"


def test_what_no_image_has_does_not_start(sandbox: Sandbox) -> None:
    state, _ = ran(sandbox, "busybox", "no-such-program")
    assert state["terminated"]["reason"] == "StartError"


def test_a_script_takes_as_long_as_it_sleeps(sandbox: Sandbox) -> None:
    assert "running" in ran(sandbox, "busybox", "sh", "-c", "sleep 60; echo late")[0]
    sandbox.advance(60)
    state = sandbox.handle("GET", f"{PODS}/it").json()["status"]["containerStatuses"][0]["state"]
    assert state["terminated"]["reason"] == "Completed"


def test_a_web_server_answers_on_its_port(sandbox: Sandbox) -> None:
    assert "running" in ran(sandbox, "nginx")[0]
    assert sandbox.handle("GET", f"{PODS}/it:80/proxy/").text() == "ok\n"


def test_an_image_that_nobody_has_is_not_pulled(sandbox: Sandbox) -> None:
    state, _ = ran(sandbox, "nginx:no-such-tag")
    assert state["waiting"]["reason"] in ("ErrImagePull", "ImagePullBackOff")
