# SPDX-License-Identifier: Apache-2.0
"""Camera frames as PNG, and how often each level occurs in them."""

import io

import numpy as np
from PIL import Image


def png(image):
    """The bytes of a PNG, without loss."""
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG", compress_level=1)
    return out.getvalue()


def levels(image):
    """How often each byte occurs, int64 [3, 256], in an image uint8 [height, width, 3]."""
    return np.array(Image.fromarray(np.ascontiguousarray(image)).histogram(), np.int64).reshape(3, 256)


def pixels(encoded):
    """uint8 [height, width, 3] of any image that Pillow reads."""
    return np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))
