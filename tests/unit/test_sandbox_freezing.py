"""What can be kept of a running sandbox, and what is refused."""

import io
from datetime import UTC, datetime

import pytest

from ansible_collections.e2ereme.remediate.sandbox.api.schema import ANY, compiled
from ansible_collections.e2ereme.remediate.sandbox.clock import Clock
from ansible_collections.e2ereme.remediate.sandbox.freezing import Unfreezable, clone, freeze, thaw
from ansible_collections.e2ereme.remediate.sandbox.shared import Shared

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
