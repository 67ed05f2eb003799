# SPDX-License-Identifier: Apache-2.0
"""Exported datasets, read back with pyarrow, PyAV and LeRobot, and imported again."""

import importlib.util
import json
import sys

import numpy as np
import pytest

import sinew
from dataset_recordings import NAMES, contents, lerobot, record
from sinew import cli

pytest.importorskip("pyarrow")
pytest.importorskip("av")

import av  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from sinew import dataset  # noqa: E402
from sinew.dataset import images, statistics  # noqa: E402

needs_lerobot = pytest.mark.skipif(importlib.util.find_spec("lerobot") is None, reason="lerobot is not installed")
DATA = "data/chunk-000/file-000.parquet"


@pytest.fixture(scope="module")
def lerobot_dataset():
    """LeRobotDataset. The stand-in for torchvision goes again: other tests' transformers must not see it."""
    path, modules = list(sys.path), set(sys.modules)
    yield lerobot()
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.partition(".")[0] == "torchvision":
            del sys.modules[name]


def psnr(image, original):
    return 10 * np.log10(255**2 / max(1e-9, np.mean((image.astype(float) - original.astype(float)) ** 2)))


def nearest(image, originals):
    """Which of them the image shows."""
    return int(np.argmax([psnr(image, original) for original in originals]))


def exported(tmp_path, made=None, **options):
    if made is None:
        made = record(tmp_path / "a.mcap")
    report = dataset.export_lerobot([tmp_path / "a.mcap"], tmp_path / "d", **options)
    return made, report


def stacked(made, name):
    return np.concatenate([episode[name] for episode in made])


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_numbers_are_those_of_the_recording(tmp_path, kind):
    made, report = exported(tmp_path, images="none", dtype=kind)
    assert (report.episodes, report.frames, report.fps, report.notes) == (3, 37, 10, [])
    table = pq.read_table(tmp_path / "d" / DATA)
    for feature, name in (("observation.state", "q"), ("observation.joint_velocity", "dq"), ("action", "action")):
        got = np.array(table.column(feature).to_pylist(), kind)
        assert got.tobytes() == stacked(made, name).astype(kind).tobytes()
    assert table.column("sinew.time_ns").to_pylist() == stacked(made, "times").tolist()
    lengths = [len(episode["times"]) for episode in made]
    counted = np.concatenate([np.arange(length) for length in lengths])
    assert np.array_equal(table.column("timestamp").to_numpy(), (counted / 10).astype(np.float32))
    assert table.column("frame_index").to_pylist() == counted.tolist() and table.column("index").to_pylist() == list(range(37))
    assert table.column("episode_index").to_pylist() == np.repeat([0, 1, 2], lengths).tolist()
    assert table.column("task_index").to_pylist() == np.repeat([0, 1, 0], lengths).tolist()
    info = json.loads((tmp_path / "d/meta/info.json").read_text())
    assert info["features"]["action"] == {"dtype": kind, "shape": [3], "names": NAMES} and info["video_path"] is None
    assert [episode["succeeded"] for episode in json.loads((tmp_path / "d/meta/sinew.json").read_text())["episodes"]] == [True, False, True]


@pytest.mark.parametrize("codec", ["av1", "h264", "hevc"])
def test_films_have_exact_times(tmp_path, codec):
    made, _ = exported(tmp_path, record(tmp_path / "a.mcap", size=(64, 64)), codec=codec)
    rows = pq.read_table(tmp_path / "d/meta/episodes/chunk-000/file-000.parquet").to_pylist()
    key = "videos/observation.images.front"
    assert [row[f"{key}/from_timestamp"] for row in rows] == [0.0, 1.2, 1.7] and [row[f"{key}/to_timestamp"] for row in rows] == [1.2, 1.7, 3.7]
    with av.open(str(tmp_path / "d/videos/observation.images.front/chunk-000/file-000.mp4")) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert [frame.pts * stream.time_base * 10 for frame in frames] == list(range(37))
    pictures = [image for episode in made for image in episode["images"]["front"]]
    for index, frame in enumerate(frames):
        got = frame.to_ndarray(format="rgb24")
        assert nearest(got, pictures) == index


