"""Events, counted up as the event recorder of client-go does, and gone after an hour."""

from __future__ import annotations

import random
from typing import Any

from ..clock import Clock
from ..store import Store

Object = dict[str, Any]

_LIFETIME = 3600.0


class Recorder:
    """``muted_until`` (virtual seconds): events before it would have expired by the time that anybody looks."""

    def __init__(self, store: Store, clock: Clock, rng: random.Random) -> None:
        self.muted_until = 0.0
        self._store = store
        self._clock = clock
        self._rng = rng
        self._known: dict[tuple[str, str, str, str], tuple[str, str]] = {}
        self._sweeping = False

    def event(
        self,
        about: Object,
        kind: str,
        reason: str,
        message: str,
        component: str,
        field: str = "",
        host: str = "",
        times: int = 1,
        action: str = "",
    ) -> None:
        """``kind`` is Normal or Warning; ``field`` the part of the object, such as spec.containers{cart}. With an
        ``action``, the event is written as the newer recorder does, which the scheduler uses. ``about`` needs a
        name only: controllers that know no more of an object leave its uid and version out."""
        if self._clock.elapsed < self.muted_until:
            return
        meta = about["metadata"]
        space = meta.get("namespace") or "default"
        if self._goes(space):  # the API server takes nothing new into a namespace that goes
            return
        key = (meta.get("uid", f"{space}/{meta['name']}"), reason, message, field)
        now = self._clock.stamp()
        name = self._known.get(key)
        old = self._store.get("Event", *name) if name else None
        if old is not None:
            self._store.update(
                {**old, "metadata": dict(old["metadata"]), "count": old["count"] + times, "lastTimestamp": now}
            )
            return
        involved = {
            "kind": about["kind"],
            "namespace": meta.get("namespace", ""),
            "name": meta["name"],
            "uid": meta.get("uid", ""),
            "apiVersion": about.get("apiVersion", "v1"),
            "resourceVersion": meta.get("resourceVersion", ""),
        }
        if field:
            involved["fieldPath"] = field
        involved = {name: part for name, part in involved.items() if part}
        made = self._store.create(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": f"{meta['name']}.{self._rng.getrandbits(60):015x}", "namespace": space},
                "involvedObject": involved,
                "reason": reason,
                "message": message,
                "type": kind,
                **(
                    {
                        "firstTimestamp": None,
                        "lastTimestamp": None,
                        "eventTime": f"{now[:-1]}.000000Z",
                        "action": action,
                        "source": {},
                        "reportingComponent": component,
                        "reportingInstance": f"{component}-vm",
                    }
                    if action
                    else {
                        "count": times,
                        "firstTimestamp": now,
                        "lastTimestamp": now,
                        "eventTime": None,
                        "source": {"component": component, **({"host": host} if host else {})},
                        "reportingComponent": component,
                        "reportingInstance": host,
                    }
                ),
            }
        )
        self._known[key] = (space, made["metadata"]["name"])
        if not self._sweeping:
            self._sweeping = True
            self._clock.after(_LIFETIME, self._sweep)

    def _goes(self, space: str) -> bool:
        namespace = self._store.get("Namespace", "", space)
        return namespace is not None and "deletionTimestamp" in namespace["metadata"]

    def _sweep(self) -> None:
        oldest = self._clock.now.timestamp() - _LIFETIME
        limit = self._clock.now.fromtimestamp(oldest, self._clock.now.tzinfo).strftime("%Y-%m-%dT%H:%M:%SZ")
        left = False
        for event in self._store.list("Event"):
            if (event.get("lastTimestamp") or event.get("eventTime") or limit) <= limit:
                self._store.delete("Event", event["metadata"]["namespace"], event["metadata"]["name"], 0)
            else:
                left = True
        self._known = {key: name for key, name in self._known.items() if self._store.get("Event", *name)}
        self._sweeping = left
        if left:
            self._clock.after(_LIFETIME / 4, self._sweep)
