"""The workload that a report names: what an operator without a model would act on."""

from __future__ import annotations

from ..plugins.module_utils.evidence import Inventory, Manifest, ObjectRef
from ..plugins.plugin_utils.report import Report

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


def named_workload(report: Report, inventory: Inventory) -> ObjectRef | None:
    """The first suspect that is a workload, or a Service or Pod that leads to one."""
    for suspect in report.suspects:
        for kind in WORKLOADS if suspect.kind in ("", *WORKLOADS) else ():
            ref = ObjectRef(kind, inventory.namespace, suspect.name)
            if inventory.get(ref) is not None:
                return ref
        found = _behind_service(suspect.name, inventory) or _of_pod(suspect.name, inventory)
        if found is not None:
            return found
    return None


def _behind_service(name: str, inventory: Inventory) -> ObjectRef | None:
    service = inventory.get(ObjectRef("Service", inventory.namespace, name))
    selector = (service or {}).get("spec", {}).get("selector") or {}
    for kind in WORKLOADS:
        for item in inventory.of(kind):
            labels = item["spec"]["template"]["metadata"].get("labels", {})
            if selector and all(labels.get(key) == value for key, value in selector.items()):
                return _ref(kind, item)
    return None


def _of_pod(name: str, inventory: Inventory) -> ObjectRef | None:
    """By the name alone: Pods are called after their workload, which still stands when they are gone."""
    owners = [(kind, item) for kind in WORKLOADS for item in inventory.of(kind)]
    fitting = [(kind, item) for kind, item in owners if name.startswith(item["metadata"]["name"] + "-")]
    if not fitting:
        return None
    return _ref(*max(fitting, key=lambda pair: len(pair[1]["metadata"]["name"])))


def _ref(kind: str, item: Manifest) -> ObjectRef:
    return ObjectRef(kind, item["metadata"]["namespace"], item["metadata"]["name"])
