# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""JSON, YAML and structures of no particular tool: names by their keys, the rest by their text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .report import Suspect
from .report_draft import KIND_NAMES, ReportDraft, suspect
from .report_text import read_text

_SUMMARY = (
    "summary", "title", "headline", "message", "description", "diagnosis", "report", "text", "details", "symptom",
    "root_cause", "rootcause", "reason", "problem", "error", "alertname", "name",
)  # fmt: skip
_NAMESPACE = ("namespace", "remediate_namespace", "k8s_namespace", "kubernetes_namespace", "ns")
_SEVERITY = ("severity", "priority", "level", "urgency")
_STATUS = ("status", "state")
_LOOSE = (
    "app", "application", "component", "workload", "target", "resource", "object", "service_name", "servicename",
    "microservice", "suspect", "suspects", "affected", "services", "pods", "deployments", "faulty_service",
)  # fmt: skip
_KNOWN = {
    *_SUMMARY, *_NAMESPACE, *_SEVERITY, *_LOOSE, *KIND_NAMES, "alerts", "results", "labels", "annotations",
    "metadata", "kind", "involvedobject",
}  # fmt: skip
_NODES = 5000  # nodes of the structure that are visited


def is_report_like(data: Any) -> bool:
    """Whether parsed YAML is a structure, and not a sentence with a colon in it."""
    if isinstance(data, list):
        return bool(data) and all(isinstance(item, Mapping) for item in data)
    return isinstance(data, Mapping) and any(str(key).lower() in _KNOWN for key in data)


def read_structure(data: Any) -> ReportDraft:
    """Reads any tree of plain types."""
    pairs = list(_pairs(data))
    texts = [str(value) for _, value in pairs if isinstance(value, str)]
    told = read_text("\n".join(texts)[:100000])
    suspects = [found for key, value in pairs for found in _suspects(key, value)]
    suspects += _references(data)
    return ReportDraft(
        summary=_first(pairs, _SUMMARY) or ". ".join(texts) or "a report without text",
        suspects=tuple(dict.fromkeys([*suspects, *(told.suspects if not suspects else ())])),
        namespace=_first(pairs, _NAMESPACE) or told.namespace,
        severity=_first(pairs, _SEVERITY) or told.severity,
        source="json",
        resolved=_first(pairs, _STATUS).lower() in ("resolved", "ok", "closed", "recovered"),
    )


def _pairs(data: Any) -> Iterator[tuple[str, Any]]:
    """All leaves with the key they stand under, breadth first, so that what is on top comes first."""
    queue: list[tuple[str, Any]] = [("", data)]
    for _ in range(_NODES):
        if not queue:
            return
        key, node = queue.pop(0)
        if isinstance(node, Mapping):
            queue += [(str(name).lower().replace("-", "_"), value) for name, value in node.items()]
        elif isinstance(node, (list, tuple)):
            queue += [(key, item) for item in node]
        elif node is not None and not isinstance(node, bool):
            yield key, node


def _first(pairs: list[tuple[str, Any]], keys: tuple[str, ...]) -> str:
    for key in keys:
        for name, value in pairs:
            if name == key and str(value).strip():
                return str(value).strip()
    return ""


def _suspects(key: str, value: Any) -> Iterator[Suspect]:
    if not isinstance(value, str) or any(character.isspace() for character in value.strip()):
        return
    if key in KIND_NAMES or key in _LOOSE or key.removesuffix("_name") in KIND_NAMES:
        kind = KIND_NAMES.get(key.removesuffix("_name"), "")
        before, _, name = value.rpartition("/")
        yield suspect(name or value, KIND_NAMES.get(before.lower(), kind))


def _references(data: Any) -> list[Suspect]:
    """Mappings with ``kind`` and ``name`` on top or one level down, as object references have."""
    nodes = [data] if isinstance(data, Mapping) else list(data) if isinstance(data, (list, tuple)) else []
    nodes += [value for node in nodes if isinstance(node, Mapping) for value in node.values()]
    found = []
    for node in nodes[:200]:
        if isinstance(node, Mapping) and str(node.get("kind", "")).lower() in KIND_NAMES:
            meta = node.get("metadata")
            name = node.get("name") or (meta.get("name") if isinstance(meta, Mapping) else None)
            if isinstance(name, str):
                found.append(suspect(name.rpartition("/")[2], KIND_NAMES[str(node["kind"]).lower()]))
    return found
