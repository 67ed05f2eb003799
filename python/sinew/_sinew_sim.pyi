"""
Sinew's simulator; import `sinew.sim` instead.
"""
from __future__ import annotations
import numpy
import numpy.typing
import os
import sinew._sinew
import sinew._sinew.motion
import sinew._sinew.runtime
import typing
__all__: list[str] = ['MujocoRobot', 'add_demonstrator', 'demonstrator_policy', 'known_instructions', 'parse_instruction']
class MujocoRobot:
    """
    The simulated tabletop robot: j1 to j7 (rad), gripper (opening, m). Its clock moves only in wait_until.
    """
    @staticmethod
    def tabletop(seed: typing.SupportsInt | typing.SupportsIndex = 0, camera_size: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex] = (128, 128), render: bool = True, limits: sinew._sinew.motion.JointLimits | None = None) -> MujocoRobot:
        """
        seed: of the first layout. camera_size: (height, width) of "front" and "wrist" in observations. render: False leaves cameras out
        and needs no OpenGL. limits: sinew.motion.JointLimits, tightened to what the arm can do.
        """
    def _any_robot(self) -> sinew._sinew.runtime.AnyRobot:
        ...
    def command(self, q: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> None:
        """
        q: float64 [8], targets of the position servos, rad and m. Raises sinew.Error outside the limits.
        """
    def objects(self) -> dict:
        """
        dict name -> (position [3] m, quaternion wxyz [4]) in the arm's base frame.
        """
    def observe(self, instruction: str) -> sinew._sinew.Observation:
        """
        -> sinew.Observation: cameras "front", "wrist"; state "joint_position" [8] rad,m, "joint_velocity" [8] rad/s,m/s and
        "tool_pose" [7] m,quat_wxyz (base_from_tool).
        """
    def positions(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        float64 [8]: measured joint positions, rad and m.
        """
    def render(self, camera: str, size: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex]) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
        """
        camera: "front", "wrist" or "video" (with shadows). size: (height, width). -> uint8 [height, width, 3].
        """
    def reset(self, seed: typing.SupportsInt | typing.SupportsIndex) -> None:
        """
        Places everything anew. The clock goes on.
        """
    def stop(self) -> None:
        """
        Holds the arm where it is; the gripper keeps its last target.
        """
    def succeeded(self, instruction: str) -> bool:
        """
        True when the named cube has rested on its plate, released, for 0.3 s.
        """
    def wait_until(self, time: typing.SupportsFloat | typing.SupportsIndex) -> None:
        """
        Steps the physics (1 ms) until the clock is at time, s.
        """
    @property
    def limits(self) -> sinew._sinew.motion.JointLimits:
        """
        sinew.motion.JointLimits
        """
    @property
    def now(self) -> float:
        """
        s, the simulation's clock
        """
    @property
    def urdf(self) -> str:
        """
        the arm as URDF text: base "link0", tip "tool"
        """
def add_demonstrator(registry: sinew._sinew.BackendRegistry, robot: MujocoRobot) -> None:
    """
    Registers the backend "demonstrator" for the world of robot.
    """
def demonstrator_policy(robot: MujocoRobot, directory: os.PathLike | str | bytes | None = None) -> sinew._sinew.Policy:
    """
    -> sinew.Policy that solves the tabletop task for robot; it reads the simulator's state. directory: its card, by default the package's.
    """
def known_instructions() -> list[str]:
    """
    All instructions of the tabletop scene.
    """
def parse_instruction(text: str) -> tuple[str, str]:
    """
    -> (cube colour, plate colour). Raises sinew.Error that lists the known colours.
    """
