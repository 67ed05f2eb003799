# SPDX-License-Identifier: Apache-2.0
"""Sinew joins embodied foundation models to robots: observation -> tensors -> model -> action chunk -> joint commands."""

import sys as _sys

from . import _sinew
from ._sinew import *  # noqa: F403
from ._sinew import Error, __version__, build_info  # noqa: F401

# The compiled submodules under their public names, so that `import sinew.kinematics` works as well.
for _name in ("kinematics", "observation", "action", "motion", "record", "runtime"):
    if hasattr(_sinew, _name):
        _module = getattr(_sinew, _name)
        globals()[_name] = _module
        _sys.modules[f"sinew.{_name}"] = _module
del _name
