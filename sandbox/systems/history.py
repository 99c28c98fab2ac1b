"""Pasts: how a system came to be what it is, and how to live through that on a cluster."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from .edits import container_path, value_at, with_value
from .names import older_tag
from .parts import last_applied
from .rest import Api, ApiError
from .system import Change, System

Object = dict[str, Any]

HOUR = 3600.0
DAY = 24 * HOUR
DEPLOYERS = ("kubectl-client-side-apply", "kubectl-client-side-apply", "helm", "argocd-controller")
BY_HAND = ("kubectl-edit", "kubectl-set", "kubectl-patch")


def with_history(system: System, rng: random.Random, *, share: float = 0.6) -> System:
    """The same system of today with earlier revisions of about ``share`` of its workloads.

    Works backwards: each step back undoes a plausible change (an image, a number, resources), so that
    every revision ran well.
    """
    deployer = rng.choice(DEPLOYERS)
    first: list[Object] = []
    changes: list[tuple[float, Change]] = []  # seconds before today
    images = set(system.images)
    managers: dict[str, str] = {}
    for manifest in system.manifests:
        key = f"{manifest['kind']}/{manifest['metadata']['name']}"
        managers[key] = deployer
        oldest = manifest
        if manifest["kind"] in ("Deployment", "StatefulSet") and rng.random() < share:
            versions = [manifest]
            for _ in range(rng.choice((1, 1, 2, 2, 3, 4, 5))):
                versions.insert(0, _earlier(versions[0], rng))
            oldest = versions[0]
            ago = rng.uniform(1, 3) * HOUR if rng.random() < 0.3 else rng.uniform(0.3, 20) * DAY
            for version in reversed(versions[1:]):
                manager = deployer if rng.random() < 0.8 else rng.choice(BY_HAND)
                changes.append((ago, Change(0, manager, _signed(_explained(version, rng), manager))))
                ago += rng.uniform(0.2, 9) * DAY
            images |= {
                item["image"] for version in versions for item in version["spec"]["template"]["spec"]["containers"]
            }
        first.append(_signed(oldest, deployer))
    changes.sort(key=lambda item: -item[0])
    steps, last = [], (changes[0][0] if changes else 0.0) + DAY
    for ago, change in changes:
        steps.append(replace(change, after=last - ago))
        last = ago
    return replace(
        system,
        manifests=tuple(first),
        history=tuple(steps),
        images=frozenset(images),
        managers=managers,
        age=last if steps else system.age,
    )


def deploy(transport: Any, system: System) -> None:
    """Creates the system on any cluster and lives through its history without the waits between.

    What is there already stays (a sandbox loads its system itself).
    """
    api = Api(transport)
    for manifest in system.manifests:
        key = f"{manifest['kind']}/{manifest['metadata']['name']}"
        try:
            api.create(manifest, (system.managers or {}).get(key, "kubectl-client-side-apply"))
        except ApiError as error:
            if error.status != 409:
                raise
    for change in system.history:
        _write(api, change)
        _until_seen(api, change.manifest)


def prepare(sandbox: Any, system: System) -> None:
    """Lives through the system's history at its own pace and on to today's steady state."""
    transport = sandbox.transport()
    api = Api(transport)
    sandbox.behaviour.mute_events_until(sandbox.clock.elapsed + past(system) - HOUR)
    transport.sleep(60.0)
    for change in system.history:
        transport.sleep(change.after)
        _write(api, change)
    transport.sleep(max(system.age, 120.0))


def past(system: System) -> float:
    """How many seconds a system has lived through when it is prepared."""
    return 60.0 + sum(change.after for change in system.history) + max(system.age, 120.0)


def _write(api: Api, change: Change) -> None:
    wanted = change.manifest
    meta = wanted["metadata"]

    def changed(live: Object) -> Object:
        notes = {**live["metadata"].get("annotations", {}), **meta.get("annotations", {})}
        metadata = {**live["metadata"], "annotations": notes}
        return {**live, "metadata": metadata, "spec": {**live["spec"], **wanted["spec"]}}

    try:
        api.edit(wanted["kind"], meta.get("namespace", ""), meta["name"], changed, change.manager)
    except KeyError:  # it was not there before
        api.create(wanted, change.manager)


def _until_seen(api: Api, manifest: Object) -> None:
    """Waits until the controller has made this revision: of two writes in a row it would see only the later."""
    kind, meta = manifest["kind"], manifest["metadata"]
    for _ in range(50):
        live = api.get(kind, meta.get("namespace", ""), meta["name"])
        if live is None or live.get("status", {}).get("observedGeneration", 0) >= live["metadata"].get("generation", 0):
            return
        api.transport.sleep(0.1)


def _signed(manifest: Object, manager: str) -> Object:
    return last_applied(manifest) if manager == "kubectl-client-side-apply" and manifest["kind"] != "Node" else manifest


def _explained(manifest: Object, rng: random.Random) -> Object:
    if rng.random() > 0.2:
        return manifest
    image = manifest["spec"]["template"]["spec"]["containers"][0]["image"]
    notes = {
        **manifest["metadata"].get("annotations", {}),
        "kubernetes.io/change-cause": f"release {image.rsplit(':', 1)[-1]}",
    }
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": notes}}


def _earlier(manifest: Object, rng: random.Random) -> Object:
    """One plausible change back in time: image, a number in the environment, memory, or two of them."""
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    name = container["name"]
    made = manifest
    repository, _, tag = container["image"].rpartition(":")
    kind = rng.random()
    if kind < 0.7:
        made = with_value(made, container_path(name, "image"), f"{repository}:{older_tag(rng, tag)}")
    if kind > 0.55:
        made = _earlier_setting(made, name, rng) or _earlier_memory(made, name, rng) or made
    if made == manifest:
        made = with_value(made, container_path(name, "image"), f"{repository}:{older_tag(rng, tag)}")
    return dict(made)


def _earlier_setting(manifest: Object, container: str, rng: random.Random) -> Object | None:
    env = value_at(manifest, container_path(container, "env")) or []
    numbers = [
        item for item in env if item.get("value", "").isdecimal() and item["name"] not in ("PORT", "WORKING_SET_MB")
    ]
    if not numbers or rng.random() < 0.3:
        return None
    item = rng.choice(numbers)
    value = str(max(1, int(int(item["value"]) * rng.choice((0.5, 0.8, 1.25, 2)))))
    return dict(with_value(manifest, container_path(container, "env", {"name": item["name"]}, "value"), value))


def _earlier_memory(manifest: Object, container: str, rng: random.Random) -> Object | None:
    limit = value_at(manifest, container_path(container, "resources", "limits", "memory"))
    if not limit or not limit.endswith("Mi"):
        return None
    more = int(int(limit[:-2]) * rng.choice((1.25, 1.5, 2)))
    return dict(with_value(manifest, container_path(container, "resources", "limits", "memory"), f"{more}Mi"))
