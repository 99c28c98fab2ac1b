"""Values that a program cannot use."""

from __future__ import annotations

import random
import urllib.parse

from ..systems.names import other_port, typo, word


def wrong_url(url: str, services: set[str], rng: random.Random) -> str:
    """The URL with a host that is no Service, or a port at which it does not answer."""
    parts = urllib.parse.urlsplit(url)
    host, port = parts.hostname or "", parts.port or 80
    first, _, rest = host.partition(".")
    if rng.random() < 0.6:
        while True:
            style = rng.randrange(4)
            made = (
                typo(rng, first).lower()
                if style < 2
                else f"{first}-{rng.choice(('old', 'v2', 'svc', 'prod', 'new', 'api'))}"
                if style == 2
                else word(rng, 2)
            )
            if made not in services:
                break
        host = f"{made}.{rest}" if rest else made
    else:
        port = other_port(rng, port)
    return urllib.parse.urlunsplit((parts.scheme, f"{host}:{port}", parts.path, "", ""))


def wrong_number(value: str, rng: random.Random) -> str:
    """Something that looks like the number and is none."""
    return rng.choice(
        (
            lambda: value + rng.choice(("s", "ms", "MB", "k", "%", "m", " ", ",", ";")),
            lambda: value.replace("0", "O", 1) if "0" in value else value + "O",
            lambda: value.replace("1", "l", 1) if "1" in value else "l" + value,
            lambda: f"-{value}",
            lambda: f"{value}.{rng.randint(1, 99)}",
            lambda: word(rng, rng.choice((1, 2))),
            lambda: rng.choice(("ten", "auto", "none", "default", "unlimited", "max", "NaN", "null")),
            lambda: "0x" + value,
            lambda: f'"{value}"',
            lambda: "${" + word(rng, 2).upper() + "}",
        )
    )()


def wrong_word(value: str, rng: random.Random) -> str:
    """A word that the program does not know in place of one that it does."""
    made = rng.choice(
        (
            lambda: typo(rng, value),
            lambda: value.upper(),
            lambda: value.capitalize(),
            lambda: value + rng.choice(("d", "s", "ed", "-mode")),
            lambda: word(rng, 2),
            lambda: rng.choice(
                ("on", "off", "yes", "no", "1", "0", "trace", "warn", "verbose", "info,", "sync", "auto", "default")
            ),
        )
    )()
    return made if made != value else value + "x"
