# SPDX-License-Identifier: Apache-2.0
"""The episodes of a recording: numbers as arrays, and camera frames one at a time, so that memory holds no film."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import sinew

from ._errors import error


@dataclass(frozen=True)
class Layout:
    """What one observation holds."""

    channels: tuple  # (name, width, unit) in the order of the recording
    cameras: tuple  # (name, shape)

    def slices(self):
        """name -> columns of Episode.values."""
        found, start = {}, 0
        for name, width, _ in self.channels:
            found[name] = slice(start, start + width)
            start += width
        return found


@dataclass
class Episode:
    """One episode without its camera frames."""

    path: Path
    index: int = 0
    instruction: str = ""
    succeeded: bool | None = None
    finished: bool = False
    begin: dict = field(default_factory=dict)  # the event's JSON object
    times: np.ndarray = None  # int64 [n], ns of the robot's clock
    instructions: list = field(default_factory=list)  # [n]
    layouts: list = field(default_factory=list)  # those that occur
    layout_of: np.ndarray = None  # int [n]
    values: list | np.ndarray = None  # [n, width] of all channels side by side; a list where layouts differ
    sequences: np.ndarray = None  # int64 [n]
    command_times: np.ndarray = None  # int64 [m]
    commands: np.ndarray = None  # float64 [m, dof]
    command_sequences: np.ndarray = None  # int64 [m]

    def __len__(self):
        return len(self.times)

    @property
    def name(self):
        return f"episode {self.index} of {self.path.name}"


class _Gathering:
    """An episode while its records come."""

    def __init__(self, path, index, begin):
        instruction = begin.get("instruction", "")
        self.episode = Episode(path, index, instruction if isinstance(instruction, str) else "", begin=begin)
        self._times, self._rows, self._layout_of, self._sequences = [], [], [], []
        self._known = {}
        self._commands, self._command_times, self._command_sequences = [], [], []

    def observe(self, sequence, observation, with_cameras):
        state = observation.state
        channels = tuple((name, len(values), unit) for name, (values, _, unit) in state.items())
        cameras = tuple((name, image.shape) for name, (image, _) in observation.cameras.items()) if with_cameras else ()
        layout = self._known.setdefault((channels, cameras), len(self._known))
        self._layout_of.append(layout)
        self._rows.append(np.concatenate([values for values, _, _ in state.values()]) if state else np.empty(0))
        self._times.append(observation.time)
        self._sequences.append(sequence)
        self.episode.instructions.append(observation.instruction)

    def command(self, sequence, command):
        self._command_times.append(command.time)
        self._commands.append(command.values)
        self._command_sequences.append(sequence)

    def finish(self):
        episode = self.episode
        episode.times = nanoseconds(self._times)
        episode.sequences = np.array(self._sequences, np.int64)
        episode.layouts = [Layout(channels, cameras) for channels, cameras in self._known]
        episode.layout_of = np.array(self._layout_of, np.int64)
        episode.values = np.stack(self._rows) if len(self._known) == 1 else self._rows
        widths = {len(values) for values in self._commands}
        if len(widths) > 1:
            raise error("corrupt", episode.path.name, f"commands of {episode.name}", "one width", f"widths {sorted(widths)}")
        episode.command_times = nanoseconds(self._command_times)
        episode.commands = np.stack(self._commands) if self._commands else np.empty((0, 0))
        episode.command_sequences = np.array(self._command_sequences, np.int64)
        if (np.diff(episode.command_times) < 0).any():
            order = np.argsort(episode.command_times, kind="stable")
            for name in ("command_times", "commands", "command_sequences"):
                setattr(episode, name, getattr(episode, name)[order])
        if not episode.instruction and episode.instructions:
            episode.instruction = episode.instructions[0]
        return episode


def nanoseconds(seconds):
    """int64 ns of times in s, as the recorder had them."""
    return np.rint(np.asarray(seconds, float) * 1e9).astype(np.int64)


def episode_event(content):
    """The JSON object of an event of kind `episode` and what it says: "begin" or "end"; None for every other event."""
    if content.kind != "episode":
        return None
    try:
        said = json.loads(content.text)
    except ValueError:
        return None
    if not isinstance(said, dict) or not isinstance(said.get("index"), int):
        return None
    return said, "end" if "succeeded" in said and "instruction" not in said else "begin"


class EpisodeReader:
    """Yields the episodes of a recording in their order. `with_cameras`: note the sizes of the frames too."""

    def __init__(self, path, with_cameras=True):
        self.path, self._with_cameras = Path(path), with_cameras
        self.recording = sinew.record.read(str(path), decode_jpeg=with_cameras)
        self.joint_names = []

    def __iter__(self):
        # What precedes the first event is an episode only where no event ever comes.
        open_episode, marked = _Gathering(self.path, 0, {}), False
        for record in self.recording:
            content = record.content
            if isinstance(content, sinew.Observation):
                if open_episode is not None:
                    open_episode.observe(record.sequence, content, self._with_cameras)
            elif isinstance(content, sinew.record.Command):
                if open_episode is not None:
                    open_episode.command(record.sequence, content)
            elif isinstance(content, sinew.record.Event) and (event := episode_event(content)) is not None:
                said, kind = event
                if marked and open_episode is not None:
                    yield self._close(open_episode, said if kind == "end" else None)
                marked, open_episode = True, _Gathering(self.path, said["index"], said) if kind == "begin" else None
        self.joint_names = list(self.recording.joint_names)
        if open_episode is not None and (marked or open_episode.episode.instructions):
            yield self._close(open_episode, None, finished=not marked)

    @staticmethod
    def _close(gathering, end, finished=False):
        episode = gathering.finish()
        if end is not None and end["index"] == episode.index:
            episode.finished = True
            episode.succeeded = end["succeeded"] if isinstance(end["succeeded"], bool) else None
        else:
            episode.finished = finished
        return episode


def frames(path):
    """Yields (ordinal of the episode, index of the frame, observation), the episodes being those of EpisodeReader."""
    records = sinew.record.read(str(path))
    ordinal, frame, inside = -1, 0, False
    for record in records:
        content = record.content
        if isinstance(content, sinew.Observation):
            if inside:
                yield ordinal, frame, content
                frame += 1
        elif isinstance(content, sinew.record.Event) and (event := episode_event(content)) is not None:
            inside = event[1] == "begin"
            if inside:
                ordinal, frame = ordinal + 1, 0


def all_frames(path):
    """As `frames`, of a recording without episode events: all of it is one episode."""
    index = 0
    for record in sinew.record.read(str(path)):
        if isinstance(record.content, sinew.Observation):
            yield 0, index, record.content
            index += 1
