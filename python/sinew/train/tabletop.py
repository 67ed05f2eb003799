# SPDX-License-Identifier: Apache-2.0
"""The recipe of the shipped policy: demonstrations, sizes, phrases, and the order of the steps. `make train` runs it."""

import functools
import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

import sinew
from sinew import curate
from sinew._errors import error
from sinew.tabletop_words import CUBES, PLATES, known, phrases_of, words_of
from sinew.tabletop_world import chain_of
from sinew.train import collect as demonstrations
from sinew.train import policy, processes, recordings, samples, targets, tokenizer
from sinew.train.batches import Batches
from sinew.train.trainer import TrainOptions, Trainer

SIDE, PATCH = 96, 16  # pixels
HORIZON, RATE = 16, 10.0  # steps, Hz
WIDTH = 128
# No velocities: a policy that sees them learns that an arm at rest stays at rest, because the demonstrator's does so when it is done.
STATE = (("joint_position", "rad,m", 8), ("tool_pose", "m,quat_wxyz", 7))


def card(name="tabletop", dtype="f32"):
    camera = {"view": "", "processor": "qwen3_vl", "resample": "pil_bicubic", "height": SIDE, "width": SIDE, "rotate_180": False}
    normalization = {"mode": "mean_std", "rule": "lerobot"}
    return {
        "format_version": "1.2",
        "name": name,
        "architecture": "qwen3_vl/flow_dit",
        "backend": "cpu",
        "dtype": dtype,
        "cameras": [{"name": "front", **camera}, {"name": "wrist", **camera}],
        "prompt": {"name": "qwen_chat", "fields": {"family": "qwen3_vl"}, "max_bytes": 512},
        "text": {"tokenizer": "tokenizer.json", "max_tokens": 192, "padding": "none", "pad_id": 0, "add_special_tokens": False, "positions": True},
        "history": None,
        "state": {
            "channels": [{"name": channel, "unit": unit, "size": size, "rate": RATE} for channel, unit, size in STATE],
            "normalization": normalization | {"key": "state"},
        },
        "action": {
            "decoder": "tool_delta",
            "joint_names": [f"j{i}" for i in range(1, 8)] + ["gripper"],
            "gripper_names": ["gripper"],
            "tool_channel": "tool_pose",
            "horizon": HORIZON,
            "rate": RATE,
            "normalization": normalization | {"key": "action"},
            "parts": [],
            "layout": None,
            "tokens": None,
        },
        "statistics": None,  # write_inputs fills it in
        "limits": None,
    }


def sizes(words):
    """Backbone and head for a tokenizer."""
    return policy.small_sizes(card(), words, WIDTH, sum(size for *_, size in STATE), action_dim=7)


READOUT = policy.Readout(tokens=5, size=8)
_MIDDLE, _SCALE = np.array([0.5, 0.0, 0.05]), 0.15  # m


def _turn(yaw):
    """Cosine and sine of four times the angle: a square looks the same after a quarter turn."""
    return np.stack([np.cos(4 * yaw), np.sin(4 * yaw)], axis=-1)


def readouts(data):
    """[n, 40]: in the base frame, as the front camera sees them, positions of cubes and plates, of the cube that is meant and of where it belongs
    (unknown for a push), and the cubes' yaws, that of the meant one last; in the tool frame, as the wrist camera sees them, where the meant cube is,
    where it belongs, and its yaw."""
    if data.readouts.shape[1] != 21:
        raise error("invalid_argument", "train", "read-outs of the samples", "21 numbers", str(data.readouts.shape[1]), "recorded by another version; remove the folder")
    n = len(data)
    places, yaws = data.readouts[:, :18].reshape(n, 6, 3), data.readouts[:, 18:]
    meant, yaw = np.full((n, 2, 3), np.nan), np.empty(n)
    for i, text in enumerate(data.instructions):
        family, a, b = words_of(text)
        rows = data.instruction == i
        meant[rows, 0], yaw[rows] = places[rows, CUBES.index(a)], yaws[rows, CUBES.index(a)]
        if family != "push":
            meant[rows, 1] = places[rows, 3 + PLATES.index(b) if family == "put" else CUBES.index(b)]
    tool = data.state[:, -7:].astype(np.float64)  # tool_pose
    rotation = sinew.kinematics.rotation.to_matrix(tool[:, 3:], "wxyz")
    seen = np.einsum("nij,nki->nkj", rotation, meant - tool[:, None, :3])  # [n, 2, 3]
    tool_yaw = np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0])
    parts = ((places - _MIDDLE) / _SCALE, (meant - _MIDDLE) / _SCALE, _turn(yaws), _turn(yaw), seen / _SCALE, _turn(yaw - tool_yaw))
    return np.concatenate([part.reshape(n, -1) for part in parts], axis=1).astype(np.float32)


_EMPHASIS = {"put": 1.5, "stack": 3.0, "push": 1.0}


def emphasis(data):
    """[n]: what moments count: more where a cube is held near its place, for few centimetres there decide, most of all on another cube. `data` with
    its readouts()."""
    held = np.abs(data.readouts[:, 32:34] * _SCALE).max(1) < 0.025  # m: the meant cube beneath the tool
    near = np.linalg.norm(np.nan_to_num(data.readouts[:, 35:37]) * _SCALE, axis=1) < 0.15
    factor = np.array([_EMPHASIS[words_of(text)[0]] for text in data.instructions])[data.instruction]
    return np.where(held & near, factor, 1).astype(np.float32)


_PRIVILEGED = ("object_position", "cube_yaw")  # channels


