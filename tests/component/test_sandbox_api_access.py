"""Who may do what, and how much of it: RBAC, tokens, quotas, ranges, disruption budgets."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.api.authorization import user_of_token
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

ROBOT = "system:serviceaccount:shop:robot"
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop"
CORE = "/api/v1/namespaces/shop"


@pytest.fixture
def sandbox() -> Sandbox:
    made = Sandbox(shop(), seed=3)
    made.advance(30)
    made.handle("POST", f"{CORE}/serviceaccounts", {}, {"metadata": {"name": "robot"}})
    return made


def _bind(sandbox: Sandbox, kind: str, role: str) -> None:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}
    subjects = [{"kind": "ServiceAccount", "name": "robot", "namespace": "shop"}]
    body = {"metadata": {"name": "robot"}, "roleRef": reference, "subjects": subjects}
    assert sandbox.handle("POST", f"{RBAC}/rolebindings", {}, body).status == 201


def _may(sandbox: Sandbox, verb: str, resource: str, user: str = ROBOT) -> dict[str, Any]:
    spec = {"resourceAttributes": {"namespace": "shop", "verb": verb, "resource": resource}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    found: dict[str, Any] = sandbox.handle("POST", path, {}, {"spec": spec}, user=user).json()["status"]
    return found


def test_without_a_binding_nothing_is_allowed(sandbox: Sandbox) -> None:
    answer = sandbox.handle("GET", f"{CORE}/pods", user=ROBOT)
    assert (answer.status, answer.json()["message"]) == (
        403,
        f'pods is forbidden: User "{ROBOT}" cannot list resource "pods" in API group "" in the namespace "shop"',
    )


def test_a_role_allows_what_it_names_and_no_more(sandbox: Sandbox) -> None:
    rules = [{"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]}]
    sandbox.handle("POST", f"{RBAC}/roles", {}, {"metadata": {"name": "reader"}, "rules": rules})
    _bind(sandbox, "Role", "reader")
    pod = sandbox.handle("GET", f"{CORE}/pods", user=ROBOT).json()["items"][0]["metadata"]["name"]
    assert sandbox.handle("GET", f"{CORE}/pods/{pod}/log", user=ROBOT).status == 200
    assert sandbox.handle("DELETE", f"{CORE}/pods/{pod}", user=ROBOT).status == 403
    assert _may(sandbox, "list", "pods") == {
        "allowed": True,
        "reason": 'RBAC: allowed by RoleBinding "robot/shop" of Role "reader" to ServiceAccount "robot/shop"',
    }


def test_the_roles_of_every_cluster_are_there(sandbox: Sandbox) -> None:
    _bind(sandbox, "ClusterRole", "view")
    assert _may(sandbox, "list", "configmaps")["allowed"]
    assert not _may(sandbox, "list", "secrets")["allowed"]
    assert not _may(sandbox, "delete", "configmaps")["allowed"]


def test_an_issued_token_is_its_account(sandbox: Sandbox) -> None:
    path = f"{CORE}/serviceaccounts/robot/token"
    token = sandbox.handle("POST", path, {}, {"spec": {"expirationSeconds": 600}}).json()["status"]["token"]
    assert user_of_token(token) == ROBOT
    review = {"spec": {"token": token}}
    said = sandbox.handle("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {}, review).json()["status"]
    assert said["user"]["username"] == ROBOT


def test_a_quota_counts_objects(sandbox: Sandbox) -> None:
    there = len(sandbox.handle("GET", f"{CORE}/configmaps").json()["items"])
    hard = {"spec": {"hard": {"configmaps": str(there + 1)}}}
    sandbox.handle("POST", f"{CORE}/resourcequotas", {}, {"metadata": {"name": "few"}, **hard})
    made = [sandbox.handle("POST", f"{CORE}/configmaps", {}, {"metadata": {"name": f"m{n}"}}) for n in range(2)]
    assert [answer.status for answer in made] == [201, 403]
    why = f"exceeded quota: few, requested: configmaps=1, used: configmaps={there + 1}, limited: configmaps={there + 1}"
    assert made[1].json()["message"] == f'configmaps "m1" is forbidden: {why}'
    used = sandbox.handle("GET", f"{CORE}/resourcequotas/few").json()["status"]["used"]
    assert used == {"configmaps": str(there + 1)}


def test_a_container_stays_in_its_range_and_gets_what_it_lacks(sandbox: Sandbox) -> None:
    limit = {"type": "Container", "default": {"memory": "64Mi"}, "max": {"memory": "128Mi"}}
    sandbox.handle("POST", f"{CORE}/limitranges", {}, {"metadata": {"name": "r"}, "spec": {"limits": [limit]}})

    def pod(name: str, **resources: Any) -> Any:
        container = {"name": "main", "image": "x:1", "resources": resources}
        return sandbox.handle(
            "POST", f"{CORE}/pods", {}, {"metadata": {"name": name}, "spec": {"containers": [container]}}
        )

    large = pod("large", limits={"memory": "1Gi"})
    assert large.json()["message"] == (
        'pods "large" is forbidden: maximum memory usage per Container is 128Mi, but limit is 1Gi'
    )
    bare = pod("bare").json()
    assert bare["spec"]["containers"][0]["resources"]["limits"] == {"memory": "64Mi"}
    assert bare["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: memory request for container main; memory limit for container main"
    )


def test_an_eviction_respects_the_budget(sandbox: Sandbox) -> None:
    pod = next(
        p for p in sandbox.handle("GET", f"{CORE}/pods").json()["items"] if p["metadata"]["name"].startswith("cart-")
    )
    selector = {"matchLabels": {"pod-template-hash": pod["metadata"]["labels"]["pod-template-hash"]}}
    budget = {"metadata": {"name": "all"}, "spec": {"minAvailable": 2, "selector": selector}}
    sandbox.handle("POST", "/apis/policy/v1/namespaces/shop/poddisruptionbudgets", {}, budget)
    name = pod["metadata"]["name"]
    evict = {"metadata": {"name": name}}
    refused = sandbox.handle("POST", f"{CORE}/pods/{name}/eviction", {}, evict)
    assert (refused.status, refused.json()["reason"]) == (429, "TooManyRequests")
    sandbox.handle("DELETE", "/apis/policy/v1/namespaces/shop/poddisruptionbudgets/all")
    assert sandbox.handle("POST", f"{CORE}/pods/{name}/eviction", {}, evict).status == 201
