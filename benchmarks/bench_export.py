# SPDX-License-Identifier: Apache-2.0
"""Export of recordings as LeRobot datasets (R4): `sinew export` against LeRobot's own writer on the same episodes, without films.

python benchmarks/bench_export.py [--json FILE] [--filter TEXT] [--min-time SECONDS]

Ours reads the recording, checks it, writes, syncs and publishes. Theirs gets the frames in memory: add_frame, save_episode, finalize.
It does not write the column of exact times: with NumPy 2.4 it fails on integers of shape [1].
"""

import argparse
import importlib.metadata
import importlib.util
import json
import logging
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np

import sinew
from sinew import dataset
from sinew.dataset.features import DEFAULTS, TIME

FPS, DOF = 30, 14


def calibration():
    """Seconds of a fixed loop, to see whether the machine changed its pace."""
    start = time.perf_counter()
    values = np.arange(200_000, dtype=float)
    for _ in range(100):
        values = np.sqrt(values * values + 1.0)
    return time.perf_counter() - start


def pictures(names, size, count):
    """Rendered pictures of the tabletop, uint8 [height, width, 3], by camera; noise-like ones where there is no simulator."""
    from sinew import sim

    robot, found = sim.MujocoRobot.tabletop(seed=5), {name: [] for name in names}
    for seed in range(count):
        robot.reset(seed)
        for name in names:
            found[name].append(robot.render(name, size))
    return found


def record(path, episodes, length, cameras=None):
    """A recording of smooth random motion; returns its frames as LeRobot's writer wants them, by episode."""
    rng = np.random.default_rng(7)
    names = [f"joint_{i}" for i in range(DOF)]
    made = []
    with sinew.record.Recorder(str(path), joint_names=names, overwrite=True) as recorder:
        for index in range(episodes):
            start = index * (length + 30) / FPS
            recorder.add_event(start, "episode", json.dumps({"index": index, "instruction": "put the red cube on the yellow plate"}))
            q = rng.standard_normal(DOF) + 0.02 * np.cumsum(rng.standard_normal((length + 1, DOF)), axis=0)
            frames = []
            for i in range(length):
                now, velocity, pose = start + i / FPS, (q[i + 1] - q[i]) * FPS, rng.standard_normal(7)
                images = {name: taken[(index * length + i) % len(taken)] for name, taken in (cameras or {}).items()}
                state = {"joint_position": (q[i], now, "rad"), "joint_velocity": (velocity, now, "rad/s"), "tool_pose": (pose, now, "m,quat_wxyz")}
                recorder.add(sinew.Observation(images, state, "put the red cube on the yellow plate", time=now, id=i + 1), command=q[i + 1])
                frame = {"observation.state": q[i], "observation.joint_velocity": velocity, "observation.tool_pose": pose, "action": q[i + 1]}
                frame = {name: values.astype(np.float32) for name, values in frame.items()}
                frames.append(frame | {f"observation.images.{name}": image for name, image in images.items()})
            recorder.add_event(start + length / FPS, "episode", json.dumps({"index": index, "succeeded": True}))
            made.append(frames)
    return made


class LeRobot:
    """Their writer."""

    def __init__(self):
        stand_in = pathlib.Path(__file__).parent.parent / "python/tests/support_torchvision"
        if importlib.util.find_spec("torchvision") is None:
            sys.path.insert(0, str(stand_in))
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        logging.disable(logging.WARNING)
        import datasets
        from lerobot.datasets.lerobot_dataset import LeRobotDataset

        datasets.disable_progress_bars()
        self.kind = LeRobotDataset
        self.name = f"lerobot {importlib.metadata.version('lerobot')}"

    def write(self, folder, features, episodes, threads):
        shutil.rmtree(folder, ignore_errors=True)
        made = self.kind.create("bench/export", FPS, features, root=folder, use_videos=False, image_writer_threads=threads)
        for frames in episodes:
            for frame in frames:
                made.add_frame(dict(frame, task="put the red cube on the yellow plate"))
            made.save_episode()
        made.finalize()
        made.stop_image_writer()


def same(ours, theirs, cameras):
    """Whether both datasets hold the same frames, images compared by their pixels."""
    import pyarrow.parquet as pq
    from sinew.dataset.images import pixels

    mine, other = (pq.read_table(folder / "data/chunk-000/file-000.parquet") for folder in (ours, theirs))
    names = [name for name in other.column_names if name not in cameras]
    for name in names:
        flat = [np.asarray(table.column(name).to_pylist()) for table in (mine, other)]
        if not np.array_equal(*flat):
            return False
    for name in cameras:
        for a, b in zip(mine.column(name).to_pylist()[::7], other.column(name).to_pylist()[::7]):
            if not np.array_equal(pixels(a["bytes"]), pixels(b["bytes"])):
                return False
    return set(mine.column_names) == {*other.column_names, TIME}


