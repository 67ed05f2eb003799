# SPDX-License-Identifier: Apache-2.0
"""The action head of Qwen-VLA (arXiv 2605.30280v2): what include/sinew/nn/heads/qwen_vla_dit.hpp runs, whose comment says what was chosen.

Every call goes over the whole stream [prompt, actions]; the C++ code keeps what does not change between steps.
"""

from dataclasses import asdict, dataclass, field

import torch
from torch import nn
from torch.nn import functional as F

from sinew.train.attention import attend, bias
from sinew.train.dit import SiluMlp, SwiGlu, TimeEmbedding, heads_of, modulated
from sinew.train.losses import flow_loss
from sinew.train.qwen3_vl import RmsNorm, doubled, interleaved_angles, rotate


@dataclass
class QwenVlaConfig:
    """Sizes; the same names as in "action_head" of config.json (include/sinew/nn/heads/qwen_vla_dit_config.hpp)."""

    context_width: int
    horizon: int
    action_dim: int
    rows: int
    channels: int
    width: int = 1536
    heads: int = 12
    layers: int = 16
    mlp_width: int = 10240
    steps: int = 4
    rotary_dim: int = 128
    mrope_section: list = field(default_factory=lambda: [24, 20, 20])
    rope_theta: float = 5e6
    qk_norm: bool = True
    joint: bool = True

    def to_json(self):
        return {"type": "qwen_vla_dit"} | asdict(self)

    @classmethod
    def small(cls, width, heads, state_dim, action_dim, horizon, card=None, words=None):
        rotary = width // heads // 2 * 2
        third = rotary // 6
        return cls(
            context_width=width, horizon=horizon, action_dim=action_dim, rows=horizon, channels=action_dim, width=width, heads=heads, layers=6, mlp_width=2 * width,
            rotary_dim=rotary, mrope_section=[rotary // 2 - 2 * third, third, third], rope_theta=100.0,
        )  # fmt: skip


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.q, self.k, self.v, self.out = (nn.Linear(config.width, config.width) for _ in range(4))
        if config.qk_norm:
            self.q_norm, self.k_norm = (RmsNorm(config.width // config.heads, 1e-6) for _ in range(2))

    def forward(self, x, cos, sin, hidden):
        q, k, v = (heads_of(layer(x), self.config.heads) for layer in (self.q, self.k, self.v))
        if self.config.qk_norm:
            q, k = self.q_norm(q), self.k_norm(k)
        rotary = self.config.rotary_dim
        q, k = (torch.cat([rotate(y[..., :rotary], cos, sin), y[..., rotary:]], dim=-1) for y in (q, k))
        return self.out(attend(q, k, v, hidden).transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.modulation = nn.Linear(config.width, 6 * config.width)
        self.attention = Attention(config)
        self.mlp = SwiGlu(config.width, config.mlp_width)

    def forward(self, x, condition, cos, sin, hidden):
        shift, scale, gate, shift_mlp, scale_mlp, gate_mlp = self.modulation(condition).chunk(6, dim=-1)
        x = x + gate * self.attention(modulated(x, shift, scale), cos, sin, hidden)
        return x + gate_mlp * self.mlp(modulated(x, shift_mlp, scale_mlp))


class QwenVlaDit(nn.Module):
    """tau runs from 1, noise, to 0, actions."""

    def __init__(self, config):
        super().__init__()
        self.config, width = config, config.width
        self.context = nn.Linear(config.context_width, width)
        self.time = TimeEmbedding(width)
        self.action_encoder = SiluMlp(config.action_dim, width, width)
        self.action_decoder = SiluMlp(width, width, config.action_dim)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.output_modulation = nn.Linear(width, 2 * width)

    def initialize(self):
        """For training from nothing: blocks begin as the identity (adaLN-zero), velocities small."""
        with torch.no_grad():
            for layer in (*(block.modulation for block in self.blocks), self.output_modulation):
                layer.weight.zero_()
                layer.bias.zero_()
            self.action_decoder.layer2.weight.mul_(0.1)
            self.action_decoder.layer2.bias.zero_()

    def mask(self, inputs, rows):
        """f32 [rows, horizon, action_dim]."""
        c = self.config
        if inputs.get("mask") is not None:
            return inputs["mask"].float()
        mask = torch.zeros(c.horizon, c.action_dim, device=self.context.weight.device)
        mask[: c.rows, : c.channels] = 1
        return mask.expand(rows, -1, -1)

    def forward(self, actions, tau, prompt, inputs=None):
        """Velocity, noise - actions, [b draws, horizon, action_dim] of noisy `actions` at `tau` [b draws]; prompt and inputs have b rows."""
        c, draws = self.config, len(actions) // len(prompt.hidden)
        hidden, seen, positions = (x.repeat_interleave(draws, 0) for x in (prompt.hidden, prompt.seen, prompt.positions))
        mask = self.mask(inputs or {}, len(prompt.hidden)).repeat_interleave(draws, 0)
        b, tokens = seen.shape
        x = torch.cat([self.context(hidden), self.action_encoder(torch.where(mask != 0, actions, 0))], dim=1)

        last = torch.where(seen[:, None], positions, -1).amax((1, 2))
        behind = (last[:, None] + 1 + torch.arange(c.horizon, device=x.device))[:, None].expand(-1, 3, -1)
        cos, sin = doubled(interleaved_angles(torch.cat([positions, behind], dim=-1), c.rotary_dim, c.rope_theta, c.mrope_section))

        keys = torch.cat([seen, mask.any(-1)], dim=1)
        visible = keys[:, None].expand(-1, tokens + c.horizon, -1)
        condition = self.time(tau)[:, None].expand(-1, tokens + c.horizon, -1)
        if not c.joint:  # the prompt sees itself alone, at time 0
            of_prompt = torch.arange(tokens + c.horizon, device=x.device) < tokens
            visible = visible & ~(of_prompt[:, None] & ~of_prompt[None])
            condition = torch.where(of_prompt[:, None], self.time(torch.zeros_like(tau))[:, None], condition)
        condition, unseen = F.silu(condition), bias(~visible)[:, None]
        for block in self.blocks:
            x = block(x, condition, cos[:, None], sin[:, None], unseen)
        shift, scale = self.output_modulation(condition[:, tokens:]).chunk(2, dim=-1)
        return self.action_decoder(modulated(x[:, tokens:], shift, scale)) * mask

    def loss(self, prompt, batch, times, noise, draws):
        """The report's: mean over valid steps and active channels. times run the other way, from 0, noise."""
        mask = batch.valid.expand(-1, -1, self.config.action_dim)
        inputs = batch.inputs | {"mask": mask if batch.mask is None else mask * batch.mask}
        return flow_loss(lambda x, t: -self(x, 1 - t, prompt, inputs), batch, times, noise, draws)

    def act(self, noise, prompt, state=None):
        """Actions of a losses.Prompt, as the policy has them; the state is in its words."""
        return self.sample(noise, prompt)

    @torch.no_grad()
    def sample(self, noise, prompt, inputs=None, steps=None):
        """Actions [b, horizon, action_dim] from noise of that shape, in Euler steps; what the mask hides is 0."""
        steps = steps or self.config.steps
        x = noise
        for k in range(steps):
            x = x - self(x, torch.full((len(x),), 1 - k / steps, device=x.device), prompt, inputs) / steps
        return x * self.mask(inputs or {}, len(prompt.hidden))
