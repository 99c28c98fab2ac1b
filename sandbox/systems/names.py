"""Random names, tags, numbers and typing mistakes."""

from __future__ import annotations

import random
import string

_ONSETS = (
    "b",
    "br",
    "c",
    "ch",
    "d",
    "dr",
    "f",
    "fl",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "kl",
    "l",
    "m",
    "n",
    "p",
    "pr",
    "qu",
    "r",
    "s",
    "sh",
    "sk",
    "st",
    "t",
    "tr",
    "v",
    "w",
    "y",
    "z",
)
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "io", "ou")
_ENDS = ("", "", "", "l", "n", "r", "s", "x", "nd", "rk", "st")
_NOUNS = (
    "account",
    "address",
    "advert",
    "auth",
    "balance",
    "basket",
    "billing",
    "booking",
    "catalog",
    "checkout",
    "claims",
    "coupon",
    "courier",
    "currency",
    "delivery",
    "device",
    "email",
    "export",
    "feed",
    "fraud",
    "gateway",
    "geo",
    "identity",
    "image",
    "import",
    "index",
    "inventory",
    "invoice",
    "ledger",
    "loyalty",
    "media",
    "meter",
    "notify",
    "offer",
    "order",
    "parcel",
    "payment",
    "policy",
    "price",
    "profile",
    "quote",
    "rating",
    "refund",
    "render",
    "report",
    "review",
    "route",
    "search",
    "session",
    "settings",
    "shipping",
    "stock",
    "tax",
    "ticket",
    "tracking",
    "upload",
    "user",
    "voucher",
    "wallet",
    "webhook",
)
_ENDINGS = ("", "", "", "-svc", "-api", "-service", "-backend", "-worker", "d")
_SPACES = ("", "", "-prod", "-staging", "-live", "-eu", "-blue", "-test", "-1", "-team")


def word(rng: random.Random, syllables: int = 2) -> str:
    """A pronounceable word that means nothing."""
    return "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(syllables)) + rng.choice(_ENDS)


def service_name(rng: random.Random, taken: set[str]) -> str:
    """A new name for a service; it is added to ``taken``."""
    while True:
        stem = rng.choice(_NOUNS) if rng.random() < 0.5 else word(rng, rng.choice((1, 2, 2, 3)))
        name = stem + rng.choice(_ENDINGS)
        if len(name) > 2 and name not in taken:
            taken.add(name)
            return name


def namespace_name(rng: random.Random) -> str:
    return word(rng, rng.choice((2, 2, 3))) + rng.choice(_SPACES)


def tag(rng: random.Random) -> str:
    """An image tag in one of the usual styles."""
    style = rng.random()
    if style < 0.5:
        return f"{rng.randint(0, 9)}.{rng.randint(0, 30)}.{rng.randint(0, 20)}"
    if style < 0.65:
        return f"v{rng.randint(0, 9)}.{rng.randint(0, 30)}.{rng.randint(0, 9)}"
    if style < 0.8:
        return f"{rng.randint(2024, 2026)}.{rng.randint(1, 12):02d}.{rng.randint(1, 28):02d}"
    if style < 0.9:
        return "sha-" + "".join(rng.choices("0123456789abcdef", k=7))
    return f"{rng.choice(('release', 'build', 'r'))}-{rng.randint(10, 4000)}"


def older_tag(rng: random.Random, current: str) -> str:
    """A tag of the same style that came earlier."""
    numbers = [index for index, char in enumerate(current) if char.isdigit()]
    if current.startswith("sha-") or not numbers:
        return "sha-" + "".join(rng.choices("0123456789abcdef", k=7))
    parts = _split_numbers(current)
    spots = [index for index, part in enumerate(parts) if part.isdigit() and int(part) > 0]
    if not spots:
        return current + "-rc" + str(rng.randint(1, 9))
    spot = spots[-1] if rng.random() < 0.7 else rng.choice(spots)
    width = len(parts[spot])
    parts[spot] = str(max(0, int(parts[spot]) - rng.randint(1, 3))).zfill(width if parts[spot][0] == "0" else 1)
    return "".join(parts)


def _split_numbers(text: str) -> list[str]:
    parts: list[str] = []
    for char in text:
        if parts and parts[-1][-1].isdigit() == char.isdigit():
            parts[-1] += char
        else:
            parts.append(char)
    return parts


def typo(rng: random.Random, text: str) -> str:
    """The text as somebody in a hurry types it: always another text, with the same first letter where it can."""
    letters = [index for index, char in enumerate(text) if char.isalnum()]
    for _ in range(50):
        chars = list(text)
        spot = rng.choice(letters[1:] or letters) if letters else 0
        kind = rng.randrange(4)
        if kind == 0 and spot + 1 < len(chars):
            chars[spot], chars[spot + 1] = chars[spot + 1], chars[spot]
        elif kind == 1 and len(letters) > 2:
            del chars[spot]
        elif kind == 2:
            chars.insert(spot, chars[spot] if chars else "x")
        elif chars:
            pool = string.digits if chars[spot].isdigit() else string.ascii_lowercase
            chars[spot] = rng.choice(pool)
        made = "".join(chars)
        if made != text and made and made[0].isalnum() == text[0].isalnum() and made[-1].isalnum():
            return made
    return text + "x"


def wrong_tag(rng: random.Random, tag: str) -> str:
    """A tag that was never built: a typing mistake, a version too far, or a build that failed."""
    style = rng.randrange(4)
    if style == 0:
        return typo(rng, tag)
    if style == 1:
        return tag + rng.choice(("-rc1", "-rc2", "-dev", "-snapshot", "-hotfix", "-debug", "-slim", ".1"))
    parts = _split_numbers(tag)
    spots = [index for index, part in enumerate(parts) if part.isdigit()]
    if style == 2 and spots and not tag.startswith("sha-"):
        spot = rng.choice(spots)
        parts[spot] = str(int(parts[spot]) + rng.randint(1, 60))
        return "".join(parts)
    if tag.startswith("sha-"):
        return "sha-" + "".join(rng.choices("0123456789abcdef", k=7))
    return tag[1:] if tag.startswith("v") else "v" + tag


def other_port(rng: random.Random, port: int, *, avoid: frozenset[int] = frozenset()) -> int:
    """Another port: near, with swapped digits, or any."""
    while True:
        style = rng.randrange(4)
        digits = list(str(port))
        if style == 0:
            made = port + rng.choice((-10, -2, -1, 1, 2, 10, 100, 1000))
        elif style == 1:
            rng.shuffle(digits)
            made = int("".join(digits))
        elif style == 2:
            made = rng.choice((80, 3000, 5000, 7070, 8000, 8080, 8081, 8888, 9090, 9000))
        else:
            made = rng.randint(1024, 65535)
        if made != port and made not in avoid and 0 < made < 65536:
            return made
