# SPDX-License-Identifier: Apache-2.0
"""Samples to the tensors that the policy runs on: prompts through the directory's own encoder, frames to patches, numbers normalised."""

import json
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
import torch

from sinew._errors import error
from sinew.train.prompts import Prompts


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
    mask: torch.Tensor | None = None  # bool [b, 1, action_dim]: columns that count; None: all of them
    inputs: dict = field(default_factory=dict)  # name -> [b, ...]: other inputs of the head, e.g. "extrinsics"

    def to(self, device):
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        inputs = {name: value.to(device) for name, value in values.pop("inputs").items()}
        return Batch(**{name: None if value is None else value.to(device) for name, value in values.items()}, inputs=inputs)


def _mean_std(directory, normalization, stats):
    """[2, ...] mean and deviation that numbers are normalised with."""
    if not normalization or normalization["mode"] != "mean_std":
        mode = normalization["mode"] if normalization else "none"
        raise error("unsupported", "train", f"normalization of {directory}", "mean_std, which is what training writes and knows", mode)
    of = stats[normalization["key"]]
    return np.asarray([of["mean"], of["std"]], np.float32)


class Batches:
    """Draws batches. phrases: instruction -> texts, one of which is drawn each time; others stand for themselves."""

    def __init__(self, directory, samples, phrases=None, state_noise=0.0, device="cpu"):
        self.device = device
        self.directory, self.samples, self.state_noise = Path(directory), samples, state_noise
        self.card = json.loads((self.directory / "sinew.json").read_text())
        stats = json.loads((self.directory / "stats.json").read_text())
        self._prompts = Prompts(self.directory, samples.embodiments, samples.images.shape[2:])
        self._phrases = [(phrases or {}).get(text, [text]) for text in samples.instructions]
        processor = json.loads((self.directory / "preprocessor_config.json").read_text())
        self._patch, self._merge = processor["patch_size"], processor["merge_size"]
        self.grid = tuple(side // self._patch for side in samples.images.shape[2:4])
        state, action = (_mean_std(self.directory, self.card[part]["normalization"], stats) for part in ("state", "action"))
        self.state = (samples.state - state[0]) / state[1]
        self.actions = (samples.chunk - action[0]) / action[1]
        self._masks = None if samples.masks.all() else samples.masks[:, None]
        self._inputs = samples.inputs

    def __len__(self):
        return len(self.samples)

    def prompt(self, text, embodiment=0, named=True):
        """ids and positions of an instruction, as the policy will see them; `named`: with the embodiment's name."""
        return self._prompts.encode(text, embodiment, named)

    def patches(self, images):
        """uint8 [b, cameras, height, width, 3] -> f32 rows [b, cameras, patches, 3 patch patch] in [-1, 1]: one of a still image's two equal
        temporal copies."""
        rows, columns, p, m = *self.grid, self._patch, self._merge
        x = torch.tensor(images).to(self.device).float().div_(127.5).sub_(1)
        x = x.unflatten(3, (columns // m, m, p)).unflatten(2, (rows // m, m, p))  # b c R m p C m p 3
        return x.permute(0, 1, 2, 5, 3, 6, 8, 4, 7).flatten(2, 5).flatten(3)

    def draw(self, places, rng, embodiment_dropout=0.0):
        """A batch of the samples at `places` [b]. embodiment_dropout: the share of prompts that do not name the embodiment."""
        s = self.samples
        texts = [options[rng.integers(len(options))] for options in (self._phrases[i] for i in s.instruction[places])]
        named = rng.random(len(places)) >= embodiment_dropout if embodiment_dropout else np.ones(len(places), bool)
        prompts = [self.prompt(*each) for each in zip(texts, s.embodiment[places].tolist(), named.tolist(), strict=True)]
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
            mask=None if self._masks is None else as_tensor(self._masks[s.embodiment[places]]),
            inputs={name: as_tensor(values[s.embodiment[places]]) for name, values in self._inputs.items()},
        ).to(self.device)
