# SPDX-License-Identifier: Apache-2.0
"""Small policies with random weights: a Qwen3-VL of transformers, a flow-matching head, a tokenizer, statistics and a card."""

import hashlib
import json

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

from sinew.train.flow_dit import FlowDit, FlowDitConfig

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
VOCAB = 256 + len(SPECIAL)
TOKEN = {name: 256 + i for i, name in enumerate(SPECIAL)}


def tokenizer():
    """Byte-level, one token for each byte: any text has ids."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={character: i for i, character in enumerate(alphabet)}, merges=[]))
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(name, normalized=False) for name in SPECIAL])
    assert [made.token_to_id(name) for name in SPECIAL] == list(TOKEN.values())
    return made


def randomize(model, seed):
    """Richer than the default initialisation, whose norms of one hide mistakes."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim == 1:
                parameter.add_(0.1 * noise)
            else:
                parameter.copy_(noise / parameter[0].numel() ** 0.5)
    return model.eval()


def qwen3_vl(seed=0, tied=False, *, text=None, vision=None):
    """A random Qwen3-VL in f32; `text` and `vision` override sizes."""
    text = {
        "vocab_size": VOCAB, "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
        "head_dim": 16, "rms_norm_eps": 1e-6, "rope_parameters": {"rope_type": "default", "rope_theta": 5000000.0, "mrope_section": [4, 2, 2], "mrope_interleaved": True},
    } | (text or {})  # fmt: skip
    vision = {
        "depth": 4, "hidden_size": 32, "intermediate_size": 72, "num_heads": 2, "out_hidden_size": text["hidden_size"], "patch_size": 16,
        "num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1, 2],
    } | (vision or {})  # fmt: skip
    config = Qwen3VLConfig(
        text_config=text, vision_config=vision, image_token_id=TOKEN["<|image_pad|>"], video_token_id=TOKEN["<|video_pad|>"],
        vision_start_token_id=TOKEN["<|vision_start|>"], vision_end_token_id=TOKEN["<|vision_end|>"], tie_word_embeddings=tied,
    )  # fmt: skip
    return randomize(Qwen3VLForConditionalGeneration(config).float(), seed)


def flow_dit(hidden_size, state_dim, action_dim, horizon, seed=1, **sizes):
    sizes = {"width": 48, "heads": 3, "layers": 4, "output_width": 40, "mlp_width": 56, "future_tokens": 8, "positions": 32} | sizes
    return randomize(FlowDit(FlowDitConfig(context_width=hidden_size, state_dim=state_dim, action_dim=action_dim, horizon=horizon, **sizes)), seed)


def save_backbone(folder, model, **options):
    model.save_pretrained(folder, **options)
    return folder


def card(joints=7, horizon=16, side=96, dtype="f32", backend="cpu", cameras=("front", "wrist"), padding="none"):
    """Joint positions out of two cameras and joint positions."""
    camera = {"view": "", "processor": "qwen3_vl", "resample": "pil_bicubic", "height": side, "width": side, "rotate_180": False}
    return {
        "format_version": "1.2", "name": "random", "architecture": "qwen3_vl/flow_dit", "backend": backend, "dtype": dtype,
        "cameras": [{"name": name, **camera} for name in cameras],
        "prompt": {"name": "qwen_vla", "fields": {"robot_tag": "arm", "arms": "single arm", "fps": "10", "chunk_size": str(horizon), "chat": "qwen3_vl"}, "max_bytes": 1024},
        "text": {"tokenizer": "tokenizer.json", "max_tokens": 1024, "padding": padding, "pad_id": TOKEN["<|endoftext|>"], "add_special_tokens": False, "positions": True},
        "history": None,
        "state": {"channels": [{"name": "joint_position", "unit": "rad", "size": joints, "rate": 10.0}], "normalization": {"mode": "quantile", "rule": "qwen", "key": "state"}},
        "action": {
            "decoder": "joint_absolute", "joint_names": [f"j{i}" for i in range(joints)], "gripper_names": [], "tool_channel": "", "horizon": horizon, "rate": 10.0,
            "normalization": {"mode": "quantile", "rule": "qwen", "key": "action"}, "parts": [], "layout": None, "tokens": None,
        },
        "statistics": {"file": "stats.json", "sha256": "", "format": "sinew"}, "limits": None,
    }  # fmt: skip


def write(folder, model, head, description, statistics, pixels=96 * 96, processor=None):
    """A policy directory that sinew.Policy.load takes; `processor` overrides what the image processor of Qwen3-VL has."""
    text = json.dumps(statistics)
    (folder / "stats.json").write_text(text)
    description["statistics"]["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    (folder / "sinew.json").write_text(json.dumps(description))
    tokenizer().save(str(folder / "tokenizer.json"))
    processor = {"patch_size": 16, "temporal_patch_size": 2, "merge_size": 2, "image_mean": [0.5] * 3, "image_std": [0.5] * 3, "size": {"shortest_edge": pixels, "longest_edge": pixels}} | (processor or {})
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_processor_type": "Qwen2VLImageProcessor", **processor}))
    model.config.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"action_head": head.config.to_json()}))
    weights = {name: value for name, value in model.state_dict().items() if name != "lm_head.weight"}
    weights |= {f"action_model.{name}": value for name, value in head.state_dict().items()}
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[description["dtype"]]
    save_file({name: value.to(dtype).contiguous() for name, value in weights.items()}, folder / "model.safetensors")
    return folder


def statistics(joints, seed=2):
    rng = np.random.default_rng(seed)
    low = rng.uniform(-2, -0.5, joints)
    bounds = {"q01": low.tolist(), "q99": (low + rng.uniform(1, 3, joints)).tolist()}
    return {"state": bounds, "action": bounds}
