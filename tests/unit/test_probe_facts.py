"""What the facts say of small hand-written Inventories."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import (
    Evidence,
    Inventory,
    Measurement,
    ObjectRef,
)
from ansible_collections.e2ereme.remediate.plugins.module_utils.probe import evidence

NOW = "2026-03-02T10:00:00Z"
EARLIER = "2026-03-02T09:00:00Z"
READ = ("ConfigMap", "Secret", "Service", "EndpointSlice", "PersistentVolumeClaim", "ServiceAccount")
Object = dict[str, Any]


def ref(kind: str, name: str) -> ObjectRef:
    return ObjectRef(kind, "shop", name)


def meta(name: str, **more: Any) -> Object:
    return {"name": name, "namespace": "shop", "uid": f"uid-{name}", "creationTimestamp": EARLIER, **more}


def deployment(name: str, replicas: int = 1, container: Object | None = None, **status: Any) -> Object:
    main = {
        "name": "app",
        "image": f"shop/{name}:1",
        "ports": [{"name": "http", "containerPort": 8080}],
        **(container or {}),
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [main]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"kind": "Deployment", "metadata": meta(name), "spec": spec, "status": status}


def replica_set(owner: str, revision: int, container: Object | None = None) -> Object:
    made = deployment(owner, container=container)
    name = f"{owner}-{revision}"
    links = [{"kind": "Deployment", "name": owner, "uid": f"uid-{owner}", "controller": True}]
    notes = {"deployment.kubernetes.io/revision": str(revision)}
    return {**made, "kind": "ReplicaSet", "metadata": meta(name, ownerReferences=links, annotations=notes)}


def pod(owner: str, number: int = 1, ready: bool = True, state: Object | None = None, **status: Any) -> Object:
    links = [{"kind": "ReplicaSet", "name": f"{owner}-1", "uid": "x", "controller": True}]
    container = {
        "name": "app",
        "ready": ready,
        "restartCount": 0,
        "state": state or {"running": {"startedAt": EARLIER}},
    }
    container |= {key: status.pop(key) for key in ("restartCount", "lastState") if key in status}
    return {
        "kind": "Pod",
        "metadata": meta(f"{owner}-1-{number}", ownerReferences=links, labels={"app": owner}),
        "spec": deployment(owner)["spec"]["template"]["spec"],
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [container],
            **status,
        },
    }


def service(name: str, app: str = "", target: Any = "http") -> Object:
    spec = {"selector": {"app": app or name}, "ports": [{"name": "http", "port": 80, "targetPort": target}]}
    return {"kind": "Service", "metadata": meta(name), "spec": spec}


def endpoints(name: str, addresses: int = 1) -> Object:
    entries = [{"addresses": [f"10.0.0.{i}"], "conditions": {"ready": True}} for i in range(addresses)]
    labels = {"kubernetes.io/service-name": name}
    return {"kind": "EndpointSlice", "metadata": meta(f"{name}-x", labels=labels), "endpoints": entries}


def config_map(name: str, **data: str) -> Object:
    return {"kind": "ConfigMap", "metadata": meta(name), "data": data}


def inventory(*objects: Object, **more: Any) -> Inventory:
    kinds: dict[str, tuple[Object, ...]] = dict.fromkeys(READ, ())
    for item in objects:
        kinds[item["kind"]] = (*kinds.get(item["kind"], ()), item)
    return Inventory("shop", NOW, kinds, **more)


def healthy(name: str, container: Object | None = None) -> list[Object]:
    return [deployment(name, container=container), replica_set(name, 1), pod(name), service(name), endpoints(name)]


def texts(found: Evidence) -> list[str]:
    return [fact.text for fact in found.anomalies]


def test_a_healthy_namespace_has_no_anomalies() -> None:
    assert texts(evidence(inventory(*healthy("web"), *healthy("cart")), (("web", ""),))) == []


def test_a_waiting_container_says_reason_and_image() -> None:
    bad = pod(
        "cart", ready=False, state={"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
    )
    found = evidence(inventory(deployment("cart"), replica_set("cart", 1), bad))
    assert texts(found) == ["Deployment cart: 0/1 Pods ready; ImagePullBackOff shop/cart:1"]


def test_many_pods_with_the_same_trouble_are_one_line() -> None:
    bad = [pod("cart", i, False, {"waiting": {"reason": "CrashLoopBackOff"}}) for i in range(3)]
    found = evidence(inventory(deployment("cart", 3), replica_set("cart", 1), *bad))
    assert texts(found) == ["Deployment cart: 0/3 Pods ready; CrashLoopBackOff (3 Pods)"]


def test_no_line_carries_a_pods_generated_name() -> None:
    bad = pod("cart", ready=False, state={"waiting": {"reason": "CrashLoopBackOff"}})
    found = evidence(inventory(deployment("cart"), replica_set("cart", 1), bad))
    assert not any("cart-1-1" in fact.text for fact in found.facts)


def test_a_missing_key_names_the_keys_there_are() -> None:
    env = [{"name": "L", "valueFrom": {"configMapKeyRef": {"name": "cart-config", "key": "LOG_LEVL"}}}]
    items = healthy("cart", {"env": env})
    found = evidence(inventory(*items, config_map("cart-config", LOG_LEVEL="info")))
    assert "env L refers to key LOG_LEVL of ConfigMap cart-config, which has only LOG_LEVEL" in texts(found)[0]


def test_an_optional_reference_may_be_missing() -> None:
    env = [{"name": "L", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "x", "optional": True}}}]
    assert texts(evidence(inventory(*healthy("cart", {"env": env})))) == []


def test_kinds_that_could_not_be_read_are_not_called_missing() -> None:
    env = [{"name": "L", "valueFrom": {"secretKeyRef": {"name": "none", "key": "x"}}}]
    whole = inventory(*healthy("cart", {"env": env}))
    unread = {kind: items for kind, items in whole.objects.items() if kind != "Secret"}
    assert texts(evidence(Inventory("shop", NOW, unread, unseen=("Secret: not permitted",)))) == []


def test_scaled_to_zero_without_callers_is_intended() -> None:
    assert texts(evidence(inventory(deployment("old", 0), service("old"), endpoints("old", 0)))) == []


def test_scaled_to_zero_while_called_is_an_anomaly() -> None:
    caller = healthy("web", {"env": [{"name": "CART_URL", "value": "http://cart:80/"}]})
    found = evidence(inventory(*caller, deployment("cart", 0), service("cart"), endpoints("cart", 0)))
    assert texts(found)[0] == "Deployment cart: scaled to 0 replicas while web calls it"


def test_a_suspect_scaled_to_zero_is_an_anomaly() -> None:
    found = evidence(inventory(deployment("cart", 0)), (("cart", ""),))
    assert texts(found) == ["Deployment cart: scaled to 0 replicas"]


def test_a_target_port_name_that_no_container_has() -> None:
    items = [item for item in healthy("cart") if item["kind"] != "Service"]
    found = evidence(inventory(*items, service("cart", target="web")))
    assert "targetPort web, a name that no container of Deployment cart has" in texts(found)[0]


def test_an_undeclared_target_port_that_answers_is_no_anomaly() -> None:
    items = [item for item in healthy("cart") if item["kind"] != "Service"]
    sound = Measurement(ref("Service", "cart"), 80, "/", 3, 0.0, 200, 0.01)
    assert (
        texts(evidence(inventory(*items, service("cart", target=9090), measurements=(sound,)), (("cart", ""),))) == []
    )


def test_a_selector_that_matches_nothing_shows_the_labels_nearby() -> None:
    found = evidence(
        inventory(deployment("cart"), replica_set("cart", 1), pod("cart"), service("cart", "crat")), (("cart", ""),)
    )
    assert "selector app=crat matches no Pods; those of Deployment cart have app=cart" in texts(found)[0]


def test_a_failing_request_is_an_anomaly_with_its_words() -> None:
    failing = Measurement(ref("Service", "web"), 80, "/", 3, 1.0, 502, 0.01, "call to cart failed")
    found = evidence(inventory(*healthy("web"), measurements=(failing,)))
    assert texts(found) == ["Service web: GET :80/ fails: 502 call to cart failed"]


def test_slow_is_what_is_slow_beside_its_siblings() -> None:
    items = [*healthy("web"), *healthy("cart"), *healthy("pay")]
    quick = [Measurement(ref("Service", name), 80, "/", 3, 0.0, 200, 0.02) for name in ("cart", "pay")]
    slow = Measurement(ref("Service", "web"), 80, "/", 3, 0.0, 200, 0.9)
    assert texts(evidence(inventory(*items, measurements=(slow, *quick)))) == [
        "Service web: GET :80/ takes 0.90s, siblings 0.02s"
    ]


def test_all_being_slow_is_the_machine() -> None:
    items = [*healthy("web"), *healthy("cart")]
    slow = tuple(Measurement(ref("Service", name), 80, "/", 3, 0.0, 200, 0.9) for name in ("web", "cart"))
    assert texts(evidence(inventory(*items, measurements=slow))) == []


@pytest.mark.parametrize(("finished", "count"), [("2026-03-02T09:59:00Z", 1), ("2026-03-01T09:00:00Z", 0)])
def test_only_recent_restarts_count(finished: str, count: int) -> None:
    last = {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": finished}}
    restarted = pod("cart", restartCount=3, lastState=last)
    assert len(texts(evidence(inventory(deployment("cart"), replica_set("cart", 1), restarted)))) == count


def test_warnings_about_healthy_things_are_left_out() -> None:
    event = {
        "kind": "Event",
        "metadata": meta("e"),
        "type": "Warning",
        "reason": "Unhealthy",
        "message": "Readiness probe failed",
        "lastTimestamp": "2026-03-02T09:59:30Z",
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "cart-1-1"},
    }
    assert texts(evidence(inventory(*healthy("cart"), event))) == []


SLOW_TO_FOLLOW = {
    "kind": "Event",
    "metadata": meta("e"),
    "type": "Warning",
    "reason": "FailedToUpdateEndpointSlices",
    "message": "Error updating Endpoint Slices for Service shop/cart: skipping Pod",
    "involvedObject": {"kind": "Service", "namespace": "shop", "name": "cart"},
    "firstTimestamp": "2026-03-02T09:59:30Z",
    "lastTimestamp": "2026-03-02T09:59:30Z",
}


@pytest.mark.parametrize(
    ("failed", "first", "count"),
    [(0.0, "2026-03-02T09:59:30Z", 0), (0.0, "2026-03-02T09:50:00Z", 1), (1.0, "2026-03-02T09:59:30Z", 2)],
)
def test_a_warning_about_a_sound_service_counts_only_while_it_goes_on(failed: float, first: str, count: int) -> None:
    event = {**SLOW_TO_FOLLOW, "firstTimestamp": first}
    measured = (Measurement(ref("Service", "cart"), 80, "/", 3, failed, 200 if not failed else 500, 0.01),)
    assert len(texts(evidence(inventory(*healthy("cart"), event, measurements=measured)))) == count


def drift_of(*containers: Object) -> list[str]:
    """What is said of a workload's history when it ran these containers one after the other."""
    past = [replica_set("cart", number, container) for number, container in enumerate(containers, 1)]
    found = evidence(inventory(deployment("cart"), *past, pod("cart")), (("cart", ""),))
    return [fact.text for fact in found.facts if fact.kind == "drift" and fact.weight == 0.0]


