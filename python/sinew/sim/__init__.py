# SPDX-License-Identifier: Apache-2.0
"""MuJoCo robot and scenes; needs the extra `sim`."""

from sinew import Error as _Error

try:
    from sinew._sinew_sim import *  # noqa: F403
except ImportError as error:
    raise _Error(
        f"[sinew.sim] simulator: {error} (pip install 'sinew-robotics[sim]', or build with SINEW_SIM=ON)"
    ) from error
