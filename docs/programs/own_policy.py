# SPDX-License-Identifier: Apache-2.0
"""Writes a policy directory for a robot of your own: own_policy.py FOLDER. The robot is an arm of two joints with a gripper.

The "model" is a linear regression (backend `reference`), so that nothing has to be trained: it moves every joint towards a fixed posture.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np

import sinew

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
HORIZON, RATE = 8, 10.0  # steps, Hz
JOINTS = ["shoulder", "elbow", "gripper"]

# docs: begin statistics
# What was measured and commanded while data were recorded, [frames, joints]: here a sweep.
phase = np.linspace(0, 2 * np.pi, 200)
measured = np.stack([np.sin(phase), np.cos(phase), 0.04 + 0.03 * np.sin(3 * phase)], axis=1)
commanded = np.roll(measured, -1, axis=0)


def quantiles(rows):
    return {name: np.quantile(rows, q, axis=0).round(6).tolist() for name, q in (("q01", 0.01), ("q99", 0.99))}


statistics = {"state": quantiles(measured), "action": quantiles(commanded)}
text = json.dumps(statistics, indent=2) + "\n"
(folder / "stats.json").write_text(text)
# docs: end statistics

# docs: begin card
normalization = {"mode": "quantile", "rule": "qwen"}
card = {
    "format_version": "1.2",
    "name": "two joints and a gripper",
    "architecture": "affine",
    "backend": "reference",
    "dtype": "f32",
    "cameras": [],
    "prompt": {"name": "instruction", "fields": {}, "max_bytes": 256},
    "text": None,
    "history": None,
    "state": {
        "channels": [
            {"name": "joint_position", "unit": "rad,m", "size": 3, "rate": 100.0},
        ],
        "normalization": {**normalization, "key": "state"},
    },
    "action": {
        "decoder": "joint_absolute",
        "joint_names": JOINTS,
        "gripper_names": ["gripper"],
        "tool_channel": "",
        "horizon": HORIZON,
        "rate": RATE,
        "normalization": {**normalization, "key": "action"},
        "parts": [],
        "layout": None,
        "tokens": None,
    },
    "statistics": {
        "file": "stats.json",
        "sha256": sha256(text.encode()).hexdigest(),
        "format": "sinew",
    },
    "limits": None,
}
(folder / "sinew.json").write_text(json.dumps(card, indent=2) + "\n")
sinew.load_card(folder / "sinew.json")  # raises sinew.Error with the place
# docs: end card

# Row by row from the state to the posture, all normalised: actions = weight * state + bias.
share = np.linspace(1 / HORIZON, 1, HORIZON)
posture = np.array([0.5, -0.5, 1.0])
weight = np.concatenate([np.diag(np.full(3, 1 - each)) for each in share])
bias = np.concatenate([each * posture for each in share])
(folder / "config.json").write_text(json.dumps({"architecture": "affine", "weight": weight.tolist(), "bias": bias.tolist()}, indent=1) + "\n")

policy = sinew.Policy.load(folder)


def refused(change, *arguments):
    try:
        change(*arguments)
    except sinew.Error as error:
        print(error)
    else:
        raise AssertionError("nothing was refused")


print("== refusals")
# docs: begin refusals
misspelt = json.loads(json.dumps(card))
misspelt["action"]["joint_name"] = misspelt["action"].pop("joint_names")
(folder / "wrong.json").write_text(json.dumps(misspelt))
refused(sinew.load_card, folder / "wrong.json")  # refused() prints the error

degrees = {"joint_position": ([10.0, 20.0, 0.05], 0.0, "deg,m")}  # values, when, unit
refused(policy.act, sinew.Observation({}, degrees, "move", time=0.0))
refused(policy.act, sinew.Observation({}, {}, "move", time=0.0))
# docs: end refusals
(folder / "wrong.json").unlink()
