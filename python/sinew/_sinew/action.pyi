"""
Model outputs to actions, and actions to tokens.
"""
from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import typing
__all__: list[str] = ['BinTokenizer', 'FastTokenizer']
class BinTokenizer:
    """
    Values in [-1, 1] as OpenVLA's action tokens: a larger value has a smaller id.
    """
    @staticmethod
    def uniform(low: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], high: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], bins: typing.SupportsInt | typing.SupportsIndex = 256, offset: typing.SupportsInt | typing.SupportsIndex = 0) -> BinTokenizer:
        """
        Bins of equal width between limits [dim]: id = offset + bin.
        """
    def __init__(self, vocab_size: typing.SupportsInt | typing.SupportsIndex, bins: typing.SupportsInt | typing.SupportsIndex = 256) -> None:
        """
        bins: edges over [-1, 1]; there is one bin less.
        """
    def decode(self, ids: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], strict: bool = False) -> numpy.typing.NDArray[numpy.float64]:
        """
        int [...] -> float64 centres of bins, same shape. Ids that are no bin give the nearest; strict refuses them.
        """
    def encode(self, a: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.int64]:
        """
        float [...] -> int64 ids of the same shape; values outside the limits are clipped.
        """
    @property
    def first_id(self) -> int:
        ...
    @property
    def last_id(self) -> int:
        ...
class FastTokenizer:
    """
    FAST: chunks as tokens, with the ids of the published processor.
    """
    @staticmethod
    def fit(chunks: collections.abc.Iterable, vocab_size: typing.SupportsInt | typing.SupportsIndex = 1024, scale: typing.SupportsFloat | typing.SupportsIndex = 10.0) -> FastTokenizer:
        """
        Learns a vocabulary from arrays [horizon, dim], normalised to about [-1, 1].
        """
    @staticmethod
    def from_pretrained(directory: typing.Any) -> FastTokenizer:
        """
        Reads tokenizer.json and processor_config.json.
        """
    def decode(self, ids: typing.Annotated[numpy.typing.ArrayLike, numpy.int64], horizon: typing.SupportsInt | typing.SupportsIndex, dim: typing.SupportsInt | typing.SupportsIndex, mode: str = 'strict') -> numpy.typing.NDArray[numpy.float32]:
        """
        ids -> float32 [horizon, dim]. mode: "strict" raises for whatever is not exactly a chunk; "lerobot" cuts, and fills with zero coefficients; "reference" gives a chunk of zeros where the published processor does.
        """
    def encode(self, chunk: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]) -> list[int]:
        """
        float32 or float64 [horizon, dim] -> list of ids.
        """
    def save(self, directory: typing.Any) -> None:
        """
        Writes tokenizer.json and processor_config.json into a folder that exists.
        """
    @property
    def max_token(self) -> int:
        """
        Greatest coefficient that the vocabulary has a character for.
        """
    @property
    def min_token(self) -> int:
        """
        Least coefficient of the trained range.
        """
    @property
    def scale(self) -> float:
        ...
    @property
    def vocab_size(self) -> int:
        """
        Number of tokens.
        """
