"""Which torch to install: plain PyPI serves Linux a build with gigabytes of CUDA, which a machine without a GPU
never uses. Asks pip what it would take, before it takes it."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable

CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def choose_index(gpu: bool, named: str, report: Callable[[], str]) -> str:
    """The package index for torch, or "" for pip's own. ``report`` gives pip's dry-run report, as JSON."""
    if named or gpu:
        return named
    return CPU_INDEX if brings_cuda(report()) else ""


def brings_cuda(report: str) -> bool:
    """Whether pip would install CUDA beside torch, by the names of the packages in its report."""
    names = (item["metadata"]["name"].lower() for item in json.loads(report)["install"])
    return any(re.match(r"nvidia-|cuda-|triton$", name) for name in names)


def has_gpu() -> bool:
    return os.path.exists("/dev/nvidiactl") or shutil.which("nvidia-smi") is not None
