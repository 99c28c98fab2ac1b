# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The user's own checks of health.

Each is a mapping with ``kind`` (Service, Pod or a kind with a notion of ready; Service when left out)
and ``name``. For a Service or Pod with ``path``: ``port`` (the first one when left out), ``status``
(200), ``max_seconds`` (none) and ``contains`` (a text in the body).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .cluster import Cluster
from .errors import ClusterError, InputError
from .evidence import Manifest, ObjectRef
from .kinds import kind_named
from .ready import READY, unready
from .redact import line
from .verdict import Check
from .workloads import View

_OPTIONS = ("contains", "kind", "max_seconds", "name", "path", "port", "status")
_ASKED = ("Service", "Pod")
_PATIENCE = 5.0  # seconds for an answer, where the user allows no more


@dataclass(frozen=True)
class Assertion:
    """One check as it was meant. ``path`` is empty where being ready is enough."""

    kind: str
    name: str
    path: str = ""
    port: int | str = ""
    status: int = 200
    max_seconds: float | None = None
    contains: str = ""


def assertions(given: Iterable[Any]) -> tuple[Assertion, ...]:
    """What the user's checks say; InputError with the number of the first that is not well-formed."""
    return tuple(_meant(f"Check {number}", item) for number, item in enumerate(given, 1))


def asserted_checks(cluster: Cluster, view: View, asserted: Iterable[Any]) -> list[Check]:
    """Runs each check once; InputError when one is not well-formed."""
    return [_one(cluster, view, item) for item in assertions(asserted)]


def _meant(which: str, item: Any) -> Assertion:
    if not isinstance(item, Mapping):
        raise InputError(f"{which} is no mapping: {item!r:.80}.", f"Its options are {', '.join(_OPTIONS)}.")
    unknown = sorted(str(option) for option in item if option not in _OPTIONS)
    if unknown or not item.get("name"):
        said = f"unknown options {', '.join(unknown)}" if unknown else "no name"
        raise InputError(f"{which} has {said}.", f"Its options are {', '.join(_OPTIONS)}.")
    kind = kind_named(str(item.get("kind") or "Service"))
    if kind not in (*READY, *_ASKED):
        raise InputError(
            f"{which}: there is no notion of ready for {item['kind']!r:.80}.", f"Kinds: {', '.join(READY)}, Service."
        )
    path = str(item.get("path") or ("/" if kind == "Service" else ""))
    if path and kind not in _ASKED:
        raise InputError(f"{which}: a {kind} answers no requests.", "Name its Service, or leave the path out.")
    if path and not path.startswith("/"):
        raise InputError(f"{which}: the path {path!r:.80} does not begin with a slash.", "Write it as /healthz.")
    bound = _number(which, item, "max_seconds")
    status = _number(which, item, "status")
    return Assertion(
        kind=kind,
        name=str(item["name"]),
        path=path,
        port=item.get("port") or "",
        status=200 if status is None else int(status),
        max_seconds=bound,
        contains=str(item.get("contains") or ""),
    )


def _number(which: str, item: Mapping[str, Any], option: str) -> float | None:
    given = item.get(option)
    if given is None or given == "":
        return None
    try:
        number = float(given)
    except (TypeError, ValueError):
        number = math.nan
    if not number > 0 or math.isinf(number):
        raise InputError(f"{which}: {option} is {given!r:.80}, which is no number above 0.", "Correct it.")
    return number


def _one(cluster: Cluster, view: View, item: Assertion) -> Check:
    ref = ObjectRef(item.kind, "" if item.kind == "Node" else view.inventory.namespace, item.name)
    found = view.inventory.get(ref)
    if found is None:
        return Check("asserted", str(ref), False, "not there", "there")
    if item.path:
        return _request(cluster, ref, item, found)
    why = unready(found)
    return Check("asserted", str(ref), not why, why or "ready", "ready")


def _request(cluster: Cluster, ref: ObjectRef, item: Assertion, found: Manifest) -> Check:
    bound, text = item.max_seconds, item.contains
    port = item.port or _first_port(found)
    name = f"asserted GET :{port}{item.path}"
    limits = (
        f"{item.status}" + (f" within {bound:g} s" if bound is not None else "") + (f" with {text!r}" if text else "")
    )
    if not port:
        return Check(name, str(ref), False, "declares no port to ask", limits)
    started = time.perf_counter()
    try:
        answer = cluster.proxy(ref, port, item.path, max(_PATIENCE, bound or 0.0))
        status, body = answer.status, answer.body.decode("utf-8", "replace")
        taken = getattr(answer, "seconds", None)
    except ClusterError as error:
        status, body, taken = 0, error.what, None
    seconds = float(taken) if taken is not None else time.perf_counter() - started
    passed = status == item.status and (bound is None or seconds <= bound) and text in body
    return Check(name, str(ref), passed, f"{status or 'no answer'} in {seconds:.3f} s", limits, line(body, 120))


def _first_port(found: Manifest) -> int:
    """The first port that it declares, 0 where it declares none."""
    spec = found["spec"]
    if spec.get("ports"):
        return int(spec["ports"][0]["port"])
    numbers = [
        int(port["containerPort"])
        for container in spec.get("containers") or ()
        for port in container.get("ports") or ()
    ]
    return numbers[0] if numbers else 0
