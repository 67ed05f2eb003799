# SPDX-License-Identifier: Apache-2.0
"""A whole observation side by side with transformers: image processor, chat text, tokenizer with the 151k vocabulary, rotary positions."""

import hashlib
import json

import numpy as np
import pytest
import torch
import transformers
from tokenizer_reference import qwen_tokenizer
from transformers import Qwen2VLImageProcessorPil

import sinew
from sinew import observation as obs

transformers.logging.set_verbosity_error()
CLIP = dict(image_mean=[0.48145466, 0.4578275, 0.40821073], image_std=[0.26862954, 0.26130258, 0.27577711])
GENERATIONS = {
    "qwen2_vl": (Qwen2VLImageProcessorPil(patch_size=14, size={"shortest_edge": 3136, "longest_edge": 1003520}, **CLIP), "qwen2_vl"),
    "qwen2_5_vl": (Qwen2VLImageProcessorPil(patch_size=14, size={"shortest_edge": 3136, "longest_edge": 1003520}, **CLIP), "qwen2_5_vl"),
    "qwen3_vl": (
        Qwen2VLImageProcessorPil(patch_size=16, size={"shortest_edge": 65536, "longest_edge": 16777216}, image_mean=[0.5] * 3, image_std=[0.5] * 3),
        "qwen3_vl",
    ),
    "qwen3_5": (
        Qwen2VLImageProcessorPil(patch_size=16, size={"shortest_edge": 65536, "longest_edge": 16777216}, image_mean=[0.5] * 3, image_std=[0.5] * 3),
        "qwen3_5",
    ),
}
IMAGE_PAD, PAD = 151655, 151643


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "tokenizer.json"
    tokenizer = qwen_tokenizer()
    tokenizer.save(str(path))
    return tokenizer, path


def card(generation, padding):
    normalization = {"mode": "quantile", "rule": "qwen", "key": "state"}
    camera = {"view": "", "processor": generation, "resample": "pil_bicubic", "rotate_180": False}
    return {
        "format_version": "1.1",
        "name": "side by side",
        "architecture": "none",
        "backend": "none",
        "dtype": "f32",
        "cameras": [{"name": "front", "height": 480, "width": 640, **camera}, {"name": "wrist", "height": 224, "width": 224, **camera}],
        "prompt": {"name": "qwen_vla", "fields": {"robot_tag": "ALOHA", "arms": "dual arms", "fps": "30", "chunk_size": "16", "chat": generation}, "max_bytes": 2048},
        "text": {"tokenizer": "tokenizer.json", "max_tokens": 1024, "padding": padding, "pad_id": PAD, "add_special_tokens": False, "positions": True},
        "history": None,
        "state": {"channels": [{"name": "q", "unit": "rad", "size": 4, "rate": 100}], "normalization": normalization},
        "action": {
            "decoder": "joint_absolute",
            "joint_names": ["a", "b"],
            "gripper_names": [],
            "tool_channel": "",
            "horizon": 16,
            "rate": 30,
            "normalization": {"mode": "identity", "rule": "", "key": ""},
        },
        "statistics": {"file": "stats.json", "sha256": ""},
        "limits": None,
    }


def write_policy(folder, description, vocabulary_path):
    statistics = json.dumps({"state": {"q01": [-1.0, -2.0, 0.0, -0.5], "q99": [1.0, 2.0, 4.0, 0.5]}})
    (folder / "stats.json").write_text(statistics)
    description["statistics"]["sha256"] = hashlib.sha256(statistics.encode()).hexdigest()
    (folder / "sinew.json").write_text(json.dumps(description))
    (folder / "tokenizer.json").symlink_to(vocabulary_path)


def rope_positions(generation, ids, mask, grids):
    """get_rope_index of the model itself, on a configuration small enough to build."""
    name = {"qwen2_vl": "Qwen2VL", "qwen2_5_vl": "Qwen2_5_VL", "qwen3_vl": "Qwen3VL", "qwen3_5": "Qwen3_5"}[generation]
    config = getattr(transformers, name + "Config")(image_token_id=IMAGE_PAD, video_token_id=151656, vision_start_token_id=151652, vision_end_token_id=151653)
    model_class = getattr(transformers, name + "Model")
    model = model_class.__new__(model_class)  # get_rope_index needs the configuration alone
    torch.nn.Module.__init__(model)
    model.config = config
    ids, mask, grids = torch.tensor(ids)[None], torch.tensor(mask)[None], torch.tensor(grids)
    types = (ids == IMAGE_PAD).int()
    positions, _ = model.get_rope_index(input_ids=ids, mm_token_type_ids=types, image_grid_thw=grids, attention_mask=mask)
    return positions[:, 0].numpy()


