# SPDX-License-Identifier: Apache-2.0
"""The statistics of meta/stats.json, as LeRobot computes them: quantiles from a histogram of 5000 bins for each episode.

Two rules join the quantiles of episodes: "mean" weighs them by frames (LeRobot up to 0.4.4), "envelope" takes the smallest of those
up to the median and the largest of the others (later ones).
"""

import math

import numpy as np

QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}
RULES = ("mean", "envelope")
_BINS = 5000


def _quantiles(low, high, count, below, at_rank):
    """Quantiles of `count` values between low and high. `below(x)`: how many are less; `at_rank(k)`: the k-th smallest, from 1."""
    edges = np.linspace(low - 1e-10, high + 1e-10, _BINS + 1)
    found = []
    for share in QUANTILES.values():
        target = share * count
        value = at_rank(math.ceil(target))
        bin_ = min(int(np.searchsorted(edges, value, side="right")) - 1, _BINS - 1)
        if bin_ <= 0:
            found.append(edges[0])
            continue
        before = below(edges[bin_])
        until = count if bin_ == _BINS - 1 else below(edges[bin_ + 1])
        share_of_bin = np.float64((target - before) / (until - before))  # in double even where the edges are floats
        found.append(edges[bin_] + share_of_bin * (edges[bin_ + 1] - edges[bin_]))
    return found


def of_vectors(values):
    """Statistics of values [n, width], or [n] for a scalar; each [width], `count` [1]."""
    values = values.reshape(len(values), -1)
    count = len(values)
    found = {"min": values.min(axis=0), "max": values.max(axis=0), "mean": values.mean(axis=0), "std": None, "count": np.array([count])}
    if count < 2:
        return found | {"std": values.std(axis=0)} | {name: found["mean"].copy() for name in QUANTILES}
    squares = np.mean(values**2, axis=0)
    found["std"] = np.sqrt(np.maximum(0, squares - found["mean"] ** 2))
    ordered = np.sort(values, axis=0).T.copy()
    columns = [
        _quantiles(low, high, count, lambda x, column=column: int(np.searchsorted(column, x)), lambda k, column=column: column[k - 1])
        for low, high, column in zip(found["min"], found["max"], ordered)
    ]
    return found | {name: np.array([column[i] for column in columns]) for i, name in enumerate(QUANTILES)}


_LEVELS = np.arange(256)


def _of_levels(counts):
    """Statistics of bytes that occur `counts` [256] times."""
    total = int(counts.sum())
    cumulative = np.concatenate([[0], np.cumsum(counts)])
    used = np.flatnonzero(counts)
    low, high = float(used[0]), float(used[-1])
    mean = float(counts @ _LEVELS) / total
    square = float(counts @ _LEVELS**2) / total
    quantiles = _quantiles(
        low, high, total, lambda x: int(cumulative[np.searchsorted(_LEVELS, x)]), lambda k: int(np.searchsorted(cumulative, k)) - 1
    )
    return {"min": low, "max": high, "mean": mean, "std": math.sqrt(max(0.0, square - mean**2))} | dict(zip(QUANTILES, quantiles))


def of_images(counts, images):
    """Statistics of `images` frames whose bytes occur `counts` int64 [3, 256] times; each [3, 1, 1], scaled to 0..1."""
    channels = [_of_levels(row) for row in counts]
    found = {name: np.array([channel[name] for channel in channels]).reshape(3, 1, 1) / 255.0 for name in channels[0]}
    return found | {"count": np.array([images])}


def sampled(length):
    """Indices of the frames of an episode whose pixels are counted."""
    count = max(min(length, 100), min(int(length**0.75), 10_000))
    return np.round(np.linspace(0, length - 1, count)).astype(int)


def thinned(image):
    """The pixels of an image [height, width, 3] that are counted."""
    height, width = image.shape[:2]
    if max(width, height) < 300:
        return image
    step = int(width / 150) if width > height else int(height / 150)
    return image[::step, ::step]


def join(first, second, rule="mean"):
    """Statistics of two sets of episodes from those of each; the first may be None."""
    if first is None:
        return second
    return {feature: _join(first[feature], second[feature], rule) for feature in second}


def _join(first, second, rule):
    pair = (first, second)
    stacked = lambda name: np.stack([one[name] for one in pair])  # noqa: E731
    means, variances, counts = stacked("mean"), np.stack([one["std"] ** 2 for one in pair]), stacked("count")
    total = counts.sum(axis=0)
    while counts.ndim < means.ndim:
        counts = counts[..., None]
    mean = (means * counts).sum(axis=0) / total
    variance = ((variances + (means - mean) ** 2) * counts).sum(axis=0) / total
    found = {"min": stacked("min").min(axis=0), "max": stacked("max").max(axis=0), "mean": mean, "std": np.sqrt(variance), "count": total}
    for name, share in QUANTILES.items():
        values = stacked(name)
        if rule == "mean":
            found[name] = (values * counts).sum(axis=0) / total
        else:
            found[name] = values.min(axis=0) if share <= 0.5 else values.max(axis=0)
    return found


def as_json(statistics):
    """Nested lists of numbers."""
    return {feature: {name: value.tolist() for name, value in found.items()} for feature, found in statistics.items()}
