# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Snapshots on disk: before.json and after.json of an attempt, from which an Episode can be undone later."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..module_utils.documents import object_document, object_named
from ..module_utils.errors import InputError
from ..module_utils.evidence import Manifest, ObjectRef
from .snapshot import Saved, Snapshot
from .undo import written, written_if_there

SCHEMA = 1
BEFORE, AFTER = "before.json", "after.json"
APPLIED = "applied.json"
"""Beside a Plan: which Episode applied it."""


def as_text(snapshot: Snapshot) -> str:
    """The file: each object as people write it, with its uid; null where it was not there."""
    objects = [
        {
            **object_document(saved.ref),
            "uid": (saved.manifest or {}).get("metadata", {}).get("uid", ""),
            "object": written_if_there(saved.manifest),
        }
        for saved in snapshot.objects
    ]
    return json.dumps({"schema": SCHEMA, "time": snapshot.time, "objects": objects}, indent=2) + "\n"


def read_state(path: Path) -> Snapshot | None:
    """The Snapshot in a file, None where there is none; InputError where it cannot be used."""
    try:
        document = json.loads(path.read_text("utf-8"))
        if document["schema"] != SCHEMA:
            raise InputError(f"{path} is not of form {SCHEMA}.", "Was it written by another version?")
        return Snapshot(str(document["time"]), tuple(_saved(item) for item in document["objects"]))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).", "Check its permissions.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is no state of objects: {error}.", "Run undo.yml beside it by hand instead."
        ) from error


def find_attempt(path: str | Path) -> Path:
    """The folder of the attempt that changed something, from anything in its Episode or from the Plan that was applied.

    InputError where nothing there tells what was changed.
    """
    given = Path(path).expanduser().absolute()
    folder = given if given.is_dir() else given.parent
    if (folder / BEFORE).is_file():
        return folder
    attempts = sorted(folder.glob(f"attempt-*/{BEFORE}"), key=lambda file: int(file.parent.name.rpartition("-")[2]))
    if attempts:
        return attempts[-1].parent
    applied = folder / APPLIED
    if applied.is_file():
        return find_attempt(json.loads(applied.read_text("utf-8"))["episode"])
    raise InputError(
        f"{given} tells of nothing that was changed.", "Give the folder of an Episode whose playbook ran, or its Plan."
    )


@dataclass(frozen=True)
class Beside:
    """Two states of one object; None where it was not there."""

    ref: ObjectRef
    before: Manifest | None
    after: Manifest | None

    def as_ansible(self) -> dict[str, str]:
        """As Ansible's diff mode takes it, which then colours what differs. Costs milliseconds an object."""
        return {
            "before_header": f"{self.ref} (before)",
            "after_header": f"{self.ref} (after)",
            "before": _text(self.before),
            "after": _text(self.after),
        }


def side_by_side(before: Snapshot, after: Snapshot) -> tuple[Beside, ...]:
    """Each object of both that differs in what people write."""
    earlier = {saved.ref: saved.manifest for saved in before.objects}
    return tuple(
        Beside(saved.ref, earlier[saved.ref], saved.manifest)
        for saved in after.objects
        if saved.ref in earlier and written_if_there(earlier[saved.ref]) != written_if_there(saved.manifest)
    )


def _text(manifest: Manifest | None) -> str:
    return "" if manifest is None else yaml.safe_dump(written(manifest), default_flow_style=False, width=10_000)


def _saved(item: Any) -> Saved:
    ref = object_named(item)
    manifest = item["object"]
    if manifest is not None:
        meta = {**manifest["metadata"], "uid": item["uid"]}
        manifest = {**manifest, "kind": ref.kind, "metadata": meta}
    return Saved(ref, manifest)
