"""How kubelets reach the API: they read their Pods, write what has become of them, and tell Events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..controllers.world import World
from .pod_status import pod_status
from .run import ContainerRun, PodRun

Object = dict[str, Any]


class Reporting:
    """``runs``: Pod uid -> PodRun, of all nodes."""

    def __init__(self, world: World, runs: dict[str, PodRun]) -> None:
        self._world, self._runs = world, runs

    def pod(self, run: PodRun) -> Object | None:
        """The Pod as the API has it; None when it is gone, or another one has its name."""
        pod = self._world.store.get("Pod", run.namespace, run.name)
        return pod if pod is not None and pod["metadata"]["uid"] == run.uid else None

    def publish(self, run: PodRun) -> None:
        """Writes the Pod's status."""
        pod = self.pod(run)
        if pod is not None:
            self._world.put_status(pod, pod_status(run, pod, self._world.clock.stamp()))

    def event(
        self,
        pod: Object,
        run: PodRun,
        kind: str,
        reason: str,
        message: str,
        item: ContainerRun | None = None,
        times: int = 1,
    ) -> None:
        self._world.recorder.event(pod, kind, reason, message, "kubelet", item.field if item else "", run.node, times)

    def later(
        self, run: PodRun, item: ContainerRun, seconds: float, then: Callable[[PodRun, ContainerRun], object]
    ) -> None:
        """Does something in some seconds, unless the container has started or stopped by then."""
        turn = item.turn

        def due() -> None:
            if item.turn == turn and run.uid in self._runs and not run.leaving:
                then(run, item)

        self._world.clock.after(seconds, due)
