"""
Poses, Jacobians and joint solutions of serial chains. float64, m, rad.
"""
from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import typing
from . import rotation
__all__: list[str] = ['Camera', 'Chain', 'DifferentialResult', 'InverseResult', 'base_from_opencv_camera', 'base_from_opengl_camera', 'differential_step', 'forward', 'forward_batch', 'frames', 'inverse', 'inverse_batch', 'jacobian', 'jacobian_batch', 'rotation']
class Chain:
    """
    A serial chain between two links of a robot; immutable, safe to share between threads.
    """
    @staticmethod
    def from_urdf(path_or_xml: typing.Any, base: str, tip: str | collections.abc.Sequence[str], *, treat_as_continuous: bool = False, soft_limits: bool = False) -> Chain:
        """
        The joints from link `base` to link `tip`, or to several, of a URDF file or text (first character '<'). Mimic joints are honoured.
        treat_as_continuous: revolute joints without limits turn without end. soft_limits: those of the safety controller count as well.
        """
    def __repr__(self) -> str:
        ...
    @property
    def continuous(self) -> list[bool]:
        """
        True where a joint turns without end, [dof].
        """
    @property
    def dof(self) -> int:
        """
        Number of independent joints.
        """
    @property
    def effort(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        N m or N, float64 [dof]; inf where not stated
        """
    @property
    def frame_names(self) -> list[str]:
        """
        Links that the chain carries.
        """
    @property
    def joint_names(self) -> list[str]:
        """
        Names of the independent joints, base to tip, [dof].
        """
    @property
    def limit_sources(self) -> list[str]:
        """
        Where each position limit comes from: "stated", "defaulted", "soft", "endless" or "follower '…'", [dof].
        """
    @property
    def lower(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        rad or m, float64 [dof]; -inf where endless
        """
    @property
    def neutral(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        0 where the limits allow it, else mid-range; float64 [dof]
        """
    @property
    def tips(self) -> list[str]:
        """
        Names of the tips; `tip` of the functions is one of them or its index.
        """
    @property
    def upper(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        rad or m, float64 [dof]; +inf where endless
        """
    @property
    def velocity(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        rad/s or m/s, float64 [dof]; inf where not stated
        """
    @property
    def warnings(self) -> list[str]:
        """
        What is odd about the description, with joint and line.
        """
class InverseResult:
    """
    What inverse() found; true when converged.
    """
    def __bool__(self) -> bool:
        ...
    @property
    def iterations(self) -> int:
        ...
    @property
    def q(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        rad or m, float64 [dof]; the best found, inside the limits
        """
    @property
    def residual(self) -> float:
        """
        Larger of position error (m) and angle (rad) at q.
        """
    @property
    def restarts(self) -> int:
        """
        0: the caller's seed led to q.
        """
    @property
    def status(self) -> str:
        """
        "converged", "stalled", "unreachable" or "bad_input"
        """
class DifferentialResult:
    """
    Where differential_step() leads; true when the arguments were good.
    """
    def __bool__(self) -> bool:
        ...
    @property
    def dq(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        rad/s or m/s, float64 [dof]
        """
    @property
    def manipulability(self) -> float:
        ...
    @property
    def q(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        rad or m after the period, inside the limits, float64 [dof]
        """
    @property
    def speed_fraction(self) -> float:
        """
        Share of the commanded speed that the limits left.
        """
    @property
    def status(self) -> str:
        """
        "ok", or "not_finite" or "out_of_range" for arguments, and then q is NaN
        """
class Camera:
    """
    A calibrated camera. Axes as in OpenCV: x right, y down, z forward; pixel (0, 0) is the centre of the first.
    Immutable, safe to share between threads.
    """
    def __init__(self, fx: typing.SupportsFloat | typing.SupportsIndex, fy: typing.SupportsFloat | typing.SupportsIndex, cx: typing.SupportsFloat | typing.SupportsIndex, cy: typing.SupportsFloat | typing.SupportsIndex, distortion: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex] = [], model: str = 'brown_conrady', *, base_from_camera: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None) -> None:
        """
        fx, fy, cx, cy: pixels. distortion: 0, 4, 5 or 8 numbers k1 k2 p1 p2 [k3 [k4 k5 k6]] for model "brown_conrady",
        0 or 4 for "kannala_brandt" (cv2.fisheye). base_from_camera: [4, 4], m; None is the identity.
        """
    def __repr__(self) -> str:
        ...
    def project(self, points: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
        """
        points [n, 3] in camera axes, m -> pixels [n, 2]; NaN where a point has no pixel.
        """
    def project_from_base(self, points: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
        """
        points [n, 3] in base axes, m -> pixels [n, 2]; NaN where a point has no pixel.
        """
    def undistort(self, pixels: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
        """
        pixels [n, 2] -> (x / z, y / z) of their rays, [n, 2], as cv2.undistortPoints; NaN where there is no ray.
        """
    def unproject(self, pixels: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], depth: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
        """
        pixels [n, 2], depth along z, m, [n] or one number -> points [n, 3] in camera axes, m; NaN where there is no ray.
        """
    def unproject_to_base(self, pixels: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], depth: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
        """
        The same in base axes.
        """
    @property
    def base_from_camera(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        [4, 4], m, camera in OpenCV axes
        """
    @property
    def distortion(self) -> numpy.typing.NDArray[numpy.float64]:
        ...
    @property
    def matrix(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], pixels
        """
    @property
    def max_angle(self) -> float:
        """
        rad from the optical axis; beyond it the lens folds back and a point has no pixel
        """
    @property
    def model(self) -> str:
        ...
def base_from_opencv_camera(base_from_opengl_camera: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
    """
    [4, 4] of a camera with OpenGL axes (y up, z backward) -> [4, 4] of the same with OpenCV axes.
    """
def base_from_opengl_camera(base_from_opencv_camera: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
    """
    [4, 4] of a camera with OpenCV axes (y down, z forward) -> [4, 4] of the same with OpenGL axes.
    """
def differential_step(chain: Chain, q: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], twist: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], dt: typing.SupportsFloat | typing.SupportsIndex, *, posture: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None, task: str = 'pose', tool_axis: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(3)"] = [0.0, 0.0, 1.0], tip: typing.SupportsInt | typing.SupportsIndex | str = 0, speed_scale: typing.SupportsFloat | typing.SupportsIndex = 1.0) -> DifferentialResult:
    """
    Joint positions dt (s) after q [dof] for a tip that moves with twist [6] (m/s, rad/s, base axes): inside the position limits (a q outside is led back), never faster than the speed limits.
    """
def forward(chain: Chain, q: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], *, tip: typing.SupportsInt | typing.SupportsIndex | str = 0) -> numpy.typing.NDArray[numpy.float64]:
    """
    q [dof], rad or m -> base_from_tip [4, 4], m.
    """
def forward_batch(chain: Chain, q: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], out: typing.Any = None, *, tip: typing.SupportsInt | typing.SupportsIndex | str = 0) -> numpy.typing.NDArray[numpy.float64]:
    """
    q [n, dof] -> base_from_tip [n, 4, 4]; written into `out` (C-contiguous float64) when given.
    """
def frames(chain: Chain, q: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> dict:
    """
    q [dof] -> dict of frame name -> base_from_frame [4, 4].
    """
def inverse(chain: Chain, target: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], seed: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None, *, tolerance: typing.SupportsFloat | typing.SupportsIndex = 1e-06, seed_rng: typing.SupportsInt | typing.SupportsIndex = 0, max_restarts: typing.SupportsInt | typing.SupportsIndex = 63, posture: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None, task: str = 'pose', tool_axis: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(3)"] = [0.0, 0.0, 1.0], tip: typing.SupportsInt | typing.SupportsIndex | str = 0) -> InverseResult:
    """
    Joint positions inside the limits for base_from_tip = target [4, 4] (m). seed, posture: [dof], rad or m; None starts at neutral.
    tolerance: m and rad. posture: where a redundant chain is drawn to on its way.
    status "unreachable": too far, or no seed got there, which is not always a proof. max_restarts = 0 looks only where the seed leads.
    task: "pose", "position", "axis" (direction of tool_axis) or "free_yaw" (position and tool_axis).
    """
def inverse_batch(chain: Chain, targets: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], seeds: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None, *, tolerance: typing.SupportsFloat | typing.SupportsIndex = 1e-06, seed_rng: typing.SupportsInt | typing.SupportsIndex = 0, max_restarts: typing.SupportsInt | typing.SupportsIndex = 63, posture: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None, task: str = 'pose', tool_axis: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(3)"] = [0.0, 0.0, 1.0], tip: typing.SupportsInt | typing.SupportsIndex | str = 0) -> tuple:
    """
    targets [n, 4, 4], seeds [n, dof] -> q [n, dof], status uint8 [n]: 0 converged, 1 stalled, 2 unreachable, 3 bad input.
    """
def jacobian(chain: Chain, q: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], *, frame: str = 'tip_base_axes', tip: typing.SupportsInt | typing.SupportsIndex | str = 0) -> numpy.typing.NDArray[numpy.float64]:
    """
    q [dof] -> [6, dof]: linear rows first, reference point at the tip, base axes.
    frame: "tip_base_axes", "tip" (axes of the tip) or "base" (reference point at the base).
    """
def jacobian_batch(chain: Chain, q: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], *, tip: typing.SupportsInt | typing.SupportsIndex | str = 0) -> tuple:
    """
    q [n, dof] -> base_from_tip [n, 4, 4] and J [n, 6, dof], as jacobian() gives it.
    """
