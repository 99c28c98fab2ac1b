"""Systems to break and repair: the shop, and as many small random ones as there are seeds."""

from __future__ import annotations

from .generate import generate
from .history import deploy, prepare
from .shop import shop
from .system import Change, ServiceSpec, System

__all__ = ["Change", "ServiceSpec", "System", "deploy", "generate", "prepare", "shop"]
