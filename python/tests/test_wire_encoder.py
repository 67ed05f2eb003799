# SPDX-License-Identifier: Apache-2.0
"""Requests for remote servers, compared with what openpi's server made of the same data and with openpi's client."""


import numpy as np
import pytest

import sinew
from golden import read as golden
from sinew import observation as obs

def observation(cameras, state, instruction="fold the towel"):
    return sinew.Observation(cameras=cameras, state=state, instruction=instruction, time=0.0)


def hwc(chw):
    return np.ascontiguousarray(chw.transpose(1, 2, 0))


@pytest.mark.golden
def test_aloha_request_is_what_the_server_turns_into_its_images():
    tensors, document = golden("openpi/aloha_policy")
    missing = document["config"]["missing_camera"]
    slots = {"cam_high": "base_0_rgb", "cam_left_wrist": "left_wrist_0_rgb", "cam_right_wrist": "right_wrist_0_rgb"}
    frames = {}
    for name, image in tensors.items():
        if name.startswith("img_in."):
            frames[name.removeprefix("img_in.")] = hwc(image) if image.dtype == np.uint8 else obs.to_levels(hwc(image), "truncate")
    encoder = obs.WireEncoder("aloha", size=frames["cam_high"].shape[:2], scaling="none")
    request = encoder(observation(frames, {"state": tensors["raw.state"][0].astype(np.float64)}))
    assert missing not in frames and f"images/{missing}" not in request and f"images/{missing}" in encoder.keys
    for camera, slot in slots.items():
        want = tensors[f"img_out.{slot}"]
        if camera in frames:
            assert np.array_equal(hwc(request[f"images/{camera}"]), want)
        else:
            assert not want.any() and not tensors[f"mask_out.{slot}"].any()
    assert np.array_equal(request["images/cam_low"], frames["cam_low"].transpose(2, 0, 1))
    assert np.array_equal(request["state"], tensors["state"][0])
    assert request["prompt"] == "fold the towel"


@pytest.mark.golden
def test_droid_and_libero_requests_are_what_the_server_turns_into_its_images():
    tensors, _ = golden("openpi/droid_libero_policy")
    levels, floats = tensors["image_u8"], obs.to_levels(hwc(tensors["image_f32_chw"]), "truncate")
    size = levels.shape[:2]
    joints, gripper = (tensors[f"{name}_position"].astype(np.float64) for name in ("joint", "gripper"))
    droid = obs.WireEncoder("droid", size=size, scaling="none")(
        observation({"exterior_image_1_left": levels, "wrist_image_left": floats}, {"joint_position": joints, "gripper_position": gripper})
    )
    libero = obs.WireEncoder("libero", size=size, scaling="none", rotate_180=False)(
        observation({"image": floats, "wrist_image": levels}, {"state": tensors["libero_state"].astype(np.float64)})
    )
    for model in ("pi0", "pi05"):
        assert np.array_equal(droid["observation/exterior_image_1_left"], tensors[f"droid.{model}.base_0_rgb"])
        assert np.array_equal(droid["observation/wrist_image_left"], tensors[f"droid.{model}.left_wrist_0_rgb"])
        state = np.concatenate([droid["observation/joint_position"], droid["observation/gripper_position"]])
        assert np.array_equal(state, tensors[f"droid.{model}.state"])
        assert np.array_equal(libero["observation/image"], tensors[f"libero.{model}.base_0_rgb"])
        assert np.array_equal(libero["observation/wrist_image"], tensors[f"libero.{model}.left_wrist_0_rgb"])
        assert np.array_equal(libero["observation/state"], tensors[f"libero.{model}.state"])


def test_libero_images_equal_those_of_openpis_client():
    image_tools = pytest.importorskip("openpi_client.image_tools")
    image = np.random.default_rng(1).integers(0, 256, (256, 300, 3), dtype=np.uint8)
    request = obs.WireEncoder("libero")(observation({"image": image, "wrist_image": image[:200]}, {"state": np.zeros(8)}))
    for key, frame in (("observation/image", image), ("observation/wrist_image", image[:200])):
        turned = np.ascontiguousarray(frame[::-1, ::-1])
        assert np.array_equal(request[key], image_tools.resize_with_pad(turned, 224, 224))


def test_groot_and_starvla_requests_have_the_servers_dimensions():
    image = np.random.default_rng(2).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    groot = obs.WireEncoder("groot", states={"state/left_arm": [("left", 3), ("left_gripper", 1)]})
    request = groot(observation({"ego_view": image}, {"left": [1, 2, 3], "left_gripper": [0.5]}, "pick"))
    assert np.array_equal(request["video/ego_view"], image[None, None])
    assert request["state/left_arm"].dtype == np.float32 and np.array_equal(request["state/left_arm"], [[[1, 2, 3, 0.5]]])
    assert request["language/annotation.human.task_description"] == "pick"
    starvla = obs.WireEncoder("starvla", cameras={"image/0": "front", "image/1": "wrist"}, states={"state": [("q", 2)]}, scaling="cv2_area")
    request = starvla(observation({"front": image, "wrist": image[:100]}, {"q": [0.25, -1]}))
    assert np.array_equal(request["image/1"], obs.resize(image[:100], (224, 224), "cv2_area"))
    assert request["state"].shape == (1, 2) and request["lang"] == "fold the towel"


def test_what_is_missing_is_named():
    encoder = obs.WireEncoder("droid")
    with pytest.raises(sinew.Error, match="camera 'exterior_image_1_left' is missing"):
        encoder(observation({}, {}))
    with pytest.raises(sinew.Error, match="did you mean 'aloha'"):
        obs.WireEncoder("alohaa")
    with pytest.raises(sinew.Error, match="resize rule"):
        obs.WireEncoder("droid", scaling="bilinear-ish")
