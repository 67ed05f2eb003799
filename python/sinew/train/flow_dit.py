# SPDX-License-Identifier: Apache-2.0
"""The flow-matching DiT head of GR00T N1 as StarVLA's QwenGR00T trains it: what include/sinew/nn/heads/flow_dit.hpp runs.

Form and names of parameters: starVLA/starVLA @ 0ed0aad GR00T_ActionHeader.py and flow_matching_head/cross_attention_dit.py.
"""

import math
from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn import functional as F

from sinew.train.attention import attend, bias
from sinew.train.losses import flow_loss

TIME_WIDTH = 256


@dataclass
class FlowDitConfig:
    """Sizes; the same names as in "action_head" of config.json (include/sinew/nn/heads/flow_dit_config.hpp)."""

    width: int
    heads: int
    layers: int
    context_width: int
    output_width: int
    mlp_width: int
    horizon: int
    action_dim: int
    state_dim: int = 0
    future_tokens: int = 32
    positions: int = 1024
    steps: int = 4
    buckets: int = 1000
    interleave_self_attention: bool = True

    def to_json(self):
        return {"type": "flow_dit"} | asdict(self)

    @classmethod
    def small(cls, width, heads, state_dim, action_dim, horizon, card=None, words=None):
        return cls(
            width=width, heads=heads, layers=6, context_width=width, output_width=width, mlp_width=width, horizon=horizon, action_dim=action_dim,
            state_dim=state_dim, future_tokens=0, positions=horizon, steps=5,
        )  # fmt: skip


