# SPDX-License-Identifier: Apache-2.0
"""The demo on a terminal: a progress bar and, above it, a camera drawn with half blocks."""

from functools import lru_cache

import numpy as np
from PIL import Image
from rich.color import Color
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.segment import Segment
from rich.style import Style

_MOST_ROWS = 24


@lru_cache(maxsize=1 << 16)
def _style(top, bottom):
    return Style(color=Color.from_rgb(*top), bgcolor=Color.from_rgb(*bottom))


class HalfBlocks:
    """Draws uint8 [2 * rows, columns, 3]: each character cell shows two pixels, one above the other."""

    def __init__(self, pixels):
        # Colours in steps of 8: nobody sees the difference, and the styles are made once.
        self._pixels = pixels & 0xF8

    def __rich_console__(self, console, options):
        for above, below in zip(self._pixels[::2].tolist(), self._pixels[1::2].tolist()):
            for top, bottom in zip(above, below):
                yield Segment("▀", _style(tuple(top), tuple(bottom)))
            yield Segment.line()


def fit(image, columns, rows):
    """`image` averaged down to at most `columns` x `rows` character cells; uint8 [2 * rows, columns, 3] in its aspect."""
    height, width = image.shape[:2]
    scale = min(columns / width, 2 * rows / height)
    size = (max(1, round(width * scale)), 2 * max(1, round(height * scale / 2)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))


class Screen:
    """Shows how an episode goes. On anything but a terminal it prints one line per episode."""

    def __init__(self, episodes, seconds, picture, console=None):
        """`seconds`: an episode's longest duration. `picture`: whether to draw a camera."""
        self._console = console or Console()
        self._episodes, self._seconds = episodes, seconds
        self._live = self._console.is_terminal
        self.wants_picture = picture and self._live
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.completed:4.1f} s  {task.fields[result]}", markup=False),
            console=self._console,
        )
        self._task = None
        self._display = Live(Group(), console=self._console, refresh_per_second=10) if self._live else None

    def __enter__(self):
        if self._live:
            self._display.start()
        return self

    def __exit__(self, *_):
        if self._live:
            self._display.update(self._progress, refresh=True)
            self._display.stop()

    def begin(self, index, instruction):
        self._description = f"{index + 1}/{self._episodes}  {instruction}"
        self._task = self._progress.add_task(self._description, total=self._seconds, result="")
        if self._episodes > 8 and index >= 8:  # a long run scrolls
            self._progress.remove_task(self._progress.task_ids[0])

    def update(self, seconds, image=None):
        """`seconds`: of the robot's time since the episode began. `image`: uint8 [height, width, 3] or None."""
        self._progress.update(self._task, completed=seconds)
        if not self._live:
            return
        parts = [self._progress]
        if image is not None:
            rows = min(_MOST_ROWS, self._console.height - len(self._progress.task_ids) - 2)
            if rows >= 6:
                parts.insert(0, HalfBlocks(fit(image, self._console.width, rows)))
        self._display.update(Group(*parts))

    def end(self, seconds, succeeded, status):
        result = "success" if succeeded else f"no success ({status})"
        self._progress.update(self._task, completed=seconds, total=seconds, result=result)
        if not self._live:
            print(f"{self._description}: {result} after {seconds:.1f} s", flush=True)
