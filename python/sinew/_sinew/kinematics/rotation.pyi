"""
Rotations, every convention by name.
"""
from __future__ import annotations
import numpy
import numpy.typing
import typing
__all__: list[str] = ['Detection', 'Fit', 'detect', 'from_matrix', 'nearest', 'slerp', 'to_matrix', 'unwrap']
class Fit:
    """
    How well one reading of the values agrees with the known rotations.
    """
    def __repr__(self) -> str:
        ...
    @property
    def convention(self) -> str:
        ...
    @property
    def indistinct(self) -> bool:
        """
        True: these data do not tell it from the best.
        """
    @property
    def inverse(self) -> bool:
        """
        True: the values hold the inverse rotation.
        """
    @property
    def max_angle(self) -> float:
        """
        rad
        """
    @property
    def mean_angle(self) -> float:
        """
        rad
        """
    @property
    def median_angle(self) -> float:
        """
        rad; a row that is no rotation counts as pi
        """
    @property
    def refused(self) -> int:
        """
        Rows that are no rotation in this convention.
        """
class Detection:
    """
    What detect() found.
    """
    @property
    def ambiguous(self) -> bool:
        """
        True: another reading agrees as well as the best does.
        """
    @property
    def ranked(self) -> list[Fit]:
        """
        Every reading of that width, best first.
        """
def detect(values: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], rotations: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> Detection:
    """
    values [n, 3, 4 or 6], rotations [n, 3, 3] (what they should say, e.g. from forward kinematics) -> Detection.
    """
def from_matrix(R: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], convention: str) -> numpy.typing.NDArray[numpy.float64]:
    """
    R [3, 3] -> value [k], or [n, 3, 3] -> [n, k]; k is 3, 4 or 6.
    convention: xyzw, wxyz, rotvec (rad), rpy (rad, fixed axes: Rz Ry Rx), xyz_intrinsic (rad, turning axes: Rx Ry Rz), rot6d_columns,
    rot6d_rows or rot6d_interleaved.
    """
def nearest(M: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
    """
    M [3, 3] or [n, 3, 3] -> the rotation nearest in the Frobenius norm, same shape.
    """
def slerp(start: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], end: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], t: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
    """
    Rotations start, end [3, 3], t in 0 .. 1, a number or [n] -> [3, 3] or [n, 3, 3] along the shorter way at a constant rate.
    """
def to_matrix(value: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], convention: str) -> numpy.typing.NDArray[numpy.float64]:
    """
    value [k] -> R [3, 3], or [n, k] -> [n, 3, 3]; k is 3, 4 or 6.
    convention: xyzw, wxyz, rotvec (rad), rpy (rad, fixed axes: Rz Ry Rx), xyz_intrinsic (rad, turning axes: Rx Ry Rz), rot6d_columns,
    rot6d_rows or rot6d_interleaved.
    """
def unwrap(values: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], convention: str = 'rotvec') -> numpy.typing.NDArray[numpy.float64]:
    """
    values [n, k] in time order -> the same rotations, each row the representative nearest to the row before: rotation vectors
    and angles run through pi, quaternions keep their hemisphere.
    """
