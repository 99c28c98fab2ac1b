"""What controllers and kubelets own of objects, as managedFields tell: worked out when somebody looks.

Their writes are many and go by the thousands a second in training, so nothing is noted with them. But who writes what
is fixed: a ReplicaSet's Pods are made by the controller manager, their status is the kubelet's, and so on. What these
own is all that they write and nobody else has an entry for. When they last wrote, the newest time in what they wrote
tells; where there is none, the object's creation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .encoding import kept_text
from .events import to_group
from .fields import changed, from_tree, to_tree
from .managers import in_order
from .schema import Node, compiled

Object = dict[str, Any]

_MANAGER, _KUBELET, _SCHEDULER = "kube-controller-manager", "kubelet", "kube-scheduler"
_REVISION = "deployment.kubernetes.io/revision"
_REVISION_PATH = ("f:metadata", "f:annotations", f"f:{_REVISION}")
_BY_HAND = "cronjob.kubernetes.io/instantiate"
_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_SPARE_TOLERATIONS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_ADMITTED = ("nodeName", "priority", "preemptionPolicy")
"""What of a Pod's spec is set after its maker's fields were counted."""
_MADE_FOR = {
    "Pod": ("ReplicaSet", "StatefulSet", "DaemonSet", "Job"),
    "ReplicaSet": ("Deployment",),
    "ControllerRevision": ("StatefulSet", "DaemonSet"),
    "EndpointSlice": ("Service",),
    "Job": ("CronJob",),
}
_STATUS = frozenset(
    [
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "ResourceQuota",
        "PersistentVolumeClaim",
        "PersistentVolume",
    ]
)
_PLAIN_STATUS = ("DaemonSet", "ReplicaSet", "PodDisruptionBudget")
_LATER = {"PersistentVolumeClaim": "volumeName", "PersistentVolume": "claimRef"}
"""What of others' objects the controller manager fills in."""
_MADE_ALONE = {
    "Event": "",
    "Endpoints": _MANAGER,
    "Lease": _KUBELET,
    "ConfigMap": _MANAGER,
    "ClusterRole": "kube-apiserver",
    "ClusterRoleBinding": "kube-apiserver",
}
_COMPONENTS = {"kubelet": _KUBELET, "default-scheduler": _SCHEDULER}
_NOT_THE_KUBELETS = ("qosClass", "conditions", "podIPs")
_KEPT = 4096
_TREES: dict[Any, Object] = {}
_LEFT: dict[Any, Object] = {}  # what of such a tree is left beside what others own


def with_claims(obj: Object) -> Object:
    """The object with the entries of controllers and kubelets beside those that are noted."""
    meta = obj["metadata"]
    noted: list[Object] = meta.get("managedFields") or []
    mine = [entry for entry in _entries(obj, noted) if entry["fieldsV1"]]
    if not mine:
        return obj
    kept = [entry for entry in noted if not any(_same(entry, other) for other in mine)]
    if _has_caught_up(obj):  # whoever wrote the revision before, the controller has written it anew
        kept = [entry for entry in map(_without_revision, kept) if entry["fieldsV1"]]
    return {**obj, "metadata": {**meta, "managedFields": in_order([*kept, *mine])}}


def _has_caught_up(obj: Object) -> bool:
    """A Deployment whose controller has seen what it says."""
    seen = (obj.get("status") or {}).get("observedGeneration")
    return bool(obj["kind"] == "Deployment" and seen == obj["metadata"].get("generation"))


def _without_revision(entry: Object) -> Object:
    notes = entry["fieldsV1"].get("f:metadata", {}).get("f:annotations", {})
    if f"f:{_REVISION}" not in notes:
        return entry
    return {**entry, "fieldsV1": to_tree(from_tree(entry["fieldsV1"]) - {_REVISION_PATH})}


def _same(one: Object, other: Object) -> bool:
    return all(one.get(key) == other.get(key) for key in ("manager", "operation", "subresource"))


def _entries(obj: Object, noted: list[Object]) -> Iterator[Object]:
    kind, status = obj["kind"], obj.get("status")
    maker = _maker(obj, noted)
    if kind == "Event" and obj.get("eventTime"):
        obj = {"kind": "Event", "apiVersion": "events.k8s.io/v1", **to_group(obj)}
    if maker:
        family = _family(obj) if kind == "Pod" else None
        yield _entry(obj, noted, maker, lambda: _made_part(obj), "", family)
    elif kind in _LATER and _LATER[kind] in obj.get("spec", ()):
        yield _entry(obj, noted, _MANAGER, lambda: {"spec": {_LATER[kind]: obj["spec"][_LATER[kind]]}}, "")
    if not status:
        return
    if kind == "Pod":
        yield from _of_pod_status(obj, noted, status)
    elif kind == "Node":
        yield _entry(obj, noted, _KUBELET, lambda: {"status": status}, "status")
    elif kind in _STATUS:
        yield _entry(obj, noted, _MANAGER, lambda: _status_part(obj, status), "status")


