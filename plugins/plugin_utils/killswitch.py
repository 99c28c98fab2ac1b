# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kill switch: a ConfigMap that anybody with kubectl can set, and a file on the controller."""

from __future__ import annotations

from pathlib import Path

from ..module_utils.cluster import Cluster
from ..module_utils.errors import Forbidden, Refused
from ..module_utils.evidence import ObjectRef

CONFIG_MAP = "e2ereme-remediate"
KEY = "paused"
EVERYWHERE = "kube-system"

_RUNNING = frozenset({"", "false", "no", "off", "0"})


def require_running(cluster: Cluster, namespace: str, file: str = "") -> tuple[str, ...]:
    """Refused when paused; otherwise what could not be looked at.

    The switch of the whole cluster lies in kube-system, which a least-privilege account may be
    unable to read: that is told, not refused. The one in the namespace must be readable.
    """
    if file and Path(file).exists():
        raise Refused(f"Paused by the file {file}.", "Remove it to let repairs go on.")
    unseen: list[str] = []
    for place in dict.fromkeys((namespace, EVERYWHERE)):
        try:
            found = cluster.find(ObjectRef("ConfigMap", place, CONFIG_MAP))
        except Forbidden:
            if place == namespace:
                raise
            unseen.append(f"ConfigMap {CONFIG_MAP} in {place} could not be read: forbidden")
            continue
        value = ((found or {}).get("data") or {}).get(KEY, "")
        if str(value).strip().lower() not in _RUNNING:
            raise Refused(
                f"Paused by ConfigMap {CONFIG_MAP} in namespace {place} ({KEY}: {str(value)[:40]!r}).",
                f'Set {KEY} to "false" there, or delete it, to let repairs go on.',
            )
    return tuple(unseen)
