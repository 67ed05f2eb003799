"""
Joint limits, the command filter and the chunk timeline.
"""
from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import sinew._sinew
import typing
__all__: list[str] = ['ChunkTimeline', 'CommandFilter', 'JointLimits', 'tightest']
class JointLimits:
    """
    Position, velocity, acceleration and jerk limits of every joint. There is no "off".
    """
    def __init__(self, lower: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], upper: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], velocity: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], acceleration: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], jerk: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], names: collections.abc.Sequence[str] | None = None) -> None:
        """
        Each [dof]: rad or m, and their time derivatives. Raises sinew.Error that names the joint.
        """
    @property
    def acceleration(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        [dof] rad/s^2 or m/s^2
        """
    @property
    def dof(self) -> int:
        ...
    @property
    def jerk(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        [dof] rad/s^3 or m/s^3
        """
    @property
    def lower(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        [dof] rad or m
        """
    @property
    def names(self) -> list[str]:
        ...
    @property
    def upper(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        [dof] rad or m
        """
    @property
    def velocity(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        [dof] rad/s or m/s
        """
class CommandFilter:
    """
    Turns any stream of joint targets into commands within position, velocity, acceleration and jerk limits.
    """
    def __init__(self, limits: JointLimits, dt: typing.SupportsFloat | typing.SupportsIndex) -> None:
        """
        dt: usual tick, s, 50e-6 to 0.1.
        """
    def reset(self, q: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], dq: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None, ddq: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None) -> None:
        """
        Starts anew from a state, each [dof]; None means zero. Ends a stop. Raises sinew.Error for a state that is not safe.
        """
    def step(self, target: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, dt: typing.SupportsFloat | typing.SupportsIndex | None = None) -> numpy.typing.NDArray[numpy.float64]:
        """
        Advances by dt (s; None = the usual tick) towards target [dof] (rad or m; None = no new one); returns the command q [dof].
        A target with NaN or infinity equals None; `status` is then "not_finite".
        """
    def stop(self) -> None:
        """
        From the next step on brakes to rest and stays there until reset.
        """
    @property
    def at_rest(self) -> bool:
        ...
    @property
    def clamped_targets(self) -> int:
        """
        Steps with a target outside the position limits
        """
    @property
    def dof(self) -> int:
        ...
    @property
    def dt(self) -> float:
        """
        s
        """
    @property
    def interventions(self) -> int:
        """
        Joint steps in which the safe set overruled tracking
        """
    @property
    def limits(self) -> JointLimits:
        ...
    @property
    def split_ticks(self) -> int:
        """
        Joint steps whose jerk changed within the tick
        """
    @property
    def state(self) -> tuple[numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.float64]]:
        """
        (q, dq, ddq), each [dof], as emitted by the last step; copies
        """
    @property
    def status(self) -> str:
        """
        Result of the last step
        """
class ChunkTimeline:
    """
    Late, overlapping and sometimes wrong action chunks as one target for every instant.
    """
    def __init__(self, dof: typing.SupportsInt | typing.SupportsIndex, *, max_horizon: typing.SupportsInt | typing.SupportsIndex = 128, blend: typing.SupportsFloat | typing.SupportsIndex = 0.1, validity: typing.SupportsFloat | typing.SupportsIndex = 0.1, max_lead: typing.SupportsFloat | typing.SupportsIndex = 2.0, hold_columns: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = [], lower: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None, upper: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None, tolerance: typing.SupportsFloat | typing.SupportsIndex = 0.0) -> None:
        """
        Times in s. hold_columns: grippers, never interpolated. lower, upper: absolute envelope [dof], rad or m.
        """
    def at(self, t: typing.SupportsFloat | typing.SupportsIndex) -> tuple[numpy.typing.NDArray[numpy.float64], str]:
        """
        (target [dof], status) for time t in s: "ok", "stopped" past the validity (the last sample holds), or "not_ready"
        before the first push (the target is NaN).
        """
    def clear(self) -> None:
        """
        Forgets every chunk and sequence number.
        """
    def push(self, chunk: sinew._sinew.ActionChunk, now: typing.SupportsFloat | typing.SupportsIndex | None = None) -> str:
        """
        Takes a chunk at time now (s; None = the latest time asked for, or the chunk's t0) and returns "ok", or refuses it and
        returns why: "bad_shape", "over_capacity", "not_finite", "stale" or "out_of_range".
        """
    @property
    def dof(self) -> int:
        ...
    @property
    def empty(self) -> bool:
        ...
    @property
    def end(self) -> float:
        """
        s; when `at` begins to say "stopped"
        """
    @property
    def sequence(self) -> int:
        ...
def tightest(a: JointLimits, b: JointLimits) -> JointLimits:
    """
    Joint by joint the tighter of two JointLimits.
    """
