"""The registry of resources: which kinds exist, how they are called, and what they can do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind. ``generation``: its metadata.generation counts changes of the spec. ``stored_as``: the kind
    under whose name the store keeps it, for a kind that is served in two groups."""

    group: str
    version: str
    kind: str
    plural: str
    short: tuple[str, ...] = ()
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    generation: bool = False
    categories: tuple[str, ...] = ()
    read_only: bool = False
    stored_as: str = ""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def store_kind(self) -> str:
        return self.stored_as or self.kind

    @property
    def verbs(self) -> tuple[str, ...]:
        if self.read_only:
            return ("get", "list")
        if self.kind in _REVIEWS:
            return ("create",)
        return ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


_REVIEWS = (
    "SelfSubjectAccessReview",
    "SelfSubjectReview",
    "SelfSubjectRulesReview",
    "TokenReview",
    "SubjectAccessReview",
)
_ALL = ("all",)
_STATUS = ("status",)
_SCALE = ("status", "scale")


def _core(kind: str, plural: str, short: str = "", **more: object) -> Resource:
    return Resource("", "v1", kind, plural, tuple(short.split()), **more)  # type: ignore[arg-type]


def _in(api_version: str, kind: str, plural: str, short: str = "", **more: object) -> Resource:
    group, _, version = api_version.partition("/")
    return Resource(group, version, kind, plural, tuple(short.split()), **more)  # type: ignore[arg-type]


RESOURCES: tuple[Resource, ...] = (
    _core("Namespace", "namespaces", "ns", namespaced=False, subresources=("status", "finalize")),
    _core("Node", "nodes", "no", namespaced=False, subresources=("status", "proxy")),
    _core(
        "Pod",
        "pods",
        "po",
        subresources=("status", "log", "exec", "eviction", "proxy", "portforward", "attach", "binding"),
        generation=True,
        categories=_ALL,
    ),
    _core("Service", "services", "svc", subresources=("status", "proxy"), categories=_ALL),
    _core("Endpoints", "endpoints", "ep"),
    _core("ConfigMap", "configmaps", "cm"),
    _core("Secret", "secrets"),
    _core("ServiceAccount", "serviceaccounts", "sa", subresources=("token",)),
    _core("Event", "events", "ev"),
    _core("PersistentVolumeClaim", "persistentvolumeclaims", "pvc", subresources=_STATUS),
    _core("PersistentVolume", "persistentvolumes", "pv", namespaced=False, subresources=_STATUS),
    _core(
        "ReplicationController", "replicationcontrollers", "rc", subresources=_SCALE, generation=True, categories=_ALL
    ),
    _core("ResourceQuota", "resourcequotas", "quota", subresources=_STATUS),
    _core("LimitRange", "limitranges", "limits"),
    _core("PodTemplate", "podtemplates", generation=True),
    _in("apps/v1", "Deployment", "deployments", "deploy", subresources=_SCALE, generation=True, categories=_ALL),
    _in("apps/v1", "ReplicaSet", "replicasets", "rs", subresources=_SCALE, generation=True, categories=_ALL),
    _in("apps/v1", "StatefulSet", "statefulsets", "sts", subresources=_SCALE, generation=True, categories=_ALL),
    _in("apps/v1", "DaemonSet", "daemonsets", "ds", subresources=_STATUS, generation=True, categories=_ALL),
    _in("apps/v1", "ControllerRevision", "controllerrevisions"),
    _in("batch/v1", "Job", "jobs", subresources=_STATUS, generation=True, categories=_ALL),
    _in("batch/v1", "CronJob", "cronjobs", "cj", subresources=_STATUS, generation=True, categories=_ALL),
    _in(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        "hpa",
        subresources=_STATUS,
        categories=_ALL,
    ),
    _in("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", "pdb", subresources=_STATUS, generation=True),
    _in("networking.k8s.io/v1", "Ingress", "ingresses", "ing", subresources=_STATUS, generation=True),
    _in("networking.k8s.io/v1", "IngressClass", "ingressclasses", namespaced=False, generation=True),
    _in("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", "netpol", generation=True),
    _in("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", generation=True),
    _in("coordination.k8s.io/v1", "Lease", "leases"),
    _in("storage.k8s.io/v1", "StorageClass", "storageclasses", "sc", namespaced=False),
    _in("events.k8s.io/v1", "Event", "events", "ev", stored_as="Event"),
    _in("rbac.authorization.k8s.io/v1", "Role", "roles"),
    _in("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
    _in("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", namespaced=False),
    _in("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    _in("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", "pc", namespaced=False),
    _in(
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        namespaced=False,
        generation=True,
    ),
    _in(
        "admissionregistration.k8s.io/v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        namespaced=False,
        generation=True,
    ),
    _in("authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", namespaced=False),
    _in("authorization.k8s.io/v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", namespaced=False),
    _in("authentication.k8s.io/v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False),
    _in("metrics.k8s.io/v1beta1", "NodeMetrics", "nodes", namespaced=False, read_only=True),
    _in("metrics.k8s.io/v1beta1", "PodMetrics", "pods", read_only=True),
)

BY_PATH: dict[tuple[str, str, str], Resource] = {(r.group, r.version, r.plural): r for r in RESOURCES}
BY_KIND: dict[tuple[str, str], Resource] = {(r.api_version, r.kind): r for r in RESOURCES}
STORED: dict[str, Resource] = {r.kind: r for r in RESOURCES if not r.stored_as and not r.read_only}
GROUP_VERSIONS: tuple[tuple[str, str], ...] = tuple(dict.fromkeys((r.group, r.version) for r in RESOURCES))
