# SPDX-License-Identifier: Apache-2.0
"""One chunk of tool poses through three action languages and back: camera-frame deltas in 80 dimensions, bins, FAST."""

import numpy as np

import sinew
from sinew import action as act
from sinew import kinematics as kin


def pose(position, rotvec):
    matrix = np.eye(4)
    matrix[:3, :3] = kin.rotation.to_matrix(np.array(rotvec), "rotvec")
    matrix[:3, 3] = position
    return matrix


# Where tool and camera stand now, and 16 poses (m, rad) that the policy wants: a reach with a turn of the wrist; the gripper closes.
steps = np.linspace(0, 1, 16)
base_from_tool = pose([0.40, 0.0, 0.30], [3.14, 0.0, 0.0])
base_from_camera = pose([1.0, 0.2, 0.8], [-2.0, 0.5, 0.4])
targets = np.stack([pose([0.40 + 0.15 * s, 0.1 * np.sin(3 * s), 0.30 - 0.2 * s], [3.14, 0.0, 0.6 * s]) for s in steps])
opening = 1 - np.clip(4 * steps - 2.5, 0, 1)

# 1. Qwen-RobotManip: displacements in camera axes, in the slots of the canonical vector.
deltas = act.encode_poses(targets, "camera", "first", "rotvec", base_from_tool=base_from_tool, base_from_camera=base_from_camera)
canonical = np.stack([act.canonical.pack({"left_tool": d, "left_gripper": [g]})[0] for d, g in zip(deltas, opening)])
_, mask = act.canonical.pack({"left_tool": deltas[0], "left_gripper": [1.0]})
print(f"canonical: {canonical.shape}, {mask.sum()} of 80 dimensions in use")

# What a model sees is normalised; the statistics are those of this one chunk.
rows = np.concatenate([deltas, opening[:, None]], axis=1)
normalizer = sinew.Normalizer({"q01": rows.min(0), "q99": rows.max(0)}, "quantile", "qwen")
chunk = normalizer.forward(rows)

# 2. OpenVLA: one token per number. 3. FAST: the whole chunk as text; the vocabulary is learned from variations of it.
bins = act.BinTokenizer(32000)
rng = np.random.default_rng(1)
fast = act.FastTokenizer.fit([(chunk * rng.uniform(0.3, 1, 7)).astype(np.float32) for _ in range(200)], vocab_size=512, scale=20.0)
languages = {
    "canonical": normalizer.forward(np.concatenate([canonical[:, 7:13], canonical[:, 16:17]], axis=1)),
    "bins": bins.decode(bins.encode(chunk)).astype(np.float32),
    "FAST": fast.decode(fast.encode(chunk), *chunk.shape),
}
tokens = {"canonical": "numbers", "bins": f"{chunk.size} ids", "FAST": f"{len(fast.encode(chunk))} ids"}

for name, decoded in languages.items():
    back = normalizer.inverse(decoded)
    poses = act.decode_poses(back[:, :6], "camera", "first", "rotvec", base_from_tool=base_from_tool, base_from_camera=base_from_camera)
    error = np.abs(poses[:, :3, 3] - targets[:, :3, 3]).max()
    print(f"{name:9} {tokens[name]:8} position off by {1000 * error:.3f} mm, gripper by {np.abs(back[:, 6] - opening).max():.4f}")
