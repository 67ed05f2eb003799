# SPDX-License-Identifier: Apache-2.0
"""Qwen3-VL for training on batches of images of one size: what include/sinew/nn/models/qwen3_vl.hpp runs.

Form and names of parameters: transformers 5.23 modeling_qwen3_vl.py, without its generality: images of one grid, prompts padded on the
right, no cache. On a CPU in bf16 it is an order of magnitude faster than that module at the sizes that one trains there, because images are
attended to in one batch and attention is a product, a softmax and a product.
"""

from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn import functional as F

from sinew.train.attention import attend, bias


@dataclass
class VisionConfig:
    """Keys of "vision_config" in config.json."""

    depth: int
    hidden_size: int
    intermediate_size: int
    num_heads: int
    out_hidden_size: int
    num_position_embeddings: int  # a square
    patch_size: int = 16  # pixels
    temporal_patch_size: int = 2  # frames
    spatial_merge_size: int = 2  # patches per side of a token
    deepstack_visual_indexes: list = field(default_factory=list)


@dataclass
class TextConfig:
    """Keys of "text_config" in config.json."""

    num_hidden_layers: int
    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    vocab_size: int
    mrope_section: list  # frequencies of time, height, width; together head_dim / 2
    rope_theta: float = 5e6
    rms_norm_eps: float = 1e-6


@dataclass
class Qwen3VlConfig:
    """Sizes; config.json in the form of transformers 5."""

    vision: VisionConfig
    text: TextConfig
    image_token_id: int

    def to_json(self):
        text = vars(self.text) | {}
        rope = {"rope_type": "default", "rope_theta": text.pop("rope_theta"), "mrope_section": text.pop("mrope_section"), "mrope_interleaved": True}
        return {
            "model_type": "qwen3_vl",
            "image_token_id": self.image_token_id,
            "tie_word_embeddings": True,
            "vision_config": vars(self.vision) | {"hidden_act": "gelu_pytorch_tanh"},
            "text_config": text | {"rope_parameters": rope, "hidden_act": "silu"},
        }

    @classmethod
    def from_json(cls, document):
        """Of a directory's config.json; keys that these modules do not have are passed over."""

        def pick(kind, entries):
            return kind(**{key: value for key, value in entries.items() if key in kind.__dataclass_fields__})

        text = document["text_config"]
        rope = text.get("rope_parameters") or (text.get("rope_scaling") or {}) | {"rope_theta": text.get("rope_theta")}
        text = text | {"rope_theta": rope["rope_theta"], "mrope_section": rope["mrope_section"]}
        return cls(pick(VisionConfig, document["vision_config"]), pick(TextConfig, text), document["image_token_id"])


def rotate(x, cos, sin):
    """Rotary embedding; x [..., n, dim], cos and sin broadcast to it."""
    first, second = x.chunk(2, dim=-1)
    return x * cos.to(x.dtype) + torch.cat([-second, first], dim=-1) * sin.to(x.dtype)


def doubled(angles):
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos(), angles.sin()


class VisionAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x, cos, sin):
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.proj(attend(rotate(q, cos, sin), rotate(k, cos, sin), v).transpose(1, 2).flatten(2))


class VisionMlp(nn.Module):
    def __init__(self, width, intermediate):
        super().__init__()
        self.linear_fc1 = nn.Linear(width, intermediate)
        self.linear_fc2 = nn.Linear(intermediate, width)

    def forward(self, x):
        return self.linear_fc2(F.gelu(self.linear_fc1(x), approximate="tanh"))


class VisionBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.norm1 = nn.LayerNorm(config.hidden_size, eps=1e-6)
        self.norm2 = nn.LayerNorm(config.hidden_size, eps=1e-6)
        self.attn = VisionAttention(config.hidden_size, config.num_heads)
        self.mlp = VisionMlp(config.hidden_size, config.intermediate_size)

    def forward(self, x, cos, sin):
        x = x + self.attn(self.norm1(x), cos, sin)
        return x + self.mlp(self.norm2(x))


class PatchMerger(nn.Module):
    """Neighbouring patches to one token; the norm before or behind the merge."""

    def __init__(self, config, norm_behind):
        super().__init__()
        self.merged = config.hidden_size * config.spatial_merge_size**2
        self.norm_behind = norm_behind
        self.norm = nn.LayerNorm(self.merged if norm_behind else config.hidden_size, eps=1e-6)
        self.linear_fc1 = nn.Linear(self.merged, self.merged)
        self.linear_fc2 = nn.Linear(self.merged, config.out_hidden_size)

    def forward(self, x):  # [images, patches, hidden] -> [images, tokens, out_hidden]
        cells = x.shape[-1] and self.merged // x.shape[-1]
        rows = x.unflatten(1, (-1, cells)).flatten(2) if self.norm_behind else self.norm(x).unflatten(1, (-1, cells)).flatten(2)
        return self.linear_fc2(F.gelu(self.linear_fc1(self.norm(rows) if self.norm_behind else rows)))