@needs_lerobot
@pytest.mark.parametrize("kind", ["video", "image", "none"])
def test_lerobot_reads_it(tmp_path, kind, lerobot_dataset):
    made, _ = exported(tmp_path, images=kind)
    window = [-0.2, 0.0, 0.1, 0.3]
    loaded = lerobot_dataset("test/export", root=tmp_path / "d", delta_timestamps={"action": window}, video_backend="pyav")
    assert len(loaded) == 37 and loaded.num_episodes == 3
    index = 0
    for number, episode in enumerate(made):
        actions = np.array(episode["action"], np.float32)
        for i in range(len(actions)):
            item = loaded[index]
            assert item["task"] == episode["task"] and item["episode_index"] == number
            assert np.array_equal(item["observation.state"].numpy(), np.float32(episode["q"][i]))
            steps = i + np.array([-2, 0, 1, 3])
            assert np.array_equal(item["action"].numpy(), actions[np.clip(steps, 0, len(actions) - 1)])
            assert item["action_is_pad"].tolist() == ((steps < 0) | (steps >= len(actions))).tolist()
            if kind != "none":
                image = item["observation.images.front"].numpy().transpose(1, 2, 0) * 255
                if kind == "image":
                    assert psnr(image, episode["images"]["front"][i]) > 80
                else:  # noise suffers in a film, but looks most like itself
                    assert nearest(image, episode["images"]["front"]) == i
            index += 1


def exact(theirs, ours):
    for name, value in theirs.items():
        assert np.array_equal(np.asarray(value), np.asarray(ours[name])), name


@needs_lerobot
def test_statistics_are_those_of_lerobot(tmp_path, lerobot_dataset):
    """Bit for bit, on the same frames, with its own sampling of images; image squares in double, as LeRobot does since issue 3682."""
    from lerobot.datasets import compute_stats

    made, _ = exported(tmp_path, record(tmp_path / "a.mcap", lengths=(12, 130, 1), size=(304, 400)), images="image")
    rows = pq.read_table(tmp_path / "d/meta/episodes/chunk-000/file-000.parquet").to_pylist()
    together, start = None, 0
    for row, episode in zip(rows, made):
        length = len(episode["times"])
        data = {"observation.state": np.array(episode["q"], np.float32), "observation.joint_velocity": np.array(episode["dq"], np.float32),
                "action": np.array(episode["action"], np.float32), "timestamp": np.arange(length) / 10, "frame_index": np.arange(length),
                "index": start + np.arange(length), "episode_index": np.full(length, row["episode_index"]),
                "task_index": np.full(length, int(episode["task"][-1]))}
        found = {name: compute_stats.get_feature_stats(values, 0, values.ndim == 1) for name, values in data.items()}
        pictures = np.stack([compute_stats.auto_downsample_height_width(episode["images"]["front"][i].transpose(2, 0, 1))
                             for i in compute_stats.sample_indices(length)])
        levels = compute_stats.get_feature_stats(pictures.astype(float), (0, 2, 3), True)
        found["observation.images.front"] = {k: v if k == "count" else np.squeeze(v / 255.0, axis=0) for k, v in levels.items()}
        for feature, values in found.items():
            exact(values, {name: row[f"stats/{feature}/{name}"] for name in values})
        together = found if together is None else compute_stats.aggregate_stats([together, found])
        start += length
    written = json.loads((tmp_path / "d/meta/stats.json").read_text())
    for feature, values in together.items():
        exact(values, written[feature])
    assert compute_stats.sample_indices(130) == statistics.sampled(130).tolist()


