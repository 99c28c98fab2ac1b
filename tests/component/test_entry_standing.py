"""A Verdict at any time: what the module verify and the role give, in process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.asserted import assertions
from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import STRATEGIC_PATCH, Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import InputError, NotFound
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef
from ansible_collections.e2ereme.remediate.plugins.module_utils.naming import names_and_kinds
from ansible_collections.e2ereme.remediate.plugins.module_utils.standing import stand, unmet
from ansible_collections.e2ereme.remediate.plugins.module_utils.verdict import Verdict
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop


@pytest.fixture
def cluster() -> Cluster:
    sandbox = Sandbox(shop(), seed=1)
    sandbox.advance(60)
    return Cluster(sandbox.transport())


def stood(cluster: Cluster, *workloads: Any, checks: tuple[Mapping[str, Any], ...] = ()) -> Verdict:
    return stand(cluster, "shop", names_and_kinds(workloads, "workloads"), checks=checks, settle=5.0, timeout=30.0)


@pytest.mark.parametrize("workload", ["cart", {"name": "cart", "kind": "deployment"}, {"name": "cart"}])
def test_a_named_workload_is_answered_for(cluster: Cluster, workload: Any) -> None:
    verdict = stood(cluster, workload)

    assert verdict.healthy and verdict.held_seconds >= 5
    assert {check.subject for check in verdict.checks} == {"Deployment cart", "Service cart"}


def test_without_names_every_workload_of_the_namespace_is_answered_for(cluster: Cluster) -> None:
    deployments = {f"Deployment {item['metadata']['name']}" for item in cluster.list("Deployment", "shop")}

    assert deployments <= {check.subject for check in stood(cluster).checks}


def test_another_workload_that_is_broken_does_not_fail_the_named_one(cluster: Cluster) -> None:
    roll_out_nothing(cluster, "payment")

    assert stood(cluster, "cart").healthy
    assert not stood(cluster).healthy


def test_a_rollout_that_fails_is_named_with_measure_and_bound(cluster: Cluster) -> None:
    roll_out_nothing(cluster, "cart")
    verdict = stood(cluster, "cart")

    assert not verdict.healthy
    assert unmet(verdict).startswith("Deployment cart rollout: ") and ", wanted 2 ready" in unmet(verdict)


@pytest.mark.parametrize("kind", ["service", "Service", "services", ""])
def test_a_kind_is_taken_however_it_is_spelt(cluster: Cluster, kind: str) -> None:
    assert stood(cluster, "cart", checks=({"name": "cart", "kind": kind, "path": "/healthz"},)).healthy


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ({"name": "cart", "path": "/nowhere"}, "Service cart asserted GET :8080/nowhere: 404 in "),
        ({"name": "cart", "path": "/healthz", "max_seconds": "0.000001"}, ", wanted 200 within 1e-06 s"),
        ({"name": "cart", "path": "/healthz", "contains": "no such word"}, "with 'no such word'"),
        ({"name": "ghost", "kind": "deployment"}, "Deployment ghost asserted: not there, wanted there"),
    ],
)
def test_a_check_of_the_user_that_fails_says_what_was_measured(
    cluster: Cluster, check: dict[str, Any], said: str
) -> None:
    assert said in unmet(stood(cluster, "cart", checks=(check,)))


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("cart", "Check 1 is no mapping: 'cart'"),
        ({"path": "/"}, "Check 1 has no name"),
        ({"name": "cart", "url": "/"}, "Check 1 has unknown options url"),
        ({"name": "cart", "kind": "Gadget"}, "no notion of ready for 'Gadget'"),
        ({"name": "cart", "kind": "deployment", "path": "/"}, "a Deployment answers no requests"),
        ({"name": "cart", "path": "healthz"}, "does not begin with a slash"),
        ({"name": "cart", "max_seconds": "soon"}, "max_seconds is 'soon'"),
        ({"name": "cart", "status": -1}, "status is -1"),
    ],
)
def test_a_check_that_is_not_well_formed_is_refused_before_anything_is_asked(check: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        assertions([check])


def test_an_empty_namespace_is_not_healthy_but_a_question_to_the_user(cluster: Cluster) -> None:
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "void"}})

    with pytest.raises(InputError, match="Namespace void has no workloads"):
        stand(cluster, "void")
    with pytest.raises(NotFound, match="namespace gone"):
        stand(cluster, "gone")


def test_a_workload_of_another_kind_than_named_is_not_there(cluster: Cluster) -> None:
    with pytest.raises(InputError, match="has no StatefulSet cart"):
        stood(cluster, {"name": "cart", "kind": "statefulset"})


def roll_out_nothing(cluster: Cluster, name: str) -> None:
    """Rolls out an image that does not exist."""
    containers = [{"name": name, "image": "registry.example/none:none"}]
    cluster.patch(
        ObjectRef("Deployment", "shop", name),
        {"spec": {"template": {"spec": {"containers": containers}}}},
        STRATEGIC_PATCH,
    )
