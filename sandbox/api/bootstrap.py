"""What every cluster starts with: roles, as captured from a real API server (capture.py), and namespaces."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from .lifecycle import ABOUT_ROOT, ROOT

Object = dict[str, Any]


@cache
def bootstrap_roles() -> tuple[Object, ...]:
    """ClusterRoles and ClusterRoleBindings, each with a uid that its name decides."""
    items = json.loads((Path(__file__).parent / "roles.json").read_bytes())["items"]
    return tuple({**item, "metadata": {**item["metadata"], "uid": _uid(item)}} for item in items)


def bootstrap_namespaces() -> tuple[Object, ...]:
    """The two namespaces of a cluster's own that hold no Pods, with what each namespace has in it."""
    made: list[Object] = []
    for name in ("kube-node-lease", "kube-public"):
        labels = {"kubernetes.io/metadata.name": name}
        items: list[Object] = [
            {
                "kind": "Namespace",
                "metadata": {"name": name, "labels": labels},
                "spec": {"finalizers": ["kubernetes"]},
                "status": {"phase": "Active"},
            },
            {"kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}},
            {
                "kind": "ConfigMap",
                "metadata": {
                    "name": "kube-root-ca.crt",
                    "namespace": name,
                    "annotations": {"kubernetes.io/description": ABOUT_ROOT},
                },
                "data": {"ca.crt": ROOT},
            },
        ]
        made += [{"apiVersion": "v1", **item, "metadata": {**item["metadata"], "uid": _uid(item)}} for item in items]
    return tuple(made)


def _uid(item: Object) -> str:
    meta = item["metadata"]
    place = f"{meta['namespace']}/" if "namespace" in meta else ""
    digits = hashlib.sha256(f"{item['kind']}/{place}{meta['name']}".encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"
