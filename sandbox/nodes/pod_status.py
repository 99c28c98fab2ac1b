"""What the kubelet tells the API server of a Pod."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..controllers.pods import with_condition, with_conditions
from .images import full_name
from .run import ContainerRun, PodRun

Object = dict[str, Any]


def pod_status(run: PodRun, pod: Object, now: str) -> Object:
    """The status that the kubelet reports for the Pod."""
    waiting = [item.name for item in run.every if not (item.ready or item.late) and (item.sidecar or not item.init)]
    undone = [item.name for item in run.inits if not item.done]
    unready = (
        ("False", "ContainersNotReady", f"containers with unready status: [{' '.join(waiting)}]")
        if waiting
        else ("True", "", "")
    )
    phase = _phase(run, pod)
    if phase == "Succeeded":
        unready = ("False", "PodCompleted", "")
    generation = pod["metadata"].get("generation", 1)
    conditions = []
    for kind, (status, reason, message) in (
        ("PodReadyToStartContainers", ("True" if run.mounted and phase != "Succeeded" else "False", "", "")),
        ("Initialized", _initialized(undone)),
        ("Ready", unready),
        ("ContainersReady", unready),
        ("PodScheduled", ("True", "", "")),
    ):
        new = {"type": kind, "status": status, "lastProbeTime": None, "observedGeneration": generation}
        if reason:
            new["reason"] = reason
        if message:
            new["message"] = message
        conditions.append(new)
    by_name = sorted(run.containers, key=lambda item: item.name)  # as kubelets list them; init containers as they run
    status_ = {
        **pod["status"],
        "phase": phase,
        "conditions": with_conditions(pod.get("status", {}).get("conditions", []), conditions, now),
        "hostIP": run.host_ip,
        "hostIPs": [{"ip": run.host_ip}],
        "startTime": run.start_stamp,
        "containerStatuses": [_container_status(item, run) for item in by_name],
        "observedGeneration": generation,
    }
    if run.inits:
        status_["initContainerStatuses"] = [_container_status(item, run) for item in run.inits]
    if run.late:
        status_["ephemeralContainerStatuses"] = [_late_status(item, run) for item in run.late]
    if run.mounted:
        status_.update(podIP=run.ip, podIPs=[{"ip": run.ip}])
    return status_


def ended_status(run: PodRun, pod: Object, now: str) -> Object:
    """The status with which a Pod goes: its programs have heeded the signal and ended well."""
    status = dict(pod.get("status") or {})
    if not status.get("containerStatuses"):
        return status
    containers = []
    for there in status["containerStatuses"]:
        running = there["state"].get("running")
        if running:
            ended = {"exitCode": 0, "reason": "Completed", "startedAt": running["startedAt"], "finishedAt": now}
            ended["containerID"] = there.get("containerID", "")
            there = {**there, "state": {"terminated": ended}, "ready": False, "started": False}
        containers.append(there)
    ends = [there["state"].get("terminated") for there in containers]
    if not all(ends):
        return status
    status["containerStatuses"] = containers
    status["phase"] = "Failed" if any(end["exitCode"] for end in ends if end) else "Succeeded"
    conditions = status.get("conditions") or []
    for kind in ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady"):
        old = next((item for item in conditions if item["type"] == kind), None)
        if old is not None:
            new = {**old, "status": "True" if kind == "Initialized" else "False"}
            if kind != "PodReadyToStartContainers":
                new = {**new, "reason": "PodCompleted"}
                new.pop("message", None)
            conditions = with_condition(conditions, new, now)
    return {**status, "conditions": conditions}


def _initialized(undone: list[str]) -> tuple[str, str, str]:
    if not undone:
        return "True", "", ""
    return "False", "ContainersNotInitialized", f"containers with incomplete status: [{' '.join(undone)}]"


def _phase(run: PodRun, pod: Object) -> str:
    states = [item.state for item in run.containers]
    ended = [state["terminated"] for state in states if "terminated" in state]
    policy = pod["spec"].get("restartPolicy", "Always")
    if any(item.state.get("terminated", {}).get("exitCode") for item in run.inits) and policy == "Never":
        return "Failed"
    if not all(item.done for item in run.inits):
        return "Pending"
    if len(ended) == len(states) and (
        policy == "Never" or (policy == "OnFailure" and not any(item["exitCode"] for item in ended))
    ):
        return "Failed" if any(item["exitCode"] for item in ended) else "Succeeded"
    begun = all(
        "running" in state or "terminated" in state or item.last
        for state, item in zip(states, run.containers, strict=True)
    )
    return "Running" if begun else "Pending"


def _container_status(item: ContainerRun, run: PodRun) -> Object:
    image = str(item.spec["image"])
    image = full_name(image) if item.image_present else image
    state = item.state
    if run.inits and not item.begun and "waiting" in state:
        state = {"waiting": {"reason": "PodInitializing"}}
    status: Object = {
        "name": item.name,
        "image": image,
        "imageID": f"{image.rsplit(':', 1)[0]}@sha256:{_digest(image)}" if item.image_present else "",
        "ready": item.ready,
        "started": item.started,
        "restartCount": item.restarts,
        "state": state,
        "lastState": item.last,
    }
    if item.container_id:
        status["containerID"] = item.container_id
        resources = item.spec.get("resources") or {}
        status["resources"] = resources
        if resources.get("requests"):
            status["allocatedResources"] = resources["requests"]
    if item.spec.get("volumeMounts"):
        status["volumeMounts"] = [
            {**mount, "recursiveReadOnly": "Disabled"} if mount.get("readOnly") else mount
            for mount in item.spec["volumeMounts"]
        ]
    return status


def _late_status(item: ContainerRun, run: PodRun) -> Object:
    """Of an ephemeral container nobody asks whether it is ready."""
    whole = _container_status(item, run)
    return {key: value for key, value in whole.items() if key not in ("started", "allocatedResources")} | {
        "ready": False
    }


@lru_cache(maxsize=1024)
def _digest(image: str) -> str:
    number = 0
    for byte in image.encode():
        number = (number * 0x100000001B3 ^ byte) % 2**256
    return f"{number:064x}"
