# SPDX-License-Identifier: Apache-2.0
"""Running episodes in the simulator, and marking them in a recording as everything that reads one expects it (docs/recording.md)."""

import json

LONGEST = 12.0  # s of the robot's time, then an episode has failed


def begin(recorder, now, index, seed, instruction):
    recorder.add_event(now, "episode", json.dumps({"index": index, "seed": seed, "instruction": instruction}))


def end(recorder, now, index, succeeded):
    recorder.add_event(now, "episode", json.dumps({"index": index, "succeeded": succeeded}))


def steps(loop, robot, goal, seconds=LONGEST, period=0.1):
    """Runs the loop piece by piece and yields (status, succeeded) after each, until the goal is reached, the time is over, or the loop has halted:
    a halted loop returns at once, and its robot's clock stands still."""
    last, succeeded = robot.now + seconds, False
    while not succeeded and robot.now < last:
        status = loop.run_for(period)
        succeeded = robot.succeeded(goal)
        yield status, succeeded
        if loop.halted:
            return
