# SPDX-License-Identifier: Apache-2.0
"""The path of one observation through the shipped policy, printed stage by stage; docs/one_observation.md shows what it prints.

The two pictures are files, because OpenGL draws a few pixels differently on every machine; all else is the simulator's first layout of seed 7.
`--draw` draws them anew.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

import sinew
from sinew import kinematics, observation, sim

ROOT = Path(__file__).resolve().parents[2]
POLICY = ROOT / "models" / "tabletop"
PICTURES = {name: ROOT / "docs" / "images" / f"observation_{name}.png" for name in ("front", "wrist")}
INSTRUCTION = "put the red cube on the yellow plate"


def show(name, values, digits=3):
    """Name, dtype, shape, and the first and the last numbers."""
    values = np.asarray(values)
    flat = values.reshape(-1)
    some = [f"{value:.{digits}f}" if values.dtype.kind == "f" else str(value) for value in flat]
    text = " ".join(some if len(some) <= 8 else [*some[:4], "...", *some[-2:]])
    print(f"{name:15} {values.dtype!s:8} {list(values.shape)!s:12} {text}")


class SeenBefore:
    """The simulated arm, whose cameras deliver the two files."""

    def __init__(self, robot):
        self.robot, self.limits = robot, robot.limits
        self.wait_until, self.positions, self.command, self.stop = robot.wait_until, robot.positions, robot.command, robot.stop
        self.pictures = {name: np.asarray(Image.open(path)) for name, path in PICTURES.items()}

    @property
    def now(self):
        return self.robot.now

    def observe(self, instruction):
        real = self.robot.observe(instruction)
        frames = {name: (picture, real.time) for name, picture in self.pictures.items()}
        return sinew.Observation(frames, real.state, instruction, time=real.time, id=real.id)


if "--draw" in sys.argv:
    drawn = sim.MujocoRobot.tabletop(seed=7, camera_size=(96, 96))
    for name, (picture, _) in drawn.observe(INSTRUCTION).cameras.items():
        Image.fromarray(picture).save(PICTURES[name])

arm = sim.MujocoRobot.tabletop(seed=7, render=False)
robot = SeenBefore(arm)

print("== observation")
# docs: begin observe
seen = robot.observe(INSTRUCTION)
for name, (picture, _) in seen.cameras.items():
    show(name, picture)
for name in ("joint_position", "tool_pose"):
    show(name, seen.state[name][0])
print(f"{'instruction':15} {seen.instruction}")
# docs: end observe

print("== encode")
# docs: begin encode
encoder = observation.VlaEncoder.from_directory(POLICY)
for name, tensor in encoder.encode(seen).items():
    show(name, tensor)
# docs: end encode

print("== prompt")
# docs: begin prompt
ids = encoder.encode(seen)["input_ids"]
tokenizer = observation.Tokenizer.from_file(POLICY / "tokenizer.json")
text, image = tokenizer.decode(ids), "<|image_pad|>"
while image * 2 in text:
    text = text.replace(image * 2, image)
print(text.replace(image, f"{image}...").replace("><", ">\n<"))
patches = sum(ids == tokenizer.id_of(image))
print(f"of {len(ids)} ids {patches} stand for patches of the pictures")
# docs: end prompt

print("== infer")
# docs: begin infer
policy = sinew.Policy.load(POLICY)
chunk = policy.act(seen, seed=1)  # the seed of the flow's noise
show("actions", policy.outputs["actions"], 2)
# docs: end infer

print("== decode")
# docs: begin decode
print(f"{chunk.space}: row i is due {chunk.dt} s * i after the observation {chunk.observation_id}")
for i in (0, 8, 15):
    show(f"row {i}", chunk.values[i])
# docs: end decode

print("== command")
# docs: begin command
chain = kinematics.Chain.from_urdf(arm.urdf, "link0", "tool")
loop = sinew.runtime.ControlLoop(robot, policy, chain=chain, inference_rate=2.5)
loop.instruction = INSTRUCTION
loop.reset()
loop.run_for(0.39)  # one inference: the next would come after 0.4 s
resolved, trace = loop.chunk(), loop.trace()
show("chunk", resolved.values[-1])
for tick in (0, 38, 77):
    show(f"tick {tick}", trace["command"][tick])
share = (np.abs(trace["velocity"]) / loop.limits.velocity).max()
print(len(trace["command"]), f"commands; the fastest joint reaches {share:.2f} of its limit")
# docs: end command
