# SPDX-License-Identifier: Apache-2.0
"""Letterboxes, image operations and frame processors: golden files, and the reference's own calls of Pillow, PyTorch and OpenCV."""

import re

import numpy as np
import pytest
from PIL import Image

import sinew
from golden import OWN
from golden import read as golden
from sinew import observation as obs

torch = pytest.importorskip("torch")
cv2 = pytest.importorskip("cv2")
functional = torch.nn.functional

SIZES = [(480, 640), (240, 320), (64, 48), (37, 53), (224, 224), (9, 120), (720, 1280), (223, 225)]
MEAN, STD = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


def picture(seed, height, width):
    """Waves, a hard edge and a corner of noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    image = np.stack([127 + 120 * np.sin(x / (5 + c) + y / (9 - 2 * c)) for c in range(3)], -1)
    image[height // 3 : height // 2, width // 4 : width // 2] = rng.integers(0, 256, 3)
    image[: height // 4, : width // 4] = rng.integers(0, 256, (height // 4, width // 4, 3))
    return np.clip(image, 0, 255).astype(np.uint8)


def difference(got, want):
    assert got.shape == want.shape and got.dtype == want.dtype
    return np.abs(got.astype(np.float64) - want.astype(np.float64)).max()


def hwc(tensor):
    return np.ascontiguousarray(tensor.squeeze(0).permute(1, 2, 0).numpy())


def nchw(image):
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).unsqueeze(0)


def unit(image):
    return image.astype(np.float32) / np.float32(255)


# Letterboxes ---------------------------------------------------------------------------------------------


def lerobot_pad(image, height, width, low):
    """LeRobot's resize_with_pad_torch with the calls of PyTorch that it makes."""
    ratio = max(image.shape[3] / width, image.shape[2] / height)
    new_height, new_width = int(image.shape[2] / ratio), int(image.shape[3] / ratio)
    resized = functional.interpolate(image, size=(new_height, new_width), mode="bilinear", align_corners=False)
    resized = torch.round(resized).clamp(0, 255).to(torch.uint8) if image.dtype == torch.uint8 else resized.clamp(low, 1.0)
    (top, more_height), (left, more_width) = divmod(height - new_height, 2), divmod(width - new_width, 2)
    value = 0 if image.dtype == torch.uint8 else low
    return functional.pad(resized, (left, left + more_width, top, top + more_height), value=value)


def smolvla_pad(image, height, width):
    ratio = max(image.shape[3] / width, image.shape[2] / height)
    new_height, new_width = int(image.shape[2] / ratio), int(image.shape[3] / ratio)
    resized = functional.interpolate(image, size=(new_height, new_width), mode="bilinear", align_corners=False)
    return functional.pad(resized, (width - new_width, 0, height - new_height, 0), value=0)


def transformers_pad(image, height, width):
    """PI0ImageProcessor needs torchvision, which is not here: its rule with torch (resize bicubic, pad right and bottom)."""
    scale = min(height / image.shape[2], width / image.shape[3])
    new_height, new_width = int(image.shape[2] * scale), int(image.shape[3] * scale)
    resized = functional.interpolate(image, size=(new_height, new_width), mode="bicubic", antialias=True, align_corners=False)
    return functional.pad(resized, (0, width - new_width, 0, height - new_height), value=0.5 if image.is_floating_point() else 128)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("target", [(224, 224), (96, 128)])
def test_openpi_letterbox_equals_the_client(size, target):
    image_tools = pytest.importorskip("openpi_client.image_tools")
    image = picture(1, *size)
    assert np.array_equal(obs.fit_pad(image, target, "openpi"), image_tools.resize_with_pad(image, *target))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("target", [(224, 224), (96, 128)])
@pytest.mark.parametrize(
    ("rule", "reference"),
    [
        ("pi0", lambda t, h, w: lerobot_pad(t, h, w, 0.0)),
        ("pi0_lerobot04", lambda t, h, w: lerobot_pad(t, h, w, -1.0)),
        ("smolvla", smolvla_pad),
        ("hf_pi0", transformers_pad),
    ],
)
def test_torch_letterboxes_equal_the_calls_of_the_reference(rule, reference, size, target):
    image = picture(2, *size)
    assert difference(obs.fit_pad(unit(image), target, rule), hwc(reference(nchw(unit(image)), *target))) <= 2e-6
    assert difference(obs.fit_pad(image, target, rule), hwc(reference(nchw(image), *target))) <= 1