def test_drift_says_the_old_and_the_new_tag() -> None:
    said = drift_of({"image": "shop/cart:1"}, {"image": "shop/cart:2"})
    assert said == ["Deployment cart: revision 1 -> 2, 1h ago: image tag: 1 -> 2"]


def test_drift_says_the_whole_image_where_its_repository_changed() -> None:
    said = drift_of({"image": "shop/cart:1"}, {"image": "shop/crat:1"})
    assert said == ["Deployment cart: revision 1 -> 2, 1h ago: image: shop/cart:1 -> shop/crat:1"]


def test_a_change_that_harmless_ones_have_buried_is_told_too() -> None:
    logs = [{"env": [{"name": "LOG", "value": word}]} for word in ("info", "debug", "warning")]
    bad = {"image": "shop/cart:none"}
    said = drift_of({"image": "shop/cart:1"}, {**bad, **logs[0]}, {**bad, **logs[1]}, {**bad, **logs[2]})
    assert any("revision 1 -> 2" in text and "image tag: 1 -> none" in text for text in said)
    assert len(said) == 3


def test_a_caller_of_a_missing_service_counts_when_it_is_in_trouble() -> None:
    items = healthy("web", {"env": [{"name": "CART_URL", "value": "http://crat:80/"}]})
    failing = Measurement(ref("Service", "web"), 80, "/", 3, 1.0, 502, 0.01)
    whole = inventory(*items, *healthy("cart"), measurements=(failing,))
    assert any(
        "CART_URL points at crat:80, but no such Service exists; there is cart" in text
        for text in texts(evidence(whole))
    )


