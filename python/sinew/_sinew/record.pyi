"""
Recordings in MCAP: docs/recording.md lists the channels.
"""
from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import os
import sinew._sinew
import typing
__all__: list[str] = ['Recorder']
class Recorder:
    """
    Writes one recording. A record that the disk refuses is dropped and counted, not raised; close() raises then.
    """
    def __enter__(self) -> typing.Any:
        ...
    def __exit__(self, *args) -> None:
        ...
    def __init__(self, path: os.PathLike | str | bytes, card: dict | None = None, *, joint_names: collections.abc.Sequence[str] = [], overwrite: bool = False) -> None:
        """
        path: file to create; one with content is refused unless overwrite. card: dict in the form of sinew.json, embedded.
        joint_names: of the commands, in order.
        """
    def acknowledged(self) -> int:
        """
        Newest record that a crash of this process cannot lose; 0 = none.
        """
    def add(self, observation: sinew._sinew.Observation, command: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None, chunk: sinew._sinew.ActionChunk = None) -> int:
        """
        Records an observation and what was decided from it; returns its sequence number, from 1.
        command: float64 [dof], rad or m. chunk: sinew.ActionChunk.
        """
    def add_chunk(self, time: typing.SupportsFloat | typing.SupportsIndex, chunk: sinew._sinew.ActionChunk) -> int:
        """
        Records a chunk that was accepted at `time` (s); returns the number.
        """
    def add_command(self, time: typing.SupportsFloat | typing.SupportsIndex, command: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> int:
        """
        Records joint targets float64 [dof] (rad or m) sent at `time` (s); returns the number.
        """
    def add_event(self, time: typing.SupportsFloat | typing.SupportsIndex, kind: str, text: str = '') -> int:
        """
        Records something that happened at `time` (s): a word such as "episode" or "intervention", and more; returns the number.
        """
    def close(self) -> None:
        """
        Completes the file. Raises sinew.Error when records were dropped or the end could not be written.
        """
    def durable(self) -> int:
        """
        Newest record that a power cut cannot lose; 0 = none.
        """
    def flush(self) -> bool:
        """
        Writes what waits and waits for the device; False on failure.
        """
    @property
    def dropped(self) -> int:
        """
        Records that are not, or not completely, in the file.
        """
    @property
    def last_error(self) -> str:
        """
        Why the latest record was dropped.
        """
