# SPDX-License-Identifier: Apache-2.0
"""Demonstrations of the tabletop: episodes of the scripted demonstrator in recordings, with looks and disturbances, several processes at once.

Half of the episodes begin with the tool somewhere else, now and then something moves the arm a few centimetres or works its gripper, and some cubes
slip beside the one that they are stacked on. All three are recorded as interventions of "disturbance": the demonstrator's chunks from there on are
what a policy learns to get back with.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import sinew
from sinew import episodes
from sinew.evaluate import spread
from sinew.tabletop_words import words_of
from sinew.tabletop_world import chain_of

_TICK = 0.02  # s between commands of a disturbance
_REACH = ((0.33, -0.25, 0.12), (0.65, 0.25, 0.30))  # m, base frame: where the tool may begin


@dataclass(frozen=True)
class CollectOptions:
    seed: int = 0  # of the first episode's layout and look; later ones follow
    instructions: tuple = ()  # in turn; empty: all that are known
    plain_share: float = 0.2  # of episodes with the plain look
    disturbances: bool = True
    slips: float = 0.25  # share of the stackings in which the cube is dropped beside its place
    camera_size: tuple = (96, 96)  # pixels
    control_rate: float = 100.0  # Hz
    inference_rate: float = 10.0  # Hz
    file_episodes: int = 25  # of each recording


class _Table:
    """Robot, demonstrator and loop of one process."""

    def __init__(self, options, recorder):
        from sinew import sim

        self.options, self.sim, self.recorder = options, sim, recorder
        self.robot = sim.MujocoRobot.tabletop(camera_size=options.camera_size, privileged=True)
        self.policy = sim.demonstrator_policy(self.robot)
        self.chain = chain_of(self.robot)
        self.loop = sinew.runtime.ControlLoop(
            self.robot,
            self.policy,
            chain=self.chain,
            control_rate=options.control_rate,
            inference_rate=options.inference_rate,
            recorder=recorder,
        )

    def _restart(self):
        """From where the arm is; a finger or joint that swings past its limit is led back."""
        self.policy.reset()
        for _ in range(20):
            try:
                return self.loop.reset()
            except sinew.Error:
                self.robot.command(self._inside(self.robot.positions()))
                self.robot.wait_until(self.robot.now + 0.05)
        return self.loop.reset()

    def _inside(self, q):
        limits = self.robot.limits
        margin = 0.02 * (np.asarray(limits.upper) - limits.lower)
        return np.clip(q, limits.lower + margin, limits.upper - margin)

    def _go(self, target, seconds):
        """Straight in joint space, past the control loop, as a hand that moves the arm."""
        begun, start, target = self.robot.now, self._inside(self.robot.positions()), self._inside(target)
        for share in np.linspace(0, 1, max(int(seconds / _TICK), 2))[1:]:
            self.robot.command(start + share * (target - start))
            self.robot.wait_until(begun + share * seconds)

    def _reach(self, position, rng):
        """Joint positions with the tool there, pointing down at some yaw; None where the arm does not get there."""
        q = self.robot.positions()
        pose = np.eye(4)
        pose[:3, :3] = sinew.kinematics.rotation.to_matrix([0, 0, rng.uniform(-0.8, 0.8)], "rotvec") @ np.diag([1.0, -1.0, -1.0])
        pose[:3, 3] = position
        found = sinew.kinematics.inverse(self.chain, pose, q[:7])
        return np.append(found.q, q[7]) if found else None

    def _disturb(self, target, seconds):
        if target is None:
            return
        self.recorder.add_event(self.robot.now, "intervention", json.dumps({"begin": True, "by": "disturbance"}))
        self._go(target, seconds)
        self.recorder.add_event(self.robot.now, "intervention", json.dumps({"begin": False}))
        self._restart()

    def _nudge(self, rng):
        here = sinew.kinematics.forward(self.chain, self.robot.positions()[:7])[:3, 3]
        way = rng.normal(size=3) * [1, 1, 0.7]
        way *= rng.uniform(0.01, 0.06) / np.linalg.norm(way)
        target = self._reach(np.maximum(here + way, [0.25, -0.4, 0.016]), rng)
        if target is not None and rng.random() < 0.15:
            target[7] = 0.0 if target[7] > 0.04 else 0.08
        self._disturb(target, rng.uniform(0.15, 0.3))

    def _over_its_place(self, text):
        """Whether the cube that is to be stacked is held over the other."""
        family, a, b = words_of(text)
        if family != "stack":
            return False
        objects = self.robot.objects()
        way = np.subtract(objects[f"cube_{a}"][0], objects[f"cube_{b}"][0])
        return np.hypot(*way[:2]) < 0.02 and way[2] > 0.045 and self.robot.positions()[7] < 0.05

    def _slip(self, rng):
        """The cube is let go beside its place."""
        here = sinew.kinematics.forward(self.chain, self.robot.positions()[:7])[:3, 3]
        angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.02, 0.045)
        target = self._reach(here + reach * np.array([np.cos(angle), np.sin(angle), 0.0]), rng)
        if target is not None:
            target[7] = 0.08
        self._disturb(target, 0.3)

    def episode(self, index):
        """Records one; returns whether it succeeded."""
        rng = np.random.default_rng([self.options.seed, index])
        texts = self.options.instructions or self.sim.known_instructions()
        text, seed = texts[index % len(texts)], self.options.seed + index
        plain = rng.random() < self.options.plain_share
        self.robot.set_look(self.sim.TabletopLook() if plain else self.sim.make_tabletop_look(seed))
        self.robot.reset(seed, text)
        self.loop.instruction = text
        self._restart()
        begun = self.robot.now
        episodes.begin(self.recorder, begun, index, seed, text)
        nudges = rng.integers(0, 3) if self.options.disturbances else 0
        slips = self.options.disturbances and rng.random() < self.options.slips
        if self.options.disturbances and rng.random() < 0.5:
            target = self._reach(rng.uniform(*_REACH), rng)
            if target is not None and rng.random() < 0.15:
                target[7] = 0.0
            self._disturb(target, rng.uniform(0.3, 0.8))
        for _, succeeded in episodes.steps(self.loop, self.robot, text, episodes.LONGEST - (self.robot.now - begun)):
            if succeeded or self.loop.halted:
                continue
            if slips and self._over_its_place(text):
                slips = False
                self._slip(rng)
            elif nudges and rng.random() < 0.05:
                nudges -= 1
                self._nudge(rng)
        if succeeded:
            self.loop.run_for(0.3)  # staying there is part of the task
        episodes.end(self.recorder, self.robot.now, index, succeeded)
        return succeeded


def record_file(path, options, indices):
    """Episodes of `indices` in one recording; returns how many succeeded."""
    path = Path(path)
    unfinished = path.with_suffix(".recording")
    names = [f"j{i}" for i in range(1, 8)] + ["gripper"]
    with sinew.record.Recorder(str(unfinished), joint_names=names, overwrite=True, wait_for_room=True) as recorder:
        table = _Table(options, recorder)
        succeeded = sum(table.episode(index) for index in indices)
    unfinished.rename(path)
    return succeeded


def _work(job):
    path, options, indices, convert = job
    if not path.exists():
        record_file(path, options, indices)
    return convert(path) if convert else path


def collect(folder, options, episodes, processes=2, convert=None, report=None):
    """Records `episodes` into `folder`, files that are there already excepted; convert(path) runs on each file in its process.

    report(done, of) after each file. Returns what convert gave, or the paths, in order.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    size = options.file_episodes
    jobs = [
        (folder / f"demonstrations-{begin:06d}.mcap", options, range(begin, min(begin + size, episodes)), convert) for begin in range(0, episodes, size)
    ]
    return list(spread(_work, jobs, processes, report, per_process=16))
