"""From the model options of a plugin to what answers: a server, or the local worker, which begins to load."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from ..plugins.module_utils.errors import ModelMissing
from ..plugins.plugin_utils.policy import Policy
from ..plugins.plugin_utils.report import Report
from ..plugins.plugin_utils.step import Answer
from ..plugins.plugin_utils.wishes import Write
from . import adapters, client


def opened(options: Mapping[str, Any]) -> Callable[[Report, Write, Policy], Answer]:
    """What asks the model of ``model``, ``model_name``, ``model_api_key`` and ``model_python``. Raises ModelError."""
    name = options["model"]
    if _is_address(name):
        return client.asking(client.RemoteModel(name, options["model_name"], options["model_api_key"] or ""))
    worker = client.WorkerModel(adapters.find(name), options["model_python"] or sys.executable)
    worker.start()
    return client.asking(worker)


def model_key(options: Mapping[str, Any]) -> str:
    """Tells models apart; "" where there is none to be opened, which ``opened`` explains."""
    name = str(options["model"])
    if _is_address(name):
        return f"{name} {options['model_name']}"
    try:
        return adapters.find(name).key
    except ModelMissing:
        return ""


def _is_address(name: str) -> bool:
    return name.startswith(("http://", "https://"))