@pytest.mark.golden
def test_lerobot_letterboxes_equal_the_golden_file():
    tensors, document = golden("lerobot_misc/image_resize")
    target = tuple(document["config"]["target_hw"])
    for height, width in document["config"]["sizes_hw"]:
        name = f"{height}x{width}"
        image = tensors[f"{name}.input"]
        assert difference(obs.fit_pad(unit(image), target, "pi0"), tensors[f"{name}.pi0_float"]) <= 2e-6
        assert difference(obs.fit_pad(image, target, "pi0"), tensors[f"{name}.pi0_uint8"]) <= 1
        smolvla = np.ascontiguousarray(obs.fit_pad(unit(image), target, "smolvla").transpose(2, 0, 1))
        assert difference(smolvla, tensors[f"{name}.smolvla"]) <= 2e-6
    for family, key in (("pi05", "pi05_preprocess.present"), ("smolvla", "smolvla_prepare.present")):
        name = re.search(r"\d+x\d+\.input", document["tensors"][key]["meaning"] + " 80x60.input").group()
        assert difference(obs.FrameProcessor(family, size=target)(tensors[name]), tensors[key][0]) <= 4e-6


@pytest.mark.golden
def test_openpi_letterboxes_equal_the_golden_file():
    tensors, document = golden("openpi/image_tools")
    target = tuple(document["config"]["target_hw"])
    for height, width in document["config"]["sizes_hw"]:
        name = f"{height}x{width}"
        image = tensors[f"{name}.input"]
        symmetric = unit(image) * np.float32(2) - np.float32(1)
        assert np.array_equal(obs.fit_pad(image, target, "openpi"), tensors[f"{name}.client_pil"])
        assert difference(obs.fit_pad(image, target, "openpi_jax"), tensors[f"{name}.jax_uint8"]) <= 1
        assert difference(obs.fit_pad(symmetric, target, "openpi_jax"), tensors[f"{name}.jax_float"]) <= 2e-5
        assert difference(obs.fit_pad(symmetric, target, "pi0_lerobot04"), tensors[f"{name}.torch_float"]) <= 2e-5
        assert difference(obs.fit_pad(image, target, "pi0_lerobot04"), tensors[f"{name}.torch_uint8"]) <= 1
    assert np.array_equal(obs.to_levels(tensors["to_uint8.in"], "truncate"), tensors["to_uint8.out"])


def test_letterbox_refuses_what_it_cannot_do():
    image = picture(3, 20, 30)
    with pytest.raises(sinew.Error, match="did you mean 'smolvla'"):
        obs.fit_pad(image, (8, 8), "smolvl")
    for size in ((0, 8), (8, -1), (9000, 8)):
        with pytest.raises(sinew.Error, match="bad_shape"):
            obs.fit_pad(image, size, "openpi")
    with pytest.raises(sinew.Error, match="bad_shape"):
        obs.fit_pad(picture(3, 1, 500), (8, 8), "openpi")  # a height of 8 / 500 pixels


# Operations ----------------------------------------------------------------------------------------------


@pytest.mark.golden
def test_starvla_rounding_and_resize_equal_the_golden_file():
    tensors, document = golden("starvla_transforms/server_images")
    width, height = document["config"]["target_size_wh"]
    floats = tensors["float_image"]
    assert np.array_equal(obs.to_levels(floats, "round_half_up"), tensors["float_to_uint8"])
    processor = obs.FrameProcessor("starvla", size=(height, width))
    assert difference(processor(tensors["uint8_image"]), tensors["resized"]) <= 1
    assert difference(processor(obs.to_levels(floats, "round_half_up")), tensors["resized_float"]) <= 1


@pytest.mark.golden
def test_openvla_crop_and_resize_equal_tensorflow():
    tensors, document = golden("openvla_image/cases", OWN)  # recorded by record.py beside it
    tolerance = document["tolerance"]
    for name, case in document["cases"].items():
        size = (case["size"], case["size"])
        image, resized = tensors[f"{name}.input"], tensors[f"{name}.resized"]
        for key, got in (
            ("cropped", obs.crop_and_resize(resized, 0.9, size)),
            ("cropped_input", obs.crop_and_resize(image, 0.9, size)),
            ("lanczos3", obs.resize(image, size, "jax_lanczos3")),
            ("resized", obs.resize(obs.decode_image(obs.encode_jpeg(image, quality=95), dct="fast"), size, "jax_lanczos3")),
        ):
            want = tensors[f"{name}.{key}"]
            share = np.mean(got == want)
            print(f"{name} {key}: {share:.4%} equal, worst {difference(got, want):.0f}")
            assert difference(got, want) <= tolerance["levels"] and share >= tolerance["share_equal"]
        # The whole of it: levels come back from the SigLIP half, which is x / 127.5 - 1.
        planes = obs.FrameProcessor("openvla_oft", size=size)(image)
        levels = np.rint((planes[3:].transpose(1, 2, 0) + 1) * 127.5)
        assert np.abs(levels - tensors[f"{name}.cropped"]).max() <= tolerance["levels"]


