# SPDX-License-Identifier: Apache-2.0
"""Films of an evaluation's failed episodes: each is run again, which gives the same episode, and seen by the "video" camera."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from sinew import evaluate, video
from sinew.stage import Stage, ending

_AFTERWARDS = 1.0  # s that the last picture stays


@dataclass(frozen=True)
class Clip:
    seed: int  # of the layout
    file: Path
    succeeded: bool  # this time; the episode was not the same then


class _Film:
    """Watches an episode."""

    period = 1 / video.FRAME_RATE

    def __init__(self, writer, title, seed):
        self._writer, self._title, self._seed = writer, title, seed

    def __call__(self, robot, seconds):
        self._seconds, self._scene = seconds, robot.render("video", video.SCENE)
        self._add(f"seed {self._seed}   {seconds:4.1f} s")

    def _add(self, detail):
        self._writer.add(video.caption(self._scene, self._title, detail))

    def end(self, result):
        for _ in range(round(_AFTERWARDS * video.FRAME_RATE)):
            self._add(f"seed {self._seed}   {result} after {self._seconds:.1f} s")


def _work(job):
    """One episode again, into a file."""
    options, condition, failed, (index, instruction), path = job
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(options, condition, Path(folder) / "again.mcap")
        try:
            with video.VideoWriter(path, video.SCENE) as writer:
                watch = _Film(writer, failed.told, failed.seed)
                again = stage.episode(index, instruction, watch)
                watch.end("success" if again.succeeded else f"no success: {ending(again.status)}")
        finally:
            stage.recorder.close()
    return Clip(failed.seed, path, again.succeeded)


def film(options, condition, episodes, folder, most, report=None):
    """Films the failed ones of a condition's `episodes`, in order, at most `most`, into `folder`; returns their Clips. report(done, of) after each."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tasks = evaluate.tasks(options)
    failed = [episode for episode in episodes if not episode.succeeded][:most]
    jobs = [(options, condition, episode, tasks[episode.index], folder / f"{condition.name}-{episode.seed}.mp4") for episode in failed]
    return list(evaluate.spread(_work, jobs, options.processes, report)) if jobs else []
