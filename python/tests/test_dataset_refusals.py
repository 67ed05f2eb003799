# SPDX-License-Identifier: Apache-2.0
"""What an export refuses, with what it says, and what it does with gaps that are no mistake."""

import json

import numpy as np
import pytest

import sinew
from dataset_recordings import record

pytest.importorskip("pyarrow")
pytest.importorskip("av")

import pyarrow.parquet as pq  # noqa: E402

from sinew import dataset  # noqa: E402

POSITION = {"joint_position": ([0.0, 1.0], None, "rad")}


def write(path, observations, events=(), commands=True, names=("a", "b"), dof=2):
    """A recording at 10 per second of (cameras, state) pairs."""
    with sinew.record.Recorder(path, joint_names=list(names), overwrite=True, wait_for_room=True) as recorder:
        for time, said in events:
            recorder.add_event(time, "episode", json.dumps(said))
        for frame, (cameras, state) in enumerate(observations):
            recorder.add(sinew.Observation(cameras, state, "go", time=1 + frame / 10), command=np.arange(float(dof)) if commands else None)


def refused(tmp_path, *words, sources=None, **options):
    with pytest.raises(sinew.Error) as problem:
        dataset.export_lerobot([tmp_path / "a.mcap"] if sources is None else sources, tmp_path / "d", **({"images": "none"} | options))
    for word in words:
        assert word in str(problem.value), str(problem.value)
    assert not (tmp_path / "d").exists() and not list(tmp_path.glob("d.exporting/dataset/meta/info.json"))


@pytest.mark.parametrize(
    ("cameras", "state", "words"),
    [
        ({}, {"joint_position": ([0.0, 1.0], None, "rad"), "force": ([1.0], None, "N")}, ("frame 3", "no channel 'force'")),
        ({}, {"joint_position": ([0.0, 1.0, 2.0], None, "rad")}, ("frame 3", "channel 'joint_position' 3")),
        ({}, {"joint_position": ([0.0, 1.0], None, "deg")}, ("frame 3", "'rad'", "'deg'")),
        ({}, {"joint_position": ([0.0, np.nan], None, "rad")}, ("frame 3", "finite numbers")),
    ],
)
def test_a_frame_that_differs_is_named(tmp_path, cameras, state, words):
    write(tmp_path / "a.mcap", [({}, POSITION)] * 3 + [(cameras, state)] + [({}, POSITION)] * 2)
    refused(tmp_path, *words)
    verdicts = [{"index": 0, "verdict": "keep", "frames": [[3, 3, "reject", "bad"]]}]
    (tmp_path / "c.json").write_text(json.dumps({"format": 1, "files": [{"file": "a.mcap", "episodes": verdicts}]}))
    report = dataset.export_lerobot([tmp_path / "a.mcap"], tmp_path / "d", images="none", curation=tmp_path / "c.json")
    assert (report.episodes, report.frames) == (2, 5)  # the way out that the error names


@pytest.mark.parametrize("later", [{}, {"front": (32, 32)}], ids=["a camera is missing", "a camera changes its size"])
def test_cameras_stay_as_they_are(tmp_path, later):
    picture = lambda size: np.zeros((*size, 3), np.uint8)  # noqa: E731
    frames = [({"front": picture((16, 16))}, POSITION)] * 3 + [({name: picture(size) for name, size in later.items()}, POSITION)] * 2
    write(tmp_path / "a.mcap", frames)
    refused(tmp_path, "frame 3", "camera 'front'", images="image")
    assert dataset.export_lerobot([tmp_path / "a.mcap"], tmp_path / "d", images="none").frames == 5


def test_nothing_to_export(tmp_path):
    write(tmp_path / "a.mcap", [], events=[(1.0, {"index": 0, "instruction": "go"}), (2.0, {"index": 0, "succeeded": True})])
    refused(tmp_path, "episodes", "none with frames")
    write(tmp_path / "a.mcap", [({}, POSITION)] * 4, commands=False)
    refused(tmp_path, "commands of episode 0", "no action to learn")
    write(tmp_path / "a.mcap", [({}, POSITION)])
    refused(tmp_path, "frame rate", "--fps")
    with pytest.raises((sinew.Error, OSError)):
        dataset.export_lerobot([tmp_path / "none.mcap"], tmp_path / "d")
    refused(tmp_path, "recordings", "at least one", sources=[])


def test_an_episode_without_frames_is_left_out_and_said(tmp_path):
    made = record(tmp_path / "a.mcap", lengths=(4, 0, 6), cameras=())
    report = dataset.export_lerobot([tmp_path / "a.mcap"], tmp_path / "d", images="none")
    assert report.episodes == 2 and any("episode 1" in note and "no observation" in note for note in report.notes)
    assert pq.read_table(tmp_path / "d/data/chunk-000/file-000.parquet").column("sinew.time_ns").to_pylist() == made[0]["times"] + made[2]["times"]


def test_recordings_of_different_robots_do_not_mix(tmp_path):
    record(tmp_path / "a.mcap", lengths=(4,), cameras=())
    record(tmp_path / "b.mcap", lengths=(4,), cameras=(), names=["x", "y", "z"])
    refused(tmp_path, "joint names", sources=[tmp_path / "a.mcap", tmp_path / "b.mcap"])


def test_without_joint_names_the_features_have_none(tmp_path):
    record(tmp_path / "a.mcap", lengths=(4,), cameras=(), names=())
    dataset.export_lerobot([tmp_path / "a.mcap"], tmp_path / "d", images="none")
    features = json.loads((tmp_path / "d/meta/info.json").read_text())["features"]
    assert features["action"]["names"] is None and features["observation.state"]["names"] is None


def test_names_with_a_slash_become_dots_and_come_back(tmp_path):
    state = POSITION | {"arm/force": ([1.0], None, "N")}
    write(tmp_path / "a.mcap", [({"arm/top": np.full((16, 16, 3), frame, np.uint8)}, state) for frame in range(4)])
    dataset.export_lerobot([tmp_path / "a.mcap"], tmp_path / "d", images="image")
    features = json.loads((tmp_path / "d/meta/info.json").read_text())["features"]
    assert {"observation.arm.force", "observation.images.arm.top"} <= set(features) and not any("/" in name for name in features)
    dataset.import_lerobot(tmp_path / "d", tmp_path / "b.mcap")
    first = next(item.content for item in sinew.record.read(tmp_path / "b.mcap") if isinstance(item.content, sinew.Observation))
    assert "arm/top" in first.cameras and first.state["arm/force"][2] == "N"
    write(tmp_path / "a.mcap", [({}, state | {"arm.force": ([2.0], None, "N")})] * 4)
    with pytest.raises(sinew.Error, match="taken"):
        dataset.export_lerobot([tmp_path / "a.mcap"], tmp_path / "e", images="none")


def test_an_unfinished_episode_is_exported_and_said(tmp_path):
    write(tmp_path / "a.mcap", [({}, POSITION)] * 5, events=[(1.0, {"index": 0, "instruction": "go"})])
    report = dataset.export_lerobot([tmp_path / "a.mcap"], tmp_path / "d", images="none")
    assert (report.episodes, report.frames) == (1, 5) and any("never finished" in note for note in report.notes)
    (said,) = json.loads((tmp_path / "d/meta/sinew.json").read_text())["episodes"]
    assert said["finished"] is False and said["succeeded"] is None
