# SPDX-License-Identifier: Apache-2.0
"""Two cameras and a sentence move an arm: a policy drives the simulated tabletop through every stage of Sinew."""

from pathlib import Path

import sinew
from sinew import kinematics, sim

instruction = "put the red cube on the yellow plate"
robot = sim.MujocoRobot.tabletop(seed=7, camera_size=(96, 96))
policy = sinew.Policy.load(Path(sinew.__file__).parent / "models" / "tabletop")  # sees pixels, words and joint angles
chain = kinematics.Chain.from_urdf(robot.urdf, "link0", "tool")
loop = sinew.runtime.ControlLoop(robot, policy, chain=chain, inference_rate=2.5)
loop.instruction = instruction
loop.reset()
while not robot.succeeded(instruction) and robot.now < 20:
    loop.run_for(0.1)
print(instruction, "after", round(robot.now, 1), "s:", "done" if robot.succeeded(instruction) else loop.last_error)
