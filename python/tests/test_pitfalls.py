# SPDX-License-Identifier: Apache-2.0
"""Mistakes that users of these policies report most, a test for each: area, what goes wrong, where it was reported.

Rows about data sets, training and servers are not here: Sinew has none of these yet.
"""

import json

import numpy as np
import pytest

import sinew
from golden import DIRECTORY
from sinew import action as act
from sinew import observation as obs

STATS = {"mean": [0.5, -0.5], "std": [2.0, 3.0], "min": [-4.0, -4.0], "max": [4.0, 6.0], "q01": [-2.0, -3.0], "q99": [2.0, 5.0]}
STATE = np.array([[0.25, -0.75]])
RNG = np.random.default_rng(9)
IMAGE = RNG.integers(0, 256, (96, 128, 3), dtype=np.uint8)


def quantiles_without_q01_are_refused():
    with pytest.raises(sinew.Error, match="q01"):
        sinew.Normalizer({"mean": [0.0], "std": [1.0]}, "quantile", "lerobot")


def a_z_scored_policy_of_a_quantile_family_can_be_said():
    by_family = sinew.Normalizer(STATS, "quantile", "openpi").inverse(STATE)
    as_trained = sinew.Normalizer(STATS, "mean_std", "openpi").inverse(STATE)
    assert np.abs(by_family - as_trained).max() > 0.1  # the mode is the card's, never guessed from the model


def a_tiny_range_does_not_blow_actions_up():
    stats = {"q01": [1.0, 0.0], "q99": [1.0, 1e-9]}
    for rule in ("openpi", "lerobot", "openvla", "oft", "starvla", "qwen"):
        normalizer = sinew.Normalizer(stats, "quantile", rule)
        back = normalizer.inverse(np.array([[50.0, 50.0], [-1.0, -1.0]], dtype=np.float32))  # what a model emits for a constant joint
        assert np.abs(back - [1.0, 0.0]).max() < 1e-4, rule
        if rule in ("openvla", "oft", "qwen", "starvla"):  # these clip what goes in; the others are their references' formulas
            assert np.abs(normalizer.forward(np.array([[1.5, 0.5]]))).max() <= 2.2, rule


def a_wrong_statistics_key_lists_the_right_ones(tmp_path):
    card = card_of(tmp_path, normalization={"mode": "quantile", "rule": "openvla", "key": "libero_spatial"})
    with pytest.raises(sinew.Error, match="libero_spatial_no_noops"):
        act.Decoder.from_directory(card)


def delta_is_added_once_and_to_the_measured_state(tmp_path):
    decoder = act.Decoder.from_directory(card_of(tmp_path, relative_to="joints"))
    actions = RNG.uniform(-1, 1, (4, 2)).astype(np.float32)
    observation = sinew.Observation({}, {"joints": [0.5, -1.5]}, "x", time=0.0)
    chunk = decoder.decode({"actions": actions}, observation)
    np.testing.assert_allclose(chunk.values, actions + [0.5, -1.5], atol=1e-7)
    with pytest.raises(sinew.Error, match="'joints'"):
        decoder.decode({"actions": actions}, sinew.Observation({}, {}, "x", time=0.0))


def the_state_is_in_the_prompt_or_its_absence_an_error():
    assert "State: 192 0;" in obs.prompt("pi05", instruction="go", state=[0.5, -1.0])
    with pytest.raises(sinew.Error, match="state"):
        obs.prompt("pi05", instruction="go")


def a_state_below_the_range_is_bin_minus_one():
    assert "State: -1 0 128 255;" in obs.prompt("pi05", instruction="go", state=[-1.5, -1.0, 0.0, 2.0])


def decoded_images_are_rgb():
    import cv2

    bgr = np.ascontiguousarray(IMAGE[..., ::-1])
    assert np.array_equal(obs.decode_image(cv2.imencode(".png", bgr)[1].tobytes()), IMAGE)  # OpenCV writes what it holds as BGR


def antialiasing_is_a_rule_of_its_own():
    pil, plain, antialiased = (obs.resize(IMAGE, (24, 32), rule).astype(int) for rule in ("pil_bilinear", "torch_bilinear", "torch_bilinear_antialias"))
    assert np.abs(pil - antialiased).max() <= 1 < np.abs(pil - plain).max()


def padding_has_a_side_and_a_value():
    white = np.ones((60, 80, 3), dtype=np.float32)
    centred, cornered = obs.fit_pad(white, (80, 80), "pi0"), obs.fit_pad(white, (80, 80), "smolvla")
    assert not centred[:10].any() and not centred[-10:].any() and centred[10:-10].all()
    assert not cornered[:20].any() and cornered[20:].all()


