"""Plans on the simulated cluster, in process: the dry run, who is let pass, and that each is used once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.e2ereme.remediate.plugins.module_utils.cluster import STRATEGIC_PATCH, Cluster
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import ClusterError, Refused
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import Inventory, ObjectRef
from ansible_collections.e2ereme.remediate.plugins.module_utils.probe import look
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.deduplicate import remember, require_fresh
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.dryrun import dry_run
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.gate import gate
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.lease import hold
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.plan import Plan, as_text, read_plan
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.playbook import Playbook
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.policy import Policy, load_policy
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.proposal import admit, note_applied, plan_of
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.report import Report
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.risk import assess
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems.shop import shop

CART = ObjectRef("Deployment", "shop", "cart")
REPORT = Report("cart fails", (), "shop", "critical", "text", "cart fails", fingerprint="f1")
POLICY = load_policy()
IDENTITY = {"api_version": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "cart"}


@pytest.fixture
def sandbox() -> Sandbox:
    sandbox = Sandbox(shop(), seed=1)
    sandbox.advance(60)
    return sandbox


@pytest.fixture
def cluster(sandbox: Sandbox) -> Cluster:
    return Cluster(sandbox.transport())


@pytest.fixture
def inventory(cluster: Cluster) -> Inventory:
    return look(cluster, "shop", (("cart", "Deployment"),)).inventory


def gated(inventory: Inventory, *tasks: dict[str, Any]) -> Playbook:
    found = gate(yaml.safe_dump([{"name": "Repair", "tasks": list(tasks)}]), inventory, POLICY, "shop")
    assert isinstance(found, Playbook), found
    return found


def patch(spec: dict[str, Any]) -> dict[str, Any]:
    return {"name": "Patch", "kubernetes.core.k8s": {"state": "patched", **IDENTITY, "definition": {"spec": spec}}}


def scale(replicas: int) -> dict[str, Any]:
    return {"name": "Scale", "kubernetes.core.k8s_scale": {**IDENTITY, "replicas": replicas}}


def env(value: str) -> dict[str, Any]:
    container = {"name": "cart", "env": [{"name": "PORT", "value": value}]}
    return {"template": {"spec": {"containers": [container]}}}


def made(cluster: Cluster, inventory: Inventory, folder: Path, *tasks: dict[str, Any]) -> Plan:
    """A Plan as it is read from its file."""
    playbook = gated(inventory, *tasks)
    rehearsed = dry_run(cluster, playbook, inventory)
    plan = plan_of(cluster, POLICY, REPORT, playbook, rehearsed, assess(playbook, inventory), "", "me")
    (folder / "plan.json").write_text(as_text(plan))
    return read_plan(folder)


def test_the_dry_run_is_the_servers_and_changes_nothing(cluster: Cluster, inventory: Inventory) -> None:
    before = cluster.get(CART)
    (effect,) = dry_run(cluster, gated(inventory, patch({"replicas": 4})), inventory).effects
    assert (effect.verb, effect.basis) == ("patch", "dry run")
    assert [str(field) for field in effect.fields] == [f"spec.replicas: {before['spec']['replicas']} -> 4"]
    assert cluster.get(CART) == before


def test_each_verb_has_its_fields(cluster: Cluster, inventory: Inventory) -> None:
    pod = next(item for item in inventory.of("Pod") if item["metadata"]["name"].startswith("cart-"))
    name = pod["metadata"]["name"]
    delete = {"state": "absent", "api_version": "v1", "kind": "Pod", "namespace": "shop", "name": name}
    tasks = (
        scale(4),
        {"name": "Delete", "kubernetes.core.k8s": delete},
        {
            "name": "Create",
            "kubernetes.core.k8s": {
                "state": "present",
                "definition": {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": "fresh", "namespace": "shop"},
                    "data": {"a": "1"},
                },
            },
        },
        {
            "name": "Json",
            "kubernetes.core.k8s_json_patch": {
                **IDENTITY,
                "name": "web",
                "patch": [{"op": "replace", "path": "/spec/replicas", "value": 3}],
            },
        },
    )
    effects = dry_run(cluster, gated(inventory, *tasks), inventory).effects
    assert [effect.verb for effect in effects] == ["scale", "delete", "create", "patch"]
    assert {effect.basis for effect in effects} == {"dry run"}
    assert "data.a: nothing -> '1'" in [str(field) for field in effects[2].fields]


def test_a_rollback_is_computed_from_the_history(cluster: Cluster, sandbox: Sandbox) -> None:
    good = cluster.get(CART)["spec"]["template"]["spec"]["containers"][0]["image"]
    body = {"spec": {"template": {"spec": {"containers": [{"name": "cart", "image": f"{good}-bad"}]}}}}
    cluster.patch(CART, body, STRATEGIC_PATCH)
    sandbox.advance(30)
    inventory = look(cluster, "shop", (("cart", "Deployment"),)).inventory
    task = {"name": "Back", "kubernetes.core.k8s_rollback": IDENTITY}

    (effect,) = dry_run(cluster, gated(inventory, task), inventory).effects

    assert effect.basis.startswith("computed from the revision history")
    assert [(field.old, field.new) for field in effect.fields] == [(f"{good}-bad", good)]


def test_a_second_change_of_an_object_is_computed_on_the_first(cluster: Cluster, inventory: Inventory) -> None:
    effects = dry_run(cluster, gated(inventory, scale(4), scale(5)), inventory).effects
    assert [str(effect.fields[0]).partition(": ")[2] for effect in effects][1] == "4 -> 5"
    assert effects[1].basis.startswith("computed; the same playbook")


def test_what_the_server_refuses_is_told(cluster: Cluster, inventory: Inventory) -> None:
    wrong = patch({"template": {"spec": {"containers": [{"name": "cart", "imagePullPolicy": "Sometimes"}]}}})
    with pytest.raises(ClusterError, match="Sometimes"):
        dry_run(cluster, gated(inventory, wrong), inventory)


def test_a_plan_is_let_pass_with_the_very_playbook(cluster: Cluster, inventory: Inventory, tmp_path: Path) -> None:
    plan = made(cluster, inventory, tmp_path, patch(env("007")), scale(3))
    found = admit(cluster, POLICY, plan, inventory, plan.digest)
    assert found.text == plan.playbook.text
    assert found.tasks == gated(inventory, patch(env("007")), scale(3)).tasks


def forged(plan: Plan, **changes: Any) -> Plan:
    """An altered Plan with the digest put right: only the gate can tell."""
    return read_plan_of(replace(plan, **changes), Path(plan.path))


def read_plan_of(plan: Plan, path: Path) -> Plan:
    path.write_text(as_text(plan))
    return read_plan(path)


@pytest.mark.parametrize(
    ("alter", "message"),
    [
        (lambda text: text.replace("replicas: 4", "replicas: 4000"), "does not pass the gate now"),
        (lambda text: text.replace("k8s_scale", "k8s_exec"), "does not pass the gate now"),
        (lambda text: text.replace("hosts: localhost", "hosts: all"), "does not pass the gate now"),
        (lambda text: text.replace("cart", "web"), "is not the one that passed the gate"),
        (lambda text: text.replace('"cart"', "\"{{ lookup('pipe', 'id') }}\""), "does not pass the gate now"),
        (lambda text: text.replace("tasks:", "tasks: # quietly"), "is not the one that passed the gate"),
    ],
)
def test_a_forged_digest_does_not_help(
    cluster: Cluster, inventory: Inventory, tmp_path: Path, alter: Callable[[str], str], message: str
) -> None:
    plan = made(cluster, inventory, tmp_path, scale(4))
    text = alter(plan.playbook.text)
    assert text != plan.playbook.text
    with pytest.raises(Refused, match=message):
        admit(cluster, POLICY, forged(plan, playbook=replace(plan.playbook, text=text)), inventory)


def test_leaving_out_what_was_seen_does_not_help(cluster: Cluster, inventory: Inventory, tmp_path: Path) -> None:
    plan = made(cluster, inventory, tmp_path, scale(4))
    with pytest.raises(Refused, match="how each object that it touches was"):
        admit(cluster, POLICY, forged(plan, seen=()), inventory)


@pytest.mark.parametrize(
    ("body", "what"),
    [({"spec": {"paused": True}}, "spec.paused"), ({"metadata": {"labels": {"x": "y"}}}, "metadata.labels.x")],
)
def test_what_changed_meanwhile_is_refused(
    cluster: Cluster, inventory: Inventory, tmp_path: Path, body: dict[str, Any], what: str
) -> None:
    plan = made(cluster, inventory, tmp_path, scale(4))
    cluster.patch(CART, body)
    with pytest.raises(Refused, match=f"Changed since the Plan was made: Deployment cart {what}"):
        admit(cluster, POLICY, plan, inventory)


def test_a_status_that_moves_is_none(cluster: Cluster, sandbox: Sandbox, inventory: Inventory, tmp_path: Path) -> None:
    plan = made(cluster, inventory, tmp_path, scale(4))
    version = cluster.get(CART)["metadata"]["resourceVersion"]
    for pod in cluster.list("Pod", "shop"):
        if pod["metadata"]["name"].startswith("cart-"):
            cluster.delete(ObjectRef("Pod", "shop", pod["metadata"]["name"]))
    sandbox.advance(5)
    assert cluster.get(CART)["metadata"]["resourceVersion"] != version
    admit(cluster, POLICY, plan, inventory)


def test_the_kill_switch_holds_for_plans(cluster: Cluster, inventory: Inventory, tmp_path: Path) -> None:
    plan = made(cluster, inventory, tmp_path, scale(4))
    meta = {"name": "e2ereme-remediate", "namespace": "shop"}
    cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"paused": "true"}})
    with pytest.raises(Refused, match="Paused"):
        admit(cluster, POLICY, plan, inventory)


def test_a_policy_that_never_allows_the_risk_refuses(cluster: Cluster, inventory: Inventory, tmp_path: Path) -> None:
    policy: Policy = replace(POLICY, approval_by_risk={"low": "never", "medium": "never"})
    with pytest.raises(Refused, match="never allows"):
        admit(cluster, policy, made(cluster, inventory, tmp_path, scale(4)), inventory)


def test_the_lease_remembers_which_plan_was_applied_until_it_has_expired(cluster: Cluster, sandbox: Sandbox) -> None:
    until = cluster.now() + timedelta(minutes=10)
    with hold(cluster, "shop", CART, holder="one", background=False) as lease:
        lease.use_up("d1", until)
    with hold(cluster, "shop", CART, holder="two", background=False) as lease:
        with pytest.raises(Refused, match="applied already"):
            lease.use_up("d1", until)
        lease.use_up("d2", until)
    sandbox.advance(601)
    with hold(cluster, "shop", CART, holder="three", background=False) as lease:
        lease.use_up("d3", cluster.now() + timedelta(minutes=10))
        assert "d1" not in json.dumps(cluster.get(lease.ref))


def test_of_two_that_apply_one_file_at_once_one_is_refused(
    cluster: Cluster, inventory: Inventory, tmp_path: Path
) -> None:
    plan = made(cluster, inventory, tmp_path, scale(4))
    assert note_applied(plan, "one", tmp_path) == ""
    with pytest.raises(Refused, match="applied already"):
        note_applied(plan, "two", tmp_path)
    with pytest.raises(Refused, match="applied already"):
        admit(cluster, POLICY, plan, inventory)


def test_a_report_that_was_given_up_is_not_taken_up_for_a_while(cluster: Cluster, sandbox: Sandbox) -> None:
    remember(cluster, "shop", "f1", "escalated", 30)
    remember(cluster, "shop", "f2", "exhausted", 30)
    with pytest.raises(Refused, match="The same report ended escalated"):
        require_fresh(cluster, "shop", "f1", 30)
    require_fresh(cluster, "shop", "f3", 30)
    sandbox.advance(1801)
    require_fresh(cluster, "shop", "f1", 30)


@pytest.mark.parametrize(("outcome", "minutes"), [("resolved", 30), ("healthy", 30), ("escalated", 0)])
def test_nothing_else_is_remembered(cluster: Cluster, outcome: str, minutes: float) -> None:
    remember(cluster, "shop", "f1", outcome, minutes)
    require_fresh(cluster, "shop", "f1", 30)
    assert cluster.find(ObjectRef("Lease", "shop", "e2ereme-reports")) is None
