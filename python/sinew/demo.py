# SPDX-License-Identifier: Apache-2.0
"""`sinew demo`: a simulated arm does what a sentence says, through every stage of Sinew, and leaves a film, a recording
and a report."""

import importlib.util
import os
import shutil
import sys
import webbrowser
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import sinew
from sinew import episodes as runs
from sinew import tabletop_world as world
from sinew.tabletop_words import canonical

_AFTERWARDS = 0.6  # s that the film goes on after the success
_INSTALL = "pip install 'sinew-robotics[sim]'"


@dataclass(frozen=True)
class Options:
    instruction: str | None  # None: another one each episode
    seed: int
    episodes: int
    rate: float  # Hz of the commands
    output: Path
    headless: bool
    policy: Path = world.SHIPPED  # policy directory


@dataclass(frozen=True)
class Episode:
    index: int
    seed: int
    instruction: str
    succeeded: bool
    seconds: float  # of the robot's time, until success or the end
    status: str  # of the control loop at the end
    trace: dict  # of ControlLoop
    inferences: dict  # of ControlLoop


def _missing(*modules):
    return [name for name in modules if importlib.util.find_spec(name) is None]


class _Film:
    """Draws frames of the running loop, and writes them where PyAV is installed."""

    def __init__(self, robot, loop):
        from sinew import video

        self._video, self._robot, self._loop = video, robot, loop
        limits = loop.limits
        self._strip = video.PlanStrip(limits.names, limits.lower, limits.upper)
        self._chunks = deque(maxlen=2)
        self._writer = None
        self.front = self.last = None

    def open(self, path):
        self.close()
        self._chunks.clear()
        self._writer = self._video.VideoWriter(path)

    def add(self, now, title, detail):
        front = self._robot.render("front", self._video.POLICY_VIEW)
        wrist = self._robot.render("wrist", self._video.POLICY_VIEW)
        scene = self._robot.render("video", self._video.SCENE)
        chunk = self._loop.chunk()
        if chunk.sequence != 0 and (not self._chunks or self._chunks[-1].sequence != chunk.sequence):
            self._chunks.append(chunk)
        strip = self._strip.draw(now, self._loop.trace(), self._chunks)
        self.front = front
        self.last = self._video.compose(scene, front, wrist, strip, title, detail)
        self._writer.add(self.last)

    def close(self):
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class _Demo:
    """The robot, its policy and what watches them."""

    def __init__(self, options, recorder_path, with_film):
        from sinew import sim

        self._options = options
        self._robot, self._policy, inference_rate = world.open_world(options.policy, options.seed)
        self._known = sim.known_instructions()
        if options.instruction is not None:
            self._robot.succeeded(canonical(options.instruction))  # raises for an instruction that it does not know
        self.card = self._policy.card
        self.recorder = sinew.record.Recorder(
            str(recorder_path), card=self.card, joint_names=self.card["action"]["joint_names"], limits=self._robot.limits, overwrite=True, wait_for_room=True
        )
        self._loop = sinew.runtime.ControlLoop(
            self._robot,
            self._policy,
            chain=world.chain_of(self._robot),
            control_rate=options.rate,
            inference_rate=inference_rate,
            recorder=self.recorder,
        )
        self.limits = self._loop.limits
        self.film = _Film(self._robot, self._loop) if with_film else None

    def _watch(self, screen, started, instruction, detail):
        now = self._robot.now - started
        if self.film is not None:
            self.film.add(self._robot.now, instruction, f"{detail}   {now:4.1f} s")
        image = None
        if screen.wants_picture:
            image = self.film.front if self.film is not None else self._robot.render("front", (128, 128))
        screen.update(now, image)

    def episode(self, index, screen):
        """Runs one episode from a fresh layout."""
        from sinew.video import FRAME_RATE

        seed = self._options.seed + index
        # Eight on each time, so that the first few episodes show all three families.
        instruction = self._options.instruction or self._known[8 * seed % len(self._known)]
        goal = canonical(instruction)
        self._robot.reset(seed, goal)
        self._loop.instruction = goal if self.card["backend"] == "demonstrator" else instruction
        self._loop.reset()
        started = self._robot.now
        runs.begin(self.recorder, started, index, seed, instruction)
        screen.begin(index, instruction)
        self._watch(screen, started, instruction, f"seed {seed}")
        for status, succeeded in runs.steps(self._loop, self._robot, goal, period=1 / FRAME_RATE):
            self._watch(screen, started, instruction, f"seed {seed}")
        seconds = self._robot.now - started
        runs.end(self.recorder, self._robot.now, index, succeeded)
        trace, inferences = self._loop.trace(), self._loop.inferences()
        result = "success" if succeeded else "no success"
        for _ in range(round(_AFTERWARDS * FRAME_RATE) if self.film is not None else 0):
            self._loop.run_for(1 / FRAME_RATE)
            self._watch(screen, started, instruction, f"seed {seed}   {result} after {seconds:.1f} s")
        screen.end(seconds, succeeded, status)
        return Episode(index, seed, instruction, succeeded, seconds, status, trace, inferences)


def _run_episodes(demo, options):
    """Returns the episodes, the names of their films and the first film's last frame."""
    from sinew.preview import Screen

    episodes, films, poster = [], [], None
    with ExitStack() as stack:
        screen = stack.enter_context(Screen(options.episodes, runs.LONGEST, picture=not options.headless))
        if demo.film is not None:
            stack.callback(demo.film.close)
        for index in range(options.episodes):
            if demo.film is not None:
                films.append("episode.mp4" if options.episodes == 1 else f"episode-{index:03d}.mp4")
                demo.film.open(options.output / films[-1])
            episodes.append(demo.episode(index, screen))
            if demo.film is not None and index == 0:
                poster = demo.film.last
    if len(films) > 1:
        shutil.copyfile(options.output / films[0], options.output / "episode.mp4")
    return episodes, films, poster


def _summary(episodes):
    from sinew.report import duration

    succeeded = [episode.seconds for episode in episodes if episode.succeeded]
    ticks = np.concatenate([episode.trace["tick_time"] for episode in episodes])
    parts = [f"{len(succeeded)} of {len(episodes)} episodes succeeded"]
    if succeeded:
        parts[0] += f" (median {np.median(succeeded):.1f} s)"
    parts.append(f"control tick median {duration(np.median(ticks))}, worst {duration(ticks.max())}")
    return "; ".join(parts)


def run(options):
    """Runs the demo; returns the exit code: 0 when every episode succeeded, 1 when not or when something is not installed."""
    missing = _missing("matplotlib", "PIL", "rich")
    if missing:
        print(f"sinew demo: {', '.join(missing)} not installed; {_INSTALL}", file=sys.stderr)
        return 1
    with_film = not _missing("av")
    if not with_film:
        print("sinew demo: av not installed, so no episode.mp4; pip install av", file=sys.stderr)
    from sinew import report

    options.output.mkdir(parents=True, exist_ok=True)
    demo = _Demo(options, options.output / "recording.mcap", with_film)
    try:
        episodes, films, poster = _run_episodes(demo, options)
    finally:
        demo.recorder.close()

    summary = _summary(episodes)
    page = options.output / "report.html"
    report.write(
        page,
        title="Sinew demo",
        summary=summary,
        episodes=episodes,
        limits=demo.limits,
        card=demo.card,
        films=films,
        poster=poster,
    )
    print(f"{summary}; {options.output}: {'episode.mp4, ' if films else ''}recording.mcap, report.html")
    if not options.headless and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        webbrowser.open(page.resolve().as_uri())
    return 0 if all(episode.succeeded for episode in episodes) else 1
