# SPDX-License-Identifier: Apache-2.0
"""Times on a grid: the rate of a recording, which observation stands for which grid point, and the action of each frame."""

from dataclasses import dataclass

import numpy as np

from sinew import data

from ._errors import error

TOLERANCE = 0.1  # of a period, on both sides


@dataclass(frozen=True)
class Frames:
    """Frames of an episode, chosen from its observations."""

    observations: np.ndarray  # int [n], indices of observations
    actions: np.ndarray  # int [n], indices of commands; -1: none had come
    resampled: bool


def rate_of(episodes):
    """Frames per second, from the median step of all episodes."""
    steps = np.concatenate([np.diff(episode.times) for episode in episodes] or [np.empty(0)])
    steps = steps[steps > 0]
    if not steps.size:
        raise error("invalid_argument", "export", "frame rate", "two observations with different times in an episode", "none", "give --fps")
    rate = 1e9 / float(np.median(steps))
    if round(rate) < 1 or abs(rate - round(rate)) > 0.02 * rate:
        raise error("invalid_argument", "export", "frame rate", "a whole number per second, as LeRobot wants it", f"{rate:.4g}", "--fps F resamples")
    return round(rate)


def distance_from_grid(times, fps):
    """The largest distance of times (ns) from the best grid of that rate, in periods."""
    late = (times - times[0]) * (fps / 1e9) - np.arange(len(times))
    return float(late.max() - late.min()) / 2


def choose(episode, fps, may_resample):
    """The frames of an episode at that rate."""
    times = episode.times
    if len(times) == 0:
        return Frames(np.empty(0, np.int64), np.empty(0, np.int64), False)
    if (np.diff(times) < 0).any():
        raise error("corrupt", episode.path.name, f"times of {episode.name}", "increasing", "one that goes back")
    distance = distance_from_grid(times, fps)
    if distance <= TOLERANCE:
        return Frames(np.arange(len(times)), data.choose_commands(times, episode.sequences, episode.command_times, episode.command_sequences), False)
    if not may_resample:
        hint = f"--fps {fps} takes the newest observation not later than each moment of that grid, any other rate likewise"
        raise error("invalid_argument", episode.path.name, f"times of {episode.name}", f"within {TOLERANCE:g} of a period of {fps} per second",
                    f"{distance:.3g}", hint)
    count = int((times[-1] - times[0]) * fps // 1_000_000_000) + 1
    moments = times[0] + np.arange(count) * 1_000_000_000 // fps
    observations = np.searchsorted(times, moments, side="right") - 1
    actions = data.choose_commands(moments, None, episode.command_times, episode.command_sequences)
    return Frames(observations, actions, True)
