"""Systems that others published: healthy on the sandbox, shaped as they were published, named on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.e2ereme.remediate.sandbox.faults import healthy
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.systems import (
    SystemUnknown,
    choose,
    generate,
    known_systems,
    prepare,
    shop,
)
from ansible_collections.e2ereme.remediate.sandbox.systems.edits import Edit, carry_out, container_path
from ansible_collections.e2ereme.remediate.sandbox.systems.published import NAMES
from ansible_collections.e2ereme.remediate.sandbox.systems.rest import Api
from ansible_collections.e2ereme.remediate.sandbox.systems.system import on_lab

Object = dict[str, Any]


def up(name: str) -> Sandbox:
    system = choose(name)
    sandbox = Sandbox(system)
    prepare(sandbox, system)
    return sandbox


def main_containers(name: str) -> dict[str, Object]:
    """Workload -> its main container, today."""
    system = choose(name)
    today = {(item["kind"], item["metadata"]["name"]): item for item in system.manifests}
    today |= {
        (change.manifest["kind"], change.manifest["metadata"]["name"]): change.manifest for change in system.history
    }
    return {
        spec.name: next(
            item
            for item in today[spec.kind, spec.name]["spec"]["template"]["spec"]["containers"]
            if item["name"] == spec.container
        )
        for spec in system.services
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_published_system_is_healthy_after_its_past_and_nothing_restarted(name: str) -> None:
    system, sandbox = choose(name), up(name)
    assert healthy(sandbox.transport(), system) == ()
    pods = sandbox.store.list("Pod", system.namespace)
    assert {item["restartCount"] for pod in pods for item in pod["status"]["containerStatuses"]} == {0}


@pytest.mark.parametrize("name", NAMES)
def test_every_call_goes_to_a_service_of_the_system_by_its_address(name: str) -> None:
    system = choose(name)
    containers = main_containers(name)
    for spec in system.services:
        addresses = {item.get("value") for item in containers[spec.name].get("env", ())}
        for other in map(system.service, spec.calls):
            assert f"http://{other.service}:{other.service_port}/" in addresses


@pytest.mark.parametrize("name", NAMES)
def test_visitors_reach_every_service_and_the_front_first(name: str) -> None:
    system = choose(name)
    [visitors] = [spec for spec in system.services if not spec.service]
    reached = set(visitors.calls)
    for _ in system.services:
        reached |= {other for spec in system.services if spec.name in reached for other in spec.calls}
    assert reached == {spec.name for spec in system.services if spec.rate > 0} == {*_served(name)}
    assert system.front == visitors.calls[0]


def _served(name: str) -> Iterator[str]:
    return (spec.name for spec in choose(name).services if spec.service)


def test_simple_micro_is_two_services_with_a_log_volume_and_room_for_1280_mib() -> None:
    system = choose("simple-micro")
    assert [(spec.name, spec.port, spec.calls) for spec in system.services if spec.service] == [
        ("hello-service", 5000, ("time-service",)),
        ("time-service", 5001, ()),
    ]
    for spec in system.services:
        if spec.service:
            container = main_containers("simple-micro")[spec.name]
            assert container["resources"]["limits"] == {"cpu": "500m", "memory": "2000Mi"}
            assert (
                spec.volume
                in {mount["mountPath"] for mount in container["volumeMounts"]}
                == {
                    "/srv",
                    "/var/log/mysql",
                }
            )


def test_online_boutique_is_eleven_services_with_the_cart_in_a_datastore() -> None:
    system = choose("online-boutique")
    assert len([spec for spec in system.services if spec.service]) == 11
    assert system.service("cartservice").calls == ("redis-cart",)
    assert {spec.name for spec in system.callers("productcatalogservice")} == {
        "frontend",
        "checkoutservice",
        "recommendationservice",
    }
    assert main_containers("online-boutique")["emailservice"]["ports"][0]["containerPort"] == 8080
    assert system.service("emailservice").service_port == 5000
    assert system.service("redis-cart").volume == "/data"


def test_train_ticket_is_46_services_with_a_shared_database() -> None:
    system = choose("train-ticket")
    assert len([spec for spec in system.services if spec.name.startswith("ts-") and spec.service]) == 46
    assert len(system.callers("tsdb-mysql")) == 27
    secrets = {item["metadata"]["name"] for item in system.manifests if item["kind"] == "Secret"}
    assert "ts-inside-payment-mysql" in secrets
    assert system.service("nacosdb-mysql").volume == "/var/log/mysql"


def test_on_the_lab_train_ticket_requests_what_a_small_machine_has_and_keeps_its_limits() -> None:
    asked = [
        (item["spec"]["replicas"], container["resources"])
        for item in on_lab(choose("train-ticket"), "elsewhere").manifests
        if item["kind"] in ("Deployment", "StatefulSet")
        for container in item["spec"]["template"]["spec"]["containers"]
    ]
    assert 500 < sum(count * int(resources["requests"]["cpu"].rstrip("m")) for count, resources in asked) <= 600
    assert [resources.get("limits", {}).get("cpu") for _, resources in asked].count("500m") == 48


def test_where_requests_take_turns_a_broken_dependency_fails_only_those_that_go_there() -> None:
    shop = up("online-boutique")
    api = Api(shop.transport())
    one = Edit("Deployment", "frontend", container_path("server", "env", {"name": "FANOUT_LIMIT"}, "value"), None, "1")
    carry_out(api, "online-boutique", [one], "kubectl-edit")
    shop.advance(60)
    api.delete("Service", "online-boutique", "adservice")
    visits = len(choose("online-boutique").service("frontend").calls)
    answers = [shop.behaviour.proxy("services", "online-boutique", "frontend", "80", "/") for _ in range(visits)]
    failed = [body for status, _, body in answers if status != 200]
    assert failed == ["call to http://adservice:9555/ failed: name resolution\n"]


def test_a_wrong_password_is_refused_by_the_database_and_told_on_both_sides() -> None:
    railway = up("train-ticket")
    api = Api(railway.transport())
    wrong = {"data": {"CONFIG_MYSQL_PASSWORD": "d3Jvbmc=", "CONFIG_MYSQL_USER": "dHM="}}
    api.edit("Secret", "train-ticket", "ts-config-mysql", lambda live: {**live, **wrong}, "kubectl-edit")
    for pod in api.list("Pod", "train-ticket"):
        if pod["metadata"]["labels"]["app"] == "ts-config-service":
            api.delete("Pod", "train-ticket", pod["metadata"]["name"])
    railway.advance(120)
    assert api.visit("train-ticket", "ts-config-service", 15679) == 502
    pod = next(
        item["metadata"]["name"]
        for item in api.list("Pod", "train-ticket")
        if item["metadata"]["labels"]["app"] == "ts-config-service"
    )
    said = railway.behaviour.logs("train-ticket", pod, "ts-config-service")
    assert "ERROR call to http://tsdb-mysql-leader:3306/ failed: status 401" in said
    assert "ERROR refused a caller: wrong password" in railway.behaviour.logs("train-ticket", "tsdb-mysql-0", "mysql")


def test_a_system_is_chosen_by_its_name_or_by_a_number() -> None:
    assert choose("shop") == shop()
    assert choose("17") == generate(17)
    assert set(NAMES) < set(known_systems())


def test_a_name_that_is_no_system_says_which_there_are() -> None:
    with pytest.raises(SystemUnknown, match=r"no system 'boutique'.*shop, .*simple-micro"):
        choose("boutique")
