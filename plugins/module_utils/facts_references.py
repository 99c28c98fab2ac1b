# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts on what is referred to and missing: ConfigMaps, Secrets, keys, ServiceAccounts, claims."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from .draft import Draft
from .evidence import Manifest, ObjectRef
from .redact import names_a_secret
from .workloads import View, Workload

Reference = tuple[ObjectRef, str, str, bool]
"""What is referred to, the key in it (or nothing), from where, and whether it may be missing."""


def references(work: Workload) -> Iterator[Reference]:
    """Everything in the namespace that a workload's Pods cannot start without, or use."""
    for container in work.containers:
        for entry in container.get("envFrom") or ():
            for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                if source := entry.get(field):
                    yield _ref(work, kind, source.get("name")), "", "envFrom", bool(source.get("optional"))
        for entry in container.get("env") or ():
            origin = entry.get("valueFrom") or {}
            for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
                if source := origin.get(field):
                    where = f"env {entry['name']}"
                    yield (
                        _ref(work, kind, source.get("name")),
                        source.get("key", ""),
                        where,
                        bool(source.get("optional")),
                    )
    for volume in work.pod_spec.get("volumes") or ():
        yield from _volume(work, volume)
    account = work.pod_spec.get("serviceAccountName")
    if account and account != "default":
        yield _ref(work, "ServiceAccount", account), "", "serviceAccountName", False
    for entry in work.pod_spec.get("imagePullSecrets") or ():
        yield _ref(work, "Secret", entry.get("name")), "", "imagePullSecrets", True


def _volume(work: Workload, volume: Manifest) -> Iterator[Reference]:
    where = f"volume {volume.get('name')}"
    sources = [volume, *((volume.get("projected") or {}).get("sources") or ())]
    for source in sources:
        for field, kind, naming in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
            if entry := source.get(field):
                name, optional = entry.get(naming) or entry.get("name"), bool(entry.get("optional"))
                yield _ref(work, kind, name), "", where, optional
                for item in entry.get("items") or ():
                    yield _ref(work, kind, name), item.get("key", ""), where, optional
    if claim := volume.get("persistentVolumeClaim"):
        yield _ref(work, "PersistentVolumeClaim", claim.get("claimName")), "", where, False


def _ref(work: Workload, kind: str, name: str | None) -> ObjectRef:
    return ObjectRef(kind, work.ref.namespace, name or "")


def reference_facts(view: View) -> Iterator[Draft]:
    """Missing objects and keys, each with the existing names that come closest."""
    for work in view.workloads.values():
        seen = set()
        for ref, key, where, optional in references(work):
            if optional or ref.kind not in view.inventory.objects or (ref, key) in seen:
                continue
            seen.add((ref, key))
            found = view.inventory.get(ref)
            if found is None:
                text = f"{where} refers to {ref}, which does not exist{_instead(view, ref)}"
            elif key and key not in (keys := _keys(found)):
                text = f"{where} refers to key {key} of {ref}, which has {_listed(keys, key)}"
            else:
                continue
            off = work.desired == 0
            yield Draft("reference", work.ref, text, 0.0 if off else 0.95, "spec", latent=0.95)
    yield from _autoscalers(view)


def _autoscalers(view: View) -> Iterator[Draft]:
    for item in view.inventory.of("HorizontalPodAutoscaler"):
        target = item["spec"].get("scaleTargetRef") or {}
        kind = target.get("kind", "")
        ref = ObjectRef("HorizontalPodAutoscaler", view.inventory.namespace, item["metadata"]["name"])
        aim = ObjectRef(kind, view.inventory.namespace, target.get("name", ""))
        if kind in view.inventory.objects and view.inventory.get(aim) is None:
            yield Draft("reference", ref, f"scales {aim}, which does not exist", 0.6, "spec")


def _keys(found: Manifest) -> list[str]:
    return [*(found.get("data") or {}), *(found.get("binaryData") or {})]


def _listed(keys: list[str], wanted: str) -> str:
    if not keys:
        return "no keys"
    near = get_close_matches(wanted, keys, 3, 0.5)
    ordered = list(dict.fromkeys([*near, *sorted(keys)]))
    return f"only {', '.join(ordered[:5])}{', …' if len(ordered) > 5 else ''}"


def _instead(view: View, ref: ObjectRef) -> str:
    names = [item["metadata"]["name"] for item in view.inventory.of(ref.kind)]
    names = [name for name in names if not names_generated(name)]
    near = get_close_matches(ref.name, names, 2, 0.5)
    return f" (there is {', '.join(near)})" if near else ""


def names_generated(name: str) -> bool:
    """Objects that each namespace has, and credentials that no workload should be pointed at."""
    return name in ("kube-root-ca.crt", "default") or (names_a_secret(name) and "-token-" in name)
