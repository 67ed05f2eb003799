"""
Sinew's compiled half; import `sinew` instead.
"""
from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import os
import typing
from . import kinematics
from . import observation
from . import action
from . import motion
from . import nn
from . import record
from . import runtime
from . import data
__all__: list[str] = ['ActionChunk', 'BackendRegistry', 'Error', 'Normalizer', 'Observation', 'Policy', 'action', 'build_info', 'data', 'kinematics', 'load_card', 'motion', 'nn', 'observation', 'read_safetensors_header', 'read_statistics', 'record', 'runtime', 'status_names']
class Error(RuntimeError):
    pass
class Observation:
    """
    What a robot saw, measured and was told at one moment.
    """
    instruction: str
    def __init__(self, cameras: dict, state: dict, instruction: str, time: typing.SupportsFloat | typing.SupportsIndex | None = None, id: typing.SupportsInt | typing.SupportsIndex = 0) -> None:
        """
        cameras: name -> uint8 [height, width, 3] RGB, or bytes of a JPEG, or (either, stamp s). state: channel -> values [n], or (values, stamp s[, unit]).
        time: s in the robot's monotonic clock; None takes this machine's.
        """
    @property
    def cameras(self) -> dict:
        """
        dict name -> (uint8 [height, width, 3], stamp s); copies
        """
    @property
    def id(self) -> int:
        ...
    @id.setter
    def id(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    @property
    def jpegs(self) -> dict:
        """
        dict name -> bytes: frames as their cameras delivered them, where they delivered JPEGs
        """
    @property
    def state(self) -> dict:
        """
        dict channel -> (float64 [n], stamp s, unit); copies
        """
    @property
    def time(self) -> float:
        """
        s, robot's monotonic clock
        """
class ActionChunk:
    """
    Timed targets [horizon, dim] in SI units; row i is due at t0 + i * dt.
    """
    def __init__(self, values: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], t0: typing.SupportsFloat | typing.SupportsIndex, dt: typing.SupportsFloat | typing.SupportsIndex, sequence: typing.SupportsInt | typing.SupportsIndex = 0, observation_id: typing.SupportsInt | typing.SupportsIndex = 0, space: str = 'joint_position') -> None:
        """
        values: float64 [horizon, dim]. t0, dt: s. space: "joint_position", "tool_pose" (x y z, w x y z, the rest) or "base_pose".
        """
    def __repr__(self) -> str:
        ...
    @property
    def dim(self) -> int:
        ...
    @property
    def dt(self) -> float:
        """
        s
        """
    @property
    def horizon(self) -> int:
        ...
    @property
    def observation_id(self) -> int:
        ...
    @observation_id.setter
    def observation_id(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    @property
    def sequence(self) -> int:
        ...
    @sequence.setter
    def sequence(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    @property
    def space(self) -> str:
        """
        "joint_position", "tool_pose" or "base_pose"
        """
    @property
    def t0(self) -> float:
        """
        s, robot's monotonic clock
        """
    @property
    def values(self) -> numpy.typing.NDArray[numpy.float64]:
        """
        float64 [horizon, dim]; a view that keeps the chunk alive
        """
class Normalizer:
    """
    Per-dimension map between SI values and the space that a policy was trained in.
    """
    def __init__(self, stats: dict, mode: str, rule: str = '', *, threshold: typing.SupportsFloat | typing.SupportsIndex = 0.5) -> None:
        """
        stats: dict with mean, std, min, max, q01, q10, q90, q99 [dim] or [steps, dim] and mask [dim], as far as the mode needs them. mode: "mean_std", "min_max", "quantile", "quantile10", "scale", "binary", "sin_cos" or "identity". rule: "lerobot", "openpi", "openvla", "oft", "starvla", "qwen" or "groot": whose formula (docs/normalization.md). threshold: of mode binary.
        """
    def forward(self, x: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> numpy.typing.NDArray[numpy.float32]:
        """
        float64 [..., dim], or [..., steps, dim] with statistics per step, in SI units -> float32, same shape (last axis twice as long for sin_cos). Raises for values that are not finite.
        """
    def inverse(self, y: typing.Annotated[numpy.typing.ArrayLike, numpy.float32]) -> numpy.typing.NDArray[numpy.float64]:
        """
        float32 [..., dim], normalised -> float64 in SI units, same shape. Raises for values that are not finite.
        """
    @property
    def dim(self) -> int:
        ...
class BackendRegistry:
    """
    Backends by name; starts with the built-in ones.
    """
    def __init__(self) -> None:
        ...
    def add(self, name: str, factory: typing.Any) -> None:
        """
        factory(path: str) -> object with infer(dict) -> dict. infer gets the encoder's tensors, read-only, and returns
        {"actions": float32 [horizon, dim]} in the policy's normalised space; reset() is called at the start of an episode if it exists.
        With infer_batch(list of dicts) -> list of dicts it is asked for several observations at once, by act_batch and by a server; an
        attribute max_batch says for how many (8).
        """
    def add_cpu(self, name: str, threads: typing.SupportsInt | typing.SupportsIndex) -> None:
        """
        The backend "cpu" with several threads for each inference, under another name.
        """
    def names(self) -> list[str]:
        ...
class Policy:
    """
    Observation in, action chunk out: encoder, backend and decoder of one policy directory.
    """
    @staticmethod
    def load(directory: os.PathLike | str | bytes, backend: str = '', registry: BackendRegistry = None) -> Policy:
        """
        directory: holds sinew.json. backend: a name of the registry, or "torch" where this build and the interpreter have it; empty takes
        the card's. Raises sinew.Error.
        """
    def act(self, observation: Observation, *, seed: typing.SupportsInt | typing.SupportsIndex | None = None, noise: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None = None, prefix: typing.Annotated[numpy.typing.ArrayLike, numpy.float32] | None = None, prefix_delay: typing.SupportsInt | typing.SupportsIndex = 0, inputs: dict | None = None) -> ActionChunk:
        """
        One inference -> sinew.ActionChunk in SI units. For backends that sample: seed, or noise [horizon, dim]; prefix [rows, dim], the
        unexecuted rest of the previous chunk in the policy's normalised space (outputs["actions"]), its first row due now, of which
        prefix_delay rows will be executed before the new chunk arrives. inputs: other tensors of spec["optional_inputs"], as a dict of
        arrays. Raises sinew.Error with the stage that refused.
        """
    def act_batch(self, observations: collections.abc.Sequence[Observation]) -> list:
        """
        A list of observations -> list of sinew.ActionChunk, max_batch at a time. Raises sinew.Error for the first that is refused.
        """
    def reset(self) -> None:
        """
        Starts a new episode.
        """
    @property
    def card(self) -> typing.Any:
        """
        the card as the dict that sinew.json holds
        """
    @property
    def input_spec(self) -> list:
        """
        [(name, dtype, maximum shape)] that the encoder writes
        """
    @property
    def max_batch(self) -> int:
        """
        How many observations the backend infers at once.
        """
    @property
    def outputs(self) -> dict:
        """
        dict of copies of what the backend wrote at the last act
        """
    @property
    def spec(self) -> dict:
        """
        dict of the backend: name; inputs, outputs and optional_inputs as [(name, dtype, maximum shape)]
        """
def build_info() -> dict:
    """
    dict: version, compiler, isa that this processor offers, assertions on or off.
    """
def load_card(path: os.PathLike | str | bytes) -> typing.Any:
    """
    Reads and checks a sinew.json -> dict. Raises sinew.Error with the place and the nearest valid key.
    """
def read_safetensors_header(path: os.PathLike | str | bytes) -> tuple[dict, dict[str, str]]:
    """
    What a safetensors file says about itself, checked against everything the format demands: a dict name -> (dtype, shape), dtype as the file names it, and the dict of its metadata. The data are not read.
    """
def read_statistics(path: os.PathLike | str | bytes, format: str) -> dict:
    """
    Statistics of a file as a dict key -> dict of arrays [dim] or [steps, dim], as Normalizer takes them. format: "sinew", "lerobot", "lerobot_safetensors", "openpi", "openvla" (OFT and StarVLA too: keys "<unnorm_key>/action") or "groot" (keys "<embodiment>/<modality>/<group>").
    """
__version__: str = '0.1.0'
status_names: tuple = ('ok', 'bad_shape', 'over_capacity', 'missing', 'not_finite', 'out_of_range', 'stale', 'unreachable', 'not_ready', 'stopped', 'timeout', 'backend_failed')
