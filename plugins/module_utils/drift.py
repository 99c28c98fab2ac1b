# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What changed, from which value to which, when and by whom: revisions, last-applied, managedFields."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .cluster import reference
from .draft import Draft
from .evidence import Manifest, ObjectRef
from .leaves import leaves, short, shown
from .quantity import age, seconds_between
from .workloads import REVISION, View, Workload

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_IGNORED = ("metadata.labels.pod-template-hash", "metadata.annotations.kubectl.kubernetes.io/restartedAt",
            "metadata.creationTimestamp")  # fmt: skip
_TRACKED = ("Deployment", "StatefulSet", "DaemonSet", "CronJob", "Service", "ConfigMap", "NetworkPolicy", "Ingress",
            "HorizontalPodAutoscaler", "ResourceQuota", "LimitRange")  # fmt: skip
_CONTROLLERS = ("kube-controller-manager", "kubelet", "kube-scheduler", "kube-apiserver")
_SETTLED = 5.0
"""Seconds after its creation in which writes to an object still belong to creating it."""
_OLD = 7 * 86400.0
_FRESH = 3600.0
_REVISIONS = 3  # steps back in the history of an object in question
_WHOLE = 4  # leaves; who wrote more wrote the whole object, which tells nothing of a change


@dataclass(frozen=True)
class Change:
    """One leaf that changed; ``None`` stands for not being there."""

    path: str
    old: Any
    new: Any

    def __str__(self) -> str:
        repository, _, tag = str(self.old).rpartition(":")
        if repository and str(self.new).startswith(f"{repository}:") and self.path.endswith("image"):
            return f"{short(self.path)} tag: {tag} -> {str(self.new)[len(repository) + 1 :]}"
        return f"{short(self.path)}: {shown(self.path, self.old)} -> {shown(self.path, self.new)}"


def drift_facts(view: View, about: Iterable[ObjectRef] = ()) -> Iterator[Draft]:
    """One line for each object that changed, context by itself: a change is not a fault.

    Of objects that are not in question, only what changed within the last hour.
    """
    wanted = set(about)
    for work in view.workloads.values():
        if work.ref in wanted or _is_fresh(view, work.manifest):
            yield from _revisions(view, work, _REVISIONS if work.ref in wanted else 1)
    for kind in _TRACKED:
        for item in view.inventory.of(kind):
            if reference(item) not in wanted and not _is_fresh(view, item):
                continue
            owner = view.workloads.get(reference(item))
            yield from _edits(view, item, told=("spec.template",) if owner and len(history(view, owner)) > 1 else ())


def _is_fresh(view: View, item: Manifest) -> bool:
    """Whether somebody wrote the object within the last hour (its status aside)."""
    times = [
        str(entry.get("time") or "")
        for entry in item["metadata"].get("managedFields") or ()
        if entry.get("subresource") != "status" and entry.get("manager") not in _CONTROLLERS
    ]
    since = view.age_of(max(times, default=""))
    return since is not None and since < _FRESH


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """The leaves in which two trees differ."""
    before, after = leaves(old), leaves(new)
    return [
        Change(path, before.get(path), after.get(path))
        for path in dict.fromkeys((*after, *before))
        if before.get(path) != after.get(path) and not path.startswith(_IGNORED)
    ]


def history(view: View, work: Workload) -> list[tuple[int, str, Manifest]]:
    """A workload's revisions, newest first: number, time of creation, Pod template."""
    found: list[tuple[int, str, Manifest]] = []
    for item in view.revisions.get(str(work.manifest["metadata"].get("uid")), ()):
        meta = item["metadata"]
        if "spec" in item:
            number = (meta.get("annotations") or {}).get(REVISION, "0")
            template = item["spec"].get("template") or {}
        else:
            number = item.get("revision", 0)
            template = ((item.get("data") or {}).get("spec") or {}).get("template") or {}
        if str(number).isdigit():
            found.append((int(number), str(meta.get("creationTimestamp") or ""), template))
    return sorted(found, key=lambda entry: entry[0], reverse=True)


def _revisions(view: View, work: Workload, steps: int) -> Iterator[Draft]:
    past = history(view, work)
    for step in range(min(steps, len(past) - 1)):
        (number, created, new), (earlier, _, old) = past[step], past[step + 1]
        found = changes(old, new)
        if not found:
            continue
        changed = (_time_of_template(work) if step == 0 else "") or created
        since = view.age_of(changed)
        text = f"revision {earlier} -> {number}{f', {age(since)} ago' if since is not None else ''}: {_joined(found)}"
        yield Draft("drift", work.ref, text, 0.0, "revisions", changed, salience=_freshness(since) + 0.5 - 0.15 * step)


def _time_of_template(work: Workload) -> str:
    """A rollback reuses an old ReplicaSet, whose creation then says nothing of the change."""
    times = [
        str(entry.get("time") or "")
        for entry in work.manifest["metadata"].get("managedFields") or ()
        if "f:template" in ((entry.get("fieldsV1") or {}).get("f:spec") or {}) and not entry.get("subresource")
    ]
    return max(times, default="")


