# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Turns whatever somebody hands over (a file, text, JSON, YAML, an alert, a structure) into a Report."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from ..module_utils.errors import InputError
from ..module_utils.redact import line
from .report import Report, Suspect
from .report_alertmanager import is_alertmanager, read_alertmanager
from .report_draft import ReportDraft
from .report_k8sgpt import is_k8sgpt, read_k8sgpt
from .report_structure import is_report_like, read_structure
from .report_text import read_text

LARGEST = 10 * 1024 * 1024
"""Bytes from which on a report is refused."""
_READ = 1024 * 1024  # characters of plain text that are looked through
_YAML = 256 * 1024  # the YAML parser is slow, and nobody writes a longer one by hand
_SUMMARY = 400
_RAW = 20000
_SUSPECTS = 8


def parse_report(value: Any, namespace: str | None = None) -> Report:
    """The Report; ``namespace`` wins over what the report says itself.

    ``value`` is text, a path to a file, JSON, YAML, or a structure of plain types.
    InputError when it is empty, unreadable, not UTF-8 text, above ``LARGEST`` bytes, or names no namespace.
    """
    raw = _raw(value)
    draft = _read(value, raw, namespace)
    place = (namespace or draft.namespace).strip()
    if not place:
        raise InputError(
            "The report does not say which namespace it is about.",
            "Set remediate_namespace (option namespace of the task).",
        )
    if not _is_name(place):
        raise InputError(
            f"{place[:80]!r} is not the name of a namespace.", "Set remediate_namespace to an existing one."
        )
    suspects = tuple(
        dict.fromkeys(_sound(item) for item in draft.suspects if _is_name(item.name) and item.name != place)
    )
    return Report(
        summary=line(draft.summary, _SUMMARY) or "(no summary)",
        suspects=suspects[:_SUSPECTS],
        namespace=place,
        severity=line(draft.severity, 30).lower(),
        source=draft.source,
        raw=raw[:_RAW],
        resolved=draft.resolved,
        fingerprint=draft.fingerprint or fingerprint(place, suspects[:_SUSPECTS], draft.summary),
    )


def fingerprint(namespace: str, suspects: tuple[Suspect, ...], summary: str) -> str:
    """The same for reports of the same thing: what is named, or what is said where nothing is named."""
    sure = {suspect.name for suspect in suspects if suspect.sure}
    about = sorted(sure or {suspect.name for suspect in suspects}) or [" ".join(summary.lower().split())[:_SUMMARY]]
    return hashlib.sha256("\n".join([namespace, *about]).encode("utf-8", "replace")).hexdigest()[:16]


def _raw(value: Any) -> str:
    """The report's text: of a file where ``value`` names one, of a structure as JSON."""
    if isinstance(value, (bytes, bytearray)):
        return _decoded(bytes(value), "The report")
    if isinstance(value, str):
        text = str(value)
        path = _path(text)
        text = _file(path) if path else text
    elif isinstance(value, (Mapping, list, tuple)):
        try:
            text = json.dumps(value, default=str)
        except (ValueError, TypeError, RecursionError) as error:
            raise InputError(f"The report's structure cannot be read: {error}.", "Give plain types.") from error
    else:
        kind = "nothing" if value is None else type(value).__name__
        raise InputError(f"The report is {kind}.", "Give text, a path to a file, JSON, or a structure.")
    return _checked(text, "The report")


def _path(text: str) -> str:
    """The file that a one-line text names; empty for a report that was given as it is."""
    stripped = text.strip()
    if not stripped or "\n" in stripped or len(stripped) > 1024 or stripped[0] in "{[" or "\0" in stripped:
        return ""
    path = os.path.expanduser(stripped)
    if os.path.isfile(path):
        return path
    if os.path.isdir(path) and os.sep in path:
        raise InputError(f"The report {stripped} is a directory.", "Give the path of a file.")
    if os.path.exists(path) and os.sep in path:
        raise InputError(f"The report {stripped} is not an ordinary file.", "Give the path of a file.")
    looks_like_one = stripped.startswith(("/", "./", "../", "~/")) or stripped.endswith(
        (".json", ".yaml", ".yml", ".txt")
    )
    if looks_like_one and not any(character.isspace() for character in stripped):
        raise InputError(f"The report file {stripped} does not exist.", "Check the path, or give the report's text.")
    return ""


def _file(path: str) -> str:
    try:
        if os.path.getsize(path) > LARGEST:
            raise InputError(f"The report file {path} is larger than {LARGEST} bytes.", "Give the part that matters.")
        with open(path, "rb") as stream:
            content = stream.read(LARGEST + 1)
    except OSError as error:
        raise InputError(
            f"The report file {path} cannot be read: {error.strerror}.", "Check its permissions."
        ) from error
    return _decoded(content, f"The report file {path}")


def _decoded(content: bytes, what: str) -> str:
    if len(content) > LARGEST:
        raise InputError(f"{what} is larger than {LARGEST} bytes.", "Give the part that matters.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{what} is not UTF-8 text (byte {error.start}).", "Convert it to UTF-8.") from error
    return _checked(text, what)


def _checked(text: str, what: str) -> str:
    if "\0" in text:
        raise InputError(f"{what} is binary.", "Give text, JSON or YAML.")
    if not text.strip():
        raise InputError(f"{what} is empty.", "Say what is wrong: a sentence, an alert, or a tool's output.")
    if len(text) > LARGEST:
        raise InputError(f"{what} is larger than {LARGEST} bytes.", "Give the part that matters.")
    return text.encode("utf-8", "replace").decode("utf-8")


def _read(value: Any, raw: str, namespace: str | None) -> ReportDraft:
    data = _structure(raw) if isinstance(value, (str, bytes, bytearray)) else json.loads(raw)
    try:
        if is_alertmanager(data):
            return read_alertmanager(data, namespace or "")
        if is_k8sgpt(data):
            return read_k8sgpt(data, namespace or "")
        if data is not None:
            return read_structure(data)
    except RecursionError as error:
        raise InputError("The report is nested too deeply.", "Give the part that matters.") from error
    draft = read_text(raw[:_READ], namespace or "")
    return replace(draft, summary=draft.summary or raw[:_SUMMARY])


def _structure(raw: str) -> Any:
    """What the text holds as JSON or YAML; None where it is plain text."""
    stripped = raw.lstrip("\ufeff \t\r\n")
    if stripped[:1] in ("{", "["):
        try:
            return json.loads(stripped)
        except (ValueError, RecursionError):
            pass  # cut off, or YAML in flow style, or text that begins with a bracket
    several_lines = "\n" in stripped or stripped[:1] in ("{", "[")
    many_aliases = "&" in raw and raw.count("*") > 50  # a few of them may stand for billions of nodes
    if len(raw) > _YAML or not several_lines or many_aliases:
        return None
    try:
        data = yaml.load(raw, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    return data if is_report_like(data) else None


def _is_name(name: str) -> bool:
    """Whether Kubernetes would take it as a name (RFC 1123, and the dots of some kinds)."""
    return (
        0 < len(name) <= 253
        and all(character in "abcdefghijklmnopqrstuvwxyz0123456789-." for character in name)
        and name[0].isalnum()
        and name[-1].isalnum()
    )


def _sound(item: Suspect) -> Suspect:
    return replace(item, kind=item.kind if item.kind.isalpha() and len(item.kind) < 60 else "")
