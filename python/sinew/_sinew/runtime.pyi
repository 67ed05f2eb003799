"""
Closing the loop between a policy and a robot.
"""
from __future__ import annotations
import sinew._sinew
import sinew._sinew.kinematics
import sinew._sinew.motion
import typing
__all__: list[str] = ['AnyRobot', 'ControlLoop']
class AnyRobot:
    """
    A robot implemented in C++, as a module of robots hands it over.
    """
class ControlLoop:
    """
    Closes the loop: policy at inference_rate, commands within the limits at control_rate, on the robot's clock.
    """
    def __init__(self, robot: typing.Any, policy: typing.Any, *, chain: sinew._sinew.kinematics.Chain | None = None, control_rate: typing.SupportsFloat | typing.SupportsIndex = 200.0, inference_rate: typing.SupportsFloat | typing.SupportsIndex = 10.0, recorder: typing.Any = None, trace_seconds: typing.SupportsFloat | typing.SupportsIndex = 60.0) -> None:
        """
        robot: sinew.sim.MujocoRobot, or any object with now (s; attribute or method), wait_until(s), observe(instruction) -> Observation,
        positions() -> [dof], command([dof]), stop() and limits (sinew.motion.JointLimits). chain: base to tool, needed when the
        policy emits tool poses. Rates in Hz.
        """
    def chunk(self) -> sinew._sinew.ActionChunk:
        """
        the latest chunk of joint targets
        """
    def inferences(self) -> dict:
        """
        dict of arrays [m]: time s, observe, encode, infer, decode, resolve s, status uint8
        """
    def observation(self) -> sinew._sinew.Observation:
        """
        the latest observation
        """
    def reset(self) -> None:
        """
        Takes the measured positions as the start, at rest; must come before run_for.
        """
    def run_for(self, seconds: typing.SupportsFloat | typing.SupportsIndex) -> str:
        """
        Runs for that long on the robot's clock -> status text; "ok", or what the latest failed inference or the robot said.
        """
    def trace(self) -> dict:
        """
        dict of arrays, one row per tick: time [n] s, target, command, velocity, acceleration, measured [n, dof] (rad or m),
        status [n] uint8, tick_time [n] s (timeline and filter), dropped (ticks and inferences beyond trace_seconds)
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
