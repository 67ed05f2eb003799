# SPDX-License-Identifier: Apache-2.0
"""Sinew joins embodied foundation models to robots: observation -> tensors -> model -> action chunk -> joint commands."""

import sys as _sys

from ._sinew import (
    ActionChunk,
    BackendRegistry,
    Error,
    Normalizer,
    Observation,
    Policy,
    __version__,
    action,
    build_info,
    data,
    kinematics,
    load_card,
    motion,
    observation,
    read_safetensors_header,
    read_statistics,
    record,
    runtime,
    status_names,
)

__all__ = [
    "ActionChunk",
    "BackendRegistry",
    "Error",
    "Normalizer",
    "Observation",
    "Policy",
    "__version__",
    "action",
    "build_info",
    "data",
    "kinematics",
    "load_card",
    "motion",
    "observation",
    "read_safetensors_header",
    "read_statistics",
    "record",
    "runtime",
    "status_names",
]

# The compiled submodules under their public names, so that `import sinew.kinematics` works as well.
for _module in (action, action.canonical, kinematics, kinematics.rotation, data, motion, observation, record, runtime):
    _sys.modules[_module.__name__.replace("sinew._sinew", "sinew", 1)] = _module
del _module
