"""Which Pods an experiment hits: its selector over the store, and its mode over what that finds."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

from ..api.selectors import field_selector, selects
from ..store import Store

Object = dict[str, Any]


class NothingSelected(Exception):
    """The selector finds no Pod, or the mode none of them."""


def matching(store: Store, selector: Object, namespace: str) -> list[Object]:
    """The Pods that a selector describes; without ``namespaces`` those of the experiment's own. Naming Pods overrides
    all else, as in Chaos Mesh."""
    if selector.get("pods"):
        named = [(space, name) for space, names in sorted(selector["pods"].items()) for name in names]
        return [pod for pod in (store.get("Pod", space, name) for space, name in named) if pod is not None]
    spaces = selector.get("namespaces") or [namespace]
    return [pod for space in spaces for pod in store.list("Pod", space) if _fits(store, selector, pod)]


def choose(store: Store, group: Object, namespace: str, rng: random.Random) -> list[Object]:
    """The Pods that selector and mode pick, once and for all. Raises NothingSelected."""
    pods, mode = matching(store, group["selector"], namespace), group["mode"]
    if not pods:
        raise NothingSelected("no pod is selected")
    value = int(group.get("value") or 0)
    if mode not in ("one", "all") and value <= 0:
        raise NothingSelected(f"mode {mode} needs a value greater than 0")
    if mode == "random-max-percent":
        value = rng.randint(0, value)
    counts = {"all": len(pods), "one": 1, "fixed": min(value, len(pods))}
    return rng.sample(pods, counts.get(mode, min(len(pods), math.ceil(len(pods) * value / 100))))


def ids(pod: Object, by_container: bool, names: list[str]) -> Iterator[str]:
    """How records call the targets in a Pod: namespace/pod, or with the container, by default the first."""
    meta = pod["metadata"]
    whole = f"{meta['namespace']}/{meta['name']}"
    if not by_container:
        yield whole
        return
    containers = [item["name"] for item in pod["spec"]["containers"]]
    yield from (f"{whole}/{name}" for name in containers if name in (names or containers[:1]))


def _fits(store: Store, selector: Object, pod: Object) -> bool:
    meta, phase = pod["metadata"], pod.get("status", {}).get("phase", "Pending")
    labels = {
        "matchLabels": selector.get("labelSelectors") or {},
        "matchExpressions": selector.get("expressionSelectors") or [],
    }
    notes = meta.get("annotations") or {}
    fields = ",".join(f"{key}={value}" for key, value in sorted((selector.get("fieldSelectors") or {}).items()))
    phases = selector.get("podPhaseSelectors") or []
    wanted = [word for word in phases if not word.startswith("!")]
    return (
        selects(labels, meta.get("labels") or {})
        and field_selector("Pod", fields)(pod)
        and (selector.get("annotationSelectors") or {}).items() <= notes.items()
        and (phase in wanted or not wanted)
        and f"!{phase}" not in phases
        and _on_node(store, selector, pod)
    )


def _on_node(store: Store, selector: Object, pod: Object) -> bool:
    nodes, labels = selector.get("nodes") or [], selector.get("nodeSelectors") or {}
    if not nodes and not labels:
        return True
    name = pod["spec"].get("nodeName", "")
    if name in nodes:
        return True
    node = store.get("Node", "", name) if labels and name else None
    return node is not None and labels.items() <= (node["metadata"].get("labels") or {}).items()
