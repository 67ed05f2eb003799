# SPDX-License-Identifier: Apache-2.0
"""Forward kinematics and Jacobians of every arm in PyPI example-robot-data, against Pinocchio."""

import importlib.metadata
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import sinew
from sinew import kinematics as kin

COUNT = 10_000  # random configurations per chain
TOLERANCE = 1e-12  # times max(1, reach in m)

# Files that are refused, and why. A file that is new here, or no longer, is something to look at.
REFUSED = {
    "alex_description/urdf/alex_psyonic_hands.urdf": "joint 'Left_index_q2' mimic: expected the name of a joint, got 'index_q1'",
    "ur_description/urdf/ur3.urdf": r"expected at least one link, got no links \(an unexpanded xacro file\? expand it first\)",
}
# Files that are read, but in which no path has two joints that move: multicopters.
NO_ARM = {"hector_description/robots/quadrotor_base.urdf", "iris_description/robots/iris.urdf", "iris_description/robots/iris_simple.urdf"}
# Tool frames that people command, beside the end of the longest path.
TOOLS = {
    *("panda_hand_tcp", "tool0", "ee_link", "gripper_frame_link", "j2s6s200_end_effector", "gripperStator"),
    *("r_gripper_tool_frame", "l_gripper_tool_frame", "left_gripper", "right_gripper", "l_gripper", "r_gripper"),
    *("arm_tool_link", "hand_tool_link", "arm_left_tool_link", "arm_right_tool_link", "hand_left_tool_link", "hand_right_tool_link"),
    *("wrist_left_ft_tool_link", "wrist_right_ft_tool_link", "gripper_left_base_link", "gripper_right_base_link"),
}


class Tree:
    """A URDF read without Sinew: who is whose parent, and what drives a joint."""

    def __init__(self, file):
        robot = ElementTree.parse(file).getroot()
        self.links = [link.get("name") for link in robot.findall("link")]
        self.joints = {joint.get("name"): joint for joint in robot.findall("joint")}
        self.above = {joint.find("child").get("link"): joint for joint in self.joints.values()}

    def root(self):
        return next(link for link in self.links if link not in self.above)

    def moving(self, link):
        """Names of the joints that move between the root and the link."""
        names = []
        while (joint := self.above.get(link)) is not None:
            if joint.get("type") != "fixed":
                names.insert(0, joint.get("name"))
            link = joint.find("parent").get("link")
        return names

    def drive(self, joint):
        """(driver, multiplier, offset); mimics of mimics are resolved."""
        multiplier, offset = 1.0, 0.0
        while (mimic := self.joints[joint].find("mimic")) is not None:
            offset += multiplier * float(mimic.get("offset", 0))
            multiplier *= float(mimic.get("multiplier", 1))
            joint = mimic.get("joint")
        return joint, multiplier, offset

    def tips(self):
        """The end of the longest path, then the tool frames."""
        longest = max(self.links, key=lambda link: len(self.moving(link)))
        return [tip for tip in dict.fromkeys([longest, *self.links]) if (tip == longest or tip in TOOLS) and len(self.moving(tip)) > 1]


def robots():
    """Path below robots/ -> file. Empty where the distribution is not installed."""
    try:
        files = importlib.metadata.files("example-robot-data")
    except importlib.metadata.PackageNotFoundError:
        return {}
    return {str(file).split("/robots/", 1)[1]: Path(file.locate()) for file in files if file.suffix == ".urdf"}


ROBOTS = robots()
TREES = {name: Tree(file) for name, file in ROBOTS.items() if name not in REFUSED}
CHAINS = [(name, tip) for name, tree in sorted(TREES.items()) if name not in NO_ARM for tip in tree.tips()]
needs_robots = pytest.mark.skipif(not ROBOTS, reason="example-robot-data is not installed")


def random_q(chain, count):
    rng = np.random.default_rng(20260101)
    lower, upper = np.where(chain.continuous, -np.pi, chain.lower), np.where(chain.continuous, np.pi, chain.upper)
    return rng.uniform(lower, upper, (count, chain.dof))


@needs_robots
def test_the_set_is_the_one_these_lists_were_written_for():
    assert len(ROBOTS) == 69
    assert REFUSED.keys() <= ROBOTS.keys() and NO_ARM <= ROBOTS.keys()
    assert {name for name, _ in CHAINS} == ROBOTS.keys() - REFUSED.keys() - NO_ARM


@needs_robots
@pytest.mark.parametrize("name", REFUSED)
def test_refusals_say_why(name):
    with pytest.raises(sinew.Error, match=REFUSED[name]) as error:
        kin.Chain.from_urdf(ROBOTS[name], "base", "tip")
    assert f"{name} line " in str(error.value)


@needs_robots
@pytest.mark.parametrize("name", sorted(NO_ARM))
def test_what_has_no_arm_is_read_all_the_same(name):
    assert all(len(TREES[name].moving(link)) < 2 for link in TREES[name].links)
    with pytest.raises(sinew.Error, match="base: expected the name of a link, got 'no such link'"):
        kin.Chain.from_urdf(ROBOTS[name], "no such link", "nor this")


