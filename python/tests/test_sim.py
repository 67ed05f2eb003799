# SPDX-License-Identifier: Apache-2.0
"""sinew.sim: the simulated robot and its demonstrator, as Python sees them."""

import ctypes.util
import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

import sinew

sim = pytest.importorskip("sinew.sim", exc_type=(ImportError, sinew.Error))


@pytest.fixture(scope="module")
def robot():
    return sim.MujocoRobot.tabletop(seed=3, camera_size=(96, 128))


def test_observation_has_frames_channels_and_time(robot):
    robot.reset(3)
    start = robot.now
    robot.wait_until(start + 0.05)
    observation = robot.observe("put the red cube on the yellow plate")
    assert observation.time == pytest.approx(start + 0.05)
    assert set(observation.cameras) == {"front", "wrist"}
    frame, stamp = observation.cameras["front"]
    assert frame.shape == (96, 128, 3) and frame.dtype == np.uint8 and frame.std() > 10
    assert stamp == observation.time
    values, _, unit = observation.state["tool_pose"]
    assert values.shape == (7,) and unit == "m,quat_wxyz"
    assert np.linalg.norm(values[3:]) == pytest.approx(1)


def test_command_moves_the_joints_and_bad_ones_raise(robot):
    robot.reset(3)
    q = robot.positions()
    q[0] += 0.1
    robot.command(q)
    robot.wait_until(robot.now + 1)
    assert robot.positions()[0] == pytest.approx(q[0], abs=2e-3)
    for bad in (q[:7], np.full(8, np.nan), q + 10):
        with pytest.raises(sinew.Error):
            robot.command(bad)


def test_limits_and_urdf_describe_the_same_arm(robot):
    limits = robot.limits
    assert len(limits.lower) == 8
    assert np.all(np.asarray(limits.velocity) > 0)
    chain = sinew.kinematics.Chain.from_urdf(robot.urdf, "link0", "tool")
    assert chain.dof == 7
    np.testing.assert_array_equal(chain.lower, np.asarray(limits.lower)[:7])
    robot.reset(8)
    pose = robot.observe("").state["tool_pose"][0]
    fk = sinew.kinematics.forward(chain, robot.positions()[:7])
    np.testing.assert_allclose(fk[:3, 3], pose[:3], atol=1e-12)


def test_render_gives_the_size_asked_for(robot):
    frame = robot.render("video", (240, 320))
    assert frame.shape == (240, 320, 3) and frame.dtype == np.uint8
    with pytest.raises(sinew.Error, match="front, wrist, video"):
        robot.render("rear", (64, 64))


def test_objects_are_cubes_and_plates(robot):
    objects = robot.objects()
    assert set(objects) == {"cube_red", "cube_green", "cube_blue", "plate_yellow", "plate_purple", "plate_white"}
    position, quaternion = objects["cube_red"]
    assert position.shape == (3,) and quaternion.shape == (4,)


def test_instructions(robot):
    assert len(sim.known_instructions()) == 21
    assert sim.parse_instruction("Put the RED cube on the white plate.") == ("put", "red", "white")
    assert sim.parse_instruction("stack the red cube on the blue cube") == ("stack", "red", "blue")
    assert sim.parse_instruction("push the green cube to the LEFT") == ("push", "green", "left")
    with pytest.raises(sinew.Error, match="did you mean 'purple'"):
        sim.parse_instruction("put the red cube on the purpel plate")
    for text in sim.known_instructions():
        assert not robot.succeeded(text)
    with pytest.raises(sinew.Error):
        robot.succeeded("fly")


def test_without_cameras_observations_are_blind():
    blind = sim.MujocoRobot.tabletop(render=False)
    assert blind.observe("x").cameras == {}


def test_demonstrator_policy_emits_tool_poses(robot):
    robot.reset(3)
    policy = sim.demonstrator_policy(robot)
    assert policy.card["name"] == "tabletop_demonstrator"
    chunk = policy.act(robot.observe("put the green cube on the white plate"))
    assert chunk.space == "tool_pose" and chunk.values.shape == (16, 8)
    cube = robot.objects()["cube_green"][0]
    assert np.linalg.norm(chunk.values[-1, :2] - cube[:2]) < 0.01
    with pytest.raises(sinew.Error, match="red, green, blue"):
        policy.act(robot.observe("put the pink cube on the white plate"))


def test_demonstrator_serves_a_registry(robot):
    registry = sinew.BackendRegistry()
    sim.add_demonstrator(registry, robot)
    assert "demonstrator" in registry.names()


def test_demonstrator_solves_an_episode_through_the_loop(robot):
    robot.reset(21)
    chain = sinew.kinematics.Chain.from_urdf(robot.urdf, "link0", "tool")
    loop = sinew.runtime.ControlLoop(robot, sim.demonstrator_policy(robot), chain=chain)
    loop.instruction = "put the blue cube on the yellow plate"
    loop.reset()
    for _ in range(20):
        assert loop.run_for(0.5) == "ok", loop.last_error
        if robot.succeeded(loop.instruction):
            break
    assert robot.succeeded(loop.instruction)


