"""Refusals that look at more than one field of a workload, a container or a Service."""

from __future__ import annotations

import json
import re
from typing import Any

from .schedule import BadSchedule, parse, zone_of
from .selectors import selects

Object = dict[str, Any]
Causes = list[dict[str, str]]

_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_LONG_LIVED = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")
_PORT_CHARACTERS = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"


def check_workload(kind: str, spec: Object, causes: Causes) -> None:
    """A workload's selector against its template, its strategy, and the Pods it makes; a Pod's own spec."""
    if kind == "Pod":
        _check_pod(spec, "spec", causes, set())
        return
    template = spec.get("template")
    if not isinstance(template, dict):
        return
    if kind in _LONG_LIVED:
        labels = template.get("metadata", {}).get("labels", {})
        selector = spec.get("selector")
        if selector is None or not selects(selector, labels):
            message = f"Invalid value: {_shown(labels)}: `selector` does not match template `labels`"
            causes.append(_cause("FieldValueInvalid", message, "spec.template.metadata.labels"))
        policy = template.get("spec", {}).get("restartPolicy")
        if policy not in (None, "Always"):
            message = f'Unsupported value: "{policy}": supported values: "Always"'
            causes.append(_cause("FieldValueNotSupported", message, "spec.template.spec.restartPolicy"))
    if kind == "Deployment":
        _check_deployment(spec, causes)
    if kind == "Job":
        _check_job(spec, causes)
    claims = {claim.get("metadata", {}).get("name") for claim in spec.get("volumeClaimTemplates", ())}
    _check_pod(template.get("spec") or {}, "spec.template.spec", causes, claims)


def _check_job(spec: Object, causes: Causes) -> None:
    if spec.get("completionMode") == "Indexed":
        if "completions" not in spec:
            words = "Required value: when completion mode is Indexed"
            causes.append(_cause("FieldValueRequired", words, "spec.completions"))
        return
    for field in ("backoffLimitPerIndex", "maxFailedIndexes"):
        if field in spec:
            words = f"Invalid value: {spec[field]}: requires indexed completion mode"
            causes.append(_cause("FieldValueInvalid", words, f"spec.{field}"))


def check_schedule(spec: Object, causes: Causes) -> None:
    """When a CronJob is due, and in whose time."""
    text, zone = spec.get("schedule", ""), spec.get("timeZone")
    words = ""
    try:
        if "TZ" in text:
            words = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        elif text:
            parse(text)
    except BadSchedule as error:
        words = str(error)
    if words:
        causes.append(_cause("FieldValueInvalid", f'Invalid value: "{text}": {words}', "spec.schedule"))
    try:
        zone_of(zone or "")
    except BadSchedule as error:
        causes.append(_cause("FieldValueInvalid", f'Invalid value: "{zone}": {error}', "spec.timeZone"))


def check_service(spec: Object, causes: Causes) -> None:
    """Names and targets of a Service's ports."""
    ports = spec.get("ports", ())
    names: set[str] = set()
    for index, port in enumerate(ports):
        where = f"spec.ports[{index}]"
        name = port.get("name")
        if not name and len(ports) > 1:
            causes.append(_cause("FieldValueRequired", "Required value", f"{where}.name"))
        elif name and name in names:
            causes.append(_cause("FieldValueDuplicate", f'Duplicate value: "{name}"', f"{where}.name"))
        names.add(name)
        target = port.get("targetPort")
        if isinstance(target, str):
            _check_port_name(target, f"{where}.targetPort", causes)


def _check_deployment(spec: Object, causes: Causes) -> None:
    strategy = spec.get("strategy", {})
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == "Recreate" and rolling is not None:
        message = "Forbidden: may not be specified when strategy `type` is 'Recreate'"
        causes.append(_cause("FieldValueForbidden", message, "spec.strategy.rollingUpdate"))
    elif rolling and all(str(rolling.get(key)) in ("0", "0%") for key in ("maxSurge", "maxUnavailable")):
        message = f"Invalid value: {_shown(rolling['maxUnavailable'])}: may not be 0 when `maxSurge` is 0"
        causes.append(_cause("FieldValueInvalid", message, "spec.strategy.rollingUpdate.maxUnavailable"))
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        message = f"Invalid value: {deadline}: must be greater than minReadySeconds"
        causes.append(_cause("FieldValueInvalid", message, "spec.progressDeadlineSeconds"))


def _check_pod(pod: Object, where: str, causes: Causes, claims: set[Any]) -> None:
    volumes = {volume.get("name") for volume in pod.get("volumes", ())} | claims
    for group in ("initContainers", "containers"):
        for index, container in enumerate(pod.get(group, ())):
            at = f"{where}.{group}[{index}]"
            _check_ports(container, at, causes)
            _check_env(container, at, causes)
            for name in _PROBES:
                if name in container:
                    _check_probe(container[name], name, f"{at}.{name}", causes)
            for place, mount in enumerate(container.get("volumeMounts", ())):
                if mount.get("name") not in volumes:
                    field = f"{at}.volumeMounts[{place}].name"
                    causes.append(_cause("FieldValueNotFound", f'Not found: "{mount.get("name")}"', field))


def _check_ports(container: Object, at: str, causes: Causes) -> None:
    names: set[str] = set()
    for index, port in enumerate(container.get("ports", ())):
        name = port.get("name")
        if not name:
            continue
        field = f"{at}.ports[{index}].name"
        _check_port_name(name, field, causes)
        if name in names:
            causes.append(_cause("FieldValueDuplicate", f'Duplicate value: "{name}"', field))
        names.add(name)


def _check_port_name(name: str, field: str, causes: Causes) -> None:
    problem = ""
    if len(name) > 15:
        problem = "must be no more than 15 characters"
    elif not re.fullmatch(r"[-a-z0-9]+", name):
        problem = _PORT_CHARACTERS
    elif not re.search("[a-z]", name):
        problem = "must contain at least one letter (a-z)"
    elif name.startswith("-") or name.endswith("-"):
        problem = "must not begin or end with a hyphen"
    elif "--" in name:
        problem = "must not contain consecutive hyphens"
    if problem:
        causes.append(_cause("FieldValueInvalid", f"Invalid value: {_shown(name)}: {problem}", field))


def _check_env(container: Object, at: str, causes: Causes) -> None:
    for index, variable in enumerate(container.get("env", ())):
        source = variable.get("valueFrom")
        if source is None:
            continue
        field = f"{at}.env[{index}].valueFrom"
        if not any(name in source for name in _SOURCES):
            words = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
            causes.append(_cause("FieldValueInvalid", f'Invalid value: "": {words}', field))
        elif variable.get("value"):
            words = "may not be specified when `value` is not empty"
            causes.append(_cause("FieldValueInvalid", f'Invalid value: "": {words}', field))


def _check_probe(probe: Object, name: str, at: str, causes: Causes) -> None:
    handlers = [handler for handler in _HANDLERS if handler in probe]
    if not handlers:
        causes.append(_cause("FieldValueRequired", "Required value: must specify a handler type", at))
    for extra in handlers[1:]:
        causes.append(
            _cause("FieldValueForbidden", "Forbidden: may not specify more than 1 handler type", f"{at}.{extra}")
        )
    threshold = probe.get("successThreshold", 1)
    if name != "readinessProbe" and threshold != 1:
        causes.append(_cause("FieldValueInvalid", f"Invalid value: {threshold}: must be 1", f"{at}.successThreshold"))


def _shown(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _cause(reason: str, message: str, field: str) -> dict[str, str]:
    return {"reason": reason, "message": message, "field": field}
