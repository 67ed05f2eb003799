# SPDX-License-Identifier: Apache-2.0
"""Parts of diffusion transformers: what include/sinew/nn/heads/dit_parts.hpp runs, and attention for several draws of one prompt."""

import torch
from torch import nn
from torch.nn import functional as F

from sinew.train.attention import attend
from sinew.train.flow_dit import TIME_WIDTH, timestep_projection


class SiluMlp(nn.Module):
    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.layer1 = nn.Linear(inputs, hidden)
        self.layer2 = nn.Linear(hidden, outputs)

    def forward(self, x):
        return self.layer2(F.silu(self.layer1(x)))


class SwiGlu(nn.Module):
    def __init__(self, inputs, width):
        super().__init__()
        self.gate = nn.Linear(inputs, width)
        self.up = nn.Linear(inputs, width)
        self.down = nn.Linear(width, inputs)

    def forward(self, x):
        return self.down(F.silu(self.gate(x)) * self.up(x))


class TimeEmbedding(SiluMlp):
    """[n] from 0 to 1 -> [n, width]."""

    def __init__(self, width):
        super().__init__(TIME_WIDTH, width, width)

    def forward(self, time):
        return super().forward(timestep_projection(1000 * time).to(self.layer1.weight.dtype))


def modulated(x, shift, scale):
    """Layer norm without weights, then scale and shift."""
    return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift


def heads_of(x, heads):
    """[b, n, width] -> [b, heads, n, dim]."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def attend_draws(q, k, v, hidden=None):
    """As attention.attend; q [b draws, heads, n, dim] of keys and values of b rows, whose draws follow one another."""
    draws = q.shape[0] // k.shape[0]
    side_by_side = q.unflatten(0, (-1, draws)).transpose(1, 2).flatten(2, 3)  # [b, heads, draws n, dim]
    out = attend(side_by_side, k, v, hidden)
    return out.unflatten(2, (draws, -1)).transpose(1, 2).flatten(0, 1)
