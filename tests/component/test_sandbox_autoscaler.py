"""HorizontalPodAutoscalers: the number of Pods follows what they use, in the words of Kubernetes 1.34."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.e2ereme.remediate.sandbox.controllers.recommend import Memory, replicas_for, settle
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

SCALERS = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
MERGE = "application/merge-patch+json"


@pytest.fixture
def sandbox() -> Sandbox:
    made = Sandbox(shop(), seed=3)
    made.advance(400)  # the Pods are no longer young
    return made


def get(sandbox: Sandbox, path: str) -> Any:
    return sandbox.handle("GET", path).json()


def scale(sandbox: Sandbox, target: str, low: int = 1, high: int = 5, percent: int = 50, **spec: Any) -> None:
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}
    body = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": target},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
            "minReplicas": low,
            "maxReplicas": high,
            "metrics": [{"type": "Resource", "resource": cpu}],
            **spec,
        },
    }
    assert sandbox.handle("POST", SCALERS, {}, body).status == 201


def load(sandbox: Sandbox, workload: str, rate: float) -> None:
    """From now on so many requests a second reach the workload."""
    world = sandbox.behaviour.world
    world.rates = {**world.rates, workload: rate}


def conditions(sandbox: Sandbox, name: str) -> dict[str, tuple[str, str]]:
    found = get(sandbox, f"{SCALERS}/{name}")["status"]["conditions"]
    return {item["type"]: (item["status"], item["reason"]) for item in found}


def said(sandbox: Sandbox, name: str) -> list[str]:
    events = get(sandbox, "/api/v1/namespaces/shop/events")["items"]
    return [event["message"] for event in events if event["involvedObject"]["kind"] == "HorizontalPodAutoscaler"]


def replicas(sandbox: Sandbox, name: str) -> int:
    return int(get(sandbox, f"{DEPLOYMENTS}/{name}")["spec"]["replicas"])


def test_pods_under_load_become_more_until_there_are_enough(sandbox: Sandbox) -> None:
    scale(sandbox, "cart")
    load(sandbox, "cart", 100.0)
    sandbox.advance(14)
    assert replicas(sandbox, "cart") == 2
    sandbox.advance(2)
    assert replicas(sandbox, "cart") == 4  # no more than twice as many, or four, at once
    sandbox.advance(30)
    assert replicas(sandbox, "cart") == 5
    assert "New size: 5; reason: cpu resource utilization (percentage of request) above target" in said(sandbox, "cart")
    assert conditions(sandbox, "cart") == {
        "AbleToScale": ("True", "ScaleDownStabilized"),
        "ScalingActive": ("True", "ValidMetricFound"),
        "ScalingLimited": ("True", "TooManyReplicas"),
    }


def test_pods_without_load_become_fewer_after_five_minutes(sandbox: Sandbox) -> None:
    scale(sandbox, "cart")
    sandbox.advance(290)
    assert replicas(sandbox, "cart") == 2
    assert conditions(sandbox, "cart")["AbleToScale"] == ("True", "ScaleDownStabilized")
    sandbox.advance(45)
    assert replicas(sandbox, "cart") == 1
    assert said(sandbox, "cart") == ["New size: 1; reason: All metrics below target"]


def test_too_few_pods_are_made_more_without_a_look_at_metrics(sandbox: Sandbox) -> None:
    scale(sandbox, "checkout", low=3)
    sandbox.advance(20)
    assert replicas(sandbox, "checkout") == 3
    assert said(sandbox, "checkout") == ["New size: 3; reason: Current number of replicas below Spec.MinReplicas"]
    assert get(sandbox, f"{SCALERS}/checkout")["status"]["currentMetrics"] is None


def test_an_autoscaler_without_its_target_says_so(sandbox: Sandbox) -> None:
    scale(sandbox, "nobody")
    sandbox.advance(20)
    assert conditions(sandbox, "nobody") == {"AbleToScale": ("False", "FailedGetScale")}
    assert said(sandbox, "nobody") == ['deployments.apps "nobody" not found']


def test_a_share_of_requests_that_nobody_made_cannot_be_computed(sandbox: Sandbox) -> None:
    container = {"name": "cart", "resources": None}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    sandbox.handle("PATCH", f"{DEPLOYMENTS}/cart", {}, patch, "application/strategic-merge-patch+json")
    sandbox.advance(60)
    scale(sandbox, "cart")
    sandbox.advance(20)
    assert conditions(sandbox, "cart")["ScalingActive"] == ("False", "FailedGetResourceMetric")
    assert any("missing request for cpu in container cart of Pod cart-" in text for text in said(sandbox, "cart"))


def test_a_workload_of_no_pods_is_left_alone(sandbox: Sandbox) -> None:
    scale(sandbox, "cart")
    sandbox.handle("PATCH", f"{DEPLOYMENTS}/cart/scale", {}, {"spec": {"replicas": 0}}, MERGE)
    sandbox.advance(60)
    assert replicas(sandbox, "cart") == 0
    assert conditions(sandbox, "cart")["ScalingActive"] == ("False", "ScalingDisabled")


def test_metrics_of_an_api_that_is_not_there_cannot_be_had(sandbox: Sandbox) -> None:
    metric = {"metric": {"name": "requests"}, "target": {"type": "AverageValue", "averageValue": "10"}}
    scale(sandbox, "cart", metrics=[{"type": "Pods", "pods": metric}])
    sandbox.advance(20)
    assert conditions(sandbox, "cart")["ScalingActive"] == ("False", "FailedGetPodsMetric")


def test_the_scale_is_written_as_the_controller_manager(sandbox: Sandbox) -> None:
    scale(sandbox, "cart", low=3)
    sandbox.advance(20)
    owners = sandbox.handle("GET", f"{DEPLOYMENTS}/cart").json()["metadata"]["managedFields"]
    mine = [entry for entry in owners if entry.get("subresource") == "scale"]
    assert [(entry["manager"], entry["fieldsV1"]) for entry in mine] == [
        ("kube-controller-manager", {"f:spec": {"f:replicas": {}}})
    ]


@given(
    st.lists(st.floats(0.001, 10), min_size=1, max_size=20),
    st.floats(0.1, 2.0),
)
def test_the_recommendation_brings_the_use_of_each_pod_to_its_target(used: list[float], target: float) -> None:
    pods = {f"pod-{number}": amount for number, amount in enumerate(used)}
    wanted = replicas_for(pods, dict.fromkeys(pods, 1.0), target, len(pods), [], [])
    if wanted != len(pods):
        each = sum(used) / wanted
        assert each <= target + 1e-6
        assert wanted == 1 or sum(used) / (wanted - 1) > target - 1e-6
    else:
        assert sum(used) / len(used) <= target * 1.1 + 1e-6


@given(st.floats(0, 3), st.integers(1, 10), st.integers(0, 5))
def test_pods_of_which_nothing_is_known_never_turn_the_direction(share: float, count: int, unknown: int) -> None:
    used = {f"pod-{number}": share for number in range(count)}
    missing = [f"new-{number}" for number in range(unknown)]
    per_pod = dict.fromkeys([*used, *missing], 1.0)
    plain = replicas_for(used, per_pod, 1.0, count + unknown, [], [])
    wanted = replicas_for(used, per_pod, 1.0, count + unknown, [], missing)
    if share > 1:
        assert wanted >= count + unknown
    if share < 1:
        assert wanted <= count + unknown
    assert plain >= 0


def test_rules_bound_how_fast_it_grows_and_shrinks() -> None:
    grow = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}], "stabilizationWindowSeconds": 0}
    shrink = {"policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}], "stabilizationWindowSeconds": 0}
    spec = {"minReplicas": 1, "maxReplicas": 20, "behavior": {"scaleUp": grow, "scaleDown": shrink}}
    up = settle(spec, Memory(0.0), 100.0, 4, 15)
    assert (up.replicas, up.limited[0]) == (5, "ScaleUpLimit")
    again = settle(spec, Memory(0.0, scaled=[(90.0, 1)]), 100.0, 5, 15)
    assert (again.replicas, again.limited[0]) == (5, "ScaleUpLimit")
    down = settle(spec, Memory(0.0), 100.0, 8, 1)
    assert (down.replicas, down.limited[0]) == (4, "ScaleDownLimit")


def test_the_rules_that_nobody_gave_are_filled_in(sandbox: Sandbox) -> None:
    scale(sandbox, "cart", behavior={"scaleDown": {"selectPolicy": "Disabled"}})
    by_share = {"type": "Percent", "value": 100, "periodSeconds": 15}
    by_count = {"type": "Pods", "value": 4, "periodSeconds": 15}
    assert get(sandbox, f"{SCALERS}/cart")["spec"]["behavior"] == {
        "scaleDown": {"selectPolicy": "Disabled", "policies": [by_share]},
        "scaleUp": {"selectPolicy": "Max", "policies": [by_count, by_share], "stabilizationWindowSeconds": 0},
    }


def test_rules_can_forbid_a_direction() -> None:
    rules = {"scaleDown": {"selectPolicy": "Disabled", "stabilizationWindowSeconds": 0}}
    spec = {"minReplicas": 1, "maxReplicas": 20, "behavior": rules}
    assert settle(spec, Memory(0.0), 100.0, 8, 1).replicas == 8
