"""The CustomResourceDefinitions of PodChaos, StressChaos, NetworkChaos, IOChaos and Schedule.

Field names and values are Chaos Mesh's; its status is a part of the object, not a subresource.
"""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

GROUP, VERSION = "chaos-mesh.org", "v1alpha1"
KINDS = ("PodChaos", "StressChaos", "NetworkChaos", "IOChaos")

FOLLOWING = "e2ereme.remediate/following"
"""On a definition: the controller behind it carries out ``FOLLOWED``, which is not Chaos Mesh's own."""

FOLLOWED = "e2ereme.remediate/follow"
"""On an experiment, "true": Pods that its selector comes to choose later are targets too, and so is a container
that has restarted. Chaos Mesh itself chooses once."""

_DURATION = r"^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$"
_TEXT: Object = {"type": "string"}
_TEXTS: Object = {"type": "array", "items": _TEXT}
_LABELS: Object = {"type": "object", "additionalProperties": _TEXT}
_PERIOD: Object = {"type": "string", "pattern": _DURATION}
_PERCENT: Object = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}
_OPEN: Object = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_MODE: Object = {"type": "string", "enum": ["one", "all", "fixed", "fixed-percent", "random-max-percent"]}


def definitions() -> tuple[Object, ...]:
    """One for each kind, in the order of KINDS. No fault needs a Schedule: ``schedules`` is apart."""
    return tuple(_definition(kind, schema) for kind, schema in zip(KINDS, _schemas(), strict=True))


def schedules() -> Object:
    """The one of Schedule, by which experiments come again and again."""
    fields = zip(("podChaos", "stressChaos", "networkChaos", "ioChaos"), _schemas(), strict=True)
    spec = _part(
        ("schedule", "type"),
        schedule=_TEXT,
        type=_words(*KINDS),
        startingDeadlineSeconds={"type": "integer", "minimum": 0, "nullable": True},
        concurrencyPolicy={**_words("Forbid", "Allow"), "default": "Forbid"},
        historyLimit={**_whole(1), "default": 1},
        **dict(fields),
    )
    made = _definition("Schedule", spec)
    made["metadata"]["name"] = f"schedules.{GROUP}"
    made["spec"]["names"].update(plural="schedules")
    made["spec"]["versions"][0]["additionalPrinterColumns"] = [
        {"name": name, "type": "string", "jsonPath": f".spec.{name}"} for name in ("schedule", "type")
    ]
    return made


def _schemas() -> tuple[Object, ...]:
    return _pod(), _stress(), _network(), _io()


def _definition(kind: str, spec: Object) -> Object:
    plural = kind.lower()
    columns = [{"name": "duration", "type": "string", "jsonPath": ".spec.duration"}]
    if "action" in spec["properties"]:
        columns.insert(0, {"name": "action", "type": "string", "jsonPath": ".spec.action"})
    schema = {"type": "object", "required": ["spec"], "properties": {"spec": spec, "status": _OPEN}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}", "annotations": {FOLLOWING: "true"}},
        "spec": {
            "group": GROUP,
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": plural},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "additionalPrinterColumns": columns,
                }
            ],
        },
    }


def _spec(required: tuple[str, ...], **fields: Object) -> Object:
    """A spec with what all kinds have: whom it hits, how many of those, and for how long."""
    shared = {
        "selector": _selector(),
        "mode": _MODE,
        "value": _TEXT,
        "duration": _PERIOD,
        "remoteCluster": _TEXT,
        "containerNames": _TEXTS,
    }
    return {"type": "object", "required": ["mode", "selector", *required], "properties": {**shared, **fields}}


def _selector() -> Object:
    expression = {
        "type": "object",
        "required": ["key", "operator"],
        "properties": {"key": _TEXT, "operator": _TEXT, "values": _TEXTS},
    }
    return {
        "type": "object",
        "properties": {
            "namespaces": _TEXTS,
            "pods": {"type": "object", "additionalProperties": _TEXTS},
            "nodes": _TEXTS,
            "podPhaseSelectors": _TEXTS,
            "labelSelectors": _LABELS,
            "annotationSelectors": _LABELS,
            "fieldSelectors": _LABELS,
            "nodeSelectors": _LABELS,
            "expressionSelectors": {"type": "array", "items": expression},
        },
    }


def _words(*allowed: str) -> Object:
    return {"type": "string", "enum": list(allowed)}


def _whole(least: int, most: int | None = None) -> Object:
    return {"type": "integer", "minimum": least, **({"maximum": most} if most is not None else {})}


def _part(required: tuple[str, ...], **fields: Object) -> Object:
    return {"type": "object", **({"required": list(required)} if required else {}), "properties": fields}


def _pod() -> Object:
    return _spec(("action",), action=_words("pod-kill", "pod-failure", "container-kill"), gracePeriod=_whole(0))


def _stress() -> Object:
    cpu = _part(("workers",), workers=_whole(1, 8192), load=_whole(0, 100), options=_TEXTS)
    size = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?(%|[kKmMgGtT]?[iI]?[bB]?)$"}
    memory = _part(("workers",), workers=_whole(1, 8192), size=size, oomScoreAdj=_whole(-1000, 1000), options=_TEXTS)
    return _spec((), stressors=_part((), cpu=cpu, memory=memory), stressngStressors=_TEXT)


def _network() -> Object:
    target = _part(("mode", "selector"), selector=_selector(), mode=_MODE, value=_TEXT)
    rate = {"type": "string", "pattern": r"^[0-9]+ ?([kmgtKMGT]?(bit|bps))$"}
    return _spec(
        ("action",),
        action=_words("netem", "delay", "loss", "duplicate", "corrupt", "partition", "bandwidth"),
        device=_TEXT,
        direction={**_words("to", "from", "both"), "default": "to"},
        target=target,
        targetDevice=_TEXT,
        externalTargets=_TEXTS,
        delay=_part(("latency",), latency=_PERIOD, jitter=_PERIOD, correlation=_PERCENT, reorder=_OPEN),
        loss=_part(("loss",), loss=_PERCENT, correlation=_PERCENT),
        duplicate=_part(("duplicate",), duplicate=_PERCENT, correlation=_PERCENT),
        corrupt=_part(("corrupt",), corrupt=_PERCENT, correlation=_PERCENT),
        rate=_part(("rate",), rate=_TEXT),
        bandwidth=_part(
            ("rate", "limit", "buffer"),
            rate=rate,
            limit=_whole(1),
            buffer=_whole(1),
            peakrate=_whole(0),
            minburst=_whole(0),
        ),
    )


def _io() -> Object:
    return _spec(
        ("action", "volumePath"),
        action=_words("latency", "fault", "attrOverride", "mistake"),
        delay=_PERIOD,
        errno=_whole(0),
        attr=_OPEN,
        mistake=_OPEN,
        path=_TEXT,
        methods=_TEXTS,
        percent={**_whole(0, 100), "default": 100},
        volumePath=_TEXT,
    )
