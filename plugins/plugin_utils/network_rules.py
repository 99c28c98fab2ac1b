# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""NetworkPolicies: a repair may name a peer, it may not let everyone through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from ..module_utils.evidence import Inventory
from .argspec import Objection
from .changes import READ, Change

_NARROWEST_OPEN = 8  # a CIDR of this prefix or shorter is as good as everyone


def check_openings(changes: Sequence[Change], inventory: Inventory) -> Iterator[Objection]:
    """Rules that were not there before and let everyone through."""
    for change in changes:
        if change.ref.kind != "NetworkPolicy" or change.verb == READ:
            continue
        before = (inventory.get(change.ref) or {}).get("spec") or {}
        spec = change.after.get("spec")
        for direction, peers in (("ingress", "from"), ("egress", "to")):
            rules = spec.get(direction) if isinstance(spec, Mapping) else None
            old = before.get(direction) or ()
            for rule in rules if isinstance(rules, list) else ():
                if rule not in old and _opens(rule, peers):
                    yield (
                        "policy.weakens",
                        change.where,
                        f"a rule of {direction} lets everyone through: name its peers in {peers}",
                    )


def _opens(rule: Any, peers: str) -> bool:
    listed = rule.get(peers) if isinstance(rule, dict) else None
    return not isinstance(listed, list) or not listed or any(_anyone(peer) for peer in listed)


def _anyone(peer: Any) -> bool:
    if not isinstance(peer, dict) or not any(peer.values()):
        return True
    block = peer.get("ipBlock")
    if block is None:
        return False
    try:
        return ip_network(str(block.get("cidr")), strict=False).prefixlen <= _NARROWEST_OPEN
    except (ValueError, AttributeError):
        return True
