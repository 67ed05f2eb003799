"""
Rotations, every convention by name.
"""
from __future__ import annotations
import numpy
import numpy.typing
import typing
__all__: list[str] = ['from_matrix', 'to_matrix']
def from_matrix(R: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], convention: str) -> numpy.typing.NDArray[numpy.float64]:
    """
    R [3, 3] -> value [3, 4 or 6].
    convention: xyzw, wxyz, rotvec (rad), rpy (rad, fixed axes), rot6d_columns, rot6d_rows or rot6d_interleaved.
    """
def to_matrix(value: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], convention: str) -> numpy.typing.NDArray[numpy.float64]:
    """
    value [3, 4 or 6] -> R [3, 3].
    convention: xyzw, wxyz, rotvec (rad), rpy (rad, fixed axes), rot6d_columns, rot6d_rows or rot6d_interleaved.
    """
