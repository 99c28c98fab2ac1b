"""NetworkPolicies on the sandbox: who reaches whom."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import shop

Object = dict[str, Any]

PAYMENT = {"matchLabels": {"app": "payment"}}
CHECKOUT = {"matchLabels": {"app": "checkout"}}
CART = {"matchLabels": {"app": "cart"}}


@pytest.fixture
def cluster() -> Sandbox:
    sandbox = Sandbox(shop())
    sandbox.advance(120)
    return sandbox


def policy(sandbox: Sandbox, **spec: Any) -> None:
    name = f"p{len(sandbox.store.list('NetworkPolicy'))}"
    sandbox.create(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": spec,
        }
    )


def reaches_payment(sandbox: Sandbox) -> bool:
    """Whether checkout gets an answer of payment."""
    status, _, text = sandbox.behaviour.proxy("services", "shop", "checkout", "8080", "/")
    assert status == 200 or "call to http://payment:9090/ failed: no answer within 2 s" in text
    return bool(status == 200)


def address_of(sandbox: Sandbox, app: str) -> str:
    found = next(item for item in sandbox.store.list("Pod", "shop") if item["metadata"]["labels"]["app"] == app)
    return str(found["status"]["podIP"])


def test_a_policy_without_rules_lets_nobody_in_and_leaves_the_pod_ready(cluster: Sandbox) -> None:
    policy(cluster, podSelector=PAYMENT, policyTypes=["Ingress"])
    cluster.advance(120)
    assert not reaches_payment(cluster)
    assert all(item["status"]["containerStatuses"][0]["ready"] for item in cluster.store.list("Pod", "shop"))


def test_a_caller_that_is_named_passes_and_one_that_is_not_does_not(cluster: Sandbox) -> None:
    policy(cluster, podSelector=PAYMENT, ingress=[{"from": [{"podSelector": CART}]}])
    assert not reaches_payment(cluster)
    policy(cluster, podSelector=PAYMENT, ingress=[{"from": [{"podSelector": CHECKOUT}]}])
    assert reaches_payment(cluster)


@pytest.mark.parametrize(
    ("ports", "passes"),
    [
        ([{"port": 9090}], True),
        ([{"port": "http"}], True),
        ([{"port": 9000, "endPort": 9100}], True),
        ([{"port": 8080}], False),
        ([{"port": 9090, "protocol": "UDP"}], False),
    ],
)
def test_ports_count_by_number_name_and_range(cluster: Sandbox, ports: list[Object], passes: bool) -> None:
    policy(cluster, podSelector=PAYMENT, ingress=[{"ports": ports}])
    assert reaches_payment(cluster) is passes


def test_a_peer_in_another_namespace_needs_a_namespace_selector(cluster: Sandbox) -> None:
    spaces = {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}
    others = {"matchLabels": {"kubernetes.io/metadata.name": "default"}}
    policy(cluster, podSelector=PAYMENT, ingress=[{"from": [{"namespaceSelector": others, "podSelector": CHECKOUT}]}])
    assert not reaches_payment(cluster)
    policy(cluster, podSelector=PAYMENT, ingress=[{"from": [{"namespaceSelector": spaces, "podSelector": CHECKOUT}]}])
    assert reaches_payment(cluster)


def test_an_address_range_counts_without_what_is_cut_out_of_it(cluster: Sandbox) -> None:
    own = f"{address_of(cluster, 'checkout')}/32"
    hole = {"cidr": "10.244.0.0/16", "except": [own]}
    policy(cluster, podSelector=PAYMENT, ingress=[{"from": [{"ipBlock": hole}]}])
    assert not reaches_payment(cluster)
    policy(cluster, podSelector=PAYMENT, ingress=[{"from": [{"ipBlock": {"cidr": own}}]}])
    assert reaches_payment(cluster)


def test_egress_of_the_caller_counts_as_well(cluster: Sandbox) -> None:
    names = {"ports": [{"port": 53, "protocol": "UDP"}]}
    policy(
        cluster,
        podSelector=CHECKOUT,
        policyTypes=["Egress"],
        egress=[names, {"to": [{"podSelector": CART}]}],
    )
    assert not reaches_payment(cluster)
    policy(cluster, podSelector=CHECKOUT, policyTypes=["Egress"], egress=[{"to": [{"podSelector": PAYMENT}]}])
    status, _, text = cluster.behaviour.proxy("services", "shop", "checkout", "8080", "/")
    assert (status, "http://shipping:8080/ failed: no answer" in text) == (502, True)


def test_the_api_servers_open_connection_goes_on_and_a_new_one_is_dropped(cluster: Sandbox) -> None:
    assert cluster.behaviour.proxy("services", "shop", "payment", "9090", "/")[0] == 200
    policy(cluster, podSelector=PAYMENT, policyTypes=["Ingress"])
    assert cluster.behaviour.proxy("services", "shop", "payment", "9090", "/")[0] == 200
    cluster.advance(100)
    status, seconds, text = cluster.behaviour.proxy("services", "shop", "payment", "9090", "/")
    assert (status, seconds) == (503, 30.0)
    assert text.endswith(":9090: i/o timeout")


def test_a_callers_log_tells_of_the_policy_since_it_is_there(cluster: Sandbox) -> None:
    policy(cluster, podSelector=PAYMENT, policyTypes=["Ingress"])
    cluster.advance(20)
    name = next(
        pod["metadata"]["name"]
        for pod in cluster.store.list("Pod", "shop")
        if pod["metadata"]["labels"]["app"] == "checkout"
    )
    said = [line for line in cluster.behaviour.logs("shop", name, "checkout").splitlines() if "payment" in line]
    created = cluster.store.list("NetworkPolicy")[0]["metadata"]["creationTimestamp"]
    assert said
    assert all(line.split(" ", 1)[0] >= created for line in said)
