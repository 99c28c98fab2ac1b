"""The garbage collector: what has an owner goes with it, is cut loose from it, or holds it until it has gone itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..shared import Copied
from ..store import Store

Object = dict[str, Any]
Key = tuple[str, str, str]

FOREGROUND = "foregroundDeletion"
_ORPHAN = "orphan"
_MOMENT = 0.5
_COMPONENT = "garbage-collector-controller"


class Garbage:
    """Works by itself once made. ``say(about, type, reason, message, component)`` writes an Event."""

    def __init__(self, store: Store, say: Callable[[Object, str, str, str, str], object]) -> None:
        self._store, self._say = store, say
        self._dependents: dict[str, dict[Key, None]] = {}  # owner's uid -> its dependents
        store.subscribe(self._heard)

    def __getstate__(self) -> Object:
        return {**vars(self), "_dependents": Copied(self._dependents, depth=2)}

    def orphan(self, owner: Object) -> None:
        """Deletes the owner once its dependents are cut loose, which takes the collector a moment."""
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
                self._keep_owners(there, [ref for ref in there["metadata"]["ownerReferences"] if ref["uid"] != uid])
        self._release(owner, _ORPHAN)

    def _heard(self, type_: str, old: Object | None, new: Object | None) -> None:
        assert new is not None
        meta = new["metadata"]
        owners = meta.get("ownerReferences") or ()
        if not owners and type_ == "ADDED":
            return
        before = (old or {}).get("metadata", {}).get("ownerReferences") or ()
        if type_ == "MODIFIED" and owners is before and not meta.get("deletionTimestamp"):
            return
        key = (self._store.kind_of(new), meta.get("namespace", ""), meta["name"])
        if type_ == "DELETED":
            self._forget(key, meta["uid"], owners)
            return
        for owner in before:
            if owner not in owners:
                self._dependents.get(owner["uid"], {}).pop(key, None)
        for owner in owners:
            self._dependents.setdefault(owner["uid"], {})[key] = None
        if owners and owners != before and not any(self._owner(ref, key[1]) for ref in owners):
            self._store.clock.after(0, lambda: self._examine(key))
        if meta.get("deletionTimestamp") and FOREGROUND in (meta.get("finalizers") or ()):
            self._store.clock.after(0, lambda: self._wait(key))

    def _forget(self, key: Key, uid: str, owners: Any) -> None:
        for ref in owners:
            self._dependents.get(ref["uid"], {}).pop(key, None)
            owner = self._owner(ref, key[1])
            if owner and owner["metadata"].get("uid") and _waits(owner):
                self._finish(owner)
        if self._dependents.get(uid):
            self._store.clock.after(0, lambda: self._collect(uid))

    def _collect(self, uid: str) -> None:
        for key in list(self._dependents.pop(uid, ())):
            self._examine(key)

    def _wait(self, key: Key) -> None:
        """An owner is to go after what depends on it."""
        owner = self._store.get(*key)
        if owner is None or not _waits(owner):
            return
        for dependent in list(self._dependents.get(owner["metadata"]["uid"], ())):
            self._examine(dependent)
        owner = self._store.get(*key)
        if owner is not None and _waits(owner):
            self._finish(owner)

    def _finish(self, owner: Object) -> None:
        """Lets the owner go when nothing is left that blocks it."""
        uid = owner["metadata"]["uid"]
        for key in self._dependents.get(uid, ()):
            there = self._store.get(*key)
            refs = there["metadata"].get("ownerReferences", ()) if there else ()
            if any(ref["uid"] == uid and ref.get("blockOwnerDeletion") for ref in refs):
                return
        self._release(owner, FOREGROUND)

    def _examine(self, key: Key) -> None:
        """Deletes an object that no owner wants any longer, or makes it forget those that are gone."""
        there = self._store.get(*key)
        if there is None:
            return
        refs = there["metadata"].get("ownerReferences") or []
        found = [(ref, self._owner(ref, key[1])) for ref in refs]
        wanting = [ref for ref, owner in found if owner is not None and not _waits(owner)]
        if not refs or len(wanting) == len(refs):
            return
        if wanting:
            self._keep_owners(there, wanting)
            return
        self._complain(there, refs)
        if there["metadata"].get("deletionTimestamp"):
            return
        waiting = any(owner is not None for _, owner in found)
        if waiting and self._dependents.get(there["metadata"]["uid"]):
            meta = there["metadata"]
            finalizers = [*(meta.get("finalizers") or ()), FOREGROUND]
            self._store.update({**there, "metadata": {**meta, "finalizers": finalizers}})
        self._store.delete(*key)

    def _complain(self, there: Object, refs: list[Object]) -> None:
        """An owner in another namespace is none, but somebody meant it."""
        space = there["metadata"].get("namespace", "")
        for ref in refs:
            if self._owner(ref, space) is not None:
                continue
            if any(obj["metadata"].get("uid") == ref["uid"] for obj in self._store.list(self._kind_of(ref))):
                named = f"{ref['apiVersion']}/{ref['kind']}, namespace: {space}, name: {ref['name']}"
                text = f'ownerRef [{named}, uid: {ref["uid"]}] does not exist in namespace "{space}"'
                self._say(there, "Warning", "OwnerRefInvalidNamespace", text, _COMPONENT)

    def _kind_of(self, ref: Object) -> str:
        """The kind under which the store keeps an owner; "" for one that is not served."""
        kind = self._store.kind_of(ref)
        return kind if kind in self._store.registry.stored else ""

    def _owner(self, ref: Object, namespace: str) -> Object | None:
        """The owner while it is there. One of a kind that is not served cannot be looked for: it counts as there,
        and so does a namespaced one of an object without a namespace."""
        kind = self._kind_of(ref)
        if not kind:
            return {"metadata": {}}
        namespaced = self._store.registry.stored[kind].namespaced
        if namespaced and not namespace:
            return {"metadata": {}}
        there = self._store.get(kind, namespace if namespaced else "", ref["name"])
        return there if there is not None and there["metadata"]["uid"] == ref["uid"] else None

    def _keep_owners(self, there: Object, refs: list[Object]) -> None:
        meta = {**there["metadata"], "ownerReferences": refs}
        if not refs:
            del meta["ownerReferences"]
        self._store.update({**there, "metadata": meta})

    def _release(self, owner: Object, finalizer: str) -> None:
        meta = dict(owner["metadata"])
        meta["finalizers"] = [name for name in meta.get("finalizers", ()) if name != finalizer]
        self._store.update({**owner, "metadata": meta})


def _waits(owner: Object) -> bool:
    """Whether it goes as soon as its dependents have gone."""
    meta = owner["metadata"]
    return bool(meta.get("deletionTimestamp")) and FOREGROUND in (meta.get("finalizers") or ())
