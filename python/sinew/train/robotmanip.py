# SPDX-License-Identifier: Apache-2.0
"""The action head of Qwen-RobotManip (arXiv 2606.17846v2): what include/sinew/nn/heads/robotmanip_dit.hpp runs, whose comment says what was chosen.

Cameras turn queries, keys, values and outputs of all attentions, as the report has it, in the axes that the extrinsics are in; the C++ code makes use
of what cancels.
"""

from dataclasses import asdict, dataclass, field

import torch
from torch import nn
from torch.nn import functional as F

from sinew.train.attention import bias
from sinew.train.dit import SiluMlp, SwiGlu, TimeEmbedding, attend_draws, heads_of, modulated
from sinew.train.losses import flow_loss, repeated
from sinew.train.qwen3_vl import doubled, rotate

DIM, TOKEN, ARM, SPARE = 80, 40, 29, 11
END_EFFECTORS = ("single_arm", "dual_left", "dual_right", "egocentric_head", "mobile_base")
# Canonical column at each place of the two tokens, [80].
COLUMNS = [*range(ARM), *range(2 * ARM, 2 * ARM + SPARE), *range(ARM, 2 * ARM), *range(2 * ARM + SPARE, DIM)]


@dataclass
class RobotManipConfig:
    """Sizes; the same names as in "action_head" of config.json (include/sinew/nn/heads/robotmanip_dit_config.hpp)."""

    context_width: int
    width: int = 768
    heads: int = 12
    layers: int = 10
    mlp_width: int = 2048
    queries: int = 16
    horizon: int = 16
    steps: int = 4
    camera_dims: int = 32
    rope_theta: float = 10000.0
    rotate_values: bool = True
    gates: bool = True
    state: bool = True
    state_columns: list = field(default_factory=list)
    columns: list = field(default_factory=list)
    end_effectors: list = field(default_factory=lambda: ["single_arm", "single_arm"])
    reference_cameras: list = field(default_factory=lambda: [0, 0])
    context_chunks: int = 0
    context_steps: int = 0
    context_tokens: int = 0

    def to_json(self):
        return {"type": "robotmanip_dit"} | asdict(self)

    @classmethod
    def small(cls, width, heads, state_dim, action_dim, horizon, card=None, words=None):
        """The encoder's numbers go to the first canonical columns, where a left arm's joints are, unless they are all 80."""
        columns = [] if state_dim == DIM else list(range(state_dim))
        return cls(context_width=width, width=width, heads=heads, layers=6, mlp_width=2 * width, queries=4, horizon=horizon, camera_dims=width // heads // 8 * 4, state_columns=columns)


@dataclass
class Turns:
    """How heads of tokens turn: by `times` [b, n] on the first values, by `poses` [b, n, 4, 4], base_from_camera, on the last; None: not."""

    times: torch.Tensor
    poses: torch.Tensor | None

    def repeat(self, draws):
        return Turns(**repeated(vars(self), draws))


class Attention(nn.Module):
    def __init__(self, config, context_width):
        super().__init__()
        self.config = config
        self.q = nn.Linear(config.width, config.width)
        self.k = nn.Linear(context_width, config.width)
        self.v = nn.Linear(context_width, config.width)
        self.out = nn.Linear(config.width, config.width)

    def turn(self, x, turns, role):
        """x [b, heads, n, dim]; role: "query", "key", "value" or "output"."""
        c = self.config
        first, last = x.split([x.shape[-1] - c.camera_dims, c.camera_dims], dim=-1)
        if first.shape[-1] and (c.rotate_values or role in ("query", "key")):
            frequencies = 1.0 / c.rope_theta ** (torch.arange(0, first.shape[-1], 2, dtype=torch.float32, device=x.device) / first.shape[-1])
            cos, sin = doubled(turns.times.float()[:, None, :, None] * frequencies)
            first = rotate(first, cos, -sin if role == "output" else sin)
        if turns.poses is not None and c.camera_dims:
            matrices = turns.poses if role in ("key", "value") else torch.linalg.inv(turns.poses)
            matrices = matrices.transpose(-1, -2) if role == "query" else matrices
            last = torch.einsum("bnij,bhngj->bhngi", matrices.to(x.dtype), last.unflatten(-1, (-1, 4))).flatten(-2)
        return torch.cat([first, last], dim=-1)

    def forward(self, x, turns, context=None, context_turns=None, seen=None):
        """x [b draws, n, width]; context [b, m, context_width], by default x. seen: bool [b, m]."""
        source, its = (x, turns) if context is None else (context, context_turns)
        q = self.turn(heads_of(self.q(x), self.config.heads), turns, "query")
        k, v = (self.turn(heads_of(layer(source), self.config.heads), its, role) for layer, role in ((self.k, "key"), (self.v, "value")))
        hidden = None if seen is None else bias(~seen[:, None, None])
        return self.out(self.turn(attend_draws(q, k, v, hidden), turns, "output").transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.parts = 9 if config.gates else 6
        self.modulation = nn.Linear(config.width, self.parts * config.width)
        self.self_attention = Attention(config, config.width)
        self.cross_attention = Attention(config, config.context_width)
        self.mlp = SwiGlu(config.width, config.mlp_width)

    def forward(self, x, condition, turns, seen, context, context_turns, context_seen):
        parts = self.modulation(condition).chunk(self.parts, dim=-1)
        each = self.parts // 3

        def add(x, layer, function):
            shift, scale, *gate = parts[each * layer : each * (layer + 1)]
            y = function(modulated(x, shift, scale))
            return x + (gate[0] * y if gate else y)

        x = add(x, 0, lambda h: self.self_attention(h, turns, seen=seen))
        x = add(x, 1, lambda h: self.cross_attention(h, turns, context, context_turns, context_seen))
        return add(x, 2, self.mlp)


class EarlierChunks(nn.Module):
    """Chunks that were executed before, as tokens of the context: of each one of the state and K' of the actions."""

    def __init__(self, config):
        super().__init__()
        width = config.context_width
        self.tokens = config.context_tokens
        self.state_encoder = SiluMlp(DIM, width, width)
        self.action_encoder = SiluMlp(config.context_steps * DIM, width, config.context_tokens * width)
        self.time = nn.Embedding(config.context_chunks, width)
        self.slot = nn.Embedding(config.context_tokens, width)

    def forward(self, states, actions):
        """states [b, chunks, 80], actions [b, chunks, steps, 80], oldest first -> [b, chunks (1 + K'), context_width]."""
        ages = torch.arange(states.shape[1] - 1, -1, -1, device=states.device)
        times = self.time(ages)[:, None]
        of_actions = self.action_encoder(actions.flatten(2)).unflatten(-1, (self.tokens, -1)) + times + self.slot.weight
        return torch.cat([self.state_encoder(states)[:, :, None] + times, of_actions], dim=2).flatten(1, 2)


class RobotManipDit(nn.Module):
    """Time runs from 0, noise, to 1, actions. `inputs` are the optional ones of the C++ head, each with a first axis b: mask [80], end_effectors [2],
    extrinsics [cameras, 4, 4], reference_cameras [2], intrinsics [images, 4], image_times [images], context_states, context_actions."""

    def __init__(self, config):
        super().__init__()
        self.config, width = config, config.width
        self.time = TimeEmbedding(width)
        self.end_effector = nn.Embedding(len(END_EFFECTORS), width)
        self.camera_known = nn.Embedding(2, width)
        if config.state:
            self.state_encoder = SiluMlp(TOKEN, width, width)
        self.action_encoder = SiluMlp(TOKEN, width, width)
        if config.queries:
            self.queries = nn.Embedding(config.queries, width)
        self.intrinsics = nn.Linear(2, config.context_width)
        if config.context_chunks:
            self.context = EarlierChunks(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.output_modulation = nn.Linear(width, 2 * width)
        self.output = nn.Linear(width, TOKEN)

    def initialize(self):
        """For training from nothing: blocks begin as the identity (adaLN-zero), velocities small."""
        with torch.no_grad():
            for layer in (*(block.modulation for block in self.blocks), self.output_modulation):
                layer.weight.zero_()
                layer.bias.zero_()
            self.output.weight.mul_(0.1)
            self.output.bias.zero_()
            for table in (self.end_effector, self.camera_known):
                table.weight.mul_(0.1)

    def mask(self, inputs, rows):
        """f32 [rows, 80]."""
        if inputs.get("mask") is not None:
            return inputs["mask"].float()
        columns = torch.zeros(DIM, device=self.output.weight.device)
        columns[self.config.columns or slice(None)] = 1
        return columns.expand(rows, -1)

    def canonical_state(self, state):
        """[b, moments, numbers of the encoder] -> [b, moments, 80]."""
        if not self.config.state_columns:
            return state
        return state.new_zeros(*state.shape[:-1], DIM).index_copy(-1, torch.tensor(self.config.state_columns, device=state.device), state)

    def read_context(self, prompt, inputs, mask, poses, references):
        """(tokens [b, m, context_width], Turns, bool [b, m] of images, of words); earlier chunks are both."""
        b, n = prompt.images.shape
        hidden, times = prompt.hidden, prompt.hidden.new_zeros(b, n)
        image = (prompt.images.cumsum(-1) - 1).clamp(min=0) // (prompt.grid[0] * prompt.grid[1])  # of each of its tokens
        if inputs.get("intrinsics") is not None:
            each = torch.arange(n, device=hidden.device)[None] * 0 + (prompt.images.cumsum(-1) - 1) % (prompt.grid[0] * prompt.grid[1])
            row, column = each // prompt.grid[1], each % prompt.grid[1]
            fx, fy, cx, cy = inputs["intrinsics"].gather(1, image[..., None].expand(-1, -1, 4)).unbind(-1)
            plane = torch.stack([((column + 0.5) / prompt.grid[1] - cx) / fx, ((row + 0.5) / prompt.grid[0] - cy) / fy], dim=-1)
            hidden = hidden + self.intrinsics(plane.to(hidden.dtype)) * prompt.images[..., None]
        if inputs.get("image_times") is not None:
            times = torch.where(prompt.images, inputs["image_times"].gather(1, image), times)
        seen = [prompt.images & prompt.seen, ~prompt.images & prompt.seen]
        cameras = None
        if poses is not None:
            cameras = torch.where(prompt.images, image, references[:, :1])
        if inputs.get("context_states") is not None and inputs["context_states"].shape[1]:
            earlier = self.context(inputs["context_states"] * mask[:, None], inputs["context_actions"] * mask[:, None, None])
            more = earlier.shape[1]
            hidden, times = torch.cat([hidden, earlier], dim=1), F.pad(times, (0, more))
            seen = [F.pad(each, (0, more), value=True) for each in seen]
            if poses is not None:
                cameras = torch.cat([cameras, references[:, :1].expand(-1, more)], dim=1)
        return hidden, Turns(times, None if poses is None else _rows(poses, cameras)), *seen

    def forward(self, actions, time, prompt, state=None, inputs=None):
        """Velocity [b draws, horizon, 80] of noisy `actions` at `time` [b draws]; prompt, state [b, moments, numbers] and inputs have b rows."""
        c, inputs = self.config, inputs or {}
        b, horizon = len(prompt.hidden), actions.shape[1]
        draws = len(actions) // b
        mask = self.mask(inputs, b)
        poses = inputs.get("extrinsics")
        given = inputs.get("reference_cameras")
        references = torch.tensor(c.reference_cameras, device=actions.device).expand(b, -1) if given is None else given
        codes = inputs.get("end_effectors")
        codes = torch.tensor([END_EFFECTORS.index(name) for name in c.end_effectors], device=actions.device).expand(b, -1) if codes is None else codes
        context, context_turns, images, words = self.read_context(prompt, inputs, mask, poses, references)

        def tokens(x):  # [b, n, 80] -> [b, 2 n, 40]
            return x[..., COLUMNS].unflatten(-1, (2, TOKEN)).flatten(1, 2)

        many = mask.repeat_interleave(draws, 0)[:, None]
        parts, moments = [], 0
        if c.state:
            moments = state.shape[1]
            parts.append(self.state_encoder(tokens(self.canonical_state(state) * mask[:, None])).repeat_interleave(draws, 0))
        parts.append(self.action_encoder(tokens(torch.where(many != 0, actions, 0))))
        if c.queries:
            parts.append(self.queries.weight.expand(len(actions), -1, -1))
        x = torch.cat(parts, dim=1)

        steps = torch.cat([torch.arange(1 - moments, 1), torch.arange(horizon)]).repeat_interleave(2).to(x.device)
        times = F.pad(steps, (0, c.queries)).expand(b, -1).float()
        side = F.pad(torch.tensor([0, 1], device=x.device).repeat(moments + horizon), (0, c.queries), value=2)  # left, right, neither
        has = F.pad(tokens(mask[:, None]).any(-1), (0, 1), value=True)  # [b, left, right, neither]
        cameras = F.pad(references, (0, 1), value=0)
        cameras[:, 2] = references[:, 0]
        turns = Turns(times, None if poses is None else _rows(poses, cameras[:, side])).repeat(draws)
        seen = has[:, side].repeat_interleave(draws, 0)

        known = self.camera_known.weight[int(poses is not None)]
        code = F.pad(self.end_effector(codes), (0, 0, 0, 1))[:, side].repeat_interleave(draws, 0)
        condition = F.silu(self.time(time)[:, None] + code + known)
        for index, block in enumerate(self.blocks):
            x = block(x, condition, turns, seen, context, context_turns, images if index % 2 == 0 else words)
        shift, scale = self.output_modulation(condition).chunk(2, dim=-1)
        out = self.output(modulated(x, shift, scale)[:, 2 * moments : 2 * (moments + horizon)])
        velocity = torch.empty_like(out.reshape(len(actions), horizon, DIM))
        velocity[..., COLUMNS] = out.unflatten(1, (horizon, 2)).flatten(2)
        return velocity * many

    def loss(self, prompt, batch, times, noise, draws):
        """Of each sample the mean over what its mask counts, then over samples."""
        inputs = batch.inputs if batch.mask is None else batch.inputs | {"mask": batch.mask[:, 0].float()}
        return flow_loss(lambda x, t: self(x, t, prompt, batch.state, inputs), batch, times, noise, draws, per_sample=True)

    def act(self, noise, prompt, state=None):
        """Actions of a losses.Prompt, as the policy has them without calibrated cameras."""
        return self.sample(noise, prompt, state)

    @torch.no_grad()
    def sample(self, noise, prompt, state=None, inputs=None, steps=None):
        """Actions [b, horizon, 80] from noise of that shape, in Euler steps; what the mask hides is 0."""
        steps = steps or self.config.steps
        x = noise
        for k in range(steps):
            x = x + self(x, torch.full((len(x),), k / steps, device=x.device), prompt, state, inputs) / steps
        return x * self.mask(inputs or {}, len(prompt.hidden))[:, None]


def _rows(values, index):
    """values [b, n, ...], index [b, m] -> [b, m, ...]."""
    return torch.stack([each[rows] for each, rows in zip(values, index, strict=True)])
