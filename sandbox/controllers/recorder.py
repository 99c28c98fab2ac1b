"""Events as the two recorders of client-go write them, and gone after an hour.

The older one, which kubelets and most controllers use, counts an event up when it comes again, and when one object has
drawn ten different messages for the same reason within ten minutes, goes on with one event "combined from similar
events". The newer one, the scheduler's, makes a series of what comes again within six minutes: the second is noted at
once, the others when the series has ended. The older one also holds back what comes too often (spam.py).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from ..clock import Clock
from ..shared import Copied, Shared
from ..store import Store
from .spam import SpamFilter

Object = dict[str, Any]
Name = tuple[str, str]

_LIFETIME = 3600.0
_SIMILAR = 10
_SIMILAR_WITHIN = 600.0
_COMBINED = "(combined from similar events): "
_SERIES_ENDS = 360.0


@dataclass
class _Similar:
    """The different messages of one object and reason, and when the last came."""

    messages: dict[str, None]
    last: float


@dataclass
class _Series:
    """What came again and again: how often, and when last."""

    name: Name
    count: int
    last: float


class Recorder:
    """``muted_until`` (virtual seconds): events before it would have expired by the time that anybody looks."""

    def __init__(self, store: Store, clock: Clock, rng: random.Random) -> None:
        self.muted_until = 0.0
        self._store = store
        self._clock = clock
        self._rng = rng
        self._known: dict[tuple[str, ...], Name] = {}
        self._similar: dict[tuple[str, ...], _Similar] = {}
        self._series: dict[tuple[str, ...], _Series] = {}
        self._promised: dict[tuple[str, ...], tuple[str, str]] = {}  # name and uid of what is still held back
        self._spam = SpamFilter()
        self._sweeping = False

    def __getstate__(self) -> Object:
        similar = {key: (Copied(item.messages), item.last) for key, item in self._similar.items()}
        keys = Shared(tuple(similar))
        known, promised = Copied(self._known), Copied(self._promised)
        return {**vars(self), "_known": known, "_promised": promised, "_similar": (keys, list(similar.values()))}

    def __setstate__(self, state: Object) -> None:
        keys, similar = state.pop("_similar")
        vars(self).update(state)
        self._similar = {key: _Similar(*item) for key, item in zip(keys, similar, strict=True)}

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
        who = meta.get("uid", f"{space}/{meta['name']}")
        if action:
            self._in_series((who, kind, action, reason, component, message), about, field)
            return
        combined = self._joins(who, kind, reason, component, host, message)
        key = (who, reason, _COMBINED, "") if combined else (who, reason, message, field)
        message = _COMBINED + message if combined else message
        now = self._clock.stamp()
        name = self._known.get(key)
        old = self._store.get("Event", *name) if name else None
        times = self._spam.passing((who, component, host), key, times, self._clock.elapsed)
        if not times:
            if old is None and key not in self._promised:  # it has its name from the first time on
                self._promised[key] = (self._name(meta), self._store.new_uid())
            return
        if old is not None:
            changed = {"count": old["count"] + times, "lastTimestamp": now, "message": message}
            self._store.update({**old, "metadata": dict(old["metadata"]), **changed})
            return
        self._known[key] = self._create(
            about,
            field,
            {
                "reason": reason,
                "message": message,
                "type": kind,
                "count": times,
                "firstTimestamp": now,
                "lastTimestamp": now,
                "eventTime": None,
                "source": {"component": component, **({"host": host} if host else {})},
                "reportingComponent": "" if combined else component,
                "reportingInstance": "" if combined else host,
            },
            self._promised.pop(key, None),
        )

    def _joins(self, who: str, kind: str, reason: str, component: str, host: str, message: str) -> bool:
        """Whether so many similar events came that this one is no longer told apart."""
        now, key = self._clock.elapsed, (who, kind, reason, component, host)
        similar = self._similar.get(key)
        if similar is None or now - similar.last > _SIMILAR_WITHIN:
            similar = self._similar[key] = _Similar({}, now)
        similar.last = now
        similar.messages[message] = None
        if len(similar.messages) < _SIMILAR:
            return False
        similar.messages.pop(next(iter(similar.messages)))
        return True

    def _in_series(self, key: tuple[str, ...], about: Object, field: str) -> None:
        now = self._clock.elapsed
        series = self._series.get(key)
        if series is not None and now - series.last <= _SERIES_ENDS and self._store.get("Event", *series.name):
            series.count, series.last = series.count + 1, now
            if series.count == 2:
                self._note(series)
                self._clock.after(_SERIES_ENDS, lambda: self._finish(key))
            return
        _, kind, action, reason, component, message = key
        name = self._create(
            about,
            field,
            {
                "reason": reason,
                "message": message,
                "type": kind,
                "firstTimestamp": None,
                "lastTimestamp": None,
                "eventTime": self._clock.stamp()[:-1] + ".000000Z",
                "action": action,
                "source": {},
                "reportingComponent": component,
                "reportingInstance": f"{component}-vm",
            },
        )
        self._series[key] = _Series(name, 1, now)

    def _finish(self, key: tuple[str, ...]) -> None:
        """Tells how long a series was when it has ended."""
        series = self._series.get(key)
        if series is None:
            return
        left = series.last + _SERIES_ENDS - self._clock.elapsed
        if left > 1e-6:
            self._clock.after(left, lambda: self._finish(key))
            return
        del self._series[key]
        self._note(series)

    def _note(self, series: _Series) -> None:
        old = self._store.get("Event", *series.name)
        if old is not None:
            last = self._clock.stamp_of(self._clock.start.timestamp() + series.last)
            noted = {"count": series.count, "lastObservedTime": f"{last[:-1]}.000000Z"}
            self._store.update({**old, "metadata": dict(old["metadata"]), "series": noted})

    def _name(self, meta: Object) -> str:
        return f"{meta['name']}.{self._rng.getrandbits(60):015x}"

    def _create(self, about: Object, field: str, body: Object, promised: tuple[str, str] | None = None) -> Name:
        meta = about["metadata"]
        space = meta.get("namespace") or "default"
        involved = {
            "kind": about["kind"],
            "namespace": meta.get("namespace", ""),
            "name": meta["name"],
            "uid": meta.get("uid", ""),
            "apiVersion": about.get("apiVersion", "v1"),
            "resourceVersion": meta.get("resourceVersion", ""),
            "fieldPath": field,
        }
        named = {"name": promised[0], "uid": promised[1]} if promised else {"name": self._name(meta)}
        made = self._store.create(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {**named, "namespace": space},
                "involvedObject": {key: part for key, part in involved.items() if part},
                **body,
            }
        )
        if not self._sweeping:
            self._sweeping = True
            self._clock.after(_LIFETIME, self._sweep)
        return space, made["metadata"]["name"]

    def _goes(self, space: str) -> bool:
        namespace = self._store.get("Namespace", "", space)
        return namespace is not None and "deletionTimestamp" in namespace["metadata"]

    def _sweep(self) -> None:
        oldest = self._clock.now.timestamp() - _LIFETIME
        limit = self._clock.now.fromtimestamp(oldest, self._clock.now.tzinfo).strftime("%Y-%m-%dT%H:%M:%SZ")
        left = False
        for event in self._store.list("Event"):
            if _latest(event, limit) <= limit:
                self._store.delete("Event", event["metadata"]["namespace"], event["metadata"]["name"], 0)
            else:
                left = True
        self._known = {key: name for key, name in self._known.items() if self._store.get("Event", *name)}
        self._series = {key: item for key, item in self._series.items() if self._store.get("Event", *item.name)}
        now = self._clock.elapsed
        self._similar = {key: item for key, item in self._similar.items() if now - item.last <= _SIMILAR_WITHIN}
        self._spam.forget(now)
        self._promised = self._promised if left else {}
        self._sweeping = left
        if left:
            self._clock.after(_LIFETIME / 4, self._sweep)


def _latest(event: Object, otherwise: str) -> str:
    """When an event was last written."""
    series = (event.get("series") or {}).get("lastObservedTime")
    return str(series or event.get("lastTimestamp") or event.get("eventTime") or otherwise)
