"""
Recordings in MCAP: docs/recording.md lists the channels.
"""
from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import os
import sinew._sinew
import sinew._sinew.motion
import typing
__all__: list[str] = ['Chunk', 'Command', 'Event', 'Motion', 'Record', 'Recorder', 'Recording', 'RecoverReport', 'read', 'recover']
class Recorder:
    """
    Writes one recording on a thread of its own. Any thread may add; nothing waits for the disk. What cannot be kept is
    dropped and counted, not raised; close() raises then.
    """
    def __enter__(self) -> typing.Any:
        ...
    def __exit__(self, *args) -> None:
        ...
    def __init__(self, path: os.PathLike | str | bytes, card: dict | None = None, *, joint_names: collections.abc.Sequence = [], limits: sinew._sinew.motion.JointLimits | None = None, overwrite: bool = False, frame_bytes: typing.SupportsInt | typing.SupportsIndex = 67108864, wait_for_room: bool = False) -> None:
        """
        path: file to create; one with content is refused unless overwrite. card: dict in the form of sinew.json, embedded.
        joint_names: of the commands, in order. limits: sinew.motion.JointLimits, embedded. frame_bytes: memory for camera frames that
        wait for the disk. wait_for_room: for simulators: an add waits for the disk instead of dropping.
        """
    def acknowledged(self) -> int:
        """
        Newest record that a crash of this process cannot lose; 0 = none.
        """
    def add(self, observation: sinew._sinew.Observation, command: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None, chunk: sinew._sinew.ActionChunk = None) -> int:
        """
        Records an observation and what was decided from it; returns its sequence number, from 1; 0 = dropped. Of a frame that has a
        JPEG (`Observation.jpegs`) the JPEG is kept.
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
class Command:
    """
    Joint position targets sent to the robot.
    """
    @property
    def dt(self) -> float:
        """
        s, length of a control tick; 0: no tick
        """
    @property
    def measured(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        of a tick: float64 [dof], or [0] where the robot gave none
        """
    @property
    def time(self) -> float:
        """
        s, robot's monotonic clock
        """
    @property
    def values(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        float64 [dof], rad or m; a copy
        """
class Chunk:
    """
    An action chunk that was delivered.
    """
    @property
    def chunk(self) -> sinew._sinew.ActionChunk:
        """
        sinew.ActionChunk
        """
    @property
    def status(self) -> str:
        """
        "ok": accepted; else why it was refused
        """
    @property
    def time(self) -> float:
        """
        s, when it was delivered
        """
class Motion:
    """
    What the motion control was told besides chunks and ticks.
    """
    @property
    def dt(self) -> float:
        """
        s, of kind "skip"
        """
    @property
    def event(self) -> str:
        """
        of kind "event": its name
        """
    @property
    def kind(self) -> str:
        """
        "arm", "event", "limits" or "skip"
        """
    @property
    def time(self) -> float:
        """
        s
        """
    @property
    def values(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        float64: of arm measured [dof]; of limits lower, upper, velocity, acceleration, jerk in one piece
        """
class Event:
    """
    Something that happened.
    """
    @property
    def dropped(self) -> int:
        """
        of kind "drop": records that are not in the file
        """
    @property
    def kind(self) -> str:
        """
        "episode", "intervention", "limit", "drop" or another word
        """
    @property
    def text(self) -> str:
        ...
    @property
    def time(self) -> float:
        """
        s
        """
class Record:
    """
    One observation, command, chunk or event; what was added at once has the same sequence.
    """
    @property
    def content(self) -> sinew._sinew.Observation | Command | Chunk | Event | Motion:
        """
        sinew.Observation, or record.Command, Chunk, Event or Motion
        """
    @property
    def sequence(self) -> int:
        """
        as Recorder.add returned it; 0 = a report of the recorder itself
        """
class Recording:
    """
    A recording being read, from front to back, once; iterate over it.
    """
    def __iter__(self) -> typing.Any:
        ...
    def __next__(self) -> Record:
        ...
    @property
    def card(self) -> typing.Any:
        """
        the policy card as a dict in the form of sinew.json, or None
        """
    @property
    def complete(self) -> bool:
        """
        False: a crash cut the file; reading stops before the first torn record
        """
    @property
    def dropped(self) -> int:
        """
        records that, as what was read so far says, were dropped while it was recorded
        """
    @property
    def end(self) -> tuple[int, int, str]:
        """
        of a file that is not complete, once read: (byte where reading stopped, bytes from there, complaint)
        """
    @property
    def incomplete(self) -> int:
        """
        observations passed over because parts of theirs are not in the file
        """
    @property
    def joint_names(self) -> list[str]:
        """
        of the commands, in order
        """
    @property
    def limits(self) -> typing.Any:
        """
        dict of float64 [dof]: lower, upper, velocity, acceleration, jerk; or None
        """
    @property
    def unverified(self) -> dict:
        """
        dict: what was read so far without a checksum to compare with
        """
class RecoverReport:
    """
    What a recording holds now, and what it took.
    """
    @property
    def bytes_cut(self) -> int:
        """
        that were no part of a whole, good record
        """
    @property
    def changed(self) -> bool:
        """
        False: the file was complete and is as it was
        """
    @property
    def chunks(self) -> int:
        """
        of the file
        """
    @property
    def last_sequence(self) -> int:
        """
        of the last record kept; 0 = none
        """
    @property
    def messages(self) -> int:
        ...
    @property
    def reason(self) -> str:
        """
        the complaint about the first record that was cut
        """
def read(path: os.PathLike | str | bytes, *, decode_jpeg: bool = True) -> Recording:
    """
    Opens a recording -> an iterable of record.Record. Strict: whatever disagrees with a checksum, an index or a count raises sinew.Error;
    only at the end of the iteration has all been verified. decode_jpeg: frames that were recorded as JPEG get their pixels too.
    """
def recover(path: os.PathLike | str | bytes, *, cut_damage: bool = False) -> RecoverReport:
    """
    Makes a recording that a crash cut short complete again -> RecoverReport. A complete file is not touched; one that is damaged
    elsewhere than at its end is refused, unless cut_damage gives up all that lies behind the damage.
    """
