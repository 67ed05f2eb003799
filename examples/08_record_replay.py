# SPDX-License-Identifier: Apache-2.0
"""Records the tabletop arm, is killed in the middle, recovers what was acknowledged, computes the same commands again from the file, and
exports it as a dataset."""

import json
import os
import signal
import sys
import tempfile
from pathlib import Path

import sinew
from sinew import cli, kinematics, sim

SEED = 7
INSTRUCTION = "put the red cube on the yellow plate"


def make_loop(recorder=None):
    """The same robot and loop for the run and for its repetition."""
    robot = sim.MujocoRobot.tabletop(seed=SEED)
    policy = sim.demonstrator_policy(robot)  # stands in for a model: it sees the simulator's state
    chain = kinematics.Chain.from_urdf(robot.urdf, "link0", "tool")
    loop = sinew.runtime.ControlLoop(robot, policy, chain=chain, recorder=recorder)
    loop.instruction = INSTRUCTION
    return robot, loop


def record_and_die(file):
    """In a process of its own, which dies without warning after three seconds of the robot's time."""
    robot = sim.MujocoRobot.tabletop(seed=SEED)
    card = sim.demonstrator_policy(robot).card
    names = card["action"]["joint_names"]
    recorder = sinew.record.Recorder(file, card=card, joint_names=names, limits=robot.limits, wait_for_room=True)  # a simulator may wait
    robot, loop = make_loop(recorder)
    recorder.add_event(robot.now, "episode", json.dumps({"index": 0, "seed": SEED, "instruction": INSTRUCTION}))
    loop.reset()
    loop.run_for(3.0)
    print("killed;", recorder.acknowledged(), "records are with the kernel", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
folder.mkdir(parents=True, exist_ok=True)
file = folder / "run.mcap"
file.unlink(missing_ok=True)
child = os.fork()
if child == 0:
    record_and_die(file)
_, status = os.waitpid(child, 0)
assert os.WIFSIGNALED(status)

report = sinew.record.recover(file)
print("recovered", report.messages, "messages in", report.chunks, "chunks, up to record", report.last_sequence)
again = make_loop()[1].replay(recording=file)
print(len(again["command"]), "ticks replayed,", again["different"], "differ")
assert len(again["command"]) > 400 and again["different"] == 0

sys.exit(cli.main(["export", str(file), "--to", "lerobot", str(folder / "dataset"), "--overwrite"]))
