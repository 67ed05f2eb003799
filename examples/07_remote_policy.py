# SPDX-License-Identifier: Apache-2.0
"""The policy runs in another process, which is killed in mid-motion and comes back: the arm slows down, waits, and goes on."""

import subprocess
import sys
import time

import numpy as np

import sinew
from sinew import kinematics, remote, sim, tabletop_world


def serve(port):
    """`sinew serve` in a process of its own; (process, port)."""
    command = [sys.executable, "-m", "sinew", "serve", str(tabletop_world.SHIPPED), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    said = process.stdout.readline()  # serving ... at ws://127.0.0.1:41083, protocol openpi
    return process, int(said.split(":")[-1].split(",")[0])


instruction = "put the red cube on the yellow plate"
server, port = serve(0)
robot = sim.MujocoRobot.tabletop(seed=7, camera_size=(96, 96))
# docs: begin connect
policy = remote.connect(port=port, deadline=2.0)  # its card is the server's
# docs: end connect
loop = sinew.runtime.ControlLoop(
    robot, policy, chain=kinematics.Chain.from_urdf(robot.urdf, "link0", "tool"), control_rate=500, inference_rate=tabletop_world.LEARNED_RATE, log_seconds=60
)
robot.reset(7, instruction)
loop.instruction = instruction
loop.reset()
killed = False
while not robot.succeeded(instruction) and robot.now < 40:
    status = loop.run_for(0.1)
    if robot.now > 1.5 and not killed:
        server.kill()  # no farewell
        server.wait()
        killed = True
        print(f"{robot.now:.1f} s: the server is gone")
        for _ in range(25):
            status = loop.run_for(0.1)
        print(f"{robot.now:.1f} s: {status}, mode {loop.safety()['mode']}")
        server, _ = serve(port)
        time.sleep(0.5)  # a connection that failed is not tried again at once
print("done" if robot.succeeded(instruction) else "not done", f"after {robot.now:.1f} s")
server.terminate()
server.wait()

again = loop.replay()
commands, limits = again["command"], loop.limits
speed = np.abs(np.diff(commands, axis=0)) * 500
print("speed, of its limit:", f"{(speed / np.asarray(limits.velocity)).max():.2f}")
assert robot.succeeded(instruction) and (commands >= limits.lower).all() and (commands <= limits.upper).all() and (speed <= np.asarray(limits.velocity) * 1.001).all()
