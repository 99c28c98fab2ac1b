# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The JSON that ``k8sgpt analyze -o json`` prints (https://docs.k8sgpt.ai/)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .report_draft import ReportDraft, suspect

_MOST = 20  # results that are read


def is_k8sgpt(data: Any) -> bool:
    """Whether a structure is k8sgpt's: results that name a kind and an error each."""
    if not isinstance(data, Mapping) or "results" not in data:
        return False
    results = data["results"]
    if not results:
        return "problems" in data or "status" in data
    return isinstance(results, list) and all(
        isinstance(item, Mapping) and "kind" in item and "name" in item for item in results
    )


def read_k8sgpt(data: Mapping[str, Any], namespace: str = "") -> ReportDraft:
    """One Report of all results of one namespace; resolved where k8sgpt found no problem."""
    results = [item for item in data.get("results") or () if isinstance(item, Mapping)][:_MOST]
    split = [str(item.get("name", "")).rpartition("/")[::2] for item in results]
    chosen = namespace or next((place for place, _ in split if place), "")
    summaries, suspects = [], []
    for item, (place, name) in zip(results, split, strict=True):
        if place not in ("", chosen):
            continue
        kind = str(item.get("kind", ""))
        parent_kind, _, parent = str(item.get("parentObject") or "").partition("/")
        found = suspect(parent, parent_kind) if parent else suspect(name, kind)
        suspects.append(found)
        errors = [str(entry.get("Text", "")) for entry in item.get("error") or () if isinstance(entry, Mapping)]
        summaries.append(f"{kind} {name}: {' '.join(errors) or item.get('details', '')}")
    return ReportDraft(
        summary="; ".join(summaries) or "k8sgpt found no problem",
        suspects=tuple(dict.fromkeys(suspects)),
        namespace=chosen,
        severity="",
        source="k8sgpt",
        resolved=not results,
    )