# Families ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_openpi_frame_equals_the_server(size):
    image_tools = pytest.importorskip("openpi_client.image_tools")
    image = picture(4, *size)
    want = image_tools.resize_with_pad(image, 224, 224).astype(np.float32) / 255.0 * 2.0 - 1.0
    assert np.array_equal(obs.FrameProcessor("openpi")(image), want)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("family", "edge", "reference", "padding"),
    [
        ("pi0", 224, lambda t: lerobot_pad(t, 224, 224, 0.0), -1),
        ("pi05_lerobot04", 224, lambda t: lerobot_pad(t, 224, 224, -1.0), -3),
        ("smolvla", 512, lambda t: smolvla_pad(t, 512, 512), -1),
    ],
)
def test_lerobot_frames_equal_the_calls_of_the_reference(family, edge, reference, padding, size):
    image = picture(5, *size)
    got = obs.FrameProcessor(family)(image)
    assert got.shape == (3, edge, edge)
    assert difference(got, (reference(nchw(unit(image))) * 2 - 1)[0].numpy()) <= 4e-6
    if size[0] < size[1]:
        assert np.all(got[:, 0] == padding)


@pytest.mark.parametrize("size", SIZES)
def test_openvla_frame_equals_pillow_and_torch(size):
    """PrismaticImageProcessor: TVF.resize of a Pillow image, to_tensor, normalize, two copies."""
    image = picture(6, *size)
    resized = np.asarray(Image.fromarray(image).resize((224, 224), Image.Resampling.BICUBIC))
    tensor = torch.from_numpy(resized.copy()).permute(2, 0, 1).contiguous().float().div(255)
    copies = [(tensor - torch.tensor(m)[:, None, None]) / torch.tensor(s)[:, None, None] for m, s in ((MEAN, STD), ([0.5] * 3, [0.5] * 3))]
    got = obs.FrameProcessor("openvla")(image)
    assert np.array_equal(got, torch.vstack(copies).numpy())


def shortest_edge(image, edge):
    if min(image.shape[:2]) == edge:
        return image
    scale = edge / float(min(image.shape[:2]))
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def squared(image):
    height, width = image.shape[:2]
    edge = max(height, width)
    top, left = (edge - height) // 2, (edge - width) // 2
    return cv2.copyMakeBorder(image, top, edge - height - top, left, edge - width - left, cv2.BORDER_CONSTANT, value=0)


def groot_area(image, edge, fraction, letterbox):
    image = shortest_edge(squared(image) if letterbox else image, edge)
    height, width = (max(1, int(side * fraction)) for side in image.shape[:2])
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return shortest_edge(image[top : top + height, left : left + width], edge)


def groot_torch(image, edge, fraction, letterbox):
    def resize(tensor):
        return functional.interpolate(tensor, size=(edge, edge), mode="bicubic", antialias=True, align_corners=False)

    tensor = resize(nchw(squared(image) if letterbox else image))
    side = max(1, round(edge * fraction))
    begin = (edge - side) // 2
    return resize(tensor[..., begin : begin + side, begin : begin + side])[0].numpy()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("letterbox", [True, False])
def test_groot_frames_equal_opencv_and_torch(size, letterbox):
    image = picture(7, *size)
    assert difference(obs.FrameProcessor("groot_n15")(image), cv2.resize(image, (224, 224), interpolation=cv2.INTER_AREA)) <= 1
    n16 = obs.FrameProcessor("groot_n16", letterbox=letterbox)
    assert difference(n16(image), groot_area(image, 224, 0.95, letterbox)) <= 1
    assert n16.output_shape(*size) == n16(image).shape
    n17 = obs.FrameProcessor("groot_n17_albumentations", letterbox=letterbox)
    assert difference(n17(image), groot_area(image, 256, 230 / 256, letterbox)) <= 1
    torch_path = obs.FrameProcessor("groot_n17", letterbox=letterbox)(image)
    assert difference(torch_path, groot_torch(image, 256, 230 / 256, letterbox)) <= 1


