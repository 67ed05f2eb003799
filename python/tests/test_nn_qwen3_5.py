# SPDX-License-Identifier: Apache-2.0
"""Qwen3.5 side by side with transformers, in f32 and in f64, on both compute backends."""

import contextlib
import copy
import functools
import json

import numpy as np
import parity_figures
import policy_directory as made
import pytest
import torch
from test_nn import BACKENDS, SEED, prompt
from transformers import Qwen3_5Config, Qwen3_5ForConditionalGeneration

import sinew
from sinew import nn

IMAGE = made.TOKEN["<|image_pad|>"]


def rope(sections, share):
    return {"rope_type": "default", "rope_theta": 1e7, "partial_rotary_factor": share, "mrope_section": sections, "mrope_interleaved": True}


def qwen3_5(seed=0, tied=False, *, text=None, vision=None):
    """A random Qwen3.5 in f32; `text` and `vision` override sizes."""
    text = {
        "vocab_size": made.VOCAB, "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32,
        "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 16, "linear_value_head_dim": 24, "linear_conv_kernel_dim": 4,
        "rms_norm_eps": 1e-6, "rope_parameters": rope([2, 1, 1], 0.25),
    } | (text or {})  # fmt: skip
    vision = {"depth": 3, "hidden_size": 32, "intermediate_size": 72, "num_heads": 2, "out_hidden_size": text["hidden_size"], "patch_size": 16, "num_position_embeddings": 64} | (vision or {})
    config = Qwen3_5Config(
        text_config=text, vision_config=vision, image_token_id=IMAGE, video_token_id=made.TOKEN["<|video_pad|>"],
        vision_start_token_id=made.TOKEN["<|vision_start|>"], vision_end_token_id=made.TOKEN["<|vision_end|>"], tie_word_embeddings=tied,
    )  # fmt: skip
    torch.manual_seed(seed)  # transformers draws the rates of the decays
    return made.randomize(Qwen3_5ForConditionalGeneration(config).float(), seed)


