"""The page of an Episode: what it says, that text from outside has no power in it, and how large it gets."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.e2ereme.remediate.cli.main import main
from ansible_collections.e2ereme.remediate.plugins.module_utils.errors import InputError
from ansible_collections.e2ereme.remediate.plugins.module_utils.evidence import ObjectRef
from ansible_collections.e2ereme.remediate.plugins.plugin_utils import html_report
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.artefacts import Folder
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.episode import OUTCOMES
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.html_report import render, write_report
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.html_room import Room
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.html_text import cut, diff_pieces, visible, yaml_pieces
from ansible_collections.e2ereme.remediate.plugins.plugin_utils.report import Report

CART = {"kind": "Deployment", "namespace": "shop", "name": "cart"}
CHECK = {
    "name": "rollout", "subject": "Deployment cart", "passed": True,
    "measured": "2 of 2", "bound": "2", "detail": "was 1",
}  # fmt: skip
VERDICT = {"healthy": True, "held_seconds": 30.0, "checks": [CHECK], "worse": ["Service web"], "unseen": ["nodes"]}
TASK = {
    "name": "Patch cart",
    "module": "kubernetes.core.k8s",
    "status": "changed",
    "message": "patched",
    "seconds": 0.6,
}
RUN = {"rc": 0, "stopped": "timeout", "seconds": 0.8, "tasks": [TASK]}
LEFT_ALONE = ("schema", "outcome", "status", "started", "digest", "station")
"""Keys whose values we write ourselves from fixed words; the message is kept apart from its outcome's word."""


def attempt(number: int = 1, **parts: Any) -> dict[str, Any]:
    text = '- hosts: localhost\n  tasks:\n    - name: !unsafe "Patch"\n'
    playbook = {"text": text, "digest": "a" * 64, "touches": [CART], "lint": "passed"}
    return {
        "number": number, "diagnosis": "wrong image", "cites": ["e1"], "look": 0, "changes": ["cart image: a -> b"],
        "findings": [{"rule": "lint", "where": "tasks", "what": "no name", "line": 3}],
        "playbook": playbook, "run": RUN, "verdict": VERDICT, "undone": None, **parts,
    }  # fmt: skip


UNDONE = {"complete": False, "restored": False, "run": RUN, "verdict": VERDICT}


def document(**parts: Any) -> dict[str, Any]:
    """An episode.json with everything in it."""
    fact = {"id": "e1", "kind": "state", "subject": CART, "text": "0 of 2 Pods ready", "anomaly": True,
            "source": "status", "time": "12:00"}  # fmt: skip
    step = {"step": "playbook", "diagnosis": "wrong image", "cites": ["e1"], "tokens_in": 300, "tokens_out": 90,
            "seconds": 2.0, "bits": 9.5, "look": 0}  # fmt: skip
    report = {"summary": "cart is down", "namespace": "shop", "severity": "page", "source": "text",
              "suspects": [{"kind": "", "name": "cart"}], "fingerprint": "f1", "resolved": False,
              "raw": "cart is down\nsince noon", "raw_left_out": 7}  # fmt: skip
    seconds = dict.fromkeys(("import", "probe", "write", "run", "verify", "settle", "undo", "gate", "snapshot"), 0.5)
    return {
        "schema": 1, "outcome": "resolved", "message": "resolved: cart image", "report": report, "steps": [step],
        "attempts": [attempt(undone=UNDONE), attempt(2)],
        "looks": [{"namespace": "shop", "time": "2026", "facts": [fact], "near": [CART], "unseen": ["nodes"]}],
        "evidence": ["e1 ! 0 of 2 Pods ready"], "unseen": ["nodes"], "changed": [CART],
        "tokens": {"in": 300, "out": 90}, "seconds": {**seconds, "own": 2.0, "wall": 4.5},
        "started": "2026-03-01T03:00:00Z", "order": {"mode": "auto", "settle": 15.0}, "versions": {"python": "3.11"},
        "timeline": [{"station": "probe", "start": 0.1, "seconds": 0.5},
                     {"station": "write", "start": 1, "seconds": 2}],
        "told": [{"at": 0.2, "station": "probe", "attempt": 0, "text": "looking"},
                 {"at": 0.9, "station": "write", "attempt": 1, "text": "the model reads"}],
        **parts,
    }  # fmt: skip


def plan(text: str = "x") -> dict[str, Any]:
    fields = [{"path": f"spec.{text}", "old": text, "new": {text: [text, None]}}]
    effects = [{**CART, "name": text, "verb": text, "basis": text, "fields": fields}]
    return {"effects": effects, "risk": {"level": "low", "reasons": [{"level": "low", "text": text}]}}


