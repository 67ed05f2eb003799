"""
Observations to the tensors that a model was trained on.
"""
from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import sinew._sinew
import typing
import typing_extensions
__all__: list[str] = ['FrameProcessor', 'ImageProcessor', 'Tokenizer', 'VlaEncoder', 'WireEncoder', 'crop_and_resize', 'decode_image', 'encode_jpeg', 'encode_png', 'fit_pad', 'frame_budget', 'multi_section_positions', 'prompt', 'resize', 'to_levels']
class ImageProcessor:
    """
    Images to patches as Qwen2-VL to Qwen3.5 read them; the defaults are Qwen3-VL's. Equal to the bits of transformers' PIL path.
    """
    @staticmethod
    def from_pretrained(directory_or_json: typing.Any, resample: str = 'pil12', layout: str = 'hugging_face') -> ImageProcessor:
        """
        Reads preprocessor_config.json: a folder, a file or the text itself. resample: "pil12" or "pil13", whose pass order, or "torch": what transformers does where torchvision is installed. layout: "hugging_face" rows [3, temporal, patch, patch] or "single_frame" rows [3, patch, patch].
        """
    @staticmethod
    def of(generation: str, layout: str = 'hugging_face') -> ImageProcessor:
        """
        generation: "qwen2_vl", "qwen2_5_vl", "qwen3_vl" or "qwen3_5".
        """
    def __call__(self, images: typing.Any, *, out: typing.Any = None) -> dict:
        """
        images: one or a sequence of uint8 [height, width, 3] RGB. out: float32 array for pixel_values, else a new one. dict: pixel_values float32 [patches, floats per patch], image_grid_thw int64 [images, 3].
        """
    def __init__(self, *, patch_size: typing.SupportsInt | typing.SupportsIndex = 16, merge_size: typing.SupportsInt | typing.SupportsIndex = 2, temporal_patch_size: typing.SupportsInt | typing.SupportsIndex = 2, min_pixels: typing.SupportsInt | typing.SupportsIndex = 65536, max_pixels: typing.SupportsInt | typing.SupportsIndex = 16777216, rescale_factor: typing.SupportsFloat | typing.SupportsIndex = 0.00392156862745098, mean: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(3)"] = [0.5, 0.5, 0.5], std: typing.Annotated[collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], "FixedSize(3)"] = [0.5, 0.5, 0.5], rule: str = 'pil_bicubic') -> None:
        """
        patch_size: pixels. mean, std: R, G, B of the rescaled values. rule: resize rule by name.
        """
    def grid(self, height: typing.SupportsInt | typing.SupportsIndex, width: typing.SupportsInt | typing.SupportsIndex) -> tuple[int, int, int]:
        """
        (temporal, height, width) in patches of an image of this size in pixels.
        """
    def video(self, frames: typing.Any) -> dict:
        """
        frames: uint8 [height, width, 3] RGB, all of one size. dict: pixel_values_videos float32 [patches, floats per patch], video_grid_thw int64 [1, 3].
        """
class FrameProcessor:
    """
    One camera frame to the tensor that a policy family reads: "openpi", "pi0", "pi05", "pi0_lerobot04", "pi05_lerobot04", "smolvla", "openvla", "openvla_oft", "groot_n15", "groot_n16", "groot_n17", "groot_n17_albumentations", "act", "diffusion", "starvla".
    """
    def __call__(self, image: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
        """
        image: uint8 [height, width, 3] RGB. Returns float32 or, for GR00T and StarVLA, uint8.
        """
    def __init__(self, family: str, *, size: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex] | None = None, crop: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex] | None = None, letterbox: bool | None = None, crop_fraction: typing.SupportsFloat | typing.SupportsIndex = 0.0, centre_crop: bool = True, jpeg: bool = True, mean: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex] | None = None, std: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex] | None = None, rotate_180: bool = False) -> None:
        """
        size: (height, width) instead of the family's, pixels. crop: (height, width), diffusion's centre crop. letterbox, crop_fraction: GR00T N1.6 and N1.7 (0: the family's). centre_crop, jpeg: openvla_oft. mean, std: R, G, B on [0, 1], act and diffusion. rotate_180: turn the frame first.
        """
    def output_shape(self, height: typing.SupportsInt | typing.SupportsIndex, width: typing.SupportsInt | typing.SupportsIndex) -> tuple[int, int, int]:
        """
        Shape of the result for a frame of this size; (0, 0, 0) when it cannot be processed.
        """
    @property
    def reference(self) -> str:
        """
        Project, file and commit or version whose result it is.
        """
