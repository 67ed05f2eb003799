"""
Closing the loop between a policy and a robot.
"""
from __future__ import annotations
import collections.abc
import os
import sinew._sinew
import sinew._sinew.kinematics
import sinew._sinew.motion
import typing
__all__: list[str] = ['AnyOperator', 'AnyRobot', 'ControlLoop', 'JogOperator', 'PolicyOperator']
class AnyOperator:
    """
    An operator implemented in C++.
    """
class JogOperator:
    """
    Drives the tool by velocities, as a keyboard or a gamepad gives them. While it is in control and nothing is said it holds the tool where it is.
    Methods may be called while the loop runs.
    """
    def __init__(self, chain: sinew._sinew.kinematics.Chain, *, max_speed: typing.SupportsFloat | typing.SupportsIndex = 0.2, max_turn: typing.SupportsFloat | typing.SupportsIndex = 1.0, widest_gripper: typing.SupportsFloat | typing.SupportsIndex = 0.08, rate: typing.SupportsFloat | typing.SupportsIndex = 20.0, deadman: typing.SupportsFloat | typing.SupportsIndex = 0.3, name: str = 'jog') -> None:
        """
        chain: base to tool. max_speed: m/s. max_turn: rad/s. widest_gripper: m. rate: Hz of its chunks. deadman: s, for so long an input
        moves the tool; then it holds. name: stands in recordings.
        """
    def _any_operator(self) -> AnyOperator:
        ...
    def hand_back(self) -> None:
        """
        The policy, which is reset, holds control from the next inference instant on.
        """
    def set_input(self, velocity: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(3)"] = [0.0, 0.0, 0.0], turn: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(3)"] = [0.0, 0.0, 0.0], gripper: typing.SupportsFloat | typing.SupportsIndex | None = None) -> None:
        """
        velocity: of the tool, m/s. turn: rad/s. Both in base axes, scaled down to the most that is allowed. gripper: opening, m; None leaves
        it. Raises sinew.Error for what is not finite.
        """
    def take_over(self) -> None:
        """
        It holds control from the next inference instant on.
        """
    @property
    def in_control(self) -> bool:
        ...
    @property
    def name(self) -> str:
        ...
class PolicyOperator:
    """
    An operator that lets another policy act whenever a trigger says so.
    """
    def __init__(self, policy: typing.Any, trigger: typing.Any, *, name: str = 'policy') -> None:
        """
        policy: sinew.Policy, not that of the loop. trigger: callable, observation -> bool. name: stands in recordings.
        """
    def act(self, observation: typing.Any) -> typing.Any:
        ...
    def holds(self, observation: typing.Any) -> bool:
        ...
    def reset(self) -> None:
        """
        Called when it takes over.
        """
    @property
    def name(self) -> str:
        ...
class AnyRobot:
    """
    A robot implemented in C++, as a module of robots hands it over.
    """
