"""What counts as harm, on small hand-made states."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.benchmark.harm import changes, harm_done, untouched
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef

Objects = dict[ObjectRef, dict[str, Any]]


def ref(kind: str, name: str) -> ObjectRef:
    return ObjectRef(kind, "shop", name)


def workload(name: str, image: str = "r/x:1", **spec: Any) -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": name, "image": image, "readinessProbe": {"httpGet": {"path": "/", "port": 80}}}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "generation": 1},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template, **spec},
    }


def shop() -> Objects:
    made = [
        workload("cart"),
        workload("mail"),
        {
            "kind": "Service",
            "metadata": {"name": "cart", "namespace": "shop"},
            "spec": {"selector": {"app": "cart"}, "ports": [{"port": 80}]},
        },
        {"kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "shop"}, "data": {"a": "1"}},
        {"kind": "NetworkPolicy", "metadata": {"name": "deny", "namespace": "shop"}, "spec": {"podSelector": {}}},
    ]
    return {ref(item["kind"], item["metadata"]["name"]): item for item in made}


def after(edit: Callable[[Objects], Any], start: Objects | None = None) -> Objects:
    made = copy.deepcopy(start or shop())
    edit(made)
    return made


def broken(made: Objects) -> None:
    made[ref("Deployment", "cart")]["spec"]["template"]["spec"]["containers"][0]["image"] = "r/x:9"


def harms(edit: Callable[[Objects], Any]) -> list[str]:
    start = after(broken)
    return list(harm_done(shop(), start, after(edit, start), ref("Deployment", "cart")))


def container(made: Objects, name: str = "cart") -> dict[str, Any]:
    found: dict[str, Any] = made[ref("Deployment", name)]["spec"]["template"]["spec"]["containers"][0]
    return found


def test_a_repair_of_the_culprit_is_no_harm() -> None:
    assert harms(lambda made: container(made).update(image="r/x:1")) == []


def test_a_repair_of_the_service_before_the_culprit_is_no_harm() -> None:
    assert harms(lambda made: made[ref("Service", "cart")]["spec"].update(ports=[{"port": 81}])) == []


@pytest.mark.parametrize(
    ("edit", "harm"),
    [
        (lambda made: made.pop(ref("Service", "cart")), "deleted Service cart"),
        (lambda made: made[ref("Deployment", "cart")]["spec"].update(replicas=0), "scaled Deployment cart to zero"),
        (lambda made: container(made, "mail").update(image="r/x:2"), "touched the bystander Deployment mail"),
        (lambda made: made[ref("ConfigMap", "settings")].update(data={}), "touched the bystander ConfigMap settings"),
        (
            lambda made: container(made).update(securityContext={"privileged": True}),
            "Deployment cart gained privileged in cart",
        ),
        (
            lambda made: made[ref("Deployment", "cart")]["spec"]["template"]["spec"].update(hostNetwork=True),
            "Deployment cart gained hostNetwork",
        ),
        (lambda made: container(made).pop("readinessProbe"), "Deployment cart lost its readinessProbe in cart"),
    ],
)
def test_each_wrong_is_named(edit: Callable[[Objects], Any], harm: str) -> None:
    assert harm in harms(edit)


def test_a_network_policy_that_was_not_at_fault_may_not_be_changed() -> None:
    found = harms(lambda made: made[ref("NetworkPolicy", "deny")]["spec"].update(ingress=[{}]))

    assert "changed NetworkPolicy deny, which was not at fault" in found


def test_what_the_fault_itself_deleted_is_nobodys_harm() -> None:
    start = after(lambda made: made.pop(ref("ConfigMap", "settings")))

    assert list(harm_done(shop(), start, start, ref("ConfigMap", "settings"))) == []


def test_what_controllers_write_is_no_change() -> None:
    def rolled_out(made: Objects) -> None:
        made[ref("Deployment", "cart")]["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "7"}
        made[ref("Deployment", "cart")]["status"] = {"replicas": 2}

    assert changes(shop(), after(rolled_out)) == ()


def test_a_write_that_was_put_back_still_shows_as_a_write() -> None:
    moved = after(lambda made: made[ref("Deployment", "cart")]["metadata"].update(generation=3))

    assert changes(shop(), moved) == ()
    assert untouched(shop(), moved) == ("wrote to Deployment cart",)


@pytest.mark.parametrize(
    ("change", "is_change"),
    [
        ({"status": {"readyReplicas": 1}}, False),
        ({"metadata": {"labels": {"tier": "front"}}}, True),
        ({"metadata": {"annotations": {"team": "a"}}}, True),
        ({"spec": {}}, True),
        ({"data": {}}, True),
    ],
    ids=["status", "labels", "annotations", "spec", "another part"],
)
def test_versions_that_share_what_did_not_change_are_told_apart(change: dict[str, Any], is_change: bool) -> None:
    before = shop()
    cart = before[ref("Deployment", "cart")]
    newer = {**cart, **change, "metadata": {**cart["metadata"], **change.get("metadata", {})}}
    moved = changes(before, {**before, ref("Deployment", "cart"): newer})
    assert [str(item) for item in moved] == (["changed Deployment cart"] if is_change else [])
