# SPDX-License-Identifier: Apache-2.0
"""A backend and a robot of one's own: two classes that inherit from nothing, through Policy and ControlLoop."""

import sys

import numpy as np

import sinew
from sinew import motion


class ReachBackend:
    """Stands for an engine: each step of a chunk goes a fifth of what is left of the way to 0.8 rad, or -0.8 unless told "left"."""

    def __init__(self, directory):
        self.horizon = sinew.load_card(f"{directory}/sinew.json")["action"]["horizon"]

    def infer(self, inputs):
        goal = 0.8 if "left" in inputs["prompt"].tobytes().decode() else -0.8
        rest = 0.8 ** np.arange(1, self.horizon + 1)[:, None]
        return {"actions": goal + rest * (inputs["state"] - goal)}  # [horizon, dof]


class TwoJoints:
    """Stands for a driver: two servos that lag 20 ms behind their targets, on a clock that goes on when the loop waits."""

    def __init__(self):
        self.milliseconds, self.observations = 0, 0
        self.q = self.target = np.zeros(2)
        self.limits = motion.JointLimits([-1.5] * 2, [1.5] * 2, [1.0] * 2, [5.0] * 2, [100.0] * 2, names=["shoulder", "elbow"])

    @property
    def now(self):
        return self.milliseconds / 1000

    def wait_until(self, time):
        while self.now < time:
            self.q = self.q + (self.target - self.q) / 20
            self.milliseconds += 1

    def observe(self, instruction):
        self.observations += 1
        return sinew.Observation({}, {"joint_position": (self.q, self.now, "rad")}, instruction, time=self.now, id=self.observations)

    def positions(self):
        return self.q

    def command(self, q):
        self.target = np.array(q)

    def stop(self):
        self.target = self.q


registry = sinew.BackendRegistry()
registry.add("reach", ReachBackend)
policy = sinew.Policy.load(sys.argv[1], registry=registry)
robot = TwoJoints()
loop = sinew.runtime.ControlLoop(robot, policy, control_rate=200, inference_rate=10)
loop.instruction = "go left"
loop.reset()
status = loop.run_for(4)
print(f"{robot.now:.1f} s: {robot.q.round(4)} rad, {loop.statistics()['ticks']} ticks")
assert status == "ok" and np.abs(robot.q - 0.8).max() < 1e-3
