# SPDX-License-Identifier: Apache-2.0
"""Heads by the name that a card's `architecture` has for them.

A head is a module with `config`, `initialize()` for training from nothing, `loss(prompt, batch, times, noise, draws)` (losses.Prompt,
batches.Batch; times and noise as trainer.draw_flow has them), and `act(noise, prompt, state)`, what the policy does. One whose actions are words of the
model has `open(directory)` and `extend(batch)` instead of `act` (fast.py). A configuration has `to_json()`, the entry "action_head" of config.json, and
`small(width, heads, state_dim, action_dim, horizon, card, words)`, sizes that a CPU can train; `prepare(directory, card, chunks)`, where there is one,
writes what else a directory needs, and says which words its tokenizer needs.
"""

from sinew._errors import error
from sinew.train.fast import Fast, FastConfig
from sinew.train.flow_dit import FlowDit, FlowDitConfig
from sinew.train.oft import Oft, OftConfig
from sinew.train.qwen_vla import QwenVlaConfig, QwenVlaDit
from sinew.train.robotmanip import RobotManipConfig, RobotManipDit
from sinew.train.robotnav import RobotNavConfig, RobotNavMlp

KINDS = {
    "fast": (FastConfig, Fast),
    "flow_dit": (FlowDitConfig, FlowDit),
    "oft": (OftConfig, Oft),
    "qwen_vla_dit": (QwenVlaConfig, QwenVlaDit),
    "robotmanip_dit": (RobotManipConfig, RobotManipDit),
    "robotnav_mlp": (RobotNavConfig, RobotNavMlp),
}


def _kind(name):
    if name not in KINDS:
        raise error("not_found", "train", "head", " or ".join(KINDS), f"'{name}'")
    return KINDS[name]


def config_type(name):
    return _kind(name)[0]


def read_config(entry):
    """Of "action_head" of config.json."""
    return config_type(entry["type"])(**{key: value for key, value in entry.items() if key != "type"})


def make(config):
    return _kind(config.to_json()["type"])[1](config)
