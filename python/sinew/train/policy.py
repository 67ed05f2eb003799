# SPDX-License-Identifier: Apache-2.0
"""A trainable policy, Qwen3-VL with a head, and the directory that Policy.load takes."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from sinew._errors import error
from sinew.train import heads
from sinew.train.qwen3_vl import Qwen3Vl, Qwen3VlConfig, TextConfig, VisionConfig, initialize


@dataclass
class Readout:
    """Numbers that hidden states of the last tokens should know; only in training."""

    tokens: int  # the last ones of the prompt
    size: int  # numbers of each


class VlaPolicy(nn.Module):
    """Parameters have the names of a checkpoint: `model.*`, `action_model.*`; `readout.*` is not exported."""

    def __init__(self, backbone, head, readout=None):
        super().__init__()
        self.readout_of = readout
        self.model = Qwen3Vl(backbone)
        self.action_model = heads.make(head)
        if readout:
            width = backbone.text.hidden_size
            self.readout = nn.Sequential(nn.Linear(width, width), nn.GELU(approximate="tanh"), nn.Linear(width, readout.tokens * readout.size))

    @property
    def token_grid(self):
        """Rows and columns of an image's tokens; `grid`, in patches, is set by whoever knows the frames."""
        return tuple(side // self.model.config.vision.spatial_merge_size for side in self.grid)

    def read(self, hidden, lengths):
        """[b, tokens, size] from the last hidden states of prompts of `lengths` [b]."""
        count = self.readout_of.tokens
        each = torch.arange(count, device=hidden.device)
        places = lengths[:, None] - count + each
        rows = hidden.gather(1, places[..., None].expand(-1, -1, hidden.shape[-1]))
        all_of = self.readout(rows).unflatten(-1, (count, -1))  # each token has its own columns
        return all_of[:, each, each]


def small_sizes(card, words, width, state_dim, action_dim):
    """Backbone and head of a model that a CPU can train, for a tokenizer: 16-pixel patches, unmerged up to 128 pixels a side."""
    camera = card["cameras"][0]
    patches = (camera["height"] // 16, camera["width"] // 16)
    head_dim = 32
    vision = VisionConfig(
        depth=2, hidden_size=width, intermediate_size=4 * width, num_heads=width // head_dim, out_hidden_size=width,
        num_position_embeddings=max(patches) ** 2, spatial_merge_size=1 if max(patches) <= 8 else 2, deepstack_visual_indexes=[0],
    )  # fmt: skip
    text = TextConfig(
        num_hidden_layers=4, hidden_size=width, intermediate_size=3 * width, num_attention_heads=width // head_dim, num_key_value_heads=width // head_dim,
        head_dim=head_dim, vocab_size=words.get_vocab_size(), mrope_section=[6, 5, 5], rope_theta=100.0,
    )  # fmt: skip
    layout = card["action"].get("layout")
    horizon = layout["rows"] if layout else card["action"]["horizon"]
    head = heads.config_type(card["architecture"].split("/")[1]).small(width, width // head_dim, state_dim, action_dim, horizon, card, words)
    return Qwen3VlConfig(vision, text, words.token_to_id("<|image_pad|>")), head


def new_policy(backbone, head, readout=None, seed=0):
    """Random weights for training from nothing."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        policy = VlaPolicy(backbone, head, readout)
        initialize(policy.model)
        policy.action_model.initialize()
    return policy


def load_policy(directory, readout=None):
    """The modules of a policy directory, with its weights in f32."""
    directory = Path(directory)
    config = json.loads((directory / "config.json").read_text())
    policy = VlaPolicy(Qwen3VlConfig.from_json(config), heads.read_config(config["action_head"]), readout)
    weights = {name: value.float() for name, value in load_file(directory / "model.safetensors").items()}
    missing, left = policy.load_state_dict(weights, strict=False)
    missing = [name for name in missing if not name.startswith("readout.")]
    if missing or left:
        raise error("invalid_argument", "train", str(directory), "the weights of its config.json", f"missing {missing[:3]}, left over {left[:3]}")
    return policy


def statistics(samples):
    """Mean and standard deviation: of the state, and of each step of the chunk. Where nothing counts they are 0 and 1."""
    masks = samples.masks
    counted = samples.valid[..., None] if masks.all() else samples.valid[..., None] & masks[samples.embodiment][:, None]
    chunk = np.where(counted, samples.chunk, 0)
    count = counted.sum(0)
    mean = chunk.sum(0) / count.clip(1)
    deviation = np.sqrt((np.square(chunk - mean) * counted).sum(0) / count.clip(1)) + 1e-3
    state = samples.state.astype(np.float64)
    return {
        "state": {"mean": state.mean(0).tolist(), "std": (state.std(0) + 1e-3).tolist()},
        "action": {"mean": mean.tolist(), "std": np.where(count > 0, deviation, 1).tolist()},
    }


def write_inputs(directory, card, tokenizer, stats, processor):
    """All of a policy directory but its model: card, tokenizer, statistics, image processor."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps(stats)
    (directory / "stats.json").write_text(text)
    card = card | {"statistics": {"file": "stats.json", "sha256": hashlib.sha256(text.encode()).hexdigest(), "format": "sinew"}}
    (directory / "sinew.json").write_text(json.dumps(card, indent=2) + "\n")
    tokenizer.save(str(directory / "tokenizer.json"))
    (directory / "preprocessor_config.json").write_text(json.dumps(processor, indent=2) + "\n")
    return card


def write_model(directory, policy, weights=None):
    """config.json and model.safetensors, in the card's dtype. weights: a state dict instead of the policy's own, e.g. averaged ones."""
    directory = Path(directory)
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[json.loads((directory / "sinew.json").read_text())["dtype"]]
    config = policy.model.config.to_json() | {"action_head": policy.action_model.config.to_json()}
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    weights = policy.state_dict() if weights is None else weights
    kept = {name: value.to(dtype).contiguous() for name, value in weights.items() if not name.startswith("readout.")}
    save_file(kept, directory / "model.safetensors")
    (directory / "model.safetensors").chmod(0o644)  # safetensors leaves it to its owner alone


def qwen_processor(patch_size, pixels, merge_size=2):
    """preprocessor_config.json for frames of `pixels` pixels, which are not resized."""
    return {
        "image_processor_type": "Qwen2VLImageProcessor",
        "patch_size": patch_size,
        "temporal_patch_size": 2,
        "merge_size": merge_size,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "size": {"shortest_edge": pixels, "longest_edge": pixels},
    }


