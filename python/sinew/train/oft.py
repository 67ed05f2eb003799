# SPDX-License-Identifier: Apache-2.0
"""StarVLA's regression head, what include/sinew/nn/heads/oft.hpp runs: an action for each placeholder of the prompt. Form, names of parameters and
loss: starVLA/starVLA @ 0ed0aad MLP_ActionHeader.py, framework/VLM4A/QwenOFT.py."""

from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn import functional as F

from sinew._errors import error
from sinew.train.losses import counted_mean, row_means

PLACEHOLDER = "\N{LEFT-POINTING MAGNIFYING GLASS}"  # that of the prompt "starvla" with chunk_size


@dataclass
class OftConfig:
    """Sizes; the same names as in "action_head" of config.json (include/sinew/nn/heads/oft_config.hpp)."""

    context_width: int
    width: int
    blocks: int
    horizon: int
    action_dim: int
    placeholder: int  # id

    def to_json(self):
        return {"type": "oft"} | asdict(self)

    @classmethod
    def prepare(cls, directory, card, chunks):
        """Words that a tokenizer of the policy's own needs."""
        if card["prompt"]["fields"].get("chunk_size") != str(card["action"]["horizon"]):
            raise error("invalid_argument", "train", "prompt of the card", f"'starvla' with chunk_size {card['action']['horizon']}, a placeholder for each action", str(card["prompt"]))
        return [PLACEHOLDER]

    @classmethod
    def small(cls, width, heads, state_dim, action_dim, horizon, card, words):
        return cls(
            context_width=width, width=2 * width, blocks=2, horizon=horizon, action_dim=action_dim, placeholder=words.encode(PLACEHOLDER, add_special_tokens=False).ids[0]
        )


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.ffn = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.ReLU())

    def forward(self, x):
        return x + self.ffn(x)


class ResNet(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(config.context_width)
        self.fc1 = nn.Linear(config.context_width, config.width)
        self.mlp_resnet_blocks = nn.ModuleList(Block(config.width) for _ in range(config.blocks))
        self.layer_norm2 = nn.LayerNorm(config.width)
        self.fc2 = nn.Linear(config.width, config.action_dim)

    def forward(self, x):
        x = F.relu(self.fc1(self.layer_norm1(x)))
        for block in self.mlp_resnet_blocks:
            x = block(x)
        return self.fc2(self.layer_norm2(x))


class Oft(nn.Module):
    """Hidden states of the last placeholders to actions [b, horizon, action_dim]; nothing is drawn."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.model = ResNet(config)

    def initialize(self):
        with torch.no_grad():
            self.model.fc2.weight.mul_(0.1)
            self.model.fc2.bias.zero_()

    def forward(self, prompt):
        places = prompt.ids == self.config.placeholder
        behind = places.flip(1).cumsum(1).flip(1)  # placeholders from here on
        chosen = places & (behind <= self.config.horizon)
        count = chosen.sum(1)
        if (count != self.config.horizon).any():
            raise error("invalid_argument", "oft", "placeholders of the prompt", f"at least {self.config.horizon}", str(count.min().item()), "the prompt's chunk_size")
        return self.model(prompt.hidden[chosen].unflatten(0, (-1, self.config.horizon)))

    def act(self, noise, prompt, state=None):
        return self(prompt)

    def loss(self, prompt, batch, times, noise, draws):
        """Mean absolute error; times and noise are those of flows."""
        return counted_mean(row_means((self(prompt).float() - batch.actions).abs(), batch.mask), batch)
