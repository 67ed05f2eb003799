# SPDX-License-Identifier: Apache-2.0
"""What curate, export, import, plot and view refuse or say of recordings that lack something, and of outputs that are no place to write."""

import importlib.util
import json

import numpy as np
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("matplotlib")

from dataset_recordings import record  # noqa: E402

import sinew  # noqa: E402
from sinew import cli, curate, data, dataset, view  # noqa: E402


def write(path, frames, begin=None, **options):
    """A recording of (time, position, command) at whatever times, one episode."""
    with sinew.record.Recorder(path, joint_names=["a", "b"], overwrite=True, wait_for_room=True, **options) as recorder:
        if begin is not None:
            recorder.add_event(begin, "episode", json.dumps({"index": 0, "instruction": "go"}))
        for time, position, command in frames:
            recorder.add(sinew.Observation({}, {"joint_position": (position, None, "rad")}, "go", time=time), command=command)


def moving(times):
    """Joints that swing, each told one frame ahead where to be."""
    times = np.asarray(times, float)
    at = lambda t: np.stack([0.5 * np.sin(1.3 * t), 0.4 * np.cos(1.7 * t)], -1)  # noqa: E731
    return list(zip(times.tolist(), at(times), at(times + 0.1)))


def said(capsys, arguments, code):
    """What a command prints, once it ends with that code."""
    found = cli.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert found == code, captured.out + captured.err
    assert "Traceback" not in captured.err
    return captured.out + captured.err


@pytest.fixture
def good(tmp_path):
    write(tmp_path / "good.mcap", moving(1 + np.arange(60) / 10))
    return tmp_path / "good.mcap"


def test_no_output_takes_the_place_of_an_input_or_of_a_file_of_another_kind(tmp_path, good, capsys):
    (tmp_path / "other.mcap").write_bytes(good.read_bytes())
    (tmp_path / "notes.txt").write_text("mine")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for target in (good, tmp_path / "other.mcap", tmp_path / "notes.txt", tmp_path, tmp_path / "none/x"):
        for option in ("--report", "--json", "--fix"):
            text = said(capsys, ["curate", good, option, target], 1 if target.name == "x" else 2)
            assert text.startswith(f"sinew: [curate] {option}: expected ") and str(target) in text
    assert "as --report too" in said(capsys, ["curate", good, "--report", tmp_path / "a", "--json", tmp_path / "a"], 2)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    for _ in range(2):  # the same kind is replaced
        said(capsys, ["curate", good, "--report", tmp_path / "r.html", "--json", tmp_path / "r.json"], 0)
    text = said(capsys, ["curate", good, "--report", tmp_path / "r.html"], 0)
    assert "plots of 1 episode" in text and "<svg" in (tmp_path / "r.html").read_text()  # of a clean one too


def dropped(path):
    """A recording of which records were dropped, two frames of 60 among them."""
    with pytest.raises(sinew.Error, match="2 dropped"), sinew.record.Recorder(path, joint_names=["a", "b"], wait_for_room=True, frame_bytes=1000) as recorder:
        for i, (time, position, command) in enumerate(moving(1 + np.arange(60) / 10)):
            cameras = {"front": (np.zeros((100, 100, 3), np.uint8), None)} if i in (20, 40) else {}
            recorder.add(sinew.Observation(cameras, {"joint_position": (position, None, "rad")}, "go", time=time), command=command)


def test_what_a_recording_lacks_is_said_by_every_command(tmp_path, good, capsys):
    dropped(tmp_path / "drop.mcap")
    (tmp_path / "torn.mcap").write_bytes(good.read_bytes()[:-3000])
    for name, words in (("drop.mcap", "lacks 2 records that were dropped"), ("torn.mcap", "ends early")):
        file = tmp_path / name
        text = said(capsys, ["curate", file, "--json", tmp_path / f"{name}.json", "--report", tmp_path / "r.html"], 0)
        assert text.count(words) == 1 and words in (tmp_path / "r.html").read_text()
        (entry,) = json.loads((tmp_path / f"{name}.json").read_text())["files"]
        assert len(entry["losses"]) == 1 and words in entry["losses"][0]
        assert said(capsys, ["plot", file], 0).count(words) == 1
        text = said(capsys, ["export", file, "--to", "lerobot", tmp_path / f"{name}.set", "--fps", "10", "--images", "none"], 0)
        assert text.count(words) == 1
    with sinew.record.Recorder(tmp_path / "now.mcap", joint_names=["a", "b"]) as recorder:
        for time, position, command in moving([1.0, 1.1, 1.2, 1.3, 1.4, 1.5]):
            recorder.add(sinew.Observation({}, {"joint_position": (position, None, "rad")}, "go", time=time), command=command)
        recorder.flush()
        assert "is still being written" in said(capsys, ["plot", tmp_path / "now.mcap"], 0)


