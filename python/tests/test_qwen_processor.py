# SPDX-License-Identifier: Apache-2.0
"""Qwen's image processors side by side with transformers, and with their definition written out in NumPy."""

import json
import math
import os
import threading

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import transformers
from PIL import Image
from PIL import __version__ as pillow_version
from transformers import Qwen2VLImageProcessorPil

import sinew
from sinew import observation as obs

transformers.logging.set_verbosity_error()
torch.set_num_threads(1)
SEED = int(os.environ.get("SINEW_TEST_SEED", "20260101"))  # printed by pytest with a failure: it is part of every generator
FAMILY = "pil_" if int(pillow_version.split(".")[0]) < 13 else "pil13_"
RESAMPLE = "pil12" if FAMILY == "pil_" else "pil13"


def generator(stream):
    print(f"SINEW_TEST_SEED={SEED}")
    return np.random.default_rng([SEED, stream])



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
    rng = generator(5)
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
    rng = generator(6)
    sizes = [(h, w) for h in range(200, 280) for w in range(200, 280)]
    sizes += [(int(h), int(w)) for h, w in rng.integers(1, 8193, (20000, 2)) if max(h, w) / min(h, w) <= 200]
    for height, width in sizes:
        target = target_size(height, width, spec["patch"] * spec["merge"], spec["least"], spec["most"])
        assert processor.grid(height, width) == (1, target[0] // spec["patch"], target[1] // spec["patch"]), (height, width)


def test_image_processor_takes_one_image_or_none():
    image = generator(7).integers(0, 256, (256, 288, 3), dtype=np.uint8)
    processor = obs.ImageProcessor()
    one, many = processor(image), processor([image])
    assert np.array_equal(one["pixel_values"], many["pixel_values"]) and one["image_grid_thw"].tolist() == [[1, 16, 18]]
    none = processor([])
    assert none["pixel_values"].shape == (0, 1536) and none["image_grid_thw"].shape == (0, 3)


def test_image_processor_refuses_other_images():
    processor = obs.ImageProcessor()
    for image, text in [
        (np.zeros((256, 256, 4), np.uint8), "3 channels"),
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
    image = generator(8).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    want, _ = patches_of(image, **QWEN2)
    resample = "pil12" if FAMILY == "pil_" else "pil13"
    for source in (tmp_path, str(tmp_path), tmp_path / "preprocessor_config.json", json.dumps(config)):
        assert np.array_equal(obs.ImageProcessor.from_pretrained(source, resample=resample)(image)["pixel_values"], want)
    with pytest.raises(sinew.Error, match="image_processor_type"):
        obs.ImageProcessor.from_pretrained(json.dumps({**config, "image_processor_type": "SiglipImageProcessor"}))
    with pytest.raises(sinew.Error, match="preprocessor_config.json"):
        obs.ImageProcessor.from_pretrained(tmp_path / "preprocessor_config.json" / "nothing")
    with pytest.raises(sinew.Error, match="pil12"):
        obs.ImageProcessor.from_pretrained(tmp_path, resample="pil11")

# --- side by side with transformers ------------------------------------------------------------------------------------


def reference(spec):
    return Qwen2VLImageProcessorPil(
        patch_size=spec["patch"], size={"shortest_edge": spec["least"], "longest_edge": spec["most"]}, image_mean=spec["mean"], image_std=spec["std"]
    )


@pytest.mark.parametrize("spec", [QWEN3, QWEN2], ids=["qwen3", "qwen2"])
def test_image_processor_equals_transformers_to_the_bit(spec, tmp_path):
    theirs = reference(spec)
    theirs.save_pretrained(tmp_path)
    ours = obs.ImageProcessor.from_pretrained(tmp_path, resample=RESAMPLE)
    rng = generator(21)
    sizes = [(480, 640), (224, 224), (37, 199), (2, 150), (150, 2), (720, 1280)] + [tuple(int(v) for v in rng.integers(20, 300, 2)) for _ in range(100)]
    kinds = ["noise", "gradient", "pixel"]
    for first in range(0, len(sizes), 2):
        images = []
        for i, (height, width) in enumerate(sizes[first : first + 2]):
            image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
            if kinds[(first + i) % 3] == "gradient":
                image = np.broadcast_to((np.arange(width) % 256).astype(np.uint8)[None, :, None], (height, width, 3)).copy()
            elif kinds[(first + i) % 3] == "pixel":
                image = np.zeros_like(image)
                image[rng.integers(height), rng.integers(width)] = 255
            images.append(image)
        want, got = theirs(images=images, return_tensors="np"), ours(images)
        assert np.array_equal(got["image_grid_thw"], want["image_grid_thw"])
        assert np.array_equal(got["pixel_values"], want["pixel_values"]), [image.shape for image in images]


def torch_flavour(image, spec):
    """transformers' torchvision backend written with torch: antialiased uint8 resize, normalisation with the factor folded in."""
    height, width = target_size(*image.shape[:2], spec["patch"] * spec["merge"], spec["least"], spec["most"])
    planes = torch.from_numpy(image).permute(2, 0, 1)[None]
    if (height, width) != image.shape[:2]:
        planes = F.interpolate(planes, size=(height, width), mode="bicubic", align_corners=False, antialias=True)
    mean, std = (torch.tensor(spec[key]) * (1.0 / (1 / 255)) for key in ("mean", "std"))
    values = (planes.to(torch.float32) - mean[:, None, None]) / std[:, None, None]
    p, m = spec["patch"], spec["merge"]
    rows, columns = height // p, width // p
    values = values.reshape(1, 3, rows // m, m, p, columns // m, m, p).permute(0, 2, 5, 3, 6, 1, 4, 7)
    return values.unsqueeze(6).expand(-1, -1, -1, -1, -1, -1, 2, -1, -1).reshape(rows * columns, -1).numpy()


@pytest.mark.parametrize("spec", [QWEN3, QWEN2], ids=["qwen3", "qwen2"])
def test_image_processor_reproduces_the_torch_flavour(spec, tmp_path):
    reference(spec).save_pretrained(tmp_path)
    ours = obs.ImageProcessor.from_pretrained(tmp_path, resample="torch")
    rng = generator(22)
    for height, width in [(480, 640), (224, 224), (100, 333), (333, 100)]:
        image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        assert np.array_equal(ours(image)["pixel_values"], torch_flavour(image, spec)), (height, width)


@pytest.mark.parametrize("generation, row", [("qwen2_vl", 588), ("qwen2_5_vl", 588), ("qwen3_vl", 768), ("qwen3_5", 768)])
def test_image_processor_single_frame_rows_hold_one_of_the_two_copies(generation, row):
    image = generator(23).integers(0, 256, (300, 410, 3), dtype=np.uint8)
    both, one = obs.ImageProcessor.of(generation)(image), obs.ImageProcessor.of(generation, layout="single_frame")(image)
    assert np.array_equal(both["image_grid_thw"], one["image_grid_thw"]) and one["pixel_values"].shape[1] == row
    copies = both["pixel_values"].reshape(-1, 3, 2, row // 3)
    assert np.array_equal(copies[:, :, 0], copies[:, :, 1])
    assert np.array_equal(one["pixel_values"], copies[:, :, 0].reshape(-1, row))


def test_image_processor_writes_into_the_callers_array():
    images = [generator(24).integers(0, 256, (256, 320, 3), dtype=np.uint8)] * 2
    processor = obs.ImageProcessor()
    out = np.zeros((2 * 16 * 20, 1536), np.float32)
    assert processor(images, out=out)["pixel_values"] is out
    assert np.array_equal(out, processor(images)["pixel_values"])
    with pytest.raises(sinew.Error, match="out"):
        processor(images, out=np.zeros((3, 1536), np.float32))


# --- videos ------------------------------------------------------------------------------------------------------------


def clip_size(frames, height, width, factor, least, most):
    """video_processing_qwen3_vl.py, smart_resize."""
    if height < factor or width < factor:
        scale = max(factor / height, factor / width)
        height, width = int(height * scale), int(width * scale)
    new_height, new_width, new_frames = round(height / factor) * factor, round(width / factor) * factor, round(frames / 2) * 2
    if new_frames * new_height * new_width > most:
        beta = math.sqrt((frames * height * width) / most)
        return tuple(max(factor, math.floor(side / beta / factor) * factor) for side in (height, width))
    if new_frames * new_height * new_width < least:
        beta = math.sqrt(least / (frames * height * width))
        return tuple(math.ceil(side * beta / factor) * factor for side in (height, width))
    return new_height, new_width


@pytest.mark.parametrize("generation", ["qwen2_vl", "qwen3_vl"])
def test_video_patches_equal_their_definition(generation):
    spec = QWEN2 if generation == "qwen2_vl" else QWEN3
    processor = obs.ImageProcessor.of(generation)
    rng = generator(25)
    for frames, height, width in [(4, 120, 160), (5, 90, 200), (2, 224, 224), (7, 64, 64), (3, 20, 50)]:
        video = [rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(frames)]
        factor = spec["patch"] * spec["merge"]
        size = clip_size(frames, height, width, factor, spec["least"], spec["most"])
        if generation == "qwen2_vl":
            size = target_size(height, width, factor, spec["least"], spec["most"])
        got = processor.video(video)
        p, m = spec["patch"], spec["merge"]
        grid = (-(-frames // 2), size[0] // p, size[1] // p)
        assert got["video_grid_thw"].tolist() == [list(grid)], (frames, height, width)
        padded = video + [video[-1]] * (frames % 2)
        values = np.stack([np.asarray(Image.fromarray(frame).resize(size[::-1], Image.Resampling.BICUBIC)) for frame in padded])
        values = (values.astype(np.float64) * (1 / 255)).astype(np.float32)
        values = (values - np.asarray(spec["mean"], np.float32)) / np.asarray(spec["std"], np.float32)
        values = values.transpose(0, 3, 1, 2).reshape(grid[0], 2, 3, grid[1] // m, m, p, grid[2] // m, m, p)
        want = values.transpose(0, 3, 6, 4, 7, 2, 1, 5, 8).reshape(grid[0] * grid[1] * grid[2], -1)
        assert np.array_equal(got["pixel_values_videos"], want), (frames, height, width)


def test_video_refuses_frames_of_different_sizes():
    processor = obs.ImageProcessor()
    with pytest.raises(sinew.Error, match="one size"):
        processor.video([np.zeros((64, 64, 3), np.uint8), np.zeros((64, 65, 3), np.uint8)])
    with pytest.raises(sinew.Error, match="at least one"):
        processor.video([])


# --- what a user may do wrong, or at the same time ---------------------------------------------------------------------


def test_image_processor_shared_by_threads_mixes_nothing_up():
    processor = obs.ImageProcessor.of("qwen2_vl")
    images = [generator(26 + i).integers(0, 256, (100 + 40 * i, 120, 3), dtype=np.uint8) for i in range(3)]
    want = [processor(image)["pixel_values"] for image in images]
    wrong = []

    def run(i):
        wrong.extend(i for _ in range(40) if not np.array_equal(processor(images[i])["pixel_values"], want[i]))

    threads = [threading.Thread(target=run, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_image_processor_refuses_an_out_that_it_would_have_to_copy():
    processor = obs.ImageProcessor()
    image = np.zeros((256, 256, 3), np.uint8)
    locked = np.zeros((256, 1536), np.float32)
    locked.flags.writeable = False
    for out in (np.zeros((256, 1536)), np.zeros((256, 1536), ">f4"), np.zeros((1536, 256), np.float32).T, locked, [[0.0]]):
        with pytest.raises(sinew.Error, match="writable float32"):
            processor(image, out=out)


def test_image_processor_takes_a_stack_and_refuses_what_is_no_array():
    processor = obs.ImageProcessor()
    stack = generator(29).integers(0, 256, (2, 256, 256, 3), dtype=np.uint8)
    assert np.array_equal(processor(stack)["pixel_values"], processor(list(stack))["pixel_values"])
    for images in (None, Image.fromarray(stack[0]), [Image.fromarray(stack[0])], "path"):
        with pytest.raises(sinew.Error, match="images|image 0"):
            processor(images)


def test_image_processor_reads_the_files_that_transformers_5_and_older_ones_write(tmp_path):
    reference(QWEN2).save_pretrained(tmp_path / "plain")
    config = json.loads((tmp_path / "plain" / "preprocessor_config.json").read_text())
    image = generator(30).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    want = obs.ImageProcessor.from_pretrained(tmp_path / "plain")(image)["pixel_values"]
    (tmp_path / "whole").mkdir()
    (tmp_path / "whole" / "processor_config.json").write_text(json.dumps({"processor_class": "Qwen2VLProcessor", "image_processor": config}))
    assert np.array_equal(obs.ImageProcessor.from_pretrained(tmp_path / "whole")(image)["pixel_values"], want)
    named_alike = {**config, "size": {"min_pixels": QWEN2["least"], "max_pixels": QWEN2["most"]}, "do_pad": False, "image_processor_type": "Qwen2_5_VLImageProcessor"}
    assert np.array_equal(obs.ImageProcessor.from_pretrained(json.dumps(named_alike))(image)["pixel_values"], want)
    with pytest.raises(sinew.Error, match="do_pad"):
        obs.ImageProcessor.from_pretrained(json.dumps({**config, "do_pad": True}))