class Structure(HTMLParser):
    """Every element with its attributes, less what only colours code."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.words: list[str] = []
        self.comments: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        colour = tag == "span" and attrs and attrs[0][1] in ("k", "t", "s", "v", "n")
        if not colour and not (tag in ("ins", "del") and not attrs):
            self.elements.append((tag, tuple(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def with_foreign(value: Any, foreign: Callable[[str], str], key: str = "") -> Any:
    """All text from outside replaced, the same text by the same."""
    if isinstance(value, Mapping):
        return {name: with_foreign(item, foreign, name) for name, item in value.items()}
    if isinstance(value, list):
        return [with_foreign(item, foreign, key) for item in value]
    return foreign(value) if isinstance(value, str) and key not in LEFT_ALONE else value


HOSTILE = (
    '"><img src=x onerror=alert(1)>', "</style><style>*{display:none}</style>", "</title><script>alert(1)</script>",
    "{{ 7*7 }}{% for a in b %}", "javascript:alert(1)", "' onmouseover='alert(1)", "<!--", "-->", "]]>",
    "&lt;b&gt;&#60;b", "</pre></details></main>",
    "\x1b]8;;http://evil\x07link", "\u202egnp.exe", "\x00\x00<svg/onload=alert(1)>",
    "\ud800", "<a href=http://evil>", "\u2028</article>", "x" * 5000, "<" * 3000, "- a: !unsafe <b>", "+<b>", "#<b>",
)  # fmt: skip
FOREIGN = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.sampled_from("<>\"'&=/!-{}%#;:()[]\\`ab \n\t\r\x00\x1b\u202e\u200b\ud800é"), max_size=60),
    st.text(st.characters(codec=None), max_size=60),
)


@settings(max_examples=60, deadline=None)
@given(FOREIGN)
@example(HOSTILE[0])
@example(HOSTILE[1])
@example(HOSTILE[2])
def test_no_text_from_outside_makes_an_element_or_an_attribute(text: str) -> None:
    harmless = Structure(render(document(), Path("/no/folder")))

    attacked = Structure(render(with_foreign(document(), lambda old: f"{old[:2]}{text}"), Path("/no/folder")))

    assert attacked.elements == harmless.elements
    assert attacked.comments == []


@settings(max_examples=25, deadline=None)
@given(FOREIGN)
@example(HOSTILE[0])
def test_no_file_beside_it_makes_an_element_or_an_attribute(text: str) -> None:
    def shown(said: str, folder: Path) -> Structure:
        files = {
            "plan.json": json.dumps(plan(said)),
            "attempt-1/diff.txt": f"d{said}",
            "attempt-2/diff.txt": f"+{said}",
        }
        view = html_report.view(visible(document(outcome="planned", changed=[])), folder,
                                lambda name: str(visible(files.get(name, ""))), Room())  # fmt: skip
        style, template = html_report._template()
        return Structure(template.render(view, style=style, style_digest=""))

    assert shown(text, Path(f"/{text[:50]}")).elements == shown("x", Path("/x")).elements


def test_what_is_invisible_is_shown_by_name() -> None:
    page = render(document(message="resolved: a\x00b\x1b[31mc\u202ed\u200be\ud800f"), Path("/f"))

    assert "a␀b␛[31mc⟨U+202E⟩d⟨U+200B⟩e�f" in page
    assert not re.search("[\x00\x1b\u202e\u200b]", page)


def test_it_loads_nothing_and_runs_nothing() -> None:
    page = render(document(), Path("/f"))
    elements = Structure(page).elements

    assert not {"script", "img", "link", "iframe", "object", "form", "base"} & {tag for tag, _ in elements}
    names = {name for _, attrs in elements for name, _ in attrs}
    assert not {name for name in names if name.startswith("on")} | ({"src", "style", "srcset"} & names)
    links = [value for _, attrs in elements for name, value in attrs if name == "href"]
    assert links and all(re.fullmatch(r"#(glance|fact-\d+-\d+)", str(link)) for link in links)
    assert "url(" not in page and "@import" not in page


def test_the_template_trusts_nothing_but_its_own_style_sheet(root: Path) -> None:
    source = (root / "plugins" / "plugin_utils" / "templates" / "report.html.j2").read_text("utf-8")

    assert re.findall(r"[\w.]+\s*\|\s*safe|autoescape|[mM]arkup", source) == ["style|safe"]
    assert not re.search(r"=\s*\{\{", source), "an attribute without quotes"


def test_its_policy_allows_its_own_style_sheet_and_nothing_else() -> None:
    page = render(document(), Path("/f"))
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = next(dict(attrs)["content"] for tag, attrs in Structure(page).elements if ("http-equiv") in dict(attrs))

    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@pytest.mark.parametrize("outcome", [*OUTCOMES, "running"])
def test_every_outcome_has_a_page(outcome: str) -> None:
    page = render(document(outcome=outcome, message=f"{outcome}: so it was"), Path("/f"))

    assert Structure(page).text.count("so it was") == 1
    assert f"</span> {outcome}</span>" in page


def test_the_first_screen_tells_what_was_wrong_changed_verified_and_how_to_undo_it() -> None:
    text = Structure(render(document(), Path("/out/of it"))).text

    for said in (
        "wrong image", "e1 0 of 2 Pods ready", "cart image: a → b", "Healthy for 30 s",
        "ansible-playbook e2ereme.remediate.undo -e episode='/out/of it'",
        "ansible-playbook '/out/of it/attempt-2/undo.yml'",
    ):  # fmt: skip
        assert said in text


def test_an_episode_that_was_killed_says_how_to_take_back_what_it_may_have_changed(tmp_path: Path) -> None:
    report = Report("cart is down", (), "shop", "", "text", "cart is down")
    folder = Folder(tmp_path)
    folder.running(report, attempt=2, changing=(ObjectRef("Deployment", "shop", "cart"),))

    text = Structure(write_report(tmp_path).read_text("utf-8")).text

    assert "if no process of it is left, undo it" in text
    assert f"ansible-playbook {tmp_path}/attempt-2/undo.yml" in text


def test_a_citation_leads_to_its_fact() -> None:
    page = render(document(), Path("/f"))

    assert '<a class="id" href="#fact-0-0">e1</a>' in page and 'id="fact-0-0"' in page


def test_an_episode_that_left_its_change_says_so_first() -> None:
    left = attempt(undone=UNDONE)
    text = Structure(render(document(outcome="broken", message="broken: x", attempts=[left]), Path("/f"))).text

    assert "Changed, and not undone" in text and "The change is still there" in text
    assert "/f/attempt-1/undo.yml" in text


def test_an_episode_that_undid_its_change_has_nothing_to_undo() -> None:
    undone = attempt(undone={"complete": True, "restored": True, "run": RUN, "verdict": VERDICT})
    found = document(outcome="exhausted", message="exhausted: x", attempts=[undone], changed=[])
    text = Structure(render(found, Path("/f"))).text

    assert "Nothing is left changed: what was tried is undone" in text
    assert "undo.yml" not in text


def test_lines_stand_where_they_were_told() -> None:
    page = render(document(), Path("/f"))
    rows = [
        " ".join(Structure(row).text.split())
        for row in page.split('<ol class="course">')[1].split("</ol>")[0].split("<li>\n")
    ]

    assert rows[1].startswith("0.1 s probe") and rows[1].endswith("looking")
    assert rows[2].startswith("1.0 s write 1") and rows[2].endswith("the model reads")


def states(folder: Path, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """before.json and after.json of the second attempt."""
    (folder / "attempt-2").mkdir()
    for name, spec in (("before", before), ("after", after)):
        item = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart"}, "spec": spec}
        objects = [{**CART, "uid": "u", "object": item}]
        text = json.dumps({"schema": 1, "time": "2026-03-01T03:00:00Z", "objects": objects})
        (folder / "attempt-2" / f"{name}.json").write_text(text)


def test_what_changed_is_taken_from_the_states_on_disk(tmp_path: Path) -> None:
    states(tmp_path, {"replicas": 0, "paused": True}, {"replicas": 2})
    text = Structure(render(document(), tmp_path)).text

    assert "2 fields of Deployment cart" in text
    assert "spec.replicas 0 → 2" in text and "spec.paused true → nothing" in text


def test_a_value_under_the_name_of_a_secret_is_not_shown(tmp_path: Path) -> None:
    def spec(value: str) -> dict[str, Any]:
        env = [{"name": "DB_PASSWORD", "value": value}]
        return {"template": {"spec": {"containers": [{"name": "cart", "env": env}]}}}

    states(tmp_path, spec("tiger1"), spec("tiger2"))
    page = render(document(), tmp_path)

    assert "DB_PASSWORD" in page and "tiger" not in page


def test_files_are_linked_where_they_are_there(tmp_path: Path) -> None:
    states(tmp_path, {}, {"replicas": 1})
    page = render(document(), tmp_path)

    assert '<a href="attempt-2/before.json">' in page and "undo.yml</a>" not in page


def test_a_big_episode_stays_below_500_kb(tmp_path: Path) -> None:
    long = '<"&' * 400
    facts = [{**document()["looks"][0]["facts"][0], "id": f"e{n}", "text": long} for n in range(500)]
    look = {**document()["looks"][0], "facts": facts, "unseen": [long] * 100}
    verdict = {**VERDICT, "checks": [{**CHECK, "measured": long, "passed": False}] * 300, "worse": [long] * 200}
    run = {**RUN, "tasks": [{**TASK, "message": long}] * 200}
    play = {"text": f"a: {long}\n" + "- a: 'b'\n" * 2_000, "digest": "a" * 64, "touches": [CART], "lint": long}
    one = attempt(findings=[{"rule": long, "where": long, "what": long, "line": 1}] * 300, playbook=play, run=run,
                  verdict=verdict, undone={**UNDONE, "run": run, "verdict": verdict}, changes=[long] * 99)  # fmt: skip
    big = document(
        attempts=[{**one, "number": n} for n in range(1, 40)], looks=[look] * 30,
        unseen=[long] * 50, message=f"resolved: {long}",
        told=[{"at": 0.1 * n, "station": "run", "attempt": 1, "text": long} for n in range(500)],
    )  # fmt: skip
    for n in range(1, 40):
        (tmp_path / f"attempt-{n}").mkdir()
        (tmp_path / f"attempt-{n}" / "diff.txt").write_text(long * 300)

    page = render(big, tmp_path)

    assert len(page.encode()) < 500_000
    assert re.search(r"… \d+ earlier in episode\.json", page)
    assert "more characters in attempt-39/playbook.yml" in page


def test_an_episode_of_another_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "episode.json").write_text(json.dumps(document(schema=7)))

    with pytest.raises(InputError, match=r"episode\.json is of form 7; this version reads form 1\. Use the version"):
        write_report(tmp_path)


def test_an_episode_without_the_newer_keys_still_has_a_page(tmp_path: Path) -> None:
    newer = ("looks", "started", "order", "versions", "timeline", "told")
    old = {name: value for name, value in document().items() if name not in newer}
    for part in (*old["steps"], *old["attempts"]):
        part.pop("look", None), part.pop("changes", None)

    text = Structure(render(old, tmp_path)).text

    assert "e1 0 of 2 Pods ready" in text


@pytest.mark.parametrize("broken", ['{"schema": 1}', '{"schema": 1, "outcome": []', "[1]", "\x00", "[" * 100_000])
def test_a_damaged_episode_is_an_error_that_says_where(tmp_path: Path, broken: str) -> None:
    (tmp_path / "episode.json").write_text(broken)

    with pytest.raises(InputError, match=r"episode\.json (lacks something|is not JSON|is of form)"):
        write_report(tmp_path)


def test_the_command_makes_the_page_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "attempt-1").mkdir()
    (tmp_path / "episode.json").write_text(json.dumps(document()))

    assert main(["report", str(tmp_path / "attempt-1")]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/report.html\n"
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o600


def test_the_command_says_what_to_give_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 1
    assert "has no episode.json. Give the folder that a remediation left" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["a: b\n", '- name: !unsafe "x"\n  k:\n', "\n\n", "# c\n---\n", ": :\n- -\n\"a\": 'b'\n"]
)
def test_colours_lose_no_character(text: str) -> None:
    assert "".join(piece for _, piece in yaml_pieces(text)) == text
    assert "".join(piece for _, piece in diff_pieces(text)) == text


@given(st.text())
def test_colours_lose_no_character_of_any_text(text: str) -> None:
    assert "".join(piece for _, piece in yaml_pieces(text)) == text


def test_a_key_its_tag_and_its_text_have_their_colours() -> None:
    assert yaml_pieces('- name: !unsafe "x"') == [
        ("", "- "), ("key", "name:"), ("", " "), ("tag", "!unsafe"), ("text", ' "x"'),
    ]  # fmt: skip


def test_what_is_cut_says_how_much_and_where_it_is() -> None:
    assert cut("a" * 1300, 100, "x.txt") == "a" * 100 + " … 1,200 more characters in x.txt"
    assert cut("a", 1, "x.txt") == "a"


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(scheme: int) -> None:
    style = html_report._template()[0]
    found = re.findall(r":root \{([^}]*)\}", style)[scheme]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", found))
    texts = [
        (name, ground) for name in ("ink", "soft", "link", "good", "warn", "bad") for ground in ("page", "card", "sunk")
    ]
    texts += [(tone, f"{tone}-wash") for tone in ("good", "warn", "bad", "info")]
    poor = {}
    for text, ground in texts:
        one, other = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
        if (one + 0.05) / (other + 0.05) < 4.5:
            poor[text, ground] = round((one + 0.05) / (other + 0.05), 2)

    assert poor == {}
