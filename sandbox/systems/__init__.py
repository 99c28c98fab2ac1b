"""Systems to break and repair: the shop, what others published, and as many random ones as there are seeds."""

from __future__ import annotations

from .choose import SystemUnknown, choose, known_systems
from .generate import generate
from .history import deploy, past, prepare
from .large import generate_large
from .published import published
from .shop import shop
from .system import Change, ServiceSpec, System

__all__ = [
    "Change",
    "ServiceSpec",
    "System",
    "SystemUnknown",
    "choose",
    "deploy",
    "generate",
    "generate_large",
    "known_systems",
    "past",
    "prepare",
    "published",
    "shop",
]
