# SPDX-License-Identifier: Apache-2.0
"""Normalisation as the published formula says."""

import numpy as np
import pytest

import sinew

STATS = {"q01": [-1.0, -3.0, 0.25], "q99": [1.0, 1.0, 0.25], "mean": [0, 0, 0]}


def formula(x):
    q01, q99 = np.array(STATS["q01"]), np.array(STATS["q99"])
    with np.errstate(divide="ignore", invalid="ignore"):
        y = np.clip(2 * (x - q01) / (q99 - q01) - 1, -1, 1)
    return np.where(q99 == q01, 0.0, y)


def test_quantile_equals_its_formula_and_comes_back():
    x = np.random.default_rng(1).uniform(-4, 2, (7, 5, 3))
    normalizer = sinew.Normalizer(STATS, "quantile", "qwen")
    y = normalizer.forward(x)
    assert normalizer.dim == 3 and y.dtype == np.float32 and y.shape == x.shape
    np.testing.assert_allclose(y, formula(x), atol=1e-7)
    back = normalizer.inverse(y)
    assert back.dtype == np.float64
    np.testing.assert_allclose(back, np.clip(x, STATS["q01"], STATS["q99"]), atol=5e-7)


def test_identity_changes_the_type_only():
    normalizer = sinew.Normalizer(STATS, "identity")
    x = np.array([[1.5, -1e3, 0.25]])
    assert np.array_equal(normalizer.forward(x), x.astype(np.float32))
    assert np.array_equal(normalizer.inverse(x), x)


@pytest.mark.parametrize(
    "stats, mode, rule, text",
    [
        (STATS, "quantil", "qwen", "identity, mean_std"),
        (STATS, "quantile", "openpy", "did you mean 'openpi'"),
        ({"mean": [0.0]}, "quantile", "qwen", "q01"),
        ({"q01": [1.0], "q99": [0.0]}, "quantile", "qwen", "q01 <= q99"),
        ({"q01": [[1.0]], "q99": [0.0]}, "quantile", "qwen", "q01"),
        ({"q01": ["a"], "q99": [0.0]}, "quantile", "qwen", "q01"),
        ({}, "identity", "", "none of them"),
    ],
)
def test_normalizer_refuses_statistics(stats, mode, rule, text):
    with pytest.raises(sinew.Error, match=text):
        sinew.Normalizer(stats, mode, rule)


def test_normalizer_refuses_other_shapes_and_values():
    normalizer = sinew.Normalizer(STATS, "quantile", "qwen")
    with pytest.raises(sinew.Error, match=r"shape \[\.\.\., 3\], got \[3, 2\]"):
        normalizer.forward(np.zeros((3, 2)))
    with pytest.raises(sinew.Error, match="not_finite"):
        normalizer.forward([0.0, np.nan, 0.0])
    with pytest.raises(sinew.Error, match="not_finite"):
        normalizer.inverse([0.0, np.inf, 0.0])
