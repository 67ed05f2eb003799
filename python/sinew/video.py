# SPDX-License-Identifier: Apache-2.0
"""episode.mp4: the scene, what the policy sees, and below them its plan against what the joints did."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FRAME_RATE = 20  # Hz
WIDTH, HEIGHT = 960, 720  # pixels of the whole frame
SCENE = (528, 704)  # height, width of the third-person view
POLICY_VIEW = (264, 256)  # height, width of each policy camera
_STRIP_HEIGHT = HEIGHT - SCENE[0]
_PAST, _FUTURE = 2.0, 1.6  # s of the plan strip before and after now
_SCALE = 2  # lines are drawn larger and averaged down, which smooths them

_BACKGROUND, _PANEL, _GRID = (14, 17, 22), (23, 28, 36), (54, 62, 74)
_TEXT, _MEASURED, _COMMAND = (222, 227, 234), (96, 180, 255), (140, 150, 164)
_PLAN, _OLD_PLAN, _LIMIT = (255, 176, 64), (122, 92, 52), (235, 80, 80)
_OUTLINED = {"fill": (255, 255, 255), "stroke_width": 2, "stroke_fill": (0, 0, 0)}


def _font(size):
    return ImageFont.load_default(size)


class PlanStrip:
    """Draws one small panel per joint: measured and commanded position up to now, the chunk's targets beyond it."""

    def __init__(self, names, lower, upper):
        self._names = list(names)
        self._lower, self._upper = np.asarray(lower), np.asarray(upper)
        self._columns = (len(self._names) + 1) // 2
        self._font = _font(13 * _SCALE)

    def draw(self, now, trace, chunks):
        """`trace`: of ControlLoop. `chunks`: joint targets, oldest first. Returns uint8 [192, 960, 3]."""
        image = Image.new("RGB", (WIDTH * _SCALE, _STRIP_HEIGHT * _SCALE), _BACKGROUND)
        pen = ImageDraw.Draw(image)
        recent = trace["time"] >= now - _PAST
        time = trace["time"][recent]
        for joint in range(len(self._names)):
            lines = [(time, trace["command"][recent, joint], _COMMAND), (time, trace["measured"][recent, joint], _MEASURED)]
            dots = [
                (chunk.t0 + chunk.dt * np.arange(chunk.horizon), chunk.values[:, joint], _PLAN if chunk is chunks[-1] else _OLD_PLAN)
                for chunk in chunks
            ]
            self._panel(pen, joint, now, lines, dots)
        return np.asarray(image.reduce(_SCALE))

    def _panel(self, pen, joint, now, lines, dots):
        width, height = WIDTH * _SCALE / self._columns, _STRIP_HEIGHT * _SCALE / 2
        left, top = (joint % self._columns) * width + 4, (joint // self._columns) * height + 4
        right, bottom = left + width - 8, top + height - 8
        pen.rectangle((left, top, right, bottom), fill=_PANEL)

        low, high = self._span(joint, [values for _, values, _ in (*lines, *dots)])
        x = lambda t: left + (np.asarray(t) - now + _PAST) / (_PAST + _FUTURE) * (right - left)  # noqa: E731
        y = lambda v: bottom - (np.asarray(v) - low) / (high - low) * (bottom - top)  # noqa: E731
        pen.line((x(now), top, x(now), bottom), fill=_GRID, width=2)
        for limit in (self._lower[joint], self._upper[joint]):
            if low < limit < high:
                pen.line((left, y(limit), right, y(limit)), fill=_LIMIT, width=2)
        for times, values, colour in dots:
            for px, py in zip(x(times), y(values)):
                if left <= px <= right:
                    pen.ellipse((px - 3, py - 3, px + 3, py + 3), fill=colour)
        for times, values, colour in lines:
            if len(times) > 1:
                pen.line(np.column_stack([x(times), y(values)]).ravel().tolist(), fill=colour, width=3)
        pen.text((left + 8, top + 4), self._names[joint], font=self._font, fill=_TEXT)

    def _span(self, joint, series):
        """What the panel shows: all its values, and at least a tenth of the joint's range."""
        values = np.concatenate([np.ravel(entry) for entry in series]) if series else np.zeros(0)
        if values.size == 0:
            return self._lower[joint], self._upper[joint]
        low, high = values.min(), values.max()
        missing = max(0.0, 0.1 * (self._upper[joint] - self._lower[joint]) - (high - low))
        margin = missing / 2 + 0.1 * (high - low + missing)
        return low - margin, high + margin


def _write(pen, title, detail):
    pen.text((14, 10), title, font=_font(22), **_OUTLINED)
    pen.text((14, 40), detail, font=_font(16), **_OUTLINED)


def caption(scene, title, detail):
    """A picture, uint8 [height, width, 3], with two lines of text in it."""
    image = Image.fromarray(scene)
    _write(ImageDraw.Draw(image), title, detail)
    return np.asarray(image)


def compose(scene, front, wrist, strip, title, detail):
    """One frame, uint8 [720, 960, 3], of pictures in the sizes above and two lines of text."""
    frame = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    frame[: SCENE[0], : SCENE[1]] = scene
    frame[: POLICY_VIEW[0], SCENE[1] :] = front
    frame[POLICY_VIEW[0] : SCENE[0], SCENE[1] :] = wrist
    frame[SCENE[0] :] = strip
    image = Image.fromarray(frame)
    pen = ImageDraw.Draw(image)
    _write(pen, title, detail)
    for text, top in (("front", 0), ("wrist", POLICY_VIEW[0])):
        pen.text((SCENE[1] + 8, top + 6), text, font=_font(15), **_OUTLINED)
    key = [("measured", _MEASURED), ("command", _COMMAND), ("plan", _PLAN), ("limit", _LIMIT)]
    x = 14
    for text, colour in key:
        pen.text((x, SCENE[0] - 24), text, font=_font(15), fill=colour, stroke_width=2, stroke_fill=(0, 0, 0))
        x += 14 + pen.textlength(text, font=_font(15))
    return np.asarray(image)


class VideoWriter:
    """Writes frames uint8 of `size` (height, width; even) to an mp4 that browsers and players read (H.264 where PyAV has it, else MPEG-4)."""

    def __init__(self, path, size=(HEIGHT, WIDTH)):
        import av

        self._av = av
        codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        options = {"crf": "21", "preset": "veryfast"} if codec == "libx264" else {"qscale": "3"}
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._stream = self._container.add_stream(codec, rate=FRAME_RATE, options=options)
        self._stream.height, self._stream.width, self._stream.pix_fmt = *size, "yuv420p"

    def add(self, frame):
        for packet in self._stream.encode(self._av.VideoFrame.from_ndarray(frame, format="rgb24")):
            self._container.mux(packet)

    def close(self):
        for packet in self._stream.encode():
            self._container.mux(packet)
        self._container.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
