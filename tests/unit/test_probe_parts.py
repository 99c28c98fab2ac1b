"""Quantities, redaction, messages and leaves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.e2ereme.remediate.plugins.module_utils.draft import essential
from ansible_collections.e2ereme.remediate.plugins.module_utils.drift import changes
from ansible_collections.e2ereme.remediate.plugins.module_utils.facts_said import telling
from ansible_collections.e2ereme.remediate.plugins.module_utils.leaves import leaves, shown
from ansible_collections.e2ereme.remediate.plugins.module_utils.quantity import age, quantity
from ansible_collections.e2ereme.remediate.plugins.module_utils.redact import line


@pytest.mark.parametrize(
    ("text", "number"),
    [("250m", 0.25), ("2", 2.0), ("64Mi", 64 * 2**20), ("1e3", 1000.0), ("1G", 1e9), ("12345n", 12345e-9), (3, 3.0)],
)
def test_quantities(text: object, number: float) -> None:
    assert quantity(text) == pytest.approx(number)


def test_what_is_no_quantity_is_none() -> None:
    assert quantity("much") is None


@pytest.mark.parametrize(("seconds", "text"), [(5, "5s"), (125, "2m"), (7300, "2h"), (200000, "2d"), (None, "")])
def test_ages(seconds: float | None, text: str) -> None:
    assert age(seconds) == text


@pytest.mark.parametrize(
    "secret",
    [
        "password=hunter22", "DB_TOKEN: abc123def", "postgres://u:hunter22@db/x", "Authorization: Bearer abcdefghij",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "AKIAABCDEFGHIJKLMNOP",
    ],
)  # fmt: skip
def test_credentials_are_hidden(secret: str) -> None:
    assert "***" in line(f"failed with {secret} today")
    assert not any(part in line(secret) for part in ("hunter22", "abc123def", "abcdefghij", "eyJhbG", "AKIAABC"))


def test_known_secret_values_are_hidden_wherever_they_stand() -> None:
    assert line("cannot log in with swordfish", masks=("swordfish",)) == "cannot log in with ***"


@given(st.text(max_size=400))
def test_a_line_is_one_bounded_harmless_line(text: str) -> None:
    found = line(text, 100)
    assert len(found) <= 100
    assert found.isprintable()
    assert not any(marker in found for marker in ("{{", "{%", "<|", "|>"))


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("back-off 5m0s restarting failed container=app pod=cart-1_shop(0b9ed7f6-1111-2222-3333-444455556666)", ""),
        ("rpc error: code = Unknown desc = no such image", "no such image"),
        ("Readiness probe failed: HTTP probe failed with statuscode: 404", "Readiness probe failed: HTTP: 404"),
    ],
)
def test_messages_are_cut_to_what_they_tell(message: str, told: str) -> None:
    assert essential(message) == told


def test_the_last_error_of_a_log_tells() -> None:
    log = "2026-03-02T09:00:00Z INFO up\n2026-03-02T09:00:01Z ERROR no route to db\nINFO still here"
    assert telling(log, ended=False) == "ERROR no route to db"


def test_a_running_container_without_errors_tells_nothing() -> None:
    assert telling("INFO up\nINFO 200", ended=False) == ""


def test_list_entries_are_named_by_their_key() -> None:
    assert leaves({"env": [{"name": "A", "value": "1"}]}) == {"env[A].value": "1"}


def test_changes_name_path_old_and_new() -> None:
    old, new = {"spec": {"env": [{"name": "A", "value": "1"}]}}, {"spec": {"env": [{"name": "A", "value": "2"}]}}
    assert [str(change) for change in changes(old, new)] == ["env[A]: 1 -> 2"]


def test_a_variable_that_names_a_secret_is_not_shown() -> None:
    assert shown("spec.containers[app].env[DB_PASSWORD].value", "hunter22") == "***"


def test_a_refused_pod_is_told_without_its_generated_name() -> None:
    said = 'pods "cart-8zm2bwmj4w-bcv96" is forbidden: exceeded quota: small'
    assert essential(said) == "forbidden: exceeded quota: small"
