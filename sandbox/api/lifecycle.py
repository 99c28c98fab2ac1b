"""What follows from a deletion or a new namespace: dependents go with their owner, content with its namespace."""

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
Key = tuple[str, str, str]

_FOREGROUND = "foregroundDeletion"
_ORPHAN = "orphan"
_MOMENT = 0.5
ROOT = "-----BEGIN CERTIFICATE-----\nsandbox\n-----END CERTIFICATE-----\n"


class Lifecycle:
    """The garbage collector and the namespace controller. Works by itself once made."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._dependents: dict[str, dict[Key, None]] = {}
        store.subscribe(self._heard)

    def orphan(self, owner: Object) -> None:
        """Deletes the owner once its dependents are cut loose, which takes the garbage collector a moment."""
        meta = owner["metadata"]
        kind, key = self._store.kind_of(owner), (meta.get("namespace", ""), meta["name"])
        finalizers = [*(meta.get("finalizers") or ()), _ORPHAN]
        self._store.update({**owner, "metadata": {**meta, "finalizers": finalizers}})
        self._store.delete(kind, *key)
        self._store.clock.after(_MOMENT, lambda: self._cut_loose(kind, *key))

    def _cut_loose(self, kind: str, namespace: str, name: str) -> None:
        owner = self._store.get(kind, namespace, name)
        if owner is None:
            return
        uid = owner["metadata"]["uid"]
        for key in list(self._dependents.get(uid, ())):
            there = self._store.get(*key)
            if there:
                meta = dict(there["metadata"])
                meta["ownerReferences"] = [ref for ref in meta.get("ownerReferences", ()) if ref["uid"] != uid]
                if not meta["ownerReferences"]:
                    del meta["ownerReferences"]
                self._store.update({**there, "metadata": meta})
        self._release(owner, _ORPHAN)

    def _heard(self, type_: str, old: Object | None, new: Object | None) -> None:
        assert new is not None
        meta = new["metadata"]
        key = (self._store.kind_of(new), meta.get("namespace", ""), meta["name"])
        owners = meta.get("ownerReferences") or ()
        if type_ == "DELETED":
            for owner in owners:
                self._dependents.get(owner["uid"], {}).pop(key, None)
                self._finish_foreground(owner, key[1])
            if self._dependents.get(meta["uid"]):
                self._store.clock.after(0, lambda: self._collect(meta["uid"]))
        else:
            for owner in (old or {}).get("metadata", {}).get("ownerReferences") or ():
                if owner not in owners:
                    self._dependents.get(owner["uid"], {}).pop(key, None)
            for owner in owners:
                self._dependents.setdefault(owner["uid"], {})[key] = None
            if type_ == "MODIFIED" and meta.get("deletionTimestamp") and _FOREGROUND in (meta.get("finalizers") or ()):
                self._store.clock.after(0, lambda: self._foreground(key))
        if key[0] == "Namespace":
            self._namespace(type_, new)
        elif type_ == "DELETED" and key[1]:
            self._finish_namespace(key[1])

    def _collect(self, uid: str) -> None:
        """Deletes what this owner leaves behind, unless another owner still lives."""
        for key in list(self._dependents.pop(uid, ())):
            there = self._store.get(*key)
            if there is None:
                continue
            owners = [ref for ref in there["metadata"].get("ownerReferences", ()) if ref["uid"] != uid]
            if any(self._lives(ref, key[1]) for ref in owners):
                self._store.update({**there, "metadata": {**there["metadata"], "ownerReferences": owners}})
            else:
                self._store.delete(*key)

    def _lives(self, owner: Object, namespace: str) -> bool:
        kind = owner["kind"]
        if kind not in self._store.registry.stored:
            return False
        there = self._store.get(kind, namespace if self._store.registry.stored[kind].namespaced else "", owner["name"])
        return there is not None and there["metadata"]["uid"] == owner["uid"]

    def _foreground(self, key: Key) -> None:
        owner = self._store.get(*key)
        if owner is None:
            return
        left = list(self._dependents.get(owner["metadata"]["uid"], ()))
        for dependent in left:
            if self._store.get(*dependent):
                self._store.delete(*dependent)
        if not self._dependents.get(owner["metadata"]["uid"]):
            self._release(owner)

    def _finish_foreground(self, reference: Object, namespace: str) -> None:
        if self._dependents.get(reference["uid"]) or reference["kind"] not in self._store.registry.stored:
            return
        owner = self._store.get(reference["kind"], namespace, reference["name"])
        if (
            owner
            and owner["metadata"].get("deletionTimestamp")
            and _FOREGROUND in owner["metadata"].get("finalizers", ())
        ):
            self._release(owner)

    def _release(self, owner: Object, finalizer: str = _FOREGROUND) -> None:
        meta = dict(owner["metadata"])
        meta["finalizers"] = [name for name in meta.get("finalizers", ()) if name != finalizer]
        self._store.update({**owner, "metadata": meta})

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