class WireEncoder:
    """
    The request that a remote policy server expects, by its keys (nested maps joined by '/'): "aloha", "droid", "libero" (openpi), "starvla", "groot".
    """
    def __call__(self, observation: sinew._sinew.Observation) -> dict:
        """
        dict: key -> uint8 image, float32 vector or str. Absent optional cameras are left out.
        """
    def __init__(self, form: str, *, cameras: collections.abc.Mapping[str, str] | None = None, optional: collections.abc.Sequence[str] = [], states: collections.abc.Mapping[str, collections.abc.Sequence[tuple[str, typing.SupportsInt | typing.SupportsIndex]]] | None = None, text_key: str | None = None, size: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex] | None = None, scaling: str | None = None, rotate_180: bool | None = None) -> None:
        """
        What is not given is the form's own. cameras: key -> camera name. optional: keys left out of the request when the observation lacks their camera. states: key -> [(channel, number of values), ...]. size: (height, width), pixels. scaling: letterbox or resize rule by name, or "none".
        """
    @property
    def keys(self) -> list[str]:
        ...
class Tokenizer:
    """
    Text to token ids: byte-level BPE from tokenizer.json, equal to the package `tokenizers`, or a SentencePiece model.
    """
    @staticmethod
    def from_file(path: typing.Any) -> Tokenizer:
        """
        path: tokenizer.json, a SentencePiece file (.model), or a folder that holds tokenizer.json or tokenizer.model.
        """
    def decode(self, ids: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], skip_special_tokens: bool = False) -> str:
        """
        The text of ids; what is not UTF-8 becomes U+FFFD.
        """
    def encode(self, text: str, add_special_tokens: bool = False) -> list:
        """
        The ids of a text; with add_special_tokens, between those that the file puts around it.
        """
    def id_of(self, token: str) -> int | None:
        """
        The id of the token with exactly this content, or None.
        """
    def token_of(self, id: typing.SupportsInt | typing.SupportsIndex) -> str:
        """
        The content of a token as the file spells it, empty for ids that do not exist.
        """
    @property
    def bos_id(self) -> int | None:
        """
        Of a SentencePiece model, else None.
        """
    @property
    def eos_id(self) -> int | None:
        """
        Of a SentencePiece model, else None.
        """
    @property
    def pad_id(self) -> int | None:
        """
        Of a SentencePiece model, else None.
        """
    @property
    def vocab_size(self) -> int:
        """
        Number of tokens, added ones included.
        """
class VlaEncoder:
    """
    Observations to the tensors that the card of a policy directory describes.
    """
    @staticmethod
    def from_directory(directory: typing.Any, *, layout: str = 'hugging_face') -> VlaEncoder:
        """
        Reads sinew.json and the files that it names; no model. layout of pixel_values: "hugging_face" rows [3, temporal, patch, patch], "single_frame" rows [3, patch, patch].
        """
    def encode(self, observation: sinew._sinew.Observation) -> dict:
        """
        dict name -> array; copies. Raises sinew.Error that names the camera or channel at fault.
        """
    def reset(self) -> None:
        """
        Forgets the history, for a new episode.
        """
    @property
    def spec(self) -> list:
        """
        list of "name dtype [capacity]"
        """
def crop_and_resize(image: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]], area: typing.SupportsFloat | typing.SupportsIndex, size: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex]) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    image: uint8 [height, width, channels]. The central area (0 to 1) sampled bilinearly to size (height, width): OpenVLA's centre crop.
    """
def decode_image(data: typing_extensions.Buffer, dct: str = 'accurate') -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    data: bytes (any buffer of them) of a JPEG or PNG. Returns uint8 [height, width, 3] RGB: grey and palettes become RGB, of 16 bits the upper 8 stay, alpha is dropped, EXIF orientation is ignored; CMYK is refused. dct: of a JPEG, "accurate" (Pillow, OpenCV) or "fast" (TensorFlow's default).
    """
