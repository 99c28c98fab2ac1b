"""What follows from a namespace: what it starts with, and that its content goes with it."""

from __future__ import annotations

from typing import Any

from ..store import Store

ABOUT_ROOT = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)
_EMPTIED = (
    ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    ("NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    ("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"),
    ("NamespaceFinalizersRemaining", "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
)

Object = dict[str, Any]

_MOMENT = 0.5
ROOT = "-----BEGIN CERTIFICATE-----\nsandbox\n-----END CERTIFICATE-----\n"


class Lifecycle:
    """The namespace controller. Works by itself once made."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.subscribe(self._heard)

    def _heard(self, type_: str, old: Object | None, new: Object | None) -> None:
        assert new is not None
        if new["kind"] == "Namespace":
            self._namespace(type_, new)
        elif type_ == "DELETED" and new["metadata"].get("namespace"):
            self._finish_namespace(new["metadata"]["namespace"])

    def _namespace(self, type_: str, namespace: Object) -> None:
        name = namespace["metadata"]["name"]
        if type_ == "ADDED":
            self._store.clock.after(0, lambda: self._furnish(name))
        elif type_ == "MODIFIED" and namespace["metadata"].get("deletionTimestamp"):
            self._store.clock.after(0, lambda: self._empty(name))

    def _furnish(self, name: str) -> None:
        for kind, obj_name, more in (
            ("ServiceAccount", "default", {}),
            ("ConfigMap", "kube-root-ca.crt", {"data": {"ca.crt": ROOT}}),
        ):
            if self._store.get("Namespace", None, name) and not self._store.get(kind, name, obj_name):
                meta: Object = {"name": obj_name, "namespace": name}
                if kind == "ConfigMap":
                    meta["annotations"] = {"kubernetes.io/description": ABOUT_ROOT}
                self._store.create({"apiVersion": "v1", "kind": kind, "metadata": meta, **more})

    def _empty(self, name: str) -> None:
        namespace = self._store.get("Namespace", None, name)
        if namespace is None:
            return
        if namespace.get("status", {}).get("phase") != "Terminating":
            self._store.update({**namespace, "status": {"phase": "Terminating"}}, status=True)
        for kind, resource in self._store.registry.stored.items():
            if resource.namespaced:
                for obj in self._store.list(kind, name):
                    if not obj["metadata"].get("deletionTimestamp"):
                        self._store.delete(kind, name, obj["metadata"]["name"])
        self._finish_namespace(name)

    def _finish_namespace(self, name: str) -> None:
        namespace = self._store.get("Namespace", None, name)
        if namespace is None or not namespace["metadata"].get("deletionTimestamp"):
            return
        if self._is_empty(name):
            # The namespace controller looks again after a while, and says what it found before it lets go.
            self._store.clock.after(_MOMENT, lambda: self._let_go(name))

    def _let_go(self, name: str) -> None:
        namespace = self._store.get("Namespace", None, name)
        if namespace is None or not namespace["metadata"].get("deletionTimestamp") or not self._is_empty(name):
            return
        now = self._store.clock.stamp()
        conditions = [
            {"type": kind, "status": "False", "lastTransitionTime": now, "reason": reason, "message": message}
            for kind, reason, message in _EMPTIED
        ]
        status = {"phase": "Terminating", "conditions": conditions}
        namespace = self._store.update({**namespace, "status": status}, status=True)
        self._store.update({**namespace, "spec": {"finalizers": []}})

    def _is_empty(self, name: str) -> bool:
        kinds = [kind for kind, resource in self._store.registry.stored.items() if resource.namespaced]
        return not any(self._store.list(kind, name) for kind in kinds)
