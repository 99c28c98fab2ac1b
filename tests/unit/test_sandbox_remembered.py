"""What was worked out from a thing that nobody changes."""

from ansible_collections.e2ereme.remediate.sandbox.remembered import Remembered


def test_the_very_same_thing_is_worked_on_once_and_an_equal_one_anew():
    worked = []
    length = Remembered(lambda thing: worked.append(thing) or len(thing))
    one, other = {"a": 1}, {"a": 1}
    assert [length(one), length(one), length(other), length(one)] == [1, 1, 1, 1]
    assert [thing is one for thing in worked] == [True, False]


def test_no_more_is_kept_than_was_said_and_a_new_thing_is_never_taken_for_an_old_one():
    first = Remembered(lambda thing: thing[0], most=3)
    assert [first([number]) for number in range(1000)] == list(range(1000))
    assert len(first._known) <= 3
