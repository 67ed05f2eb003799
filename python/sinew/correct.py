# SPDX-License-Identifier: Apache-2.0
"""A scripted corrector in the simulator: a policy works, after a while the demonstrator takes over and finishes, and the recording says so."""

import numpy as np

import sinew
from sinew import episodes
from sinew import tabletop_world as world

_EARLIEST, _LATEST = 0.3, 3.0  # s after the beginning
_AFTER = 1.0  # s: how the hand leaves what it has done is part of the correction


def record(path, directory, instructions, count, seed=0, look=None, control_rate=100.0):
    """`count` episodes of the policy in `directory`, each corrected from a moment drawn at random; returns how many then succeeded.

    instructions: in turn. seed: of the layouts, one after another, and of the moments. look: sinew.sim.TabletopLook; None: the usual one.
    """
    from sinew import sim

    rng = np.random.default_rng(seed)
    robot, policy, _ = world.open_world(directory)
    if look is not None:
        robot.set_look(look)
    takes_over_at = [0.0]
    corrector = sinew.runtime.PolicyOperator(sim.demonstrator_policy(robot), lambda seen: seen.time > takes_over_at[0], name="demonstrator")
    joints = policy.card["action"]["joint_names"]
    with sinew.record.Recorder(str(path), joint_names=joints, overwrite=True, wait_for_room=True) as recorder:
        chain = world.chain_of(robot)
        loop = sinew.runtime.ControlLoop(
            robot, policy, chain=chain, control_rate=control_rate, inference_rate=world.SCRIPTED_RATE, recorder=recorder, operator=corrector
        )
        won = 0
        for index in range(count):
            text = instructions[index % len(instructions)]
            robot.reset(seed + index, text)
            takes_over_at[0], loop.instruction = robot.now + rng.uniform(_EARLIEST, _LATEST), text
            policy.reset()
            loop.reset()
            episodes.begin(recorder, robot.now, index, seed + index, text)
            for _, succeeded in episodes.steps(loop, robot, text):
                pass
            if succeeded:
                loop.run_for(_AFTER)
            episodes.end(recorder, robot.now, index, succeeded)
            won += succeeded
    return won
