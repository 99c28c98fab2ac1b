"""Container logs: what the program printed, and what visitors' requests made it print since."""

from __future__ import annotations

from datetime import timedelta

from ..controllers.world import World
from ..systems import program
from .network import Network
from .run import ContainerRun, PodRun

_SHOWN = 12  # lines of repeated failures that are worth making up
_THROWN = 30  # visits whose luck is looked up


def lines(
    world: World, network: Network, run: PodRun, name: str, previous: bool, tail: int | None, changed_at: float
) -> str | None:
    """The log's text, or None when there is no such log. ``changed_at``: virtual seconds of the last change
    that requests could feel: failures seen now have been there since."""
    item = run.container(name)
    if item is None:
        return None
    if previous:
        if item.previous_log is None:
            return None
        entries = list(item.previous_log)
    else:
        entries = [*item.log]
        seen = {text for _, _, text in entries}
        entries += [
            entry
            for entry in _visits(world, network, run, item, changed_at)
            if entry[2] not in seen or item.command == "visit"
        ]
        entries.sort(key=lambda entry: entry[0])
    if tail is not None:
        entries = entries[-tail:] if tail > 0 else []
    return "".join(f"{program.line(level, text, stamp) if level else text}\n" for stamp, level, text in entries)


def _visits(
    world: World, network: Network, run: PodRun, item: ContainerRun, changed_at: float
) -> list[tuple[str, str, str]]:
    """What the requests of the system's own visitors print while something they need is broken."""
    settings = item.settings
    if settings is None or not item.running or (item.listens_at > world.clock.elapsed and item.command == "serve"):
        return []
    rate = 1 / settings.visit_seconds if item.command == "visit" else world.rates.get(run.workload, 0.0)
    if not rate:
        return []
    if item.command == "serve" and _takes_turns(item):
        rate *= len(settings.callees(0)) / len(settings.calls)
    since = max(changed_at, network.felt_at, item.started_at)
    if world.strains.any:
        return _by_chance(world, network, run, item, since, rate)
    failures = _failures(network, run, item)
    count = min(_SHOWN, int((world.clock.elapsed - since) * rate))
    made = []
    for back in range(count, 0, -1):
        stamp = (world.clock.now - timedelta(seconds=back / rate)).strftime("%Y-%m-%dT%H:%M:%SZ")
        made += [(stamp, "ERROR", text) for text in failures]
    return made


def _by_chance(
    world: World, network: Network, run: PodRun, item: ContainerRun, since: float, rate: float
) -> list[tuple[str, str, str]]:
    """Under a strain each visit has its own luck, the same one whenever the log is read."""
    made = []
    last = int(world.clock.elapsed * rate)
    for number in range(max(last - _THROWN + 1, int(since * rate) + 1), last + 1):
        with network.link.luck_of(f"{run.uid}/{number}"):
            network.imagined = True
            failures = _failures(network, run, item)
            network.imagined = False
        at = world.clock.start + timedelta(seconds=number / rate)
        made += [(at.strftime("%Y-%m-%dT%H:%M:%SZ"), "ERROR", text) for text in failures]
    return made


def _failures(network: Network, run: PodRun, item: ContainerRun) -> list[str]:
    """What one visit leaves in the container's log, if anything."""
    settings = item.settings
    if settings is None:
        return []
    before, found = len(item.log), []
    if item.command == "serve" and (path := network.unwritable(run, item)):
        return [program.cannot_write(path, "Input/output error")]
    for name, url in settings.calls:
        answer = network.call(run.namespace, url, settings.call_seconds, 1, settings.shown_to(name), run)
        if answer.why:
            found.append(program.call_failed(url, answer.why))
            if item.command == "serve" and not _takes_turns(item):
                break  # it answers 502 at the first
    del item.log[before:]
    return found


def _takes_turns(item: ContainerRun) -> bool:
    """Whether a request calls but some of the dependencies."""
    return item.settings is not None and len(item.settings.callees(0)) < len(item.settings.calls)
