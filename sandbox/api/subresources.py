"""What hangs below objects: scale, logs, proxy, eviction; and what is only answered, never stored."""

from __future__ import annotations

import json
import re
from typing import Any

from ..store import Store
from .authorization import issue_token
from .conversing import chosen_container, converse
from .exchange import Request, Response, Target
from .node_proxy import ask_node
from .patch import json_patch, merge_patch
from .reads import Reads, Stream
from .selectors import selects, spelled
from .status import StatusError, bad_request, conflict
from .validation import check_replicas
from .webhooks import ask_webhooks
from .writes import JSON_PATCH, Writes

Object = dict[str, Any]

_WAITING = {
    "ImagePullBackOff": "trying and failing to pull image",
    "ErrImagePull": "image can't be pulled",
    "InvalidImageName": "image name is invalid",
}

_OWN_WORDS = ("no service port ", "no endpoints available for service ", "error trying to reach service: ")
"""How the API server begins when it could not reach the program; all else is the program's own answer."""


class Subresources:
    """``behaviour`` is what runs the Pods: it knows their logs and their answers."""

    def __init__(self, store: Store, reads: Reads, writes: Writes, behaviour: Any) -> None:
        self._store, self._reads, self._writes, self._behaviour = store, reads, writes, behaviour

    def answer(self, request: Request, target: Target) -> Response | Stream:
        if target.subresource == "scale":
            return self._scale(request, target)
        if target.subresource == "log":
            return self._log(request, target)
        if target.subresource == "proxy":
            return self._proxy(request, target)
        if target.subresource == "eviction" and request.method == "POST":
            body = request.document("Eviction") or {}
            if (body.get("metadata") or {}).get("name", target.name) != target.name:
                raise bad_request("name in URL does not match name in Eviction object")
            pod = self._reads.find(target)
            ask_webhooks(self._store, target.resource, "CREATE", pod, subresource="eviction", dry=request.dry)
            self._check_budgets(pod)
            options = body.get("deleteOptions") or {}
            self._writes.delete(Request("DELETE", request.path, body=options), target)
            return Response(
                201, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
            )
        if target.subresource == "binding" and request.method == "POST":
            return self.bind(request, target)
        found = self._reads.find(target)
        if target.subresource in ("exec", "attach", "portforward"):
            return converse(self._behaviour, request, target, found)
        if target.subresource == "token" and request.method == "POST":
            return issue_token(self._store, request, found)
        raise StatusError(
            501, "NotImplemented", f"the sandbox does not offer {target.resource.plural}/{target.subresource}"
        )

    def bind(self, request: Request, target: Target) -> Response:
        """Puts a Pod on a node, as a scheduler does."""
        body = request.document("Binding") or {}
        name = target.name or (body.get("metadata") or {}).get("name", "")
        resource = self._store.registry.by_path["", "v1", "pods"]
        pod = self._reads.find(Target(resource, target.namespace, name))
        node = (body.get("target") or {}).get("name", "")
        if pod["spec"].get("nodeName"):
            why = f"pod {name} is already assigned to node {json.dumps(pod['spec']['nodeName'])}"
            raise conflict("pods/binding", "", name, why)
        if not request.dry:
            self._store.update({**pod, "metadata": dict(pod["metadata"]), "spec": {**pod["spec"], "nodeName": node}})
        return Response(201, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})

    # Scale

    def _scale(self, request: Request, target: Target) -> Response:
        obj = self._reads.find(target)
        if request.method == "GET":
            return Response(200, _scale_of(obj))
        current = _scale_of(obj)
        sent = request.document("Scale")
        if request.method == "PUT":
            new = sent
        elif request.content_type.startswith(JSON_PATCH):
            new = json_patch(current, sent)
        else:
            new = merge_patch(current, sent)
        replicas = (new.get("spec") or {}).get("replicas", 0)
        if type(replicas) is not int:
            got = "string" if isinstance(replicas, str) else type(replicas).__name__
            why = f"json: cannot unmarshal {got} into Go struct field ScaleSpec.spec.replicas of type int32"
            if request.method == "PATCH":
                message = f"Invalid value: {json.dumps(json.dumps(new, separators=(',', ':')))}: {why}"
                cause = {"reason": "FieldValueInvalid", "message": message, "field": "patch"}
                raise StatusError(422, "Invalid", f' "" is invalid: patch: {message}', {"causes": [cause]})
            raise bad_request(f'Scale in version "v1" cannot be handled as a Scale: {why}')
        check_replicas(target.name, replicas)
        version = (new.get("metadata") or {}).get("resourceVersion")
        if version and version != obj["metadata"]["resourceVersion"]:
            raise conflict(target.resource.plural, target.resource.group, target.name)
        changed = {**obj, "spec": {**obj["spec"], "replicas": replicas}}
        body = {"kind": target.resource.kind, "apiVersion": target.resource.api_version, **changed}
        put = Request("PUT", request.path, request.query, body, user_agent=request.user_agent, user=request.user)
        answer = self._writes.update(put, target)
        return Response(200, _scale_of(json.loads(answer.body)))

    # Logs

    def _log(self, request: Request, target: Target) -> Response | Stream:
        pod = self._reads.find(target)
        container = chosen_container(pod, request.query.get("container", ""))
        if not pod["spec"].get("nodeName"):
            raise bad_request(f"pod {target.name} does not have a host assigned")
        previous = request.flag("previous")
        tail = int(request.query["tailLines"]) if request.query.get("tailLines") else None
        since = self._since(request)
        why = self._behaviour.unreachable(pod["spec"]["nodeName"])
        if why:
            url = f"containerLogs/{target.namespace}/{target.name}/{container}"
            raise StatusError(500, "", f'Get "https://{why.split()[2][:-1]}/{url}": {why}')
        text = self._behaviour.logs(target.namespace, target.name, container, previous, tail)
        if text is None or not _has_run(pod, container, previous):
            raise bad_request(_no_log(pod, container, previous))
        if request.flag("follow") and not previous:
            return Follow(self._store, self._behaviour, target, container, text)
        if since or request.flag("timestamps"):
            text = _stamped(text, since, request.flag("timestamps"), pod["status"].get("startTime", ""))
        if request.query.get("limitBytes"):
            text = text[: int(request.query["limitBytes"])]
        return Response(200, body=text.encode(), content_type="text/plain")

    def _check_budgets(self, pod: Object) -> None:
        """Raises 429 when a PodDisruptionBudget wants the Pod to stay."""
        meta = pod["metadata"]
        for budget in self._store.list("PodDisruptionBudget", meta["namespace"]):
            selected = selects(budget["spec"].get("selector"), meta.get("labels") or {})
            status = budget.get("status") or {}
            if not selected or status.get("disruptionsAllowed", 0) > 0 or not _is_ready(pod):
                continue
            name = budget["metadata"]["name"]
            needs, has = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
            why = f"The disruption budget {name} needs {needs} healthy pods and has {has} currently"
            details = {"causes": [{"reason": "DisruptionBudget", "message": why}]}
            words = "Cannot evict pod as it would violate the pod's disruption budget."
            raise StatusError(429, "TooManyRequests", words, details)

    def _since(self, request: Request) -> str:
        """The time stamp before which lines do not count; "" when all do."""
        if request.query.get("sinceSeconds"):
            clock = self._store.clock
            return clock.stamp_of(clock.now.timestamp() - int(request.query["sinceSeconds"]))
        return request.query.get("sinceTime", "")

    # Proxy

    def _proxy(self, request: Request, target: Target) -> Response:
        scheme_name_port = target.name.split(":")
        name, port = scheme_name_port[0], ""
        if len(scheme_name_port) == 3:
            _, name, port = scheme_name_port
        elif len(scheme_name_port) == 2:
            name, port = scheme_name_port
        found = Target(target.resource, target.namespace, name)
        self._reads.find(found)
        if target.resource.kind == "Node":
            return ask_node(self._store, self._reads, self._behaviour, name, target.rest)
        path = target.rest
        if request.query:
            path += "?" + "&".join(f"{key}={value}" for key, value in request.query.items())
        plural = target.resource.plural
        status, seconds, body = self._behaviour.proxy(plural, target.namespace, name, port, path)
        if status == 503 and body.startswith(_OWN_WORDS):
            error = StatusError(503, "ServiceUnavailable", body)
            answer = Response(503, error.body())
            answer.seconds = seconds
            return answer
        is_json = body.lstrip().startswith("{")
        answer = Response(status, body=body.encode(), content_type="application/json" if is_json else "text/plain")
        answer.headers["Server-Timing"] = f"total;dur={seconds * 1000:.3f}"
        answer.seconds = seconds
        return answer


