"""
Models on libtorch; use sinew.nn and sinew.Policy.load(backend="torch").
"""
from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import os
import sinew._sinew
import typing
__all__: list[str] = ['TorchLanguageModel', 'add_package', 'add_torch', 'architectures']
class TorchLanguageModel:
    """
    A vision-language model of a Hugging Face directory. Calls from several threads wait for each other.
    """
    @staticmethod
    def load(directory: os.PathLike | str | bytes, architecture: str = 'qwen3_vl', dtype: str = 'f32', device: str = 'cpu', max_tokens: typing.SupportsInt | typing.SupportsIndex = 4096, logits: bool = True, graphs: bool = False) -> TorchLanguageModel:
        """
        As CpuLanguageModel.load; dtype is that of activations too. device: as torch names it. graphs: as sinew.nn.load. Raises sinew.Error.
        """
    def generate(self, input_ids: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]], pixel_values: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None = None, image_grid_thw: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]] | None = None, position_ids: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]] | None = None, *, max_new_tokens: typing.SupportsInt | typing.SupportsIndex = 64, stop: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = [], temperature: typing.SupportsFloat | typing.SupportsIndex = 0.0, top_k: typing.SupportsInt | typing.SupportsIndex = 0, top_p: typing.SupportsFloat | typing.SupportsIndex = 1.0, seed: typing.SupportsInt | typing.SupportsIndex = 0, allowed: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = []) -> list[int]:
        """
        Tokens that follow the prompt -> list[int], the stop token included. temperature 0 takes the largest logit; else tokens are drawn
        among the top_k largest (0: all) and of those among the fewest that hold top_p of the probability. allowed: no other token is
        chosen (empty: all may be).
        input_ids [n] int64, an image's tokens in place; pixel_values [patches, values] float32 and image_grid_thw [images, 3] as the
        image processor gives them; position_ids [3, n], by default those of the model family.
        Raises sinew.Error.
        """
    def hidden_states(self, input_ids: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]], pixel_values: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None = None, image_grid_thw: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]] | None = None, position_ids: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]] | None = None, *, depths: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] | None = None) -> typing.Any:
        """
        Hidden states [n, hidden_size] float32 behind the last norm; with depths, ascending, also those [depths, n, hidden_size]
        before it: 0 the embeddings, d behind layer d - 1.
        input_ids [n] int64, an image's tokens in place; pixel_values [patches, values] float32 and image_grid_thw [images, 3] as the
        image processor gives them; position_ids [3, n], by default those of the model family.
        Raises sinew.Error.
        """
    def logits(self, input_ids: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]], pixel_values: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None = None, image_grid_thw: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]] | None = None, position_ids: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]] | None = None) -> numpy.typing.NDArray[numpy.float32]:
        """
        Logits [n, vocab_size] float32 of every token.
        input_ids [n] int64, an image's tokens in place; pixel_values [patches, values] float32 and image_grid_thw [images, 3] as the
        image processor gives them; position_ids [3, n], by default those of the model family.
        Raises sinew.Error.
        """
    @property
    def depth(self) -> int:
        """
        number of layers
        """
    @property
    def hidden_size(self) -> int:
        ...
    @property
    def vocab_size(self) -> int:
        ...
def add_package(registry: sinew._sinew.BackendRegistry, name: str, file: str, trust_code: bool = False, device: str = 'cpu', batched: bool = True) -> None:
    """
    As sinew._torch.add_package.
    """
def add_torch(registry: sinew._sinew.BackendRegistry, name: str = 'torch', device: str = 'cpu', graphs: bool = False) -> None:
    """
    Adds the backend on libtorch to a BackendRegistry. graphs: as sinew.nn.load.
    """
def architectures() -> list[str]:
    """
    As sinew.nn.architectures.
    """
