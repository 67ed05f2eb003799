# SPDX-License-Identifier: Apache-2.0
from . import misc

__all__ = ["misc"]
