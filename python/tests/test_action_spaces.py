# SPDX-License-Identifier: Apache-2.0
"""Action spaces beside Pinocchio and SciPy: delta poses, relative joints, grippers, canonical dimensions, waypoints."""

import numpy as np
import pinocchio as pin
import pytest
from scipy.spatial.transform import Rotation

import sinew
from golden import read_case
from sinew import action as act

RNG = np.random.default_rng(20261126)
SCIPY = {"rotvec": lambda R: R.as_rotvec(), "xyzw": lambda R: R.as_quat(canonical=True), "rpy": lambda R: R.as_euler("xyz"), "rot6d_rows": lambda R: R.as_matrix()[:2].ravel()}


def random_pose(angle=np.pi):
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec(angle * RNG.uniform(0, 0.999) * (lambda v: v / np.linalg.norm(v))(RNG.normal(size=3))).as_matrix()
    pose[:3, 3] = RNG.uniform(-1, 1, 3)
    return pose


def test_camera_delta_is_the_reports_formula_with_pinocchios_transforms():
    for _ in range(200):
        camera, tip, target = (random_pose() for _ in range(3))
        base_from_camera, base_from_tip, base_from_target = (pin.SE3(pose) for pose in (camera, tip, target))
        camera_from_tip, tip_from_target = base_from_camera.actInv(base_from_tip), base_from_tip.actInv(base_from_target)
        rotation = camera_from_tip.rotation @ tip_from_target.rotation @ camera_from_tip.rotation.T
        delta = act.camera_delta(camera, tip, target)
        np.testing.assert_allclose(delta[:3], camera_from_tip.rotation @ tip_from_target.translation, atol=1e-12)
        np.testing.assert_allclose(Rotation.from_rotvec(delta[3:]).as_matrix(), rotation, atol=1e-9)
        np.testing.assert_allclose(act.apply_camera_delta(camera, tip, delta), target, atol=1e-9)


@pytest.mark.parametrize("rotation", SCIPY)
def test_tool_frame_rows_are_se3_products(rotation):
    tip, targets = random_pose(), np.stack([random_pose() for _ in range(8)])
    rows = act.encode_poses(targets, "tool", "first", rotation, base_from_tool=tip)
    for row, target in zip(rows, targets):
        relative = np.linalg.inv(tip) @ target
        np.testing.assert_allclose(row[:3], relative[:3, 3], atol=1e-9)
        np.testing.assert_allclose(row[3:], SCIPY[rotation](Rotation.from_matrix(relative[:3, :3])), atol=1e-7)
    np.testing.assert_allclose(act.decode_poses(rows, "tool", "first", rotation, base_from_tool=tip), targets, atol=1e-9)


def test_previous_is_the_product_of_the_steps():
    tip, rows = random_pose(), RNG.uniform(-0.4, 0.4, (10, 6))
    pose = tip.copy()
    for row, got in zip(rows, act.decode_poses(rows, "base", "previous", base_from_tool=tip)):
        pose[:3, 3] += row[:3]
        pose[:3, :3] = Rotation.from_rotvec(row[3:]).as_matrix() @ pose[:3, :3]
        np.testing.assert_allclose(got, pose, atol=1e-9)


def test_camera_rows_do_not_change_with_the_world():
    tip, camera, world = random_pose(), random_pose(), random_pose()
    targets = np.stack([random_pose(1.0) for _ in range(5)])
    here = act.encode_poses(targets, "camera", base_from_tool=tip, base_from_camera=camera)
    there = act.encode_poses(world @ targets, "camera", base_from_tool=world @ tip, base_from_camera=world @ camera)
    np.testing.assert_allclose(here, there, atol=1e-9)


@pytest.mark.golden
def test_relative_actions_equal_lerobots():
    case = read_case("lerobot_misc", "relative_actions")
    names, exclude = case.json["config"]["action_names"], case.json["config"]["exclude_joints"]
    mask = act.relative_mask(names, exclude, len(names))
    assert mask == case.json["config"]["masks"]["named"]
    for b, state in enumerate(case.tensors["state"]):
        relative = act.to_relative(case.tensors["action"][b], state, mask)
        np.testing.assert_allclose(relative, case.tensors["named.action.relative"][b], **case.tolerances()[0])
        np.testing.assert_allclose(act.to_absolute(relative, state, mask), case.tensors["named.action.absolute"][b], **case.tolerances()[0])
    assert act.relative_mask_of_runs([6, -1]) == [True] * 6 + [False]


@pytest.mark.golden
def test_aloha_equals_openpis():
    case = read_case("openpi", "aloha_policy")
    tolerance = {"atol": 1e-6}
    np.testing.assert_allclose(act.aloha_states_to_pi(case.tensors["state"]), case.tensors["pi.state"], **tolerance)
    np.testing.assert_allclose(act.aloha_actions_from_pi(case.tensors["model_actions"][:, :14]), case.tensors["pi.actions_out"], **tolerance)
    np.testing.assert_allclose(act.aloha_actions_to_pi(case.tensors["train_actions"]), case.tensors["pi.actions_in"], **tolerance)


