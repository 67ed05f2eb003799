# SPDX-License-Identifier: Apache-2.0
"""Times on a grid: the rate of a recording, which observation stands for which grid point, and the action of each frame."""

from dataclasses import dataclass

import numpy as np

from sinew import data

from sinew._errors import error

TOLERANCE = 0.1  # of a period, on both sides


@dataclass(frozen=True)
class Frames:
    """Frames of an episode, chosen from its observations."""

    observations: np.ndarray  # int [n], indices of observations
    actions: np.ndarray  # int [n], indices of commands; -1: none had come
    resampled: bool
    held: int = 0  # frames that repeat the one before because the times have a gap


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


def _held(times, observations, fps):
    """How many frames of a resampled run repeat the one before because the times have a gap, and not because the rate is higher."""
    steps = np.diff(times)
    if not steps.size:
        return 0
    usual = max(float(np.median(steps)), 1e9 / fps)
    repeats = np.bincount(observations, minlength=len(times))[:-1]
    return int(np.sum((repeats - 1)[(steps > 1.5 * usual) & (repeats > 1)]))


def _refuse_times(episode, first, times, fps, distance):
    """Raises the Error for observations that are not on the grid, with a way out that fits."""
    steps = np.diff(times)
    worst, where = int(steps.max()), f"times of {episode.label}"
    expected = f"within {TOLERANCE:g} of a period of {fps} per second"
    lost = round(worst * fps / 1e9) - 1
    if lost < 1:
        hint = f"--fps {fps} takes the newest observation not later than each moment of that grid, any other rate likewise"
        raise error("invalid_argument", episode.path.name, where, expected, f"{distance:.3g}", hint)
    frame = first + int(steps.argmax()) + 1
    hint = f"`sinew curate --json` finds gaps of more than 2 frames, and --curation parts the episode there; --fps {fps} repeats the frame before a gap in it"
    raise error("invalid_argument", episode.path.name, where, expected, f"a gap of {worst / 1e9:.3g} s before frame {frame}", hint)


def choose(episode, first, behind, fps, may_resample):
    """The frames at that rate of an episode's observations from `first` to before `behind`."""
    times = episode.times[first:behind]
    if len(times) == 0:
        return Frames(np.empty(0, np.int64), np.empty(0, np.int64), False)
    back = np.flatnonzero(np.diff(times) < 0)
    if back.size:
        raise error("invalid_argument", episode.path.name, f"times of {episode.label}", "increasing", f"one that goes back at frame {first + back[0] + 1}",
                    "`sinew curate --json` finds it, and --curation parts the episode there")
    distance = distance_from_grid(times, fps)
    if distance <= TOLERANCE:
        # An action is what was told until the next observation, also if that is left out.
        actions = data.choose_commands(episode.times, episode.sequences, episode.command_times, episode.command_sequences)
        return Frames(np.arange(first, behind), actions[first:behind], False)
    if not may_resample:
        _refuse_times(episode, first, times, fps, distance)
    count = int((times[-1] - times[0]) * fps // 1_000_000_000) + 1
    moments = times[0] + np.arange(count) * 1_000_000_000 // fps
    observations = np.searchsorted(times, moments, side="right") - 1
    actions = data.choose_commands(moments, None, episode.command_times, episode.command_sequences)
    return Frames(first + observations, actions, True, _held(times, observations, fps))
