# SPDX-License-Identifier: Apache-2.0
"""What `sinew eval` makes of its figures: page, clips of failed episodes, model card, README table."""

import hashlib
import importlib.util
import json
import shutil
import struct
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from page_outline import Outline

import sinew
from sinew import cli, evaluate, model_card, stage

PACKAGE = Path(sinew.__file__).parent
MODEL = PACKAGE / "models" / "tabletop_demonstrator"

needs_simulator = pytest.mark.skipif(not list(PACKAGE.glob("_sinew_sim*")), reason="built without SINEW_SIM")
needs_av = pytest.mark.skipif(importlib.util.find_spec("av") is None, reason="PyAV is not installed")


def episode(index, instruction, succeeded, told=None):
    return stage.Episode(index, 500 + index, instruction, told or instruction, succeeded, 3.25 + index, False, "ok" if index % 2 else "stopped", 11, [0.0123] * 5, 2.0)


def summarized(name, won, of, instruction="put the red cube on the yellow plate"):
    """A condition's summary, of which the first `won` episodes succeeded, and the episodes."""
    episodes = [episode(index, instruction, index < won) for index in range(of)]
    return evaluate.summarize(evaluate.CONDITIONS[name], episodes), episodes


@pytest.fixture
def directory(tmp_path):
    """A policy directory with 20 parameters."""
    folder = tmp_path / "policy"
    shutil.copytree(MODEL, folder)
    header = json.dumps({"a": {"dtype": "BF16", "shape": [4, 4], "data_offsets": [0, 32]}, "b": {"dtype": "F32", "shape": [4], "data_offsets": [32, 48]}}).encode()
    header += b" " * (-len(header) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(48))
    (folder / "config.json").write_text(json.dumps({"text_config": {"hidden_size": 321}, "action_head": {"layers": 7, "type": "flow_dit"}}))
    return folder


@pytest.fixture
def figures(directory, tmp_path):
    """The file that `sinew eval --json` leaves."""
    run = evaluate.circumstances(evaluate.Options(directory))
    conditions = (("plain", 37, 41), ("random", 35, 41), ("paraphrase", 29, 41), ("black", 1, 41))
    path = tmp_path / "figures.json"
    path.write_text(json.dumps([summarized(*condition)[0] | {"run": run} for condition in conditions]))
    return path


def test_figures_are_json_that_others_read_too():
    summary, _ = summarized("plain", 0, 2)
    assert summary["seconds"] is None and json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_the_page_shows_rates_times_and_failures_and_needs_nothing_else(directory, tmp_path):
    pytest.importorskip("matplotlib")
    from sinew import clips, evaluation_page

    run = evaluate.circumstances(evaluate.Options(directory))
    plain, black = summarized("plain", 3, 5), summarized("black", 0, 1, "stack the red cube on the blue cube")
    films = [clips.Clip(503, tmp_path / "films" / "a & b.mp4", False), clips.Clip(504, tmp_path / "films" / "c.mp4", True)]
    summaries = [plain[0] | {"run": run}, black[0] | {"run": run}]
    path = tmp_path / "pages" / "page.html"
    path.parent.mkdir()
    evaluation_page.write(path, directory, summaries, {"plain": plain[1], "black": black[1]}, {"plain": films})
    outline = Outline()
    outline.feed(path.read_text(encoding="utf-8"))
    assert outline.open == [] and not outline.external()
    assert outline.counts["svg"] == 2 + 3 + 3 + 2  # bars of both conditions, then each condition's bars; a histogram for each
    films = [unquote(source) for source in outline.sources if source.endswith(".mp4")]
    assert films == ["../films/a & b.mp4", "../films/c.mp4"]
    text = " ".join(outline.text)
    low, high = (100 * bound for bound in evaluate.wilson(3, 5))
    for word in ("3 / 5", "60.0 %", f"[{low:.1f}, {high:.1f}]", "family put", "family stack", "4.2", "12.3", "55", "503", "stopped", "out of time", "succeeded this time", run["processor"]):
        assert word in text, word


def test_the_card_holds_the_figures_and_the_files_own_sizes(directory, figures, capsys):
    (directory / "training.json").write_text(json.dumps({"steps": 12345, "versions": {"torch": "2.99"}, "device": "one | two"}))
    assert cli.main(["eval", str(directory), "--figures", str(figures), "--card"]) == 0
    text = (directory / "MODEL_CARD.md").read_text()
    low, high = (100 * bound for bound in evaluate.wilson(37, 41))
    assert f"{100 * 37 / 41:.1f} % (37/41; {low:.1f} to {high:.1f})" in text
    for word in ("20 parameters (BF16, F32)", "hidden_size 321", "layers 7", "| steps | 12345 |", "| versions.torch | 2.99 |", "one \\| two", "12.3", "(29/41;", "1 instructions"):
        assert word in text, word
    assert text.index("(29/41;") < text.index("## Controls") < text.index("(1/41;") and "`swapped`: not measured." in text
    assert cli.main(["eval", str(directory), "--figures", str(figures), "--card"]) == 0  # its own card is replaced
    (directory / "MODEL_CARD.md").write_text("# By hand\n")
    assert cli.main(["eval", str(directory), "--figures", str(figures), "--card"]) == 2
    assert (directory / "MODEL_CARD.md").read_text() == "# By hand\n" and "--card" in capsys.readouterr().err


