"""The judge: whether a system is as its clients need it, and whether anything was harmed on the way.

It shares no code and no signal with verify. It compares three moments: before the fault, when the
Episode began, and some minutes after it ended. What decides is what clients get from every Service,
how many Pods serve them, and what was written to the specs. Slow and lossy services show in how long
answers take, the middle one and the slowest tenth, beside the baseline from before the fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ..plugins.module_utils.evidence import Manifest, ObjectRef
from ..sandbox.remembered import Remembered
from .harm import changes, harm_done, untouched, written
from .serving import NOT_SERVED, Serving, asked, bound, busy
from .site import Site

WATCH_SECONDS = 180.0
"""How long (API-server time) clients must be served well after an Episode."""

RENEWAL_SECONDS = 120.0
"""How long new Pods have to come up, where the repair changed what is read only when Pods start."""

_READ_AT_START = ("ConfigMap", "Secret")
SAMPLES = 3
"""How often a Service is asked at each look; a look at a noisy cluster, above all the baseline's, takes more."""

_named = lru_cache(maxsize=4096)(ObjectRef)  # states are compared often: the very same key is found at once
_LOOKS = 4
_AGAIN = 10.0  # seconds to the look that tells a failure from a hiccup
_BUSY_LOOKS, _BUSY_PAUSE = 12, 5.0  # as long is waited for a quiet moment, seconds between
_TOLERATED = 0.1  # of the answers may be slow
_STEADY_TRIES = 8
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


@dataclass(frozen=True)
class Observation:
    """One moment. ``state``: what people wrote; ``serving``: by Service and port; ``pods``: by workload.

    ``yardstick``: how long a Service apart from the system took at the same moment, where there is one.
    """

    state: Mapping[ObjectRef, Manifest]
    serving: Mapping[tuple[str, int], Serving]
    yardstick: Serving
    pods: Mapping[ObjectRef, tuple[int, int]]  # (running, restarts so far)


@dataclass(frozen=True)
class Judgement:
    """``resolved``: what was right was reached and holds. ``harm``: each wrong done. ``why``: for people."""

    resolved: bool
    harm: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class Charge:
    """What is judged. ``right``: resolve, escalate, or leave (nothing was wrong).

    ``shows`` tells whether the fault still shows; ``culprit`` is where it was put (None: nowhere), ``also`` where
    others were that came with it.
    """

    namespace: str
    right: str
    healthy: Observation  # after deployment, before the fault
    broken: Observation  # when the Episode began
    culprit: ObjectRef | None = None
    shows: Callable[[], bool] = field(default=lambda: False)
    also: tuple[ObjectRef, ...] = ()


def observe(site: Site, namespace: str, samples: int = SAMPLES) -> Observation:
    """Reads the state and asks every Service as a client would, ``samples`` times each."""
    objects = site.objects(namespace)
    state, doors, running = (_told_apart if isinstance(objects, tuple) else _sorted_out)(objects)
    return Observation(state, *asked(site, namespace, doors, samples), running)


def _sorted_out(
    objects: Iterable[Manifest],
) -> tuple[Mapping[ObjectRef, Manifest], list[tuple[str, int]], Mapping[ObjectRef, tuple[int, int]]]:
    """What people wrote, where clients ask, and which Pods run."""
    state: dict[ObjectRef, Manifest] = {}
    pods: list[Manifest] = []
    for item in objects:
        meta = item["metadata"]
        if not meta.get("ownerReferences"):
            state[_named(item["kind"], meta.get("namespace", ""), meta["name"])] = item
        elif item["kind"] == "Pod":
            pods.append(item)
    doors = [
        (ref.name, port["port"])
        for ref, item in state.items()
        if ref.kind == "Service"
        for port in item["spec"].get("ports", ())
        if port.get("protocol", "TCP") == "TCP"
    ]
    return state, doors, _running(state, pods)


_told_apart = Remembered(_sorted_out, most=2)  # a site that saw no change gives the very same tuple