def test_reset_takes_an_instruction(robot):
    places = []
    for text in ("push the red cube to the left", "push the red cube to the left", "push the red cube to the right"):
        robot.reset(6, text)
        places.append(np.concatenate([position for position, _ in robot.objects().values()]))
    np.testing.assert_array_equal(places[0], places[1])
    with pytest.raises(sinew.Error, match="did you mean 'left'"):
        robot.reset(6, "push the red cube to the lest")


@pytest.mark.parametrize("instruction, seed", [("stack the red cube on the blue cube", 30), ("push the green cube to the right", 31)])
def test_demonstrator_stacks_and_pushes(robot, instruction, seed):
    robot.reset(seed, instruction)
    before = {name: position for name, (position, _) in robot.objects().items()}
    chain = sinew.kinematics.Chain.from_urdf(robot.urdf, "link0", "tool")
    loop = sinew.runtime.ControlLoop(robot, sim.demonstrator_policy(robot), chain=chain)
    loop.instruction = instruction
    loop.reset()
    for _ in range(20):
        assert loop.run_for(0.5) == "ok", loop.last_error
        if robot.succeeded(instruction):
            break
    assert robot.succeeded(instruction)
    after = {name: position for name, (position, _) in robot.objects().items()}
    if instruction.startswith("push"):
        assert after["cube_green"][1] - before["cube_green"][1] < -0.06  # the robot's right is -y
    else:
        np.testing.assert_allclose(after["cube_red"] - after["cube_blue"], [0, 0, 0.04], atol=0.02)


def test_object_positions_only_for_the_privileged():
    instruction = "put the red cube on the white plate"
    assert "object_position" not in sim.MujocoRobot.tabletop(render=False).observe(instruction).state
    robot = sim.MujocoRobot.tabletop(seed=2, render=False, privileged=True)
    values, _, unit = robot.observe(instruction).state["object_position"]
    assert unit == "m"
    np.testing.assert_array_equal(values, np.concatenate([position for position, _ in robot.objects().values()]))


def test_looks_change_frames_and_come_back(robot):
    robot.reset(3)
    usual = robot.render("front", (96, 96))
    look = sim.make_tabletop_look(5)
    robot.set_look(look)
    assert np.abs(robot.observe("").cameras["front"][0].astype(int).mean() - usual.mean()) > 0
    assert np.abs(robot.render("front", (96, 96)).astype(int) - usual).mean() > 2
    assert robot.look.table == look.table and robot.look.front.offset == look.front.offset
    robot.set_look(sim.TabletopLook())
    np.testing.assert_array_equal(robot.render("front", (96, 96)), usual)


def test_look_fields_can_be_written_and_are_checked(robot):
    look = sim.TabletopLook()
    assert look.light == 1 and not look.shadows and look.wood and look.table == [1, 1, 1]
    look.shadows, look.table, look.light_direction = True, (0.5, 0.6, 0.7), [0.3, 0.2, -1]
    look.front.offset = (0.01, 0, 0)
    look.wrist.rotation = [0, 0.01, 0]
    robot.set_look(look)
    assert robot.look.front.offset == [0.01, 0, 0] and robot.look.table == [0.5, 0.6, 0.7]
    look.light_direction = [0, 0, 1]
    with pytest.raises(sinew.Error, match="light_direction"):
        robot.set_look(look)
    robot.set_look(sim.TabletopLook())


def test_random_looks_keep_to_their_range():
    for seed in range(50):
        inside, outside = sim.make_tabletop_look(seed), sim.make_tabletop_look(seed, outside=True)
        assert np.linalg.norm(inside.front.offset) <= 0.03
        assert 0.0499 < np.linalg.norm(outside.front.offset) < 0.0801
        assert inside.table == sim.make_tabletop_look(seed).table != sim.make_tabletop_look(seed + 1).table


FIRST_FRAME = """
import hashlib
from sinew import sim
frame = sim.MujocoRobot.tabletop(seed=4).observe("").cameras["front"][0]
print(hashlib.sha256(frame.tobytes()).hexdigest())
"""


def first_frame_without(libraries, folder):
    """Runs a program for which these libraries cannot be loaded: files of their names that are no libraries come first."""
    for library in libraries:
        (folder / library).write_bytes(b"")
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])
    # A package that was installed is found anyway; one in a build folder only by the path that found it here.
    python_path = os.pathsep.join(filter(None, sys.path))
    env = {**os.environ, "LD_LIBRARY_PATH": path, "PYTHONPATH": python_path}
    return subprocess.run([sys.executable, "-c", FIRST_FRAME], env=env, capture_output=True, text=True, timeout=120)


def test_without_egl_osmesa_draws_the_same_pixels(tmp_path):
    if not (ctypes.util.find_library("EGL") and ctypes.util.find_library("OSMesa")):
        pytest.skip("EGL and OSMesa are not both installed")
    frame = sim.MujocoRobot.tabletop(seed=4).observe("").cameras["front"][0]
    result = first_frame_without(["libEGL.so.1"], tmp_path)
    assert result.stdout.strip() == hashlib.sha256(frame.tobytes()).hexdigest(), result.stderr


def test_without_opengl_the_error_says_what_to_install(tmp_path):
    result = first_frame_without(["libEGL.so.1", "libOSMesa.so.8"], tmp_path)
    assert result.returncode != 0
    assert "apt-get install libegl1 libgl1-mesa-dri, or: apt-get install libosmesa6" in result.stderr
