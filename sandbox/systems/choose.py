"""A system by what somebody calls it: shop, the name of a published one, or a number."""

from __future__ import annotations

from .generate import generate
from .published import NAMES, published
from .shop import shop
from .system import System


class SystemUnknown(ValueError):
    """No system goes by that name; the text says which there are."""


def known_systems() -> tuple[str, ...]:
    """Every name that ``choose`` takes, besides numbers."""
    return ("shop", *NAMES)


def choose(name: str) -> System:
    """The system of that name; a number is the seed of a random one. Raises SystemUnknown."""
    if name.isdecimal():
        return generate(int(name))
    if name == "shop":
        return shop()
    if name in NAMES:
        return published(name)
    raise SystemUnknown(f"There is no system {name!r}: say {', '.join(known_systems())}, or a number for a random one.")
