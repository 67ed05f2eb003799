# SPDX-License-Identifier: Apache-2.0
"""The waypoint head of Qwen-RobotNav (arXiv 2606.18112v3): what include/sinew/nn/heads/robotnav_mlp.hpp runs, whose comment says what was chosen."""

from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn import functional as F

from sinew._errors import error
from sinew.train.losses import counted_mean, row_errors

NUMBERS = 3  # of a waypoint: x, y, heading


@dataclass
class RobotNavConfig:
    """Sizes; the same names as in "action_head" of config.json (include/sinew/nn/heads/robotnav_mlp_config.hpp)."""

    context_width: int
    hidden: int = 512
    layers: int = 4
    waypoints: int = 8
    read: str = "last"  # token of the prompt; or "mean" of all

    def to_json(self):
        return {"type": "robotnav_mlp"} | asdict(self)

    @classmethod
    def small(cls, width, heads, state_dim, action_dim, horizon, card=None, words=None):
        if action_dim != NUMBERS:
            raise error("unsupported", "train", "robotnav_mlp", "a card whose rows are waypoints x, y, heading", f"rows of {action_dim} numbers")
        return cls(context_width=width, hidden=2 * width, waypoints=horizon)


class RobotNavMlp(nn.Module):
    """Hidden states to waypoints [b, waypoints, 3], divided by `waypoint_scale`."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        widths = [config.context_width, *[config.hidden] * (config.layers - 1), config.waypoints * NUMBERS]
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in zip(widths, widths[1:], strict=False))

    def initialize(self):
        with torch.no_grad():
            self.layers[-1].weight.mul_(0.1)
            self.layers[-1].bias.zero_()

    def forward(self, hidden, seen=None):
        """hidden [b, n, context_width]; seen: bool [b, n], False for padding on the right."""
        seen = torch.ones(hidden.shape[:2], dtype=torch.bool, device=hidden.device) if seen is None else seen
        lengths = seen.sum(-1)
        if self.config.read == "mean":
            x = (hidden * seen[..., None]).sum(1) / lengths[:, None]
        else:
            x = hidden[torch.arange(len(hidden), device=hidden.device), lengths - 1]
        for layer in self.layers[:-1]:
            x = F.gelu(layer(x))
        return self.layers[-1](x).unflatten(-1, (self.config.waypoints, NUMBERS))

    def act(self, noise, prompt, state=None):
        """Waypoints of a losses.Prompt; nothing is drawn."""
        return self(prompt.hidden, prompt.seen)

    def loss(self, prompt, batch, times, noise, draws):
        """Mean squared error of waypoints; times and noise are those of flows."""
        return counted_mean(row_errors(self(prompt.hidden, prompt.seen), batch.actions, batch.mask), batch)


def waypoint_scale(waypoints):
    """[n, 3] or [n, waypoints, 3] of a data set, m, m, rad -> its 99th percentiles of |x|, |y|, |heading|: "scale" of a card's part "waypoint"."""
    return torch.as_tensor(waypoints).reshape(-1, NUMBERS).double().abs().quantile(0.99, dim=0)
