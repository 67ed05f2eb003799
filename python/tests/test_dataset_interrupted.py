# SPDX-License-Identifier: Apache-2.0
"""An export that is killed, or finds no room, leaves nothing that looks whole, and goes on to the dataset of an uninterrupted one."""

import io
import os
import random
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("av")

import PIL.Image
import pyarrow.parquet
from dataset_recordings import contents, record

import sinew
from sinew import cli

KILLS = 16  # of each form: 32
SEED = int(os.environ.get("SINEW_TEST_SEED", "1"))


def command(source, target, images, *more):
    code = "import sys; from sinew import cli; sys.exit(cli.main(sys.argv[1:]))"
    return [sys.executable, "-c", code, "export", str(source), "--to", "lerobot", str(target), "--images", images, *more]


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("recording") / "a.mcap"
    record(path, lengths=(25,) * 8, size=(64, 64))
    return path


@pytest.mark.parametrize("images", ["image", "video"])
def test_killed_at_any_moment_it_goes_on_to_the_same_dataset(recording, tmp_path, images):
    print(f"seed {SEED}")
    moments = random.Random(SEED)
    whole, target = tmp_path / "whole", tmp_path / "d"
    begin = time.monotonic()
    subprocess.run(command(recording, whole, images), check=True, stdout=subprocess.DEVNULL)
    duration = time.monotonic() - begin
    expected = contents(whole)
    kills = runs = 0
    while kills < KILLS and runs < 6 * KILLS:
        runs += 1
        process = subprocess.Popen(command(recording, target, images, "--resume"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moments.uniform(0.3, 1.0) * duration)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
        if target.exists():  # it is there only when all of it is
            assert contents(target) == expected
            subprocess.run(["rm", "-r", str(target)], check=True)
    subprocess.run(command(recording, target, images, "--resume"), check=True, stdout=subprocess.DEVNULL)
    assert contents(target) == expected and kills == KILLS


def test_without_room_it_says_so_and_goes_on_later(recording, tmp_path):
    whole, target = tmp_path / "whole", tmp_path / "d"
    subprocess.run(command(recording, whole, "image"), check=True, stdout=subprocess.DEVNULL)
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000,) * 2)  # noqa: E731
    refused = subprocess.run(command(recording, target, "image"), capture_output=True, text=True, preexec_fn=limit)
    assert refused.returncode == 1 and "Traceback" not in refused.stderr and refused.stderr.startswith("sinew") and not target.exists()
    subprocess.run(command(recording, target, "image", "--resume"), check=True, stdout=subprocess.DEVNULL)
    assert contents(target) == contents(whole)


def test_jpegs_go_into_the_dataset_as_they_came(tmp_path):
    rng, jpegs = np.random.default_rng(1), []
    with sinew.record.Recorder(tmp_path / "a.mcap", joint_names=["a", "b"], wait_for_room=True) as recorder:
        for frame in range(6):
            buffer = io.BytesIO()
            PIL.Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)).save(buffer, "JPEG", quality=85)
            jpegs.append(buffer.getvalue())
            state = {"joint_position": (rng.standard_normal(2), 1 + frame / 10, "rad")}
            recorder.add(sinew.Observation({"front": jpegs[-1]}, state, "go", time=1 + frame / 10), command=rng.standard_normal(2))
    assert cli.main(["export", str(tmp_path / "a.mcap"), "--to", "lerobot", str(tmp_path / "d"), "--images", "image"]) == 0
    (file,) = (tmp_path / "d/data").rglob("*.parquet")
    images = pyarrow.parquet.read_table(file).column("observation.images.front").to_pylist()
    assert [image["bytes"] for image in images] == jpegs
    assert cli.main(["import", "lerobot-dataset", str(tmp_path / "d"), str(tmp_path / "b.mcap")]) == 0
    contents_read = [item.content for item in sinew.record.read(tmp_path / "b.mcap", decode_jpeg=False)]
    assert [content.jpegs["front"] for content in contents_read if isinstance(content, sinew.Observation)] == jpegs


@pytest.mark.parametrize("what", ["no frame", "another size", "no command"])
def test_what_is_no_dataset_is_refused_with_its_place(tmp_path, what, capsys):
    rng = np.random.default_rng(2)
    with sinew.record.Recorder(tmp_path / "a.mcap", wait_for_room=True) as recorder:
        for frame in range(0 if what == "no frame" else 5):
            side = 32 if what == "another size" and frame == 3 else 16
            cameras = {"front": rng.integers(0, 256, (side, side, 3), dtype=np.uint8)}
            observation = sinew.Observation(cameras, {"joint_position": (rng.standard_normal(2), None, "rad")}, "go", time=1 + frame / 10)
            recorder.add(observation, command=None if what == "no command" else rng.standard_normal(2))
    code = cli.main(["export", str(tmp_path / "a.mcap"), "--to", "lerobot", str(tmp_path / "d")])
    said = capsys.readouterr()
    assert code in (1, 2) and not (tmp_path / "d").exists()
    assert "expected" in said.err and "got" in said.err, said.err
