"""
Recordings as training data: episodes, curation.
"""
from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import os
import sinew._sinew
import sinew._sinew.kinematics
import sinew._sinew.record
import typing
__all__: list[str] = ['Correction', 'CurationFile', 'CurationReport', 'Episode', 'EpisodeMark', 'EpisodeReader', 'choose_commands', 'curate', 'parse_episode_mark', 'read_episodes', 'write_corrected']
class Episode:
    """
    One episode: a frame is one observation, its action what the robot was told to reach by the next.
    """
    def __getstate__(self) -> tuple:
        ...
    def __init__(self, times: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], channels: dict, actions: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None, cameras: dict = {}, index: typing.SupportsInt | typing.SupportsIndex = 0, instruction: str = '') -> None:
        """
        times: s [n]. channels: name -> (values [n, width], unit). actions: [n, dof]. cameras: name -> dict of brightness, sharpness, digest, each [n].
        """
    def __len__(self) -> int:
        ...
    def __setstate__(self, arg0: tuple) -> None:
        ...
    @property
    def actions(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        float64 [n, dof], rad or m; a copy; [0, 0] without commands
        """
    @property
    def cameras(self) -> dict:
        """
        dict name -> dict of brightness, sharpness, digest, [n] where measured; copies
        """
    @property
    def channels(self) -> dict:
        """
        dict name -> (float64 [n, width], unit); copies, NaN where a frame has none
        """
    @property
    def faults(self) -> list:
        """
        list of (frame, name, reason): what is not as the rest of the episode promises
        """
    @property
    def finished(self) -> bool:
        """
        False: the recording ends, or another episode begins, before this one's end
        """
    @property
    def index(self) -> int:
        ...
    @property
    def instruction(self) -> str:
        ...
    @property
    def succeeded(self) -> bool | None:
        """
        None: the recording does not say
        """
    @property
    def times(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        s, float64 [n], robot's monotonic clock; a copy
        """
class EpisodeReader:
    """
    A recording cut into its episodes, read once from front to back; iterate over it.
    """
    def __iter__(self) -> typing.Any:
        ...
    def __next__(self) -> Episode:
        ...
    @property
    def card(self) -> typing.Any:
        """
        the policy card as a dict in the form of sinew.json, or None
        """
    @property
    def complete(self) -> bool:
        """
        False: a crash cut the file
        """
    @property
    def dropped(self) -> int:
        """
        as of record.Recording
        """
    @property
    def end(self) -> tuple[int, int, str]:
        """
        as of record.Recording
        """
    @property
    def incomplete(self) -> int:
        """
        as of record.Recording
        """
    @property
    def joint_names(self) -> list[str]:
        """
        of the actions, in order
        """
class EpisodeMark:
    """
    What an event of kind "episode" says.
    """
    @property
    def end(self) -> bool:
        """
        False: an episode begins
        """
    @property
    def index(self) -> int:
        ...
    @property
    def instruction(self) -> str | None:
        """
        None: not said
        """
    @property
    def succeeded(self) -> bool | None:
        """
        of an end; None: unknown
        """
class Correction:
    """
    What is the same mistake in every frame of a file.
    """
    @property
    def changes(self) -> list[str]:
        """
        one sentence each; empty: nothing to correct
        """
    @property
    def command_shift(self) -> int:
        """
        frames by which commands belong later than recorded
        """
    @property
    def command_signs(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        float64 [dof] of 1 and -1, or [0]
        """
    @property
    def joint_signs(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        float64 [dof] of 1 and -1, or [0]
        """
    @property
    def recorded_from_base(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        [4, 4]
        """
    @property
    def tip_from_recorded(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        [4, 4]
        """
class CurationFile:
    """
    Episodes of one recording, made with one robot and one definition of its tool.
    """
    def __init__(self, name: str, episodes: collections.abc.Sequence[Episode], joint_names: collections.abc.Sequence[str] = [], gripper_names: collections.abc.Sequence[str] = []) -> None:
        """
        joint_names: of the actions, in order. gripper_names: of these, exempt from sudden changes, extremes and trend.
        """
    @property
    def joint_names(self) -> list[str]:
        ...
class CurationReport:
    """
    What curate() found.
    """
    @property
    def files(self) -> list:
        """
        list of dicts: name, episodes (dicts: index, frames, verdict "keep", "correctable" or "reject", reason,
        runs of (first, last, verdict, reason)), correction, notes
        """
    @property
    def findings(self) -> list:
        """
        list of dicts: stage, file, episode (None: all of the file's), first, last (frames), name, value, bound,
        reason, correctable
        """
def choose_commands(frame_times: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], frame_sequences: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None, command_times: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], command_sequences: typing.Annotated[numpy.typing.ArrayLike, numpy.int64]) -> numpy.typing.NDArray[numpy.int64]:
    """
    The place of each frame's action among the commands, int64 [n], -1: none: the command of the same sequence number, else the
    newest not later than the next frame; for the last frame the newest. Times: int64, ns. frame_sequences: None, only times count.
    """
def curate(files: collections.abc.Sequence[CurationFile], *, chain: sinew._sinew.kinematics.Chain | None = None, joint_channel: str = '', pose_channel: str = '') -> CurationReport:
    """
    Runs all stages over files (data.CurationFile) of one kind of robot -> data.CurationReport. chain: of the robot description; None
    leaves out the tool's consistency. Channels: "" takes the first that fits.
    """
def parse_episode_mark(event: sinew._sinew.record.Event, file: os.PathLike | str | bytes) -> EpisodeMark:
    """
    Raises sinew.Error where the event's text is no JSON object with an index; file: what the error names.
    """
def read_episodes(path: os.PathLike | str | bytes, *, measure_cameras: bool = False, on_frame: collections.abc.Callable[[typing.SupportsInt | typing.SupportsIndex, sinew._sinew.Observation], None] = None, without: collections.abc.Sequence[str] = []) -> EpisodeReader:
    """
    Opens a recording -> an iterable of data.Episode. measure_cameras: brightness, sharpness and digests of the frames.
    on_frame: called with (index in the episode, sinew.Observation) for each frame as it is read; frames are not kept.
    without: channels that are passed over.
    """
def write_corrected(input: os.PathLike | str | bytes, output: os.PathLike | str | bytes, correction: Correction) -> tuple[int, int, int]:
    """
    Copies a recording with the correction applied and its changes as events -> (observations, commands, commands left out). The
    output must not exist.
    """
