"""Experiments of Chaos Mesh, started by a fault on any cluster: in a namespace of their own, out of a repair's sight.

start(api, namespace, experiments, rng)     creates them and waits until they press; [(kind, name)]
withdraw(transport, injected)               deletes them and waits until they have recovered
presses(api, injected)                      whether they are on anybody still
following(transport, injected)              while it is open, they press on new Pods too where they are to

A sandbox learns Chaos Mesh from the first experiment. On a real cluster it must be installed.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from ..chaos.definitions import FOLLOWED, FOLLOWING, GROUP, KINDS, VERSION, definitions
from ..systems.rest import Api, ApiError
from .fault import CannotInject, Experiment, Injected

Object = dict[str, Any]

SPACE = "fault-experiments"
_OF = "e2ereme.remediate/experiment"  # on what a follower adds: the name of the experiment that it belongs to
_BASE = f"/apis/{GROUP}/{VERSION}/namespaces/{SPACE}"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_UNTIL_TAKEN_UP, _UNTIL_RECOVERED, _LOOK_EVERY = 30.0, 60.0, 1.0
_BY_CONTAINER = ("StressChaos", "IOChaos")


def start(
    api: Api, namespace: str, experiments: Iterable[Experiment], rng: random.Random
) -> tuple[tuple[str, str], ...]:
    """Creates them and waits until they press. Raises CannotInject where nobody carries them out."""
    installed = install(api)
    made = create(api, namespace, experiments, rng)
    waited = 0.0
    while not all(_injected(api, *item) for item in made):
        if waited >= _UNTIL_TAKEN_UP:
            why = _complaints(api, made)
            _delete(api, made)
            if installed:
                _uninstall(api)
            raise CannotInject(f"no experiment was carried out: {why or 'is Chaos Mesh installed on this cluster?'}")
        api.transport.sleep(_LOOK_EVERY)
        waited += _LOOK_EVERY
    return made


def create(
    api: Api, namespace: str, experiments: Iterable[Experiment], rng: random.Random
) -> tuple[tuple[str, str], ...]:
    """Creates them, on a cluster where Chaos Mesh is. Raises CannotInject."""
    made = []
    for experiment in experiments:
        name = f"exp-{rng.getrandbits(32):08x}"
        selector: Object = {"namespaces": [namespace], "labelSelectors": dict(experiment.labels)}
        if experiment.node:
            selector["nodes"] = [experiment.node]
        notes = {FOLLOWED: "true"} if experiment.follow else {}
        _create(api, experiment.kind, name, {"mode": "all", "selector": selector, **experiment.spec}, notes)
        made.append((experiment.kind, name))
    return tuple(made)


def install(api: Api) -> bool:
    """Makes the definitions and the namespace where they are not there. Returns whether the definitions were not."""
    made = False
    for definition in definitions():
        if api.transport.request("GET", f"{_DEFINITIONS}/{definition['metadata']['name']}").status == 404:
            api.transport.request("POST", _DEFINITIONS, {"fieldManager": "chaos-mesh"}, definition)
            made = True
    try:
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}, "kubectl-create")
    except ApiError as error:
        if error.status != 409:
            raise
    if made:
        api.transport.sleep(_LOOK_EVERY)
    return made


def withdraw(transport: Any, injected: Injected) -> None:
    """Ends what presses on the system. Where nothing does, or no longer, nothing happens."""
    api, waited = Api(transport), 0.0
    every = [(kind, name) for kind, first in injected.experiments for name in (first, *_added(api, kind, first))]
    _delete(api, every)
    while any(_read(api, *item) is not None for item in every) and waited < _UNTIL_RECOVERED:
        transport.sleep(_LOOK_EVERY)
        waited += _LOOK_EVERY


def end(api: Api, injected: Injected) -> None:
    """Deletes them, and lets no time pass: they recover soon."""
    _delete(api, injected.experiments)


def presses(api: Api, injected: Injected) -> bool:
    """Whether any of them is still on a Pod, or a container, that lives."""
    for kind, name in injected.experiments:
        found = _read(api, kind, name)
        progress = (found or {}).get("status", {}).get("experiment", {})
        if found is None or "deletionTimestamp" in found["metadata"] or progress.get("desiredPhase") != "Run":
            continue
        selector = found["spec"]["selector"]
        pods = [pod for space in selector["namespaces"] for pod in api.list("Pod", space) if _selected(selector, pod)]
        if any(_life(pod, kind) and _covers(found, pod, kind) for pod in pods):
            return True
    return False


@contextlib.contextmanager
def following(transport: Any, injected: Injected) -> Iterator[None]:
    """Chaos Mesh chooses its targets once. Where the controller of this cluster is one that cannot follow (the
    sandbox's can), a thread does it by further experiments."""
    api = Api(transport)
    sticky = [item for item in injected.experiments if _is_to_follow(api, *item)]
    if not sticky or _follows_itself(api):
        yield
        return
    over = threading.Event()

    def keep_on() -> None:
        while not over.wait(_LOOK_EVERY):
            for item in sticky:
                with contextlib.suppress(ApiError, OSError):  # the next look may go better
                    follow(api, *item)

    thread = threading.Thread(target=keep_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def follow(api: Api, kind: str, name: str) -> int:
    """One look: Pods and restarted containers on which the experiment should press, and does not, get one of their
    own. Returns how many."""
    first = _read(api, kind, name)
    if first is None or "deletionTimestamp" in first["metadata"]:
        return 0
    added = {item["metadata"]["name"] for item in _siblings(api, kind, name)}
    spec, made = first["spec"], 0
    for namespace in spec["selector"]["namespaces"]:
        for pod in api.list("Pod", namespace):
            life = _life(pod, kind)
            if not life or not _selected(spec["selector"], pod) or _covers(first, pod, kind):
                continue
            sibling = f"{name}-{hashlib.sha256(life.encode()).hexdigest()[:10]}"
            if sibling not in added:
                only = {"pods": {namespace: [pod["metadata"]["name"]]}}
                _create(api, kind, sibling, {**spec, "mode": "all", "selector": only}, {}, {_OF: name})
                made += 1
    return made


def _uninstall(api: Api) -> None:
    for kind in KINDS:
        api.transport.request("DELETE", f"{_DEFINITIONS}/{kind.lower()}.{GROUP}")
    api.delete("Namespace", "", SPACE)


def _follows_itself(api: Api) -> bool:
    answer = api.transport.request("GET", f"{_DEFINITIONS}/{KINDS[0].lower()}.{GROUP}")
    return bool(answer.status == 200 and FOLLOWING in (answer.json()["metadata"].get("annotations") or {}))


def _is_to_follow(api: Api, kind: str, name: str) -> bool:
    found = _read(api, kind, name)
    return found is not None and FOLLOWED in (found["metadata"].get("annotations") or {})


def _create(
    api: Api, kind: str, name: str, spec: Object, notes: dict[str, str], labels: dict[str, str] | None = None
) -> None:
    body = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": kind,
        "metadata": {"name": name, "annotations": notes, "labels": labels or {}},
        "spec": spec,
    }
    answer = api.transport.request("POST", f"{_BASE}/{kind.lower()}", {"fieldManager": "kubectl-create"}, body)
    if answer.status >= 300 and answer.status != 409:
        raise CannotInject(f"the cluster refused a {kind}: {answer.json().get('message', answer.status)}")


def _read(api: Api, kind: str, name: str) -> Object | None:
    answer = api.transport.request("GET", f"{_BASE}/{kind.lower()}/{name}")
    found: Object | None = answer.json() if answer.status == 200 else None
    return found


def _siblings(api: Api, kind: str, name: str) -> list[Object]:
    answer = api.transport.request("GET", f"{_BASE}/{kind.lower()}", {"labelSelector": f"{_OF}={name}"})
    items: list[Object] = answer.json()["items"] if answer.status == 200 else []
    return items


def _added(api: Api, kind: str, name: str) -> list[str]:
    return [item["metadata"]["name"] for item in _siblings(api, kind, name)]


def _delete(api: Api, items: Iterable[tuple[str, str]]) -> None:
    for kind, name in items:
        api.transport.request("DELETE", f"{_BASE}/{kind.lower()}/{name}")


def _injected(api: Api, kind: str, name: str) -> bool:
    """Whether it presses on some Pod, and on all that are not ending: those may have been chosen just before."""
    progress = (_read(api, kind, name) or {}).get("status", {}).get("experiment", {})
    records = progress.get("containerRecords", ())
    pressed = [record for record in records if record["phase"] == "Injected"]
    return bool(pressed) and not any(_lives(api, record["id"]) for record in records if record not in pressed)


def _lives(api: Api, identity: str) -> bool:
    """Whether the Pod of a record is there, and not on its way out."""
    namespace, name = identity.split("/")[:2]
    pod = api.get("Pod", namespace, name)
    return pod is not None and "deletionTimestamp" not in pod["metadata"]


def _complaints(api: Api, items: Iterable[tuple[str, str]]) -> str:
    """What the records of experiments say that failed."""
    found = []
    for item in items:
        progress = (_read(api, *item) or {}).get("status", {}).get("experiment", {})
        for record in progress.get("containerRecords", ()):
            found += [event["message"] for event in record.get("events", ()) if event.get("message")][-1:]
    return "; ".join(dict.fromkeys(found))


def _selected(selector: Object, pod: Object) -> bool:
    nodes = selector.get("nodes")
    labels = pod["metadata"].get("labels") or {}
    return selector["labelSelectors"].items() <= labels.items() and (not nodes or pod["spec"].get("nodeName") in nodes)


def _life(pod: Object, kind: str) -> str:
    """What an experiment binds to: a container's life, or a Pod's; empty where there is none yet."""
    if "deletionTimestamp" in pod["metadata"] or not pod.get("status", {}).get("podIP"):
        return ""
    if kind not in _BY_CONTAINER:
        return str(pod["metadata"]["uid"])
    status = (pod["status"].get("containerStatuses") or [{}])[0]
    return str(status.get("containerID", "")) if "running" in status.get("state", {}) else ""


def _covers(first: Object, pod: Object, kind: str) -> bool:
    """Whether the first experiment itself presses on this life of the Pod's or container's."""
    whole = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    began = pod["metadata"]["creationTimestamp"]
    if kind in _BY_CONTAINER:
        began = pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]
    for record in first.get("status", {}).get("experiment", {}).get("containerRecords", ()):
        if record["id"] == whole or record["id"].startswith(f"{whole}/"):
            done = [event["timestamp"] for event in record.get("events", ()) if event["type"] == "Succeeded"]
            return bool(done) and began <= done[-1]
    return False
