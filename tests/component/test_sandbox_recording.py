"""What a served sandbox was asked, asked again."""

from __future__ import annotations

import http.client
import io
import json
import random
from urllib.parse import urlsplit

import pytest

from ansible_collections.e2ereme.remediate.sandbox.faults import inject
from ansible_collections.e2ereme.remediate.sandbox.over_http import HttpTransport
from ansible_collections.e2ereme.remediate.sandbox.recording import BadRecording, Recording, beginning, replay
from ansible_collections.e2ereme.remediate.sandbox.sandbox import Sandbox
from ansible_collections.e2ereme.remediate.sandbox.server import serve
from ansible_collections.e2ereme.remediate.sandbox.systems import choose, prepare

PODS = "/api/v1/namespaces/shop/pods"
MAPS = "/api/v1/namespaces/shop/configmaps"


@pytest.fixture(scope="module")
def recorded():
    """A minute or two of a shop that breaks, at ten times the speed of real time, with all kinds of requests."""
    system = choose("shop")
    sandbox, sink = Sandbox(system), io.StringIO()
    sandbox.called = "shop"
    prepare(sandbox, system)
    with serve(sandbox, speed=10, recording=Recording(sandbox, sink)) as served:
        client = HttpTransport(served.url, "tester/1.0")
        inject("wrong_command", client, system, random.Random(2))
        client.request("POST", MAPS, None, {"metadata": {"generateName": "made-"}})
        client.request("GET", f"{PODS}/none")
        client.request("GET", "/api/v1/namespaces/shop/services/web:80/proxy/healthz")
        watch = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=10)
        watch.request("GET", f"{MAPS}?watch=1&timeoutSeconds=1")
        watch.getresponse()  # its head: by then the request is written down
        client.request("DELETE", PODS, {"labelSelector": "app=cart"})
        client.sleep(45)
        client.request("GET", PODS)
    return sink.getvalue().splitlines()


def asked_again(lines):
    lines = iter(lines)
    sandbox, same = beginning(lines)
    return list(replay(sandbox, lines)), same


def test_a_recording_asked_again_is_answered_byte_for_byte_alike(recorded):
    asked, same = asked_again(recorded)
    assert same
    assert len(asked) == len(recorded) - 1 > 8
    assert [(one.path, one.before, one.now) for one in asked if one.same is False] == []
    assert [one.path for one in asked if one.same is None] == [MAPS]
    assert {one.before[0] for one in asked} >= {0, 200, 201, 404}


def test_an_answer_that_was_another_is_told(recorded):
    lines = [json.loads(line) for line in recorded]
    last = [line for line in lines if line.get("body")][-1]  # the watch's line may come after it
    last["body"] = last["body"].replace("cart-", "cart~", 1)
    asked, _ = asked_again(map(json.dumps, lines))
    assert [one.path for one in asked if one.same is False] == [PODS]


def test_on_another_version_the_system_is_made_anew(recorded):
    head = json.loads(recorded[0])
    head["dump"]["code"] = "another"
    asked, same = asked_again([json.dumps(head), *recorded[1:]])
    assert not same
    assert [one.path for one in asked if one.same is False] == []


def test_a_line_that_was_cut_off_ends_the_replay(recorded):
    asked, _ = asked_again([*recorded[:4], recorded[4][:-10]])
    assert len(asked) == 3


@pytest.mark.parametrize("text", ["", "{}", "[1]", "apiVersion: v1", '{"format": "another"}'])
def test_what_is_no_recording_is_refused(text):
    with pytest.raises(BadRecording):
        beginning(iter(text.splitlines()))