def frequencies(width, divisor, device):
    return torch.exp(-math.log(10000) * torch.arange(width // 2, dtype=torch.float32, device=device) / divisor)


def timestep_projection(time, width=TIME_WIDTH):
    """[n] -> [n, width]: cosines, then sines (diffusers' Timesteps with flip_sin_to_cos and downscale_freq_shift 1)."""
    angles = time.float()[:, None] * frequencies(width, width // 2 - 1, time.device)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def sinusoid(time, width):
    """[n] -> [n, width]: sines, then cosines."""
    angles = time.float()[:, None] * frequencies(width, width // 2, time.device)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


class TimestepEncoder(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.timestep_embedder = nn.ModuleDict({"linear_1": nn.Linear(TIME_WIDTH, width), "linear_2": nn.Linear(width, width)})

    def forward(self, time):
        layers = self.timestep_embedder
        return layers["linear_2"](F.silu(layers["linear_1"](timestep_projection(time).to(layers["linear_1"].weight.dtype))))


class AdaLayerNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(width, 2 * width)

    def forward(self, x, condition):
        scale, shift = self.linear(F.silu(condition)).chunk(2, dim=-1)
        return F.layer_norm(x, x.shape[-1:], eps=1e-5) * (1 + scale[:, None]) + shift[:, None]


class Attention(nn.Module):
    def __init__(self, width, heads, context_width):
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width)
        self.to_k = nn.Linear(context_width, width)
        self.to_v = nn.Linear(context_width, width)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x, context=None, mask=None):
        """x may hold several draws for each row of the context, one after the other: keys and values are computed once for them."""
        source = x if context is None else context
        queries = x if context is None else x.reshape(context.shape[0], -1, x.shape[-1])
        q, k, v = (y.unflatten(-1, (self.heads, -1)).transpose(1, 2) for y in (self.to_q(queries), self.to_k(source), self.to_v(source)))
        hidden = None if mask is None else bias(~mask.bool()[:, None, None])
        return self.to_out[0](attend(q, k, v, hidden).transpose(1, 2).reshape(x.shape))


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = nn.ModuleList([nn.ModuleDict({"proj": nn.Linear(width, 4 * width)}), nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, x):
        return self.net[2](F.gelu(self.net[0]["proj"](x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, config, index):
        super().__init__()
        self.attends_to_context = not config.interleave_self_attention or index % 2 == 0
        self.norm1 = AdaLayerNorm(config.width)
        self.attn1 = Attention(config.width, config.heads, config.context_width if self.attends_to_context else config.width)
        self.ff = FeedForward(config.width)

    def forward(self, x, condition, context, mask):
        h = self.norm1(x, condition)
        x = x + (self.attn1(h, context, mask) if self.attends_to_context else self.attn1(h))
        return x + self.ff(F.layer_norm(x, x.shape[-1:], eps=1e-5))


class Transformer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.timestep_encoder = TimestepEncoder(config.width)
        self.transformer_blocks = nn.ModuleList(Block(config, i) for i in range(config.layers))
        self.proj_out_1 = nn.Linear(config.width, 2 * config.width)
        self.proj_out_2 = nn.Linear(config.width, config.output_width)

    def forward(self, x, time, context, mask):
        condition = self.timestep_encoder(time)
        for block in self.transformer_blocks:
            x = block(x, condition, context, mask)
        shift, scale = self.proj_out_1(F.silu(condition)).chunk(2, dim=-1)
        return self.proj_out_2(F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale[:, None]) + shift[:, None])


class Mlp(nn.Module):
    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.layer1 = nn.Linear(inputs, hidden)
        self.layer2 = nn.Linear(hidden, outputs)

    def forward(self, x):
        return self.layer2(F.relu(self.layer1(x)))


class ActionEncoder(nn.Module):
    def __init__(self, action_dim, width):
        super().__init__()
        self.layer1 = nn.Linear(action_dim, width)
        self.layer2 = nn.Linear(2 * width, width)
        self.layer3 = nn.Linear(width, width)

    def forward(self, actions, time):
        e = self.layer1(actions)
        tau = sinusoid(time, e.shape[-1]).to(e.dtype)[:, None].expand_as(e)
        return self.layer3(F.silu(self.layer2(torch.cat([e, tau], dim=-1))))


class FlowDit(nn.Module):
    """Time runs from 0, noise, to 1, actions. Checkpoints keep these parameters under "action_model."."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.model = Transformer(config)
        if config.state_dim:
            self.state_encoder = Mlp(config.state_dim, config.mlp_width, config.width)
        self.action_encoder = ActionEncoder(config.action_dim, config.width)
        self.action_decoder = Mlp(config.output_width, config.mlp_width, config.action_dim)
        if config.future_tokens:
            self.future_tokens = nn.Embedding(config.future_tokens, config.width)
        self.position_embedding = nn.Embedding(config.positions, config.width)

    def initialize(self):
        """For training from nothing: small velocities."""
        with torch.no_grad():
            last = self.action_decoder.layer2
            last.weight.mul_(0.1)
            last.bias.zero_()

    def loss(self, prompt, batch, times, noise, draws):
        state = batch.state.repeat_interleave(draws, 0) if self.config.state_dim else None

        def velocity(actions, t):
            return self(actions, (t * self.config.buckets).long(), prompt.hidden, state, prompt.seen)

        return flow_loss(velocity, batch, times, noise, draws)

    def forward(self, actions, buckets, context, state=None, mask=None):
        """Velocity [b, horizon, action_dim] of noisy `actions` at `buckets` [b] int64.

        context: hidden states of the prompt [b, tokens, context_width]; mask: [b, tokens], 0 hides; state: [b, n, state_dim]. In training,
        context and mask may have fewer rows, each for as many draws, which follow one another.
        """
        tokens = self.action_encoder(actions, buckets) + self.position_embedding.weight[: actions.shape[1]]
        parts = [] if state is None else [self.state_encoder(state)]
        if self.config.future_tokens:
            parts.append(self.future_tokens.weight.expand(actions.shape[0], -1, -1))
        x = self.model(torch.cat([*parts, tokens], dim=1), buckets, context, mask)
        return self.action_decoder(x)[:, -actions.shape[1] :]

    def act(self, noise, prompt, state=None):
        """Actions of a losses.Prompt, as the policy has them."""
        return self.sample(noise, prompt.hidden, state, prompt.seen)

    @torch.no_grad()
    def sample(self, noise, context, state=None, mask=None, steps=None):
        """Actions [b, horizon, action_dim] from noise of that shape, in Euler steps."""
        steps = steps or self.config.steps
        x = noise
        for k in range(steps):
            buckets = torch.full((x.shape[0],), int(k / steps * self.config.buckets), device=x.device)
            x = x + self(x, buckets, context, state, mask) / steps
        return x