def row(identifier, what, seconds, frames, **more):
    at = lambda share: float(seconds[int(share * (len(seconds) - 1))]) / frames * 1e6
    result = {"id": identifier, "what": what, "unit": "us", "ours": at(0.5), "ours_p99": at(0.99), "ours_worst": at(1.0), "baseline": "absent",
              "theirs": None, "ratio": None, "bound": "≥ 3", "pass": None, "checked": False, "n": len(seconds), "note": ""}
    return result | more


def measure(folder, identifier, what, made, lerobot, min_time, repetitions, cameras=()):
    """One row: both writers in turn, on the same episodes."""
    frames = sum(len(episode) for episode in made)
    ours, theirs = folder / "ours", folder / "theirs"
    features = None

    def run_ours():
        dataset.export_lerobot([folder / "a.mcap"], ours, images="image" if cameras else "none", overwrite=True)

    run_ours()
    if lerobot is not None:
        features = {name: dict(feature, shape=tuple(feature["shape"])) for name, feature in json.loads((ours / "meta/info.json").read_text())["features"].items()}
        features = {name: feature for name, feature in features.items() if name not in DEFAULTS and name != TIME}
    variants = {0: []} | ({4 * len(cameras): []} if cameras else {})
    mine, checked = [], False
    while len(mine) < repetitions or sum(mine) < min_time:
        start = time.perf_counter()
        run_ours()
        mine.append(time.perf_counter() - start)
        for threads, spent in variants.items() if lerobot is not None else ():
            start = time.perf_counter()
            lerobot.write(theirs, features, made, threads)
            spent.append(time.perf_counter() - start)
        if lerobot is not None and not checked:
            checked = same(ours, theirs, cameras)
            if not checked:
                break
    mine = np.sort(mine)
    if lerobot is None:
        return row(identifier, what, mine, frames, note="lerobot is not installed")
    threads, best = min(((threads, float(np.median(spent))) for threads, spent in variants.items()), key=lambda item: item[1])
    ratio = best / float(np.median(mine))
    note = f"{frames} frames, {frames / float(np.median(mine)):.0f} per second; ours reads the recording, theirs has the frames in memory"
    if cameras:
        note += f"; theirs is the better of no image threads and {4 * len(cameras)}: {threads}"
    return row(identifier, what, mine, frames, baseline=lerobot.name, theirs=best / frames * 1e6, ratio=ratio, checked=checked, note=note) | {"pass": ratio >= 3}


def rows(options, folder):
    lerobot = None
    if importlib.util.find_spec("lerobot") is not None:
        lerobot = LeRobot()
    else:
        print("bench_export: lerobot is not installed, no baseline", file=sys.stderr)
    if options.filter in "R4/numbers":
        made = record(folder / "a.mcap", 8, 300)
        yield measure(folder, "R4/numbers", "export of a frame, 14 joints, no cameras", made, lerobot, options.min_time, 31)
    for identifier, names, size, length, repetitions in (
        ("R4/images_128", ("front", "wrist"), (128, 128), 20, 31),
        ("R4/images_640x480", ("front", "wrist", "video"), (480, 640), 5, 31),
    ):
        if options.filter in identifier:
            made = record(folder / "a.mcap", 2, length, pictures(names, size, 30))
            what = f"export of a frame, 14 joints, {len(names)} cameras {size[1]}x{size[0]} as lossless images"
            cameras = [f"observation.images.{name}" for name in names]
            yield measure(folder, identifier, what, made, lerobot, options.min_time, repetitions, cameras)


def processor():
    """As Linux names it."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def commit():
    """Of the sources; "" outside of a clone."""
    said = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=pathlib.Path(__file__).parent, capture_output=True, text=True)
    return said.stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpp", help="ignored; scripts/bench gives it to every program")
    parser.add_argument("--json")
    parser.add_argument("--filter", default="")
    parser.add_argument("--min-time", type=float, default=0.5)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    load, before = os.getloadavg()[0], min(calibration() for _ in range(5))
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for one in rows(options, pathlib.Path(folder)):
            found.append(one)
            theirs, ratio = (f"{value:.4g}" if value else "-" for value in (one["theirs"], one["ratio"]))
            print(f"{one['id']:<20} {one['ours']:.4g} us  {one['baseline']} {theirs}  ratio {ratio}  bound {one['bound']}"
                  f"  {'met' if one['pass'] else 'MISSED'}  {'checked' if one['checked'] else 'NOT CHECKED'}  {one['note']}")
    drift = min(calibration() for _ in range(5)) / before - 1
    if options.json:
        info = sinew.build_info()
        machine = {"cpu": processor(), "isa": info["isa"], "cores": os.cpu_count(), "governor": "", "load_before": load, "calibration_drift": drift}
        compiler = f"{info['compiler']}, Python {platform.python_version()}, sinew {info['version']}"
        build = {"compiler": compiler, "type": "Release", "flags": "", "commit": commit()}
        pathlib.Path(options.json).write_text(json.dumps({"machine": machine, "build": build, "rows": found}) + "\n")
    return 0 if all(one["pass"] is not False and (one["checked"] or one["baseline"] == "absent") for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