def test_canonical_pack_and_unpack():
    parts = {"left_joints": RNG.normal(size=6), "left_gripper": [0.3], "right_tool": RNG.normal(size=6), "waist": [0.1]}
    vector, mask = act.canonical.pack(parts)
    assert vector.shape == (80,) and mask.dtype == bool and mask.sum() == 14
    assert np.array_equal(vector[:6], parts["left_joints"]) and vector[16] == 0.3 and np.array_equal(vector[36:42], parts["right_tool"])
    assert not vector[~mask].any()
    for name, values in act.canonical.unpack(vector, parts).items():
        assert np.array_equal(values, parts[name])
    whole = act.canonical.unpack(np.stack([vector] * 3), ["left_hand", "left_joints"])
    assert whole["left_hand"].shape == (3, 12) and whole["left_joints"].shape == (3, 7)
    assert act.canonical.unpack(vector, {"left_joints": 2})["left_joints"].shape == (2,)
    ranges = sorted(act.canonical.ranges().values())
    assert ranges[0][0] == 0 and ranges[-1][1] == 80 and all(a[1] == b[0] for a, b in zip(ranges, ranges[1:]))


def test_masks_tokens_and_padding():
    mask = act.canonical.mask({"left_joints": 6, "right_gripper": 1}, 4, 3, right=False)
    assert mask.shape == (4, 80) and mask.sum() == 18 and mask[:3, :6].all()
    vector = np.arange(80.0)
    tokens = act.canonical.split_tokens(vector)
    assert np.array_equal(tokens[:29], vector[:29]) and np.array_equal(tokens[40:69], vector[29:58])
    assert np.array_equal(act.canonical.join_tokens(tokens), vector)
    chunk = RNG.normal(size=(3, 2))
    padded, mask = act.pack_padded(chunk, 5, 4)
    assert padded.shape == (5, 4) and np.array_equal(padded[:3, :2], chunk) and np.array_equal(mask, padded != 0)
    assert np.array_equal(act.unpack_padded(padded, 3, 2), chunk)


def test_sticky_gripper_holds_a_command():
    gripper = act.StickyGripper(steps=2)
    assert [gripper.step(opening) for opening in (1.0, 0.0, 1.0, 1.0)] == [0, 1, 1, 0]


def test_grippers():
    assert np.array_equal(act.convert_gripper([0.0, 0.4, 0.5, 0.6, 1.0], "openvla", "libero"), [1, 1, 0, -1, -1])
    assert np.array_equal(act.convert_gripper([0.0, 1.0], "pi", "aloha"), [1, 0])
    for rule in act.gripper_conventions().values():
        assert rule["open"] != rule["closed"]


def test_waypoints_in_the_world_are_rotated_and_moved():
    rows = RNG.uniform(-1, 1, (8, 3))
    body = np.array([3.0, -2.0, 1.2])
    world = act.waypoints_to_world(rows, body)
    turn = Rotation.from_euler("z", body[2]).as_matrix()[:2, :2]
    np.testing.assert_allclose(world[:, :2], rows[:, :2] @ turn.T + body[:2], atol=1e-12)
    np.testing.assert_allclose(np.exp(1j * world[:, 2]), np.exp(1j * (rows[:, 2] + body[2])), atol=1e-12)
    np.testing.assert_allclose(act.waypoints_to_body(world, body), rows, atol=1e-12)
    scale = [2.5, 1.5, 0.8]
    np.testing.assert_allclose(act.unscale_waypoints(act.scale_waypoints(rows, scale), scale), np.clip(rows, -np.array(scale), scale), atol=1e-12)


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: act.camera_delta(np.eye(3), np.eye(4), np.eye(4)), r"base_from_camera: expected shape \[4, 4\]"),
        (lambda: act.camera_delta(2 * np.eye(4), np.eye(4), np.eye(4)), "a rigid pose"),
        (lambda: act.decode_poses(np.zeros((2, 6))), "base_from_tool"),
        (lambda: act.decode_poses(np.zeros((2, 6)), "camera", base_from_tool=np.eye(4)), "base_from_camera"),
        (lambda: act.decode_poses(np.zeros((2, 9)), base_from_tool=np.eye(4)), r"shape \[n, 6\]"),
        (lambda: act.decode_poses(np.zeros((2, 6)), "hand", base_from_tool=np.eye(4)), "one of base, tool, camera"),
        (lambda: act.decode_poses(np.full((2, 6), np.nan), base_from_tool=np.eye(4)), "row 0.*not_finite"),
        (lambda: act.canonical.pack({"left_arm": [1]}), "left_joints"),
        (lambda: act.canonical.pack({"left_joints": np.ones(8)}), "1 to 7 dimensions, got 8"),
        (lambda: act.canonical.unpack(np.ones(79), ["left_joints"]), r"\[..., 80\]"),
        (lambda: act.canonical.unpack(np.ones(80), "left_joints"), "a dict name"),
        (lambda: act.pack_padded(np.ones((3, 2)), 2, 4), "1 to 2 steps"),
        (lambda: act.canonical.mask(["left_joints"], 2, 3), "steps up to a horizon"),
        (lambda: act.canonical.split_tokens(np.ones(79)), "bad_shape"),
        (lambda: act.convert_gripper([0.0], "openvla", "libera"), "did you mean 'libero'"),
        (lambda: act.to_absolute(np.ones((2, 3)), np.ones(1), [True, True]), "bad_shape"),
        (lambda: act.aloha_states_to_pi(np.ones(13)), "bad_shape"),
        (lambda: act.unscale_waypoints(np.ones((2, 3)), [1, 0, 1]), "out_of_range"),
        (lambda: act.model_ids([1], "pi0"), "paligemma_openpi"),
    ],
)
def test_misuse_names_what_was_expected(call, text):
    with pytest.raises(sinew.Error, match=text):
        call()