@pytest.mark.golden
def test_statistics_of_a_later_lerobot():
    """Its recorded results: quantiles of episodes, and the envelope over episodes."""
    from golden import read

    tensors, case = read("lerobot_misc/compute_stats")
    together = None
    for episode in ("ep0", "ep1", "ep2"):
        pixels = tensors[f"{episode}.image"]
        counts = np.stack([np.bincount(pixels[:, channel].ravel(), minlength=256) for channel in range(3)])
        found = {"action": statistics.of_vectors(tensors[f"{episode}.vector"]), "observation.images.top": statistics.of_images(counts, len(pixels))}
        check(case["results"][episode], found, np.ptp(tensors[f"{episode}.vector"], axis=0))
        together = statistics.join(together, found, "envelope")
    check(case["results"]["aggregate"], together, np.ptp(np.concatenate([tensors[f"ep{i}.vector"] for i in range(3)]), axis=0))


def check(expected, found, spread):
    for feature, bin_ in (("action", spread / 5000), ("observation.images.top", 1 / 5000)):
        for name, said in expected[feature].items():
            want, got = np.array(said["values"], float).reshape(said["shape"]), found[feature][name]
            assert got.shape == want.shape
            if name.startswith("q"):
                assert (np.abs(got - want) <= bin_ + 1e-6).all(), (feature, name)
            else:
                np.testing.assert_allclose(got, want, rtol=1e-4 if name == "std" else 1e-6, atol=1e-7)


def test_round_trip_is_bit_for_bit(tmp_path):
    made, _ = exported(tmp_path, images="image", dtype="float64")
    dataset.import_lerobot(tmp_path / "d", tmp_path / "b.mcap")
    recorded = [record.content for record in sinew.record.read(tmp_path / "b.mcap")]
    observations = [content for content in recorded if isinstance(content, sinew.Observation)]
    commands = [content for content in recorded if isinstance(content, sinew.record.Command)]
    index = 0
    for episode in made:
        for i in range(len(episode["times"])):
            got = observations[index]
            assert got.state["joint_position"][0].tobytes() == episode["q"][i].tobytes() and got.state["joint_velocity"][2] == "rad/s"
            assert commands[index].values.tobytes() == episode["action"][i].tobytes()
            assert np.array_equal(got.cameras["front"][0], episode["images"]["front"][i]) and round(got.time * 1e9) == episode["times"][i]
            assert got.instruction == episode["task"]
            index += 1
    dataset.export_lerobot([tmp_path / "b.mcap"], tmp_path / "e", images="image", dtype="float64")
    assert (tmp_path / "d" / DATA).read_bytes() == (tmp_path / "e" / DATA).read_bytes()
    assert (tmp_path / "d/meta/stats.json").read_bytes() == (tmp_path / "e/meta/stats.json").read_bytes()


def test_films_come_back_frame_by_frame(tmp_path):
    made, _ = exported(tmp_path)
    report = dataset.import_lerobot(tmp_path / "d", tmp_path / "b.mcap", episodes=slice(1, 3))
    assert (report.episodes, report.frames) == (2, 25)
    frames = [record.content.cameras["front"][0] for record in sinew.record.read(tmp_path / "b.mcap") if isinstance(record.content, sinew.Observation)]
    originals = made[1]["images"]["front"] + made[2]["images"]["front"]
    assert [nearest(got, originals) for got in frames] == list(range(25))


def test_files_roll_and_indices_go_on(tmp_path):
    record(tmp_path / "a.mcap", lengths=(100,) * 12, cameras=(), fps=50)
    from sinew.dataset import tables

    made = tables.DataFiles.__init__
    try:
        def small(self, *arguments):
            made(self, *arguments)
            self.limit = 20_000

        tables.DataFiles.__init__ = small
        dataset.export_lerobot([tmp_path / "a.mcap"], tmp_path / "d", images="none")
    finally:
        tables.DataFiles.__init__ = made
    paths = sorted((tmp_path / "d/data").glob("*/*.parquet"))
    tables_read = [pq.read_table(path) for path in paths]
    assert len(paths) > 3 and all(path.stat().st_size < 25_000 for path in paths)
    assert np.concatenate([table.column("index").to_numpy() for table in tables_read]).tolist() == list(range(1200))
    rows = pq.read_table(tmp_path / "d/meta/episodes/chunk-000/file-000.parquet").to_pylist()
    for row in rows:
        assert row["episode_index"] in tables_read[row["data/file_index"]].column("episode_index").to_pylist()


