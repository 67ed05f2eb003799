# SPDX-License-Identifier: Apache-2.0
"""Resizing side by side with the libraries: Pillow, torch and OpenCV, on bytes and on floats."""

import os

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from PIL import __version__ as pillow_version

import sinew
from sinew import observation as obs

torch.set_num_threads(1)
SEED = int(os.environ.get("SINEW_TEST_SEED", "20260101"))  # printed by pytest with a failure: it is part of every generator
cv2.setNumThreads(1)

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
FAMILY = "pil_" if int(pillow_version.split(".")[0]) < 13 else "pil13_"


def generator(stream):
    print(f"SINEW_TEST_SEED={SEED}")
    return np.random.default_rng([SEED, stream])



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
    rng = generator(20260101)
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
    image = generator(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    got = obs.resize(image, (new_height, new_width), FAMILY + name)
    assert np.array_equal(got, np.asarray(Image.fromarray(image).resize((new_width, new_height), FILTERS[name])))


@pytest.mark.parametrize("name", [n for n in FILTERS if n != "nearest"])
def test_resize_pillow_13_runs_the_passes_of_pillow_in_its_own_order(name):
    """Both orders from Pillow's one-axis resizes, which every version computes alike."""
    rng = generator(2)
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
        (np.zeros((4, 4, 3), np.float64), (2, 2), "pil_box", "uint8"),
        (np.full((4, 4, 3), np.nan, np.float32), (2, 2), "pil_box", "not_finite"),
        (np.full((4, 4, 3), np.inf, np.float32), (4, 4), "torch_bilinear", "not_finite"),
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

# --- the same rules on floats, and the other libraries -----------------------------------------------------------------


def geometries(rng, count, channels=(1, 2, 3, 4), least=1):
    """Random sizes, a tenth of them large; some keep one side. A width of 1 is left out where `least` is 2."""
    for i in range(count):
        top = 400 if i % 10 == 0 else 64
        height, width, new_height, new_width = (int(v) for v in rng.integers(least, top, 4))
        if i % 7 == 0:
            new_height = height
        if i % 11 == 0:
            new_width = width
        yield height, width, new_height, new_width, channels[i % len(channels)], ("noise", "gradient", "pixel")[i % 3]


@pytest.mark.parametrize("name", FILTERS)
def test_resize_of_floats_equals_pillow_mode_f(name):
    rng = generator(11)
    for height, width, new_height, new_width, channels, kind in geometries(rng, 100):
        image = (some_image(rng, height, width, channels, kind) / 255).astype(np.float32)
        got = obs.resize(image, (new_height, new_width), FAMILY + name)
        assert got.dtype == np.float32
        assert np.abs(got - pillow_resize(image, (new_height, new_width), name)).max() <= 1e-6, (image.shape, new_height, new_width)


def torch_resize(image, size, rule):
    mode, antialias = rule.split("_")[1], rule.endswith("antialias")
    planes = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
    if mode == "area":
        return F.interpolate(planes, size=size, mode=mode)[0].permute(1, 2, 0).numpy()
    return F.interpolate(planes, size=size, mode=mode, align_corners=False, antialias=antialias)[0].permute(1, 2, 0).numpy()


TORCH_RULES = ["torch_bilinear", "torch_bilinear_antialias", "torch_bicubic", "torch_bicubic_antialias"]
CV2_RULES = {"cv2_linear": cv2.INTER_LINEAR, "cv2_area": cv2.INTER_AREA, "cv2_cubic": cv2.INTER_CUBIC}


@pytest.mark.parametrize("rule", TORCH_RULES)
def test_resize_of_bytes_equals_torch(rule):
    """Byte for byte. torch has one kernel for up to 4 channels with AVX2; without it, a float path that may differ by a level."""
    exact = torch.backends.cpu.get_cpu_capability() != "DEFAULT"
    rng = generator(12)
    equal = values = 0
    for height, width, new_height, new_width, channels, kind in geometries(rng, 150):
        image = some_image(rng, height, width, channels, kind)
        got, want = obs.resize(image, (new_height, new_width), rule), torch_resize(image, (new_height, new_width), rule)
        assert np.abs(got.astype(int) - want).max() <= 1, (image.shape, new_height, new_width)
        equal, values = equal + int((got == want).sum()), values + got.size
    print(f"{rule}: {equal / values:.6f} of the bytes equal")
    assert not exact or equal == values


@pytest.mark.parametrize("rule", [*TORCH_RULES, "torch_area"])
def test_resize_of_floats_equals_torch(rule):
    """Widths from 2: at width 1 torch 2.13 takes the planes for channels-last ones and, with antialias, resizes them wrongly."""
    rng = generator(13)
    for height, width, new_height, new_width, channels, _ in geometries(rng, 150, least=2):
        image = rng.random((height, width, channels), dtype=np.float32)
        got, want = obs.resize(image, (new_height, new_width), rule), torch_resize(image, (new_height, new_width), rule)
        assert np.abs(got - want).max() <= 3e-6, (image.shape, new_height, new_width)


def test_resize_of_floats_at_width_1_is_that_of_two_equal_columns():
    image = generator(14).random((53, 1, 1), dtype=np.float32)
    for rule in TORCH_RULES:
        wide = torch_resize(np.repeat(image, 2, axis=1), (28, 2), rule)[:, :1]
        assert np.abs(obs.resize(image, (28, 1), rule) - wide).max() <= 3e-6, rule


@pytest.mark.parametrize("rule", CV2_RULES)
def test_resize_of_bytes_is_within_a_level_of_opencv(rule):
    rng = generator(15)
    equal = values = 0
    sizes = list(geometries(rng, 150)) + [(64, 48, 32, 24, 3, "noise"), (60, 60, 20, 15, 3, "noise"), (480, 640, 224, 224, 3, "noise")]
    for height, width, new_height, new_width, channels, kind in sizes:
        image = some_image(rng, height, width, channels, kind)
        got = obs.resize(image, (new_height, new_width), rule)
        want = cv2.resize(image, (new_width, new_height), interpolation=CV2_RULES[rule]).reshape(got.shape)
        assert np.abs(got.astype(int) - want).max() <= 1, (image.shape, new_height, new_width)
        equal, values = equal + int((got == want).sum()), values + got.size
    print(f"{rule}: {equal / values:.6f} of the bytes equal")
    assert equal / values > 0.99


@pytest.mark.parametrize("rule", CV2_RULES)
def test_resize_of_floats_equals_opencv(rule):
    """Two rows or more and 1, 3 or 4 channels: there OpenCV computes places in double, elsewhere in float."""
    rng = generator(16)
    for height, width, new_height, new_width, channels, _ in geometries(rng, 150, channels=(1, 3, 4), least=16):
        image = rng.random((height, width, channels), dtype=np.float32)
        got = obs.resize(image, (new_height, new_width), rule)
        want = cv2.resize(image, (new_width, new_height), interpolation=CV2_RULES[rule]).reshape(got.shape)
        assert np.abs(got - want).max() <= 3e-6, (image.shape, new_height, new_width)


def jax_weights(length, new_length, kernel):
    """jax.image.resize's weight matrix (jax/_src/image/scale.py, compute_weight_mat) in float32."""
    inverse = np.float32(1) / (np.float32(new_length) / np.float32(length))
    widening = np.maximum(inverse, np.float32(1))
    sample = (np.arange(new_length, dtype=np.float32) + np.float32(0.5)) * inverse - np.float32(0.5)
    weights = kernel(np.abs(sample[None] - np.arange(length, dtype=np.float32)[:, None]) / widening)
    return (weights / weights.sum(axis=0)).astype(np.float32)


@pytest.mark.parametrize("rule", ["jax_linear", "jax_lanczos3"])
def test_resize_equals_the_definition_of_jax(rule):
    triangle = lambda x: np.maximum(0, 1 - x)  # noqa: E731
    lanczos = lambda x: np.where(x < 3, np.sinc(x) * np.sinc(x / 3), 0).astype(np.float32)  # noqa: E731
    kernel = triangle if rule == "jax_linear" else lanczos
    rng = generator(17)
    for height, width, new_height, new_width, channels, _ in geometries(rng, 100):
        image = rng.random((height, width, channels), dtype=np.float32)
        want = np.einsum("yY,xX,yxc->YXc", jax_weights(height, new_height, kernel), jax_weights(width, new_width, kernel), image, optimize=True)
        assert np.abs(obs.resize(image, (new_height, new_width), rule) - want).max() <= 3e-6, (image.shape, new_height, new_width)
        levels = (image * 255).astype(np.uint8)
        floats = obs.resize(levels.astype(np.float32), (new_height, new_width), rule)
        assert np.abs(obs.resize(levels, (new_height, new_width), rule) - np.clip(np.round(floats), 0, 255)).max() <= 1


@pytest.mark.parametrize("rule", ["pil_bicubic", "torch_bicubic_antialias", "cv2_area", "torch_bilinear"])
def test_resize_takes_crops_without_a_copy(rule):
    frame = generator(18).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    for image in (frame, (frame / 255).astype(np.float32)):
        crop = image[10:70, 20:100]
        assert not crop.flags.c_contiguous
        assert np.array_equal(obs.resize(crop, (31, 47), rule), obs.resize(np.ascontiguousarray(crop), (31, 47), rule))
        flipped = image[::-1]
        assert np.array_equal(obs.resize(flipped, (31, 47), rule), obs.resize(np.ascontiguousarray(flipped), (31, 47), rule))
    with pytest.raises(sinew.Error, match="contiguous"):
        obs.resize(frame[:, ::2], (31, 47), rule)


@pytest.mark.parametrize("shape, size", [((1, 1), (8192, 3)), ((8192, 2), (1, 1)), ((2, 8192), (3, 8192)), ((1, 8192), (7, 1))])
def test_resize_at_the_ends_of_its_range(shape, size):
    image = generator(19).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for name, resample in FILTERS.items():
        want = np.asarray(Image.fromarray(image).resize(size[::-1], resample))
        assert np.array_equal(obs.resize(image, size, FAMILY + name), want), name
    assert np.array_equal(obs.resize(image, size, "torch_bilinear"), torch_resize(image, size, "torch_bilinear"))


def test_resize_of_floats_by_area_rounds_places_as_opencv_does():
    """Widths at which a place is a whole number but for the last bit: a column off by a pixel without the rounding."""
    for width, new_width in [(14, 58), (22, 50), (21, 87)]:
        image = generator(20).random((4, width, 1), dtype=np.float32)
        want = cv2.resize(image, (new_width, 8), interpolation=cv2.INTER_AREA)
        assert np.abs(obs.resize(image, (8, new_width), "cv2_area")[..., 0] - want).max() <= 3e-6, (width, new_width)