class Follow(Stream):
    """A log as it grows, until its container ends. ``begun``: what of it is sent first."""

    content_type = "text/plain"

    def __init__(self, store: Store, behaviour: Any, target: Target, container: str, begun: str) -> None:
        self._store, self._behaviour = store, behaviour
        self._target, self._container = target, container
        self._begun = begun
        self._seen = len(self._whole())

    def lines(self) -> list[bytes]:
        text = self._whole()
        new, self._seen = self._begun + text[self._seen :], len(text)
        self._begun = ""
        pod = self._store.get("Pod", self._target.namespace, self._target.name)
        self.ended = pod is None or "running" not in _state_of(pod, self._container).get("state", {})
        return [new.encode()] if new else []

    def _whole(self) -> str:
        target = self._target
        text: str | None = self._behaviour.logs(target.namespace, target.name, self._container, False, None)
        return text or ""


def _scale_of(obj: Object) -> Object:
    meta = {key: obj["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")}
    status: Object = {"replicas": obj.get("status", {}).get("replicas", 0)}
    if obj["spec"].get("selector"):
        status["selector"] = spelled(obj["spec"]["selector"])
    replicas = obj["spec"].get("replicas", 0)
    spec = {"replicas": replicas} if replicas else {}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": meta, "spec": spec, "status": status}


_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def _stamped(text: str, since: str, show: bool, start: str) -> str:
    """Lines with the time at which each was written (a line's own stamp, else that of the line before it)."""
    lines, stamp = [], start
    for line in text.splitlines():
        found = _STAMP.match(line)
        stamp = found.group() if found else stamp
        if stamp >= since:
            lines.append(f"{stamp[:-1]}.000000000Z {line}" if show else line)
    return "".join(f"{line}\n" for line in lines)


def _state_of(pod: Object, container: str) -> Object:
    status = pod.get("status", {})
    groups = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    states = [there for group in groups for there in status.get(group, ())]
    return next((there for there in states if there["name"] == container), {})


def _is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def _has_run(pod: Object, container: str, previous: bool) -> bool:
    """Whether there is a log to read: of the run before, or of this one (of the last one while the next waits)."""
    state = _state_of(pod, container)
    ended_before = "terminated" in state.get("lastState", {})
    return (
        ended_before if previous else ended_before or not {"running", "terminated"}.isdisjoint(state.get("state", {}))
    )


def _no_log(pod: Object, container: str, previous: bool) -> str:
    name = pod["metadata"]["name"]
    if previous:
        return f'previous terminated container "{container}" in pod "{name}" not found'
    state = _state_of(pod, container)
    reason = state.get("state", {}).get("waiting", {}).get("reason", "ContainerCreating")
    return f'container "{container}" in pod "{name}" is waiting to start: {_WAITING.get(reason, reason)}'
