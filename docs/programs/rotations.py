# SPDX-License-Identifier: Apache-2.0
"""Finds the layout of a data set's rotations, as docs/conventions.md shows it."""

from pathlib import Path

import numpy as np

from sinew import kinematics as kin

ROBOTS = Path(__file__).resolve().parents[2] / "models" / "robots"
chain = kin.Chain.from_urdf(ROBOTS / "panda.urdf", "panda_link0", "panda_hand_tcp")
recorded_joints = np.random.default_rng(0).uniform(chain.lower, chain.upper, (50, 7))
# A data set that does not say what its four numbers are: here scalar first, as MuJoCo writes them.
recorded_rotations = np.stack([kin.rotation.from_matrix(kin.forward(chain, q)[:3, :3], "wxyz") for q in recorded_joints])

# docs: begin detect
poses = [kin.forward(chain, q) for q in recorded_joints]
found = kin.rotation.detect(recorded_rotations, [pose[:3, :3] for pose in poses])
print(found.ranked[0], "ambiguous" if found.ambiguous else "")
# docs: end detect
assert "wxyz" in str(found.ranked[0]) and not found.ambiguous
