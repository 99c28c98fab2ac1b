"""The sandbox's conditions."""

import pytest

from ansible_collections.e2ereme.remediate.sandbox.conditions import BadCondition, holds

NAMES = {
    "found": {"resources": [{"status": {"readyReplicas": 2, "conditions": []}}], "changed": False, "failed": False},
    "tried": {"failed": True, "msg": "no"},
    "word": "it's",
}


@pytest.mark.parametrize(
    "condition",
    [
        "found.resources | length == 1",
        "found.resources[0].status.readyReplicas >= 2",
        "found['resources'][0]['status'].readyReplicas | default(0) | int > 1",
        "found.resources.0.status.readyReplicas == 2",
        "found.nothing is not defined",
        "found.nothing | default('x') == \"x\"",
        "tried is failed and not found is failed",
        "found is success or nobody is failed",
        "nobody is undefined",
        "not (tried is succeeded)",
        "'no' in tried.msg",
        "'yes' not in tried.msg",
        "2 in [1, 2]",
        "word == 'it\\'s'",
        "true",
        ["found is defined", "tried is defined"],
        True,
    ],
)
def test_these_hold(condition):
    assert holds(condition, NAMES)


@pytest.mark.parametrize("condition", ["found is changed", "found.resources | length > 1", "false", ["true", "false"]])
def test_these_do_not_hold(condition):
    assert not holds(condition, NAMES)


@pytest.mark.parametrize(
    "condition", ["nobody.x == 1", "found |", "found is", "a b", "lookup('x')", "found | nope", "{{ x }}"]
)
def test_these_cannot_be_told(condition):
    with pytest.raises(BadCondition):
        holds(condition, NAMES)
