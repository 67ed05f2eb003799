# SPDX-License-Identifier: Apache-2.0
"""`sinew plot` and `sinew view`: which episodes are drawn, and what is said when something is missing."""

import importlib.util
import sys

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import PIL.Image
from dataset_recordings import record

import sinew
from sinew import cli


def test_one_picture_for_each_episode(tmp_path, capsys):
    record(tmp_path / "a.mcap")
    assert cli.main(["plot", str(tmp_path / "a.mcap"), "--output", str(tmp_path / "p")]) == 0
    drawn = sorted((tmp_path / "p").iterdir())
    assert [path.name for path in drawn] == ["a-000.png", "a-001.png", "a-002.png"] and capsys.readouterr().out.split() == [str(path) for path in drawn]
    for path in drawn:
        assert np.asarray(PIL.Image.open(path).convert("L")).std() > 5  # something is on it


def test_a_recording_without_episodes_is_one_and_foreign_events_are_only_shown(tmp_path):
    with sinew.record.Recorder(tmp_path / "a.mcap", wait_for_room=True) as recorder:
        for frame in range(5):
            recorder.add(sinew.Observation({}, {"joint_position": ([0.1 * frame, 0.0], None, "rad")}, "go", time=1 + frame / 10), command=[0.0, 1.0])
        recorder.add_event(1.2, "note", "no JSON")
    assert cli.main(["plot", str(tmp_path / "a.mcap")]) == 0 and (tmp_path / "a.png").exists()


def test_an_episode_event_that_is_none_is_refused_as_everywhere(tmp_path, capsys):
    with sinew.record.Recorder(tmp_path / "a.mcap", wait_for_room=True) as recorder:
        recorder.add(sinew.Observation({}, {"joint_position": ([0.1, 0.0], None, "rad")}, "go", time=1), command=[0.0, 1.0])
        recorder.add_event(1.2, "episode", "no JSON")
    with pytest.raises(sinew.Error) as refused:
        list(sinew.data.read_episodes(tmp_path / "a.mcap"))
    for command in (["plot", str(tmp_path / "a.mcap")], ["export", str(tmp_path / "a.mcap"), "--to", "lerobot", str(tmp_path / "d"), "--images", "none"]):
        assert cli.main(command) != 0 and str(refused.value) in capsys.readouterr().err


def test_nothing_to_draw_is_said(tmp_path, capsys):
    with sinew.record.Recorder(tmp_path / "a.mcap", wait_for_room=True) as recorder:
        recorder.add_event(1.0, "note", "alone")
    assert cli.main(["plot", str(tmp_path / "a.mcap")]) == 1 and "no episode" in capsys.readouterr().err


def test_without_rerun_it_says_how_to_get_it(tmp_path, capsys, monkeypatch):
    record(tmp_path / "a.mcap", lengths=(3,))
    monkeypatch.setitem(sys.modules, "rerun", None)
    assert cli.main(["view", str(tmp_path / "a.mcap")]) == 1 and "sinew-robotics[view]" in capsys.readouterr().err


if importlib.util.find_spec("rerun") is not None:  # optional: the lock does not hold it

    def test_rerun_gets_everything(tmp_path, capsys):
        record(tmp_path / "a.mcap", lengths=(3,))
        assert cli.main(["view", str(tmp_path / "a.mcap"), "--save", str(tmp_path / "a.rrd")]) == 0
        assert (tmp_path / "a.rrd").stat().st_size > 3 * 48 * 8 * 3  # so much of the frames is random
