"""What can be kept of a running sandbox, and what is refused."""

import io
import random
from datetime import UTC, datetime

import pytest

from ansible_collections.e2ereme.remediate.sandbox.api.schema import ANY, compiled
from ansible_collections.e2ereme.remediate.sandbox.clock import Clock
from ansible_collections.e2ereme.remediate.sandbox.freezing import Mould, Unfreezable, clone, freeze, thaw
from ansible_collections.e2ereme.remediate.sandbox.shared import Copied, Shared

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

both_ways = pytest.mark.parametrize("copied", [clone, lambda value: thaw(freeze(value))], ids=["cloned", "by bytes"])


@both_ways
def test_what_is_the_same_thing_twice_stays_so(copied):
    inner = {"a": {1, 2}}
    one, two, three = copied([inner, inner, inner["a"]])
    assert one is two
    assert one["a"] is three == {1, 2}
    assert one is not inner


@both_ways
def test_planned_methods_belong_to_the_copy(copied):
    clock = Clock(START)
    clock.after(5, clock.settle)
    other = copied(clock)
    assert other.planned() == [(5.0, "Clock.settle")]
    (_, _, event) = other._queue[0]
    assert event.fn.__self__ is other


@both_ways
def test_types_that_everybody_shares_are_not_copied(copied):
    node = compiled("apps", "v1", "Deployment")
    assert copied([node, ANY])[0] is node
    assert copied([node, ANY])[1] is ANY


def test_a_clone_has_the_very_same_of_what_is_shared_and_bytes_hold_less():
    value = {"never": "changed"}
    assert clone([Shared(value)])[0] is value
    assert thaw(freeze([Shared(value, {})])) == [{}]


def test_a_clone_has_a_dict_of_its_own_with_the_very_same_in_it():
    pod = {"kind": "Pod"}
    value = {"web": pod}
    other = clone([Copied(value)])[0]
    assert other == value
    assert other is not value
    assert other["web"] is pod
    assert thaw(freeze([Copied(value)])) == [value]


def test_a_clone_copies_dicts_of_dicts_as_deep_as_it_is_told():
    pod = {"kind": "Pod"}
    value = {"shop": {"web": pod}, "bank": {}}
    other = clone([Copied(value, depth=2)])[0]
    other["shop"]["cart"] = other["bank"]["cart"] = pod
    assert value == {"shop": {"web": pod}, "bank": {}}
    assert other["shop"]["web"] is pod


def test_a_mould_casts_what_was_there_when_it_was_made():
    clock, dice, kept = Clock(START), random.Random(7), {"web": 1}
    mould = Mould((clock, dice, Copied(kept)))
    clock.advance(5)
    kept["more"] = 2
    first = [dice.random(), dice.random()]
    for _ in range(2):
        its_clock, its_dice, its_own = mould.cast()
        assert its_clock.elapsed == 0
        assert [its_dice.random(), its_dice.random()] == first
        assert its_own == {"web": 1}
        its_clock.advance(9)
        its_own["other"] = 3


def test_the_same_state_is_the_same_bytes_whatever_the_order_in_which_sets_were_filled():
    names = [f"name-{number}" for number in range(50)]
    forth, back = dict.fromkeys(names), dict.fromkeys(reversed(names))
    assert freeze([set(forth), frozenset(forth)]) == freeze([set(back), frozenset(back)])


@pytest.mark.parametrize(
    "kept", [lambda: None, print, io.StringIO(), iter([1])], ids=["a test's own", "print", "a file", "an iterator"]
)
def test_what_is_no_part_of_a_sandbox_is_refused_by_name(kept):
    clock = Clock(START)
    clock.after(5, kept)
    with pytest.raises(Unfreezable, match=r"cannot be kept|nothing that a sandbox"):
        thaw(freeze(clock))


@pytest.mark.parametrize("data", [b"", b"nothing", freeze([1])[:-3]], ids=["empty", "odd", "cut off"])
def test_odd_bytes_are_refused(data):
    with pytest.raises(Unfreezable, match="hold no sandbox"):
        thaw(data)