def _maker(obj: Object, noted: list[Object]) -> str:
    """Who made the object, if no client did."""
    kind, meta = obj["kind"], obj["metadata"]
    if kind in _MADE_FOR:
        owner = next((ref for ref in meta.get("ownerReferences", ()) if ref.get("controller")), None)
        made = owner is not None and owner["kind"] in _MADE_FOR[kind] and _BY_HAND not in meta.get("annotations", ())
        return _MANAGER if made or not any("f:spec" in entry["fieldsV1"] for entry in noted) else ""
    if noted or kind not in _MADE_ALONE:
        return ""
    if kind == "Event":
        component = (obj.get("source") or {}).get("component") or obj.get("reportingComponent", "")
        return _COMPONENTS.get(component, _MANAGER)
    return _MADE_ALONE[kind]


def _made_part(obj: Object) -> Object:
    """What its maker wrote of an object."""
    part = {key: value for key, value in obj.items() if key not in ("status", "apiVersion", "kind")}
    if obj["kind"] == "Event":
        return {key: value for key, value in part.items() if value and not key.startswith("deprecated")}
    if obj["kind"] == "ControllerRevision":
        return {**part, "data": ""}  # of any shape, and so owned as a whole
    if obj["kind"] != "Pod":
        return part
    spec = {key: value for key, value in obj["spec"].items() if key not in _ADMITTED}
    if spec.get("serviceAccountName") == "default":
        spec = {key: value for key, value in spec.items() if key not in ("serviceAccountName", "serviceAccount")}
    if all(item.get("key") in _SPARE_TOLERATIONS for item in spec.get("tolerations") or ()):
        spec.pop("tolerations", None)
    volumes = [item for item in spec.pop("volumes", None) or () if not item["name"].startswith("kube-api-access-")]
    if volumes:
        spec["volumes"] = volumes
    for group in ("containers", "initContainers"):
        if group in spec:
            spec[group] = [_without_token(container) for container in spec[group]]
    return {**part, "spec": spec}


def _without_token(container: Object) -> Object:
    mounts = [item for item in container.get("volumeMounts") or () if item["mountPath"] != _TOKEN_PATH]
    rest = {key: value for key, value in container.items() if key != "volumeMounts"}
    return {**rest, "volumeMounts": mounts} if mounts else rest


def _status_part(obj: Object, status: Object) -> Object:
    if obj["kind"] in (
        "DaemonSet",
        "ReplicaSet",
        "PodDisruptionBudget",
    ):  # zeros were there from the beginning, in a plain Go struct
        grown = obj["metadata"].get("generation", 1) > 1
        status = {key: value for key, value in status.items() if value != 0 or (grown and key == "replicas")}
    part: Object = {"status": status}
    note = obj["metadata"].get("annotations", {}).get(_REVISION)
    if obj["kind"] == "Deployment" and note:
        part["metadata"] = {"annotations": {_REVISION: note}}
    return part


def _of_pod_status(obj: Object, noted: list[Object], status: Object) -> Iterator[Object]:
    conditions = status.get("conditions") or []
    scheduled = next((item for item in conditions if item["type"] == "PodScheduled"), None)
    if scheduled is not None and scheduled["status"] == "False":
        yield _entry(obj, noted, _SCHEDULER, lambda: {"status": {"conditions": [scheduled]}}, "status")
    if "startTime" not in status:
        return
    disrupted = [item for item in conditions if item["type"] == "DisruptionTarget"]
    if disrupted:
        yield _entry(obj, noted, _MANAGER, lambda: {"status": {"conditions": disrupted}}, "status")
    mine = [item for item in conditions if item["type"] not in ("DisruptionTarget", "PodScheduled")]
    fields = tuple([key for key in status if key not in _NOT_THE_KUBELETS])
    if status["phase"] == "Pending":
        fields = tuple([key for key in fields if key != "phase"])
    alike = (fields, *[(item["type"], *item) for item in mine])
    part = {"status": {**{key: status[key] for key in fields}, "conditions": mine}}
    made = _entry(obj, noted, _KUBELET, lambda: part, "status", alike)
    tree = made["fieldsV1"]
    if tree.get("f:status"):
        below = dict(tree["f:status"])
        below["f:conditions"] = {key: tree_ for key, tree_ in below["f:conditions"].items() if key != "."}
        if scheduled is not None and "observedGeneration" in scheduled:
            below["f:conditions"]['k:{"type":"PodScheduled"}'] = {"f:observedGeneration": {}}
        if status.get("podIPs"):
            addresses: Object = {f'k:{{"ip":"{item["ip"]}"}}': {".": {}, "f:ip": {}} for item in status["podIPs"]}
            below["f:podIPs"] = {".": {}, **addresses}
        made["fieldsV1"] = {"f:status": below}
    yield made


