"""What the Python clients are asked to do: the kubernetes package, kr8s, and the product's own probe."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...plugins.module_utils.cluster import Cluster
from ...plugins.module_utils.connect import KubernetesTransport
from ...plugins.module_utils.probe import look

Object = dict[str, Any]
Mark = Callable[[str], None]


def python_client(kubeconfig: Path, space: str, mark: Mark) -> None:
    """``mark`` names what comes next."""
    from kubernetes import client, config, watch

    api = config.new_client_from_config(str(kubeconfig))
    core, apps, custom = client.CoreV1Api(api), client.AppsV1Api(api), client.CustomObjectsApi(api)
    refused = contextlib.suppress(client.ApiException)

    def config_map(name: str, **data: str) -> Object:
        return {"metadata": {"name": name, "labels": {"made": "by-client"}}, "data": data}

    mark("create")
    made = core.create_namespaced_config_map(space, config_map("client-1", a="1"))
    core.create_namespaced_config_map(space, config_map("client-2", a="2"))
    core.create_namespaced_config_map(space, {"metadata": {"generateName": "client-"}, "data": {}}, dry_run="All")
    with refused:
        core.create_namespaced_config_map(space, config_map("Not_Valid"))
    with refused:
        core.create_namespaced_config_map(space, config_map("client-1"))
    mark("update with a version")
    made.data = {"a": "11"}
    core.replace_namespaced_config_map("client-1", space, made)
    with refused:  # the version is old by now
        core.replace_namespaced_config_map("client-1", space, made)
    mark("read and list")
    core.read_namespaced_config_map("client-1", space)
    page = core.list_namespaced_config_map(space, label_selector="made=by-client", limit=1)
    core.list_namespaced_config_map(space, label_selector="made=by-client", limit=1, _continue=page.metadata._continue)
    with refused:
        core.list_namespaced_config_map(space, _continue="nonsense")
    core.list_namespaced_config_map(space, field_selector="metadata.name=client-2")
    with refused:
        core.list_namespaced_config_map(space, label_selector="a in (b")
    core.list_namespaced_config_map(space, resource_version="0", limit=500)
    mark("patch")
    core.patch_namespaced_config_map("client-1", space, {"data": {"b": "2"}})
    core.patch_namespaced_config_map("client-1", space, [{"op": "add", "path": "/data/c", "value": "3"}])
    with refused:
        core.patch_namespaced_config_map("client-1", space, [{"op": "test", "path": "/data/c", "value": "4"}])
    with refused:
        core.patch_namespaced_config_map("nothing", space, {"data": {}})
    mark("watch")
    listed = core.list_namespaced_config_map(space, label_selector="made=by-client")
    with contextlib.suppress(StopIteration):
        events = watch.Watch().stream(
            core.list_namespaced_config_map,
            space,
            label_selector="made=by-client",
            resource_version=listed.metadata.resource_version,
            timeout_seconds=2,
            allow_watch_bookmarks=True,
        )
        core.patch_namespaced_config_map("client-2", space, {"data": {"b": "2"}})
        for _ in events:
            pass
    for _ in watch.Watch().stream(core.list_namespaced_pod, space, label_selector="app=web", timeout_seconds=1):
        pass
    with refused:
        for _ in watch.Watch().stream(core.list_namespaced_pod, space, resource_version="1", timeout_seconds=1):
            pass
    mark("subresources")
    scale = apps.read_namespaced_deployment_scale("web", space)
    scale.spec.replicas = 2
    apps.replace_namespaced_deployment_scale("web", space, scale)
    mark("less again")
    apps.patch_namespaced_deployment_scale("web", space, {"spec": {"replicas": 1}})
    mark("status")
    status = apps.read_namespaced_deployment_status("web", space)
    status.metadata.managed_fields = None
    with refused:
        same = {"observedGeneration": status.status.observed_generation}
        apps.patch_namespaced_deployment_status("web", space, {"status": same})
    core.read_namespace_status(space)
    mark("delete with preconditions")
    with refused:
        wrong = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="00000000-0000-0000-0000-000000000000"))
        core.delete_namespaced_config_map("client-1", space, body=wrong)
    core.patch_namespaced_config_map("client-1", space, {"metadata": {"finalizers": ["conformance.example/held"]}})
    core.delete_namespaced_config_map("client-1", space)
    core.read_namespaced_config_map("client-1", space)
    core.patch_namespaced_config_map("client-1", space, {"metadata": {"finalizers": None}})
    with refused:
        core.read_namespaced_config_map("client-1", space)
    with refused:
        core.delete_namespaced_config_map("client-2", space, dry_run="All")
    core.delete_collection_namespaced_config_map(space, label_selector="made=by-client")
    mark("pods")
    pods = core.list_namespaced_pod(space, label_selector="app=web").items
    name = pods[0].metadata.name
    core.read_namespaced_pod_log(name, space, tail_lines=2, timestamps=True)
    core.read_namespaced_pod_log(name, space, since_seconds=1)
    with refused:
        core.read_namespaced_pod_log(name, space, container="nothing")
    with refused:
        core.read_namespaced_pod_log(name, space, previous=True)
    core.connect_get_namespaced_pod_proxy_with_path(f"{name}:8080", space, "healthz")
    core.connect_get_namespaced_service_proxy_with_path("web:http", space, "healthz")
    with refused:
        core.connect_get_namespaced_service_proxy_with_path("web:99", space, "healthz")
    with refused:
        core.patch_namespaced_pod(name, space, {"spec": {"hostNetwork": True}})
    eviction = {"metadata": {"name": name, "namespace": space}}
    core.create_namespaced_pod_eviction(name, space, eviction)
    with refused:
        core.create_namespaced_pod_eviction("nothing", space, eviction)
    mark("reviews and versions")
    review = {"spec": {"resourceAttributes": {"namespace": space, "verb": "delete", "resource": "pods"}}}
    client.AuthorizationV1Api(api).create_self_subject_access_review(review)
    other = {"spec": {"user": "somebody", "resourceAttributes": {"verb": "get", "resource": "nodes"}}}
    client.AuthorizationV1Api(api).create_subject_access_review(other)
    client.VersionApi(api).get_code()
    client.CoreV1Api(api).get_api_resources()
    custom.list_namespaced_custom_object("metrics.k8s.io", "v1beta1", space, "pods")
    with refused:
        custom.list_namespaced_custom_object("nothing.example", "v1", space, "things")


def kr8s_client(kubeconfig: Path, space: str, mark: Mark) -> None:
    import kr8s
    from kr8s.objects import ConfigMap, Deployment, Pod

    api = kr8s.api(kubeconfig=str(kubeconfig), namespace=space)
    mark("get")
    list(api.get("pods", namespace=space, label_selector={"app": "web"}))
    list(api.get("deployments", namespace=space))
    list(api.get("deploy", "web", namespace=space))
    list(api.get("events", namespace=space, field_selector="type=Normal"))
    api.whoami()
    api.version()
    mark("write")
    resource = {"metadata": {"name": "from-kr8s", "namespace": space}, "data": {"a": "1"}}
    made = ConfigMap(resource, api=api)
    made.create()
    made.patch({"data": {"b": "2"}})
    made.label({"by": "kr8s"})
    made.annotate({"by": "kr8s"})
    made.refresh()
    made.exists()
    made.delete()
    made.exists()
    mark("deployment")
    web = Deployment.get("web", namespace=space, api=api)
    web.scale(2)
    mark("less again")
    web.refresh()
    web.scale(1)
    mark("its pods")
    list(web.pods())
    mark("pod")
    pod = next(iter(Pod.list(namespace=space, label_selector={"app": "web"}, api=api)))
    list(pod.logs(tail_lines=1))
    pod.ready()


def probe(kubeconfig: Path, space: str, mark: Mark) -> None:
    mark("look")
    look(Cluster(KubernetesTransport({"kubeconfig": str(kubeconfig)})), space, (("web", "Deployment"),))
