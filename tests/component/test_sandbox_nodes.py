"""Nodes that are lost and come back, and what becomes of their Pods, at the pace of Kubernetes 1.34."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox

PODS = "/api/v1/namespaces/shop/pods"
NODES = "/api/v1/nodes"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
MERGE = "application/merge-patch+json"


def get(sandbox: Sandbox, path: str) -> Any:
    return sandbox.handle("GET", path).json()


def busy_node(sandbox: Sandbox) -> str:
    """A node that runs Pods of the shop."""
    return str(get(sandbox, PODS)["items"][0]["spec"]["nodeName"])


def pods_on(sandbox: Sandbox, node: str) -> list[Any]:
    return [pod for pod in get(sandbox, PODS)["items"] if pod["spec"].get("nodeName") == node]


def condition(item: Any, kind: str) -> Any:
    return next((found for found in item["status"]["conditions"] if found["type"] == kind), None)


def taints(sandbox: Sandbox, node: str) -> list[tuple[str, str]]:
    found = get(sandbox, f"{NODES}/{node}")["spec"].get("taints", [])
    return [(item["key"].removeprefix("node.kubernetes.io/"), item["effect"]) for item in found]


def test_every_node_renews_its_lease_every_ten_seconds(sandbox: Sandbox) -> None:
    first = get(sandbox, LEASES)["items"]
    sandbox.advance(25)
    second = get(sandbox, LEASES)["items"]
    assert [item["metadata"]["name"] for item in first] == [
        item["metadata"]["name"] for item in get(sandbox, NODES)["items"]
    ]
    for before, after in zip(first, second, strict=True):
        times = [datetime.fromisoformat(item["spec"]["renewTime"]) for item in (before, after)]
        assert (times[1] - times[0]).total_seconds() in (20, 30)
        assert before["metadata"]["ownerReferences"][0]["kind"] == "Node"


def test_a_node_writes_its_status_every_five_minutes(sandbox: Sandbox) -> None:
    node = busy_node(sandbox)
    before = condition(get(sandbox, f"{NODES}/{node}"), "Ready")
    sandbox.advance(299)
    after = condition(get(sandbox, f"{NODES}/{node}"), "Ready")
    times = [datetime.fromisoformat(item["lastHeartbeatTime"]) for item in (before, after)]
    assert (times[1] - times[0]).total_seconds() == 300
    assert after["lastTransitionTime"] == before["lastTransitionTime"]


def test_a_watch_of_leases_sees_them_renewed(sandbox: Sandbox) -> None:
    version = get(sandbox, LEASES)["metadata"]["resourceVersion"]
    sandbox.handle("GET", LEASES, {"watch": "true", "resourceVersion": version})
    sandbox.advance(31)
    seen = sandbox.handle("GET", LEASES, {"watch": "true", "resourceVersion": version}).body.splitlines()
    assert len(seen) >= 3 * len(get(sandbox, NODES)["items"])


def test_a_lost_node_is_noticed_after_its_grace_period(sandbox: Sandbox) -> None:
    node = busy_node(sandbox)
    sandbox.behaviour.machines.stop(node)
    sandbox.advance(35)
    assert condition(get(sandbox, f"{NODES}/{node}"), "Ready")["status"] == "True"
    sandbox.advance(20)
    lost = condition(get(sandbox, f"{NODES}/{node}"), "Ready")
    assert (lost["status"], lost["reason"], lost["message"]) == (
        "Unknown",
        "NodeStatusUnknown",
        "Kubelet stopped posting node status.",
    )
    assert taints(sandbox, node) == [("unreachable", "NoSchedule"), ("unreachable", "NoExecute")]
    assert {condition(pod, "Ready")["status"] for pod in pods_on(sandbox, node)} == {"False"}
    events = [item for item in get(sandbox, "/api/v1/events")["items"] if item["reason"] == "NodeNotReady"]
    assert {item["message"] for item in events} == {
        f"Node {node} status is now: NodeNotReady",
        "Node is not ready",
    }


def test_pods_of_a_lost_node_are_replaced_after_five_minutes_and_stay_until_it_is_back(sandbox: Sandbox) -> None:
    node = busy_node(sandbox)
    deployed = [pod["metadata"]["name"] for pod in pods_on(sandbox, node)]
    sandbox.behaviour.machines.stop(node)
    sandbox.advance(340)
    assert not any("deletionTimestamp" in pod["metadata"] for pod in pods_on(sandbox, node))
    sandbox.advance(30)
    leaving = [pod for pod in pods_on(sandbox, node) if pod["metadata"]["name"] in deployed]
    assert {condition(pod, "DisruptionTarget")["reason"] for pod in leaving} == {"DeletionByTaintManager"}
    assert all("deletionTimestamp" in pod["metadata"] for pod in leaving)
    sandbox.advance(120)  # long after their grace: nobody there to end them
    assert len([pod for pod in pods_on(sandbox, node) if "deletionTimestamp" in pod["metadata"]]) == len(leaving)
    ready = [
        d["status"].get("readyReplicas") for d in get(sandbox, "/apis/apps/v1/namespaces/shop/deployments")["items"]
    ]
    assert all(ready)
    sandbox.behaviour.machines.start(node)
    sandbox.advance(60)
    assert not set(deployed) & {pod["metadata"]["name"] for pod in get(sandbox, PODS)["items"]}


def test_pods_of_a_node_that_comes_back_in_time_are_restarted_and_stay(sandbox: Sandbox) -> None:
    node = busy_node(sandbox)
    before = {pod["metadata"]["uid"] for pod in pods_on(sandbox, node)}
    sandbox.behaviour.machines.stop(node)
    sandbox.advance(120)
    sandbox.behaviour.machines.start(node)
    sandbox.advance(60)
    pods = pods_on(sandbox, node)
    assert {pod["metadata"]["uid"] for pod in pods} == before
    assert {condition(pod, "Ready")["status"] for pod in pods} == {"True"}
    assert {item["restartCount"] for pod in pods for item in pod["status"]["containerStatuses"]} == {1}
    assert taints(sandbox, node) == []


def test_containers_run_on_when_only_the_kubelet_dies(sandbox: Sandbox) -> None:
    node = busy_node(sandbox)
    pod = pods_on(sandbox, node)[0]
    sandbox.behaviour.machines.stop(node, power=False)
    sandbox.advance(90)
    assert condition(pods_on(sandbox, node)[0], "Ready")["status"] == "False"
    sandbox.behaviour.machines.start(node)
    sandbox.advance(60)
    again = next(item for item in pods_on(sandbox, node) if item["metadata"]["uid"] == pod["metadata"]["uid"])
    assert condition(again, "Ready")["status"] == "True"
    assert again["status"]["containerStatuses"][0]["restartCount"] == 0


def test_a_dead_kubelet_tells_no_logs(sandbox: Sandbox) -> None:
    node = busy_node(sandbox)
    pod = pods_on(sandbox, node)[0]["metadata"]["name"]
    sandbox.behaviour.machines.stop(node)
    answer = sandbox.handle("GET", f"{PODS}/{pod}/log")
    assert answer.status == 500
    assert ":10250/containerLogs/shop/" in answer.json()["message"]
    assert answer.json()["message"].endswith("connect: no route to host")


def test_nothing_is_evicted_when_all_nodes_are_lost(sandbox: Sandbox) -> None:
    for node in get(sandbox, NODES)["items"]:
        sandbox.behaviour.machines.stop(node["metadata"]["name"])
    sandbox.advance(900)
    assert not any("deletionTimestamp" in pod["metadata"] for pod in get(sandbox, PODS)["items"])
    assert {
        effect for node in get(sandbox, NODES)["items"] for _, effect in taints(sandbox, node["metadata"]["name"])
    } == {"NoSchedule"}


def test_a_cordoned_node_is_tainted_and_freed_again(sandbox: Sandbox) -> None:
    node = busy_node(sandbox)
    sandbox.handle("PATCH", f"{NODES}/{node}", {}, {"spec": {"unschedulable": True}}, MERGE)
    assert taints(sandbox, node) == [("unschedulable", "NoSchedule")]
    sandbox.handle("PATCH", f"{NODES}/{node}", {}, {"spec": {"unschedulable": None}}, MERGE)
    assert taints(sandbox, node) == []


def test_a_taint_by_hand_drives_out_who_does_not_tolerate_it(sandbox: Sandbox) -> None:
    node = busy_node(sandbox)
    before = {pod["metadata"]["uid"] for pod in pods_on(sandbox, node)}
    mine = {"key": "maintenance", "value": "now", "effect": "NoExecute"}
    sandbox.handle("PATCH", f"{NODES}/{node}", {}, {"spec": {"taints": [mine]}}, MERGE)
    events = [
        item
        for item in get(sandbox, "/api/v1/namespaces/shop/events")["items"]
        if item["reason"] == "TaintManagerEviction"
    ]
    assert len(events) == len(before)
    assert all(item["message"].startswith("Marking for deletion Pod shop/") for item in events)
    sandbox.advance(60)
    assert pods_on(sandbox, node) == []


def test_pods_of_a_deleted_node_are_collected(sandbox: Sandbox) -> None:
    node = busy_node(sandbox)
    sandbox.handle("DELETE", f"{NODES}/{node}")
    assert node not in {item["metadata"]["name"] for item in get(sandbox, LEASES)["items"]}
    sandbox.advance(30)
    assert pods_on(sandbox, node)
    sandbox.advance(40)
    assert pods_on(sandbox, node) == []


def test_a_node_that_joins_and_leaves_is_announced(sandbox: Sandbox) -> None:
    sandbox.handle("POST", NODES, {}, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-9"}})
    sandbox.advance(10)
    sandbox.handle("DELETE", f"{NODES}/node-9")
    sandbox.advance(10)
    events = [item for item in get(sandbox, "/api/v1/events")["items"] if item["involvedObject"]["name"] == "node-9"]
    assert {(item["reason"], item["source"]["component"]) for item in events} == {
        ("Starting", "kubelet"),
        ("NodeHasSufficientMemory", "kubelet"),
        ("NodeHasNoDiskPressure", "kubelet"),
        ("NodeHasSufficientPID", "kubelet"),
        ("NodeReady", "kubelet"),
        ("RegisteredNode", "node-controller"),
        ("RemovingNode", "node-controller"),
    }