def _entry(
    obj: Object, noted: list[Object], manager: str, part: Callable[[], Object], subresource: str, alike: Any = None
) -> Object:
    """``part``: what of the object the manager wrote. ``alike``: what decides, for objects of this kind, which fields
    these are; where it is not known, the part itself is looked through."""
    created = obj["metadata"].get("creationTimestamp", "")
    entry: Object = {
        "manager": manager,
        "operation": "Update",
        "apiVersion": obj["apiVersion"],
        "time": _newest(obj["status"], created) if subresource else created,
        "fieldsType": "FieldsV1",
        "fieldsV1": _tree(obj, part, noted, manager, subresource, alike),
    }
    if subresource:
        entry["subresource"] = subresource
    return entry


def _tree(
    obj: Object, part: Callable[[], Object], noted: list[Object], manager: str, subresource: str, alike: Any
) -> Object:
    group, _, version = obj["apiVersion"].rpartition("/")
    node = compiled(group, version, obj["kind"])
    key = (obj["apiVersion"], obj["kind"], subresource, alike or _shape(node, part()))
    tree = _TREES.get(key)
    if tree is None:
        if len(_TREES) >= _KEPT:
            _TREES.clear()
        tree = _TREES[key] = to_tree(changed(node, None, part())[0])
    others = [entry for entry in noted if (entry["manager"], entry.get("subresource", "")) != (manager, subresource)]
    if not others:
        return tree
    rewritten = {_REVISION_PATH} if _has_caught_up(obj) else set()
    told = (key, bool(rewritten), *[kept_text(entry["fieldsV1"]) for entry in others])
    left = _LEFT.get(told)
    if left is None:
        owned = from_tree(tree)
        for entry in others:
            owned -= from_tree(entry["fieldsV1"]) - rewritten
        if len(_LEFT) >= _KEPT:
            _LEFT.clear()
        left = _LEFT[told] = to_tree(owned)
    return left


def _family(pod: Object) -> Any:
    """What Pods have in common that were made from the same template."""
    meta = pod["metadata"]
    owner = next((ref["uid"] for ref in meta.get("ownerReferences", ()) if ref.get("controller")), meta["uid"])
    labels = meta.get("labels") or {}
    hashes = labels.get("pod-template-hash"), labels.get("controller-revision-hash")
    images = len(pod["spec"].get("ephemeralContainers") or ())
    return owner, hashes, tuple(labels), tuple(meta.get("annotations") or ()), images


def _shape(node: Node, value: Any) -> Any:
    """All of a value that its tree of fields depends on."""
    if isinstance(value, dict):
        if not value or node.atomic:
            return bool(value)
        return tuple([(key, _shape(node.below(key), part)) for key, part in value.items()])
    if isinstance(value, list):
        if not value or node.atomic or node.item is None:
            return bool(value)
        if not node.keys:
            return tuple(map(str, value)) if node.is_set else True
        item = node.item
        return tuple([(*[str(entry.get(key)) for key in node.keys], _shape(item, entry)) for entry in value])
    return None


def _newest(status: Object, least: str) -> str:
    """The newest time stamp in a status, as far as conditions and the states of containers tell."""
    newest = max(least, status.get("startTime", ""), status.get("lastScaleTime", ""), status.get("completionTime", ""))
    for condition in status.get("conditions") or ():
        newest = max(newest, condition.get("lastUpdateTime") or condition.get("lastTransitionTime") or "")
    for container in status.get("containerStatuses") or ():
        for state in (container.get("state") or {}).values():
            newest = max(newest, state.get("finishedAt") or state.get("startedAt") or "")
    return str(newest)