def _edits(view: View, item: Manifest, told: tuple[str, ...]) -> Iterator[Draft]:
    """Live edits beside what was applied, else fields that somebody wrote after creation.

    Nothing of the parts in ``told``, which revisions tell better.
    """
    ref = reference(item)
    if edited := [change for change in _against_applied(item) if not change.path.startswith(told or "-")]:
        when = max((entry[0] for entry in _late_writers(item)), default="")
        since = view.age_of(when)
        stamp = f" {age(since)} ago" if since is not None else ""
        yield Draft("drift", ref, f"edited{stamp} since it was applied: {_joined(edited)}", 0.0, "last-applied", when,
                    salience=_freshness(since) + 0.4)  # fmt: skip
        return
    written = [
        (when, manager, [path for path in paths if not path.startswith(told or "-")])
        for when, manager, paths in _late_writers(item)
    ]
    for when, manager, paths in [entry for entry in written if 0 < len(entry[2]) <= _WHOLE][:1]:
        since = view.age_of(when)
        fields = ", ".join(short(path) for path in paths[:3]) + (", …" if len(paths) > 3 else "")
        current = _current(item, paths)
        text = f"{manager} changed {fields}{f' {age(since)} ago' if since is not None else ''}{current}"
        yield Draft("drift", ref, text, 0.0, "managedFields", when, salience=_freshness(since) + 0.1)


def _current(item: Manifest, paths: list[str]) -> str:
    """The value that a single changed leaf has now."""
    if len(paths) != 1:
        return ""
    value = leaves(item).get(paths[0])
    return f", now {shown(paths[0], value)}" if value is not None else ""


def _against_applied(item: Manifest) -> list[Change]:
    text = (item["metadata"].get("annotations") or {}).get(_LAST_APPLIED)
    if not text:
        return []
    try:
        applied = json.loads(text)
    except ValueError:
        return []
    if not isinstance(applied, dict):
        return []
    parts = ("spec", "data")
    live = leaves({part: item[part] for part in parts if part in item})
    then = leaves({part: applied[part] for part in parts if isinstance(applied.get(part), dict)})
    # Only what was applied can have been edited: the rest are defaults. New list entries and keys are edits too.
    found = [Change(path, value, live.get(path)) for path, value in then.items() if not _same(live.get(path), value)]
    roots = {_container(path) for path in then} - {""}
    found += [
        Change(path, None, value)
        for path, value in live.items()
        if path not in then and _container(path) in roots and _grows_by_hand(path)
    ]
    return found


def _same(live: Any, applied: Any) -> bool:
    return str(live) == str(applied) or (applied in ("", None, [], {}) and live is None)


def _container(path: str) -> str:
    return path.rpartition(".")[0]


def _grows_by_hand(path: str) -> bool:
    """Maps that the API server adds nothing to, so that a new key is somebody's doing."""
    return any(part in path for part in ("data.", "matchLabels.", "selector.", "limits.", "requests.", ".env["))


def _late_writers(item: Manifest) -> list[tuple[str, str, list[str]]]:
    """Who wrote fields after the object's creation, newest first: time, manager, leaf paths."""
    created = item["metadata"].get("creationTimestamp")
    found = []
    for entry in item["metadata"].get("managedFields") or ():
        if entry.get("subresource") == "status" or entry.get("manager") in _CONTROLLERS:
            continue
        late = seconds_between(created, entry.get("time"))
        if late is None or late <= _SETTLED:
            continue
        fields = entry.get("fieldsV1") or {}
        paths = [
            path for part in ("f:spec", "f:data") if part in fields for path in _field_paths(fields[part], part[2:])
        ]
        if paths:
            found.append((str(entry.get("time")), str(entry.get("manager")), paths))
    return sorted(found, reverse=True)


def _field_paths(fields: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """The leaf paths of a fieldsV1 tree, list entries by their key as ``leaves`` names them."""
    for key, inner in fields.items():
        if key == ".":
            continue
        if key.startswith("f:"):
            path = f"{prefix}.{key[2:]}"
        elif key.startswith("k:"):
            keys = json.loads(key[2:])
            path = f"{prefix}[{keys.get('name') or next(iter(keys.values()), '')}]"
        else:
            path = prefix
        if isinstance(inner, Mapping) and any(name != "." for name in inner):
            yield from _field_paths(inner, path)
        else:
            yield path


def _joined(found: Iterable[Change], most: int = 4) -> str:
    items = list(found)
    return "; ".join(str(change) for change in items[:most]) + (
        f"; {len(items) - most} more" if len(items) > most else ""
    )


def _freshness(since: float | None) -> float:
    """1 for a change right now, falling to 0 over a week."""
    if since is None or since > _OLD:
        return 0.0
    return 1.0 / (1.0 + max(0.0, since) / 3600.0)


def latest_change(view: View, ref: ObjectRef) -> str:
    """When an object's wanted state was last written by somebody; empty where unknown."""
    item = view.inventory.get(ref)
    return max((entry[0] for entry in _late_writers(item)), default="") if item else ""
