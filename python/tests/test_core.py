# SPDX-License-Identifier: Apache-2.0
"""sinew.Observation, ActionChunk, Error and build_info as python-names.md fixes them."""

import numpy as np
import pytest
import sinew


def test_observation_keeps_what_it_was_given():
    image = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    observation = sinew.Observation(
        {"front": (image, 1.5), "wrist": image}, {"q": [1.0, 2.0], "tool": (np.ones(7), 1.25, "m,quat_wxyz")}, "go", time=2.0, id=9
    )
    front, stamp = observation.cameras["front"]
    assert np.array_equal(front, image) and stamp == 1.5
    assert observation.cameras["wrist"][1] == 2.0, "a frame without a stamp takes the observation's time"
    values, stamp, unit = observation.state["tool"]
    assert np.array_equal(values, np.ones(7)) and stamp == 1.25 and unit == "m,quat_wxyz"
    assert (observation.instruction, observation.id, observation.time) == ("go", 9, 2.0)


@pytest.mark.parametrize("image", [np.zeros((4, 6), np.uint8), np.zeros((4, 6, 3), np.float32), np.zeros((4, 12, 3), np.uint8)[:, ::2]])
def test_observation_names_the_camera_it_refuses(image):
    with pytest.raises(sinew.Error, match="front") as refusal:
        sinew.Observation({"front": image}, {}, "")
    assert refusal.value.code == "invalid_argument"


def test_observation_names_the_channel_it_refuses():
    with pytest.raises(sinew.Error, match="'q'"):
        sinew.Observation({}, {"q": "text"}, "")


def test_chunk_values_are_a_view_that_outlives_the_chunk():
    chunk = sinew.ActionChunk([[1, 2], [3, 4], [5, 6]], t0=0.5, dt=0.1, sequence=3, observation_id=4)
    values = chunk.values
    values[1, 1] = 40
    assert chunk.values[1, 1] == 40
    assert (chunk.horizon, chunk.dim, chunk.t0, chunk.dt, chunk.sequence, chunk.observation_id) == (3, 2, 0.5, 0.1, 3, 4)
    del chunk
    assert values.sum() == 1 + 2 + 3 + 40 + 5 + 6


def test_chunk_refuses_wrong_shapes_and_times():
    with pytest.raises(sinew.Error, match="shape"):
        sinew.ActionChunk([1.0, 2.0], 0.0, 0.1)
    for time in (float("nan"), 1e300):
        with pytest.raises(sinew.Error, match="t0"):
            sinew.ActionChunk([[1.0]], time, 0.1)
        with pytest.raises(sinew.Error, match="time"):
            sinew.Observation({}, {}, "", time=time)


def test_build_info_and_version_agree():
    assert sinew.build_info()["version"] == sinew.__version__
    assert sinew.status_names[0] == "ok" and "stale" in sinew.status_names
