# SPDX-License-Identifier: Apache-2.0
"""Where a Panda's hand is, how it moves, and which joint positions bring it elsewhere; then 4096 configurations at once."""

import time
from pathlib import Path

import numpy as np

from sinew import kinematics as kin

ROBOTS = Path(__file__).resolve().parents[1] / "models" / "robots"
arm = kin.Chain.from_urdf(ROBOTS / "panda.urdf", "panda_link0", "panda_hand_tcp")
q = np.array([0, -0.3, 0, -2.2, 0, 2.0, 0.785])  # rad

# Joint positions -> pose of the hand.
base_from_hand = kin.forward(arm, q)
print("hand at         ", base_from_hand[:3, 3].round(3), "m")

# Joint velocities -> velocity of the hand, by columns of the Jacobian.
J = kin.jacobian(arm, q)
print("all at 0.1 rad/s", (J[:3] @ np.full(7, 0.1)).round(3), "m/s")

# Pose -> joint positions, from where the arm is now.
base_from_target = base_from_hand.copy()
base_from_target[2, 3] -= 0.05
ik = kin.inverse(arm, base_from_target, q, tolerance=1e-6)
print("5 cm lower      ", ik.status, "after", ik.iterations, "iterations, joints move at most", np.abs(ik.q - q).max().round(3), "rad")
assert ik

# Only where the hand points counts: the turn about its own z axis is free.
assert kin.inverse(arm, base_from_target, q, task="free_yaw")

# Many configurations: rows in, 4 x 4 matrices out.
rows = np.random.default_rng(0).uniform(arm.lower, arm.upper, (4096, 7))
poses = np.empty((4096, 4, 4))
start = time.perf_counter()
kin.forward_batch(arm, rows, out=poses)
elapsed = time.perf_counter() - start
print("4096 poses      ", round(1e6 * elapsed), "us, the highest at", poses[:, 2, 3].max().round(3), "m")