def test_figures_of_other_weights_are_refused(directory, figures, capsys):
    with open(directory / "model.safetensors", "r+b") as file:
        file.seek(-1, 2)
        file.write(b"\1")
    assert cli.main(["eval", str(directory), "--figures", str(figures), "--card"]) == 2
    assert "those of the weights in" in capsys.readouterr().err and not (directory / "MODEL_CARD.md").exists()


def test_the_readme_table_stands_between_its_markers(directory, figures, tmp_path, capsys):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n\n{model_card.BEGIN}\nold\n{model_card.END}\n\nafter\n")
    for _ in range(2):  # again gives the same
        assert cli.main(["eval", str(directory), "--figures", str(figures), "--readme", str(readme)]) == 0
        before, table, after = (part for piece in readme.read_text().split(model_card.BEGIN) for part in piece.split(model_card.END))
        assert (before, after) == ("before\n\n", "\n\nafter\n") and "old" not in table and "(35/41;" in table
    readme.write_text(f"{model_card.END}\n{model_card.BEGIN}\n")
    assert cli.main(["eval", str(directory), "--figures", str(figures), "--readme", str(readme)]) == 2
    assert f"[{readme}] markers: expected the lines '{model_card.BEGIN}'" in capsys.readouterr().err
    assert readme.read_text() == f"{model_card.END}\n{model_card.BEGIN}\n"


@pytest.mark.parametrize(("extra", "named"), [(("--most", "3"), "--most"), (("--figures", "a.json", "--page", "a.html"), "--figures"), (("--page", "there.html"), "--page")])
def test_arguments_that_contradict_are_refused_before_anything_runs(directory, tmp_path, monkeypatch, capsys, extra, named):
    monkeypatch.chdir(tmp_path)
    Path("there.html").write_text("notes")
    assert cli.main(["eval", str(directory), *extra]) == 2
    assert named in capsys.readouterr().err


@pytest.fixture
def restless(tmp_path):
    """A policy directory whose random chunks stay within the arm's reach."""
    folder = tmp_path / "restless"
    shutil.copytree(MODEL, folder)
    span = [0.02, 0.02, 0.02, 0.05, 0.05, 0.2]
    (folder / "stats.json").write_text(json.dumps({"action": {"q01": [*(-value for value in span), 0.035], "q99": [*span, 0.045]}}))
    card = json.loads((folder / "sinew.json").read_text())
    card["statistics"]["sha256"] = hashlib.sha256((folder / "stats.json").read_bytes()).hexdigest()
    (folder / "sinew.json").write_text(json.dumps(card))
    return folder


@needs_simulator
def test_an_episode_is_the_same_again_watched_and_after_others(restless, tmp_path):
    class Watch:
        period = 0.05

        def __call__(self, robot, seconds):
            robot.render("video", (32, 32))

    options = evaluate.Options(restless, episodes=2, longest=2.0)
    condition = evaluate.CONDITIONS["random_policy"]
    (first, second), results = evaluate.tasks(options), []
    for number, tasks in enumerate(((first, second), (second,))):
        it = stage.Stage(options, condition, tmp_path / f"{number}.mcap")
        results.append([it.episode(*task, Watch() if len(tasks) == 1 else None) for task in tasks][-1])
        trace = it.loop.trace()
        results.append({name: np.array(trace[name]) for name in ("command", "measured", "status")})
        it.recorder.close()
    same = {"seconds": 0.0, "inference": [], "wall": 0.0}
    assert replace(results[0], **same) == replace(results[2], **same) and results[0].seconds == pytest.approx(results[2].seconds)
    for name, values in results[1].items():
        np.testing.assert_array_equal(values, results[3][name])
    assert np.ptp(results[1]["measured"], axis=0).max() > 0.05  # rad: it has moved


@needs_simulator
@needs_av
def test_a_failed_episode_leaves_a_clip_that_the_page_links(restless, tmp_path):
    import av

    files = ["--json", tmp_path / "a.json", "--page", tmp_path / "page.html", "--clips", tmp_path / "films", "--most", 1]
    assert cli.main([str(text) for text in ["eval", restless, "--conditions", "random_policy", "--episodes", 1, "--processes", 1, "--longest", 2, *files]]) == 0
    (failed,) = json.loads((tmp_path / "a.json").read_text())[0]["failed"]
    (clip,) = (tmp_path / "films").iterdir()
    assert clip.name == f"random_policy-{failed['seed']}.mp4"
    outline = Outline()
    outline.feed((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert f"films/{clip.name}" in outline.sources and not outline.external() and "succeeded this time" not in " ".join(outline.text)
    with av.open(str(clip)) as container:
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    assert frames[0].shape == (528, 704, 3) and abs(len(frames) - (2 + 1) * 20) <= 3
    assert (frames[0][10:60, 14:300] > 240).all(axis=2).sum() > 300  # the caption
    assert np.abs(frames[0] - frames[len(frames) // 2]).mean() > 1  # something moves