def test_other_rates_are_resampled(tmp_path):
    made = record(tmp_path / "a.mcap", lengths=(30,), jitter=0.3, cameras=())
    with pytest.raises(sinew.Error, match="--fps"):
        dataset.export_lerobot([tmp_path / "a.mcap"], tmp_path / "d", images="none")
    assert not (tmp_path / "d").exists()
    report = dataset.export_lerobot([tmp_path / "a.mcap"], tmp_path / "d", images="none", fps=4)
    times, q = np.array(made[0]["times"]), np.array(made[0]["q"])
    moments = [times[0] + k * 1_000_000_000 // 4 for k in range(report.frames)]
    expected = [max(i for i, time in enumerate(times) if time <= moment) for moment in moments]
    table = pq.read_table(tmp_path / "d" / DATA)
    assert table.column("sinew.time_ns").to_pylist() == times[expected].tolist()
    assert np.array_equal(np.array(table.column("observation.state").to_pylist(), np.float32), q[expected].astype(np.float32))
    # The action is what the robot was told until the next frame.
    until = [max(i for i, time in enumerate(times) if time <= moment) for moment in moments[1:]] + [29]
    assert np.array_equal(np.array(table.column("action").to_pylist(), np.float32), np.array(made[0]["action"])[until].astype(np.float32))


def test_curation_leaves_out(tmp_path):
    made = record(tmp_path / "a.mcap")
    verdicts = [{"index": 0, "verdict": "keep", "frames": [[4, 6, "reject", "blurred"]]}, {"index": 1, "verdict": "reject", "frames": []}]
    (tmp_path / "c.json").write_text(json.dumps({"format": 1, "files": [{"file": "a.mcap", "episodes": verdicts}]}))
    report = dataset.export_lerobot([tmp_path / "a.mcap"], tmp_path / "d", images="image", curation=tmp_path / "c.json")
    assert report.episodes == 3 and any("episode 1" in note for note in report.notes) and any("3 of 12 frames" in note for note in report.notes)
    table = pq.read_table(tmp_path / "d" / DATA)
    kept = [*range(4), *range(7, 12)]
    assert np.bincount(table.column("episode_index").to_numpy()).tolist() == [4, 5, 20]
    assert table.column("sinew.time_ns").to_pylist() == [made[0]["times"][i] for i in kept] + made[2]["times"]
    pictures = [made[0]["images"]["front"][i] for i in kept] + made[2]["images"]["front"]
    for item, picture in zip(table.column("observation.images.front").to_pylist(), pictures, strict=True):
        assert np.array_equal(images.pixels(item["bytes"]), picture)


def test_command_line(tmp_path, capsys):
    record(tmp_path / "a.mcap")
    arguments = ["export", str(tmp_path / "a.mcap"), "--to", "lerobot", str(tmp_path / "d"), "--images", "none"]
    assert cli.main(arguments) == 0 and "3 episodes, 37 frames at 10 per second" in capsys.readouterr().out
    before = contents(tmp_path / "d")
    assert cli.main(arguments) == 1 and "--overwrite" in capsys.readouterr().err and contents(tmp_path / "d") == before
    assert cli.main([*arguments, "--overwrite"]) == 0 and contents(tmp_path / "d") == before
    assert cli.main(["import", "lerobot-dataset", str(tmp_path / "d"), str(tmp_path / "b.mcap")]) == 0
    assert cli.main(["import", "lerobot-dataset", str(tmp_path), str(tmp_path / "c.mcap")]) == 1 and "meta/info.json" in capsys.readouterr().err
