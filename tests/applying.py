"""Server-side apply by the rules of Kubernetes' documentation, written down a second time as a small model.

A field belongs to whoever applied it, or changed it by another write. Applying another value to a field of somebody
else is a conflict, unless forced; applying the same value shares it. What a manager no longer applies goes, unless
somebody else has it. Any other write never conflicts, and takes what it changes from all others.

The same test runs on the sandbox and on a real API server, which says whether the rules are the right ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

Object = dict[str, Any]
Step = tuple[str, str, dict[str, Any], bool]
Owners = set[tuple[str, str]]

_APPLY, _MERGE = "application/apply-patch+yaml", "application/merge-patch+json"
_fields = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["1", "2"]), min_size=1)
_changes = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["1", "2", None]), min_size=1)
_applies = st.tuples(st.just("apply"), st.sampled_from(["ann", "ben", "eve"]), _fields, st.booleans())
_edits = st.tuples(st.just("edit"), st.sampled_from(["eve", "kit"]), _changes, st.just(False))

STEPS = st.lists(st.one_of(_applies, _edits), max_size=12)
"""What four managers do to one object, one after the other: apply (by force or not) or edit three fields."""


def check(transport: Any, shape: Data | Variables, namespace: str, name: str, steps: list[Step]) -> None:
    """Does the steps through ``transport`` and compares each answer and what is there with the model."""
    model = Model(shape.items)
    path = f"{shape.root}/namespaces/{namespace}/{shape.plural}"
    made = {**shape.first(), "metadata": {"name": name}}
    assert transport.request("POST", path, {"fieldManager": "base"}, made).status == 201
    path = f"{path}/{name}"
    for act, manager, wanted, force in steps:
        if act == "apply":
            query = {"fieldManager": manager, "force": str(force).lower()}
            manifest = {**shape.applied(wanted), "metadata": {"name": name}}
            answer = transport.request("PATCH", path, query, manifest, _APPLY)
            conflicts = model.apply(manager, wanted, force)
            assert answer.status == (409 if conflicts else 200), answer.body
            if conflicts:
                said = {cause["field"] for cause in json.loads(answer.body)["details"]["causes"]}
                assert said == {shape.field(key) for key in conflicts}
        else:
            live = json.loads(transport.request("GET", path).body)
            edit = shape.edited(live, wanted)
            answer = transport.request("PATCH", path, {"fieldManager": manager}, edit, _MERGE)
            assert answer.status == 200, answer.body
            model.edit(manager, wanted)
        live = json.loads(transport.request("GET", path).body)
        assert shape.values(live) == model.values
        assert _owners(live, shape.owned) == {key: owners for key, owners in model.owners.items() if owners}
        assert _owners(live, shape.kept) == model.keepers


@dataclass
class Model:
    """Values by field, and who has each: (manager, operation). With ``items``, a field is the value of a list's item,
    which is there by itself: it goes, value and all, when nobody has the item, and stays without a value when
    somebody has it and nobody the value."""

    items: bool
    values: dict[str, str | None] = field(default_factory=dict)
    owners: dict[str, Owners] = field(default_factory=dict)
    keepers: dict[str, Owners] = field(default_factory=dict)

    def apply(self, manager: str, wanted: dict[str, str], force: bool) -> set[str]:
        """The fields in conflict; none when it went through."""
        me = {(manager, "Apply")}
        differs = {key for key, value in wanted.items() if key in self.values and self.values[key] != value}
        disputed = {key for key in differs if self.owners[key] - me}
        if disputed and not force:
            return disputed
        for key in self.values.keys() - wanted.keys():
            if me <= self.keepers[key]:
                self._let_go(key, me)
        for key, value in wanted.items():
            self.values[key] = value
            self.owners[key] = (set() if key in disputed else self.owners.get(key, set())) | me
            self.keepers[key] = self.keepers.get(key, set()) | me if self.items else self.owners[key]
        return set()

    def edit(self, manager: str, change: dict[str, str | None]) -> None:
        me = {(manager, "Update")}
        for key, value in change.items():
            if value is None:
                self._forget(key)
            elif self.values.get(key) != value:
                self.values[key] = value
                self.owners[key] = me
                self.keepers[key] = self.keepers.get(key, me) if self.items else me

    def _let_go(self, key: str, me: Owners) -> None:
        self.keepers[key] = self.keepers[key] - me
        self.owners[key] = self.owners[key] - me
        if not self.keepers[key]:
            self._forget(key)
        elif not self.owners[key]:
            self.values[key] = None

    def _forget(self, key: str) -> None:
        for kept in (self.values, self.owners, self.keepers):
            kept.pop(key, None)


class Data:
    """The keys of a ConfigMap: fields of a plain map."""

    items, root, plural = False, "/api/v1", "configmaps"

    def first(self) -> Object:
        return self.applied({"first": "1"})  # an object without any owner is not kept account of

    def applied(self, wanted: dict[str, str]) -> Object:
        return {"apiVersion": "v1", "kind": "ConfigMap", "data": wanted}

    def values(self, live: Object) -> dict[str, str | None]:
        return {key: value for key, value in live["data"].items() if key != "first"}

    def edited(self, live: Object, change: dict[str, str | None]) -> Object:
        return {"data": change}

    def field(self, key: str) -> str:
        return f".data.{key}"

    def owned(self, tree: Object) -> set[str]:
        return {step[2:] for step in tree.get("f:data", {}) if step not in (".", "f:first")}

    kept = owned


class Variables:
    """A container's variables: items of a list that is a map by name, inside another such list."""

    items, root, plural = True, "/apis/apps/v1", "deployments"

    def first(self) -> Object:
        pod = {"containers": [{"name": "web", "image": "web:1"}]}
        template = {"metadata": {"labels": {"app": "web"}}, "spec": pod}
        spec = {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": template}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec}

    def applied(self, wanted: dict[str, str]) -> Object:
        env = [{"name": key, "value": value} for key, value in wanted.items()]
        pod = {"containers": [{"name": "web", "env": env}]}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": pod}}}

    def values(self, live: Object) -> dict[str, str | None]:
        container = live["spec"]["template"]["spec"]["containers"][0]
        return {item["name"]: item.get("value") for item in container.get("env", ())}

    def edited(self, live: Object, change: dict[str, str | None]) -> Object:
        kept = {key: value for key, value in self.values(live).items() if key not in change}
        merged = {**kept, **{key: value for key, value in change.items() if value is not None}}
        env = [{"name": key, **({} if value is None else {"value": value})} for key, value in merged.items()]
        containers = [{**live["spec"]["template"]["spec"]["containers"][0], "env": env}]
        return {"spec": {"template": {"spec": {"containers": containers}}}}

    def field(self, key: str) -> str:
        return f'.spec.template.spec.containers[name="web"].env[name="{key}"].value'

    def owned(self, tree: Object) -> set[str]:
        return {key for key, below in self._items(tree).items() if "f:value" in below}

    def kept(self, tree: Object) -> set[str]:
        return {key for key, below in self._items(tree).items() if "." in below}

    def _items(self, tree: Object) -> dict[str, Object]:
        for step in ("f:spec", "f:template", "f:spec", "f:containers", 'k:{"name":"web"}', "f:env"):
            tree = tree.get(step, {})
        return {json.loads(step[2:])["name"]: below for step, below in tree.items() if step != "."}


def _owners(live: Object, fields: Callable[[Object], set[str]]) -> dict[str, Owners]:
    found: dict[str, Owners] = {}
    for entry in live["metadata"]["managedFields"]:
        for key in fields(entry["fieldsV1"]):
            found.setdefault(key, set()).add((entry["manager"], entry["operation"]))
    return found
