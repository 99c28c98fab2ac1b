"""The cluster's DNS on the sandbox: names are there while a CoreDNS serves them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.nodes import coredns
from ansible_collections.e2ereme.remediate.sandbox.nodes.strain import Strain
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import shop
from ansible_collections.e2ereme.remediate.sandbox.systems.edits import Edit, carry_out
from ansible_collections.e2ereme.remediate.sandbox.systems.rest import Api

Object = dict[str, Any]


@pytest.fixture
def cluster() -> Sandbox:
    sandbox = Sandbox(shop())
    sandbox.advance(120)
    return sandbox


def change(sandbox: Sandbox, kind: str, name: str, path: tuple[Any, ...], value: Any) -> None:
    carry_out(Api(sandbox.transport()), "kube-system", [Edit(kind, name, path, None, value)], "kubectl-edit")


def restart_dns(sandbox: Sandbox) -> None:
    for pod in dns_pods(sandbox):
        sandbox.store.delete("Pod", "kube-system", pod["metadata"]["name"])


def dns_pods(sandbox: Sandbox) -> list[Object]:
    return sandbox.store.list("Pod", "kube-system")


def corefile(sandbox: Sandbox) -> str:
    held = sandbox.store.get("ConfigMap", "kube-system", "coredns")
    assert held is not None
    return str(held["data"]["Corefile"])


def named(item: Object) -> tuple[Any, ...]:
    """What of an object comes from the sandbox's dice and from where there is room."""
    meta = item["metadata"]
    spec, status = item.get("spec", {}), item.get("status", {})
    return meta["name"], meta["uid"], spec.get("nodeName"), spec.get("clusterIP"), status.get("podIP")


def visit(sandbox: Sandbox) -> tuple[int, float, str]:
    answer: tuple[int, float, str] = sandbox.behaviour.proxy("services", "shop", "checkout", "8080", "/")
    return answer


def test_coredns_is_there_from_the_beginning_and_nothing_happens_to_it(cluster: Sandbox) -> None:
    cluster.advance(3600)
    assert {pod["spec"]["nodeName"] for pod in dns_pods(cluster)} == {"node-1", "node-2"}
    for pod in dns_pods(cluster):
        assert pod["status"]["containerStatuses"][0]["restartCount"] == 0
        assert pod["status"]["phase"] == "Running"
    deployment = cluster.store.get("Deployment", "kube-system", "coredns")
    assert deployment is not None
    assert deployment["status"]["availableReplicas"] == 2
    assert not cluster.store.list("Event", "kube-system")
    assert visit(cluster)[0] == 200


def test_a_system_is_the_same_with_a_dns_as_without(cluster: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coredns, "objects", lambda *_: [])
    bare = Sandbox(shop())
    bare.advance(120)
    assert not bare.store.list("Pod", "kube-system")
    for kind in ("Pod", "Service", "ReplicaSet", "Event"):
        assert [named(item) for item in bare.store.list(kind, "shop")] == [
            named(item) for item in cluster.store.list(kind, "shop")
        ]


def test_scaled_away_it_leaves_callers_without_names(cluster: Sandbox) -> None:
    change(cluster, "Deployment", "coredns", ("spec", "replicas"), 0)
    cluster.advance(60)
    status, seconds, text = visit(cluster)
    assert (status, text) == (502, "call to http://cart:8080/ failed: name resolution\n")
    assert 0.005 < seconds < 6
    change(cluster, "Deployment", "coredns", ("spec", "replicas"), 2)
    cluster.advance(60)
    assert visit(cluster)[0] == 200


def test_a_corefile_that_cannot_be_read_counts_when_coredns_starts_anew(cluster: Sandbox) -> None:
    change(
        cluster, "ConfigMap", "coredns", ("data", "Corefile"), corefile(cluster).replace("kubernetes ", "kubernets ")
    )
    cluster.advance(300)
    assert visit(cluster)[0] == 200  # what runs keeps its old configuration
    restart_dns(cluster)
    cluster.advance(60)
    states = [pod["status"]["containerStatuses"][0] for pod in dns_pods(cluster)]
    assert [there["state"]["waiting"]["reason"] for there in states] == ["CrashLoopBackOff"] * 2
    name = dns_pods(cluster)[0]["metadata"]["name"]
    said = cluster.behaviour.logs("kube-system", name, "coredns")
    assert said == "/etc/coredns/Corefile:7 - Error during parsing: Unknown directive 'kubernets'\n"
    assert visit(cluster)[0] == 502


def test_a_corefile_for_another_zone_is_taken_up_by_itself_and_leaves_no_names(cluster: Sandbox) -> None:
    change(
        cluster, "ConfigMap", "coredns", ("data", "Corefile"), corefile(cluster).replace("cluster.local", "k8s.local")
    )
    cluster.advance(10)
    assert visit(cluster)[0] == 200
    cluster.advance(200)
    assert "name resolution" in visit(cluster)[2]
    assert all(pod["status"]["containerStatuses"][0]["ready"] for pod in dns_pods(cluster))


def test_without_the_service_nobody_answers(cluster: Sandbox) -> None:
    cluster.store.delete("Service", "kube-system", "kube-dns")
    cluster.advance(5)
    status, seconds, text = visit(cluster)
    assert (status, "name resolution" in text) == (502, True)
    assert seconds == pytest.approx(20, abs=0.1)