def test_a_dangling_address_in_a_sound_system_is_no_anomaly() -> None:
    items = healthy("web", {"env": [{"name": "TRACING_URL", "value": "http://jaeger:9411/"}]})
    assert texts(evidence(inventory(*items))) == []


def test_a_network_policy_that_shuts_a_caller_out() -> None:
    caller = healthy("web", {"env": [{"name": "CART_URL", "value": "http://cart:80/"}]})
    rule = {"from": [{"podSelector": {"matchLabels": {"app": "other"}}}]}
    policy = {
        "kind": "NetworkPolicy",
        "metadata": meta("cart-only"),
        "spec": {"podSelector": {"matchLabels": {"app": "cart"}}, "policyTypes": ["Ingress"], "ingress": [rule]},
    }
    found = evidence(inventory(*caller, *healthy("cart"), policy))
    assert texts(found) == ["NetworkPolicy cart-only: ingress rules do not let Deployment web reach Deployment cart"]


def test_secrets_and_markers_in_logs_are_disarmed() -> None:
    bad = pod("cart", ready=False, state={"waiting": {"reason": "CrashLoopBackOff"}})
    logs = {("cart-1-1", "app", True): "ERROR password=hunter22 {{ lookup('pipe', 'id') }} <|im_end|>"}
    found = evidence(inventory(deployment("cart"), replica_set("cart", 1), bad, logs=logs))
    log = next(fact.text for fact in found.facts if fact.kind == "log")
    assert not any(part in log for part in ("hunter22", "{{", "<|"))


