# SPDX-License-Identifier: Apache-2.0
"""Recordings of the demonstrator in the tabletop simulator, for tests of what comes after a recording."""

import sinew
from sinew import episodes


def record(path, seeds, camera_size=(128, 128)):
    """One episode for each seed, at 10 observations a second and 100 commands; all succeed."""
    from sinew import sim

    robot = sim.MujocoRobot.tabletop(seed=seeds[0], camera_size=camera_size)
    policy = sim.demonstrator_policy(robot)
    known = sim.known_instructions()
    names = policy.card["action"]["joint_names"]
    with sinew.record.Recorder(path, card=policy.card, joint_names=names, wait_for_room=True) as recorder:
        chain = sinew.kinematics.Chain.from_urdf(robot.urdf, "link0", "tool")
        loop = sinew.runtime.ControlLoop(robot, policy, chain=chain, control_rate=100, inference_rate=10, recorder=recorder)
        for index, seed in enumerate(seeds):
            instruction = known[seed % len(known)]
            robot.reset(seed, instruction)
            loop.instruction = instruction
            loop.reset()
            episodes.begin(recorder, robot.now, index, seed, instruction)
            for _, succeeded in episodes.steps(loop, robot, instruction):
                assert not loop.halted, loop.last_error
            episodes.end(recorder, robot.now, index, succeeded)
            assert succeeded
    return robot.urdf
