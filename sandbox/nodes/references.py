"""What a container leans on: its environment from ConfigMaps and Secrets, and what is mounted."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from ..controllers.world import World

Object = dict[str, Any]


_WRITABLE = {"emptyDir", "hostPath", "persistentVolumeClaim", "ephemeral", "nfs", "csi"}


class MissingReference(Exception):
    """The text is the kubelet's message for CreateContainerConfigError, or for a failed mount."""


def environment(world: World, pod: Object, container: Object) -> dict[str, str]:
    """The variables of a container. Raises MissingReference."""
    space = pod["metadata"]["namespace"]
    made: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        kind = "ConfigMap" if "configMapRef" in source else "Secret"
        ref = source.get("configMapRef") or source.get("secretRef") or {}
        held = world.store.get(kind, space, ref.get("name", ""))
        if held is None:
            if ref.get("optional"):
                continue
            raise MissingReference(f'{kind.lower()} "{ref.get("name", "")}" not found')
        made.update(
            {source.get("prefix", "") + key: _text(kind, value) for key, value in (held.get("data") or {}).items()}
        )
    for item in container.get("env") or ():
        if "valueFrom" not in item:
            made[item["name"]] = str(item.get("value", ""))
            continue
        value = _referenced(world, pod, item["valueFrom"])
        if value is not None:
            made[item["name"]] = value
    return made


def mounts(world: World, pod: Object, container: Object) -> frozenset[str]:
    """The paths of the mounted ConfigMap files."""
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    found = set()
    for mount in container.get("volumeMounts") or ():
        source = volumes.get(mount["name"], {}).get("configMap")
        if source is None:
            continue
        held = world.store.get("ConfigMap", pod["metadata"]["namespace"], source.get("name", ""))
        keys = (held or {}).get("data") or {}
        paths = [item["path"] for item in source["items"] if item["key"] in keys] if source.get("items") else list(keys)
        folder = mount["mountPath"].rstrip("/")
        if mount.get("subPath"):
            found |= {folder} if mount["subPath"] in paths else set()
        else:
            found |= {f"{folder}/{path}" for path in paths}
    return frozenset(found)


def text_at(world: World, pod: Object, container: Object, path: str) -> str | None:
    """The text of a mounted ConfigMap file; None where there is none."""
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    folder, name = path.rsplit("/", 1) if "/" in path else ("", path)
    for mount in container.get("volumeMounts") or ():
        source = volumes.get(mount["name"], {}).get("configMap")
        if source is None or mount["mountPath"].rstrip("/") not in (folder, path):
            continue
        name = mount.get("subPath", name)
        key = next((item["key"] for item in source.get("items") or () if item["path"] == name), name)
        held = world.store.get("ConfigMap", pod["metadata"]["namespace"], source.get("name", ""))
        text = ((held or {}).get("data") or {}).get(key)
        return None if text is None else str(text)
    return None


def folders(pod: Object, container: Object) -> frozenset[str]:
    """The paths of mounted volumes that a program can write to."""
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    return frozenset(
        mount["mountPath"].rstrip("/") or "/"
        for mount in container.get("volumeMounts") or ()
        if not mount.get("readOnly") and _WRITABLE & volumes.get(mount["name"], {}).keys()
    )


def check_volumes(world: World, pod: Object) -> None:
    """Raises MissingReference with the words of a failed mount."""
    space = pod["metadata"]["namespace"]
    for volume in pod["spec"].get("volumes") or ():
        for field, kind, key in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
            source = volume.get(field)
            if not source or source.get("optional"):
                continue
            name = source.get(key, "")
            held = world.store.get(kind, space, name)
            failed = f'MountVolume.SetUp failed for volume "{volume["name"]}" : '
            if held is None:
                raise MissingReference(f'{failed}{kind.lower()} "{name}" not found')
            for item in source.get("items") or ():
                if item["key"] not in (held.get("data") or {}):
                    raise MissingReference(f"{failed}{kind.lower()} references non-existent config key: {item['key']}")


def names_used(pod: Object) -> set[tuple[str, str]]:
    """(kind, name) of every ConfigMap and Secret that the Pod leans on."""
    used: set[tuple[str, str]] = set()
    for container in (*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]):
        for source in container.get("envFrom") or ():
            for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                if field in source:
                    used.add((kind, source[field].get("name", "")))
        for item in container.get("env") or ():
            for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
                if field in item.get("valueFrom", {}):
                    used.add((kind, item["valueFrom"][field].get("name", "")))
    for volume in pod["spec"].get("volumes") or ():
        if volume.get("configMap"):
            used.add(("ConfigMap", volume["configMap"].get("name", "")))
        if volume.get("secret"):
            used.add(("Secret", volume["secret"].get("secretName", "")))
    return used


def _referenced(world: World, pod: Object, source: Object) -> str | None:
    space = pod["metadata"]["namespace"]
    for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        ref = source.get(field)
        if not ref:
            continue
        held = world.store.get(kind, space, ref.get("name", ""))
        if held is not None and ref["key"] in (held.get("data") or {}):
            return _text(kind, held["data"][ref["key"]])
        if ref.get("optional"):
            return None
        if held is None:
            raise MissingReference(f'{kind.lower()} "{ref.get("name", "")}" not found')
        raise MissingReference(f"couldn't find key {ref['key']} in {kind} {space}/{ref['name']}")
    if "fieldRef" in source:
        return _field(pod, source["fieldRef"]["fieldPath"])
    return ""


def _field(pod: Object, path: str) -> str:
    """A field of the Pod that a container may ask for; metadata.labels['a/b'] names one of the labels."""
    where, _, key = path.partition("['")
    found: Any = pod
    for step in where.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    if key:
        found = (found or {}).get(key.removesuffix("']"))
    return "" if found is None else str(found)


def _text(kind: str, value: str) -> str:
    if kind != "Secret":
        return value
    try:
        return base64.b64decode(value).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""
