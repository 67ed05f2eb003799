# SPDX-License-Identifier: Apache-2.0
"""Chunks at 10 Hz that come late become commands at 500 Hz: the tabletop arm, its modes, its ticks, and the same run computed again."""

import sinew
from sinew import kinematics, sim


def lateness(chunk):
    """As a policy on a busy network: 60 ms late, every seventh chunk half a second."""
    return 0.5 if chunk % 7 == 6 else 0.06


instruction = "put the red cube on the yellow plate"
robot = sim.MujocoRobot.tabletop(seed=7)
policy = sim.demonstrator_policy(robot)  # stands in for a model: it sees the simulator's state
loop = sinew.runtime.ControlLoop(
    robot,
    policy,
    chain=kinematics.Chain.from_urdf(robot.urdf, "link0", "tool"),
    control_rate=500,
    inference_rate=10,
    chunk_delay=lateness,
    log_seconds=40,
)
print("limits that hold, and where they come from:", loop.limits, sep="\n", end="")
loop.instruction = instruction
loop.reset()
while not robot.succeeded(instruction) and robot.now < 30:
    loop.run_for(0.1)

statistics = loop.statistics()
print("done" if robot.succeeded(instruction) else "not done", f"after {robot.now:.1f} s")
print(statistics["ticks"], "ticks at 500 Hz,", statistics["missed_ticks"], "missed; timeline and filter, us:")
print({name: round(1e6 * seconds, 2) for name, seconds in statistics["tick_time"].items()})
print(loop.safety()["counts"])

loop.stop()
loop.run_for(0.5)
again = loop.replay()
print("stopped:", loop.safety()["mode"])
print(len(again["command"]), "ticks replayed,", again["different"], "differ")
assert robot.succeeded(instruction) and again["different"] == 0
