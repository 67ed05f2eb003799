# SPDX-License-Identifier: Apache-2.0
"""Reads films with PyAV as torchvision's VideoReader does."""

import av
import torch


class VideoReader:
    """Iterates over {"data": uint8 [3, height, width], "pts": s} from the key frame at or before a moment on."""

    def __init__(self, path, stream="video"):
        if stream != "video":
            raise ValueError(f"stream: expected 'video', got {stream!r}")
        self.container = av.open(path)
        self._frames = None

    def seek(self, time, keyframes_only=False):
        self.container.seek(int(time * av.time_base), backward=True, any_frame=not keyframes_only)
        self._frames = self.container.decode(video=0)
        return self

    def __iter__(self):
        for frame in self._frames or self.container.decode(video=0):
            pixels = torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1)
            yield {"data": pixels, "pts": float(frame.pts * frame.time_base)}
