"""
Recordings as training data: episodes, curation.
"""
from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import os
import sinew._sinew
import typing
__all__: list[str] = ['Episode', 'EpisodeReader', 'read_episodes']
class Episode:
    """
    One episode: a frame is one observation, its action what the robot was told to reach by the next.
    """
    def __init__(self, times: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], channels: dict, actions: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None, cameras: dict = {}, index: typing.SupportsInt | typing.SupportsIndex = 0, instruction: str = '') -> None:
        """
        times: s [n]. channels: name -> (values [n, width], unit). actions: [n, dof]. cameras: name -> dict of brightness, sharpness, digest, each [n].
        """
    def __len__(self) -> int:
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
    def joint_names(self) -> list[str]:
        """
        of the actions, in order
        """
def read_episodes(path: os.PathLike | str | bytes, *, measure_cameras: bool = False, on_frame: collections.abc.Callable[[typing.SupportsInt | typing.SupportsIndex, sinew._sinew.Observation], None] = None) -> EpisodeReader:
    """
    Opens a recording -> an iterable of data.Episode. measure_cameras: brightness, sharpness and digests of the frames.
    on_frame: called with (index in the episode, sinew.Observation) for each frame as it is read; frames are not kept.
    """