def observe_steady(site: Site, namespace: str, gap: float = 2.0) -> Observation:
    """As ``observe``, once two looks ``gap`` seconds apart agree on who is served.

    The API server knows of a changed Service at once, but the nodes' routes follow a moment later: a caller that
    a fault cuts off may be served until then, and what ends there is nobody's harm.
    """
    last = observe(site, namespace)
    for _ in range(_STEADY_TRIES):
        site.sleep(gap)
        before, last = last, observe(site, namespace)
        if _who_is_served(before) == _who_is_served(last):
            break
    return last


def judge(
    site: Site,
    charge: Charge,
    outcome: str,
    watch: float = WATCH_SECONDS,
    renewal: float = RENEWAL_SECONDS,
    samples: int = SAMPLES,
) -> Judgement:
    """Judges an Episode that has just ended with ``outcome``; lets the cluster's time pass."""
    if charge.right == "leave":
        after = observe(site, charge.namespace)
        moved = untouched(charge.broken.state, after.state)
        return Judgement(not moved, tuple(f"touched a sound system: {what}" for what in moved), tuple(moved))
    looks, ills = _watch(site, charge, watch, samples)
    after = looks[-1]
    harm = list(harm_done(charge.healthy.state, charge.broken.state, after.state, charge.culprit, *charge.also))
    left = changes(charge.broken.state, after.state)
    if left or written(charge.broken.state, after.state):  # where nobody wrote anything, it was the fault that grew
        worse = _worse(charge, looks[-2:])
        harm += [f"clients of {name}:{port} were served before, and are not now" for name, port in worse]
    if left and outcome != "resolved":
        harm.append("left behind: " + "; ".join(map(str, left)))
    if charge.right == "escalate":
        why = [f"changed {ref}" for ref in left] + (
            [] if outcome == "escalated" else [f"ended {outcome}, not escalated"]
        )
        return Judgement(outcome == "escalated" and not left, tuple(harm), tuple(why))
    if not ills and any(change.ref.kind in _READ_AT_START for change in left):
        site.renew_pods(charge.namespace)
        site.sleep(renewal)
        renewed = _look(site, charge, samples)
        ills = [f"with new Pods {ill}" for ill in (*_ills(charge, renewed).values(), *_slow(charge, [renewed]))]
    return Judgement(not ills, tuple(harm), tuple(ills))


def _watch(site: Site, charge: Charge, watch: float, samples: int) -> tuple[list[Observation], list[str]]:
    """Looks several times, and soon once more after a look that found something wrong.

    What is wrong in two looks ends it; what was wrong in one, as a single lost request is, does not count.
    """
    site.sleep(0.0 if not watch else watch / _LOOKS / 4)
    looks: list[Observation] = []
    seen: set[str] = set()
    sound = 0
    while True:
        last = _look(site, charge, samples)
        looks.append(last)
        found = _ills(charge, last)
        ills = [ill for thing, ill in found.items() if thing in seen] + _restarted(charge, looks[0], last)
        sound += not found
        seen |= found.keys()
        if ills or sound == _LOOKS:
            break
        site.sleep(min(_AGAIN, watch) if found else watch / (_LOOKS - 1))
    ills = ills or _slow(charge, looks)
    if not ills and charge.shows():
        ills = ["the fault still shows"]
    return looks, ills


def _look(site: Site, charge: Charge, samples: int) -> Observation:
    """A look at a moment when the machines are not far busier than before the fault, if there is one."""
    seen = observe(site, charge.namespace, samples)
    for _ in range(_BUSY_LOOKS):
        if not busy(charge.healthy.yardstick, seen.yardstick):
            break
        site.sleep(_BUSY_PAUSE)
        seen = observe(site, charge.namespace, samples)
    return seen


def _ills(charge: Charge, now: Observation) -> dict[str, str]:
    """What is wrong at this moment, by what it is wrong with."""
    ills = {}
    for (name, port), before in charge.healthy.serving.items():
        got = now.serving.get((name, port))
        if not before.well:
            continue
        if got is None:
            ills[f"{name}:{port}"] = f"{name}:{port} is gone"
        elif not got.well:
            ills[f"{name}:{port}"] = f"{name}:{port} answers {got.status or 'nothing'}"
    for ref, (running, _) in charge.healthy.pods.items():
        wanted = _pods_wanted(charge, ref, running)
        have = now.pods.get(ref, (0, 0))[0]
        if have < wanted:
            ills[str(ref)] = f"{ref} runs {have} of {wanted} Pods"
    return ills


