"""
Model outputs to actions, and actions to tokens.
"""
from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import sinew._sinew
import typing
from . import canonical
__all__: list[str] = ['BinTokenizer', 'Decoder', 'FastTokenizer', 'StickyGripper', 'TemporalEnsembler', 'action_ids', 'aloha_actions_from_pi', 'aloha_actions_to_pi', 'aloha_states_to_pi', 'apply_camera_delta', 'camera_delta', 'canonical', 'chain_waypoints', 'convert_gripper', 'decode_poses', 'encode_poses', 'gripper_conventions', 'model_ids', 'pack_padded', 'relative_mask', 'relative_mask_of_runs', 'rtc_apply_correction', 'rtc_guidance_weight', 'rtc_guide', 'rtc_prefix_weights', 'rtc_weighted_error', 'scale_waypoints', 'to_absolute', 'to_relative', 'unpack_padded', 'unscale_waypoints', 'waypoints_to_body', 'waypoints_to_world']
class StickyGripper:
    """
    Relative gripper commands, each large one held for some steps (the SimplerEnv policies of the Google robot).
    """
    def __init__(self, threshold: typing.SupportsFloat | typing.SupportsIndex = 0.5, steps: typing.SupportsInt | typing.SupportsIndex = 15) -> None:
        ...
    def reset(self) -> None:
        ...
    def step(self, opening: typing.SupportsFloat | typing.SupportsIndex) -> float:
        """
        The command for the opening that the policy wants: positive closes.
        """
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
    def decode(self, ids: typing.Any, strict: bool = False) -> numpy.typing.NDArray[numpy.float64]:
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
    def decode(self, ids: typing.Any, horizon: typing.SupportsInt | typing.SupportsIndex, dim: typing.SupportsInt | typing.SupportsIndex, mode: str = 'strict') -> numpy.typing.NDArray[numpy.float32]:
        """
        ids -> float32 [horizon, dim]. mode: "strict" raises for whatever is not exactly a chunk; "lerobot" cuts, and fills with zero coefficients; "reference" gives a chunk of zeros where the published processor does.
        """
    def encode(self, chunk: numpy.ndarray[typing.Any, numpy.dtype[typing.Any]], strict: bool = False) -> list[int]:
        """
        float32 or float64 [horizon, dim] -> list of ids. Coefficients outside what was learned are lost, as with the published processor; strict raises instead.
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
class TemporalEnsembler:
    """
    ACT's average of all predictions of one moment, on line; weights exp(-coefficient * i), i = 0 the oldest.
    """
    def __init__(self, coefficient: typing.SupportsFloat | typing.SupportsIndex, horizon: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def reset(self) -> None:
        """
        Forgets all predictions: a new episode.
        """
    def update(self, chunk: typing.Annotated[numpy.typing.ArrayLike, numpy.float32]) -> numpy.typing.NDArray[numpy.float32]:
        """
        Takes the chunk [horizon, dim] predicted now; returns the action float32 [dim] of now.
        """
class Decoder:
    """
    What a model emits to an ActionChunk in SI units, as the card of a policy directory describes.
    """
    @staticmethod
    def from_directory(directory: typing.Any) -> Decoder:
        """
        Reads sinew.json and the files that it names; no model.
        """
    def decode(self, tensors: dict, observation: sinew._sinew.Observation) -> sinew._sinew.ActionChunk:
        """
        dict name -> array, and the observation that the inference used -> ActionChunk. Raises sinew.Error with the reason.
        """
    @property
    def spec(self) -> list:
        """
        list of "name dtype [capacity]"
        """
def action_ids(generated: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], mapping: str) -> list[int]:
    """
    All ids of a model's output that the mapping takes for actions, in their order, as ids of the action tokenizer. With PaliGemma's mappings that is every id up to the first action: text must be cut off before.
    """
def aloha_actions_from_pi(actions: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
    """
    pi's actions [..., 14] as ALOHA takes them.
    """
def aloha_actions_to_pi(actions: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
    """
    ALOHA's actions [..., 14] in pi's space, for training.
    """
def aloha_states_to_pi(states: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
    """
    ALOHA's state [..., 14] in pi's space (openpi adapt_to_pi).
    """
def apply_camera_delta(base_from_camera: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], base_from_tip: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], delta: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
    """
    base_from_target [4, 4] of a camera_delta [6].
    """
def camera_delta(base_from_camera: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], base_from_tip: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], base_from_target: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
    """
    float64 [6]: translation (m) and rotation vector (rad) of a tool in camera axes, separable (Qwen-RobotManip). Poses are [4, 4].
    """
def chain_waypoints(rows: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
    """
    Steps [n, 3], each in the axes of the one before, as waypoints in the axes of the first.
    """
def convert_gripper(values: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], source: str, target: str) -> numpy.typing.NDArray[numpy.float64]:
    """
    Values of one convention in another; names in gripper_conventions().
    """
def decode_poses(rows: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], frame: str = 'base', reference: str = 'first', rotation: str = 'rotvec', base_from_tool: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None, base_from_camera: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None) -> numpy.typing.NDArray[numpy.float64]:
    """
    rows [n, 3 + rotation] -> base_from_target [n, 4, 4]. frame: "base", "tool" or "camera"; reference: "absolute", "first" or "previous"; rotation: a layout of kinematics.rotation.
    """
def encode_poses(poses: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], frame: str = 'base', reference: str = 'first', rotation: str = 'rotvec', base_from_tool: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None, base_from_camera: typing.Annotated[numpy.typing.ArrayLike, numpy.float64] | None = None) -> numpy.typing.NDArray[numpy.float64]:
    """
    The way back: base_from_target [n, 4, 4] -> rows [n, 3 + rotation].
    """
def gripper_conventions() -> dict:
    """
    dict name -> {open, closed}.
    """
def model_ids(ids: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], mapping: str) -> list[int]:
    """
    Ids of an action tokenizer as ids of the model; names of mappings in docs/action_spaces.md.
    """
def pack_padded(chunk: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], horizon: typing.SupportsInt | typing.SupportsIndex, width: typing.SupportsInt | typing.SupportsIndex) -> tuple[numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.bool]]:
    """
    chunk [h, c] -> (padded [horizon, width], mask bool): Qwen-VLA's Y and M.
    """
def relative_mask(names: collections.abc.Sequence[str], exclude: collections.abc.Sequence[str], dim: typing.SupportsInt | typing.SupportsIndex) -> list[bool]:
    """
    LeRobot's mask: dimensions whose name contains an entry of `exclude` stay absolute.
    """
def relative_mask_of_runs(runs: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]) -> list[bool]:
    """
    openpi's mask: n relative dimensions for n > 0, -n absolute ones for n < 0, e.g. (6, -1).
    """
def rtc_apply_correction(v: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], correction: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], time: typing.SupportsFloat | typing.SupportsIndex, max_weight: typing.SupportsFloat | typing.SupportsIndex, noise_at: str = 'zero') -> numpy.typing.NDArray[numpy.float32]:
    """
    v + g correction, or v - g correction where time runs from 1 to 0; float32, shape of v.
    """
def rtc_guidance_weight(time: typing.SupportsFloat | typing.SupportsIndex, max_weight: typing.SupportsFloat | typing.SupportsIndex, noise_at: str = 'zero') -> float:
    """
    How strongly a step at `time` is guided. noise_at: "zero" (kinetix, StarVLA, GR00T) or "one" (openpi, LeRobot).
    """
def rtc_guide(x: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], v: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], prefix: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], time: typing.SupportsFloat | typing.SupportsIndex, max_weight: typing.SupportsFloat | typing.SupportsIndex, noise_at: str = 'zero') -> numpy.typing.NDArray[numpy.float32]:
    """
    Both with the Jacobian taken for the identity, as LeRobot computes; float32 [horizon, dim].
    """
def rtc_prefix_weights(start: typing.SupportsInt | typing.SupportsIndex, end: typing.SupportsInt | typing.SupportsIndex, total: typing.SupportsInt | typing.SupportsIndex, schedule: str) -> numpy.typing.NDArray[numpy.float32]:
    """
    float32 [total]: weight of the previous chunk at each step; 1 before `start` (the delay), 0 from `end` on. schedule: "zeros", "ones", "linear" or "exp". As the reference (kinetix); LeRobot cuts `end` to `total` first.
    """
def rtc_weighted_error(x: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], v: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], prefix: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], weights: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], time: typing.SupportsFloat | typing.SupportsIndex, noise_at: str = 'zero') -> numpy.typing.NDArray[numpy.float32]:
    """
    (prefix - x1) * weights, x1 the action that v [horizon, dim] at x leads to; float32 [horizon, dim]. Its product with the Jacobian of x1 by x is the correction. prefix [rows, columns] may be smaller; the rest counts as 0.
    """
def scale_waypoints(rows: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], scale: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
    """
    x, y (m), heading (rad) [n, 3] divided by scale [3] (99th percentiles) and clipped to [-1, 1].
    """
def to_absolute(actions: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], state: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], mask: collections.abc.Sequence[bool]) -> numpy.typing.NDArray[numpy.float64]:
    """
    The way back; the state must be the one that the inference used.
    """
def to_relative(actions: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], state: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], mask: collections.abc.Sequence[bool]) -> numpy.typing.NDArray[numpy.float64]:
    """
    actions [..., dim] minus state [>= mask] in the masked dimensions.
    """
def unpack_padded(padded: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], steps: typing.SupportsInt | typing.SupportsIndex, channels: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]:
    """
    The way back: the first rows and columns.
    """
def unscale_waypoints(rows: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], scale: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
    """
    The way back.
    """
def waypoints_to_body(rows: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], world_from_body: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
    """
    The way back.
    """
def waypoints_to_world(rows: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], world_from_body: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float64]:
    """
    Waypoints [n, 3] of the body frame in the world; world_from_body is x, y, heading.
    """