@pytest.mark.parametrize(("value", "words", "wide"), [(np.nan, "finite numbers", False), (np.inf, "finite numbers", False), (1e300, "3.4e+38", False), (1e300, "1e+150", True), (1e39, None, True)])
def test_commands_and_values_that_no_dataset_can_hold_are_refused(tmp_path, capsys, value, words, wide):
    for column in (1, 2):
        frames = [list(frame) for frame in moving(1 + np.arange(20) / 10)]
        frames[7][column] = np.array([0.0, value])
        write(tmp_path / "a.mcap", frames)
        arguments = ["export", tmp_path / "a.mcap", "--to", "lerobot", tmp_path / f"d{column}", "--images", "none", *(["--dtype", "float64"] if wide else [])]
        text = said(capsys, arguments, 2 if words else 0)
        assert words is None or ("frame 7 of episode 0" in text and words in text and ("command of" in text) == (column == 2))


def test_a_round_trip_keeps_what_is_not_known_and_what_was_not_finished(tmp_path, capsys):
    for begin, finished in ((1.0, False), (None, True)):
        write(tmp_path / "a.mcap", moving(1 + np.arange(20) / 10), begin=begin)
        dataset.export_lerobot([tmp_path / "a.mcap"], tmp_path / "d", images="none", overwrite=True)
        dataset.import_lerobot(tmp_path / "d", tmp_path / "b.mcap", overwrite=True)
        (episode,) = data.read_episodes(tmp_path / "b.mcap")
        assert (episode.finished, episode.succeeded, len(episode)) == (finished, None, 20)
        assert ("has 1 episode without an end" in said(capsys, ["curate", tmp_path / "b.mcap"], 0)) == (not finished)


