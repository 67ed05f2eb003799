# SPDX-License-Identifier: Apache-2.0
"""The recipe of the tabletop curates what it has recorded: spoiled episodes are left out, counted, and the rest is trained on."""

import json

import numpy as np
import pytest

import sinew
from sinew import kinematics, sim
from sinew.train import samples, tabletop

SEED = 20261127
FRAMES = 30


def smooth_episode(rng, chain):
    """Joints [FRAMES, 8] that swing slowly about the middle of the arm's range."""
    times = np.arange(FRAMES)[:, None] / 10
    middle = (chain.lower + chain.upper) / 2
    arm = middle + 0.15 * np.sin(rng.uniform(0.8, 1.4, 7) * times + rng.uniform(0, 2 * np.pi, 7))
    return np.column_stack([arm, 0.04 + 0.03 * np.sin(times)])


def write_demonstrations(path, spoiled, episodes=3):
    """As the recipe records them, cubes tumbling; in the episodes `spoiled` the tool is some 0.1 m from where the joints have it."""
    rng = np.random.default_rng([SEED, 60])
    chain = kinematics.Chain.from_urdf(sim.MujocoRobot.tabletop(render=False).urdf, "link0", "tool")
    units = {"joint_position": "rad,m", "joint_velocity": "rad/s,m/s", "tool_pose": "m,quat_wxyz", "object_position": "m", "cube_yaw": "rad"}
    time, number, text = 1.0, 0, "put the red cube on the yellow plate"
    with sinew.record.Recorder(str(path), joint_names=[f"j{i}" for i in range(1, 8)] + ["gripper"], wait_for_room=True) as recorder:
        for index in range(episodes):
            q = smooth_episode(rng, chain)
            recorder.add_event(time, "episode", json.dumps({"index": index, "seed": index, "instruction": text}))
            for row, speed in zip(q, np.gradient(q, 0.1, axis=0), strict=True):
                pose = kinematics.forward(chain, row[:7])
                place = pose[:3, 3] + (0.1 * rng.standard_normal(3) if index in spoiled else 0.0)
                tool = np.concatenate([place, kinematics.rotation.from_matrix(pose[:3, :3], "wxyz")])
                values = {"joint_position": row, "joint_velocity": speed, "tool_pose": tool, "object_position": np.zeros(18), "cube_yaw": rng.uniform(-3, 3, 3)}
                frames = {name: (rng.integers(0, 256, (tabletop.SIDE, tabletop.SIDE, 3), dtype=np.uint8), time) for name in ("front", "wrist")}
                number += 1
                recorder.add(sinew.Observation(frames, {name: (value, time, units[name]) for name, value in values.items()}, text, time=time, id=number))
                recorder.add_command(time, row)
                time += 0.1
            recorder.add_event(time, "episode", json.dumps({"index": index, "succeeded": True}))
            time += 1.0


@pytest.mark.parametrize(("spoiled", "said"), [((1,), "1 of 3 episodes rejected"), ((0, 1, 2), "3 of 6 episodes rejected")])
def test_spoiled_demonstrations_are_left_out_and_counted(spoiled, said, tmp_path):
    recipe = tabletop.Recipe(tmp_path, episodes=3 if len(spoiled) < 3 else 6, processes=1)
    recipe.collect = tabletop.replace(recipe.collect, file_episodes=3)
    (tmp_path / "demonstrations").mkdir()
    write_demonstrations(tmp_path / "demonstrations" / "demonstrations-000000.mcap", spoiled)
    if recipe.episodes == 6:
        write_demonstrations(tmp_path / "demonstrations" / "demonstrations-000003.mcap", ())
    reports = []
    data = tabletop.gather(recipe, lambda *report: reports.append(report))
    files = recipe.episodes // 3
    assert reports == [*((i + 1, files) for i in range(files)), (files, files, said)]
    kept = 3 if len(spoiled) == 3 else 3 - len(spoiled)
    assert len(data) == kept * FRAMES and len(np.unique(data.episode)) == kept
    about = json.loads((tmp_path / "curation.json").read_text())
    assert about["episodes"] == recipe.episodes and list(about["rejected"]) == [str(index) for index in spoiled]
    assert all("frames" in reason for reason in about["rejected"].values())
    assert not (tmp_path / "demonstrations").exists()
    assert len(tabletop.gather(recipe)) == len(samples.Samples.open(recipe.samples))


