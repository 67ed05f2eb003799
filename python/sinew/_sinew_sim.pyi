"""
Sinew's simulator; import `sinew.sim` instead.
"""
from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import os
import sinew._sinew
import sinew._sinew.motion
import sinew._sinew.runtime
import typing
__all__: list[str] = ['CameraShift', 'MujocoRobot', 'TabletopLook', 'add_demonstrator', 'demonstrator_policy', 'known_instructions', 'make_tabletop_look', 'parse_instruction']
class CameraShift:
    """
    A camera moved from where it usually is, in its own axes: right, up, backwards.
    """
    def __init__(self) -> None:
        ...
    @property
    def offset(self) -> typing.Annotated[list[float], "FixedSize(3)"]:
        """
        [3] m
        """
    @offset.setter
    def offset(self, arg0: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(3)"]) -> None:
        ...
    @property
    def rotation(self) -> typing.Annotated[list[float], "FixedSize(3)"]:
        """
        [3] rotation vector, rad
        """
    @rotation.setter
    def rotation(self, arg0: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(3)"]) -> None:
        ...
class TabletopLook:
    """
    What can change in the tabletop scene without changing the task. A list is assigned as a whole.
    """
    def __init__(self) -> None:
        """
        The scene as it is written.
        """
    @property
    def ambient(self) -> float:
        """
        brightness of the light from everywhere, times the usual
        """
    @ambient.setter
    def ambient(self, arg0: typing.SupportsFloat | typing.SupportsIndex) -> None:
        ...
    @property
    def arm(self) -> float:
        """
        brightness of the arm's shell, times the usual
        """
    @arm.setter
    def arm(self, arg0: typing.SupportsFloat | typing.SupportsIndex) -> None:
        ...
    @property
    def floor(self) -> typing.Annotated[list[float], "FixedSize(3)"]:
        """
        [3] and the floor's, the background of "front"
        """
    @floor.setter
    def floor(self, arg0: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(3)"]) -> None:
        ...
    @property
    def front(self) -> CameraShift:
        """
        CameraShift of "front"
        """
    @front.setter
    def front(self, arg0: CameraShift) -> None:
        ...
    @property
    def light(self) -> float:
        """
        brightness of the main light, times the usual
        """
    @light.setter
    def light(self, arg0: typing.SupportsFloat | typing.SupportsIndex) -> None:
        ...
    @property
    def light_direction(self) -> typing.Annotated[list[float], "FixedSize(3)"]:
        """
        [3] of the main light, base frame; points down
        """
    @light_direction.setter
    def light_direction(self, arg0: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(3)"]) -> None:
        ...
    @property
    def shadows(self) -> bool:
        """
        in "front" and "wrist"; "video" always has them
        """
    @shadows.setter
    def shadows(self, arg0: bool) -> None:
        ...
    @property
    def table(self) -> typing.Annotated[list[float], "FixedSize(3)"]:
        """
        [3] red, green, blue: what the table's surface is multiplied with
        """
    @table.setter
    def table(self, arg0: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(3)"]) -> None:
        ...
    @property
    def wood(self) -> bool:
        """
        the table's top: planks, or a light grey laminate for any `table`
        """
    @wood.setter
    def wood(self, arg0: bool) -> None:
        ...
    @property
    def wrist(self) -> CameraShift:
        """
        CameraShift of "wrist"
        """
    @wrist.setter
    def wrist(self, arg0: CameraShift) -> None:
        ...
class MujocoRobot:
    """
    The simulated tabletop robot: j1 to j7 (rad), gripper (opening, m). Its clock moves only in wait_until.
    """
    @staticmethod
    def tabletop(seed: typing.SupportsInt | typing.SupportsIndex = 0, camera_size: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex] = (128, 128), render: bool = True, limits: sinew._sinew.motion.JointLimits | None = None, privileged: bool = False) -> MujocoRobot:
        """
        seed: of the first layout. camera_size: (height, width) of "front" and "wrist" in observations. render: False leaves cameras out
        and needs no OpenGL. limits: sinew.motion.JointLimits, tightened to what the arm can do. privileged: observations also have
        "object_position" [18] m, centres of cubes, then plates (their feet), in the order of objects(),
        and "cube_yaw" [3] rad, about the vertical: for targets in training only.
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
        camera: "front", "wrist" or "video" (always with shadows), in the present look. size: (height, width). -> uint8 [height, width, 3].
        """
    def reset(self, seed: typing.SupportsInt | typing.SupportsIndex, instruction: str | None = None) -> None:
        """
        Places everything anew; with an instruction, so that it can be done. The clock goes on. The same for the same seed and instruction.
        """
    def set_look(self, look: TabletopLook) -> None:
        """
        Changes light, colours and cameras from the next frame on; a reset keeps them. Cheap.
        """
    def stop(self) -> None:
        """
        Holds the arm where it is; the gripper keeps its last target.
        """
    def succeeded(self, instruction: str) -> bool:
        """
        True when the instruction has been done for 0.3 s: the cube rests on its plate or on the other cube, released, or lies at least 6 cm
        farther to that side than at the reset; the tool is out of the way.
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
    def look(self) -> TabletopLook:
        """
        a copy of the present TabletopLook
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
def make_tabletop_look(seed: typing.SupportsInt | typing.SupportsIndex, outside: bool = False) -> TabletopLook:
    """
    A random look from the range of training, or from outside of it. The same for the same seed.
    """
def parse_instruction(text: str) -> tuple[str, str, str]:
    """
    -> (task "put", "stack" or "push", cube colour, target: plate colour, colour of the lower cube, or "left" (the robot's, +y) or
    "right"). Raises sinew.Error that lists what there is.
    """
