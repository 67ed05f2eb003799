# SPDX-License-Identifier: Apache-2.0
"""A robot description of your own: own_urdf.py [URDF BASE TIP]."""

import sys
from pathlib import Path

import numpy as np

from sinew import kinematics as kin

# docs: begin urdf
ROBOTS = Path(__file__).resolve().parents[2] / "models" / "robots"
urdf, base, tip = sys.argv[1:] or (ROBOTS / "ur5e.urdf", "base_link", "tool0")

arm = kin.Chain.from_urdf(urdf, base, tip)
for warning in arm.warnings:  # what is odd about the description, with the line
    print(warning)
for name, lower, upper, source in zip(arm.joint_names, arm.lower, arm.upper, arm.limit_sources):
    print(f"{name} {lower:.3f} {upper:.3f} {source}")

base_from_tip = kin.forward(arm, arm.neutral)
base_from_tip[2, 3] -= 0.05  # m
found = kin.inverse(arm, base_from_tip, arm.neutral)
print(found.status, "in", found.iterations, "iterations:", np.round(found.q, 3))
# docs: end urdf
assert found
