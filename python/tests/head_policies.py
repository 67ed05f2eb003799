# SPDX-License-Identifier: Apache-2.0
"""Policies with one of the heads of sinew.train.heads on a random Qwen3-VL: directories, the same in PyTorch, and training on made-up samples."""

import json

import numpy as np
import parity_figures
import policy_directory as made
import torch

import sinew
from sinew.train import policy, samples
from sinew.train.batches import Batches
from sinew.train.losses import Prompt
from sinew.train.qwen3_vl import Qwen3VlConfig
from sinew.train.trainer import Trainer, TrainOptions

SIDE, MERGE = 96, 2  # pixels, patches
IDENTITY = {"mode": "identity", "rule": "", "key": ""}


def card(head, action, state=3, **changes):
    """Of two cameras and `state` numbers that are not normalised; `action`: entries of the card's."""
    made_card = made.card(3, 4, SIDE) | {"architecture": f"qwen3_vl/{head}"} | changes
    made_card["prompt"] = {"name": "qwen_chat", "fields": {"family": "qwen3_vl"}, "max_bytes": 1024}
    made_card["state"] = {"channels": [{"name": "joint_position", "unit": "rad", "size": state, "rate": 10.0}], "normalization": IDENTITY}
    made_card["action"] |= {"gripper_names": [], "tool_channel": "", "normalization": IDENTITY, "layout": None, "tokens": None} | action
    return made_card


class Pair:
    """A policy directory, and the modules of PyTorch that it holds."""

    def __init__(self, folder, head, description, seed=3):
        self.folder, self.head, self.model = folder, made.randomize(head, seed + 10), made.qwen3_vl(seed=seed)
        # A file that no number comes from: the card names one.
        made.write(folder, self.model, self.head, description, {"none": {"mean": [0.0]}}, SIDE * SIDE)
        self.encoder = sinew.observation.VlaEncoder.from_directory(str(folder))

    def observe(self, rng, state=3, text="put the red cube on the yellow plate"):
        """state: numbers, or how many."""
        frames = {name: rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8) for name in ("front", "wrist")}
        return sinew.Observation(frames, {"joint_position": rng.uniform(-1, 1, state) if isinstance(state, int) else state}, text)

    def prompt(self, observation):
        """(losses.Prompt, encoder's tensors) of transformers' hidden states."""
        tensors = self.encoder.encode(observation)
        ids = torch.from_numpy(tensors["input_ids"].astype(np.int64))[None]
        grids = torch.from_numpy(tensors["image_grid_thw"].astype(np.int64))
        images = ids == made.TOKEN["<|image_pad|>"]
        with torch.no_grad():
            hidden = self.model.model(
                input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=torch.from_numpy(tensors["pixel_values"]), image_grid_thw=grids,
                mm_token_type_ids=images.int(),
            ).last_hidden_state  # fmt: skip
        positions = torch.from_numpy(tensors["position_ids"].astype(np.int64))[None]
        grid = tuple((grids[0, 1:] // MERGE).tolist())
        return Prompt(hidden, torch.ones_like(images), images, positions, grid), tensors


def raw(ours, observation, **options):
    """What the model wrote, before the decoder."""
    ours.act(observation, **options)
    return ours.outputs["actions"]


def report(name, backend, got, expected, tolerance):
    """Prints and checks the largest difference."""
    worst = float(np.abs(np.asarray(got) - np.asarray(expected)).max())
    print(f"{name}, {backend}: largest difference {worst:.1e}")
    if backend in ("cpu", "torch"):
        parity_figures.record(name.split()[0], backend, worst)
    assert worst <= tolerance, f"{name}, {backend}: {worst}"
    return worst


# --- training -------------------------------------------------------------------------------------------------------------------------

TRAIN_SIDE = 32


def train(folder, description, config, chunk_of, state=3, embodiment=None, steps=200, seed=5, **options):
    """Trains config's head on a task where `chunk_of`(states [n, state]) -> [n, horizon, dim] is to be found from an image's brightness and the state.

    Returns (rows of the log, policy directory, trained modules, batches).
    """
    rng = np.random.default_rng(seed)
    n = 64
    states = rng.uniform(-1, 1, (n, state)).astype(np.float32)
    shade = (127 + 120 * states[:, :1, None, None]).astype(np.uint8)
    chunk = chunk_of(states).astype(np.float32)
    data = samples.Samples(
        images=np.broadcast_to(shade[:, None], (n, 2, TRAIN_SIDE, TRAIN_SIDE, 3)).copy(), state=states, chunk=chunk, valid=np.ones(chunk.shape[:2], bool),
        weight=np.ones(n, np.float32), instruction=np.zeros(n, np.int32), episode=np.arange(n, dtype=np.int32), readouts=np.zeros((n, 0), np.float32),
        instructions=["go"], embodiments=None if embodiment is None else [embodiment], embodiment=None if embodiment is None else np.zeros(n, np.int32),
    )  # fmt: skip
    normalization = {"mode": "mean_std", "rule": "lerobot"}
    description["state"]["normalization"] = normalization | {"key": "state"}
    description["action"]["normalization"] = normalization | {"key": "action"}
    for camera in description["cameras"]:
        camera["height"] = camera["width"] = TRAIN_SIDE
    policy.write_inputs(folder, description, made.tokenizer(), policy.statistics(data), policy.qwen_processor(16, TRAIN_SIDE**2, 1))
    reference = made.qwen3_vl(vision={"spatial_merge_size": 1, "num_position_embeddings": 4, "deepstack_visual_indexes": [0], "depth": 1}, text={"num_hidden_layers": 2})
    sizes = Qwen3VlConfig.from_json(json.loads(reference.config.to_json_string(use_diff=False)))
    modules = policy.new_policy(sizes, config, seed=3)
    batches = Batches(folder, data)
    sized = {"steps": steps, "batch_size": 16, "warm_up": 20, "threads": 1, "log_every": 20, "bf16": False, "draws": 2, "learning_rate": 2e-3, "checkpoint_every": 10**6, "average": 0.9}
    trainer = Trainer(modules, batches, TrainOptions(**sized | options), folder / "run")
    rows = trainer.run()
    policy.write_model(folder, modules, trainer.averaged)
    modules.load_state_dict(trainer.averaged)
    return rows, modules.eval(), batches


def trained_prompt(modules, batch):
    """losses.Prompt of a batch of `train`."""
    with torch.no_grad():
        hidden = modules.model(batch.ids, batch.positions, batch.patches, modules.grid)
    seen = torch.arange(batch.ids.shape[1]) < batch.lengths[:, None]
    return Prompt(hidden, seen, batch.ids == modules.model.config.image_token_id, batch.positions, modules.token_grid)


def trained_observation(batches, place):
    """The observation that sample `place` is made of."""
    data = batches.samples
    frames = {name: np.asarray(data.images[place, i]) for i, name in enumerate(("front", "wrist"))}
    return sinew.Observation(frames, {"joint_position": data.state[place].astype(float)}, "go")
