"""Attempts within an hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import Refused
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.ratelimit import admit

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def ago(*minutes: int) -> list[datetime]:
    return [NOW - timedelta(minutes=minute) for minute in minutes]


def test_an_attempt_below_the_limit_is_counted() -> None:
    assert admit(ago(10), NOW, 2, "web") == (*ago(10), NOW)


def test_an_attempt_at_the_limit_is_refused_with_the_time_of_the_next() -> None:
    with pytest.raises(Refused, match=r"web was tried 2 times .* after 12:20 UTC"):
        admit(ago(10, 40), NOW, 2, "web")


def test_attempts_of_more_than_an_hour_ago_do_not_count() -> None:
    assert admit(ago(61, 60), NOW, 1, "web") == (NOW,)