class Reference:
    """Pinocchio's model of the joints between the root and a tip (others locked, for speed), driven by the positions of a chain.

    Pinocchio takes mimic joints for independent ones here, so followers are driven from outside and their columns added up.
    """

    def __init__(self, pin, file, tree, tip, chain):
        self.pin = pin
        self.model = pin.buildModelFromUrdf(str(file))
        if not tree.joints.keys() & set(tree.links):  # buildReducedModel trips over a link and a joint of one name
            path = {self.model.getJointId(joint) for joint in tree.moving(tip)}
            locked = [i for i in range(1, self.model.njoints) if i not in path]
            self.model = pin.buildReducedModel(self.model, locked, pin.neutral(self.model))
        self.data = self.model.createData()
        self.tip = self.model.getFrameId(tip, pin.FrameType.BODY)
        self.mix = np.zeros((self.model.nv, chain.dof))
        self.drives = []
        for name in tree.moving(tip):
            joint = self.model.joints[self.model.getJointId(name)]
            driver, multiplier, offset = tree.drive(name)
            variable = chain.joint_names.index(driver)
            self.mix[joint.idx_v, variable] = multiplier
            self.drives.append((joint, name == driver, variable, multiplier, offset))

    def positions(self, q):
        """`q [n, dof]` of the chain in Pinocchio's order `[n, nq]`; endless joints as (cos, sin)."""
        full = np.tile(self.pin.neutral(self.model), (len(q), 1))
        for joint, _, variable, multiplier, offset in self.drives:
            value = multiplier * q[:, variable] + offset
            if joint.nq == 2:
                full[:, joint.idx_q], full[:, joint.idx_q + 1] = np.cos(value), np.sin(value)
            else:
                full[:, joint.idx_q] = value
        return full

    def run(self, q):
        """Poses `[n, 4, 4]` and Jacobians `[n, 6, dof]` of the tip."""
        pin, model, data, tip = self.pin, self.model, self.data, self.tip
        poses, jacobians = np.empty((len(q), 4, 4)), np.empty((len(q), 6, model.nv))
        for i, row in enumerate(self.positions(q)):
            pin.computeJointJacobians(model, data, row)
            jacobians[i] = pin.getFrameJacobian(model, data, tip, pin.LOCAL_WORLD_ALIGNED)
            poses[i] = pin.updateFramePlacement(model, data, tip).homogeneous
        return poses, jacobians @ self.mix

    def frames(self, q):
        """Frame name -> pose, all bodies."""
        self.pin.framesForwardKinematics(self.model, self.data, self.positions(q[None])[0])
        bodies = (i for i, frame in enumerate(self.model.frames) if frame.type == self.pin.FrameType.BODY)
        return {self.model.frames[i].name: self.data.oMf[i].homogeneous for i in bodies}


def tree_chain_reference(name, tip):
    """A description, the chain to the tip in Sinew, and the same in Pinocchio."""
    pin = pytest.importorskip("pinocchio")
    tree = TREES[name]
    chain = kin.Chain.from_urdf(ROBOTS[name], tree.root(), tip)
    return tree, chain, Reference(pin, ROBOTS[name], tree, tip, chain)


@needs_robots
@pytest.mark.parametrize(("name", "tip"), CHAINS)
def test_forward_and_jacobian_agree_with_pinocchio(name, tip):
    tree, chain, reference = tree_chain_reference(name, tip)
    assert set(chain.joint_names) == {tree.drive(joint)[0] for joint in tree.moving(tip)}
    q = random_q(chain, COUNT)
    poses, jacobians = reference.run(q)
    tolerance = TOLERANCE * max(1.0, np.abs(poses[:, :3, 3]).max())
    assert np.abs(kin.forward_batch(chain, q) - poses).max() <= tolerance
    assert max(np.abs(kin.jacobian(chain, row) - J).max() for row, J in zip(q, jacobians)) <= tolerance
    for row, pose in zip(q[:100], poses):
        assert np.abs(kin.forward(chain, row) - pose).max() <= tolerance
    for row in q[:10]:
        expected = reference.frames(row)
        for frame, pose in kin.frames(chain, row).items():
            assert np.abs(pose - expected[frame]).max() <= tolerance, frame


@needs_robots
@pytest.mark.parametrize(("name", "tip"), CHAINS)
def test_limits_are_those_that_pinocchio_reads(name, tip):
    _, chain, reference = tree_chain_reference(name, tip)
    followed = {variable for _, independent, variable, _, _ in reference.drives if not independent}
    for joint, independent, variable, _, _ in reference.drives:
        if not independent or variable in followed:
            continue  # a follower narrows its driver, which Pinocchio leaves to the caller
        assert chain.continuous[variable] == (joint.nq == 2)
        if joint.nq == 1:
            assert chain.lower[variable] == reference.model.lowerPositionLimit[joint.idx_q]
            assert chain.upper[variable] == reference.model.upperPositionLimit[joint.idx_q]
        velocity = reference.model.velocityLimit[joint.idx_v]
        assert chain.velocity[variable] == (velocity if velocity > 0 else np.inf)  # 0 is no limit, but none stated
