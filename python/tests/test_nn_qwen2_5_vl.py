# SPDX-License-Identifier: Apache-2.0
"""Qwen2.5-VL side by side with transformers, and a policy on it side by side with the same steps in Python, on both compute backends."""

import json
import re
import shutil

import numpy as np
import parity_figures
import policy_directory as made
import pytest
import torch
from safetensors.torch import load_file, save_file
from test_nn import BACKENDS, HORIZON, JOINTS, SEED, Pipeline, greedy, prompt, reference
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2VLImageProcessorPil

import sinew
from sinew import nn

PATCH, CELL = 14, 14 * 14
CONFIGS = {
    "plain": {},
    "tied": {"tied": True},
    "one_kv_head": {"text": {"num_key_value_heads": 1, "num_attention_heads": 3, "hidden_size": 72, "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [6, 4, 2]}}},
    "all_heads": {"text": {"num_key_value_heads": 4, "intermediate_size": 100, "rms_norm_eps": 1e-5}},
    "windows_only": {"vision": {"fullatt_block_indexes": [], "window_size": 56, "num_heads": 4, "hidden_size": 48}},
    "frames_only": {"vision": {"fullatt_block_indexes": [7, 1, 0], "depth": 2}},
    "windows_of_three": {"vision": {"fullatt_block_indexes": [0, 3], "window_size": 97}},
}  # fmt: skip
# In merged cells 1 x 1, 3 x 7 and 5 x 9: less than a window, and windows of 4 x 4 that are cut off below, at the right and at both.
PROMPTS = {"text": [], "one_image": [(8, 12)], "odd_sizes": [(2, 2), (6, 14), (10, 18)], "two_images": [(12, 16), (12, 16)]}


def qwen2_5_vl(seed=0, tied=False, *, text=None, vision=None):
    """A random Qwen2.5-VL in f32; `text` and `vision` override sizes."""
    text = {
        "vocab_size": made.VOCAB, "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
        "rms_norm_eps": 1e-6, "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0, "mrope_section": [2, 3, 3]}, "bos_token_id": None, "eos_token_id": None,
    } | (text or {})  # fmt: skip
    vision = {
        "depth": 4, "hidden_size": 32, "intermediate_size": 76, "num_heads": 2, "out_hidden_size": text["hidden_size"], "patch_size": PATCH,
        "window_size": 112, "fullatt_block_indexes": [1, 3],
    } | (vision or {})  # fmt: skip
    config = Qwen2_5_VLConfig(
        text_config=text, vision_config=vision, image_token_id=made.TOKEN["<|image_pad|>"], video_token_id=made.TOKEN["<|video_pad|>"],
        vision_start_token_id=made.TOKEN["<|vision_start|>"], vision_end_token_id=made.TOKEN["<|vision_end|>"], tie_word_embeddings=tied,
    )  # fmt: skip
    return made.randomize(Qwen2_5_VLForConditionalGeneration(config).float(), seed)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    cache = {}

    def get(name):
        if name not in cache:
            model = qwen2_5_vl(**CONFIGS[name])
            cache[name] = model, made.save_backbone(tmp_path_factory.mktemp(name), model)
        return cache[name]

    return get


def load(folder, **options):
    return nn.load(folder, "qwen2_5_vl", **options)


def random_prompt(sizes, stream, **options):
    return prompt(sizes, np.random.default_rng([SEED, stream]), cell=CELL, **options)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("config", CONFIGS)
def test_hidden_states_are_those_of_transformers(saved, config, backend):
    model, folder = saved(config)
    ours = load(folder, backend=backend)
    worst = {}
    for stream, (name, sizes) in enumerate(PROMPTS.items()):
        ids, pixels, grids = random_prompt(sizes, stream, video_frames=name == "two_images")
        states, logits = reference(model, ids, pixels, grids)
        last, others = ours.hidden_states(ids, pixels, grids, depths=list(range(ours.depth + 1)))
        worst[name] = float(np.abs(last - states[-1]).max())
        parity_figures.record("qwen2_5_vl", backend, worst[name])
        np.testing.assert_allclose(last, states[-1], atol=2e-5, err_msg=f"{name}, behind the norm")
        for depth in range(ours.depth):  # transformers' last entry is the normed one
            scale = max(1.0, np.abs(states[depth]).max())
            np.testing.assert_allclose(others[depth] / scale, states[depth] / scale, atol=2e-5, err_msg=f"{name}, depth {depth}")
        np.testing.assert_allclose(ours.logits(ids, pixels, grids), logits, atol=1e-4, err_msg=name)
    print(f"seed {SEED}, {backend}, {config}: {worst}")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("config", ["plain", "tied", "one_kv_head"])
def test_decoded_tokens_are_those_of_transformers(saved, config, backend):
    model, folder = saved(config)
    ids, pixels, grids = random_prompt([(4, 6), (10, 2)], 9)
    expected, margins = greedy(model, ids, pixels, grids, 64)
    ours = load(folder, backend=backend)
    got = ours.generate(ids, pixels, grids, max_new_tokens=64)
    for token, right, margin in zip(got, expected, margins, strict=True):
        if token != right:
            assert margin < 1e-3, f"decoded {token} instead of {right}, whose logit leads by {margin}"
            break  # from here on the texts differ
    # All at once: what was decoded step by step leads.
    logits = ours.logits(np.append(ids, got[:-1]), pixels, grids)[len(ids) - 1 :]
    assert np.all(logits.max(axis=1) - logits[np.arange(64), got] < 1e-4)


@pytest.mark.parametrize("backend", BACKENDS)
def test_error_in_bf16_is_at_most_that_of_transformers(backend, tmp_path):
    model = qwen2_5_vl(seed=5).to(torch.bfloat16)
    folder = made.save_backbone(tmp_path, model)
    exact = qwen2_5_vl(seed=5).to(torch.bfloat16).double()
    ours = load(folder, backend=backend, dtype="bf16")
    errors = {"ours": [], "theirs": []}
    for stream in range(4):
        ids, pixels, grids = random_prompt([(6, 8), (10, 4)], 40 + stream)
        pixels = torch.from_numpy(pixels).to(torch.bfloat16).float().numpy()
        truth = reference(exact, ids, pixels, grids)[0][-1]
        errors["ours"].append(ours.hidden_states(ids, pixels, grids) - truth)
        errors["theirs"].append(reference(model, ids, pixels, grids)[0][-1] - truth)
    ours, theirs = (np.sqrt(np.mean(np.concatenate(errors[who]) ** 2)) for who in ("ours", "theirs"))
    print(f"root mean square error in bf16: {backend} {ours:.4f}, transformers {theirs:.4f}")
    assert ours <= 1.5 * theirs


# --- files ------------------------------------------------------------------------------------------------------------------------------


def of_modules(name):
    """The name that transformers' modules have for what its files call `name`."""
    return f"model.{name}" if name.startswith("visual.") else re.sub(r"^model\.", "model.language_model.", name)


NAMES = {"modules": of_modules, "starvla": lambda name: f"qwen_vl_interface.model.{of_modules(name)}", "starvla_of_files": lambda name: f"qwen_vl_interface.model.{name}"}


@pytest.mark.parametrize("form", NAMES)
def test_stored_names(saved, tmp_path, form):
    model, folder = saved("plain")
    tensors = load_file(folder / "model.safetensors")
    assert "visual.blocks.0.norm1.weight" in tensors and "model.layers.0.input_layernorm.weight" in tensors
    renamed = {NAMES[form](name): tensor for name, tensor in tensors.items()}
    if form == "modules":
        assert renamed.keys() == model.state_dict().keys()
    save_file(renamed, tmp_path / "model.safetensors")
    shutil.copy(folder / "config.json", tmp_path)
    ids, pixels, grids = random_prompt([(4, 10)], 1)
    np.testing.assert_array_equal(load(tmp_path).logits(ids, pixels, grids), load(folder).logits(ids, pixels, grids))


def flat(config):
    """The form of the published directories, out of that of transformers 5."""
    text = config.pop("text_config")
    rope = text.pop("rope_parameters")
    for key in ("model_type", "layer_types"):
        del text[key]
    scaling = {"type": "mrope", "mrope_section": rope["mrope_section"]}
    return config | text | {"rope_theta": rope["rope_theta"], "rope_scaling": scaling}


@pytest.mark.parametrize("name", ["plain", "tied", "one_kv_head"])
def test_flat_configuration(saved, tmp_path, name):
    model, folder = saved(name)
    config = flat(json.loads((folder / "config.json").read_text()))
    for key in ("in_channels", "rope_parameters"):
        del config["vision_config"][key]
    config["vision_config"]["in_chans"] = 3
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").symlink_to(folder / "model.safetensors")
    ids, pixels, grids = random_prompt([(4, 10)], 1)
    # That it is the form: transformers reads the same model out of it.
    theirs = Qwen2_5_VLForConditionalGeneration.from_pretrained(tmp_path, dtype=torch.float32).eval()
    np.testing.assert_array_equal(reference(theirs, ids, pixels, grids)[1], reference(model, ids, pixels, grids)[1])
    np.testing.assert_array_equal(load(tmp_path).logits(ids, pixels, grids), load(folder).logits(ids, pixels, grids))


def test_epsilon_is_1e_5_where_none_is_given(saved, tmp_path):
    _, folder = saved("all_heads")  # whose epsilon that is
    config = json.loads((folder / "config.json").read_text())
    assert config["text_config"].pop("rms_norm_eps") == 1e-5
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").symlink_to(folder / "model.safetensors")
    ids, _, _ = random_prompt([], 1)
    np.testing.assert_array_equal(load(tmp_path).hidden_states(ids), load(folder).hidden_states(ids))


@pytest.mark.parametrize(
    ("where", "key", "value", "words"),
    [
        ("text_config", "hidden_size", 1 << 40, "/text_config/hidden_size"), ("text_config", "num_attention_heads", 5, "/text_config/num_"), ("text_config", "num_key_value_heads", 3, "a divisor"),
        ("text_config", "vocab_size", 1 << 23, "embed_tokens.weight"), ("text_config", "num_hidden_layers", 1000, "layers.4"), ("text_config", "num_hidden_layers", 3, "layers.3"),
        ("text_config", "head_dim", 32, "leaves head_dim"), ("text_config", "hidden_act", "relu", "silu"), ("text_config", "use_sliding_window", True, "use_sliding_window"),
        ("text_config", "layer_types", ["full_attention", "sliding_attention"], "layer_types/1"), ("text_config", "rope_parameters", {"rope_type": "yarn", "rope_theta": 1e6, "mrope_section": [2, 3, 3]}, "rope_type"),
        ("text_config", "rope_parameters", {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 4]}, "mrope_section"),
        ("vision_config", "window_size", 27, "window_size. JSON value: expected at least the 28 pixels"), ("vision_config", "window_size", -1, "window_size"), ("vision_config", "fullatt_block_indexes", [-1], "fullatt_block_indexes/0"),
        ("vision_config", "out_hidden_size", 32, "out_hidden_size"), ("vision_config", "hidden_act", "gelu", "silu"), ("vision_config", "in_channels", 1, "in_channels"), ("vision_config", "depth", 5, "visual.blocks.4"),
        ("vision_config", "rope_parameters", {"rope_type": "axial", "rope_theta": 1e5}, "rope_theta"), ("vision_config", "num_heads", 3, "num_heads"), ("vision_config", "intermediate_size", 77, "gate_proj"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("backend", BACKENDS)
def test_what_does_not_fit_is_refused(saved, tmp_path, where, key, value, words, backend):
    _, folder = saved("plain")
    config = json.loads((folder / "config.json").read_text())
    config[where][key] = value
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").symlink_to(folder / "model.safetensors")
    with pytest.raises(sinew.Error, match=words):
        load(tmp_path, backend=backend)


def test_bad_prompts_are_refused(saved):
    _, folder = saved("plain")
    model = load(folder, max_tokens=64)
    ids, pixels, grids = random_prompt([(4, 4)], 2)
    for bad in ((ids, pixels[:-1], grids), (ids, pixels[:, :-1], grids), (ids[1:-9], pixels, grids), (ids, pixels, grids * [1, 1, 0]), (ids, pixels, np.array([[1, 1, 16]]))):
        with pytest.raises(sinew.Error):
            model.hidden_states(*bad)
    model.hidden_states(ids, pixels, grids)  # and works after that


# --- a whole policy ---------------------------------------------------------------------------------------------------------------------

SIDE = 140  # 5 x 5 cells: windows of 4 x 4, and less
CLIP = {"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}


class Qwen2_5Pipeline(Pipeline):
    system = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"

    def __init__(self, model, head, statistics):
        super().__init__(model, head, statistics)
        self.images = Qwen2VLImageProcessorPil(patch_size=PATCH, merge_size=2, size={"shortest_edge": SIDE * SIDE, "longest_edge": SIDE * SIDE}, **CLIP)


@pytest.mark.parametrize("backend", BACKENDS)
def test_chunk_is_that_of_the_python_pipeline(tmp_path, backend):
    model, statistics = qwen2_5_vl(seed=3), made.statistics(JOINTS)
    head = made.flow_dit(64, JOINTS, JOINTS, HORIZON)
    card = made.card(JOINTS, HORIZON, SIDE) | {"architecture": "qwen2_5_vl/flow_dit"}
    card["prompt"]["fields"]["chat"] = "qwen2_5_vl"
    for camera in card["cameras"]:
        camera["processor"] = "qwen2_5_vl"
    made.write(tmp_path, model, head, card, statistics, SIDE * SIDE, {"patch_size": PATCH, **CLIP})
    pipeline, ours = Qwen2_5Pipeline(model, head, statistics), sinew.Policy.load(tmp_path, backend=backend)
    rng = np.random.default_rng([SEED, 60])
    for instruction in ("put the red cube on the yellow plate", "käse → box"):
        frames = {name: rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8) for name in ("front", "wrist")}
        positions, noise = rng.uniform(-1, 1, JOINTS), rng.standard_normal((HORIZON, JOINTS)).astype(np.float32)
        chunk = ours.act(sinew.Observation(frames, {"joint_position": positions}, instruction), noise=noise)
        _, expected = pipeline(list(frames.values()), positions, instruction, noise)
        np.testing.assert_allclose(chunk.values, expected, atol=1e-4)
