# SPDX-License-Identifier: Apache-2.0
"""Images to tensors."""

import numpy as np
import torch


class ToTensor:
    """A Pillow image -> float32 [channels, height, width] within 0..1."""

    def __call__(self, image):
        pixels = torch.from_numpy(np.array(image, copy=True))
        if pixels.ndim == 2:
            pixels = pixels[:, :, None]
        return pixels.permute(2, 0, 1).contiguous().to(torch.float32).div(255)