def test_an_egress_policy_without_port_53_takes_the_names_away(cluster: Sandbox) -> None:
    cluster.create(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "web-only", "namespace": "shop"},
            "spec": {
                "podSelector": {"matchLabels": {"app": "checkout"}},
                "policyTypes": ["Egress"],
                "egress": [{"ports": [{"port": 8080}, {"port": 9090}]}],
            },
        }
    )
    assert "name resolution" in visit(cluster)[2]


def test_a_caller_that_loses_packets_loses_questions_too(cluster: Sandbox) -> None:
    for pod in cluster.store.list("Pod", "shop"):
        if pod["metadata"]["labels"]["app"] == "checkout":
            cluster.behaviour.world.strains.put("k", pod["metadata"]["uid"], "", Strain(loss=0.5))
    texts = [visit(cluster)[2] for _ in range(60)]
    assert any("name resolution" in text for text in texts)
    assert any(text == "ok\n" for text in texts)


@pytest.mark.parametrize(
    ("dns", "resolves"),
    [
        ({"dnsPolicy": "Default"}, False),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["8.8.8.8"]}}, False),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.96.0.10"]}}, True),
    ],
)
def test_a_pod_that_asks_elsewhere_does_not_know_the_clusters_names(
    cluster: Sandbox, dns: Object, resolves: bool
) -> None:
    path = "/apis/apps/v1/namespaces/shop/deployments/checkout"
    kind = "application/strategic-merge-patch+json"
    cluster.handle("PATCH", path, {}, {"spec": {"template": {"spec": dns}}}, kind)
    cluster.advance(90)
    assert (visit(cluster)[2] == "ok\n") is resolves


def test_an_external_name_leads_to_another_service_of_the_cluster_or_nowhere(cluster: Sandbox) -> None:
    for target, words in (("payment.shop.svc.cluster.local", "ok\n"), ("example.com", "name resolution")):
        cluster.handle("DELETE", "/api/v1/namespaces/shop/services/elsewhere")
        meta = {"name": "elsewhere", "namespace": "shop"}
        spec = {"type": "ExternalName", "externalName": target}
        cluster.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
        deployment = cluster.store.get("Deployment", "shop", "checkout")
        assert deployment is not None
        env = [{"name": "PAYMENT_URL", "value": "http://elsewhere:9090/"}]
        change = {"spec": {"template": {"spec": {"containers": [{"name": "checkout", "env": env}]}}}}
        path = "/apis/apps/v1/namespaces/shop/deployments/checkout"
        cluster.handle("PATCH", path, {}, change, "application/strategic-merge-patch+json")
        cluster.advance(90)
        assert words in visit(cluster)[2]


def test_names_that_lead_to_each_other_lead_nowhere(cluster: Sandbox) -> None:
    for name, other in (("ring", "round"), ("round", "ring")):
        meta = {"name": name, "namespace": "shop"}
        spec = {"type": "ExternalName", "externalName": f"{other}.shop.svc.cluster.local"}
        cluster.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
    network = cluster.behaviour.kubelet.network
    assert network.call("shop", "http://ring:80/", 2.0).why == "name resolution"


def test_each_pod_of_a_stateful_set_has_a_name_of_its_own(cluster: Sandbox) -> None:
    deployment = cluster.store.get("Deployment", "shop", "cart")
    assert deployment is not None
    template, labels = deployment["spec"]["template"], {"app": "cart-store"}
    service = {"clusterIP": "None", "selector": labels, "ports": [{"port": 8080}]}
    meta = {"name": "cart-store", "namespace": "shop"}
    cluster.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service})
    spec = {
        "serviceName": "cart-store",
        "replicas": 2,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": template["spec"]},
    }
    cluster.create({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta, "spec": spec})
    cluster.advance(90)
    network = cluster.behaviour.kubelet.network
    for host in ("cart-store-1.cart-store", "cart-store-1.cart-store.shop.svc.cluster.local", "cart-store"):
        assert network.call("shop", f"http://{host}:8080/", 2.0).status == 200
    assert network.call("shop", "http://cart-store-2.cart-store:8080/", 2.0).why == "name resolution"
    first = cluster.store.get("Pod", "shop", "cart-store-1")
    assert first is not None
    run = cluster.behaviour.kubelet.runs[first["metadata"]["uid"]]
    before = run.containers[0].requests
    for _ in range(3):
        network.call("shop", "http://cart-store-1.cart-store:8080/", 2.0)
    assert run.containers[0].requests == before + 3


def test_what_was_just_found_is_no_longer_when_it_goes_in_the_same_moment(cluster: Sandbox) -> None:
    began = cluster.clock.elapsed
    assert visit(cluster)[0] == 200
    cart = cluster.store.get("Service", "shop", "cart")
    assert cart is not None
    cluster.store.delete("Service", "shop", "cart")
    assert visit(cluster)[2] == "call to http://cart:8080/ failed: name resolution\n"
    cluster.store.create({**cart, "metadata": {"name": "cart", "namespace": "shop"}})
    assert visit(cluster)[2] != "call to http://cart:8080/ failed: name resolution\n"
    cluster.store.delete("Service", "kube-system", "kube-dns")
    assert visit(cluster)[2] == "call to http://cart:8080/ failed: name resolution\n"
    assert cluster.clock.elapsed == began