def the_crop_of_openvla_is_the_square_root_of_its_area():
    ramp = np.broadcast_to(np.arange(224, dtype=np.uint8)[:, None, None], (224, 224, 3)).copy()
    cropped = obs.crop_and_resize(ramp, 0.9, (224, 224))
    assert cropped[0, 0, 0] == pytest.approx(223 * (1 - 0.9**0.5) / 2, abs=1)  # 5.7, truncated; by the area itself it would be 11


def libero_images_are_turned_not_mirrored(tmp_path):
    card = json.loads((card_of(tmp_path) / "sinew.json").read_text())
    camera = {"name": "front", "view": "", "processor": "raw", "resample": "pil_bilinear", "height": 96, "width": 128, "rotate_180": True}
    card["cameras"] = [camera]
    (tmp_path / "sinew.json").write_text(json.dumps(card))
    observation = sinew.Observation({"front": IMAGE}, {"joints": [0.0, 0.0]}, "x", time=0.0)
    tensors = obs.VlaEncoder.from_directory(tmp_path).encode(observation)
    (image,) = (value for value in tensors.values() if value.ndim >= 3)
    assert np.array_equal(image.reshape(IMAGE.shape), IMAGE[::-1, ::-1])


def gripper_conventions_say_what_is_open():
    table = {"pi": (0, 1), "aloha": (1, 0), "droid": (0, 1), "libero": (-1, 1), "openvla": (1, 0), "starvla": (1, 0)}
    rules = act.gripper_conventions()
    for name, (opened, closed) in table.items():
        assert rules[name] == {"open": opened, "closed": closed}
        for other, ends in table.items():
            assert np.array_equal(act.convert_gripper([float(opened), float(closed)], name, other), ends)


def fast_that_does_not_decode_is_refused_not_zero():
    fast = act.FastTokenizer.from_pretrained(DIRECTORY / "fast" / "tokenizer")
    ids = fast.encode(RNG.uniform(-0.5, 0.5, (10, 8)).astype(np.float32))
    with pytest.raises(sinew.Error, match="coefficients"):
        fast.decode(ids[:-1], 10, 8)
    with pytest.raises(sinew.Error):
        fast.decode([10**6], 10, 8)


def fast_has_no_memory_of_shapes():
    fast = act.FastTokenizer.from_pretrained(DIRECTORY / "fast" / "tokenizer")
    wide, narrow = (RNG.uniform(-0.5, 0.5, shape).astype(np.float32) for shape in ((10, 8), (20, 4)))
    fast.decode(fast.encode(wide), 10, 8)
    np.testing.assert_allclose(fast.decode(fast.encode(narrow), 20, 4), narrow, atol=1 / fast.scale)


def guidance_pulls_towards_the_prefix_in_both_directions_of_time():
    x, prefix, weights = np.zeros((4, 1)), np.ones((4, 1)), np.ones(4)
    for noise_at, sign in (("zero", 1), ("one", -1)):
        v = act.rtc_guide(x, np.zeros((4, 1)), prefix, weights, 0.5, 5.0, noise_at)
        assert (sign * v > 0).all()  # the sampler adds sign * dt * v


def openvla_gives_larger_actions_smaller_ids():
    bins = act.BinTokenizer(32000)
    assert list(bins.encode([-1.0, 0.0, 1.0])) == [31999, 31872, 31744]
    assert bins.decode([31744])[0] == bins.decode([31745])[0]


def rotations_of_six_numbers_have_a_layout():
    R = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    R *= np.sign(np.linalg.det(R))
    rows = np.concatenate([np.zeros(3), R[:2].ravel()])[None]
    poses = {rotation: act.decode_poses(rows, "base", "absolute", rotation)[0, :3, :3] for rotation in ("rot6d_rows", "rot6d_columns")}
    np.testing.assert_allclose(poses["rot6d_rows"], R, atol=1e-9)
    np.testing.assert_allclose(poses["rot6d_columns"], R.T, atol=1e-9)


def prompts_keep_or_drop_case_as_their_family_does():
    text = "Put the Red_Cube away"
    assert obs.prompt("openvla", instruction=text) == "In: What action should the robot take to put the red_cube away?\nOut:"
    assert obs.prompt("pi0", instruction=text) == text + "\n"
    assert "Task: Put the Red Cube away," in obs.prompt("pi05", instruction=text, state=[0.0])
    assert "put the red cube away" in obs.prompt("pi0_fast_openpi", instruction=text, state=[0.0])


def float_images_are_truncated_or_rounded():
    value = np.full((1, 1, 3), 0.999, dtype=np.float32)
    assert obs.to_levels(value, "truncate")[0, 0, 0] == 254 and obs.to_levels(value, "round_half_up")[0, 0, 0] == 255


