# SPDX-License-Identifier: Apache-2.0
"""Joint targets to the rows of a card's action space: the way back of its decoder."""

from dataclasses import dataclass

import numpy as np

from sinew import action, kinematics
from sinew._errors import error


@dataclass(frozen=True)
class JointTargets:
    """Decoder joint_absolute: positions as they are, rad or m."""

    joints: int

    @property
    def size(self):
        return self.joints

    def rows(self, positions, observation):
        """positions [n, joints] -> [n, size] for the moment of `observation`."""
        return positions


@dataclass(frozen=True)
class ToolTargets:
    """Decoder tool_delta: position (m) and rotation vector (rad) in base axes from the measured tool pose, then the grippers (m)."""

    chain: kinematics.Chain  # base to tool
    grippers: int
    tool_channel: str  # base_from_tool, position and quaternion wxyz

    @property
    def size(self):
        return 6 + self.grippers

    def rows(self, positions, observation):
        arm = positions[:, : self.chain.dof]
        pose = np.asarray(observation.state[self.tool_channel][0])
        start = np.eye(4)
        start[:3, :3] = kinematics.rotation.to_matrix(pose[3:], "wxyz")
        start[:3, 3] = pose[:3]
        targets = kinematics.forward_batch(self.chain, np.ascontiguousarray(arm))
        deltas = action.encode_poses(targets, frame="base", reference="first", rotation="rotvec", base_from_tool=start)
        return np.concatenate([deltas, positions[:, self.chain.dof :]], axis=1)


def make_targets(card, chain=None):
    """For the card's action; `chain` is needed for tool_delta. Raises sinew.Error for a decoder that cannot be trained from joint targets."""
    spec = card["action"]
    if spec["decoder"] == "joint_absolute":
        return JointTargets(len(spec["joint_names"]))
    if spec["decoder"] == "tool_delta":
        if chain is None:
            raise error("invalid_argument", "train", "action", "a chain from base to tool for decoder tool_delta", "none", "--urdf, --base, --tip")
        return ToolTargets(chain, len(spec["gripper_names"]), spec["tool_channel"])
    raise error("unsupported", "train", "action", "decoder joint_absolute or tool_delta", spec["decoder"])
