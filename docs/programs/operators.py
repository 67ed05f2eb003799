# SPDX-License-Identifier: Apache-2.0
"""Takes over from a policy and hands back, as docs/teleoperation.md shows it: operators.py FOLDER."""

import sys
from pathlib import Path

import sinew
from sinew import kinematics, sim

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
robot = sim.MujocoRobot.tabletop(seed=7, render=False)
policy = sim.demonstrator_policy(robot)
chain = kinematics.Chain.from_urdf(robot.urdf, "link0", "tool")
path = folder / "taken_over.mcap"
path.unlink(missing_ok=True)
recorder = sinew.record.Recorder(path, card=policy.card, joint_names=robot.limits.names, limits=robot.limits)
before = robot.observe("").state["tool_pose"][0][:3]

# docs: begin jog
jog = sinew.runtime.JogOperator(chain, max_speed=0.2)
loop = sinew.runtime.ControlLoop(robot, policy, chain=chain, recorder=recorder, operator=jog)
loop.reset()
jog.take_over()
for _ in range(20):
    jog.set_input(velocity=(0.1, 0, 0), gripper=0.02)  # again and again, at least every 0.3 s
    loop.run_for(0.05)
jog.hand_back()
# docs: end jog
after = robot.observe("").state["tool_pose"][0][:3]
print("the tool moved by", (after - before).round(3), "m")
assert 0.05 < (after - before)[0] < 0.12


def trigger(observation):
    return observation.state["tool_pose"][0][2] < 0.2


# docs: begin corrector
corrector = sinew.runtime.PolicyOperator(sinew.sim.demonstrator_policy(robot), trigger, name="demonstrator")
# docs: end corrector
assert corrector.name == "demonstrator"
loop.run_for(0.1)
recorder.close()
