"""What the lookup keeps between its evaluations."""

from __future__ import annotations

import multiprocessing
import os
import stat
import threading
from pathlib import Path

import pytest

from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import Evidence, Fact, Inventory, ObjectRef
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.drafting import with_evidence, within_this_run
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.drafts import Draft, Drafts

DRAFT = Draft("planned", "planned: wrong image", "- name: Repair\n")
KEY = "5f" * 32


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def drafts(tmp_path: Path, clock: Clock) -> Drafts:
    return Drafts(tmp_path / "cache" / "drafts", clock)


def test_a_draft_is_kept_until_its_time_is_over(drafts: Drafts, clock: Clock) -> None:
    drafts.put(KEY, DRAFT, 10)

    clock.now += 9
    assert drafts.get(KEY) == DRAFT
    clock.now += 2
    assert drafts.get(KEY) is None


def test_what_is_too_old_or_unreadable_goes_when_something_new_comes(drafts: Drafts, clock: Clock) -> None:
    drafts.put("a0", DRAFT, 10)
    drafts.put("b0", DRAFT, 1000)
    (drafts.folder / "c0.json").write_text("{")
    clock.now += 11
    drafts.put("d0", DRAFT, 10)

    assert sorted(file.name for file in drafts.folder.iterdir()) == ["b0.json", "d0.json"]


def test_drafts_are_their_owners_alone(drafts: Drafts) -> None:
    drafts.put(KEY, DRAFT, 10)

    assert stat.S_IMODE(drafts.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((drafts.folder / f"{KEY}.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", ["others may write", "a link", "other words", "half of it"])
def test_what_may_not_be_trusted_is_no_draft(drafts: Drafts, tmp_path: Path, damage: str) -> None:
    drafts.put(KEY, DRAFT, 10)
    file = drafts.folder / f"{KEY}.json"
    if damage == "others may write":
        file.chmod(0o666)
    elif damage == "a link":
        file.symlink_to(file.rename(tmp_path / "elsewhere.json"))
    elif damage == "other words":
        file.write_text('{"until": 1e9, "outcome": "planned", "text": "x"}')
    else:
        file.write_text(file.read_text()[:20])

    assert drafts.get(KEY) is None


def test_a_cache_that_cannot_be_made_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    drafts = Drafts(tmp_path / "file" / "drafts")

    with drafts.asking(KEY):
        drafts.put(KEY, DRAFT, 10)
    assert drafts.get(KEY) is None


def test_who_asks_the_same_at_once_waits_for_the_answer(drafts: Drafts) -> None:
    began, found = threading.Event(), []

    def second() -> None:
        began.set()
        with drafts.asking(KEY):
            found.append(drafts.get(KEY))

    with drafts.asking(KEY):
        other = threading.Thread(target=second)
        other.start()
        assert began.wait(5)
        drafts.put(KEY, DRAFT, 10)
    other.join(5)

    assert found == [DRAFT]


def evidence(*said: tuple[str, str]) -> Evidence:
    cart = ObjectRef("Deployment", "shop", "cart")
    facts = tuple(Fact(f"e{n}", kind, cart, text, 1.0, "test", "") for n, (kind, text) in enumerate(said, 1))
    return Evidence(facts, (), Inventory("shop", "", {}))


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        (("drift", "changed 12 s ago"), ("drift", "changed 300 s ago"), True),
        (("state", "0/2 ready; ErrImagePull"), ("state", "0/2 ready; ImagePullBackOff"), True),
        (("drift", "image: a -> b"), ("drift", "image: a -> c"), False),
        (("reference", "ConfigMap web is missing"), ("reference", "ConfigMap api is missing"), False),
    ],
)
def test_evidence_is_the_same_while_only_time_goes_by(
    before: tuple[str, str], after: tuple[str, str], same: bool
) -> None:
    assert (with_evidence(KEY, evidence(before)) == with_evidence(KEY, evidence(after))) is same


def test_the_order_of_facts_says_nothing_new() -> None:
    one, two = ("drift", "image: a -> b"), ("reference", "ConfigMap web is missing")

    assert with_evidence(KEY, evidence(one, two)) == with_evidence(KEY, evidence(two, one))
    assert with_evidence(KEY, evidence(one)) != with_evidence(KEY, evidence(one, two))


def test_all_processes_of_one_run_share_a_key_and_another_run_has_its_own() -> None:
    def key(queue: multiprocessing.Queue[str]) -> None:
        queue.put(within_this_run(KEY, {}))

    context = multiprocessing.get_context("fork")
    queue: multiprocessing.Queue[str] = context.Queue()
    worker = context.Process(target=key, args=(queue,))
    worker.start()
    theirs = queue.get(timeout=10)
    worker.join(10)

    assert theirs == within_this_run(KEY, {})
    assert within_this_run(KEY, {"context": "other"}) != theirs
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:  # a process of its own, as another ansible-playbook is
        os.write(writer, within_this_run(KEY, {}).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    assert os.read(reader, 100).decode() not in ("", theirs)
    os.close(reader)