def test_a_copy_of_a_torn_recording_is_not_left_behind(tmp_path, good, capsys):
    write(tmp_path / "late.mcap", [(time, position, command) for (time, position, _), (*_, command) in zip(moving(1 + np.arange(99) / 10)[4:], moving(1 + np.arange(99) / 10))])
    late = (tmp_path / "late.mcap").read_bytes()
    text = said(capsys, ["curate", tmp_path / "late.mcap", "--fix", tmp_path / "fixed.mcap"], 0)
    assert "4 frames too late" in text
    (tmp_path / "torn.mcap").write_bytes(late[:-3000])
    assert "ends early" in said(capsys, ["curate", tmp_path / "torn.mcap", "--fix", tmp_path / "again.mcap"], 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fixed.mcap", "good.mcap", "late.mcap", "torn.mcap"]


@pytest.mark.parametrize("kind", ["camera size", "time back", "gap"])
def test_what_export_refuses_curation_finds_and_leaves_out(tmp_path, capsys, kind):
    times = 1 + np.arange(60) / 10
    if kind == "time back":
        times[30:] -= 2
    if kind == "gap":
        times[30:] += 1.1
    with sinew.record.Recorder(tmp_path / "a.mcap", joint_names=["a", "b"], wait_for_room=True) as recorder:
        for i, (time, position, command) in enumerate(moving(times)):
            size = 16 if i < 50 or kind != "camera size" else 32
            cameras = {"front": (np.random.default_rng(i).integers(0, 255, (size, size, 3), np.uint8), None)}
            recorder.add(sinew.Observation(cameras, {"joint_position": (position, None, "rad")}, "go", time=time), command=command)
    arguments = ["export", tmp_path / "a.mcap", "--to", "lerobot", tmp_path / "d", "--images", "image"]
    assert "--curation" in said(capsys, arguments, 2)
    said(capsys, ["curate", tmp_path / "a.mcap", "--json", tmp_path / "v.json"], 0)
    text = said(capsys, [*arguments, "--curation", tmp_path / "v.json"], 0)
    assert {"camera size": "1 episode, 50 frames", "time back": "2 episodes, 59 frames", "gap": "2 episodes, 59 frames"}[kind] in text
    if kind == "gap":
        assert "11 frames of episode 0 of a.mcap repeat the one before" in said(capsys, [*arguments, "--fps", "10", "--overwrite"], 0)


def test_verdicts_must_be_on_what_is_exported(tmp_path, good, capsys):
    said(capsys, ["curate", good, "--json", tmp_path / "v.json"], 0)
    (tmp_path / "other").mkdir()
    write(tmp_path / "other/b.mcap", moving(1 + np.arange(20) / 10))
    write(tmp_path / "other/good.mcap", moving(1 + np.arange(20) / 10))
    arguments = ["--to", "lerobot", tmp_path / "d", "--images", "none", "--curation", tmp_path / "v.json"]
    assert "expected some on" in said(capsys, ["export", tmp_path / "other/b.mcap", *arguments], 2)
    assert "it judges another recording" in said(capsys, ["export", tmp_path / "other/good.mcap", *arguments], 2)
    assert "b.mcap was not judged" in said(capsys, ["export", good, tmp_path / "other/b.mcap", *arguments], 0)
    for broken, words in (("{", "JSON"), ('{"files": [{}]}', "no 'episodes'"), ("[]", "verdicts")):
        (tmp_path / "v.json").write_text(broken)
        assert words in said(capsys, ["export", good, *arguments, "--overwrite"], 1)


def test_arguments_that_fit_nothing_are_refused(tmp_path, good, capsys):
    record(tmp_path / "three.mcap", lengths=(20,), cameras=())
    urdf = '<robot name="r"><link name="l"/><link name="t"/><joint name="x" type="revolute"><parent link="l"/><child link="t"/><axis xyz="0 0 1"/><limit lower="-1" upper="1" velocity="1" effort="1"/></joint></robot>'
    (tmp_path / "r.urdf").write_text(urdf)
    for arguments, words, code in (
        (["curate", good, "--joints", "nochan"], "joint_position (2 values)", 1),
        (["curate", good, "--tool", "joint_position"], "of 7 values", 1),
        (["curate", good, tmp_path / "three.mcap"], "different robots apart", 2),
        (["curate", good, good], "twice", 2),
        (["export", good, good, "--to", "lerobot", tmp_path / "d"], "twice", 2),
        (["curate", good, "--urdf", tmp_path / "r.urdf", "--base", "l", "--tip", "t"], "description of another robot", 1),
        (["export", good, "--to", "lerobot", "/", "--images", "none"], "[export] folder", 2),
        (["export", good, "--to", "lerobot", tmp_path / "d", "--curation", tmp_path / "none.json"], "none.json] verdicts", 1),
    ):
        text = said(capsys, arguments, code)
        assert words in text and text.startswith("sinew: ["), text


def test_short_recordings_have_no_lag_and_are_called_short(tmp_path, capsys):
    for frames in (2, 3, 6, 7, 9, 12):
        write(tmp_path / "a.mcap", moving(1 + np.arange(frames) / 10))
        text = said(capsys, ["curate", tmp_path / "a.mcap", "--fix", tmp_path / "b.mcap"], 0)
        assert "nothing to correct" in text and ("no episode has 5 frames in a row" in text) == (frames < 5)


def test_plot_draws_what_fits_and_says_what_does_not(tmp_path, capsys):
    frames = moving(1 + np.arange(20) / 10)
    with sinew.record.Recorder(tmp_path / "a.mcap", joint_names=["a", "b"], wait_for_room=True) as recorder:
        recorder.add_command(0.5, [1.0, 2.0, 3.0])
        recorder.add_command(0.6, [])
        for time, position, command in frames:
            recorder.add(sinew.Observation({}, {"joint_position": (position, None, "rad")}, "放 🤖", time=time), command=command)
    text = said(capsys, ["plot", tmp_path / "a.mcap"], 0)
    assert "2 commands without 2 joints not drawn" in text and "drawn as boxes" in text
    (tmp_path / "a.png").write_text("mine")
    assert "another kind" in said(capsys, ["plot", tmp_path / "a.mcap"], 2) and (tmp_path / "a.png").read_text() == "mine"


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("meta/info.json", lambda text: b"{", "JSON"),
        ("meta/info.json", lambda text: text.replace(b'"fps": 10', b'"fps": "ten"'), "fps: expected a number above 0, got 'ten'"),
        ("meta/info.json", lambda text: text.replace(b'"fps": 10', b'"fps": 0'), "fps: expected a number above 0, got 0"),
        ("meta/info.json", None, "no such file"),
        ("meta/sinew.json", lambda text: b"garbage", "JSON"),
        ("meta/sinew.json", lambda text: b"[]", "JSON"),
        ("meta/tasks.parquet", lambda text: text[:50], "Parquet"),
        ("meta/tasks.parquet", None, "no such file"),
        ("meta/episodes/chunk-000/file-000.parquet", lambda text: text[:100], "Parquet"),
        ("data/chunk-000/file-000.parquet", lambda text: text[:-100], "Parquet"),
        ("data/chunk-000/file-000.parquet", None, "no such file"),
        ("videos/observation.images.front/chunk-000/file-000.mp4", lambda text: b"", "film"),
        ("videos/observation.images.front/chunk-000/file-000.mp4", lambda text: text[:200], "film"),
        ("videos/observation.images.front/chunk-000/file-000.mp4", None, "no such file"),
    ],
)
def test_a_damaged_dataset_is_refused_by_name(tmp_path, capsys, file, change, words):
    pytest.importorskip("av")
    record(tmp_path / "a.mcap", lengths=(5,))
    dataset.export_lerobot([tmp_path / "a.mcap"], tmp_path / "d", codec="h264")
    path = tmp_path / "d" / file
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change(path.read_bytes()))
    text = said(capsys, ["import", "lerobot-dataset", tmp_path / "d", tmp_path / "b.mcap"], 1)
    assert text.startswith(f"sinew: [{path}] ") and words in text, text
    assert not (tmp_path / "b.mcap").exists() and not list(tmp_path.glob("*.writing"))


