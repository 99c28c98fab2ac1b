"""The simulated cluster in one object: a system, a seed, and a door for requests."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from .api.bootstrap import bootstrap_namespaces, bootstrap_roles
from .api.exchange import Request, Response
from .api.reads import Stream
from .api.resources import BY_KIND
from .api.server import Api
from .chaos import Chaos
from .clock import Clock
from .freezing import clone
from .nodes import coredns
from .shared import Shared
from .store import Store
from .switches import MACHINES, operate

Object = dict[str, Any]

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_LOADER = "kubectl-client-side-apply"
_SCRATCH_SEED = 1 << 64  # nobody's own: two clusters of one seed give their objects the same uids


class SystemLike(Protocol):
    """What a sandbox needs of a system: where it lives, what it is made of, which images can be pulled."""

    @property
    def namespace(self) -> str: ...
    @property
    def manifests(self) -> Any: ...
    @property
    def images(self) -> Any: ...


class Sandbox:
    """A cluster that runs ``system``. The same seed gives the same cluster, to the last uid."""

    def __init__(self, system: SystemLike | None = None, seed: int = 0, start: datetime | None = None) -> None:
        self.system = system
        self.called = ""  # how somebody named the system (systems.choose)
        self.rng = random.Random(seed)
        self.clock = Clock(start or START)
        self.store = Store(self.clock, self.rng)
        self.behaviour: Any = _behaviour(self.store, self.clock, self.rng, system)
        self._api = Api(self.store, self.behaviour)
        self._furnish()
        self.behaviour.start()
        self._chaos = Chaos(self.behaviour.world, lambda *target: self.behaviour.end_container(*target, 137))
        self.store.subscribe(self._chaos.heard)
        if system is not None:
            self.load(system)

    def handle(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: object | None = None,
        content_type: str = "application/json",
        user: str | None = None,
        *,
        accept: str = "application/json",
        user_agent: str = "",
        lean: bool = False,
        timeout: float = math.inf,
    ) -> Response:
        """One request, in process. What falls due at this instant has happened when it returns.

        Raises TimeoutError where the answer takes longer than ``timeout`` seconds of virtual time, which pass.
        """
        request = Request(method, path, query or {}, body, content_type, accept, user_agent, user or "", lean=lean)
        answer = self.answer(request)
        if isinstance(answer, Stream):
            return Response(200, body=b"".join(answer.lines()))
        if answer.seconds:
            self.clock.advance(min(answer.seconds, timeout))
        if answer.seconds > timeout:
            raise TimeoutError(f"no answer within {timeout:g} s")
        return answer

    def answer(self, request: Request) -> Response | Stream:
        """As ``handle``, but a watch stays open and time spent on an answer does not pass by itself."""
        if request.path == MACHINES:
            answer: Response | Stream = operate(self.behaviour.machines, request)
        else:
            answer = self._api.handle(request)
        if request.method != "GET":
            self.clock.settle()
        return answer

    def advance(self, seconds: float) -> None:
        """Lets virtual time pass."""
        self.clock.advance(seconds)

    def clone(self) -> Sandbox:
        """Another sandbox at this very point, much faster than one made anew: both go on alike, each by itself."""
        made: Sandbox = clone(self)
        return made

    def __getstate__(self) -> Object:
        return {**vars(self), "system": Shared(self.system)}

    def transport(self) -> SandboxTransport:
        """The in-process door with the interface of a Transport."""
        return SandboxTransport(self)

    def load(self, system: SystemLike) -> None:
        """Creates the manifests of a system through the API, each as the manager that its history names."""
        managers = getattr(system, "managers", None) or {}
        for manifest in system.manifests:
            key = f"{manifest['kind']}/{manifest['metadata']['name']}"
            self.create(manifest, managers.get(key, _LOADER))

    def create(self, manifest: Object, manager: str = _LOADER) -> Object:
        """Creates one object through the API. Raises ValueError with the server's words."""
        path = collection_of(manifest)
        answer = self.handle("POST", path, {"fieldManager": manager, "fieldValidation": "Strict"}, manifest)
        if answer.status >= 400:
            kind, name = manifest.get("kind"), manifest.get("metadata", {}).get("name")
            raise ValueError(f"the sandbox refused {kind} {name}: {answer.json().get('message')}")
        created: Object = answer.json()
        return created

    def _furnish(self) -> None:
        nodes = [item for item in getattr(self.system, "manifests", ()) if item["kind"] == "Node"]
        names = coredns.objects(_deployed, nodes, self.clock.stamp()) if nodes else []
        self.store.plant([*bootstrap_roles(), *bootstrap_namespaces(), *names])
        if names:
            self.behaviour.world.images |= {coredns.IMAGE}
            self.behaviour.kubelet.network.names.kept_by_cluster = True
        for name in ("default", "kube-system"):
            self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, "kube-apiserver")
        self.create(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "kubernetes", "namespace": "default", "labels": {"component": "apiserver"}},
                "spec": {
                    "clusterIP": "10.96.0.1",
                    "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
                },
            },
            "kube-apiserver",
        )


def _deployed(manifests: Sequence[Object], seconds: float) -> list[Object]:
    """What is in kube-system of a cluster of its own that was given these manifests, so many seconds later."""
    scratch = Sandbox(seed=_SCRATCH_SEED)
    scratch.behaviour.world.images |= {coredns.IMAGE}
    for manifest in manifests:
        scratch.create(manifest)
    scratch.advance(seconds)
    return [item for kind in scratch.store.registry.stored for item in scratch.store.list(kind, "kube-system")]


class SandboxTransport:
    """Carries requests to a sandbox in the same process."""

    def __init__(self, sandbox: Sandbox, user_agent: str = "") -> None:
        self._sandbox = sandbox
        self._user_agent = user_agent

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: object | None = None,
        content_type: str = "application/json",
        timeout: float = 10.0,
    ) -> Response:
        path, _, question = path.partition("?")
        asked = dict(pair.partition("=")[::2] for pair in question.split("&") if pair)
        return self._sandbox.handle(
            method,
            path,
            {**asked, **(query or {})},
            body,
            content_type,
            user_agent=self._user_agent,
            lean=True,
            timeout=timeout,
        )

    def sleep(self, seconds: float) -> None:
        """Lets virtual time pass."""
        self._sandbox.advance(seconds)

    def monotonic(self) -> float:
        """Virtual seconds: what a request took is a difference of two readings."""
        return self._sandbox.clock.elapsed


def collection_of(manifest: Object) -> str:
    """The path at which an object of this manifest is created. Raises ValueError for an unknown kind."""
    resource = BY_KIND.get((manifest.get("apiVersion", ""), manifest.get("kind", "")))
    if resource is None:
        raise ValueError(f"the sandbox has no {manifest.get('apiVersion')} {manifest.get('kind')}")
    base = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    if resource.namespaced:
        base += f"/namespaces/{manifest['metadata'].get('namespace', 'default')}"
    return f"{base}/{resource.plural}"


def _behaviour(store: Store, clock: Clock, rng: random.Random, system: SystemLike | None) -> Any:
    from .behaviour import Behaviour

    return Behaviour(store, clock, rng, system)
