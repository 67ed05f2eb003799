# SPDX-License-Identifier: Apache-2.0
"""The films of a dataset: each episode is encoded by itself and joined to its file without encoding again, times exact."""

import os
from fractions import Fraction

import av

from . import features as layout
from sinew._errors import error
from .tables import Rolling

os.environ.setdefault("SVT_LOG", "1")  # errors only
_LONGEST = 1000  # s of one file: beyond, LeRobot's float32 times are coarser than its tolerance of 0.1 ms

# Small groups of pictures, because a training set is read at random places; no B-frames, so that pictures are stored in order.
CODECS = {
    "av1": ("libsvtav1", "av1", {"g": "2", "crf": "30", "preset": "12"}),
    "h264": ("libx264", "h264", {"g": "2", "crf": "30", "bf": "0"}),
    "hevc": ("libx265", "hevc", {"g": "2", "crf": "30", "bf": "0", "x265-params": "log-level=error:bframes=0"}),
}


def require_codec(name):
    """Raises Error unless PyAV has the encoder."""
    encoder = CODECS[name][0]
    if encoder not in av.codecs_available:
        others = [other for other, (library, *_) in CODECS.items() if library in av.codecs_available]
        raise error("unsupported", "export", "--codec", f"one that PyAV has: {', '.join(others) or 'none'}", name)


class EpisodeVideo:
    """Encodes the frames of one episode to `path`, at a constant rate from 0."""

    def __init__(self, path, codec, fps, shape):
        encoder, _, options = CODECS[codec]
        height, width = shape[:2]
        if height % 2 or width % 2:
            raise error("unsupported", path.name, "size of the frames", "even, as yuv420p wants it", f"{width}x{height}", "--images image has no such rule")
        self._container = av.open(str(path), "w", format="mp4")
        self._stream = self._container.add_stream(encoder, rate=fps, options=dict(options))
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        self._stream.time_base = self._stream.codec_context.time_base = Fraction(1, fps)
        self._fps, self._count = fps, 0

    def add(self, image):
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = self._count, Fraction(1, self._fps)
        self._count += 1
        self._container.mux(self._stream.encode(frame))

    def close(self):
        self._container.mux(self._stream.encode())
        self._container.close()


class VideoFiles(Rolling):
    """videos/<feature>/."""

    def __init__(self, workspace, feature, kind, fps, limit_mib):
        super().__init__(workspace, kind, layout.VIDEO_PATH.replace("{video_key}", feature), limit_mib)
        self._fps, self._container, self._bytes, self._frames = fps, None, 0, 0

    def append(self, episode, path, frames):
        """One episode of that many frames."""
        size = path.stat().st_size
        if self._container is not None and (self._bytes + size >= self.limit or self._frames + frames > _LONGEST * self._fps):
            self.close()
        with av.open(str(path)) as source:
            stream = source.streams.video[0]
            if self._container is None:
                self._container = av.open(str(self.open_path()), "w", format="mp4", options={"movflags": "faststart"})
                self._stream = self._container.add_stream_from_template(stream, opaque=True)
                self._bytes = self._frames = 0
            ticks = 1 / (self._fps * stream.time_base)
            for packet in source.demux(stream):
                if packet.dts is None:
                    continue
                packet.pts = packet.dts = round((self._frames + round(packet.pts / ticks)) * ticks)
                packet.duration = round(ticks)
                packet.stream = self._stream
                self._container.mux(packet)
        self._bytes += size
        self._frames += frames
        self.took(episode)

    def close(self):
        if self._container is None:
            return
        self._container.close()
        self._container = None
        self.closed_now()


def information(path):
    """The block `info` of a video feature, from its first file."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return {
            "video.height": stream.height,
            "video.width": stream.width,
            "video.codec": {"libdav1d": "av1", "libaom-av1": "av1"}.get(stream.codec_context.codec.name, stream.codec_context.codec.canonical_name),
            "video.pix_fmt": stream.pix_fmt,
            "video.is_depth_map": False,
            "video.fps": int(stream.average_rate),
            "video.channels": 3,
            "has_audio": False,
        }
