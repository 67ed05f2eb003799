# SPDX-License-Identifier: Apache-2.0
"""Writes and reads a recording, as docs/recording.md shows it: recording.py POLICY FOLDER."""

import sys
from pathlib import Path

import numpy as np

import sinew
from sinew import motion

policy = sinew.Policy.load(sys.argv[1])
path = Path(sys.argv[2]) / "run.mcap"
path.parent.mkdir(parents=True, exist_ok=True)
path.unlink(missing_ok=True)
names = policy.card["action"]["joint_names"]
limits = motion.JointLimits([-1.6, -2, 0], [1.6, 2, 0.08], [1.5, 1.5, 0.1], [6, 6, 1], [120, 120, 20], names=names)
q = np.array([0.1, 0.2, 0.03])
observation = sinew.Observation({}, {"joint_position": (q, 0.5, "rad,m")}, "move", time=0.5, id=1)
chunk = policy.act(observation)

# docs: begin write
with sinew.record.Recorder(path, card=policy.card, joint_names=names, limits=limits) as recorder:
    number = recorder.add(observation, command=q, chunk=chunk)  # counted from 1; 0 = dropped
    recorder.acknowledged()  # newest record that a crash of this process cannot lose
    recorder.durable()  # newest record that a power cut cannot lose
# docs: end write

kinds = []
# docs: begin read
for record in sinew.record.read(path):  # .card, .limits, .joint_names, .complete, .incomplete, .end, .unverified
    record.sequence  # as add() returned it; 0 = a report of the recorder itself
    record.content  # sinew.Observation with its frames, record.Command, Chunk, Event or Motion
    # docs: end read
    kinds.append(type(record.content).__name__)
    assert record.sequence == number == 1
print(*kinds)
assert sorted(kinds) == ["Chunk", "Command", "Observation"]