if importlib.util.find_spec("rerun") is not None:  # optional: the lock does not hold it

    def test_view_needs_a_display_or_a_place_to_write(tmp_path, good, capsys, monkeypatch):
        monkeypatch.delenv("DISPLAY", raising=False)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        assert "display" in said(capsys, ["view", good], 1)
        before = good.read_bytes()
        for target, code in ((good, 2), (tmp_path, 2), (tmp_path / "none/x.rrd", 1)):
            assert "[view] --save" in said(capsys, ["view", good, "--save", target], code)
        assert good.read_bytes() == before
        (tmp_path / "notes.txt").write_text("mine")
        assert "another kind" in said(capsys, ["view", good, "--save", tmp_path / "notes.txt"], 2)
        dropped(tmp_path / "drop.mcap")
        for _ in range(2):  # the same kind is replaced
            assert "lacks 2 records" in said(capsys, ["view", tmp_path / "drop.mcap", "--save", tmp_path / "x.rrd"], 0)
        assert view._span(2**63 / 1e9) == np.timedelta64(2**63 - 1, "ns")  # the last moment of a C++ recorder
        assert not list(tmp_path.glob("*.writing*"))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda path: sinew.Observation({"front": (np.zeros((4, 4, 3), np.uint8), None)}, {}, "\ud800", time=1.0), "instruction: expected text"),
        (lambda path: sinew.record.Recorder(path, frame_bytes=-1), "frame_bytes: expected 0 or more, got -1"),
        (lambda path: sinew.record.Recorder(path, joint_names="abc"), "joint_names: expected a list of names"),
        (lambda path: sinew.record.Recorder(path, joint_names=["a", "a"]), "joint_names: expected each once, got 'a' twice"),
        (lambda path: sinew.record.Recorder(path).add_command(1.0, [[1.0, 2.0]]), "command: expected"),
    ],
)
def test_what_no_recorder_takes_is_an_error_in_the_form(tmp_path, call, words):
    with pytest.raises(sinew.Error) as refused:
        call(tmp_path / "a.mcap")
    assert words in str(refused.value)


def test_replay_needs_ticks(good, tmp_path):
    pytest.importorskip("mujoco")
    from sinew import kinematics, sim

    robot = sim.MujocoRobot.tabletop(seed=1)
    loop = sinew.runtime.ControlLoop(robot, sim.demonstrator_policy(robot), chain=kinematics.Chain.from_urdf(robot.urdf, "link0", "tool"))
    with pytest.raises(sinew.Error, match="control ticks: expected|expected control ticks"):
        loop.replay(recording=good)
    assert curate.load([good])[0]