CONFIGS = {
    "plain": {},
    "tied": {"tied": True, "text": {"num_hidden_layers": 2, "full_attention_interval": 2}},
    "heads_alike": {"text": {"linear_num_key_heads": 3, "linear_num_value_heads": 3, "linear_key_head_dim": 20, "linear_value_head_dim": 12, "linear_conv_kernel_dim": 3, "num_key_value_heads": 4}},
    "mixed_layers": {"text": {"num_hidden_layers": 5, "layer_types": ["full_attention", "linear_attention", "linear_attention", "full_attention", "linear_attention"], "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 24, "rope_parameters": rope([2, 2, 2], 0.5)}},
    "real_heads": {"text": {"linear_num_key_heads": 2, "linear_num_value_heads": 6, "linear_key_head_dim": 128, "linear_value_head_dim": 128, "head_dim": 256, "rope_parameters": rope([11, 11, 10], 0.25)}, "vision": {"num_heads": 4, "hidden_size": 48, "num_position_embeddings": 144}},
}  # fmt: skip
PROMPTS = {"text": ([], 0), "one_image": ([(8, 12)], 0), "odd_sizes": ([(2, 2), (6, 14), (10, 4)], 0), "two_images": ([(6, 6), (6, 6)], 30), "long_text": ([], 187)}


def long_prompt(name, stream):
    grids, more = PROMPTS[name]
    rng = np.random.default_rng([SEED, stream])
    ids, pixels, grids = prompt(grids, rng, video_frames=name == "two_images")
    return np.concatenate([ids, rng.integers(0, 256, more)]), pixels, grids


@contextlib.contextmanager
def everything_in_f64():
    """transformers casts norms, rotary tables and the delta rule to f32 by name whatever the model's dtype: for the truth those names say f64."""
    kept = torch.float32, torch.float, torch.Tensor.float
    torch.float32, torch.float, torch.Tensor.float = torch.float64, torch.float64, torch.Tensor.double
    try:
        yield
    finally:
        torch.float32, torch.float, torch.Tensor.float = kept


def run(model, ids, pixels, grids):
    """What transformers gives: hidden states behind every layer and behind the norm, then logits, as f64 arrays."""
    ids = torch.from_numpy(ids)[None]
    arguments = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if pixels is not None:
        arguments |= {"pixel_values": torch.from_numpy(pixels).to(model.dtype), "image_grid_thw": torch.from_numpy(grids), "mm_token_type_ids": (ids == IMAGE).int()}
    with torch.no_grad():
        out = model(**arguments, output_hidden_states=True)
    return [x[0].double().numpy() for x in (*out.hidden_states, out.logits)]


def run_exactly(model, *inputs):
    with everything_in_f64():
        return run(copy.deepcopy(model).double(), *inputs)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A configuration's model, and the directory that it was saved to."""

    @functools.cache
    def get(name):
        model = qwen3_5(**CONFIGS[name])
        return model, made.save_backbone(tmp_path_factory.mktemp(name), model)

    return get


@pytest.fixture(scope="module")
def references(saved):
    """What transformers gives for a configuration and a prompt, in f64 and in f32."""

    @functools.cache
    def get(config, name):
        inputs = long_prompt(name, list(PROMPTS).index(name))
        return inputs, run_exactly(saved(config)[0], *inputs), run(saved(config)[0], *inputs)

    return get


def load(folder, backend="cpu", **options):
    return nn.load(folder, "qwen3_5", backend=backend, **options)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("config", CONFIGS)
def test_error_is_at_most_twice_that_of_transformers(saved, references, config, backend):
    """Both in f32 against f64. The largest error of a prompt is a draw with a long tail (where a head gives next to nothing, its norm enlarges
    all errors), for both alike: that one at most twice the other holds for the mean over the prompts, of logarithms."""
    ours = load(saved(config)[1], backend)
    errors = {"ours": [], "theirs": []}
    for name in PROMPTS:
        inputs, truth, theirs = references(config, name)
        last, others = ours.hidden_states(*inputs, depths=list(range(ours.depth + 1)))
        got = [*others[:-1], last, ours.logits(*inputs)]  # transformers' last entry is the normed one
        for who, states in (("ours", got), ("theirs", theirs)):
            errors[who].append([np.abs(state - right).max() / max(1.0, np.abs(right).max()) for state, right in zip(states, truth, strict=True)])
    ours, theirs = (np.array(errors[who]) for who in ("ours", "theirs"))
    ratio = np.exp(np.log(ours[:, -2:] / theirs[:, -2:]).mean(axis=0))
    most, others_most = ours.max(axis=0), theirs.max(axis=0)
    print(f"{config} {backend}: at most {most[-2]:.1e} / {others_most[-2]:.1e} behind the norm, {most[-1]:.1e} / {others_most[-1]:.1e} of logits, mean ratio {ratio.max():.2f}")
    parity_figures.record("qwen3_5", backend, most[-2])
    assert (ratio <= 2).all()
    assert (most[1:] <= 5 * others_most[1:]).all(), (most, others_most)  # and nothing at any depth is of another size
    assert most[0] <= max(2 * others_most[0], 1e-6)  # embeddings and images
    assert others_most[-1] < 1e-3  # the comparison means something


@pytest.fixture(scope="module")
def greedy(saved):
    """A prompt, the 64 tokens that transformers decodes behind it, and the distance of the two best logits at each."""

    @functools.cache
    def get(config):
        ids, pixels, grids = prompt([(4, 6), (2, 2)], np.random.default_rng([SEED, 9]))
        tokens, margins = [], []
        for _ in range(64):
            last = run(saved(config)[0], np.concatenate([ids, np.array(tokens, dtype=ids.dtype)]), pixels, grids)[-1][-1]
            best = np.sort(last)[-2:]
            margins.append(best[1] - best[0])
            tokens.append(int(last.argmax()))
        return (ids, pixels, grids), tokens, margins

    return get


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("config", ["plain", "tied", "mixed_layers"])
def test_decoded_tokens_are_those_of_transformers(saved, greedy, config, backend):
    _, folder = saved(config)
    (ids, pixels, grids), expected, margins = greedy(config)
    ours = load(folder, backend)
    got = ours.generate(ids, pixels, grids, max_new_tokens=64)
    for token, right, margin in zip(got, expected, margins, strict=True):
        if token != right:
            assert margin < 1e-3, f"decoded {token} instead of {right}, whose logit leads by {margin}"
            break  # from here on the texts differ
    # A sequence leaves nothing behind.
    assert ours.generate(ids, pixels, grids, max_new_tokens=64) == got
    other = np.arange(40)
    np.testing.assert_array_equal(ours.logits(other), load(folder, backend).logits(other))


@pytest.mark.parametrize("backend", BACKENDS)
def test_token_by_token_gives_the_text_of_whole_prompts(saved, backend):
    """The recurrent and the chunked form: what is decoded one by one is what a whole prompt of everything before calls for."""
    _, folder = saved("real_heads")
    ours = load(folder, backend)
    ids = np.random.default_rng([SEED, 11]).integers(0, 256, 3)
    text = ours.generate(ids, max_new_tokens=140, allowed=list(range(256)))
    logits = ours.logits(np.concatenate([ids, text[:-1]]))[len(ids) - 1 :, :256]
    best = np.sort(logits)[:, -1]
    assert (best - logits[np.arange(len(text)), text] < 1e-3).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_error_in_bf16_is_near_that_of_transformers(backend, tmp_path):
    model = qwen3_5(seed=5).to(torch.bfloat16)
    folder = made.save_backbone(tmp_path, model)
    ours = load(folder, backend, dtype="bf16")
    errors = {"ours": [], "theirs": []}
    for stream in range(4):
        ids, pixels, grids = prompt([(6, 8), (4, 4)], np.random.default_rng([SEED, 40 + stream]))
        pixels = torch.from_numpy(pixels).to(torch.bfloat16).float().numpy()
        truth = run_exactly(model, ids, pixels, grids)[-2]
        errors["ours"].append(ours.hidden_states(ids, pixels, grids) - truth)
        errors["theirs"].append(run(model, ids, pixels, grids)[-2] - truth)
    ours, theirs = (np.sqrt(np.mean(np.concatenate(errors[who]) ** 2)) for who in ("ours", "theirs"))
    print(f"root mean square error in bf16: {backend} {ours:.4f}, transformers {theirs:.4f}")
    assert ours <= 1.5 * theirs


# --- files ------------------------------------------------------------------------------------------------------------------------------


def variant(saved, tmp_path, change=None, tensors=None, name="plain"):
    """The directory with another config.json, or other tensors."""
    from safetensors.torch import load_file, save_file

    _, folder = saved(name)
    config = json.loads((folder / "config.json").read_text())
    if change:
        change(config)
    (tmp_path / "config.json").write_text(json.dumps(config))
    weights = load_file(folder / "model.safetensors")
    save_file(tensors(weights) if tensors else weights, tmp_path / "model.safetensors")
    return tmp_path


def test_names_of_other_checkpoints_are_read(saved, tmp_path):
    """A StarVLA checkpoint, with the tensors for predicting several tokens that nobody needs."""

    def rename(weights):
        more = {"mtp.fc.weight": torch.ones(3, 3), "mtp.layers.0.self_attn.q_proj.weight": torch.ones(2, 2)}
        return {f"qwen_vl_interface.model.{name}": value for name, value in (weights | more).items()}

    _, folder = saved("plain")
    inputs = prompt([(4, 4)], np.random.default_rng(SEED))
    np.testing.assert_array_equal(load(variant(saved, tmp_path, tensors=rename)).logits(*inputs), load(folder).logits(*inputs))


def test_layers_by_interval_are_read(saved, tmp_path):
    """As transformers reads it: without `layer_types`, every fourth layer attends."""

    def change(config):
        del config["text_config"]["layer_types"]
        config["text_config"]["full_attention_interval"] = 4

    _, folder = saved("plain")
    np.testing.assert_array_equal(load(variant(saved, tmp_path, change)).logits(np.arange(9)), load(folder).logits(np.arange(9)))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("where", "key", "value", "words"),
    [
        ("text_config", "layer_types", ["full_attention"] * 4, "self_attn"),
        ("text_config", "layer_types", ["linear_attention"] * 3, "layer_types"),
        ("text_config", "layer_types", ["linear_attention"] * 3 + ["sliding_attention"], "layer_types"),
        ("text_config", "linear_num_value_heads", 3, "linear_num_value_heads"),
        ("text_config", "linear_num_value_heads", 1 << 19, "in_proj"),
        ("text_config", "linear_key_head_dim", 8, "in_proj_qkv"),
        ("text_config", "linear_conv_kernel_dim", 17, "linear_conv_kernel_dim"),
        ("text_config", "linear_conv_kernel_dim", 3, "conv1d"),
        ("text_config", "head_dim", 16, "rope_parameters"),
        ("text_config", "hidden_act", "gelu", "hidden_act"),
        ("text_config", "attention_bias", True, "attention_bias"),
        ("text_config", "attn_output_gate", False, "attn_output_gate"),
        ("text_config", "rope_parameters", rope([2, 1, 1], 0.5), "mrope_section"),
        ("vision_config", "deepstack_visual_indexes", [1], "deepstack"),
        ("vision_config", "out_hidden_size", 32, "out_hidden_size"),
    ],
)
def test_what_does_not_fit_is_refused(saved, tmp_path, backend, where, key, value, words):
    folder = variant(saved, tmp_path, lambda config: config[where].update({key: value}))
    with pytest.raises(sinew.Error, match=words):
        load(folder, backend)


def test_missing_and_foreign_tensors_are_named(saved, tmp_path):
    name = "model.language_model.layers.0.linear_attn.A_log"
    with pytest.raises(sinew.Error, match="A_log"):
        load(variant(saved, tmp_path, tensors=lambda weights: {n: w for n, w in weights.items() if n != name}))
    with pytest.raises(sinew.Error, match="linear_attn.B_log"):
        load(variant(saved, tmp_path, tensors=lambda weights: weights | {name.replace("A_log", "B_log"): torch.ones(4)}))
    with pytest.raises(sinew.Error, match="model_type"):
        nn.load(saved("plain")[1], "qwen3_vl")


# --- a whole policy ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_policy_acts(tmp_path, backend):
    """Chunk and prompt are those of the head in Python over transformers' hidden states."""
    joints, horizon, side = 7, 16, 96
    model, head, statistics = qwen3_5(seed=3), made.flow_dit(64, joints, joints, horizon), made.statistics(joints)
    card = made.card(joints, horizon, side) | {"architecture": "qwen3_5/flow_dit"}
    policy = sinew.Policy.load(made.write(tmp_path, model, head, card, statistics, side * side), backend=backend)
    from test_nn import Pipeline

    rng = np.random.default_rng([SEED, 60])
    frames = {name: rng.integers(0, 256, (side, side, 3), dtype=np.uint8) for name in ("front", "wrist")}
    positions, noise = rng.uniform(-1, 1, joints), rng.standard_normal((horizon, joints)).astype(np.float32)
    chunk = policy.act(sinew.Observation(frames, {"joint_position": positions}, "wave"), noise=noise)
    _, expected = Pipeline(model, head, statistics)(list(frames.values()), positions, "wave", noise)
    np.testing.assert_allclose(chunk.values, expected, atol=1e-4)
    again = policy.act(sinew.Observation(frames, {"joint_position": positions}, "wave"), noise=noise)
    np.testing.assert_array_equal(again.values, chunk.values)
