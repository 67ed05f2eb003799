# SPDX-License-Identifier: Apache-2.0
"""The shipped policy of the tabletop: what it is, and that it does what it is told."""

import json
from pathlib import Path

import numpy as np
import pytest

import sinew
from sinew import evaluate, tabletop_world

PACKAGE = Path(sinew.__file__).parent
pytestmark = pytest.mark.skipif(not list(PACKAGE.glob("_sinew_sim*")), reason="built without SINEW_SIM")
DIRECTORY = tabletop_world.SHIPPED


def test_it_is_small_and_sees_only_what_a_robot_has():
    assert sum(path.stat().st_size for path in DIRECTORY.iterdir()) <= 12e6
    card = json.loads((DIRECTORY / "sinew.json").read_text())
    assert card["backend"] == "cpu" and card["dtype"] == "bf16"
    assert {channel["name"] for channel in card["state"]["channels"]} <= {"joint_position", "joint_velocity", "tool_pose"}
    assert [camera["name"] for camera in card["cameras"]] == ["front", "wrist"]


def test_45_of_50_layouts():
    options = evaluate.Options(DIRECTORY, episodes=50)
    condition = evaluate.CONDITIONS["random"]
    summary = evaluate.summarize(condition, evaluate.evaluate(options, condition))
    print(evaluate.line(summary))
    assert summary["all"]["succeeded"] >= 45, summary["failed"]
    assert not [failure for failure in summary["failed"] if failure["status"] != "ok"]


def test_it_goes_where_the_pictures_show_the_cube_not_where_it_is():
    """Pictures of one layout, while the simulator, joints and tool are those of another."""
    from sinew import sim

    robot = sim.MujocoRobot.tabletop(camera_size=(96, 96))
    policy = sinew.Policy.load(DIRECTORY)
    shown, ways = [], []
    for seed in range(900, 924):
        text = f"put the {('red', 'green', 'blue')[seed % 3]} cube on the yellow plate"
        robot.reset(seed)
        pictures, shown_at = robot.observe(text).cameras, robot.objects()["cube_" + text.split()[2]][0][:2]
        robot.reset(seed + 1000)
        there = robot.observe(text)
        stands_at = robot.objects()["cube_" + text.split()[2]][0][:2]
        if np.linalg.norm(shown_at - stands_at) < 0.1:
            continue
        chunk = policy.act(sinew.Observation(pictures, there.state, text, time=there.time), seed=0)
        end = chunk.values[-4:, :2].mean(0)  # of the tool, after 1.4 s
        shown.append(np.linalg.norm(end - shown_at))
        ways.append(np.linalg.norm(end - stands_at))
    assert len(shown) > 10
    assert np.median(shown) < 0.05 < 0.1 < np.median(ways)
    assert np.mean(np.array(shown) < np.array(ways)) > 0.9
