# SPDX-License-Identifier: Apache-2.0
"""One scene, three families: what the same cameras, words and joints become for Qwen3-VL, pi0.5 and GR00T N1.7."""

import json
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

import sinew
from sinew import observation as obs

MODELS = Path(__file__).resolve().parents[1] / "models"

y, x, channel = np.mgrid[0:480, 0:640, 0:3]
frame = ((x + 2 * y + 85 * channel) % 256).astype(np.uint8)  # a gradient, so that the example needs no camera
joints = [0.0, -0.3, 0.0, -0.9, 0.0, 0.8, 0.4, 0.04]  # rad, the gripper in m
tool = [0.4, 0.0, 0.3, 1.0, 0.0, 0.0, 0.0]  # m, quaternion wxyz
observation = sinew.Observation({"front": frame, "wrist": frame}, {"joint_position": joints, "tool_pose": tool}, "put the red cube on the yellow plate")

# A card says what a policy was trained on. Here one card is changed to three families' ways.
card = json.loads((MODELS / "tabletop_demonstrator" / "sinew.json").read_text())
families = {
    "qwen3_vl": {"name": "qwen_chat", "fields": {"family": "qwen3_vl"}, "max_bytes": 1024},
    "pi05": {"name": "pi05", "fields": {}, "max_bytes": 1024},
    "groot_n17": {"name": "groot", "fields": {}, "max_bytes": 1024},
}
with tempfile.TemporaryDirectory() as folder:
    shutil.copy(MODELS / "tabletop_demonstrator" / "stats.json", folder)
    for processor, prompt in families.items():
        for camera in card["cameras"]:
            camera.update(processor=processor, height=480, width=640)
        card["prompt"] = prompt
        (Path(folder) / "sinew.json").write_text(json.dumps(card))
        encoder = obs.VlaEncoder.from_directory(folder)
        encoder.encode(observation)
        start = time.perf_counter()
        tensors = encoder.encode(observation)
        print(f"{processor}, {1e6 * (time.perf_counter() - start):.0f} us")
        for name, tensor in tensors.items():
            print(f"  {name} {tensor.dtype} {list(tensor.shape)}")
        print(" ", repr(bytes(tensors["prompt"]).decode()))
