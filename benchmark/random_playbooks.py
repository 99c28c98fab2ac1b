"""Random playbooks that the gate lets through: every module, argument and keyword that it allows, on live objects.

They are no repairs. They are there to hold two ways of carrying out a playbook against each other.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import yaml

Object = dict[str, Any]
Objects = Mapping[str, list[Object]]
Tasks = list[Object]

_PATIENT = {"wait": True, "wait_timeout": 100, "wait_sleep": 1}
_IMPATIENT = {"wait": True, "wait_timeout": 2, "wait_sleep": 1}
_VERSIONS = {"Deployment": "apps/v1", "StatefulSet": "apps/v1", "ReplicaSet": "apps/v1"}


def random_playbook(rng: random.Random, namespace: str, objects: Objects) -> str:
    """YAML of a play with one to five tasks on the objects, by kind, of a namespace."""
    tasks: Tasks = []
    writer = _Writer(rng, namespace, objects)
    wanted = rng.randint(1, 5)
    while len(tasks) < wanted:
        tasks += writer.write()
    return yaml.safe_dump([{"name": "Anything at all", "hosts": "localhost", "tasks": tasks}], sort_keys=False)


class _Writer:
    """``broken``: workloads that an earlier task may have left unable to get ready: nobody waits for them."""

    def __init__(self, rng: random.Random, namespace: str, objects: Objects) -> None:
        self._rng, self._namespace, self._objects = rng, namespace, objects
        self._broken: set[str] = set()
        self._deleted: set[str] = set()
        self._number = 0

    def write(self) -> Tasks:
        kinds: list[Callable[[], Tasks]] = [
            *[self._patched] * 5,
            *[self._scaled] * 2,
            *[self._json_patched] * 2,
            *[self._settings] * 3,
            self._rolled_back,
            self._service,
            self._pod_deleted,
            self._looked,
            self._until,
        ]
        tasks = self._rng.choice(kinds)()
        if tasks and self._rng.random() < 0.15:
            return self._rescued(tasks)
        if tasks and self._rng.random() < 0.1:
            tasks[-1]["ignore_errors"] = True
        return tasks

    # Workloads

    def _patched(self) -> Tasks:
        item = self._workload("Deployment", "Deployment", "StatefulSet")
        if item is None:
            return []
        spec, breaks = self._change(item)
        args = {**self._named(item), "state": "patched", "definition": {"spec": spec}}
        if self._rng.random() < 0.2:
            args["merge_type"] = ["strategic-merge"]
        return [self._task("kubernetes.core.k8s", {**args, **self._waiting(item, breaks)})]

    def _change(self, item: Object) -> tuple[Object, bool]:
        rng, container = self._rng, item["spec"]["template"]["spec"]["containers"][0]
        repository, _, tag = container["image"].rpartition(":")
        number = rng.randint(1, 9)

        def inside(**fields: Any) -> Object:
            return {"template": {"spec": {"containers": [{"name": container["name"], **fields}]}}}

        annotation = {"kubectl.kubernetes.io/restartedAt": f"2026-03-02T10:0{number}:00Z"}
        choices: list[tuple[Object, bool]] = [
            (inside(env=[{"name": f"EXTRA_{number}", "value": str(number)}]), False),
            (inside(env=[{"name": "PORT", "value": str(8080 + number)}]), True),
            (
                inside(resources={"limits": {"memory": f"{256 + 64 * number}Mi", "cpu": f"{400 + 100 * number}m"}}),
                False,
            ),
            (inside(resources={"limits": {"memory": "8Mi"}, "requests": {"memory": "8Mi"}}), True),
            (inside(image=f"{repository}:{tag}"), False),
            (inside(image=f"{repository}:{tag}-none"), True),
            (
                inside(readinessProbe={"periodSeconds": number, "failureThreshold": 3}),
                "readinessProbe" not in container,
            ),
            (inside(imagePullPolicy=rng.choice(["Always", "IfNotPresent"])), False),
            ({"template": {"metadata": {"annotations": annotation}}}, False),
            ({"template": {"metadata": {"labels": {"extra": f"v{number}"}}}}, False),
            ({"template": {"spec": {"terminationGracePeriodSeconds": 5 * number}}}, False),
            ({"template": {"spec": {"nodeSelector": {"disk": "none"}}}}, True),
            ({"template": {"spec": {"tolerations": [{"key": "extra", "operator": "Exists"}]}}}, False),
            ({"replicas": rng.randint(1, 4)}, False),
            ({"minReadySeconds": rng.randint(0, 3)}, False),
            (inside(resources={"limits": {"memory": "1Gi"}, "requests": {"memory": "2Gi"}}), False),  # refused
        ]
        if item["kind"] == "Deployment":
            rolling = {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": rng.choice([1, "50%"]), "maxUnavailable": 0},
            }
            choices += [({"strategy": rolling}, False), ({"progressDeadlineSeconds": 60 * number}, False)]
        return rng.choice(choices)

    def _scaled(self) -> Tasks:
        item = self._workload("Deployment", "StatefulSet")
        if item is None:
            return []
        args = {**self._named(item), "replicas": self._rng.randint(1, 5)}
        if self._rng.random() < 0.2:
            args["current_replicas"] = self._rng.randint(1, 3)
        waiting = self._waiting(item, False)
        return [self._task("kubernetes.core.k8s_scale", {**args, **(waiting or {"wait": False})})]

    def _json_patched(self) -> Tasks:
        item = self._workload("Deployment", "StatefulSet")
        if item is None:
            return []
        container = "/spec/template/spec/containers/0"
        extra = {"name": "PATCHED", "value": str(self._rng.randint(1, 9))}
        env = item["spec"]["template"]["spec"]["containers"][0].get("env")
        patches: list[list[Object]] = [
            [{"op": "replace", "path": "/spec/replicas", "value": self._rng.randint(1, 4)}],
            [{"op": "add", "path": f"{container}/env", "value": [*(env or ()), extra]}],
            [{"op": "replace", "path": "/spec/template/spec/terminationGracePeriodSeconds", "value": 11}],
            [{"op": "remove", "path": "/spec/template/spec/nodeSelector/none"}],  # refused
        ]
        if env:
            patches.append([{"op": "add", "path": f"{container}/env/-", "value": extra}])
        args = {**self._named(item), "patch": self._rng.choice(patches)}
        return [self._task("kubernetes.core.k8s_json_patch", {**args, **self._waiting(item, False)})]

    def _rolled_back(self) -> Tasks:
        item = self._workload("Deployment")
        if item is None:
            return []
        self._broken.add(item["metadata"]["name"])  # where it goes back to may be no better
        return [self._task("kubernetes.core.k8s_rollback", self._named(item))]

    # Other objects

    def _settings(self) -> Tasks:
        rng, found = self._rng, self._objects.get("ConfigMap") or []
        names = [item["metadata"]["name"] for item in found if item["metadata"]["name"] != "kube-root-ca.crt"]
        data = {f"EXTRA_{rng.randint(1, 3)}": str(rng.randint(1, 3))}
        base: Object = {"api_version": "v1", "kind": "ConfigMap", "namespace": self._namespace}
        if names and rng.random() < 0.5:
            name = rng.choice(names)
            if rng.random() < 0.3:
                patch = [{"op": "add", "path": "/data/PATCHED", "value": "1"}]
                return [self._task("kubernetes.core.k8s_json_patch", {**base, "name": name, "patch": patch})]
            return [
                self._task(
                    "kubernetes.core.k8s", {**base, "name": name, "state": "patched", "definition": {"data": data}}
                )
            ]
        more = rng.choice([{}, {"state": "present"}])
        args = {**base, "name": f"extra-{rng.randint(1, 2)}", **more, "definition": {"data": data}}
        return [self._task("kubernetes.core.k8s", args)]

    def _service(self) -> Tasks:
        found = [item for item in self._objects.get("Service") or () if item["spec"].get("ports")]
        if not found:
            return []
        item = self._rng.choice(found)
        port = item["spec"]["ports"][0]
        change = self._rng.choice(
            [
                {"ports": [{**{key: port[key] for key in ("name", "port") if key in port}, "targetPort": 8080}]},
                {"selector": {"extra": "none"}},
            ]
        )
        args = {"api_version": "v1", "kind": "Service", "namespace": self._namespace, "name": item["metadata"]["name"]}
        return [self._task("kubernetes.core.k8s", {**args, "state": "patched", "definition": {"spec": change}})]

    def _pod_deleted(self) -> Tasks:
        names = [pod["metadata"]["name"] for pod in self._objects.get("Pod") or ()]
        names = [name for name in names if name not in self._deleted]  # twice: whether it is there yet, time decides
        if not names:
            return []
        name = self._rng.choice(names)
        self._deleted.add(name)
        args: Object = {
            "api_version": "v1",
            "kind": "Pod",
            "namespace": self._namespace,
            "name": name,
            "state": "absent",
        }
        if self._rng.random() < 0.3:
            args["delete_options"] = {"gracePeriodSeconds": self._rng.choice([0, 5])}
        if self._rng.random() < 0.3:
            args |= _PATIENT
        return [self._task("kubernetes.core.k8s", args)]

    # Looking, and what follows from it

    def _looked(self) -> Tasks:
        item = self._workload("Deployment", "StatefulSet")
        if item is None:
            return []
        found = f"found_{self._number}"
        look = self._task("kubernetes.core.k8s_info", self._named(item), register=found)
        if self._rng.random() < 0.3:
            labels = [f"{key}={value}" for key, value in sorted(item["metadata"].get("labels", {}).items())[:1]]
            args = {key: value for key, value in self._named(item).items() if key != "name"}
            look = self._task("kubernetes.core.k8s_info", {**args, "label_selectors": labels}, register=found)
        condition = self._rng.choice(
            [
                f"{found}.resources[0].spec.replicas > {self._rng.randint(1, 3)}",
                f"{found}.resources | length == 1",
                f"{found}.resources | length > 1 and {found} is succeeded",
                f"{found}.resources[0].metadata.labels is defined",
                f"not {found}.resources[0].spec.paused | default(false) == true",
            ]
        )
        then = self._scaled() or self._settings()
        then[-1]["when"] = condition
        return [look, *then]

    def _until(self) -> Tasks:
        item = self._workload("Deployment", "StatefulSet")
        if item is None or item["metadata"]["name"] in self._broken:
            return []
        name = f"seen_{self._number}"
        task = self._task("kubernetes.core.k8s_info", self._named(item), register=name)
        until = f"{name}.resources[0].status.readyReplicas | default(0) == {name}.resources[0].spec.replicas"
        return [{**task, "until": until, "retries": 60, "delay": 2}]

    def _rescued(self, tasks: Tasks) -> Tasks:
        block: Object = {"name": "Try", "block": tasks}
        rescue = self._settings()
        if rescue:
            block["rescue"] = rescue
        return [block]

    # Parts

    def _workload(self, *kinds: str) -> Object | None:
        found = self._objects.get(self._rng.choice(kinds)) or []
        return self._rng.choice(found) if found else None

    def _named(self, item: Object) -> Object:
        kind = item["kind"]
        return {
            "api_version": _VERSIONS[kind],
            "kind": kind,
            "namespace": self._namespace,
            "name": item["metadata"]["name"],
        }

    def _waiting(self, item: Object, breaks: bool) -> Object:
        name = item["metadata"]["name"]
        known = name in self._broken
        if breaks:
            self._broken.add(name)
        if known or self._rng.random() < 0.7:
            return {}
        return dict(_IMPATIENT if breaks else _PATIENT)

    def _task(self, module: str, args: Object, register: str = "") -> Object:
        self._number += 1
        task: Object = {"name": f"Task {self._number}", module: args}
        return {**task, "register": register} if register else task
