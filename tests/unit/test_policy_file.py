"""The policy file: what it allows, how it is overlaid, and how its errors read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import InputError, Refused
from ansible_collections.e2ereme.remediate.plugins.module_utils.kinds import KINDS
from ansible_collections.e2ereme.remediate.plugins.plugin_utils import policy as policy_module
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.policy import Policy, load_policy

HERE = Path(policy_module.__file__).parent
POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", "[*]")


@pytest.fixture
def policy() -> Policy:
    return load_policy()


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "policy.yml"
    path.write_text(text)
    return path


def test_the_built_in_policy_fits_its_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((HERE / "policy_schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load((HERE / "default_policy.yml").read_text()), schema)


def test_its_kinds_are_meant_as_the_rest_of_the_product_means_them(policy: Policy) -> None:
    known = {kind: KINDS[kind] for kind in policy.kinds}
    assert {kind: policy.api_version(kind) for kind in known} == {kind: known[kind].api_version for kind in known}
    assert all(entry.namespaced for entry in known.values())


@pytest.mark.parametrize(
    "path",
    [
        (*CONTAINER, "image"),
        (*CONTAINER, "resources", "limits", "memory"),
        (*CONTAINER, "env", "[*]", "value"),
        (*CONTAINER, "env", "[*]", "valueFrom", "configMapKeyRef", "key"),
        (*CONTAINER, "readinessProbe", "httpGet", "port"),
        (*CONTAINER, "command"),
        (*POD, "nodeSelector", "disk.example/kind"),
        ("spec", "replicas"),
        ("spec", "strategy", "rollingUpdate", "maxSurge"),
        ("spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"),
    ],
    ids=".".join,
)
def test_a_deployments_field_that_may_be_written(path: tuple[str, ...], policy: Policy) -> None:
    assert policy.field_allowed("Deployment", path)


@pytest.mark.parametrize(
    "path",
    [
        (),
        ("spec",),
        (*POD, "containers"),
        CONTAINER,
        (*CONTAINER, "securityContext", "privileged"),
        (*CONTAINER, "ports", "[*]", "hostPort"),
        (*CONTAINER, "livenessProbe", "httpGet", "host"),
        (*POD, "hostNetwork"),
        (*POD, "serviceAccountName"),
        (*POD, "volumes", "[*]", "hostPath", "path"),
        ("spec", "selector", "matchLabels", "app"),
        ("metadata", "labels", "app"),
        ("status", "replicas"),
    ],
    ids=".".join,
)
def test_a_deployments_field_that_may_not(path: tuple[str, ...], policy: Policy) -> None:
    assert not policy.field_allowed("Deployment", path)


@pytest.mark.parametrize(
    ("kind", "verb", "allowed"),
    [
        ("Deployment", "patch", True),
        ("Deployment", "delete", False),
        ("Deployment", "create", False),
        ("Pod", "delete", True),
        ("Pod", "patch", False),
        ("StatefulSet", "rollback", False),
        ("ConfigMap", "create", True),
        ("Secret", "read", False),
        ("Node", "read", False),
        ("ClusterRole", "patch", False),
    ],
)
def test_verbs_by_kind(kind: str, verb: str, allowed: bool, policy: Policy) -> None:
    assert policy.allows(kind, verb) is allowed


def test_a_field_that_may_be_written_may_not_always_be_taken_away(policy: Policy) -> None:
    assert policy.removable("Deployment", (*CONTAINER, "command"))
    assert not policy.removable("Deployment", (*CONTAINER, "resources"))
    assert not policy.removable("Deployment", (*CONTAINER, "readinessProbe"))
    assert policy.removable("Deployment", (*CONTAINER, "readinessProbe", "httpGet"))


def test_ceilings_are_plain_numbers(policy: Policy) -> None:
    names = ("replicas", "cpu", "memory", "objects", "attempts_per_hour")
    assert [policy.ceiling(name) for name in names] == [20, 4, 8 * 2**30, 5, 6]


def test_only_the_reports_namespace_is_allowed(policy: Policy) -> None:
    assert policy.namespace_allowed("shop", "shop")
    assert not policy.namespace_allowed("prod", "shop")


def test_a_protected_namespace_is_not_allowed_even_for_its_own_report(policy: Policy) -> None:
    assert not policy.namespace_allowed("kube-system", "kube-system")


def test_a_file_takes_the_place_of_what_it_names_and_keeps_the_rest(tmp_path: Path) -> None:
    own = load_policy(
        written(
            tmp_path,
            """
            version: 1
            namespaces: ["@report", "team-*"]
            ceilings: {replicas: 5}
            kinds:
              StatefulSet: null
              Widget: {api_version: example.com/v1, verbs: [read, patch], fields: [spec.size]}
            """,
        )
    )
    assert own.namespace_allowed("team-a", "shop")
    assert (own.ceiling("replicas"), own.ceiling("cpu")) == (5, 4)
    assert not own.allows("StatefulSet", "read")
    assert own.field_allowed("Widget", ("spec", "size"))
    assert own.allows("Deployment", "patch")


def test_two_policies_have_two_digests(tmp_path: Path, policy: Policy) -> None:
    own = load_policy(written(tmp_path, "version: 1\nceilings: {replicas: 5}\n"))
    assert own.digest != policy.digest


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kinds: {}\n", "'version' is a required property"),
        ("version: 1\nkindz: {}\n", "kindz"),
        ("version: 1\nceilings: {replica: 3}\n", "Allowed there: attempts_per_hour, cpu"),
        ("version: 1\nkinds: {Secret: {api_version: v1, verbs: [read]}}\n", "can never be given to a repair"),
        ("version: 1\nkinds: {ClusterRole: {api_version: v1, verbs: [read]}}\n", "can never be given to a repair"),
        ("version: 1\nmodules: [ansible.builtin.shell]\n", "wrong at modules.0"),
        ("version: 1\nceilings: {memory: lots}\n", "a ceiling that is no quantity: 'lots'"),
        ("version: 1\npod: {fields: ['.a']}\n", "cannot be read at character 1"),
        ("version: 1\nversion: 1\n", "in line 2: the key 'version' is there twice"),
        ("version: 1\nnamespaces: &a [b]\n", "the anchor &a is not allowed"),
        ("- version: 1\n", "is not a mapping"),
        ("version: [\n", "not usable YAML in line"),
        ("", "there is nothing in it"),
        ("version: 1\nwindows: [{from: '25:00', to: '17:00'}]\n", "wrong at windows.0.from"),
    ],
)
def test_a_wrong_file_is_told_where(text: str, told: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputError) as error:
        load_policy(path)
    assert told in str(error.value)
    assert str(path) in str(error.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_policy(tmp_path / "none.yml")


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "policy.yml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        load_policy(path)


@pytest.mark.parametrize(
    ("when", "inside"),
    [
        ("2026-05-04T08:00", True),  # a Monday
        ("2026-05-04T06:59", False),
        ("2026-05-04T17:00", False),
        ("2026-05-09T08:00", False),  # a Saturday
        ("2026-05-10T23:30", True),  # Sunday night
        ("2026-05-11T01:30", True),  # … which ends on Monday
        ("2026-05-12T01:30", False),
    ],
)
def test_changes_are_made_within_windows_only(when: str, inside: bool, tmp_path: Path) -> None:
    policy = load_policy(
        written(
            tmp_path,
            """
            version: 1
            windows:
              - {days: [mon, tue, wed, thu, fri], from: "07:00", to: "17:00"}
              - {days: [sun], from: "23:00", to: "02:00"}
            """,
        )
    )
    assert policy.window_open(datetime.fromisoformat(when).replace(tzinfo=UTC)) is inside


def test_outside_of_a_window_it_is_refused(tmp_path: Path) -> None:
    policy = load_policy(written(tmp_path, 'version: 1\nwindows: [{days: [mon], from: "07:00", to: "17:00"}]\n'))
    with pytest.raises(Refused, match="allows no change at Sat 08:00 UTC"):
        policy.require_window(datetime(2026, 5, 9, 8, tzinfo=UTC))


def test_an_unknown_risk_waits_for_a_person(policy: Policy) -> None:
    assert [policy.approval(risk) for risk in ("low", "medium", "high", "unheard of")] == [
        "auto",
        "auto",
        "person",
        "person",
    ]
