"""
The 80 canonical dimensions of Qwen-RobotManip; names in docs/action_spaces.md.
"""
from __future__ import annotations
import numpy
import numpy.typing
import typing
__all__: list[str] = ['join_tokens', 'mask', 'pack', 'ranges', 'split_tokens', 'unpack']
def join_tokens(tokens: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
    """
    The way back.
    """
def mask(parts: typing.Any, horizon: typing.SupportsInt | typing.SupportsIndex, steps: typing.SupportsInt | typing.SupportsIndex, left: bool = True, right: bool = True) -> numpy.typing.NDArray[numpy.bool]:
    """
    bool [horizon, 80]: the embodiment has the dimension, the step is one of the first `steps`, and the hand is valid.
    """
def pack(parts: dict) -> tuple[numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.bool]]:
    """
    dict part -> values [n] -> (vector float64 [80], mask bool [80]); a part may use fewer dimensions than it has.
    """
def ranges() -> dict:
    """
    dict part -> (first, end), from 0.
    """
def split_tokens(canonical: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
    """
    [..., 80] -> the same numbers in the order of the DiT's tokens, left then right, 40 each.
    """
def unpack(vector: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], parts: typing.Any) -> dict:
    """
    vector [..., 80] -> dict part -> [..., n]. parts: dict part -> size (or values of that length), or names.
    """