@pytest.mark.parametrize("padding", ["none", "right", "left"])
@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_tensor_equals_that_of_transformers(generation, padding, vocabulary, tmp_path):
    reference, _ = GENERATIONS[generation]
    tokenizer, path = vocabulary
    description = card(generation, padding)
    write_policy(tmp_path, description, path)
    reference.save_pretrained(tmp_path)
    encoder = obs.VlaEncoder.from_directory(tmp_path)

    rng = np.random.default_rng(31)
    front, wrist = (rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in ((480, 640), (224, 224)))
    state = np.array([0.25, -3.0, 1.0, 0.1])
    instruction = "put the red cube on the yellow plate, naïvely 请"
    got = encoder.encode(sinew.Observation({"wrist": wrist, "front": front}, {"q": state}, instruction))

    pixels = reference(images=[front, wrist], return_tensors="np")
    assert np.array_equal(got["pixel_values"], pixels["pixel_values"])
    assert np.array_equal(got["image_grid_thw"], pixels["image_grid_thw"])

    text = obs.prompt("qwen_vla", instruction=instruction, images=2, **description["prompt"]["fields"])
    assert text.count("<|image_pad|>") == 2
    for grid in pixels["image_grid_thw"]:  # as Qwen2VLProcessor widens the slots
        text = text.replace("<|image_pad|>", "<|placeholder|>" * (int(grid.prod()) // 4), 1)
    ids = tokenizer.encode(text.replace("<|placeholder|>", "<|image_pad|>"), add_special_tokens=False).ids
    filler = 0 if padding == "none" else 1024 - len(ids)
    mask = [1] * len(ids)
    if padding == "left":
        ids, mask = [PAD] * filler + ids, [0] * filler + mask
    else:
        ids, mask = ids + [PAD] * filler, mask + [0] * filler
    assert got["input_ids"].tolist() == ids and got["attention_mask"].tolist() == mask

    expected = rope_positions(generation, ids, mask, pixels["image_grid_thw"])
    assert np.array_equal(got["position_ids"], expected)

    low, high = np.array([-1.0, -2.0, 0.0, -0.5]), np.array([1.0, 2.0, 4.0, 0.5])
    want = np.clip(2 * (state - low) / (high - low) - 1, -1, 1)
    assert np.abs(got["state"] - want).max() <= 1e-6


def test_single_frame_layout_of_the_encoder_halves_the_rows(vocabulary, tmp_path):
    write_policy(tmp_path, card("qwen3_vl", "none"), vocabulary[1])
    both, one = (obs.VlaEncoder.from_directory(tmp_path, layout=layout) for layout in ("hugging_face", "single_frame"))
    rng = np.random.default_rng(32)
    observation = sinew.Observation(
        {"front": rng.integers(0, 256, (480, 640, 3), dtype=np.uint8), "wrist": rng.integers(0, 256, (224, 224, 3), dtype=np.uint8)}, {"q": np.zeros(4)}, "go"
    )
    two, single = both.encode(observation)["pixel_values"], one.encode(observation)["pixel_values"]
    assert np.array_equal(single, two.reshape(-1, 3, 2, 256)[:, :, 0].reshape(-1, 768))


def test_encoder_names_what_is_wrong(vocabulary, tmp_path):
    write_policy(tmp_path, card("qwen3_vl", "none"), vocabulary[1])
    encoder = obs.VlaEncoder.from_directory(tmp_path)
    image = np.zeros((224, 224, 3), np.uint8)
    with pytest.raises(sinew.Error, match="camera 'wrist' is missing"):
        encoder.encode(sinew.Observation({"front": image}, {"q": np.zeros(4)}, "go"))
    with pytest.raises(sinew.Error, match="channel 'q'.*expected 4"):
        encoder.encode(sinew.Observation({"front": image, "wrist": image}, {"q": np.zeros(3)}, "go"))
    with pytest.raises(sinew.Error, match="control token"):
        encoder.encode(sinew.Observation({"front": image, "wrist": image}, {"q": np.zeros(4)}, "<|im_end|>"))
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(sinew.Error, match="tokenizer.json"):
        obs.VlaEncoder.from_directory(tmp_path)


def test_multi_section_positions_equal_those_of_the_models_on_random_sequences():
    rng = np.random.default_rng(33)
    for generation in GENERATIONS:
        for _ in range(20):
            grids, ids = [], []
            for _ in range(int(rng.integers(0, 4))):
                ids += rng.integers(1, 1000, int(rng.integers(1, 9))).tolist() + [151652]
                grid = (1, 2 * int(rng.integers(1, 6)), 2 * int(rng.integers(1, 6)))
                ids += [IMAGE_PAD] * (grid[1] * grid[2] // 4) + [151653]
                grids.append(grid)
            ids += rng.integers(1, 1000, int(rng.integers(1, 9))).tolist()
            if not grids:
                continue
            mask = [1] * len(ids)
            got = obs.multi_section_positions(np.array(ids), np.array(mask), image_token=IMAGE_PAD, grids=np.array(grids))
            assert np.array_equal(got, rope_positions(generation, ids, mask, grids)), generation


def test_multi_section_positions_refuse_what_no_image_has():
    ids, mask = np.array([5, 9]), np.array([1, 1])
    for grids in ([[1, -4, -4], [1, 2, 2]], [[0, 8, 8]], [[1, 2**32 + 2, 2]]):
        with pytest.raises(sinew.Error, match="grids"):
            obs.multi_section_positions(ids, mask, image_token=9, grids=np.array(grids))
    with pytest.raises(sinew.Error, match="integers"):
        obs.multi_section_positions(ids + 0.5, mask, image_token=9, grids=np.array([[1, 2, 2]]))


@pytest.mark.parametrize(
    "change, text",
    [
        (lambda c: c["prompt"]["fields"].update(chat="qwen2_vl"), "chat family"),
        (lambda c: c["prompt"].update(name="instruction", fields={}), "image slots"),
        (lambda c: c.update(history={"camera_offsets": [-100.0, 0.0], "state_offsets": [0.0], "max_age": 1.0, "max_skew": 1.0}), "/history"),
    ],
)
def test_encoder_refuses_a_card_that_contradicts_itself(change, text, vocabulary, tmp_path):
    description = card("qwen3_vl", "none")
    change(description)
    write_policy(tmp_path, description, vocabulary[1])
    with pytest.raises(sinew.Error, match=text):
        obs.VlaEncoder.from_directory(tmp_path)


def test_encoder_refuses_a_preprocessor_of_another_generation(vocabulary, tmp_path):
    write_policy(tmp_path, card("qwen3_vl", "none"), vocabulary[1])
    GENERATIONS["qwen2_vl"][0].save_pretrained(tmp_path)
    with pytest.raises(sinew.Error, match="patch_size"):
        obs.VlaEncoder.from_directory(tmp_path)
