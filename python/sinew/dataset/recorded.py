# SPDX-License-Identifier: Apache-2.0
"""The episodes of a recording: numbers as arrays, and camera frames one at a time, so that memory holds no film."""

import fcntl
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import sinew
from sinew import data

from sinew._errors import error


def _is_being_written(path):
    """Whether a recorder holds its lock on the file."""
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def losses(path, recording):
    """What a recording that was read to its end lacks, in sentences without its name. `recording`: record.Recording or data.EpisodeReader."""
    said = []
    if not recording.complete:
        if Path(path).stat().st_size == 0:
            said.append("is empty")
        elif _is_being_written(path):
            said.append("is still being written, and was read as far as it is")
        else:
            why = f" ({recording.end[2]})" if recording.end[2] else ""
            said.append(f"ends early{why}, and was read as far as it goes; `sinew record recover` makes it whole")
    if recording.dropped:
        said.append(f"lacks {counted(recording.dropped, 'record')} that were dropped while it was recorded")
    if recording.incomplete:
        said.append(f"has {counted(recording.incomplete, 'observation')} without all of their frames, which are left out")
    return said


def require_each_once(where, paths):
    """Raises Error where a recording is given twice."""
    seen = set()
    for path in paths:
        place = Path(path).resolve()
        if place in seen:
            raise error("invalid_argument", where, "recordings", "each once", f"{path} twice")
        seen.add(place)


def counted(count, what):
    """ "1 episode", "2 episodes"."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


@dataclass
class Span:
    """An episode as the events around it say it. Only where no event ever comes is the whole recording one, which is not `marked`."""

    ordinal: int = 0  # in the recording
    marked: bool = False
    index: int = 0
    instruction: str | None = None
    succeeded: bool | None = None
    finished: bool = False


def cut(path, recording):
    """Yields (span, record) for every record of an episode, and (span, None) where it ends: data.EpisodeReader's rule. What an unmarked
    span has been given is void if another follows."""
    span, count = Span(), 0
    for record in recording:
        content = record.content
        if not isinstance(content, sinew.record.Event) or content.kind != "episode":
            if span is not None:
                yield span, record
            continue
        mark = data.parse_episode_mark(content, path)
        if span is not None and span.marked:
            span.finished = mark.end and mark.index == span.index
            span.succeeded = mark.succeeded if span.finished else None
            yield span, None
        span = None if mark.end else Span(count, True, mark.index, mark.instruction)
        count += not mark.end
    if span is not None:
        span.finished = not span.marked and recording.complete
        yield span, None


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
    marked: bool = False  # False: the recording has no episode events
    times: np.ndarray = None  # int64 [n], ns of the robot's clock
    instructions: list = field(default_factory=list)  # [n]
    layouts: list = field(default_factory=list)  # those that occur
    layout_of: np.ndarray = None  # int [n]
    values: list | np.ndarray = None  # [n, width] of all channels side by side; a list where layouts differ
    sequences: np.ndarray = None  # int64 [n]
    command_times: np.ndarray = None  # int64 [m], the commands in the order of the recording
    commands: np.ndarray = None  # float64 [m, dof]
    command_sequences: np.ndarray = None  # int64 [m]

    def __len__(self):
        return len(self.times)

    @property
    def label(self):
        """Its name where the recording is named already."""
        return f"episode {self.index}"

    @property
    def name(self):
        return f"episode {self.index} of {self.path.name}"


class _Gathering:
    """An episode while its records come."""

    def __init__(self, path, span):
        self.span = span
        self.episode = Episode(path, span.index, span.instruction or "", marked=span.marked)
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
            raise error("invalid_argument", episode.path.name, f"commands of {episode.label}", "one width", f"widths {sorted(widths)}")
        episode.command_times = nanoseconds(self._command_times)
        episode.commands = np.stack(self._commands) if self._commands else np.empty((0, 0))
        episode.command_sequences = np.array(self._command_sequences, np.int64)
        episode.succeeded, episode.finished = self.span.succeeded, self.span.finished
        if self.span.instruction is None and episode.instructions:
            episode.instruction = episode.instructions[0]
        return episode


def nanoseconds(seconds):
    """int64 ns of times in s, as the recorder had them."""
    return np.rint(np.asarray(seconds, float) * 1e9).astype(np.int64)


class EpisodeReader:
    """Yields the episodes of a recording in their order. `with_cameras`: note the sizes of the frames too."""

    def __init__(self, path, with_cameras=True):
        self.path, self._with_cameras = Path(path), with_cameras
        self.recording = sinew.record.read(str(path), decode_jpeg=with_cameras)
        self.joint_names = []

    def __iter__(self):
        gathering = None
        for span, record in cut(self.path, self.recording):
            if gathering is None or gathering.span is not span:
                gathering = _Gathering(self.path, span)
            if record is None:
                if span.marked or gathering.episode.instructions:
                    yield gathering.finish()
            elif isinstance(record.content, sinew.Observation):
                gathering.observe(record.sequence, record.content, self._with_cameras)
            elif isinstance(record.content, sinew.record.Command):
                gathering.command(record.sequence, record.content)
        self.joint_names = list(self.recording.joint_names)


def frames(path, marked):
    """Yields (ordinal of the episode, index of the frame, observation), the episodes being those of EpisodeReader. `marked`: theirs."""
    current, frame = None, 0
    for span, record in cut(path, sinew.record.read(str(path))):
        if span is not current:
            current, frame = span, 0
        if record is not None and span.marked == marked and isinstance(record.content, sinew.Observation):
            yield span.ordinal, frame, record.content
            frame += 1