@dataclass
class Recipe:
    folder: Path
    episodes: int = 4000
    families: tuple = ("put", "stack", "push")
    vocab_size: int = 1024
    dtype: str = "bf16"  # of the weights in the file
    keep_recordings: bool = False
    processes: int = 2
    seed: int = 0
    collect: demonstrations.CollectOptions = field(default_factory=demonstrations.CollectOptions)
    train: TrainOptions = field(default_factory=lambda: TrainOptions(steps=20000, batch_size=48, learning_rate=1e-3))

    @property
    def policy(self):
        return self.folder / "policy"

    @property
    def samples(self):
        return self.folder / "samples"


def _judge(path, chain):
    """Verdicts on the episodes of a recording, of what a policy sees: cubes may tumble. Pictures are not compared: each episode has a look of its
    own, one blurred beside another."""
    files, _, lacks = curate.read([path], measure_cameras=False, without=_PRIVILEGED)
    return curate.verdicts(sinew.data.curate(files, chain=chain), lacks)


def _rejected(verdicts):
    return {episode["index"]: episode["reason"] for file in verdicts["files"] for episode in file["episodes"] if episode["verdict"] == "reject"}


def _convert(reading_of, keep, path):
    folder = path.with_suffix("")
    if (folder / "samples.json").exists():
        return folder
    if path.stat().st_size == 0:
        return None  # an earlier run found nothing in it
    wanted = reading_of()
    verdicts = _judge(path, wanted.targets.chain)
    path.with_suffix(".json").write_text(json.dumps(verdicts))
    folder = recordings.convert(path, replace(wanted, rejected=frozenset(_rejected(verdicts))), folder)
    if not keep:
        path.write_bytes(b"")  # what was recorded is in the samples now
    return folder


def _count_rejected(recipe):
    """Writes curation.json, how many episodes were judged and which were left out, out of the verdicts on all files; returns that in words."""
    verdicts = [json.loads(path.read_text()) for path in sorted((recipe.folder / "demonstrations").glob("*.json"))]
    rejected = {index: reason for each in verdicts for index, reason in _rejected(each).items()}
    episodes = sum(len(file["episodes"]) for each in verdicts for file in each["files"])
    (recipe.folder / "curation.json").write_text(json.dumps({"episodes": episodes, "rejected": rejected}, indent=2) + "\n")
    return f"{len(rejected)} of {episodes} episodes rejected"


def reading():
    """What is taken out of the demonstrations."""
    from sinew import sim

    described = card()
    chain = chain_of(sim.MujocoRobot.tabletop(render=False))
    return recordings.Reading(card=described, targets=targets.make_targets(described, chain), readout_channels=_PRIVILEGED)


def gather(recipe, report=None):
    """Records demonstrations, curates them and joins what is kept; goes on where an earlier run stopped.

    report(done, of, text=""): after each file, and at the end with how many episodes were rejected; curation.json says which, and why.
    """
    if (recipe.samples / "samples.json").exists():
        return samples.Samples.open(recipe.samples)
    options = replace(recipe.collect, seed=recipe.seed * 1_000_000, instructions=tuple(known(recipe.families)))
    convert = functools.partial(_convert, reading, recipe.keep_recordings)
    folders = demonstrations.collect(recipe.folder / "demonstrations", options, recipe.episodes, recipe.processes, convert, report)
    said = _count_rejected(recipe)
    if report:
        report(len(folders), len(folders), said)
    joined = samples.join([folder for folder in folders if folder is not None], recipe.samples)
    if not recipe.keep_recordings:
        shutil.rmtree(recipe.folder / "demonstrations")
    return joined


def write_inputs(recipe, data):
    texts = sorted(known(("put", "stack", "push")))
    corpus = [phrase for text in texts for phrase in phrases_of(text)]
    made = tokenizer.train(corpus * 3 + tokenizer.common_words(), recipe.vocab_size)
    policy.write_inputs(recipe.policy, card(dtype=recipe.dtype), made, policy.statistics(data), policy.qwen_processor(PATCH, SIDE * SIDE, merge_size=1))
    return made


def _train(share, recipe, report=None):
    data = samples.Samples.open(recipe.samples)
    data.readouts = readouts(data)
    data.weight = emphasis(data)
    phrases = {text: phrases_of(text) for text in data.instructions}
    batches = Batches(recipe.policy, data, phrases, state_noise=0.02, device=recipe.train.device)
    model = policy.new_policy(*sizes(tokenizer.load(recipe.policy)), READOUT, recipe.seed)
    trainer = Trainer(model, batches, recipe.train, recipe.folder / "run", share)
    trainer.resume()
    trainer.run(report if share.rank == 0 else None)
    if share.rank == 0:
        policy.write_model(recipe.policy, model, trainer.averaged)
        write_summary(recipe, trainer)


def write_summary(recipe, trainer):
    """training.json: what the model card says of the training."""
    about = {
        "command": "sinew train --tabletop",
        "episodes": recipe.episodes,
        "samples": len(trainer.batches),
        "steps": recipe.train.steps,
        "batch_size": recipe.train.batch_size,
        "learning_rate": recipe.train.learning_rate,
        "seed": recipe.seed,
        "device": recipe.train.device,
        "processes": recipe.processes,
        "training_seconds": round(trainer.progress.seconds),
        "versions": {"sinew": sinew.__version__, "torch": torch.__version__},
    }
    (recipe.policy / "training.json").write_text(json.dumps(about, indent=2) + "\n")


def train(recipe, report=None):
    """Samples to a policy directory; goes on where an earlier run stopped."""
    if not (recipe.policy / "sinew.json").exists():
        write_inputs(recipe, samples.Samples.open(recipe.samples))
    processes.run(_train, (recipe,), processes.useful(recipe.processes, recipe.train), report)
