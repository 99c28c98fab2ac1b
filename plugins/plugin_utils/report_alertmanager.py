# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Alertmanager's webhook, version 4 (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .report import Suspect
from .report_draft import KIND_NAMES, ReportDraft, suspect
from .report_text import read_text

_NAMESPACE_LABELS = ("namespace", "exported_namespace", "kubernetes_namespace", "k8s_namespace")
_TARGET_LABELS = ("deployment", "statefulset", "daemonset", "cronjob", "service", "pod", "horizontalpodautoscaler",
                  "persistentvolumeclaim", "job_name")  # fmt: skip
_LOOSE_LABELS = ("app", "app_kubernetes_io_name", "service_name", "workload", "component", "container")
_TEXTS = ("summary", "message", "description", "title")
_SEVERITIES = ("critical", "error", "warning", "info")
_MOST = 50  # alerts that are read


def is_alertmanager(data: Any) -> bool:
    """Whether a structure is a webhook of Alertmanager."""
    alerts = data.get("alerts") if isinstance(data, Mapping) else None
    return (
        isinstance(alerts, list)
        and all(isinstance(item, Mapping) for item in alerts)
        and ("groupLabels" in data or "receiver" in data or any("labels" in item for item in alerts))
    )


def read_alertmanager(data: Mapping[str, Any], namespace: str = "") -> ReportDraft:
    """One Report of all firing alerts of one namespace; of resolved ones where none fires any more."""
    alerts = [item for item in data.get("alerts") or () if isinstance(item, Mapping)][:_MOST]
    if not alerts:
        alerts = [
            {
                "labels": data.get("commonLabels"),
                "annotations": data.get("commonAnnotations"),
                "status": data.get("status"),
            }
        ]
    firing = [item for item in alerts if _state(item, data) != "resolved"]
    shown = firing or alerts
    common = _texts(data.get("commonLabels"))
    places = [_place({**common, **_texts(item.get("labels"))}) for item in shown]
    chosen = namespace or next((place for place in places if place), "")
    mine = [item for item, place in zip(shown, places, strict=True) if place in ("", chosen)] or shown
    summaries, suspects, severities = [], [], []
    for item in mine:
        labels = {**common, **_texts(item.get("labels"))}
        notes = {**_texts(data.get("commonAnnotations")), **_texts(item.get("annotations"))}
        said = ". ".join(dict.fromkeys(notes[key].strip().rstrip(".") for key in _TEXTS if notes.get(key)))
        summaries.append(": ".join(part for part in (labels.get("alertname", ""), said) if part))
        suspects += _suspects(labels) or list(read_text(said).suspects)
        severities.append(labels.get("severity", "").lower())
    return ReportDraft(
        summary="; ".join(dict.fromkeys(text for text in summaries if text)) or "an alert without a description",
        suspects=tuple(dict.fromkeys(suspects)),
        namespace=chosen,
        severity=min(severities, key=lambda word: _SEVERITIES.index(word) if word in _SEVERITIES else 9),
        source="alertmanager",
        resolved=not firing,
        fingerprint="",
    )


def _state(item: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    return str(item.get("status") or data.get("status") or "firing").lower()


def _texts(labels: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in labels.items()} if isinstance(labels, Mapping) else {}


def _place(labels: Mapping[str, str]) -> str:
    return next((labels[key] for key in _NAMESPACE_LABELS if labels.get(key)), "")


def _suspects(labels: Mapping[str, str]) -> list[Suspect]:
    """Of the labels that name an object, and of the loose ones only where no other does.

    With ``pod`` or ``deployment`` beside it, ``service`` is often the exporter that was scraped.
    """
    found: list[Suspect] = []
    for key in _TARGET_LABELS:
        value = labels.get(key)
        if value and not (found and key == "service" and "metrics" in value):
            found.append(suspect(value, KIND_NAMES.get(key.removesuffix("_name"), "")))
    return found or [suspect(labels[key]) for key in _LOOSE_LABELS if labels.get(key)][:1]
