"""A system by what somebody calls it: shop, the name of a published one, a number, or large- and a number."""

from __future__ import annotations

from .generate import generate
from .large import generate_large
from .published import NAMES, published
from .shop import shop
from .system import System

_LARGE = "large-"


class SystemUnknown(ValueError):
    """No system goes by that name; the text says which there are."""


def known_systems() -> tuple[str, ...]:
    """Every name that ``choose`` takes, besides numbers."""
    return ("shop", *NAMES)


def choose(name: str) -> System:
    """The system of that name; a number is the seed of a random one, small or large. Raises SystemUnknown."""
    if name.isdecimal():
        return generate(int(name))
    if name.startswith(_LARGE) and name.removeprefix(_LARGE).isdecimal():
        return generate_large(int(name.removeprefix(_LARGE)))
    if name == "shop":
        return shop()
    if name in NAMES:
        return published(name)
    raise SystemUnknown(f"There is no system {name!r}: say {', '.join(known_systems())}, a number or {_LARGE}NUMBER.")
