"""Properties of what a cluster keeps in order by itself: nothing outlives its owners, quotas count what is there."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox

CORE, APPS = "/api/v1/namespaces/default", "/apis/apps/v1/namespaces/default"
MAPS = f"{CORE}/configmaps"
MERGE = "application/merge-patch+json"


def there(sandbox, kind, path):
    return {item["metadata"]["name"]: item for item in sandbox.handle("GET", f"{path}/{kind}").json()["items"]}


# Garbage collection

policies = st.sampled_from(["", "Background", "Foreground", "Orphan"])
names = st.sampled_from("abcdef")
families = st.lists(
    st.one_of(
        st.tuples(st.just("create"), names, st.sets(names, max_size=2), st.booleans()),
        st.tuples(st.just("delete"), names, policies, st.sampled_from([0, 1, 20])),
    ),
    max_size=25,
)


class Family:
    """What should be there: each object with the identities of its owners."""

    def __init__(self):
        self.owners = {}

    def delete(self, uid, policy):
        del self.owners[uid]
        left = {child: owners - {uid} for child, owners in self.owners.items() if uid in owners}
        self.owners.update(left)
        if policy != "Orphan":
            for child in [child for child, owners in left.items() if not owners]:
                if child in self.owners:
                    self.delete(child, "Background")


@given(families)
def test_what_all_its_owners_left_goes_and_everything_else_stays(steps):
    sandbox, family, uids = Sandbox(), Family(), {}
    root = there(sandbox, "configmaps", CORE).keys()
    for act, name, value, more in steps:
        if act == "create" and name not in uids:
            refs = [
                {"apiVersion": "v1", "kind": "ConfigMap", "name": owner, "uid": uids[owner], "blockOwnerDeletion": more}
                for owner in sorted(value & uids.keys())
            ]
            meta = {"name": name, "ownerReferences": refs}
            made = sandbox.handle("POST", MAPS, body={"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}).json()
            uids[name] = made["metadata"]["uid"]
            family.owners[uids[name]] = {ref["uid"] for ref in refs}
        elif act == "delete" and name in uids:
            sandbox.handle("DELETE", f"{MAPS}/{name}", {"propagationPolicy": value} if value else {})
            family.delete(uids[name], value)
            sandbox.advance(30)
            uids = {name: uid for name, uid in uids.items() if uid in family.owners}
    found = {name: item["metadata"] for name, item in there(sandbox, "configmaps", CORE).items() if name not in root}
    assert {meta["uid"]: {ref["uid"] for ref in meta.get("ownerReferences", ())} for meta in found.values()} == (
        family.owners
    )
    assert not [name for name, meta in found.items() if meta.get("deletionTimestamp") or meta.get("finalizers")]


def test_an_object_of_an_owner_that_never_was_goes_too():
    sandbox = Sandbox()
    ref = {"apiVersion": "v1", "kind": "ConfigMap", "name": "nobody", "uid": "00000000-0000-4000-a000-000000000000"}
    meta = {"name": "orphan", "ownerReferences": [ref]}
    sandbox.handle("POST", MAPS, body={"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
    sandbox.advance(30)
    assert "orphan" not in there(sandbox, "configmaps", CORE)


class OneNode:
    """A cluster of one node that knows a few images."""

    namespace = "default"
    images = tuple(f"web:{number}" for number in range(10))
    manifests = ({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}},)


def a_deployment(name, replicas, image="web:1"):
    pod = {"containers": [{"name": "web", "image": image}]}
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


lives = st.lists(
    st.one_of(
        st.tuples(st.just("create"), st.sampled_from("ab"), st.integers(0, 3)),
        st.tuples(st.just("update"), st.sampled_from("ab"), st.integers(1, 9)),
        st.tuples(st.just("delete"), st.sampled_from("ab"), policies),
        st.tuples(st.just("kill"), st.sampled_from("ab"), st.none()),
        st.tuples(st.just("wait"), st.none(), st.integers(1, 60)),
    ),
    max_size=15,
)


@settings(max_examples=40)
@given(lives)
def test_no_pod_or_replica_set_outlives_the_deployment_that_made_it(steps):
    sandbox, cut_loose = Sandbox(OneNode()), False
    for act, name, value in steps:
        if act == "create":
            sandbox.handle("POST", f"{APPS}/deployments", body=a_deployment(name, value))
        elif act == "update":
            body = a_deployment(name, 2, f"web:{value}")
            sandbox.handle("PATCH", f"{APPS}/deployments/{name}", body=body, content_type=MERGE)
        elif act == "delete":
            query = {"propagationPolicy": value} if value else {}
            gone = sandbox.handle("DELETE", f"{APPS}/deployments/{name}", query)
            cut_loose |= value == "Orphan" and gone.status == 200
        elif act == "kill":
            sandbox.handle("DELETE", f"{CORE}/pods", {"labelSelector": f"app={name}"})
        else:
            sandbox.advance(value)
    sandbox.advance(120)
    deployments, sets = there(sandbox, "deployments", APPS), there(sandbox, "replicasets", APPS)
    pods = there(sandbox, "pods", CORE)
    assert not _ownerless(sets, deployments, allowed=cut_loose)
    assert not _ownerless(pods, sets, allowed=cut_loose)
    wanted = sum(item["spec"]["replicas"] for item in deployments.values())
    assert cut_loose or len(pods) == wanted


def _ownerless(items, owners, allowed):
    """The names of those whose owner is not there; without any owner at all only where somebody was cut loose."""
    uids = {owner["metadata"]["uid"] for owner in owners.values()}
    refs = {name: item["metadata"].get("ownerReferences", ()) for name, item in items.items()}
    return [name for name, owned in refs.items() if not (owned or allowed) or any(r["uid"] not in uids for r in owned)]


# Quotas

counted = {"configmaps": "ConfigMap", "secrets": "Secret", "services": "Service", "pods": "Pod"}
uses = st.lists(
    st.tuples(
        st.sampled_from(["create", "create", "dry run", "delete"]),
        st.sampled_from(sorted(counted)),
        st.sampled_from("abcd"),
    ),
    max_size=30,
)


def an_object(kind, name):
    spec = {
        "Service": {"ports": [{"port": 80}]},
        "Pod": {"containers": [{"name": "web", "image": "web:1", "resources": {"requests": {"cpu": "250m"}}}]},
    }
    made = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}
    return {**made, "spec": spec[kind]} if kind in spec else made


@given(uses, st.fixed_dictionaries(dict.fromkeys(counted, st.integers(0, 4))))
def test_a_quota_counts_what_is_there_and_nothing_goes_beyond_it(steps, room):
    sandbox = Sandbox()
    before = {plural: len(there(sandbox, plural, CORE)) for plural in counted}
    hard = {plural: str(before[plural] + room[plural]) for plural in counted}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "all"}}
    sandbox.handle("POST", f"{CORE}/resourcequotas", body={**quota, "spec": {"hard": {**hard, "requests.cpu": "4"}}})
    for act, plural, name in steps:
        there_now = there(sandbox, plural, CORE)
        if act == "delete":
            sandbox.handle("DELETE", f"{CORE}/{plural}/{name}")
            continue
        query = {"dryRun": "All"} if act == "dry run" else {}
        answer = sandbox.handle("POST", f"{CORE}/{plural}", query, an_object(counted[plural], name))
        if name in there_now:
            assert answer.status == 409
        elif len(there_now) >= int(hard[plural]):
            assert answer.status == 403
            assert "exceeded quota: all" in answer.json()["message"]
        else:
            assert answer.status == 201
        used, counts = there(sandbox, "resourcequotas", CORE)["all"]["status"]["used"], _counts(sandbox)
        assert {plural: int(used[plural]) for plural in counted} == counts
        assert used["requests.cpu"] == {0: "0", 4: "1"}.get(counts["pods"], f"{250 * counts['pods']}m")


def _counts(sandbox):
    return {plural: len(there(sandbox, plural, CORE)) for plural in counted}


def test_a_pod_that_has_ended_is_counted_as_an_object_only():
    sandbox = Sandbox(OneNode())
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "all"}}
    sandbox.create({**quota, "spec": {"hard": {"pods": "1", "count/pods": "1"}}})
    spec = {"restartPolicy": "Never", "containers": [{"name": "once", "image": "web:1", "command": ["true"]}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "once"}, "spec": spec}
    sandbox.create(pod)
    sandbox.advance(30)
    assert there(sandbox, "pods", CORE)["once"]["status"]["phase"] in ("Succeeded", "Failed")
    assert there(sandbox, "resourcequotas", CORE)["all"]["status"]["used"] == {"pods": "0", "count/pods": "1"}
    again = sandbox.handle("POST", f"{CORE}/pods", body={**pod, "metadata": {"name": "again"}})
    assert (again.status, "count/pods=1" in again.json()["message"]) == (403, True)
