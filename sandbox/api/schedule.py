"""Cron schedules: five fields, names, ranges, steps and the @ words, as Kubernetes reads them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

_MONTHS = {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6}
_MONTHS |= {"jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12}
_DAYS = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
_FIELDS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, _MONTHS),
    (0, 6, _DAYS),
)
_WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_FARTHEST = 5 * 366  # days


class BadSchedule(ValueError):
    """No schedule; the text says why, in Kubernetes' words."""


@dataclass(frozen=True)
class Schedule:
    """When something is due: minutes, hours, days of the month, months, days of the week; or ``every`` seconds."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool  # days and weekdays both restrict: one of them is enough
    every: float = 0.0

    def after(self, moment: datetime, zone: tzinfo = UTC) -> datetime | None:
        """The first time later than ``moment``; None when there is none within five years."""
        if self.every:
            return moment.replace(microsecond=0) + timedelta(seconds=self.every)
        day = moment.astimezone(zone).date()
        for _ in range(_FARTHEST):
            if day.month in self.months and self._on(day.day, day.isoweekday() % 7):
                for hour in sorted(self.hours):
                    for minute in sorted(self.minutes):
                        local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
                        found = local.astimezone(UTC)
                        if found > moment and found.astimezone(zone).hour == hour:  # not in the hour that is left out
                            return found
            day += timedelta(days=1)
        return None

    def _on(self, day: int, weekday: int) -> bool:
        if self.either_day:
            return day in self.days or weekday in self.weekdays
        return day in self.days and weekday in self.weekdays


@cache
def parse(text: str) -> Schedule:
    """Raises BadSchedule."""
    if text.startswith("@every "):
        return _every(text)
    if text.startswith("@") and text not in _WORDS:
        raise BadSchedule(f"unrecognized descriptor: {text}")
    parts = _WORDS.get(text, text).split()
    if not parts:
        raise BadSchedule("empty spec string")
    if len(parts) != len(_FIELDS):
        raise BadSchedule(f"expected exactly 5 fields, found {len(parts)}: [{' '.join(parts)}]")
    sets = [_field(part, *bounds) for part, bounds in zip(parts, _FIELDS, strict=True)]
    restricted = [not part.startswith(("*", "?")) for part in parts]
    minutes, hours, days, months, weekdays = sets
    return Schedule(minutes, hours, days, months, weekdays, restricted[2] and restricted[4])


@cache
def zone_of(name: str) -> tzinfo:
    """Raises BadSchedule."""
    if not name or name == "Etc/UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise BadSchedule(f"unknown time zone {name}") from None


def _every(text: str) -> Schedule:
    seconds, number = 0.0, ""
    for char in text.removeprefix("@every ").strip():
        if char in _UNITS and number:
            seconds, number = seconds + float(number) * _UNITS[char], ""
        elif char.isdigit() or char == ".":
            number += char
        else:
            seconds = 0.0
            break
    if number or not seconds:
        wanted = text.removeprefix("@every ")
        raise BadSchedule(f'failed to parse duration {text}: time: invalid duration "{wanted}"')
    none: frozenset[int] = frozenset()
    return Schedule(none, none, none, none, none, False, max(1.0, seconds))


def _field(text: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        found |= _range(part, low, high, names)
    return frozenset(found)


def _range(text: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    span, _, step_text = text.partition("/")
    if text.count("/") > 1:
        raise BadSchedule(f"too many slashes: {text}")
    if span.count("-") > 1:
        raise BadSchedule(f"too many hyphens: {text}")
    if span in ("*", "?"):
        first, last = low, high
    else:
        first_text, hyphen, last_text = span.partition("-")
        first = _number(first_text, names)
        last = _number(last_text, names) if hyphen else high if step_text else first
    step = _number(step_text, {}) if step_text else 1
    if first < low:
        raise BadSchedule(f"beginning of range ({first}) below minimum ({low}): {text}")
    if last > high:
        raise BadSchedule(f"end of range ({last}) above maximum ({high}): {text}")
    if first > last:
        raise BadSchedule(f"beginning of range ({first}) beyond end of range ({last}): {text}")
    if step == 0:
        raise BadSchedule(f"step of range should be a positive number: {text}")
    return set(range(first, last + 1, step))


def _number(text: str, names: dict[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not text.isdecimal():
        raise BadSchedule(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)
