# SPDX-License-Identifier: Apache-2.0
"""Samples to the tensors that the policy runs on: prompts through the directory's own encoder, frames to patches, numbers normalised."""

import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch

import sinew
from sinew import observation


@dataclass
class Batch:
    ids: torch.Tensor  # int64 [b, n]
    positions: torch.Tensor  # int64 [b, 3, n]
    lengths: torch.Tensor  # int64 [b]
    patches: torch.Tensor  # f32 [b, cameras, patches, 3 patch patch], in merge order
    state: torch.Tensor  # f32 [b, 1, state_dim]
    actions: torch.Tensor  # f32 [b, horizon, action_dim], normalised
    valid: torch.Tensor  # f32 [b, horizon, 1]
    weight: torch.Tensor  # f32 [b]
    readouts: torch.Tensor  # f32 [b, k]

    def to(self, device):
        return Batch(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


class Batches:
    """Draws batches. phrases: instruction -> texts, one of which is drawn each time; others stand for themselves."""

    def __init__(self, directory, samples, phrases=None, state_noise=0.0, device="cpu"):
        self.device = device
        self.directory, self.samples, self.state_noise = Path(directory), samples, state_noise
        self.card = json.loads((self.directory / "sinew.json").read_text())
        stats = json.loads((self.directory / "stats.json").read_text())
        self._encoder = observation.VlaEncoder.from_directory(str(directory))
        self._phrases = [(phrases or {}).get(text, [text]) for text in samples.instructions]
        self._encoded = {}  # text -> ids, positions
        processor = json.loads((self.directory / "preprocessor_config.json").read_text())
        self._patch, self._merge = processor["patch_size"], processor["merge_size"]
        self.grid = tuple(side // self._patch for side in samples.images.shape[2:4])
        state, action = (np.asarray([stats[key]["mean"], stats[key]["std"]], np.float32) for key in ("state", "action"))
        self.state = (samples.state - state[0]) / state[1]
        self.actions = (samples.chunk - action[0]) / action[1]

    def __len__(self):
        return len(self.samples)

    def prompt(self, text):
        """ids and positions of an instruction, as the policy will see them."""
        if text not in self._encoded:
            frame = np.zeros(self.samples.images.shape[2:], np.uint8)
            state = {channel["name"]: (np.zeros(channel["size"]), 0.0, channel["unit"]) for channel in self.card["state"]["channels"]}
            for values, _, unit in state.values():
                if unit.endswith("quat_wxyz"):
                    values[-4] = 1.0
            tensors = self._encoder.encode(sinew.Observation({c["name"]: (frame, 0.0) for c in self.card["cameras"]}, state, text, time=0.0))
            self._encoded[text] = tensors["input_ids"].astype(np.int64), tensors["position_ids"].astype(np.int64)
        return self._encoded[text]

    def patches(self, images):
        """uint8 [b, cameras, height, width, 3] -> f32 rows [b, cameras, patches, 3 patch patch] in [-1, 1]: one of a still image's two equal
        temporal copies."""
        rows, columns, p, m = *self.grid, self._patch, self._merge
        x = torch.tensor(images).to(self.device).float().div_(127.5).sub_(1)
        x = x.unflatten(3, (columns // m, m, p)).unflatten(2, (rows // m, m, p))  # b c R m p C m p 3
        return x.permute(0, 1, 2, 5, 3, 6, 8, 4, 7).flatten(2, 5).flatten(3)

    def draw(self, places, rng):
        """A batch of the samples at `places` [b]."""
        s = self.samples
        texts = [self._phrases[i] for i in s.instruction[places]]
        prompts = [self.prompt(options[rng.integers(len(options))]) for options in texts]
        lengths = [len(ids) for ids, _ in prompts]
        ids = np.zeros((len(places), max(lengths)), np.int64)
        positions = np.zeros((len(places), 3, max(lengths)), np.int64)
        for row, (tokens, places_of) in enumerate(prompts):
            ids[row, : len(tokens)] = tokens
            positions[row, :, : len(tokens)] = places_of
        state = self.state[places] + self.state_noise * rng.standard_normal((len(places), self.state.shape[1]), dtype=np.float32)
        as_tensor = torch.from_numpy
        return Batch(
            ids=as_tensor(ids),
            positions=as_tensor(positions),
            lengths=torch.tensor(lengths),
            patches=self.patches(s.images[places]),
            state=as_tensor(state)[:, None],
            actions=as_tensor(self.actions[places]),
            valid=as_tensor(s.valid[places, :, None].astype(np.float32)),
            weight=as_tensor(s.weight[places]),
            readouts=as_tensor(s.readouts[places]),
        ).to(self.device)


