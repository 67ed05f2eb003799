"""
Observations to the tensors that a model was trained on.
"""
from __future__ import annotations
import collections.abc
import numpy
import typing
__all__: list[str] = ['ImageProcessor', 'prompt', 'resize']
class ImageProcessor:
    """
    Images to patches as Qwen2-VL to Qwen3.5 read them; the defaults are Qwen3-VL's. Equal to the bits of transformers' PIL path.
    """
    @staticmethod
    def from_pretrained(directory_or_json: typing.Any, resample: str = 'pil12') -> ImageProcessor:
        """
        Reads preprocessor_config.json: a folder, a file or the text itself. resample: "pil12" or "pil13", whose pass order.
        """
    def __call__(self, images: typing.Any) -> dict:
        """
        images: one or a sequence of uint8 [height, width, 3] RGB. dict: pixel_values float32 [patches, 3 * temporal * patch * patch], image_grid_thw int64 [images, 3].
        """
    def __init__(self, *, patch_size: typing.SupportsInt | typing.SupportsIndex = 16, merge_size: typing.SupportsInt | typing.SupportsIndex = 2, temporal_patch_size: typing.SupportsInt | typing.SupportsIndex = 2, min_pixels: typing.SupportsInt | typing.SupportsIndex = 65536, max_pixels: typing.SupportsInt | typing.SupportsIndex = 16777216, rescale_factor: typing.SupportsFloat | typing.SupportsIndex = 0.00392156862745098, mean: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(3)"] = [0.5, 0.5, 0.5], std: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(3)"] = [0.5, 0.5, 0.5], rule: str = 'pil_bicubic') -> None:
        """
        patch_size: pixels. mean, std: R, G, B of the rescaled values. rule: resize rule by name.
        """
    def grid(self, height: typing.SupportsInt | typing.SupportsIndex, width: typing.SupportsInt | typing.SupportsIndex) -> tuple[int, int, int]:
        """
        (temporal, height, width) in patches of an image of this size in pixels.
        """
def prompt(template: str, **kwargs) -> str:
    """
    The text of template "instruction", "qwen_vla" or "robotmanip" with its fields, `instruction` among them.
    """
def resize(image: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]], size: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex], rule: str) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    image: uint8 [height, width, channels], 1 to 4 channels. size: (height, width), pixels. rule: "pil_nearest", "pil_box", "pil_bilinear", "pil_bicubic", "pil_lanczos" (Pillow to 12) or "pil13_*" (from 13). Returns uint8 [*size, channels].
    """