def test_a_recording_with_nothing_to_keep_is_not_read_twice(tmp_path):
    path = tmp_path / "demonstrations-000000.mcap"
    write_demonstrations(path, (0,), episodes=1)
    assert tabletop._convert(tabletop.reading, False, path) is None and path.stat().st_size == 0
    assert tabletop._convert(None, False, path) is None
    assert json.loads(path.with_suffix(".json").read_text())["files"][0]["episodes"][0]["verdict"] == "reject"


def moments(instruction, cubes, plates, yaws, tool):
    """Samples of one moment each: places [n, 3, 3] m, yaws [n, 3] rad, poses of the tool [n, 7]."""
    n = len(tool)
    state = np.concatenate([np.zeros((n, 8)), tool], axis=1).astype(np.float32)
    values = np.concatenate([np.reshape(cubes, (n, 9)), np.reshape(plates, (n, 9)), yaws], axis=1).astype(np.float32)
    return samples.Samples(
        images=np.zeros((n, 2, 1, 1, 3), np.uint8),
        state=state,
        chunk=np.zeros((n, 16, 7), np.float32),
        valid=np.ones((n, 16), bool),
        weight=np.ones(n, np.float32),
        instruction=np.zeros(n, np.int32),
        episode=np.arange(n, dtype=np.int32),
        readouts=values,
        embodiment=np.zeros(n, np.int32),
        instructions=[instruction],
        embodiments=[samples.embodiment(np.ones(7, bool), {})],
    )


DOWN = [0.0, 1.0, 0.0, 0.0]  # the tool's z into the table, its x as the base's
CUBES = [[0.50, 0.00, 0.06], [0.40, 0.20, 0.02], [0.50, 0.05, 0.02]]
PLATES = [[0.6, -0.2, 0.0], [0.6, 0.0, 0.0], [0.6, 0.2, 0.0]]


def test_readouts_say_where_things_are_from_the_base_and_from_the_tool():
    data = moments("stack the red cube on the blue cube", [CUBES], [PLATES], [[0.3, 0.1, 0.2]], [[0.5, 0.0, 0.1, *DOWN]])
    read = tabletop.readouts(data)[0]
    assert read.shape == (40,)
    middle, scale = np.array([0.5, 0.0, 0.05]), 0.15
    np.testing.assert_allclose(read[:9], (np.ravel(CUBES) - np.tile(middle, 3)) / scale, atol=1e-6)
    np.testing.assert_allclose(read[18:24] * scale, np.concatenate([CUBES[0] - middle, CUBES[2] - middle]), atol=1e-6)
    np.testing.assert_allclose(read[30:32], [np.cos(1.2), np.sin(1.2)], atol=1e-6)  # four times 0.3 rad
    np.testing.assert_allclose(read[32:38] * scale, [0, 0, 0.04, 0, -0.05, 0.08], atol=1e-6)  # y and z turn with the tool
    np.testing.assert_allclose(read[38:], [np.cos(1.2), np.sin(1.2)], atol=1e-6)
    quarter = [np.cos(np.pi / 4), 0.0, 0.0, np.sin(np.pi / 4)]  # upright, x along the base's y
    turned = moments("push the red cube to the left", [CUBES], [PLATES], [[0.3, 0.1, 0.2]], [[0.5, 0.0, 0.1, *quarter]])
    read = tabletop.readouts(turned)[0]
    assert np.isnan(read[21:24]).all() and np.isnan(read[35:38]).all()  # a push has no place
    np.testing.assert_allclose(read[38:], [np.cos(4 * (0.3 - np.pi / 2)), np.sin(4 * (0.3 - np.pi / 2))], atol=1e-5)


@pytest.mark.parametrize(("instruction", "held", "expected"), [("stack the red cube on the blue cube", True, 3.0), ("put the red cube on the purple plate", True, 1.5), ("push the red cube to the left", True, 1.0), ("stack the red cube on the blue cube", False, 1.0)])
def test_moments_of_a_held_cube_near_its_place_count_more(instruction, held, expected):
    tool = [0.5, 0.0 if held else 0.06, 0.07, *DOWN]
    data = moments(instruction, [CUBES], [PLATES], [[0.0, 0.0, 0.0]], [tool])
    data.readouts = tabletop.readouts(data)
    assert tabletop.emphasis(data).tolist() == [expected]
