"""How long messages take between Pods, and whether they arrive: delay, loss, partition and bandwidth under TCP and UDP.

Measured on a real cluster under NetworkChaos: a new connection pays the server's delay once for the handshake and
once for the answer; a lost packet of the handshake comes again each second (five times, then ever later), one of an
open connection after about 0.2 s, 0.2 s more, and then each time twice as late.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from .strain import NONE, Strain, Strains

NEVER = float("inf")

_SYN_AT = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 11.0, 19.0, 35.0)
"""Seconds at which Linux sends a SYN: net.ipv4.tcp_syn_linear_timeouts 4, tcp_syn_retries 6."""
_FIRST_AGAIN = 0.21  # seconds until a segment is sent again: the tail loss probe, then the least retransmission timeout
_TRIES = 15  # net.ipv4.tcp_retries2
_MESSAGE = 400.0  # bytes of a small request or answer


class Link:
    """Between two Pods, by uid; "" stands for what is no Pod: the API server, a kubelet, anything outside."""

    def __init__(self, strains: Strains) -> None:
        self._strains = strains
        self._dice: random.Random | None = None

    def strained(self, one: str, other: str) -> bool:
        """Whether anything between the two differs from a sound network."""
        return self._strains.any and (self._towards(one, other) != NONE or self._towards(other, one) != NONE)

    def connect(self, client: str, server: str) -> float:
        """Seconds until the client of a new TCP connection has it; NEVER when it cannot have it."""
        if not self._strains.any:
            return 0.0
        there, back = self._towards(client, server), self._towards(server, client)
        if there == NONE == back:
            return 0.0
        if there.cut or back.cut:
            return NEVER
        for at in _SYN_AT:
            if self._passes(there) and self._passes(back):
                return at + self._pause(there) + self._pause(back)
        return NEVER

    def message(self, sender: str, receiver: str) -> float:
        """Seconds that a small message on an open connection takes; NEVER when the connection breaks."""
        strain = self._towards(sender, receiver) if self._strains.any else NONE
        if strain == NONE:
            return 0.0
        if strain.cut or self._towards(receiver, sender).cut:
            return NEVER
        waited, again = 0.0, _FIRST_AGAIN
        for _ in range(_TRIES):
            if self._passes(strain):
                return waited + self._pause(strain)
            waited += again
            again = min(again * 2 if waited > _FIRST_AGAIN else again, 120.0)
        return NEVER

    def exchange(self, client: str, server: str) -> float:
        """Seconds for one question and its answer by UDP; NEVER when one of them is lost."""
        there, back = self._towards(client, server), self._towards(server, client)
        if there == NONE == back:
            return 0.0
        if there.cut or back.cut or not self._passes(there) or not self._passes(back):
            return NEVER
        return self._pause(there) + self._pause(back)

    def throw(self) -> float:
        """A number from 0 to 1 of the network's own dice: what a strained request meets is chance."""
        if self._dice is None:
            self._dice = random.Random("link")
        return self._dice.random()

    @contextmanager
    def luck_of(self, event: str) -> Iterator[None]:
        """Within, the dice fall as they always do for this event."""
        kept, self._dice = self._dice, random.Random(event)
        try:
            yield
        finally:
            self._dice = kept

    def _towards(self, sender: str, receiver: str) -> Strain:
        return self._strains.towards(sender, receiver) if sender else NONE

    def _passes(self, strain: Strain) -> bool:
        return not strain.loss or self.throw() >= strain.loss

    def _pause(self, strain: Strain) -> float:
        late = strain.delay + ((2 * self.throw() - 1) * strain.jitter if strain.jitter else 0.0)
        return max(0.0, late) + (_MESSAGE / strain.bandwidth if strain.bandwidth else 0.0)
