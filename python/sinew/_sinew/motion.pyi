"""
Joint limits, the command filter and the chunk timeline.
"""
from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import sinew._sinew
import sinew._sinew.kinematics
import typing
__all__: list[str] = ['ChunkTimeline', 'CommandFilter', 'JointLimits', 'PathGovernor', 'ToolBox', 'ToolGuard', 'VelocityFilter', 'combined', 'labelled', 'limits_from_chain', 'stop_bounds', 'tightest']
class JointLimits:
    """
    Position, velocity, acceleration and jerk limits of every joint. There is no "off".
    """
    def __init__(self, lower: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], upper: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], velocity: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], acceleration: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], jerk: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], names: collections.abc.Sequence[str] | None = None, *, partial: bool = False) -> None:
        """
        Each [dof]: rad or m, and their time derivatives. partial: numbers may be left open (infinite), for `combined`. Raises
        sinew.Error that names the joint.
        """
    def __str__(self) -> str:
        ...
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
    def sources(self) -> dict:
        """
        where each number comes from: dict of [dof] lists, empty where nobody said
        """
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
    def along_stop(self, after: typing.SupportsFloat | typing.SupportsIndex) -> tuple:
        """
        (q, dq), each [dof], `after` seconds of a stop from the present state
        """
    def brake(self, dt: typing.SupportsFloat | typing.SupportsIndex | None = None) -> numpy.typing.NDArray[numpy.float64]:
        """
        One tick along the stops of all joints -> q [dof].
        """
    def change_limits(self, limits: JointLimits) -> None:
        """
        Takes other limits in motion; the old ones hold until each joint keeps the new: `in_transition`.
        """
    def reset(self, q: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], dq: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None, ddq: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None) -> None:
        """
        Starts anew from a state, each [dof]; None means zero. Ends a stop. Raises sinew.Error for a state that is not safe.
        """
    def set_speed_scale(self, scale: typing.SupportsFloat | typing.SupportsIndex) -> None:
        """
        Share of the velocity limits that tracking uses, 0.001 to 1.
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
    def in_transition(self) -> bool:
        ...
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
    @property
    def stop_time(self) -> float:
        """
        s, of a stop from the present state
        """
class ChunkTimeline:
    """
    Late, overlapping and sometimes wrong action chunks as one target for every instant.
    """
    def __init__(self, dof: typing.SupportsInt | typing.SupportsIndex, *, max_horizon: typing.SupportsInt | typing.SupportsIndex = 128, merge: str = 'blend', blend: typing.SupportsFloat | typing.SupportsIndex = 0.1, ensemble_coefficient: typing.SupportsFloat | typing.SupportsIndex = 0.01, ensemble_chunks: typing.SupportsInt | typing.SupportsIndex = 16, validity: typing.SupportsFloat | typing.SupportsIndex = 0.1, max_lead: typing.SupportsFloat | typing.SupportsIndex = 2.0, max_age: typing.SupportsFloat | typing.SupportsIndex = 2.0, dt: typing.SupportsFloat | typing.SupportsIndex = 0.0, hold_columns: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = [], quaternion_columns: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = [], space: str = 'joint_position', lower: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None, upper: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None, tolerance: typing.SupportsFloat | typing.SupportsIndex = 0.0) -> None:
        """
        Times in s. merge: "replace", "blend" or "ensemble". dt: the only step that is accepted; 0 = any. hold_columns: grippers, never
        interpolated. quaternion_columns: the first of w x y z each, by slerp. lower, upper: absolute envelope [dof], rad or m.
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
    def delay(self, by: typing.SupportsFloat | typing.SupportsIndex) -> None:
        """
        Moves the plan later, s.
        """
    def first_row_after(self, now: typing.SupportsFloat | typing.SupportsIndex) -> int:
        """
        The first row of the accepted chunk that is due after now (s): where a prefix for real-time chunking begins.
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
class VelocityFilter:
    """
    Turns any stream of velocity targets of a base into commands within velocity, acceleration and jerk limits.
    """
    def __init__(self, velocity: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], acceleration: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], jerk: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], dt: typing.SupportsFloat | typing.SupportsIndex) -> None:
        """
        Limits [axes], m/s or rad/s and their derivatives, symmetric in sign. dt: usual tick, s.
        """
    def reset(self, velocity: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None, acceleration: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None) -> None:
        """
        Starts anew, each [axes]; None means zero.
        """
    def step(self, target: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, dt: typing.SupportsFloat | typing.SupportsIndex | None = None) -> numpy.typing.NDArray[numpy.float64]:
        """
        Advances towards target [axes] (None = zero: a base that hears nothing stops) -> velocity command [axes]. What is not finite or of
        another size means zero; `status` says so.
        """
    def stop(self) -> None:
        """
        From the next step on the target is zero, until reset.
        """
    @property
    def at_rest(self) -> bool:
        ...
    @property
    def clamped_targets(self) -> int:
        ...
    @property
    def interventions(self) -> int:
        ...
    @property
    def state(self) -> tuple[numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.float64]]:
        """
        (velocity, acceleration), each [axes], as emitted
        """
    @property
    def status(self) -> str:
        ...
class PathGovernor:
    """
    Slows time along a timeline's plan, so that joints stay on its path when one cannot follow.
    """
    def __init__(self, limits: JointLimits, dt: typing.SupportsFloat | typing.SupportsIndex, *, lookahead: typing.SupportsFloat | typing.SupportsIndex = 0.4, samples: typing.SupportsInt | typing.SupportsIndex = 20, share: typing.SupportsFloat | typing.SupportsIndex = 0.85) -> None:
        """
        dt: usual tick, s. lookahead: s of the plan that is looked at. share: of each limit that the plan may ask for.
        """
    def apply(self, timeline: ChunkTimeline, end: typing.SupportsFloat | typing.SupportsIndex, dt: typing.SupportsFloat | typing.SupportsIndex) -> float:
        """
        Before the tick that ends at `end` (s): delays the plan -> rate of time, 0 to 1.
        """
    def reset(self) -> None:
        ...
    @property
    def rate(self) -> float:
        ...
class ToolBox:
    """
    Where a point of the tool may be and how fast it may go; base frame of the chain, m and m/s.
    """
    def __init__(self, *, lower: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(3)"] | None = None, upper: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(3)"] | None = None, planes: collections.abc.Sequence[tuple[typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(3)"], typing.SupportsFloat | typing.SupportsIndex]] = [], speed: typing.SupportsFloat | typing.SupportsIndex = 1.0, point: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(3)"] = [0.0, 0.0, 0.0]) -> None:
        """
        lower, upper: keep-in box [3]; None = open. planes: [(normal [3], offset)], allowed where normal . p >= offset. point: in the
        frame of the tip.
        """
class ToolGuard:
    """
    Steps a CommandFilter so that the tool keeps a ToolBox: it slows down, stops inside, never jumps.
    """
    def __init__(self, chain: sinew._sinew.kinematics.Chain, box: ToolBox, filter: CommandFilter) -> None:
        """
        The chain's joints are the first ones of the filter.
        """
    def step(self, filter: CommandFilter, target: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None, dt: typing.SupportsFloat | typing.SupportsIndex | None = None) -> tuple[numpy.typing.NDArray[numpy.float64], str]:
        """
        In place of filter.step -> (q [dof], status).
        """
    @property
    def interventions(self) -> int:
        """
        ticks that were refused
        """
def combined(limits: collections.abc.Sequence[JointLimits]) -> JointLimits:
    """
    Number by number the tightest of several JointLimits, with its source; what nobody states is refused.
    """
def labelled(limits: JointLimits, source: str) -> JointLimits:
    """
    The same limits, every number with this source.
    """
def limits_from_chain(chain: sinew._sinew.kinematics.Chain, source: str) -> JointLimits:
    """
    Position and velocity limits of a kinematics.Chain; acceleration and jerk are left open, for `combined`.
    """
def stop_bounds(limits: JointLimits, dt: typing.SupportsFloat | typing.SupportsIndex) -> tuple[numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.float64]]:
    """
    (seconds [dof], distance [dof] rad or m) of the longest stop from any state within the limits, at ticks of dt (s).
    """
def tightest(a: JointLimits, b: JointLimits) -> JointLimits:
    """
    Joint by joint the tighter of two JointLimits.
    """
