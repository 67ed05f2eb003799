# SPDX-License-Identifier: Apache-2.0
"""sinew.kinematics: shapes, errors, and agreement with Pinocchio where it is installed."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import sinew
from sinew import kinematics as kin

ROBOTS = Path(__file__).resolve().parents[2] / "tests" / "kinematics" / "robots"
MODELS = Path(__file__).resolve().parents[2] / "models" / "robots"
CASES = {"arm7": ("link0", "tcp"), "arm6": ("base_link", "tool0"), "mixed": ("world", "probe")}
CONVENTIONS = ("xyzw", "wxyz", "rotvec", "rpy", "rot6d_columns", "rot6d_rows", "rot6d_interleaved")


def load(name):
    base, tip = CASES[name]
    return kin.Chain.from_urdf(str(ROBOTS / f"{name}.urdf"), base, tip)


def random_q(chain, count, seed=0):
    rng = np.random.default_rng(seed)
    lower, upper = np.where(chain.continuous, -np.pi, chain.lower), np.where(chain.continuous, np.pi, chain.upper)
    return rng.uniform(lower, upper, (count, chain.dof))


def test_chain_says_what_it_is():
    chain = load("arm7")
    assert chain.dof == 7
    assert chain.joint_names == [f"joint{i}" for i in range(1, 8)]
    assert chain.lower.shape == chain.upper.shape == chain.velocity.shape == (7,)
    assert chain.lower.dtype == np.float64
    assert chain.lower[3] == -3.0718
    assert chain.continuous == [False] * 7
    assert load("mixed").continuous == [False, True, False, False, True, False]
    text = (ROBOTS / "arm6.urdf").read_text()
    assert kin.Chain.from_urdf(text, "base_link", "tool0").dof == 6


def drives(name):
    """Joint -> (driver, multiplier, offset), mimics of mimics resolved, read from the file without Sinew."""
    mimics = {joint.get("name"): joint.find("mimic") for joint in ElementTree.parse(ROBOTS / f"{name}.urdf").iter("joint")}
    resolved = {}
    for joint in mimics:
        driver, multiplier, offset = joint, 1.0, 0.0
        while (mimic := mimics[driver]) is not None:
            offset += multiplier * float(mimic.get("offset", 0))
            multiplier *= float(mimic.get("multiplier", 1))
            driver = mimic.get("joint")
        resolved[joint] = driver, multiplier, offset
    return resolved


@pytest.mark.parametrize("name", CASES)
def test_forward_and_jacobian_agree_with_pinocchio(name):
    pin = pytest.importorskip("pinocchio")
    chain = load(name)
    model = pin.buildModelFromUrdf(str(ROBOTS / f"{name}.urdf"))  # takes mimic joints for independent ones
    data = model.createData()
    base, tip = (model.getFrameId(frame, pin.FrameType.BODY) for frame in CASES[name])
    moving = [(model.joints[model.getJointId(joint)], *drive) for joint, drive in drives(name).items() if model.existJointName(joint)]
    for q in random_q(chain, 2_000):
        full, mix = pin.neutral(model), np.zeros((model.nv, chain.dof))
        for joint, driver, multiplier, offset in moving:
            if driver not in chain.joint_names:
                continue
            variable = chain.joint_names.index(driver)
            value = multiplier * q[variable] + offset
            full[joint.idx_q : joint.idx_q + joint.nq] = [np.cos(value), np.sin(value)] if joint.nq == 2 else [value]
            mix[joint.idx_v, variable] = multiplier
        J = pin.computeFrameJacobian(model, data, full, tip, pin.LOCAL_WORLD_ALIGNED) @ mix
        pin.framesForwardKinematics(model, data, full)
        base_from_world = data.oMf[base].inverse()
        expected = (base_from_world * data.oMf[tip]).homogeneous
        assert np.abs(kin.forward(chain, q) - expected).max() < 1e-12
        turn = np.kron(np.eye(2), base_from_world.rotation)  # Pinocchio's axes are those of the universe
        assert np.abs(kin.jacobian(chain, q) - turn @ J).max() < 1e-12
    for frame, pose in kin.frames(chain, q).items():
        expected = (base_from_world * data.oMf[model.getFrameId(frame, pin.FrameType.BODY)]).homogeneous
        assert np.abs(pose - expected).max() < 1e-12, frame


@pytest.mark.parametrize(("frame", "convention"), [("tip_base_axes", "LOCAL_WORLD_ALIGNED"), ("tip", "LOCAL"), ("base", "WORLD")])
@pytest.mark.parametrize("tip", [0, 1])
def test_jacobian_frames_are_those_of_pinocchio(frame, convention, tip):
    pin = pytest.importorskip("pinocchio")
    tips = ["left_tool", "right_tool"]
    chain = kin.Chain.from_urdf(MODELS / "two_arm_torso.urdf", "base_link", tips)
    model = pin.buildModelFromUrdf(str(MODELS / "two_arm_torso.urdf"))  # its base is the root: no change of axes
    data = model.createData()
    order = [model.joints[model.getJointId(name)].idx_v for name in chain.joint_names]
    assert chain.tips == tips and chain.dof == model.nv == 16
    for q in random_q(chain, 200, seed=5):
        full = np.empty(16)
        full[order] = q
        J = pin.computeFrameJacobian(model, data, full, model.getFrameId(tips[tip], pin.FrameType.BODY), getattr(pin, convention))
        assert np.abs(kin.jacobian(chain, q, frame=frame, tip=tip) - J[:, order]).max() < 1e-12


def test_forward_batch_equals_single_calls():
    chain = load("arm6")
    q = random_q(chain, 50)
    poses = kin.forward_batch(chain, q)
    assert poses.shape == (50, 4, 4)
    assert all(np.array_equal(kin.forward(chain, row), pose) for row, pose in zip(q, poses))
    out = np.empty_like(poses)
    assert kin.forward_batch(chain, q, out=out) is out
    assert np.array_equal(out, poses)
    assert kin.forward_batch(chain, q[:0]).shape == (0, 4, 4)


@pytest.mark.parametrize("name", CASES)
def test_inverse_reaches_the_target_inside_the_limits(name):
    chain = load(name)
    for q, seed in zip(random_q(chain, 100), random_q(chain, 100, seed=1)):
        target = kin.forward(chain, q)
        r = kin.inverse(chain, target, seed)
        assert r and r.status == "converged" and r.residual <= 1e-6
        assert np.abs(kin.forward(chain, r.q) - target).max() < 2e-6
        assert (r.q >= chain.lower).all() and (r.q <= chain.upper).all()


def test_inverse_tasks_ask_for_less_than_a_pose():
    chain = kin.Chain.from_urdf(MODELS / "so101.urdf", "base_link", "gripper_frame_link")
    for q, seed in zip(random_q(chain, 50), random_q(chain, 50, seed=1)):
        target = kin.forward(chain, q)
        x = target[:3, 0].copy()
        c, s = np.cos(0.7), np.sin(0.7)
        target[:3, :3] = target[:3, :3] @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])  # turned about x: out of reach for five joints
        r = kin.inverse(chain, target, seed, task="free_yaw", tool_axis=[1, 0, 0])
        reached = kin.forward(chain, r.q)
        assert r and np.abs(reached[:3, 3] - target[:3, 3]).max() < 1e-6 and np.abs(reached[:3, 0] - x).max() < 1e-6
        r = kin.inverse(chain, target, seed, task="position")
        assert r and np.abs(kin.forward(chain, r.q)[:3, 3] - target[:3, 3]).max() < 1e-6
    with pytest.raises(sinew.Error, match="pose, position, axis, free_yaw"):
        kin.inverse(chain, target, task="yaw")
    with pytest.raises(sinew.Error):
        kin.inverse(chain, target, tip=1)


def test_jacobian_batch_equals_single_calls():
    chain = kin.Chain.from_urdf(MODELS / "two_arm_torso.urdf", "base_link", ["left_tool", "right_tool"])
    q = random_q(chain, 19)
    for tip in (0, 1):
        poses, J = kin.jacobian_batch(chain, q, tip=tip)
        assert poses.shape == (19, 4, 4) and J.shape == (19, 6, 16)
        assert all(np.array_equal(kin.forward(chain, row, tip=tip), pose) for row, pose in zip(q, poses))
        assert all(np.array_equal(kin.jacobian(chain, row, tip=tip), columns) for row, columns in zip(q, J))


def test_inverse_statuses():
    chain = load("arm7")
    target = kin.forward(chain, chain.neutral)
    r = kin.inverse(chain, target)  # from neutral: there already
    assert r.status == "converged" and r.iterations == 0 and r.restarts == 0
    assert kin.inverse(chain, target, tolerance=1e-9, seed_rng=3)
    far = target.copy()
    far[0, 3] = 5.0
    r = kin.inverse(chain, far)
    assert not r and r.status == "unreachable" and r.residual > 1.0
    bad = target.copy()
    bad[0, 0] = np.nan
    r = kin.inverse(chain, bad)
    assert r.status == "bad_input" and np.isnan(r.q).all()
    posture = np.array([0, -0.3, 0, -2.2, 0, 2.0, 0.8])
    r = kin.inverse(chain, kin.forward(chain, posture), posture + 0.3, posture=posture)
    assert r and np.abs(r.q - posture).max() < 0.02


def test_inverse_batch_solves_what_single_calls_solve():
    chain = load("arm7")
    targets = kin.forward_batch(chain, random_q(chain, 30))
    targets[4, 3, 3] = 2.0
    seeds = random_q(chain, 30, seed=1)
    q, status = kin.inverse_batch(chain, targets, seeds)
    assert q.shape == (30, 7) and status.dtype == np.uint8
    assert status[4] == 3 and (np.delete(status, 4) == 0).all()
    good = np.delete(np.arange(30), 4)
    assert all(kin.inverse(chain, targets[i], seeds[i]).status == "converged" for i in good)
    assert np.abs(kin.forward_batch(chain, q[good]) - targets[good]).max() < 1e-6
    q_neutral, status_neutral = kin.inverse_batch(chain, targets)
    alone, status_alone = kin.inverse_batch(chain, targets[7:8])
    assert np.array_equal(q_neutral[7], alone[0]) and status_neutral[7] == status_alone[0] == 0


def test_rotations_agree_with_numpy_formulas():
    rng = np.random.default_rng(0)
    for _ in range(200):
        roll, pitch, yaw = rng.uniform([-3, -1.5, -3], [3, 1.5, 3])
        cr, sr, cp, sp, cy, sy = (f(a) for a in (roll, pitch, yaw) for f in (np.cos, np.sin))
        Rx = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
        Ry = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
        Rz = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
        R = Rz @ Ry @ Rx
        assert np.allclose(kin.rotation.to_matrix([roll, pitch, yaw], "rpy"), R, atol=1e-15)
        assert np.array_equal(kin.rotation.from_matrix(R, "rot6d_columns"), R[:, :2].T.ravel())
        assert np.array_equal(kin.rotation.from_matrix(R, "rot6d_rows"), R[:2].ravel())
        assert np.array_equal(kin.rotation.from_matrix(R, "rot6d_interleaved"), R[:, :2].ravel())
        x, y, z, w = kin.rotation.from_matrix(R, "xyzw")
        assert np.array_equal(kin.rotation.from_matrix(R, "wxyz"), [w, x, y, z])
        v = np.array([x, y, z])
        K = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        assert np.allclose((w * w - v @ v) * np.eye(3) + 2 * np.outer(v, v) + 2 * w * K, R, atol=1e-14)
        rotvec = kin.rotation.from_matrix(R, "rotvec")
        assert np.allclose(rotvec, 2 * np.arctan2(np.linalg.norm(v), w) * v / np.linalg.norm(v), atol=1e-14)
        for convention in CONVENTIONS:
            assert np.allclose(kin.rotation.to_matrix(kin.rotation.from_matrix(R, convention), convention), R, atol=1e-14)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: kin.Chain.from_urdf("<robot/>", "a", "b"), "no links"),
        (lambda c: kin.Chain.from_urdf(str(ROBOTS / "arm7.urdf"), "link0", "tpc"), "did you mean 'tcp'"),
        (lambda c: kin.forward(c, np.zeros(6)), r"shape \[7\], got \[6\]"),
        (lambda c: kin.forward_batch(c, np.zeros((2, 6))), r"shape \[n, 7\], got \[2, 6\]"),
        (lambda c: kin.forward_batch(c, np.zeros((2, 7)), out=np.zeros((3, 4, 4))), r"out: expected shape \[2, 4, 4\]"),
        (lambda c: kin.forward_batch(c, np.zeros((2, 7)), out=np.zeros((2, 4, 4)).transpose(0, 2, 1)), "C-contiguous"),
        (lambda c: kin.jacobian(c, np.zeros((1, 7))), r"\[7\], got \[1, 7\]"),
        (lambda c: kin.inverse(c, np.eye(3)), r"\[4, 4\], got \[3, 3\]"),
        (lambda c: kin.inverse(c, np.eye(4), np.zeros(3)), "seed"),
        (lambda c: kin.inverse_batch(c, np.zeros((2, 4, 4)), np.zeros((1, 7))), "seeds"),
        (lambda c: kin.rotation.to_matrix([1, 0, 0], "xyzw"), r"shape \[4\]"),
        (lambda c: kin.rotation.to_matrix([0, 0, 0, 0], "xyzw"), "finite rotation"),
        (lambda c: kin.rotation.from_matrix(2 * np.eye(3), "rpy"), "rotation"),
        (lambda c: kin.rotation.from_matrix(np.eye(3), "quat"), "xyzw, wxyz"),
    ],
)
def test_misuse_raises_sinew_error(call, message):
    with pytest.raises(sinew.Error, match=message):
        call(load("arm7"))


def test_forward_batch_writes_into_out_or_refuses_it():
    chain = kin.Chain.from_urdf(ROBOTS / "arm7.urdf", "link0", "tcp")
    q = np.linspace(-0.5, -0.1, 14).reshape(2, 7)
    out = np.zeros((2, 4, 4))
    assert kin.forward_batch(chain, q, out=out) is out
    assert np.array_equal(out, kin.forward_batch(chain, q))
    frozen = np.zeros((2, 4, 4))
    frozen.flags.writeable = False
    shared = np.zeros(46)
    for wrong in (np.zeros((2, 4, 4), np.float32), np.zeros((2, 4, 8))[:, :, ::2], frozen, [[0.0] * 16] * 2, np.zeros((2, 3, 4))):
        with pytest.raises(sinew.Error, match="out"):
            kin.forward_batch(chain, q, out=wrong)
    with pytest.raises(sinew.Error, match="out"):
        kin.forward_batch(chain, shared[:14].reshape(2, 7), out=shared[7:39].reshape(2, 4, 4))


def test_differential_step_moves_the_tip_and_keeps_the_limits():
    chain = load("arm7")
    q = np.array([0, -0.3, 0, -2.2, 0, 2.0, 0.8])
    twist = np.array([0.05, -0.02, 0.03, 0.1, 0, -0.1])
    step = kin.differential_step(chain, q, twist, 1e-4)
    assert step and step.status == "ok" and step.speed_fraction == 1.0
    assert np.abs(kin.jacobian(chain, q) @ step.dq - twist).max() < 1e-4
    fast = kin.differential_step(chain, q, twist * 1e3, 0.01)
    assert fast.speed_fraction < 1 and (np.abs(fast.dq) <= chain.velocity * (1 + 1e-9)).all()
    assert (fast.q >= chain.lower).all() and (fast.q <= chain.upper).all()
    assert kin.differential_step(chain, q, twist * np.nan, 0.01).status == "not_finite"
    with pytest.raises(sinew.Error, match="twist"):
        kin.differential_step(chain, q, np.zeros(5), 0.01)


def test_tips_go_by_name_or_index():
    torso = Path(__file__).parents[2] / "models" / "robots" / "two_arm_torso.urdf"
    chain = kin.Chain.from_urdf(torso, "base_link", ["left_tool", "right_tool"])
    q = np.linspace(-0.3, 0.3, chain.dof)
    assert chain.tips == ["left_tool", "right_tool"]
    assert np.array_equal(kin.forward(chain, q, tip="right_tool"), kin.forward(chain, q, tip=1))
    with pytest.raises(sinew.Error, match="right_tool"):
        kin.forward(chain, q, tip="right_tol")
    with pytest.raises(sinew.Error, match="below 2"):
        kin.jacobian(chain, q, tip=2)
