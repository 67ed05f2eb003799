# SPDX-License-Identifier: Apache-2.0
"""Recordings for the tests of datasets, and what is in them."""

import json
import os
import sys
from pathlib import Path

import numpy as np

import sinew

NAMES = ["j1", "j2", "gripper"]
STAND_IN = Path(__file__).parent / "support_torchvision"


def record(path, lengths=(12, 5, 20), fps=10, cameras=("front",), size=(48, 64), seed=1, start=2.0, jitter=0.0, names=NAMES, marks=True):
    """Random episodes; returns a list of dicts with times, q, dq, action, images, task."""
    rng = np.random.default_rng(seed)
    made, time = [], start
    with sinew.record.Recorder(str(path), joint_names=list(names), overwrite=True) as recorder:
        for index, length in enumerate(lengths):
            task = f"task {index % 2}"
            episode = {"times": [], "q": [], "dq": [], "action": [], "images": {name: [] for name in cameras}, "task": task}
            if marks:
                recorder.add_event(time, "episode", json.dumps({"index": index, "seed": seed, "instruction": task}))
            for i in range(length):
                now = time + (i + jitter * rng.uniform(-1, 1)) / fps
                q, dq, action = rng.standard_normal((3, 3))
                images = {}
                for name in cameras:
                    images[name] = np.repeat(rng.integers(0, 256, (size[0], size[1] // 8, 3), dtype=np.uint8), 8, axis=1)
                    episode["images"][name].append(images[name])
                observation = sinew.Observation(images, {"joint_position": (q, now, "rad"), "joint_velocity": (dq, now, "rad/s")}, task, time=now, id=i + 1)
                recorder.add(observation, command=action)
                for name, value in (("times", round(now * 1e9)), ("q", q), ("dq", dq), ("action", action)):
                    episode[name].append(value)
            if marks:
                recorder.add_event(time + length / fps, "episode", json.dumps({"index": index, "succeeded": index % 2 == 0}))
            time += (length + 7) / fps
            made.append(episode)
    return made


def lerobot():
    """LeRobot's dataset class, or None where it is not installed."""
    import importlib.util

    if importlib.util.find_spec("lerobot") is None:
        return None
    os.environ["HF_HUB_OFFLINE"] = "1"
    if importlib.util.find_spec("torchvision") is None and str(STAND_IN) not in sys.path:
        sys.path.insert(0, str(STAND_IN))
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    return LeRobotDataset


def contents(folder):
    """All files of a dataset, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}
