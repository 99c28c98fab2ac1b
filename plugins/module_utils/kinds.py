# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where each kind lives in the Kubernetes API: one table."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

from .errors import InputError


class Kind(NamedTuple):
    """``api_version`` as in a manifest, ``plural`` as in a path."""

    api_version: str
    plural: str
    namespaced: bool = True

    @property
    def prefix(self) -> str:
        """The group's path: ``/api/v1`` or ``/apis/<group>/<version>``."""
        return f"/{'apis' if '/' in self.api_version else 'api'}/{self.api_version}"


KINDS: dict[str, Kind] = {
    "Pod": Kind("v1", "pods"),
    "Service": Kind("v1", "services"),
    "ConfigMap": Kind("v1", "configmaps"),
    "Secret": Kind("v1", "secrets"),
    "Event": Kind("v1", "events"),
    "Endpoints": Kind("v1", "endpoints"),
    "PersistentVolumeClaim": Kind("v1", "persistentvolumeclaims"),
    "ResourceQuota": Kind("v1", "resourcequotas"),
    "LimitRange": Kind("v1", "limitranges"),
    "ServiceAccount": Kind("v1", "serviceaccounts"),
    "Node": Kind("v1", "nodes", False),
    "Namespace": Kind("v1", "namespaces", False),
    "PersistentVolume": Kind("v1", "persistentvolumes", False),
    "Deployment": Kind("apps/v1", "deployments"),
    "ReplicaSet": Kind("apps/v1", "replicasets"),
    "StatefulSet": Kind("apps/v1", "statefulsets"),
    "DaemonSet": Kind("apps/v1", "daemonsets"),
    "ControllerRevision": Kind("apps/v1", "controllerrevisions"),
    "Job": Kind("batch/v1", "jobs"),
    "CronJob": Kind("batch/v1", "cronjobs"),
    "EndpointSlice": Kind("discovery.k8s.io/v1", "endpointslices"),
    "HorizontalPodAutoscaler": Kind("autoscaling/v2", "horizontalpodautoscalers"),
    "PodDisruptionBudget": Kind("policy/v1", "poddisruptionbudgets"),
    "NetworkPolicy": Kind("networking.k8s.io/v1", "networkpolicies"),
    "Ingress": Kind("networking.k8s.io/v1", "ingresses"),
    "IngressClass": Kind("networking.k8s.io/v1", "ingressclasses", False),
    "StorageClass": Kind("storage.k8s.io/v1", "storageclasses", False),
    "Lease": Kind("coordination.k8s.io/v1", "leases"),
    "Role": Kind("rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": Kind("rbac.authorization.k8s.io/v1", "rolebindings"),
    "PriorityClass": Kind("scheduling.k8s.io/v1", "priorityclasses", False),
    "PodMetrics": Kind("metrics.k8s.io/v1beta1", "pods"),
    "NodeMetrics": Kind("metrics.k8s.io/v1beta1", "nodes", False),
}

_SPELT = {spelling: name for name, kind in reversed(KINDS.items()) for spelling in (name.lower(), kind.plural)}


def kind_named(text: str) -> str:
    """The kind that somebody means by ``deployment``, ``Deployments`` or ``Deployment``; empty where there is none."""
    return _SPELT.get(text.strip().lower(), "")


def path_of(kind: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
    """The API path of an object, or of a collection where ``name`` is empty."""
    try:
        entry = KINDS[kind]
    except KeyError:
        raise InputError(f"The kind {kind!r} is not known here.", f"Known are {', '.join(sorted(KINDS))}.") from None
    parts = [entry.prefix]
    if entry.namespaced and namespace:
        parts += ["namespaces", quote(namespace, safe="")]
    parts.append(entry.plural)
    if name:
        parts.append(quote(name, safe=":"))
    if subresource:
        parts.append(subresource)
    return "/".join(parts)
