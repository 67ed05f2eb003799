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

    @property
    def mask(self):
        """Bool [size]: the columns that the robot takes. The others are 0, and training does not count them."""
        return np.ones(self.size, bool)

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

    @property
    def mask(self):
        return np.ones(self.size, bool)

    def rows(self, positions, observation):
        arm = positions[:, : self.chain.dof]
        targets = kinematics.forward_batch(self.chain, np.ascontiguousarray(arm))
        start = _matrix(observation.state[self.tool_channel][0])
        deltas = action.encode_poses(targets, frame="base", reference="first", rotation="rotvec", base_from_tool=start)
        return np.concatenate([deltas, positions[:, self.chain.dof :]], axis=1)


@dataclass(frozen=True)
class PartsTargets:
    """Decoder parts: each part's numbers in the columns that the card's layout has for it, of a canonical vector or of a padded one."""

    spec: dict  # the card's action
    chain: kinematics.Chain | None = None  # base to tool, for a part that is a tool

    @property
    def size(self):
        layout, parts = self.spec["layout"], self.spec["parts"]
        return layout["width"] if layout else sum(map(_part_size, parts))

    @property
    def mask(self):
        mask = np.zeros(self.size, bool)
        for part, columns in self._places():
            mask[columns] = "unused" not in part
        return mask

    def rows(self, positions, observation):
        """Rows of the tensor, which may be more than positions: the last ones are 0 then."""
        layout = self.spec["layout"]
        rows = np.zeros((layout["rows"] if layout else len(positions), self.size))
        joint = self.chain.dof if self.chain else 0  # those of the arm come first
        for part, columns in self._places():
            taken = 0 if "tool" in part or "unused" in part else len(columns)
            rows[: len(positions), columns] = self._numbers(part, positions, positions[:, joint : joint + taken], observation)
            joint += taken
        return rows

    def _places(self):
        """Each part with its columns of the tensor."""
        layout, parts = self.spec["layout"], self.spec["parts"]
        columns = np.arange(sum(map(_part_size, parts)))
        if layout and layout["name"] == "canonical":
            ranges = action.canonical.ranges()
            columns = np.concatenate([ranges[slot["part"]][0] + np.arange(slot["size"]) for slot in layout["slots"]])
        ends = np.cumsum([_part_size(part) for part in parts])
        return zip(parts, np.split(columns, ends[:-1]), strict=True)

    def _numbers(self, part, positions, own, observation):
        """[n, columns] of one part; `own`: its joints among `positions`."""
        if "tool" in part:
            return self._tool(part["tool"], positions, observation)
        if "gripper" in part:
            opening = (own - part["gripper"]["closed"]) / (part["gripper"]["open"] - part["gripper"]["closed"])
            return action.convert_gripper(opening.clip(0, 1), "opening", part["gripper"]["convention"])
        if "joints" in part and part["joints"]["relative_to"]:
            state = np.asarray(observation.state[part["joints"]["relative_to"]][0])
            return own - state[part["joints"]["first"] :][: part["joints"]["size"]]
        return own if "joints" in part else 0.0

    def _tool(self, tool, positions, observation):
        targets = kinematics.forward_batch(self.chain, np.ascontiguousarray(positions[:, : self.chain.dof]))
        frame, poses = tool["frame"], {}
        if tool["channel"]:
            poses["base_from_tool"] = _matrix(observation.state[tool["channel"]][0])
        if frame == "camera" and tool["camera_optional"] and tool["camera"] not in observation.state:
            frame = "base"  # as the decoder reads it without a calibration
        elif frame == "camera":
            poses["base_from_camera"] = _matrix(observation.state[tool["camera"]][0])
        rows = action.encode_poses(targets, frame=frame, reference=tool["reference"], rotation=tool["rotation"], **poses)
        rows[:, :3] /= tool["position_scale"]
        rows[:, 3:] /= tool["rotation_scale"]
        return rows


def _matrix(pose):
    """Position and quaternion wxyz [7] as [4, 4]."""
    pose, matrix = np.asarray(pose), np.eye(4)
    matrix[:3, :3] = kinematics.rotation.to_matrix(pose[3:], "wxyz")
    matrix[:3, 3] = pose[:3]
    return matrix


def _part_size(part):
    if "tool" in part:
        rotation = part["tool"]["rotation"]
        return 3 + (6 if rotation.startswith("rot6d") else 4 if rotation in ("xyzw", "wxyz") else 3)
    return 1 if "gripper" in part else part["joints" if "joints" in part else "unused"]["size"]


def _parts_targets(spec, chain):
    parts = spec["parts"]
    if any("waypoint" in part for part in parts) or (spec["tokens"] or {}).get("language") == "bins":
        raise error("unsupported", "train", "action", "parts that are joints, tools and grippers, as numbers or FAST", "waypoints or bins")
    if any(part.get("normalization") for part in parts):
        raise error("unsupported", "train", "action", "one normalisation, of the whole row", "parts with their own")
    tools = sum("tool" in part for part in parts)
    if tools > 1:
        raise error("unsupported", "train", "action", "at most one tool", f"{tools}", "or the arms as joints")
    arm = len(spec["joint_names"]) - sum(_part_size(part) for part in parts if "joints" in part or "gripper" in part)
    if tools and (chain is None or chain.dof != arm):
        got = f"one of {chain.dof}" if chain else "none"
        raise error("invalid_argument", "train", "action", f"a chain of the {arm} joints of the tool's arm", got, "--urdf, --base, --tip")
    return PartsTargets(spec, chain if tools else None)


def make_targets(card, chain=None):
    """For the card's action; `chain` is needed for tools. Raises sinew.Error for a decoder that cannot be trained from joint targets."""
    spec = card["action"]
    if spec["decoder"] == "joint_absolute":
        return JointTargets(len(spec["joint_names"]))
    if spec["decoder"] == "tool_delta":
        if chain is None:
            raise error("invalid_argument", "train", "action", "a chain from base to tool for decoder tool_delta", "none", "--urdf, --base, --tip")
        arm = len(spec["joint_names"]) - len(spec["gripper_names"])
        if chain.dof != arm:
            raise error("invalid_argument", "train", "action", f"a chain of the arm's {arm} joints", f"one of {chain.dof}", "--urdf, --base, --tip")
        return ToolTargets(chain, len(spec["gripper_names"]), spec["tool_channel"])
    if spec["decoder"] == "parts":
        return _parts_targets(spec, chain)
    raise error("unsupported", "train", "action", "decoder joint_absolute, tool_delta or parts", spec["decoder"])
