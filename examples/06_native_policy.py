# SPDX-License-Identifier: Apache-2.0
"""A policy directory on both compute backends: Qwen3-VL and a flow-matching head; then its backbone alone."""

import sys

import numpy as np

import sinew
from sinew import nn

directory = sys.argv[1]
card = sinew.load_card(f"{directory}/sinew.json")
# What the card asks for: a frame of each camera, each channel; grey frames and zeros stand for a robot here.
frames = {camera["name"]: np.full((camera["height"], camera["width"], 3), 128, np.uint8) for camera in card["cameras"]}
state = {channel["name"]: np.zeros(channel["size"]) for channel in card["state"]["channels"]}
observation = sinew.Observation(frames, state, "put the red cube on the yellow plate")

for backend in ("cpu", "torch"):
    try:
        policy = sinew.Policy.load(directory, backend=backend)
    except ImportError as error:
        print(f"{backend}: {error}")
        continue
    chunk = policy.act(observation, seed=1)
    print(f"{backend}: {chunk.values.shape[0]} steps of {chunk.values.shape[1]} joints, first", np.round(chunk.values[0], 4))

model = nn.load(directory)
ids = np.arange(1, 9)
print("hidden states", model.hidden_states(ids).shape, "next tokens", model.generate(ids, max_new_tokens=5))