def test_facts_are_few_and_short() -> None:
    items = [
        item for i in range(30) for item in (deployment(f"s{i}"), replica_set(f"s{i}", 1), pod(f"s{i}", ready=False))
    ]
    found = evidence(inventory(*items))
    assert len(found.facts) <= 14
    assert sum(len(fact.text) for fact in found.facts) <= 1200
    assert [fact.id for fact in found.facts] == [f"e{i}" for i in range(1, len(found.facts) + 1)]


def test_near_begins_with_the_suspect_and_its_service() -> None:
    items = [
        *healthy("web", {"env": [{"name": "CART_URL", "value": "http://cart:80/"}]}),
        *healthy("cart"),
        *healthy("pay"),
    ]
    found = evidence(inventory(*items), (("cart", ""),))
    assert found.near == (ref("Deployment", "cart"), ref("Service", "cart"), ref("Deployment", "web"))


def test_a_name_that_is_not_there_is_said() -> None:
    found = evidence(inventory(*healthy("web")), (("nosuch", ""),))
    assert any("nosuch: not in namespace shop" in fact.text for fact in found.facts)


def test_a_target_is_shown_closely() -> None:
    items = [*healthy("web"), *healthy("cart"), *healthy("pay")]
    found = evidence(inventory(*items), (("cart", ""),), (ref("Deployment", "pay"),))
    assert found.near[0] == ref("Deployment", "pay")
    assert any(fact.kind == "spec" and fact.subject == ref("Deployment", "pay") for fact in found.facts)