@pytest.mark.golden
def test_groot_n17_equals_the_golden_file():
    tensors, document = golden("groot_n17/image_albumentations_path")
    config = document["config"]
    edge = config["shortest_image_edge"] or config["image_target_size"][0]
    cases = {name: case for name, case in config["cases"].items() if "crop_position" not in case}  # that is the random crop of training
    assert cases
    for name, case in cases.items():
        crop = case["crop_fraction"] or (case["image_crop_size"][0] / config["image_target_size"][0] if case["image_crop_size"] else 1.0)
        processor = obs.FrameProcessor(
            "groot_n17_albumentations", size=(edge, edge), crop_fraction=crop, letterbox=case.get("letter_box_transform", False)
        )
        assert difference(processor(tensors["input"]), tensors[name]) <= 1, name


def test_act_frame_equals_the_normaliser():
    image = picture(8, 48, 64)
    tensor = torch.from_numpy(unit(image)).permute(2, 0, 1)
    want = (tensor - torch.tensor(MEAN)[:, None, None]) / (torch.tensor(STD)[:, None, None] + 1e-8)
    assert np.array_equal(obs.FrameProcessor("act")(image), want.numpy())
    own = obs.FrameProcessor("act", mean=[0.1, 0.2, 0.3], std=[0.5, 0.25, 0.125])(image)
    assert difference(own[2], ((tensor[2] - 0.3) / 0.125).numpy()) <= 1e-6


@pytest.mark.parametrize("size", [(96, 96), (240, 320), (101, 77)])
def test_diffusion_frame_equals_resize_and_centre_crop(size):
    """LeRobot normalises, resizes as torchvision does (antialias) and cuts out the centre as torchvision does."""
    image = picture(9, *size)
    normalised = (nchw(unit(image)) - torch.tensor(MEAN)[None, :, None, None]) / torch.tensor(STD)[None, :, None, None]
    resized = functional.interpolate(normalised, size=(84, 90), mode="bilinear", antialias=True, align_corners=False)
    for height, width in ((76, 76), (75, 77), (81, 83)):
        top, left = round((84 - height) / 2.0), round((90 - width) / 2.0)
        want = resized[0, :, top : top + height, left : left + width].numpy()
        got = obs.FrameProcessor("diffusion", size=(84, 90), crop=(height, width))(image)
        assert difference(got, want) <= 5e-6
    top, left = round((size[0] - 64) / 2.0), round((size[1] - 61) / 2.0)
    cropped = obs.FrameProcessor("diffusion", crop=(64, 61))(image)
    assert difference(cropped, normalised[0, :, top : top + 64, left : left + 61].numpy()) <= 1e-6


@pytest.mark.parametrize("family", ["openpi", "pi0", "openvla", "starvla", "groot_n17"])
def test_a_turned_frame_is_the_frame_turned_first(family):
    image = picture(10, 50, 70)
    turned = obs.FrameProcessor(family, rotate_180=True)(image)
    assert np.array_equal(turned, obs.FrameProcessor(family)(np.ascontiguousarray(image[::-1, ::-1])))


def test_a_processor_serves_frames_of_many_sizes_and_padded_rows():
    for family in ("openpi", "pi0", "openvla_oft", "groot_n16", "groot_n17", "diffusion", "starvla"):
        processor = obs.FrameProcessor(family)
        for height, width in SIZES:
            whole = picture(11, height + 8, width + 9)
            part = whole[3 : 3 + height, 5 : 5 + width]
            got = processor(part)
            assert got.shape == processor.output_shape(height, width)
            assert np.array_equal(got, obs.FrameProcessor(family)(np.ascontiguousarray(part)))


def test_what_cannot_be_processed_is_refused():
    with pytest.raises(sinew.Error, match="did you mean 'openvla'"):
        obs.FrameProcessor("openvl")
    with pytest.raises(sinew.Error, match="bad_shape"):
        obs.FrameProcessor("diffusion", crop=(64, 64))(picture(12, 63, 100))
    with pytest.raises(sinew.Error, match="bad_shape"):
        obs.FrameProcessor("openpi")(np.zeros((8, 8, 4), np.uint8))
    with pytest.raises(sinew.Error, match="standard deviations"):
        obs.FrameProcessor("act", mean=[0, 0, 0], std=[1, -1, 1])
    assert obs.FrameProcessor("diffusion", crop=(64, 64)).output_shape(63, 100) == (0, 0, 0)


@pytest.mark.parametrize(
    "family, options", [("pi0", {"mean": [0.5] * 3, "std": [0.5] * 3}), ("pi0", {"crop": (10, 10)}), ("act", {"letterbox": True}), ("openpi", {"jpeg": False}), ("act", {"size": (0, 96)})]
)
def test_frame_processor_refuses_options_that_it_would_not_use(family, options):
    with pytest.raises(sinew.Error, match="FrameProcessor"):
        obs.FrameProcessor(family, **options)
