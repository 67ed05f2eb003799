# SPDX-License-Identifier: Apache-2.0
"""Models side by side with transformers, and whole policies side by side with the same steps in Python, on both compute backends."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import parity_figures
import policy_directory as made
import pytest
import torch
import transformers
from PIL import Image
from transformers import Qwen2VLImageProcessorPil

import sinew
from sinew import nn

transformers.logging.set_verbosity_error()
torch.set_num_threads(1)
SEED = int(os.environ.get("SINEW_TEST_SEED", "20260101"))

BACKENDS = ["cpu"]
try:
    from sinew import _torch

    _torch.module()
    BACKENDS.append("torch")
except ImportError:
    if os.environ.get("SINEW_REQUIRE_ALL"):
        raise

CONFIGS = {
    "plain": {},
    "tied": {"tied": True},
    "one_kv_head": {"text": {"num_key_value_heads": 1, "num_attention_heads": 3, "head_dim": 24, "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [6, 3, 3], "mrope_interleaved": True}}},
    "all_heads": {"text": {"num_key_value_heads": 4, "hidden_size": 72, "intermediate_size": 100}},
    "late_deepstack": {"vision": {"depth": 5, "deepstack_visual_indexes": [1, 4], "num_heads": 4, "hidden_size": 48, "num_position_embeddings": 144}},
    "no_deepstack": {"vision": {"deepstack_visual_indexes": []}, "text": {"num_hidden_layers": 2}},
}  # fmt: skip
PROMPTS = {"text": [], "one_image": [(8, 12)], "odd_sizes": [(2, 2), (6, 14), (10, 4)], "two_images": [(6, 6), (6, 6)]}


def prompt(grids, rng, video_frames=False, cell=256):
    """ids, pixel_values, image_grid_thw of a text with those images."""
    ids, pixels = list(rng.integers(0, 256, 5)), []
    for rows, columns in grids:
        ids += [made.TOKEN["<|vision_start|>"]] + [made.TOKEN["<|image_pad|>"]] * (rows * columns // 4) + [made.TOKEN["<|vision_end|>"]]
        ids += list(rng.integers(0, 256, 3))
        patch = rng.uniform(-1, 1, (rows * columns, 3, 1, cell)).astype(np.float32)
        other = rng.uniform(-1, 1, patch.shape).astype(np.float32) if video_frames else patch
        pixels.append(np.concatenate([patch, other], axis=2).reshape(rows * columns, -1))
    if not grids:
        return np.array(ids), None, None
    return np.array(ids), np.concatenate(pixels), np.array([[1, *grid] for grid in grids])


def reference(model, ids, pixels, grids):
    """What transformers gives: (hidden states of every depth, logits)."""
    ids = torch.from_numpy(ids)[None]
    arguments = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if pixels is not None:
        arguments |= {"pixel_values": torch.from_numpy(pixels).to(model.dtype), "image_grid_thw": torch.from_numpy(grids)}
        arguments["mm_token_type_ids"] = (ids == made.TOKEN["<|image_pad|>"]).int()
    with torch.no_grad():
        out = model(**arguments, output_hidden_states=True)
    return [h[0].float().numpy() for h in out.hidden_states], out.logits[0].float().numpy()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    cache = {}

    def get(name):
        if name not in cache:
            model = made.qwen3_vl(**CONFIGS[name])
            cache[name] = model, made.save_backbone(tmp_path_factory.mktemp(name), model)
        return cache[name]

    return get


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("config", CONFIGS)
def test_hidden_states_are_those_of_transformers(saved, config, backend):
    model, folder = saved(config)
    ours = nn.load(folder, backend=backend)
    for stream, (name, sizes) in enumerate(PROMPTS.items()):
        ids, pixels, grids = prompt(sizes, np.random.default_rng([SEED, stream]), video_frames=name == "two_images")
        states, logits = reference(model, ids, pixels, grids)
        last, others = ours.hidden_states(ids, pixels, grids, depths=list(range(ours.depth + 1)))
        np.testing.assert_allclose(last, states[-1], atol=2e-5, err_msg=f"{name}, behind the norm")
        parity_figures.record("qwen3_vl", backend, np.abs(last - states[-1]).max())
        for depth in range(ours.depth):  # transformers' last entry is the normed one
            scale = max(1.0, np.abs(states[depth]).max())
            np.testing.assert_allclose(others[depth] / scale, states[depth] / scale, atol=2e-5, err_msg=f"{name}, depth {depth}")
        np.testing.assert_allclose(ours.logits(ids, pixels, grids), logits, atol=1e-4, err_msg=name)


def greedy(model, ids, pixels, grids, count):
    """Tokens and the distance of the two best logits at each."""
    tokens, margins = [], []
    for _ in range(count):
        _, logits = reference(model, np.concatenate([ids, np.array(tokens, dtype=ids.dtype)]), pixels, grids)
        best = np.sort(logits[-1])[-2:]
        margins.append(best[1] - best[0])
        tokens.append(int(logits[-1].argmax()))
    return tokens, margins


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("config", ["plain", "tied", "one_kv_head"])
def test_decoded_tokens_are_those_of_transformers(saved, config, backend):
    model, folder = saved(config)
    ids, pixels, grids = prompt([(4, 6), (2, 2)], np.random.default_rng([SEED, 9]))
    expected, margins = greedy(model, ids, pixels, grids, 64)
    got = nn.load(folder, backend=backend).generate(ids, pixels, grids, max_new_tokens=64)
    for token, right, margin in zip(got, expected, margins, strict=True):
        if token != right:
            assert margin < 1e-3, f"decoded {token} instead of {right}, whose logit leads by {margin}"
            break  # from here on the texts differ


def test_generation_options(saved):
    _, folder = saved("plain")
    model = nn.load(folder)
    ids, pixels, grids = prompt([(4, 4)], np.random.default_rng(SEED))
    greedy_text = model.generate(ids, pixels, grids, max_new_tokens=8)
    assert model.generate(ids, pixels, grids, max_new_tokens=8, stop=[greedy_text[2]])[-1] == greedy_text[2]
    allowed = [3, 200, 31]
    assert set(model.generate(ids, pixels, grids, max_new_tokens=20, allowed=allowed)) <= set(allowed)
    assert model.generate(ids, pixels, grids, max_new_tokens=8, temperature=1.0, top_k=1) == greedy_text
    drawn = [model.generate(ids, pixels, grids, max_new_tokens=8, temperature=1.5, seed=seed) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert model.generate(ids, max_new_tokens=0) == []
    for bad in ({"temperature": -1.0}, {"top_p": 0.0}, {"allowed": [10**6]}, {"max_new_tokens": 10**6}, {"max_new_tokens": 2**63 - 1}):
        with pytest.raises(sinew.Error):
            model.generate(ids, pixels, grids, **bad)


def test_bad_prompts_are_refused(saved):
    _, folder = saved("plain")
    model = nn.load(folder, max_tokens=64)
    ids, pixels, grids = prompt([(4, 4)], np.random.default_rng(SEED))
    for bad in (
        (ids, pixels, None),
        (ids[1:-9], pixels, grids),
        (ids, pixels[:-1], grids),
        (ids, pixels[:, :-1], grids),
        (ids, pixels, grids * 0),
        (ids + 0.5, pixels, grids),
        (np.append(ids, 10**6), pixels, grids),
        (np.append(ids, -1), pixels, grids),
        (np.zeros(65, np.int64), None, None),
        (np.zeros(0, np.int64), None, None),
    ):
        with pytest.raises(sinew.Error):
            model.hidden_states(*bad)
    model.hidden_states(ids, pixels, grids)  # and works after that


# --- bf16: the error against arithmetic in doubles --------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_error_in_bf16_is_at_most_that_of_transformers(saved, backend, tmp_path):
    model = made.qwen3_vl(seed=5).to(torch.bfloat16)
    folder = made.save_backbone(tmp_path, model)
    exact = made.qwen3_vl(seed=5).to(torch.bfloat16).double()
    ours = nn.load(folder, backend=backend, dtype="bf16")
    errors = {"ours": [], "theirs": []}
    for stream in range(4):
        ids, pixels, grids = prompt([(6, 8), (4, 4)], np.random.default_rng([SEED, 40 + stream]))
        pixels = torch.from_numpy(pixels).to(torch.bfloat16).float().numpy()
        truth = reference(exact, ids, pixels, grids)[0][-1]
        errors["ours"].append(ours.hidden_states(ids, pixels, grids) - truth)
        errors["theirs"].append(reference(model, ids, pixels, grids)[0][-1] - truth)
    ours, theirs = (np.sqrt(np.mean(np.concatenate(errors[who]) ** 2)) for who in ("ours", "theirs"))
    print(f"root mean square error in bf16: {backend} {ours:.4f}, transformers {theirs:.4f}")
    assert ours <= 1.5 * theirs


# --- files ------------------------------------------------------------------------------------------------------------------------------


def test_sharded_files_are_read(saved, tmp_path):
    model, folder = saved("plain")
    made.save_backbone(tmp_path, model, max_shard_size="100KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    ids, pixels, grids = prompt([(4, 4)], np.random.default_rng(SEED))
    np.testing.assert_array_equal(nn.load(tmp_path).hidden_states(ids, pixels, grids), nn.load(folder).hidden_states(ids, pixels, grids))


@pytest.mark.parametrize(
    ("where", "key", "value"),
    [
        ("text_config", "hidden_size", 1 << 40), ("text_config", "hidden_size", 65), ("text_config", "vocab_size", 1 << 23), ("text_config", "num_hidden_layers", 1000),
        ("text_config", "num_key_value_heads", 3), ("text_config", "head_dim", 1 << 19), ("vision_config", "depth", -1), ("vision_config", "hidden_size", 1 << 19),
        ("vision_config", "num_position_embeddings", 65), ("vision_config", "num_position_embeddings", 1 << 22), ("vision_config", "deepstack_visual_indexes", [3, 1]),
        ("text_config", "rope_parameters", {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1 << 18, 0, 0]}),
        ("vision_config", "out_hidden_size", 32), ("text_config", "hidden_act", "relu"), ("vision_config", "patch_size", 0), ("vision_config", "intermediate_size", 1.5),
    ],
)  # fmt: skip
@pytest.mark.parametrize("backend", BACKENDS)
def test_hostile_sizes_are_refused(saved, tmp_path, where, key, value, backend):
    _, folder = saved("plain")
    config = json.loads((folder / "config.json").read_text())
    config[where][key] = value
    if key == "rope_parameters":  # tables of 2^19 numbers for each position must not be made before the file has said no
        config[where]["head_dim"] = 1 << 19
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").symlink_to(folder / "model.safetensors")
    with pytest.raises(sinew.Error):
        nn.load(tmp_path, backend=backend)


# --- a whole policy ---------------------------------------------------------------------------------------------------------------------

JOINTS, HORIZON, SIDE = 7, 16, 96


class Pipeline:
    """Frames, words and joint positions to joint targets, as a Python program does it."""

    system = ""  # the turn before the user's

    def __init__(self, model, head, statistics):
        self.model, self.head, self.statistics = model, head, statistics
        self.images = Qwen2VLImageProcessorPil(patch_size=16, merge_size=2, image_mean=[0.5] * 3, image_std=[0.5] * 3, size={"shortest_edge": SIDE * SIDE, "longest_edge": SIDE * SIDE})
        self.tokenizer = made.tokenizer()

    def __call__(self, frames, positions, instruction, noise):
        processed = self.images(images=[Image.fromarray(frame) for frame in frames], return_tensors="pt")
        task = f"The robot is arm with single arm. The control frequency is 10 Hz. Please predict the next {HORIZON} control actions to execute the following task: {instruction}."
        pads = ["<|image_pad|>" * int(grid.prod() // 4) for grid in processed["image_grid_thw"]]
        user = "".join(f"<|vision_start|>{pad}<|vision_end|>" for pad in pads) + task
        text = f"{self.system}<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n"
        ids = torch.tensor([self.tokenizer.encode(text, add_special_tokens=False).ids])
        low, high = (np.array(self.statistics["state"][key]) for key in ("q01", "q99"))
        state = np.clip(2 * (positions - low) / (high - low) - 1, -1, 1).astype(np.float32)
        with torch.no_grad():
            hidden = self.model.model(
                input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=processed["pixel_values"], image_grid_thw=processed["image_grid_thw"],
                mm_token_type_ids=(ids == made.TOKEN["<|image_pad|>"]).int(),
            ).last_hidden_state  # fmt: skip
            actions = self.head.sample(torch.from_numpy(noise)[None], hidden, torch.from_numpy(state)[None, None])[0].numpy()
        low, high = (np.array(self.statistics["action"][key]) for key in ("q01", "q99"))
        return ids[0].numpy(), (actions + 1) / 2 * (high - low) + low


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    model, statistics = made.qwen3_vl(seed=3), made.statistics(JOINTS)
    head = made.flow_dit(64, JOINTS, JOINTS, HORIZON)
    folder = made.write(tmp_path_factory.mktemp("policy"), model, head, made.card(JOINTS, HORIZON, SIDE), statistics, SIDE * SIDE)
    return folder, Pipeline(model, head, statistics)


def observe(rng):
    frames = {name: rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8) for name in ("front", "wrist")}
    return frames, rng.uniform(-1, 1, JOINTS)


@pytest.mark.parametrize("backend", BACKENDS)
def test_chunk_is_that_of_the_python_pipeline(policy, backend):
    folder, pipeline = policy
    ours = sinew.Policy.load(folder, backend=backend)
    rng = np.random.default_rng([SEED, 60])
    for step in range(3):
        frames, positions = observe(rng)
        noise = rng.standard_normal((HORIZON, JOINTS)).astype(np.float32)
        instruction = ["put the red cube on the yellow plate", "wave", "käse → box"][step]
        observation = sinew.Observation(frames, {"joint_position": positions}, instruction)
        chunk = ours.act(observation, noise=noise)
        _, expected = pipeline(list(frames.values()), positions, instruction, noise)
        np.testing.assert_allclose(chunk.values, expected, atol=1e-4)


@pytest.mark.parametrize("backend", BACKENDS)
def test_seeds_prefixes_and_reset(policy, backend):
    folder, _ = policy
    ours = sinew.Policy.load(folder, backend=backend)
    frames, positions = observe(np.random.default_rng(SEED))
    observation = sinew.Observation(frames, {"joint_position": positions}, "wave")
    first, second = ours.act(observation).values, ours.act(observation).values
    assert not np.array_equal(first, second)  # each call draws its own noise
    ours.reset()
    np.testing.assert_array_equal(ours.act(observation).values, first)
    np.testing.assert_array_equal(ours.act(observation, seed=5).values, ours.act(observation, seed=5).values)
    raw = ours.outputs["actions"]
    prefix = raw[4:]  # what is left of that chunk after four steps
    tied = ours.act(observation, seed=6, prefix=prefix, prefix_delay=3)
    free = ours.act(observation, seed=6)
    tied_raw = ours.act(observation, seed=6, prefix=prefix, prefix_delay=3) and ours.outputs["actions"]
    ours.act(observation, seed=6)
    assert np.abs(tied_raw[:3] - prefix[:3]).max() < np.abs(ours.outputs["actions"][:3] - prefix[:3]).max()
    assert not np.array_equal(tied.values, free.values)
    for bad in ({"noise": np.zeros((1, JOINTS))}, {"prefix": np.zeros((HORIZON + 1, JOINTS)), "prefix_delay": 1}):
        with pytest.raises(sinew.Error):
            ours.act(observation, **bad)


def test_padding_changes_nothing(policy, tmp_path):
    folder, pipeline = policy
    for padding in ("left", "right"):
        target = tmp_path / padding
        target.mkdir()
        made.write(target, pipeline.model, pipeline.head, made.card(JOINTS, HORIZON, SIDE, padding=padding), pipeline.statistics, SIDE * SIDE)
        frames, positions = observe(np.random.default_rng(SEED))
        observation = sinew.Observation(frames, {"joint_position": positions}, "wave")
        np.testing.assert_array_equal(sinew.Policy.load(target).act(observation, seed=1).values, sinew.Policy.load(folder).act(observation, seed=1).values)


def test_what_does_not_fit_is_refused(policy, tmp_path):
    folder, pipeline = policy

    def variant(name, change_card=None, change_config=None):
        target = tmp_path / name
        target.mkdir()
        made.write(target, pipeline.model, pipeline.head, made.card(JOINTS, HORIZON, SIDE), pipeline.statistics, SIDE * SIDE)
        for file, change in (("sinew.json", change_card), ("config.json", change_config)):
            if change:
                document = json.loads((target / file).read_text())
                change(document)
                (target / file).write_text(json.dumps(document))
        return target

    cases = {
        "architecture": (lambda c: c.update(architecture="qwen3_vl/flow_dot"), None, "did you mean 'flow_dit'"),
        "backbone": (lambda c: c.update(architecture="qwen4_vl/flow_dit"), None, "did you mean 'qwen3_vl'"),
        "no_head": (lambda c: c.update(architecture="qwen3_vl"), None, "a backbone and a head"),
        "width": (None, lambda c: c["action_head"].update(width=50), "heads"),
        "context": (None, lambda c: c["action_head"].update(context_width=128), "to_k.weight"),
        "layers": (None, lambda c: c["action_head"].update(layers=3), "transformer_blocks.3"),
        "more_layers": (None, lambda c: c["action_head"].update(layers=5), "transformer_blocks.4"),
        "typing": (None, lambda c: c["action_head"].update(stepz=5), "steps"),
        "steps": (None, lambda c: c["action_head"].update(steps=0), "steps"),
        "state": (None, lambda c: c["action_head"].update(state_dim=8), "state"),
    }
    for name, (change_card, change_config, words) in cases.items():
        with pytest.raises(sinew.Error, match=words):
            sinew.Policy.load(variant(name, change_card, change_config))


def test_bf16_policy_is_near(policy, tmp_path):
    folder, pipeline = policy
    made.write(tmp_path, pipeline.model, pipeline.head, made.card(JOINTS, HORIZON, SIDE, dtype="bf16"), pipeline.statistics, SIDE * SIDE)
    frames, positions = observe(np.random.default_rng(SEED))
    observation = sinew.Observation(frames, {"joint_position": positions}, "wave")
    exact = sinew.Policy.load(folder).act(observation, seed=1).values
    for backend in BACKENDS:
        np.testing.assert_allclose(sinew.Policy.load(tmp_path, backend=backend).act(observation, seed=1).values, exact, atol=0.1)


def test_two_threads_give_the_bits_of_one(policy):
    folder, _ = policy
    registry = sinew.BackendRegistry()
    registry.add_cpu("cpu2", threads=2)
    frames, positions = observe(np.random.default_rng(SEED))
    observation = sinew.Observation(frames, {"joint_position": positions}, "wave")
    np.testing.assert_array_equal(
        sinew.Policy.load(folder, backend="cpu2", registry=registry).act(observation, seed=1).values, sinew.Policy.load(folder).act(observation, seed=1).values
    )


def test_table_of_models_in_the_readme_is_current():
    if "torch" not in BACKENDS:
        pytest.skip("built without SINEW_TORCH")
    script = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "model_table.py"
    subprocess.run([sys.executable, script], check=True)