def encode_jpeg(image: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]], quality: typing.SupportsInt | typing.SupportsIndex = 75, subsampling: str = '4:2:0') -> bytes:
    """
    image: uint8 [height, width, 1 or 3], grey or RGB. quality: 1 to 100. subsampling: "4:4:4", "4:2:2", "4:2:0".
    """
def encode_png(image: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]], compression: typing.SupportsInt | typing.SupportsIndex = 6) -> bytes:
    """
    image: uint8 [height, width, 1 to 4], grey, grey and alpha, RGB or RGBA. compression: 1 (fast) to 9 (small).
    """
def fit_pad(image: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]], size: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex], rule: str) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    image: uint8 or float32 [height, width, channels]. size: (height, width), pixels. rule: whose letterbox: "openpi", "openpi_jax", "pi0" (LeRobot 0.6), "pi0_lerobot04", "smolvla", "hf_pi0". Returns the same dtype [*size, channels].
    """
def frame_budget(times: typing.SupportsInt | typing.SupportsIndex | collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex], cameras: typing.SupportsInt | typing.SupportsIndex | collections.abc.Sequence[str], *, budget: typing.SupportsInt | typing.SupportsIndex, gamma: typing.SupportsFloat | typing.SupportsIndex, weights: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex] | collections.abc.Mapping[str, typing.SupportsFloat | typing.SupportsIndex], mode: str, b_min: typing.SupportsInt | typing.SupportsIndex, b_max: typing.SupportsInt | typing.SupportsIndex, seed: typing.SupportsInt | typing.SupportsIndex = 0) -> numpy.typing.NDArray[numpy.int64]:
    """
    Qwen-RobotNav's visual memory: the tokens of each frame, int64 [times, cameras], oldest first, 0 for a frame that is not kept.
    
    Args: times: how many, evenly spaced, or their stamps (s, not decreasing); cameras: how many, or names; budget: tokens of all frames; gamma: the newest kept time weighs e^gamma times the oldest; weights: per camera, a sequence or a dict by name; mode: "latest" or "random", which frames stay when not all fit; b_min, b_max: tokens of a kept frame; seed: of "random".
    """
def multi_section_positions(ids: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]], mask: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]], *, image_token: typing.SupportsInt | typing.SupportsIndex, grids: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]], merge: typing.SupportsInt | typing.SupportsIndex = 2) -> numpy.typing.NDArray[numpy.int64]:
    """
    ids, mask: [n]. grids: [images, 3] patches (temporal, height, width). int64 [3, n]: time, height, width of each token, as the Qwen-VL generations number them; 0 where mask is 0.
    """
def prompt(template: str, **kwargs) -> str:
    """
    The text of a prompt template: "instruction", "qwen_chat", "qwen_vla", "robotmanip", "robotnav", "starvla", "pi0", "pi0_openpi", "smolvla", "pi05" (LeRobot 0.6), "pi05_lerobot04", "pi0_fast_openpi", "pi0_fast_lerobot", "openvla" or "groot".
    
    Args: the template's fields by name; instruction: str; state: the normalised state, a sequence of numbers, for templates that write it; images: how many, or view names, or (view, time step), one slot each.
    """
def resize(image: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]], size: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex], rule: str) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    image: uint8 or float32 [height, width, channels], 1 to 4 channels. size: (height, width), pixels. rule: "pil_nearest", "pil_box", "pil_bilinear", "pil_bicubic", "pil_lanczos" (Pillow to 12), "pil13_*" (from 13), "torch_bilinear", "torch_bicubic", each also with "_antialias", "cv2_linear", "cv2_area", "cv2_cubic", "jax_linear", "jax_lanczos3", "torch_area". Returns [*size, channels] of the same dtype.
    """
def to_levels(image: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]], rule: str) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    image: float32 [height, width, channels] on [0, 1]. rule: "truncate" (openpi) or "round_half_up" (StarVLA). Returns uint8.
    """