class PatchEmbed(nn.Module):
    def __init__(self, config):
        super().__init__()
        size = (config.temporal_patch_size, config.patch_size, config.patch_size)
        self.proj = nn.Conv3d(3, config.hidden_size, kernel_size=size, stride=size)

    def forward(self, patches):
        """[..., 3 temporal patch patch], or [..., 3 patch patch]: a still image, whose temporal copies are equal."""
        weight = self.proj.weight
        if patches.shape[-1] * weight.shape[2] == weight[0].numel():
            weight = weight.sum(2)
        return F.linear(patches, weight.flatten(1), self.proj.bias)


class Vision(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.patch_embed = PatchEmbed(config)
        self.pos_embed = nn.Embedding(config.num_position_embeddings, config.hidden_size)
        self.blocks = nn.ModuleList(VisionBlock(config) for _ in range(config.depth))
        self.merger = PatchMerger(config, norm_behind=False)
        self.deepstack_merger_list = nn.ModuleList(PatchMerger(config, norm_behind=True) for _ in config.deepstack_visual_indexes)

    def merge_order(self, height, width):
        """[patches] row and column of each patch: cell by cell of the merge, as the processor lays them out."""
        merge = self.config.spatial_merge_size
        cells = torch.arange(height * width, device=self.pos_embed.weight.device).view(height // merge, merge, width // merge, merge).permute(0, 2, 1, 3).flatten()
        return cells // width, cells % width

    def positions(self, height, width):
        """[patches, hidden]: the square table, sampled bilinearly from corner to corner."""
        side = int(self.config.num_position_embeddings**0.5)
        rows, columns = self.merge_order(height, width)
        down, right = (torch.linspace(0, side - 1, count, device=at.device)[at] for count, at in ((height, rows), (width, columns)))
        top, left = down.long(), right.long()
        low, far = (top + 1).clamp(max=side - 1), (left + 1).clamp(max=side - 1)
        dy, dx = (down - top)[:, None], (right - left)[:, None]

        def entry(y, x):
            return self.pos_embed(y * side + x)

        return entry(top, left) * (1 - dy) * (1 - dx) + entry(top, far) * (1 - dy) * dx + entry(low, left) * dy * (1 - dx) + entry(low, far) * dy * dx

    def forward(self, patches, grid):
        """patches [images, height width, 3 temporal patch patch] in merge order; grid (height, width).

        -> tokens [images, tokens, out_hidden], list of the same of each deepstack block.
        """
        dim = self.config.hidden_size // self.config.num_heads
        frequencies = 1.0 / 10000 ** (torch.arange(0, dim // 2, 2, dtype=torch.float32, device=patches.device) / (dim // 2))
        cos, sin = doubled(torch.cat([place.float()[:, None] * frequencies for place in self.merge_order(*grid)], dim=-1))
        x, deep = self.patch_embed(patches) + self.positions(*grid), []
        for index, block in enumerate(self.blocks):
            x = block(x, cos, sin)
            if index in self.config.deepstack_visual_indexes:
                deep.append(self.deepstack_merger_list[len(deep)](x))
        return self.merger(x), deep


class RmsNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return F.rms_norm(x.float(), self.weight.shape, self.weight, self.eps).to(x.dtype)


class TextAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        heads, keys, dim = config.num_attention_heads, config.num_key_value_heads, config.head_dim
        self.q_proj = nn.Linear(config.hidden_size, heads * dim, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, keys * dim, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, keys * dim, bias=False)
        self.o_proj = nn.Linear(heads * dim, config.hidden_size, bias=False)
        self.q_norm = RmsNorm(dim, config.rms_norm_eps)
        self.k_norm = RmsNorm(dim, config.rms_norm_eps)

    def forward(self, x, cos, sin, hidden):
        q, k, v = (project(x).unflatten(-1, (-1, self.config.head_dim)) for project in (self.q_proj, self.k_proj, self.v_proj))
        q, k = rotate(self.q_norm(q).transpose(1, 2), cos, sin), rotate(self.k_norm(k).transpose(1, 2), cos, sin)
        groups = self.config.num_attention_heads // self.config.num_key_value_heads
        k, v = (y.repeat_interleave(groups, 1) if groups > 1 else y for y in (k, v.transpose(1, 2)))
        return self.o_proj(attend(q, k, v, hidden).transpose(1, 2).flatten(2))


class TextMlp(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class TextLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.self_attn = TextAttention(config)
        self.mlp = TextMlp(config)
        self.input_layernorm = RmsNorm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = RmsNorm(config.hidden_size, config.rms_norm_eps)

    def forward(self, x, cos, sin, hidden):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, hidden)
        return x + self.mlp(self.post_attention_layernorm(x))


def interleaved_angles(positions, dim, theta, sections):
    """positions [b, 3, n] of time, height, width -> [b, n, dim / 2]; the frequencies of the three take turns."""
    frequencies = 1.0 / theta ** (torch.arange(0, dim, 2, dtype=torch.float32, device=positions.device) / dim)
    angles = positions.float()[..., None] * frequencies  # [b, 3, n, dim / 2]
    mixed = angles[:, 0].clone()
    for axis in (1, 2):
        places = slice(axis, 3 * sections[axis], 3)
        mixed[..., places] = angles[:, axis, :, places]
    return mixed


class Text(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(TextLayer(config) for _ in range(config.num_hidden_layers))
        self.norm = RmsNorm(config.hidden_size, config.rms_norm_eps)

    def rotary(self, positions):
        """positions [b, 3, n] -> cos, sin [b, 1, n, head_dim]."""
        cos, sin = doubled(interleaved_angles(positions, self.config.head_dim, self.config.rope_theta, self.config.mrope_section))
        return cos[:, None], sin[:, None]


class Qwen3Vl(nn.Module):
    """The model of a checkpoint's "model.*": `visual` and `language_model`."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.visual = Vision(config.vision)
        self.language_model = Text(config.text)

    def image_rows(self, ids):
        return (ids == self.config.image_token_id).flatten().nonzero()[:, 0]

    def forward(self, ids, positions, patches, grid):
        """Hidden states [b, n, hidden_size] behind the last norm.

        ids [b, n] int64, padded on the right with anything but image tokens; positions [b, 3, n] of time, height, width; patches
        [b, images, patches, 3 temporal patch patch], of as many images as each row of ids has places for; grid (height, width) in patches.
        """
        text = self.language_model
        image_rows = self.image_rows(ids)
        tokens, deep = self.visual(patches.flatten(0, 1), grid)
        x = text.embed_tokens(ids)
        shape, width = x.shape, x.shape[-1]
        x = x.flatten(0, 1).to(tokens.dtype).index_copy(0, image_rows, tokens.flatten(0, 1)).view(shape)
        cos, sin = text.rotary(positions)
        hidden = bias(torch.ones(shape[1], shape[1], dtype=torch.bool, device=x.device).triu(1))  # what comes later
        for index, layer in enumerate(text.layers):
            x = layer(x, cos, sin, hidden)
            if index < len(deep):
                x = x.flatten(0, 1).index_add(0, image_rows, deep[index].flatten(0, 1).to(x.dtype)).view(shape[0], shape[1], width)
        return text.norm(x)

    def logits(self, hidden):
        """[..., vocab_size] of hidden states behind the last norm."""
        return F.linear(hidden, self.language_model.embed_tokens.weight)


def initialize(model, generator=None):
    """For training from nothing. Positions of patches begin as sines of unit scale: with the usual small random ones grounding did not start
    within the time that a CPU has for it (measured on the tabletop)."""
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, nn.Embedding):
                module.weight.normal_(0, 0.5, generator=generator)
            elif isinstance(module, (nn.Linear, nn.Conv3d)):
                fan_in = module.weight[0].numel()
                module.weight.uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=generator)
                if module.bias is not None:
                    module.bias.zero_()
        visual = model.visual
        visual.pos_embed.weight.copy_(sines_2d(int(visual.config.num_position_embeddings**0.5), visual.config.hidden_size))
    return model


def sines_2d(side, width):
    """[side side, width] row-major."""
    frequencies = torch.exp(torch.linspace(0, torch.log(torch.tensor(float(side))).item(), width // 4)) * torch.pi / side
    places = torch.arange(side, dtype=torch.float32) + 0.5
    waves = torch.cat([(places[:, None] * frequencies).sin(), (places[:, None] * frequencies).cos()], dim=1)  # [side, width / 2]
    table = torch.cat([waves[:, None].expand(-1, side, -1), waves[None].expand(side, -1, -1)], dim=-1).flatten(0, 1)
    return F.pad(table, (0, width - table.shape[1]))