def a_checkpoint_that_is_a_pickle_is_not_read(tmp_path):
    (tmp_path / "stats.json").write_bytes(b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.")
    card_of(tmp_path, normalization={"mode": "quantile", "rule": "openvla", "key": "action"}, write_statistics=False)
    with pytest.raises(sinew.Error):
        act.Decoder.from_directory(tmp_path)


def card_of(folder, normalization=None, relative_to="", write_statistics=True):
    import hashlib

    if write_statistics:
        (folder / "stats.json").write_text(json.dumps({"libero_spatial_no_noops": {"q01": [-1.0, -1.0], "q99": [1.0, 1.0]}}))
    identity = {"mode": "identity", "rule": "", "key": ""}
    digest = hashlib.sha256((folder / "stats.json").read_bytes()).hexdigest()
    card = {
        "format_version": "1.2",
        "name": "pitfall",
        "architecture": "none",
        "backend": "none",
        "dtype": "f32",
        "cameras": [],
        "prompt": {"name": "instruction", "fields": {}, "max_bytes": 64},
        "text": None,
        "history": None,
        "state": {"channels": [{"name": "joints", "unit": "rad", "size": 2, "rate": 50.0}], "normalization": identity},
        "action": {
            "decoder": "parts",
            "joint_names": ["a", "b"],
            "gripper_names": [],
            "tool_channel": "",
            "horizon": 4,
            "rate": 10.0,
            "normalization": normalization or identity,
            "parts": [{"name": "arm", "joints": {"size": 2, "relative_to": relative_to, "first": 0}}],
            "layout": None,
            "tokens": None,
        },
        "statistics": {"file": "stats.json", "sha256": digest, "format": "sinew"},
        "limits": None,
    }
    (folder / "sinew.json").write_text(json.dumps(card))
    return folder


ROWS = [
    ("stats", "quantiles configured, data set lacks q01 and q99", "lerobot 2105", quantiles_without_q01_are_refused),
    ("stats", "mode chosen by family, checkpoint trained with another", "openpi 849", a_z_scored_policy_of_a_quantile_family_can_be_said),
    ("stats", "tiny q99 - q01 blows up actions", "openpi 1025", a_tiny_range_does_not_blow_actions_up),
    ("stats", "wrong unnorm_key", "starVLA 47, 61, 355; openvla 21", a_wrong_statistics_key_lists_the_right_ones),
    ("delta", "applied twice, not at all, or to another space", "openpi 445, 650, 680", delta_is_added_once_and_to_the_measured_state),
    ("state", "state missing from the prompt", "openpi 687; lerobot 2518", the_state_is_in_the_prompt_or_its_absence_an_error),
    ("state", "bins below the range", "openpi and LeRobot source", a_state_below_the_range_is_bin_minus_one),
    ("colour", "BGR where the model wants RGB", "openpi 293", decoded_images_are_rgb),
    ("resize", "antialias or none", "torchvision 2950; lerobot 1041", antialiasing_is_a_rule_of_its_own),
    ("resize", "padding side and value", "lerobot 2218", padding_has_a_side_and_a_value),
    ("crop", "OpenVLA's crop is sqrt(0.9) per side", "openvla 197, 282, 335; oft 17", the_crop_of_openvla_is_the_square_root_of_its_area),
    ("orientation", "LIBERO images turned by 180 degrees", "lerobot 952, 1316", libero_images_are_turned_not_mirrored),
    ("gripper", "sign and range", "openvla 21; openpi 278, 326, 360, 602", gripper_conventions_say_what_is_open),
    ("FAST", "a failed decode gives zeros in silence", "openpi 299, 306, 333, 485, 708", fast_that_does_not_decode_is_refused_not_zero),
    ("FAST", "the shape of the call before sticks", "golden data, fact 7", fast_has_no_memory_of_shapes),
    ("RTC", "sign and direction of time", "lerobot 2511; kinetix 4", guidance_pulls_towards_the_prefix_in_both_directions_of_time),
    ("bins", "larger action, smaller id", "openvla source", openvla_gives_larger_actions_smaller_ids),
    ("rotation", "rows or columns of rot6d", "GR00T, StarVLA source", rotations_of_six_numbers_have_a_layout),
    ("prompt", "case, underscore, trailing newline", "openpi, openvla, LeRobot source", prompts_keep_or_drop_case_as_their_family_does),
    ("images", "float images truncated or rounded", "openpi, StarVLA source", float_images_are_truncated_or_rounded),
    ("security", "pickles in checkpoints", "lerobot 3047; CVE-2026-25874", a_checkpoint_that_is_a_pickle_is_not_read),
]


@pytest.mark.parametrize("area, pitfall, reported, check", ROWS, ids=[f"{row[0]}: {row[1]}" for row in ROWS])
def test_pitfall(area, pitfall, reported, check, tmp_path):
    check(*([tmp_path] if "tmp_path" in check.__code__.co_varnames[: check.__code__.co_argcount] else []))
