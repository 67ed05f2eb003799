# SPDX-License-Identifier: Apache-2.0
"""Recordings to samples: frames and state of each observation, and what followed it.

The chunk of a moment is, where the recording has one of the card's length and rate for that observation, the chunk that was delivered, by the
policy or by whoever had taken over; otherwise the commands that followed, sampled at the card's rate; rows beyond the last command do not count. A
demonstrator's chunk says what it would do from there, whatever then happened; commands say what happened, and lead what was measured by what the
arm lags behind: the two are not the same targets.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import sinew
from sinew._errors import error
from sinew.dataset import recorded
from sinew.train.samples import Samples, embodiment


@dataclass(frozen=True)
class Reading:
    """What is taken out of recordings."""

    card: dict
    targets: object  # of sinew.train.targets
    readout_channels: tuple = ()  # channels whose values go into Samples.readouts, side by side
    use_chunks: bool = True  # False: commands only
    intervention_weight: float = 1.0  # of moments while a person, or a corrector, had taken over
    only_succeeded: bool = True  # episodes that say that they failed are passed over
    interventions_only: bool = False  # of each episode, only those moments
    rejected: frozenset = frozenset()  # indices of episodes that a curation left out


class _Episode:
    def __init__(self, span):
        self.span = span
        self.moments = []  # (observation, intervened)
        self.chunks = {}  # observation id -> chunk of joint positions
        self.times, self.commands = [], []
        self.takeovers = []  # times at which somebody took over or handed back
        self.intervened = False

    def keep_fitting(self, horizon, dt):
        """Chunks of another length or rate are none for this card: commands are taken then."""
        self.chunks = {number: chunk for number, chunk in self.chunks.items() if len(chunk.values) == horizon and abs(chunk.dt - dt) < 1e-9}

    def add(self, content, use_chunks):
        kind = type(content).__name__
        if kind == "Event" and content.kind == "intervention":
            self.intervened = bool(json.loads(content.text)["begin"])
            self.takeovers.append(content.time)
        elif kind == "Observation":
            self.moments.append((content, self.intervened))
        elif kind == "Chunk" and use_chunks and content.status == "ok" and content.chunk.space == "joint_position":
            self.chunks[content.chunk.observation_id] = content.chunk
        elif kind == "Command":
            self.times.append(content.time)
            self.commands.append(content.values)


def _episodes(path, use_chunks):
    """Yields the episodes of one recording."""
    current = None
    for span, record in recorded.cut(path, sinew.record.read(str(path))):
        if current is None or current.span is not span:
            current = _Episode(span)
        if record is None:
            yield current
        else:
            current.add(record.content, use_chunks)


def _followed(episode, time, horizon, dt):
    """Commands at `time` + i dt [horizon, dof], and which rows came before the episode's end and before another hand took over."""
    at = time + np.arange(horizon) * dt
    places = np.searchsorted(episode.times, at + 1e-9, side="right") - 1
    change = min((t for t in episode.takeovers if t > time), default=np.inf)
    return np.stack(episode.commands)[np.clip(places, 0, None)], (at < change) & (at < episode.times[-1] + dt)


def _frame(card, cameras):
    """Pixels of a camera. Raises sinew.Error for another size than the card's: patches of training are not resized."""
    frame = cameras[card["name"]][0]
    if frame.shape[:2] != (card["height"], card["width"]):
        got = f"{frame.shape[1]} x {frame.shape[0]}"
        raise error("invalid_argument", "train", f"camera '{card['name']}'", f"frames of {card['width']} x {card['height']} pixels, the card's", got, "record at the card's size")
    return frame


def _sample(episode, observation, intervened, reading):
    spec = reading.card["action"]
    horizon, dt = spec["horizon"], 1 / spec["rate"]
    chunk = episode.chunks.get(observation.id)
    if chunk is not None:
        positions, valid = np.asarray(chunk.values), np.ones(horizon, bool)
    elif episode.commands and (intervened or not reading.use_chunks or not episode.chunks):
        positions, valid = _followed(episode, observation.time, horizon, dt)
    else:
        return None
    cameras = observation.cameras
    frames = np.stack([_frame(camera, cameras) for camera in reading.card["cameras"]])
    state = np.concatenate([observation.state[channel["name"]][0] for channel in reading.card["state"]["channels"]])
    rows = reading.targets.rows(positions, observation)
    return frames, state, rows, np.append(valid, np.zeros(len(rows) - horizon, bool))


def read_recording(path, reading):
    """Samples of one recording, in memory. Raises sinew.Error for a recording that lacks a camera or channel of the card."""
    columns, spec = {name: [] for name in Samples._ARRAYS}, reading.card["action"]
    instructions, number = [], 0
    for episode in _episodes(path, reading.use_chunks):
        if episode.span.index in reading.rejected or (reading.only_succeeded and episode.span.succeeded is False):
            continue
        before = len(columns["state"])
        episode.keep_fitting(spec["horizon"], 1 / spec["rate"])
        for observation, intervened in episode.moments:
            if reading.interventions_only and not intervened:
                continue
            try:
                sample = _sample(episode, observation, intervened, reading)
            except KeyError as missing:
                raise error("invalid_argument", "train", str(path), f"camera or channel {missing} of the card", "an observation without it") from missing
            if sample is None:
                continue
            text = episode.span.instruction or observation.instruction
            if text not in instructions:
                instructions.append(text)
            extra = np.concatenate([np.zeros(0), *(observation.state[channel][0] for channel in reading.readout_channels)])
            values = (*sample, reading.intervention_weight if intervened else 1.0, instructions.index(text), number, extra, 0)
            for name, value in zip(Samples._ARRAYS, values, strict=True):
                columns[name].append(value)
        number += len(columns["state"]) > before
    if not columns["state"]:
        return None
    dtypes = {"images": np.uint8, "valid": bool, "instruction": np.int32, "episode": np.int32, "embodiment": np.int32}
    arrays = {name: np.array(values, dtypes.get(name, np.float32)) for name, values in columns.items()}
    return Samples(**arrays, instructions=instructions, embodiments=[embodiment(reading.targets.mask, reading.card["prompt"]["fields"])])


def convert(path, reading, folder):
    """One recording to a folder of samples; returns the folder, or None where the recording has nothing to learn from."""
    samples = read_recording(Path(path), reading)
    return None if samples is None else samples.save(folder)
