"""Ephemeral containers and resizing: what of a running Pod changes through subresources of its own."""

from __future__ import annotations

from typing import Any

from ansible_collections.e2ereme.remediate.sandbox.api.exchange import Response
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox

STRATEGIC = "application/strategic-merge-patch+json"


def cart(sandbox: Sandbox) -> str:
    pods = sandbox.store.list("Pod", "shop")
    name = next(pod["metadata"]["name"] for pod in pods if pod["metadata"]["labels"]["app"] == "cart")
    return f"/api/v1/namespaces/shop/pods/{name}"


def patched(sandbox: Sandbox, part: str, spec: dict[str, Any]) -> Response:
    return sandbox.handle("PATCH", f"{cart(sandbox)}/{part}", {}, {"spec": spec}, STRATEGIC)


def debugged(sandbox: Sandbox, name: str, *command: str, **more: Any) -> Response:
    container = {"name": name, "image": "busybox", "command": list(command), **more}
    return patched(sandbox, "ephemeralcontainers", {"ephemeralContainers": [container]})


def test_an_ephemeral_container_runs_once_beside_the_others(sandbox: Sandbox) -> None:
    assert debugged(sandbox, "look", "sh", "-c", "exit 3").status == 200
    sandbox.advance(60)
    pod = sandbox.handle("GET", cart(sandbox)).json()
    (status,) = pod["status"]["ephemeralContainerStatuses"]
    assert (status["state"]["terminated"]["exitCode"], status["restartCount"], status["ready"]) == (3, 0, False)
    assert status["image"] == "docker.io/library/busybox:latest"
    ready = next(item["status"] for item in pod["status"]["conditions"] if item["type"] == "Ready")
    assert (pod["status"]["phase"], ready) == ("Running", "True")


def test_its_log_is_read_by_its_name(sandbox: Sandbox) -> None:
    debugged(sandbox, "look", "echo", "seen")
    sandbox.advance(10)
    assert sandbox.handle("GET", f"{cart(sandbox)}/log", {"container": "look"}).text() == "seen\n"


def test_an_ephemeral_container_can_neither_change_nor_aim_at_nothing(sandbox: Sandbox) -> None:
    debugged(sandbox, "look", "sleep", "9")
    changed = debugged(sandbox, "look", "sleep", "10")
    assert changed.status == 422
    assert 'existing ephemeral containers "look" may not be changed' in changed.json()["message"]
    aimed = debugged(sandbox, "other", "true", targetContainerName="nobody")
    assert 'spec.ephemeralContainers[0].targetContainerName: Not found: "nobody"' in aimed.json()["message"]
    taken = debugged(sandbox, "cart", "true")
    assert 'spec.ephemeralContainers[0].name: Duplicate value: "cart"' in taken.json()["message"]


def test_a_container_grows_without_starting_anew(sandbox: Sandbox) -> None:
    limits = {"resources": {"limits": {"cpu": "900m"}}}
    answer = patched(sandbox, "resize", {"containers": [{"name": "cart", **limits}]})
    assert answer.json()["spec"]["containers"][0]["resources"]["limits"]["cpu"] == "900m"
    sandbox.advance(5)
    status = sandbox.handle("GET", cart(sandbox)).json()["status"]["containerStatuses"][0]
    assert (status["resources"]["limits"]["cpu"], status["restartCount"]) == ("900m", 0)


def test_resizing_changes_nothing_but_resources(sandbox: Sandbox) -> None:
    before = sandbox.handle("GET", cart(sandbox)).json()["spec"]
    patched(sandbox, "resize", {"containers": [{"name": "cart", "image": "busybox"}], "priority": 7})
    assert sandbox.handle("GET", cart(sandbox)).json()["spec"] == before


def test_a_request_beyond_its_limit_is_refused(sandbox: Sandbox) -> None:
    answer = patched(sandbox, "resize", {"containers": [{"name": "cart", "resources": {"limits": {"cpu": "1m"}}}]})
    assert answer.status == 422
    assert "must be less than or equal to cpu limit of 1m" in answer.json()["message"]


def test_a_plain_update_still_refuses_both(sandbox: Sandbox) -> None:
    late = {"ephemeralContainers": [{"name": "look", "image": "busybox"}]}
    answer = sandbox.handle("PATCH", cart(sandbox), {}, {"spec": late}, STRATEGIC)
    assert answer.status == 422 and "pod updates may not change fields other than" in answer.json()["message"]
