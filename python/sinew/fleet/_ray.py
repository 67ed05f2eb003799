# SPDX-License-Identifier: Apache-2.0
"""Ray, quiet and without telemetry: what it reads when it is imported is set before. The other modules take it from here."""

import logging
import os
import sys
from pathlib import Path

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing is reported to Ray's authors
os.environ.setdefault("RAY_SERVE_LOG_TO_STDERR", "0")
if "ray" not in sys.modules and ((Path.home() / ".ray" / "auth_token").exists() or {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(os.environ)):
    os.environ.setdefault("RAY_AUTH_MODE", "token")  # a client of ray:// does not look for its token by itself

import ray  # noqa: E402, F401
from ray import exceptions, serve as ray_serve  # noqa: E402, F401
from ray._private import worker  # noqa: E402, F401
from ray.serve.config import AutoscalingConfig  # noqa: E402, F401
from ray.serve.schema import LoggingConfig  # noqa: E402, F401

for _name in ("ray", "ray.serve"):  # after the import, which sets them
    logging.getLogger(_name).setLevel(logging.CRITICAL)
