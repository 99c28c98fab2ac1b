# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where an undo of an earlier Episode leads: three states of each object, field by field.

``before`` and ``after`` are what the Episode found and left, ``live`` is what is there now. A field
that the Episode changed goes back if it is still as the Episode left it; if it is as it was before,
there is nothing to do; anything else is another hand's. Fields that the Episode did not touch stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..module_utils.errors import Refused
from ..module_utils.evidence import Manifest, ObjectRef
from .differences import field_changes, shown
from .fieldpaths import ENTRY, Path, merge_key
from .playbook import Playbook
from .policy import Policy
from .snapshot import Saved, Snapshot
from .undo import replaced_by_its_controller, undo_playbook, written_if_there

_ABSENT = object()


@dataclass(frozen=True)
class Way:
    """``goal``: the objects as they should be, those alone that are not so. ``foreign``: what another hand changed.

    ``playbook`` goes from what is there to the goal; ``lines`` say what that restores.
    """

    goal: Snapshot
    playbook: Playbook
    lines: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


@dataclass
class _Merge:
    """Walks the three states of one object."""

    ref: ObjectRef
    foreign: list[str] = field(default_factory=list)

    def back(self, before: Any, after: Any, live: Any, path: Path = (), where: str = "") -> Any:
        """The value to go to; ``_ABSENT`` where the field is to go, or is not there."""
        if (before == after and (before is _ABSENT) == (after is _ABSENT)) or live == before:
            return live
        if live == after:
            return before
        if all(isinstance(item, Mapping) for item in (before, after, live)):
            return self._mapping(before, after, live, path, where)
        key = merge_key(path)
        if key and all(_keyed(item, key) for item in (before, after, live)):
            return self._entries(before, after, live, path, where, key)
        self.foreign.append(f"{self.ref} {where}: {_said(live)}, not {_said(after)} as it was left")
        return before

    def _mapping(self, before: Any, after: Any, live: Any, path: Path, where: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key in dict.fromkeys((*live, *before, *after)):
            was, left, now = (item.get(key, _ABSENT) for item in (before, after, live))
            below = f"{where}.{key}" if where else str(key)
            value = self.back(was, left, now, (*path, str(key)), below)
            if value is not _ABSENT:
                found[key] = value
        return found

    def _entries(self, before: Any, after: Any, live: Any, path: Path, where: str, key: str) -> list[Any]:
        named = [{item[key]: item for item in items} for items in (before, after, live)]
        found = []
        for name in dict.fromkeys((*named[2], *named[0], *named[1])):
            was, left, now = (items.get(name, _ABSENT) for items in named)
            value = self.back(was, left, now, (*path, ENTRY), f"{where}[{name}]")
            if value is not _ABSENT:
                found.append(value)
        return found


def way_back(before: Snapshot, after: Snapshot | None, live: Snapshot) -> Way:
    """From ``live`` back to ``before``. Without ``after`` (the run was cut short) all that differs goes back."""
    left = {saved.ref: saved.manifest for saved in after.objects} if after else {}
    now = {saved.ref: saved.manifest for saved in live.objects}
    goal: list[Saved] = []
    lines: list[str] = []
    foreign: list[str] = []
    for saved in before.objects:
        if replaced_by_its_controller(saved):
            continue
        current = now.get(saved.ref)
        merge = _Merge(saved.ref)
        wanted = _object(merge, saved.manifest, left.get(saved.ref) if after else current, current)
        foreign += merge.foreign
        if written_if_there(wanted) != written_if_there(current):
            goal.append(Saved(saved.ref, wanted))
            lines += _restores(saved.ref, current, wanted)
    to = Snapshot(before.time, tuple(goal))
    return Way(to, undo_playbook(to, live), tuple(lines), tuple(foreign))


def _restores(ref: ObjectRef, live: Manifest | None, wanted: Manifest | None) -> list[str]:
    if wanted is None:
        return [f"{ref} is taken away"]
    if live is None:
        return [f"{ref} is created again"]
    return [f"{ref} {change}" for change in field_changes(written_if_there(live), written_if_there(wanted))]


def require_within(before: Snapshot, policy: Policy) -> None:
    """Refused where the file names what the policy lets nobody touch: it may have been altered since."""
    for saved in before.objects:
        ref = saved.ref
        rule = policy.kinds.get(ref.kind)
        if rule is None or rule.verbs <= {"read"} or not policy.namespace_allowed(ref.namespace, ref.namespace):
            raise Refused(
                f"The policy {policy.source} lets nothing touch {ref} in {ref.namespace}.", "Undo it by hand."
            )


def _object(merge: _Merge, before: Manifest | None, after: Manifest | None, live: Manifest | None) -> Manifest | None:
    if live is not None and after is not None and _uid(live) != _uid(after):
        merge.foreign.append(f"{merge.ref} was deleted and created anew since")
    if before is None or after is None or live is None:
        one, two, three = (_ABSENT if item is None else written_if_there(item) for item in (before, after, live))
        found = merge.back(one, two, three)
    else:
        found = merge.back(written_if_there(before), written_if_there(after), written_if_there(live))
    return None if found is _ABSENT else found


def _uid(manifest: Manifest) -> str:
    return str(manifest["metadata"].get("uid", ""))


def _keyed(items: Any, key: str) -> bool:
    return isinstance(items, list) and all(isinstance(item, Mapping) and key in item for item in items)


def _said(value: Any) -> str:
    return "nothing" if value is _ABSENT else shown(value)