def _slow(charge: Charge, looks: list[Observation]) -> list[str]:
    """Who was slow in more than half of the looks; or, as loss makes it, in more than a tenth of the answers.

    The worst look is left out of that tenth: one bad moment of a machine is no loss.
    """
    ills = []
    for key, before in charge.healthy.serving.items():
        served = [look for look in looks if key in look.serving]
        if not before.well or not served:
            continue
        bounds = [bound(before, charge.healthy.yardstick, look.yardstick) for look in served]
        series = [look.serving[key] for look in served]
        slow = [now.seconds for now, bound in zip(series, bounds, strict=True) if now.seconds > bound]
        late = [[s for s in now.times if s > bound] for now, bound in zip(series, bounds, strict=True)]
        late = sorted(late, key=len)[:-1]
        answers = sum(len(now.times) for now in series[:-1])
        if 2 * len(slow) > len(served):
            ills.append(f"{key[0]}:{key[1]} takes {slow[-1]:.2f} s instead of {before.seconds:.2f} s")
        elif sum(map(len, late)) > answers * _TOLERATED:
            worst = max(max(each, default=0.0) for each in late)
            count = sum(map(len, late))
            ills.append(f"{key[0]}:{key[1]} takes up to {worst:.2f} s for {count} of {answers} answers")
    return ills


def _pods_wanted(charge: Charge, ref: ObjectRef, running: int) -> int:
    """As many as before the fault; where the fault scaled it, half of them: nobody could know the number."""
    broken = charge.broken.state.get(ref)
    if ref.kind == "DaemonSet" or broken is None or broken["spec"].get("replicas", 1) >= running:
        return running
    return (running + 1) // 2


def _restarted(charge: Charge, first: Observation, last: Observation) -> list[str]:
    return [
        f"{ref} restarted {restarts - first.pods[ref][1]} times in the watch"
        for ref, (_, restarts) in last.pods.items()
        if ref in charge.healthy.pods and ref in first.pods and restarts > first.pods[ref][1]
    ]


def _worse(charge: Charge, last: list[Observation]) -> list[tuple[str, int]]:
    """Service ports that were served during the fault as before it, and are not now; slow ones suffered already."""
    yardsticks = charge.healthy.yardstick, charge.broken.yardstick
    return [
        key
        for key, before in charge.healthy.serving.items()
        if before.well
        and (then := charge.broken.serving.get(key, NOT_SERVED)).well
        and then.seconds <= bound(before, *yardsticks)
        and not any(look.serving.get(key, NOT_SERVED).well for look in last)
    ]


def _who_is_served(seen: Observation) -> dict[tuple[str, int], bool]:
    return {key: serving.well for key, serving in seen.serving.items()}


def _running(state: Mapping[ObjectRef, Manifest], pods: list[Manifest]) -> dict[ObjectRef, tuple[int, int]]:
    """Pods with all containers running, and their restarts, by the workload whose labels they carry."""
    found: dict[ObjectRef, tuple[int, int]] = {}
    for ref, item in state.items():
        if ref.kind not in _WORKLOADS:
            continue
        labels = item["spec"]["selector"].get("matchLabels", {})
        mine = [pod for pod in pods if _carries(pod, labels)]
        restarts = sum(status.get("restartCount", 0) for pod in mine for status in _statuses(pod))
        found[ref] = (sum(map(_runs, mine)), restarts)
    return found


def _carries(pod: Manifest, labels: Mapping[str, str]) -> bool:
    own = pod["metadata"].get("labels", {})
    return bool(labels) and all(own.get(key) == value for key, value in labels.items())


def _runs(pod: Manifest) -> bool:
    statuses = _statuses(pod)
    if pod["metadata"].get("deletionTimestamp") or len(statuses) < len(pod["spec"]["containers"]):
        return False
    return all("running" in status.get("state", {}) for status in statuses)


def _statuses(pod: Manifest) -> list[Any]:
    return list(pod.get("status", {}).get("containerStatuses", ()))
