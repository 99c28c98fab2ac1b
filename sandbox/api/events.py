"""Events live once, as core/v1; events.k8s.io/v1 is another view of them."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

_SAME = (
    "metadata",
    "reason",
    "type",
    "eventTime",
    "series",
    "action",
    "related",
    "reportingController",
    "reportingInstance",
)
_PAIRS = (
    ("note", "message"),
    ("regarding", "involvedObject"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
)


def to_group(event: Object) -> Object:
    """As events.k8s.io/v1 shows a stored event."""
    view = {key: event[key] for key in _SAME if key in event}
    view |= {new: event[old] for new, old in _PAIRS if old in event}
    if "reportingComponent" in event:
        view["reportingController"] = event["reportingComponent"]
    return view


def from_group(view: Object) -> Object:
    """As the store keeps an event that came in through events.k8s.io/v1."""
    event = {key: view[key] for key in _SAME if key in view}
    event |= {old: view[new] for new, old in _PAIRS if new in view}
    if "reportingController" in event:
        event["reportingComponent"] = event.pop("reportingController")
    return {"apiVersion": "v1", "kind": "Event", **event}
