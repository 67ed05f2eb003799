# SPDX-License-Identifier: Apache-2.0
"""A robot of your own in Python: own_robot.py POLICY, a folder that own_policy.py has written."""

import sys

import numpy as np

import sinew
from sinew import motion


# docs: begin driver
class Servos:
    """Stands in for a driver: three servos that follow their targets with a lag."""

    def __init__(self):
        self.time, self.position, self.target = 0.0, np.array([0.0, 0.0, 0.02]), np.array([0.0, 0.0, 0.02])

    def sleep_until(self, time):
        while self.time < time:
            self.time = round(self.time + 0.001, 3)
            self.position = self.position + 0.05 * (self.target - self.position)


# docs: end driver


# docs: begin robot
class Arm:
    """What sinew.runtime.ControlLoop asks of a robot."""

    limits = motion.JointLimits(  # rad and m, and their derivatives; grippers last
        lower=[-1.6, -2.0, 0.0],
        upper=[1.6, 2.0, 0.08],
        velocity=[1.5, 1.5, 0.1],
        acceleration=[6.0, 6.0, 1.0],
        jerk=[120.0, 120.0, 20.0],
        names=["shoulder", "elbow", "gripper"],
    )

    def __init__(self, servos):
        self.servos, self.observations = servos, 0

    @property
    def now(self):  # s, a clock that never goes back
        return self.servos.time

    def wait_until(self, time):
        self.servos.sleep_until(time)

    def observe(self, instruction):
        self.observations += 1
        state = {"joint_position": (self.servos.position, self.now, "rad,m")}  # values, when measured, unit
        return sinew.Observation({}, state, instruction, time=self.now, id=self.observations)

    def positions(self):
        return self.servos.position

    def command(self, q):  # within the limits already
        self.servos.target = np.array(q)

    def stop(self):
        self.servos.target = self.servos.position


# docs: end robot

# docs: begin run
arm = Arm(Servos())
loop = sinew.runtime.ControlLoop(arm, sinew.Policy.load(sys.argv[1]), control_rate=200, inference_rate=5)
print(loop.limits)
loop.instruction = "go to the posture"
loop.reset()
status = loop.run_for(2.0)
print(status, "after", round(arm.now, 2), "s at", arm.positions().round(3), "mode", loop.safety()["mode"])
# docs: end run
assert status == "ok" and np.abs(np.diff(loop.trace()["command"], axis=0)).max() * 200 <= 1.5 + 1e-9
