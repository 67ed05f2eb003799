# SPDX-License-Identifier: Apache-2.0
"""StarVLA's heads in plain PyTorch, by the names of its checkpoints (starVLA/starVLA @ 0ed0aad), and runs with random weights."""

import json

import policy_directory as made
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken
from torch import nn
from torch.nn import functional as F

from sinew.train.flow_dit import FlowDit, FlowDitConfig

ACTIONS = 512  # tokens of FAST in the vocabulary


class MlpResNet(nn.Module):
    """MLP_ActionHeader.py."""

    def __init__(self, width, actions, blocks=2):
        super().__init__()
        self.layer_norm1, self.fc1 = nn.LayerNorm(width), nn.Linear(width, 2 * width)
        self.mlp_resnet_blocks = nn.ModuleList(
            nn.ModuleDict({"ffn": nn.Sequential(nn.LayerNorm(2 * width), nn.Linear(2 * width, 2 * width), nn.ReLU())}) for _ in range(blocks)
        )
        self.layer_norm2, self.fc2 = nn.LayerNorm(2 * width), nn.Linear(2 * width, actions)

    def forward(self, x):
        x = F.relu(self.fc1(self.layer_norm1(x)))
        for block in self.mlp_resnet_blocks:
            x = x + block["ffn"](x)
        return self.fc2(self.layer_norm2(x))


class Oft(nn.Module):
    def __init__(self, width, actions):
        super().__init__()
        self.model = MlpResNet(width, actions)


class Layerwise(FlowDit):
    """LayerwiseFM_ActionHeader.py: FlowDit whose blocks have contexts of their own, decoded without the output's projection."""

    def __init__(self, hidden, **sizes):
        width = sizes["width"]
        super().__init__(FlowDitConfig(context_width=width, output_width=width, **sizes))
        self.project_layers = nn.ModuleList(nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, width)) if hidden != width else nn.Identity() for _ in range(sizes["layers"]))

    def velocity(self, actions, bucket, states, state, finished=0):
        buckets = torch.tensor([bucket])
        tokens = self.action_encoder(actions, buckets)
        if finished:
            tokens[:, :finished] = self.action_encoder(actions[:, :finished], torch.tensor([self.config.buckets - 1]))
        tokens = tokens + self.position_embedding.weight[: actions.shape[1]]
        parts = [] if state is None else [self.state_encoder(state)]
        x = torch.cat([*parts, self.future_tokens.weight[None], tokens], dim=1)
        condition = self.model.timestep_encoder(buckets)
        for block, projection, hidden in zip(self.model.transformer_blocks, self.project_layers, states, strict=True):
            x = block(x, condition, projection(hidden), None)
        return self.action_decoder(x)[:, -actions.shape[1] :]

    @torch.no_grad()
    def sample_layers(self, noise, states, state=None, prefix=None, delay=0):
        """Euler steps from noise; with a prefix in mode simulated_delay."""
        x = noise.clone()
        for k in range(self.config.steps):
            if prefix is not None:
                x[:, :delay] = prefix[:, :delay]
            x = x + self.velocity(x, int(k / self.config.steps * self.config.buckets), states, state, delay if prefix is not None else 0) / self.config.steps
        if prefix is not None:
            x[:, :delay] = prefix[:, :delay]
        return x

    def sample_guided(self, noise, states, state, prefix, delay, most=10.0):
        """Mode pigdm with schedule exp; prefix [1, rows, actions] has at least horizon - delay rows."""
        horizon, x = noise.shape[1], noise.clone()
        weights = torch.tensor(prefix_weights(delay, min(horizon - delay, prefix.shape[1]), horizon))[None, :, None]
        before = F.pad(prefix, (0, 0, 0, horizon - prefix.shape[1]))
        for k in range(self.config.steps):
            t = k / self.config.steps
            at = x.detach().requires_grad_(True)
            v = self.velocity(at, int(t * self.config.buckets), states, state)
            leads_to = at + (1 - t) * v
            error = ((before - leads_to) * weights).detach()
            correction = torch.autograd.grad(leads_to, at, error)[0]
            gain = min(((1 - t) ** 2 + t**2) / (t * (1 - t)) if t else most, most)
            x = x + (v.detach() + gain * correction) / self.config.steps
        return x


def prefix_weights(start, end, horizon):
    weights = []
    for i in range(horizon):
        w = 1.0 if i < start else max(0.0, (end - i) / (end - start + 1)) if i < end else 0.0
        weights.append(w if i < start else w * (torch.tensor(w).expm1().item()) / (torch.tensor(1.0).expm1().item()))
    return weights


def tokenizer_with_actions():
    """policy_directory's, with <robot_action_0> and so on behind it."""
    tokenizer = made.tokenizer()
    tokenizer.add_tokens([AddedToken(f"<robot_action_{i}>", normalized=False) for i in range(ACTIONS)])
    return tokenizer


def write_run(folder, framework, model, head, action_model, *, statistics, config=None, tokenizer=None):
    """A run as StarVLA's trainer leaves it, and beside it the vision-language model that it began with."""
    import yaml

    base, run = folder / "base", folder / "run"
    base.mkdir()
    (run / "checkpoints").mkdir(parents=True)
    model.config.save_pretrained(base)
    (tokenizer or made.tokenizer()).save(str(base / "tokenizer.json"))
    side = 64 * 64
    processor = {"patch_size": 16, "temporal_patch_size": 2, "merge_size": 2, "image_mean": [0.5] * 3, "image_std": [0.5] * 3, "size": {"shortest_edge": side, "longest_edge": side}}
    (base / "preprocessor_config.json").write_text(json.dumps({"image_processor_type": "Qwen2VLImageProcessor", **processor}))
    settings = {
        "framework": {"name": framework, "qwenvl": {"base_vlm": str(base)}, "action_model": action_model},
        "datasets": {"vla_data": {"obs_image_size": [64, 64], "data_mix": "mine"} | (config or {})},
    }
    (run / "config.yaml").write_text(yaml.safe_dump(settings))
    (run / "dataset_statistics.json").write_text(json.dumps({"mine": statistics}))
    weights = {f"qwen_vl_interface.model.{name}": value for name, value in model.state_dict().items()}
    if head is not None:
        for name, value in head.state_dict().items():
            weights[name if name.startswith("project_layers.") else f"action_model.{name}"] = value
    tensors = {name: value.clone().contiguous() for name, value in weights.items()}
    for step in (10, 200):  # the later one counts
        save_file(tensors if step == 200 else {"old": torch.zeros(1)}, run / "checkpoints" / f"steps_{step}_model.safetensors")
    return run