class ControlLoop:
    """
    Closes the loop: policy at inference_rate, commands within the limits at control_rate, on the robot's clock.
    """
    def __init__(self, robot: typing.Any, policy: typing.Any, *, chain: sinew._sinew.kinematics.Chain | None = None, control_rate: typing.SupportsFloat | typing.SupportsIndex = 200.0, inference_rate: typing.SupportsFloat | typing.SupportsIndex = 10.0, recorder: typing.Any = None, trace_seconds: typing.SupportsFloat | typing.SupportsIndex = 60.0, limits: sinew._sinew.motion.JointLimits | None = None, on_path: bool = False, tool_box: sinew._sinew.motion.ToolBox | None = None, merge: str = 'blend', poses: str = 'ahead', start_tolerance: typing.SupportsFloat | typing.SupportsIndex = 0.35, chunk_delay: typing.Any = None, log_seconds: typing.SupportsFloat | typing.SupportsIndex = 0.0, realtime_priority: typing.SupportsInt | typing.SupportsIndex = 0, hand_back_prefix: bool = False, heartbeat: str = '', operator: typing.Any = None) -> None:
        """
        robot: sinew.sim.MujocoRobot, or any object with now (s; attribute or method), wait_until(s), observe(instruction) -> Observation,
        positions() -> [dof], command([dof]), stop() and limits (sinew.motion.JointLimits). chain: base to tool, needed when the
        policy emits tool poses, and for a tool_box. Rates in Hz. limits: the user's own, beside the robot's and the card's. on_path:
        joints that cannot follow slow down all. poses: "ahead" or "differential". chunk_delay: callable, index of the inference -> s
        after the observation at which its chunk arrives, for run_for. log_seconds: room for `replay`.
        hand_back_prefix: real-time chunking, for backends that take a prefix. heartbeat: name under which `sinew-watchdog` finds it.
        operator: may take control from the policy: JogOperator, PolicyOperator, or any object with holds(observation) -> bool and
        act(observation) -> ActionChunk (joint positions, or tool poses where there is a chain); name, rate (Hz while it holds control) and
        reset() (when it takes over) are optional. What it raises is the status "backend_failed", with the reason in last_error.
        """
    def change_limits(self, limits: sinew._sinew.motion.JointLimits) -> None:
        """
        Other JointLimits, between two runs: motion goes over to them.
        """
    def chunk(self) -> sinew._sinew.ActionChunk:
        """
        the latest chunk as the control thread got it
        """
    def inferences(self) -> dict:
        """
        dict of arrays [m]: time s, observe, encode, infer, decode, resolve s, status uint8, operated (an operator held control)
        """
    def observation(self) -> sinew._sinew.Observation:
        """
        the latest observation
        """
    def replay(self, limits: sinew._sinew.motion.JointLimits | None = None, recording: os.PathLike | str | bytes | None = None) -> dict:
        """
        Computes commands again -> dict: command [ticks, dof], different (ticks that differ in any bit), first. Those since reset, which
        needs log_seconds, or those of a recording that a loop of the same make has written. With other limits: what would have been.
        """
    def reset(self) -> None:
        """
        Takes the measured positions as the start, at rest; must come before run_for.
        """
    def run_for(self, seconds: typing.SupportsFloat | typing.SupportsIndex) -> str:
        """
        Runs for that long on the robot's clock -> status text; "ok", or what the latest failed inference or the robot said.
        """
    def run_threaded(self, seconds: typing.SupportsFloat | typing.SupportsIndex) -> str:
        """
        The same with inference in a thread of its own: the control thread does not wait for the policy; at the end the robot rests. A
        robot in Python is called from both threads, one call at a time: while its observe() holds the GIL, no command goes out. Let
        observe() release it (a camera library does), or hand over the latest frame.
        """
    def safety(self) -> dict:
        """
        dict: mode, cause (the event that led there), latched (a stop), counts of events
        """
    def statistics(self) -> dict:
        """
        dict: ticks, missed_ticks, tick_time (timeline and filter) and lateness (of the wake-up) as p50, p99, p99.9 and worst, s
        """
    def stop(self) -> None:
        """
        From the next tick on the robot brakes and stays there, until reset. From any thread.
        """
    def trace(self) -> dict:
        """
        dict of arrays, one row per tick: time [n] s, target, command, velocity, acceleration, measured [n, dof] (rad or m),
        status [n] uint8, mode [n], tick_time [n] s (timeline and filter), lateness [n] s, dropped (that made room for later ones)
        """
    @property
    def halted(self) -> bool:
        """
        whether the latest run ended before its time
        """
    @property
    def instruction(self) -> str:
        """
        what the policy is told
        """
    @instruction.setter
    def instruction(self, arg0: str) -> None:
        ...
    @property
    def last_error(self) -> str:
        """
        what the latest run_for that did not return "ok" had to say
        """
    @property
    def limits(self) -> sinew._sinew.motion.JointLimits:
        """
        the limits that hold
        """
    @property
    def missed_ticks(self) -> int:
        """
        ticks since reset that were skipped because the policy or the robot took longer than a tick
        """
    @property
    def realtime(self) -> dict:
        """
        dict: what the system gave the latest run_threaded: scheduled (SCHED_FIFO), locked (memory), text
        """
