# SPDX-License-Identifier: Apache-2.0
"""`sinew demo` and `sinew inspect` as a user runs them; every file that the demo leaves is opened and looked into."""

import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from page_outline import Outline

import sinew

PACKAGE = Path(sinew.__file__).parent
MODEL = PACKAGE / "models" / "tabletop_demonstrator"
SHIPPED = PACKAGE / "models" / "tabletop"
EPISODES = 3
DOF = 8

needs_simulator = pytest.mark.skipif(not list(PACKAGE.glob("_sinew_sim*")), reason="built without SINEW_SIM")
needs_av = pytest.mark.skipif(importlib.util.find_spec("av") is None, reason="PyAV is not installed")


def run_sinew(*arguments, **environment):
    variables = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "MPLBACKEND": "Agg", **environment}
    return subprocess.run([sys.executable, "-m", "sinew", *map(str, arguments)], capture_output=True, text=True, timeout=600, env=variables)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """The demo, run once: its folder and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    done = run_sinew("demo", "--headless", "--episodes", EPISODES, "--seed", 0, "--output", folder)
    succeeded = done.stdout.count(": success after")
    # A learned policy may miss one: how often it does is measured elsewhere, and differs with the rounding of a processor's bf16 products.
    assert succeeded >= EPISODES - 1 and done.returncode == (0 if succeeded == EPISODES else 1), done.stdout + done.stderr
    return folder, done.stdout


@needs_simulator
def test_one_line_says_how_many_episodes_succeeded(outputs):
    folder, printed = outputs
    lines = printed.strip().splitlines()
    succeeded = len([line for line in lines if ": success after" in line])
    assert lines[-1].startswith(f"{succeeded} of {EPISODES} episodes succeeded")
    assert str(folder) in lines[-1]


@needs_simulator
@needs_av
def test_film_shows_scene_cameras_and_plan(outputs):
    import av

    folder, printed = outputs
    seconds = float(re.search(r"success after ([\d.]+) s", printed)[1])
    for name in ("episode.mp4", *(f"episode-{index:03d}.mp4" for index in range(EPISODES))):
        with av.open(str(folder / name)) as container:
            stream = container.streams.video[0]
            assert (stream.codec_context.width, stream.codec_context.height, stream.codec_context.pix_fmt) == (960, 720, "yuv420p")
            assert stream.average_rate == 20
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        if name == "episode.mp4":
            assert abs(len(frames) - 20 * (seconds + 0.6)) <= 3
        scene, front, wrist, strip = (
            [frame[area] for frame in frames]
            for area in (np.s_[80:480, :704], np.s_[30:264, 704:], np.s_[300:528, 704:], np.s_[528:])
        )
        for view in (scene, front, wrist):
            assert view[0].std() > 10, f"{name}: a picture without content"
            change = np.abs(view[0].astype(int) - view[len(view) // 2]).mean()
            assert change > 1, f"{name}: nothing moves"
        red, green, blue = np.moveaxis(strip[len(strip) // 2].astype(int), 2, 0)
        orange = ((red - blue > 60) & (green - blue > 25)).sum()  # the dots of the plan; limits are red
        assert orange > 200, f"{name}: no plan is drawn"
        assert ((blue - red > 60) & (green - red > 30)).sum() > 200, f"{name}: no measured joints are drawn"
    assert (folder / "episode.mp4").read_bytes() == (folder / "episode-000.mp4").read_bytes()


@needs_simulator
def test_recording_holds_every_stage(outputs):
    mcap_reader = pytest.importorskip("mcap.reader")
    folder, printed = outputs
    counts, commands, outcomes = {}, [], []
    with open(folder / "recording.mcap", "rb") as stream:
        reader = mcap_reader.make_reader(stream, validate_crcs=True)
        card = json.loads(next(iter(reader.iter_attachments())).data)
        for _, channel, message in reader.iter_messages():
            counts[channel.topic] = counts.get(channel.topic, 0) + 1
            if channel.topic == "/command":
                commands.append((message.log_time, json.loads(message.data)["values"]))
                joint_names = json.loads(channel.metadata["joint_names"])
            elif channel.topic == "/event" and json.loads(message.data)["kind"] == "episode":
                outcomes.append(json.loads(json.loads(message.data)["text"]).get("succeeded"))
    assert card == sinew.load_card(str(SHIPPED))
    assert joint_names == card["action"]["joint_names"]
    said = [": success after" in line for line in printed.splitlines() if re.match(rf"\s*\d/{EPISODES} ", line)]
    assert outcomes == [outcome for succeeded in said for outcome in (None, succeeded)]
    assert set(counts) == {"/observation", "/camera/front", "/camera/wrist", "/command", "/chunk", "/event", "/motion"}
    assert counts["/observation"] == counts["/camera/front"] == counts["/camera/wrist"]
    assert 0.9 * counts["/observation"] <= counts["/chunk"] <= counts["/observation"]
    assert counts["/command"] > 15 * counts["/observation"]
    times = np.array([time for time, _ in commands])
    assert (np.diff(times) > 0).all()
    assert np.median(np.diff(times)) == 5_000_000  # 200 Hz
    assert np.isfinite(np.array([values for _, values in commands])).all()


@needs_simulator
def test_report_is_one_page_with_figures_and_tables(outputs):
    folder, _ = outputs
    outline = Outline()
    outline.feed((folder / "report.html").read_text(encoding="utf-8"))
    assert outline.open == []
    assert outline.counts["svg"] == EPISODES + 1  # joints of each episode, durations of the tick
    text = " ".join(outline.text)
    for word in ("observe", "encode", "infer", "decode", "resolve", "median", "p99", "worst", sinew.__version__, "tool_pose", "success", "gripper"):
        assert word in text
    assert not outline.external()
    shares = [float(share) for share in re.findall(r">([\d.]+) %<", (folder / "report.html").read_text(encoding="utf-8"))]
    assert len(shares) == 3 * DOF and max(shares) <= 100.0


@needs_simulator
def test_unknown_colour_is_answered_with_the_known_ones(tmp_path):
    done = run_sinew("demo", "--headless", "--instruction", "put the pink cube on the yellow plate", "--output", tmp_path / "out")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for colour in ("pink", "red", "green", "blue", "yellow", "purple", "white"):
        assert colour in done.stderr
    assert not (tmp_path / "out" / "recording.mcap").exists()


@needs_simulator
def test_without_pyav_the_demo_goes_on_and_says_what_is_missing(tmp_path):
    # A package of that name which cannot be found: what an absent PyAV looks like.
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['av'] = None\n")
    search = os.pathsep.join([str(PACKAGE.parent), str(tmp_path)])
    done = run_sinew("demo", "--headless", "--output", tmp_path / "out", PYTHONPATH=search)
    assert done.returncode == 0, done.stderr
    assert "pip install av" in done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["recording.mcap", "report.html"]


def test_missing_package_is_named_with_the_line_that_mends_it(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['matplotlib'] = None\n")
    search = os.pathsep.join([str(PACKAGE.parent), str(tmp_path)])
    done = run_sinew("demo", "--headless", "--output", tmp_path / "out", PYTHONPATH=search)
    assert done.returncode == 1
    assert "matplotlib" in done.stderr and "pip install" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("arguments", [["demo", "--episodes", "0"], ["demo", "--rate", "nan"], ["demo", "--rate", "fast"], ["fly"], []])
def test_mistaken_arguments_exit_with_2_and_no_traceback(arguments):
    done = run_sinew(*arguments)
    assert done.returncode == 2
    assert "usage:" in done.stderr and "Traceback" not in done.stderr


def test_version():
    assert run_sinew("--version").stdout.strip() == f"sinew {sinew.__version__}"


def test_inspect_prints_inputs_and_outputs_with_shapes_and_units():
    done = run_sinew("inspect", MODEL)
    assert done.returncode == 0, done.stderr
    assert re.search(r"in +front +uint8 \[128, 128, 3\] +RGB", done.stdout)
    assert re.search(r"in +tool_pose +float64 \[7\] +m,quat_wxyz", done.stdout)
    assert re.search(r"out +chunk +float64 \[16, 7\] +m, rad", done.stdout)
    assert re.search(r"out +gripper +command +m ", done.stdout)


def test_inspect_prints_the_tensors_where_the_backend_is_at_hand(tmp_path):
    identity = {"mode": "identity", "rule": "", "key": ""}
    card = json.loads((MODEL / "sinew.json").read_text()) | {
        "architecture": "affine",
        "backend": "reference",
        "cameras": [],
        "state": {"channels": [{"name": "joint_position", "unit": "rad", "size": 2, "rate": 100}], "normalization": identity},
        "statistics": {"file": "", "sha256": "", "format": ""},
    }
    card["prompt"]["fields"]["chunk_size"] = "3"
    card["action"] |= {"decoder": "joint_absolute", "joint_names": ["a", "b"], "gripper_names": [], "tool_channel": "", "horizon": 3, "normalization": identity}
    (tmp_path / "sinew.json").write_text(json.dumps(card))
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "affine", "weight": [[0, 0]] * 6, "bias": [0] * 6}))
    done = run_sinew("inspect", tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"out +chunk +float64 \[3, 2\] +rad ", done.stdout)
    assert re.search(r"in +state +f32 \[.*2\]", done.stdout) and re.search(r"out +actions +f32 \[.*3, 2\]", done.stdout)


def test_inspect_names_the_place_of_a_mistake(tmp_path):
    card = json.loads((MODEL / "sinew.json").read_text())
    card["action"]["horizont"] = card["action"].pop("horizon")
    (tmp_path / "sinew.json").write_text(json.dumps(card))
    done = run_sinew("inspect", tmp_path)
    assert done.returncode == 1
    assert "horizont" in done.stderr and "horizon" in done.stderr and "Traceback" not in done.stderr


def test_preview_draws_two_pixels_per_character():
    preview = pytest.importorskip("sinew.preview")
    from rich.console import Console

    image = np.zeros((60, 80, 3), np.uint8)
    image[:30, :, 0] = 255
    image[30:, :, 2] = 255
    small = preview.fit(image, columns=40, rows=15)
    assert small.shape == (30, 40, 3)
    out = io.StringIO()
    Console(file=out, force_terminal=True, color_system="truecolor", width=80).print(preview.HalfBlocks(small[13:17, :2]))
    upper, lower = out.getvalue().splitlines()[:2]
    assert upper.count("▀") == lower.count("▀") == 2
    assert "38;2;248;0;0" in upper and "48;2;248;0;0" in upper  # red above red
    assert "38;2;0;0;248" in lower and "48;2;0;0;248" in lower  # blue above blue


def test_screen_shows_the_camera_then_the_result():
    preview = pytest.importorskip("sinew.preview")
    from rich.console import Console

    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="truecolor", width=100, height=40)
    with preview.Screen(episodes=2, seconds=12.0, picture=True, console=console) as screen:
        assert screen.wants_picture
        screen.begin(0, "put the [red] cube away")
        screen.update(1.5, np.full((64, 64, 3), 128, np.uint8))
        time.sleep(0.3)  # the display refreshes ten times a second
        screen.end(3.7, True, "ok")
    assert "▀" in out.getvalue()
    last = [line for line in re.sub(r"\x1b\[[\d;?]*\w", "", out.getvalue()).splitlines() if line.strip()][-1]
    assert "1/2  put the [red] cube away" in last and "3.7 s  success" in last and "▀" not in last


@needs_av
def test_film_is_readable_where_h264_is_not_compiled_in(tmp_path, monkeypatch):
    import av

    from sinew import video

    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {"libx264"})
    frame = np.full((video.HEIGHT, video.WIDTH, 3), (200, 60, 20), np.uint8)
    with video.VideoWriter(tmp_path / "a.mp4") as writer:
        for _ in range(5):
            writer.add(frame)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"
        frames = [decoded.to_ndarray(format="rgb24") for decoded in container.decode(video=0)]
    assert len(frames) == 5
    assert np.abs(frames[0].astype(int) - frame).max() < 12
