# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The user's own checks of health.

Each is a mapping with ``kind`` (Service, Pod or a kind with a notion of ready; Service when left out)
and ``name``. For a Service or Pod with ``path``: ``port`` (the first one when left out), ``status``
(200), ``max_seconds`` (none) and ``contains`` (a text in the body).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from .cluster import Cluster
from .errors import ClusterError, InputError
from .evidence import Manifest, ObjectRef
from .ready import READY, unready
from .verdict import Check
from .workloads import View

_OPTIONS = {"kind", "name", "path", "port", "status", "max_seconds", "contains"}


def asserted_checks(cluster: Cluster, view: View, asserted: Sequence[Mapping[str, Any]]) -> list[Check]:
    """Runs each check once; InputError when one is not well-formed."""
    return [_one(cluster, view, number, item) for number, item in enumerate(asserted, 1)]


def _one(cluster: Cluster, view: View, number: int, item: Mapping[str, Any]) -> Check:
    unknown = set(item) - _OPTIONS
    if unknown or not item.get("name"):
        raise InputError(
            f"Check {number} has {'unknown options ' + ', '.join(sorted(unknown)) if unknown else 'no name'}.",
            f"Its options are {', '.join(sorted(_OPTIONS))}.",
        )
    kind = str(item.get("kind") or "Service")
    ref = ObjectRef(kind, view.inventory.namespace, str(item["name"]))
    found = view.inventory.get(ref)
    if found is None:
        return Check("asserted", str(ref), False, "not there", "there")
    if "path" in item or kind == "Service":
        return _request(cluster, ref, item, found)
    if kind not in READY:
        raise InputError(
            f"Check {number}: there is no notion of ready for {kind}.", f"Kinds: {', '.join(READY)}, Service."
        )
    why = unready(found)
    return Check("asserted", str(ref), not why, why or "ready", "ready")


def _request(cluster: Cluster, ref: ObjectRef, item: Mapping[str, Any], found: Manifest) -> Check:
    path, wanted = str(item.get("path") or "/"), int(item.get("status") or 200)
    bound = float(item["max_seconds"]) if item.get("max_seconds") else None
    port = item.get("port") or _first_port(found)
    started = time.perf_counter()
    try:
        answer = cluster.proxy(ref, port, path)
        status, body = answer.status, answer.body.decode("utf-8", "replace")
        taken = getattr(answer, "seconds", None)
    except ClusterError as error:
        status, body, taken = 0, error.what, None
    seconds = float(taken) if taken is not None else time.perf_counter() - started
    text = str(item.get("contains") or "")
    passed = status == wanted and (bound is None or seconds <= bound) and text in body
    limits = f"{wanted}" + (f" within {bound:g} s" if bound is not None else "") + (f" with {text!r}" if text else "")
    return Check(f"asserted GET :{port}{path}", str(ref), passed, f"{status} in {seconds:.3f} s", limits, body[:120])


def _first_port(found: Manifest) -> int:
    spec = found["spec"]
    if spec.get("ports"):
        return int(spec["ports"][0]["port"])
    numbers = [
        int(port["containerPort"])
        for container in spec.get("containers") or ()
        for port in container.get("ports") or ()
    ]
    if not numbers:
        name = found["metadata"]["name"]
        raise InputError(f"{name} declares no port to ask.", "Set the check's port.")
    return numbers[0]
