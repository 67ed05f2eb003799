# SPDX-License-Identifier: Apache-2.0
"""Names that LeRobot imports; nothing here is called."""

import torch

from . import functional

__all__ = ["Identity", "Transform", "functional"]


class Transform(torch.nn.Module):
    """Base of LeRobot's own transforms."""


class Identity(Transform):
    def forward(self, *inputs):
        return inputs if len(inputs) > 1 else inputs[0]
