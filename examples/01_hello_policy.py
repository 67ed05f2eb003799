# SPDX-License-Identifier: Apache-2.0
"""Two cameras and a sentence move an arm: a policy drives the simulated tabletop through every stage of Sinew."""

import sinew
from sinew import kinematics, sim

instruction = "put the red cube on the yellow plate"
robot = sim.MujocoRobot.tabletop(seed=7)
policy = sim.demonstrator_policy(robot)  # stands in for a model: it sees the simulator's state
chain = kinematics.Chain.from_urdf(robot.urdf, "link0", "tool")
loop = sinew.runtime.ControlLoop(robot, policy, chain=chain)
loop.instruction = instruction
loop.reset()
while not robot.succeeded(instruction) and robot.now < 20:
    loop.run_for(0.1)
print(instruction, "after", round(robot.now, 1), "s:", "done" if robot.succeeded(instruction) else loop.last_error)
