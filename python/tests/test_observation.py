# SPDX-License-Identifier: Apache-2.0
"""Observation encoding side by side with Pillow, and with the processor's definition written out in NumPy."""

import json
import math

import numpy as np
import pytest
from PIL import Image
from PIL import __version__ as pillow_version

import sinew
from sinew import observation as obs

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
FAMILY = "pil_" if int(pillow_version.split(".")[0]) < 13 else "pil13_"


def pillow_resize(image, size, name):
    """Channel by channel, so that Pillow's treatment of alpha stays out of it."""
    planes = [np.asarray(Image.fromarray(np.ascontiguousarray(image[..., c])).resize(size[::-1], FILTERS[name])) for c in range(image.shape[2])]
    return np.stack(planes, axis=-1)


def some_image(rng, height, width, channels, kind):
    if kind == "noise":
        return rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
    if kind == "gradient":
        y, x = np.mgrid[0:height, 0:width]
        return np.stack([(y * (3 + c) + x * (5 - c)) % 256 for c in range(channels)], axis=-1).astype(np.uint8)
    image = np.zeros((height, width, channels), np.uint8)  # one bright pixel
    image[rng.integers(height), rng.integers(width)] = 255
    return image


@pytest.mark.parametrize("name", FILTERS)
def test_resize_equals_pillow_on_random_geometries(name):
    rng = np.random.default_rng(20260101)
    for i in range(150):
        top = 400 if i % 10 == 0 else 64
        height, width, new_height, new_width = (int(v) for v in rng.integers(1, top, 4))
        if i % 7 == 0:
            new_height = height
        if i % 11 == 0:
            new_width = width
        image = some_image(rng, height, width, 1 + i % 4, ("noise", "gradient", "pixel")[i % 3])
        got = obs.resize(image, (new_height, new_width), FAMILY + name)
        want = pillow_resize(image, (new_height, new_width), name)
        assert np.array_equal(got, want), (image.shape, new_height, new_width)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("size", [(480, 640, 224, 224), (480, 640, 476, 644), (224, 224, 256, 256), (1, 1000, 7, 3), (3000, 2, 1, 50), (201, 2, 200, 7), (200, 2, 20, 7), (720, 1280, 224, 398)])
def test_resize_equals_pillow_on_camera_geometries(name, size):
    height, width, new_height, new_width = size
    image = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    got = obs.resize(image, (new_height, new_width), FAMILY + name)
    assert np.array_equal(got, np.asarray(Image.fromarray(image).resize((new_width, new_height), FILTERS[name])))


@pytest.mark.parametrize("name", [n for n in FILTERS if n != "nearest"])
def test_resize_pillow_13_runs_the_passes_of_pillow_in_its_own_order(name):
    """Both orders from Pillow's one-axis resizes, which every version computes alike."""
    rng = np.random.default_rng(2)
    orders = set()
    for _ in range(100):
        height, width, new_height, new_width = (int(v) for v in rng.integers(2, 60, 4))
        image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        vertical_first = height > new_height and height - new_height > 2 * (width - new_width)
        between = (new_height, width) if vertical_first else (height, new_width)
        want = pillow_resize(pillow_resize(image, between, name), (new_height, new_width), name)
        orders.add(vertical_first)
        assert np.array_equal(obs.resize(image, (new_height, new_width), "pil13_" + name), want), (height, width, new_height, new_width)
    assert orders == {True, False}


@pytest.mark.parametrize(
    "image, size, rule, text",
    [
        (np.zeros((4, 4, 3), np.float32), (2, 2), "pil_box", "uint8"),
        (np.zeros((4, 4), np.uint8), (2, 2), "pil_box", r"\[4, 4\]"),
        (np.zeros((4, 4, 5), np.uint8), (2, 2), "pil_box", "bad_shape"),
        (np.zeros((4, 4, 3), np.uint8), (0, 2), "pil_box", "bad_shape"),
        (np.zeros((4, 4, 3), np.uint8), (2, 9000), "pil_box", "bad_shape"),
        (np.zeros((0, 4, 3), np.uint8), (2, 2), "pil_box", "bad_shape"),
        (np.zeros((4, 4, 3), np.uint8), (2, 2), "pil_bx", "did you mean 'pil_box'"),
    ],
)
def test_resize_refuses(image, size, rule, text):
    with pytest.raises(sinew.Error, match=text):
        obs.resize(image, size, rule)


# --- Qwen's image processor, written out -------------------------------------------------------------------------------


def target_size(height, width, factor, least, most):
    new_height, new_width = round(height / factor) * factor, round(width / factor) * factor
    if new_height * new_width > most:
        beta = math.sqrt((height * width) / most)
        return tuple(max(factor, math.floor(side / beta / factor) * factor) for side in (height, width))
    if new_height * new_width < least:
        beta = math.sqrt(least / (height * width))
        return tuple(math.ceil(side * beta / factor) * factor for side in (height, width))
    return new_height, new_width


