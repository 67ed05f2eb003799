# SPDX-License-Identifier: Apache-2.0
"""The frame budget against the report's rule written in exact fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest

import sinew
from sinew import observation as obs


def shared(cells, stamps, budget, gamma, weights, b_min, b_max):
    """Tokens of the kept cells (time, camera): b_min each, the rest in proportion, what exceeds b_max shared again until nothing does."""
    oldest, newest = min(stamps[t] for t, _ in cells), max(stamps[t] for t, _ in cells)
    span = newest - oldest
    real = {(t, c): math.exp(gamma * ((stamps[t] - oldest) / span - 1) if span > 0 else -gamma) * weights[c] for t, c in cells}
    largest = max(real.values())
    weight = {cell: Fraction(max(1, math.floor(value / largest * 2**30 + 0.5))) for cell, value in real.items()}
    extra = dict.fromkeys(cells, Fraction(0))
    open_cells, rest = set(cells), Fraction(budget - b_min * len(cells))
    while open_cells:
        total = sum(weight[cell] for cell in open_cells)
        share = {cell: rest * weight[cell] / total for cell in open_cells}
        over = {cell for cell in open_cells if share[cell] > b_max - b_min}
        if not over:
            extra.update(share)
            break
        for cell in over:
            extra[cell] = Fraction(b_max - b_min)
        rest -= len(over) * (b_max - b_min)
        open_cells -= over
    whole = {cell: math.floor(extra[cell]) for cell in cells}
    left = int(sum(extra.values()) - sum(whole.values()))
    for cell in sorted(cells, key=lambda cell: (whole[cell] - extra[cell], -cell[0], -weights[cell[1]], cell[1]))[:left]:
        whole[cell] += 1
    return {cell: b_min + whole[cell] for cell in cells}


def random_protocol(rng):
    published = rng.random() < 0.4
    times, cameras = int(rng.integers(1, 9)), int(rng.integers(1, 5))
    b_min = int(rng.integers(1, 9))
    b_max = int(rng.integers(128, 257)) if published else b_min + int(rng.integers(0, 30))
    budget = int(rng.integers(2048, 4097)) if published else b_min + int(rng.integers(0, times * cameras * 20))
    weights = rng.uniform(0.2, 3, cameras).tolist() if published else rng.choice([0.5, 1, 2], cameras).tolist()
    gamma = float(rng.uniform(1, 3)) if published else float(rng.integers(0, 4))
    return times, cameras, dict(budget=budget, gamma=gamma, weights=weights, b_min=b_min, b_max=b_max)


def test_tokens_equal_the_rule_in_fractions():
    rng = np.random.default_rng(3)
    dropped = 0
    for _ in range(3000):
        times, cameras, phi = random_protocol(rng)
        stamps = (np.cumsum(rng.integers(0, 5, times)) / 8).tolist() if rng.random() < 0.5 else None
        mode = str(rng.choice(["latest", "random"]))
        tokens = obs.frame_budget(stamps or times, cameras, mode=mode, seed=int(rng.integers(1 << 40)), **phi)
        assert tokens.shape == (times, cameras) and tokens.dtype == np.int64
        cells = [(t, c) for t in range(times) for c in range(cameras)]
        fit = phi["budget"] // phi["b_min"]
        if mode == "latest":
            kept = sorted(cells, key=lambda cell: (-cell[0], -phi["weights"][cell[1]], cell[1]))[:fit]
        else:
            kept = [cell for cell in cells if tokens[cell] > 0]
            assert len(kept) == min(len(cells), fit)
        dropped += len(kept) < len(cells)
        want = np.zeros_like(tokens)
        for cell, n in shared(kept, stamps or list(range(times)), **phi).items():
            want[cell] = n
        assert np.array_equal(tokens, want), (phi, stamps, mode)
        assert tokens.sum() == min(phi["budget"], len(kept) * phi["b_max"])
    assert dropped > 100


def test_cameras_by_name_and_random_by_seed():
    phi = dict(budget=64, gamma=2.0, b_min=4, b_max=128)
    by_name = obs.frame_budget(3, ["front", "back"], weights={"back": 0.5, "front": 2.0}, mode="latest", **phi)
    assert np.array_equal(by_name, obs.frame_budget([0.0, 0.1, 0.2], 2, weights=[2.0, 0.5], mode="latest", **phi))
    arrays = obs.frame_budget(np.array([0.0, 0.1, 0.2]), np.int64(2), weights=np.array([2.0, 0.5]), mode="latest", **phi)
    assert np.array_equal(by_name, arrays)
    assert obs.frame_budget(0, 2, weights=[1, 1], mode="latest", **phi).shape == (0, 2)
    draws = [obs.frame_budget(12, 2, weights=[1, 1], mode="random", seed=seed, **phi) for seed in (0, 0, 1)]
    assert np.array_equal(draws[0], draws[1]) and not np.array_equal(draws[0], draws[2])
    assert all((draw[-1] > 0).all() for draw in draws)


def test_newest_weighs_e_to_the_gamma_times_the_oldest():
    tokens = obs.frame_budget(5, 1, budget=100000, gamma=2.0, weights=[1], mode="latest", b_min=1, b_max=16384 - 1)
    assert tokens.max() == 16383  # full: the bound hides the ratio
    tokens = obs.frame_budget(5, 1, budget=20000, gamma=2.0, weights=[1], mode="latest", b_min=1, b_max=16384)
    assert (tokens[-1, 0] - 1) / (tokens[0, 0] - 1) == pytest.approx(math.exp(2), rel=1e-3)


@pytest.mark.parametrize(
    "change, text",
    [
        (dict(budget=3), "budget"),
        (dict(b_max=3), "b_max"),
        (dict(gamma=-1.0), "gamma"),
        (dict(weights=[1]), "one per camera"),
        (dict(weights=[1, 0]), "weights"),
        (dict(weights={"front": 1.0}), "no names"),
        (dict(mode="newest"), "one of latest, random"),
        (dict(times=[1.0, 0.5]), "must not decrease"),
        (dict(times=[math.nan]), "finite seconds"),
        (dict(times=40000), "over_capacity"),
        (dict(times=1 << 40), "times"),
        (dict(times=-1), "times"),
        (dict(cameras=-1), "cameras"),
        (dict(cameras=0, weights=[]), "cameras"),
        (dict(cameras=["front", "back"], weights={"front": 1.0}), "'back'"),
        (dict(cameras=["front"], weights={"front": 1.0, "back": 1.0}), "one per camera"),
    ],
)
def test_frame_budget_refuses(change, text):
    arguments = dict(times=4, cameras=2, budget=100, gamma=2.0, weights=[1, 2], mode="latest", b_min=4, b_max=64) | change
    times, cameras = arguments.pop("times"), arguments.pop("cameras")
    with pytest.raises(sinew.Error, match=text):
        obs.frame_budget(times, cameras, **arguments)
