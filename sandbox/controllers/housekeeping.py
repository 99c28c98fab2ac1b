"""The small controllers: what a namespace gets, and what is used of quotas."""

from __future__ import annotations

from typing import Any

from ..api.quota import used_of
from .world import World

Object = dict[str, Any]


def furnish_namespace(world: World, _: str, name: str) -> None:
    """A namespace's default ServiceAccount and the cluster's certificate."""
    namespace = world.store.get("Namespace", "", name)
    if namespace is None or "deletionTimestamp" in namespace["metadata"]:
        return
    if not namespace.get("status", {}).get("phase"):
        world.put_status(namespace, {"phase": "Active"})
    meta = {"name": "default", "namespace": name}
    if world.store.get("ServiceAccount", name, "default") is None:
        world.store.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    if world.store.get("ConfigMap", name, "kube-root-ca.crt") is None:
        text = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
        world.store.create(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "data": {"ca.crt": text},
                "metadata": {"name": "kube-root-ca.crt", "namespace": name},
            }
        )


def count_quota(world: World, namespace: str, name: str) -> None:
    quota = world.store.get("ResourceQuota", namespace, name)
    if quota is None:
        return
    world.put_status(quota, {"hard": quota["spec"].get("hard", {}), "used": used_of(world.store, quota)})
