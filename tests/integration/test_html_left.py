"""The page that a real Episode leaves."""

from __future__ import annotations

from staging import Place, Player, ScriptedModel, patch


def test_a_repair_leaves_a_page_that_tells_it(play: Player, place: Place, model: ScriptedModel) -> None:
    place.break_image()
    model.answers = [patch(place, place.good).replace("wrong image tag", "wrong <b>image</b> tag")]

    done = play(report="cart does not answer <script>alert(1)</script>")
    page = (play.folder / "report.html").read_text("utf-8")

    assert done.rc == 0, done.output
    assert f"all of it is in {play.folder}; report.html shows it" in done.output
    assert f"<del>{place.bad}</del>" in page and f"<ins>{place.good}</ins>" in page
    assert "wrong &lt;b&gt;image&lt;/b&gt; tag" in page and "<script>" not in page
    assert '<a href="attempt-1/undo.yml">' in page


def test_an_episode_that_broke_before_it_saw_a_cluster_leaves_a_page(play: Player) -> None:
    done = play(remediate_kubeconfig="/no/such/kubeconfig")
    page = (play.folder / "report.html").read_text("utf-8")

    assert done.rc != 0
    assert "broken</span>" in page and "/no/such/kubeconfig" in page
    assert "Nothing was changed" in page