def patches_of(image, patch, merge, mean, std, least, most):
    height, width = target_size(*image.shape[:2], patch * merge, least, most)
    if (height, width) != image.shape[:2]:
        image = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))
    x = (image.astype(np.float64) * (1 / 255)).astype(np.float32)
    x = (x - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)
    rows, columns = height // patch, width // patch
    x = x.reshape(rows // merge, merge, patch, columns // merge, merge, patch, 3)
    x = x.transpose(0, 3, 1, 4, 6, 2, 5)  # block row, block column, row, column, channel, y, x
    x = np.repeat(x[..., None, :, :], 2, axis=-3)  # both frames of a temporal patch are the image
    return np.ascontiguousarray(x).reshape(rows * columns, 3 * 2 * patch * patch), (1, rows, columns)


QWEN3 = dict(patch=16, merge=2, mean=[0.5] * 3, std=[0.5] * 3, least=65536, most=16777216)
QWEN2 = dict(
    patch=14,
    merge=2,
    mean=[0.48145466, 0.4578275, 0.40821073],
    std=[0.26862954, 0.26130258, 0.27577711],
    least=3136,
    most=1003520,
)


def processor_of(spec):
    return obs.ImageProcessor(
        patch_size=spec["patch"], merge_size=spec["merge"], min_pixels=spec["least"], max_pixels=spec["most"], mean=spec["mean"], std=spec["std"], rule=FAMILY + "bicubic"
    )


@pytest.mark.parametrize("spec", [QWEN3, QWEN2], ids=["qwen3", "qwen2"])
def test_image_processor_equals_its_definition_to_the_bit(spec):
    rng = np.random.default_rng(5)
    sizes = [(480, 640), (224, 224), (37, 199), (96, 300), (239, 239), (1, 1), (1, 200), (1300, 1400)]
    images = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    got = processor_of(spec)(images)
    want = [patches_of(image, **spec) for image in images]
    assert got["pixel_values"].dtype == np.float32 and got["image_grid_thw"].dtype == np.int64
    assert got["image_grid_thw"].tolist() == [list(grid) for _, grid in want]
    assert np.array_equal(got["pixel_values"], np.concatenate([values for values, _ in want]))


@pytest.mark.parametrize("spec", [QWEN3, QWEN2], ids=["qwen3", "qwen2"])
def test_image_processor_grid_equals_smart_resize_on_many_sizes(spec):
    processor = processor_of(spec)
    rng = np.random.default_rng(6)
    sizes = [(h, w) for h in range(200, 280) for w in range(200, 280)]
    sizes += [(int(h), int(w)) for h, w in rng.integers(1, 8193, (20000, 2)) if max(h, w) / min(h, w) <= 200]
    for height, width in sizes:
        target = target_size(height, width, spec["patch"] * spec["merge"], spec["least"], spec["most"])
        assert processor.grid(height, width) == (1, target[0] // spec["patch"], target[1] // spec["patch"]), (height, width)


def test_image_processor_takes_one_image_or_none():
    image = np.random.default_rng(7).integers(0, 256, (256, 288, 3), dtype=np.uint8)
    processor = obs.ImageProcessor()
    one, many = processor(image), processor([image])
    assert np.array_equal(one["pixel_values"], many["pixel_values"]) and one["image_grid_thw"].tolist() == [[1, 16, 18]]
    none = processor([])
    assert none["pixel_values"].shape == (0, 1536) and none["image_grid_thw"].shape == (0, 3)


def test_image_processor_refuses_other_images():
    processor = obs.ImageProcessor()
    for image, text in [
        (np.zeros((256, 256, 4), np.uint8), "4 channels"),
        (np.zeros((256, 256, 3), np.float32), "uint8"),
        (np.zeros((10, 2001, 3), np.uint8), "ratio at most 200"),
        (np.zeros((0, 256, 3), np.uint8), "0 x 256"),
    ]:
        with pytest.raises(sinew.Error, match=text):
            processor(image)


def test_image_processor_from_pretrained(tmp_path):
    config = {
        "min_pixels": QWEN2["least"],
        "max_pixels": QWEN2["most"],
        "patch_size": 14,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_mean": QWEN2["mean"],
        "image_std": QWEN2["std"],
        "image_processor_type": "Qwen2VLImageProcessor",
    }
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(config))
    image = np.random.default_rng(8).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    want, _ = patches_of(image, **QWEN2)
    resample = "pil12" if FAMILY == "pil_" else "pil13"
    for source in (tmp_path, str(tmp_path), tmp_path / "preprocessor_config.json", json.dumps(config)):
        assert np.array_equal(obs.ImageProcessor.from_pretrained(source, resample=resample)(image)["pixel_values"], want)
    with pytest.raises(sinew.Error, match="image_processor_type"):
        obs.ImageProcessor.from_pretrained(json.dumps({**config, "image_processor_type": "SiglipImageProcessor"}))
    with pytest.raises(sinew.Error, match="preprocessor_config.json"):
        obs.ImageProcessor.from_pretrained(tmp_path / "preprocessor_config.json" / "nothing")
    with pytest.raises(sinew.Error, match="pil12"):
        obs.ImageProcessor.from_pretrained(tmp_path, resample="torch")


def test_prompt_texts():
    assert obs.prompt("instruction", instruction="wave") == "wave"
    assert obs.prompt("qwen_vla", robot_tag="ALOHA", arms="dual arms", fps=30, chunk_size=50, waist=True, instruction="fold the towel") == (
        "The robot is ALOHA with dual arms, waist. The control frequency is 30 Hz. Please predict the next 50 control actions to execute "
        "the following task: fold the towel."
    )
    assert obs.prompt("robotmanip", embodiment="robot_aloha", speed=1000, fps=30.0, camera_view_direction="arm side", instruction="räume auf") == (
        "embodiment: robot_aloha\ninstruction: räume auf\nspeed: 1000\nfps: 30\ncamera view direction: arm side"
    )


@pytest.mark.parametrize(
    "template, fields, text",
    [
        ("qwen_vl", {"instruction": "x"}, "did you mean 'qwen_vla'"),
        ("instruction", {}, "'instruction'"),
        ("qwen_vla", {"robot_tag": "A", "arms": "dual arms", "fps": 30, "instruction": "x"}, "chunk_size"),
        ("robotmanip", {"camera_view_direction": "arm side", "instruction": "a\nb"}, "out_of_range"),
    ],
)
def test_prompt_refuses(template, fields, text):
    with pytest.raises(sinew.Error, match=text):
        obs.prompt(template, **fields)
