# SPDX-License-Identifier: Apache-2.0
"""Robot, policy and loop of an evaluation's process, and one episode on them."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import sinew
from sinew import episodes as runs
from sinew.tabletop_words import CUBES, HELD_OUT, phrases_of, words_of
from sinew.tabletop_world import SCRIPTED_RATE, chain_of, robot_for

FIRST_SEED = 500_000_000  # of the layouts: no training recipe comes near


@dataclass
class Episode:
    index: int
    seed: int
    instruction: str
    told: str
    succeeded: bool
    seconds: float  # of the robot's time
    other: bool  # the instruction that was swapped out has been carried out instead
    status: str
    limited_ticks: int  # whose target the limits changed
    inference: list = field(default_factory=list)  # s each
    wall: float = 0.0  # s


def ending(status):
    """Why an episode that failed has ended: a loop's status in words."""
    return "out of time" if status == "ok" else status


def look_of(name, seed):
    """The look "plain", "random" (as in training), "outside" or "moved", of an episode."""
    from sinew import sim

    if name in ("random", "outside"):
        return sim.make_tabletop_look(seed, outside=name == "outside")
    look = sim.TabletopLook()
    if name == "moved":  # the scene after a change: the same in all episodes
        look.front.offset, look.front.rotation = (0.06, 0.036, 0.0), (0.0, 0.03, 0.0)  # m, rad: twice what training drew
        look.wood, look.table = False, (0.45, 0.60, 0.50)
    return look


class Blind:
    """A robot whose cameras see nothing."""

    def __init__(self, robot):
        self._robot = robot

    def __getattr__(self, name):
        if name.startswith("_"):  # the loop would take the robot inside
            raise AttributeError(name)
        return getattr(self._robot, name)

    def observe(self, instruction):
        seen = self._robot.observe(instruction)
        cameras = {name: (np.zeros_like(frame), stamp) for name, (frame, stamp) in seen.cameras.items()}
        return sinew.Observation(cameras, seen.state, instruction, time=seen.time, id=seen.id)


class Chance:
    """Chunks of the training data's scale that have nothing to do with what is seen."""

    def __init__(self, path):
        spec = json.loads((Path(path) / "sinew.json").read_text())["action"]
        joints = len(spec["joint_names"])
        width = 6 + len(spec["gripper_names"]) if spec["decoder"] == "tool_delta" else joints
        self._shape = (spec["horizon"], width)
        self.reset(0)

    def reset(self, seed):
        self._rng = np.random.default_rng(seed)

    def infer(self, tensors):
        return {"actions": self._rng.standard_normal(self._shape, dtype=np.float32)}


def _load(directory, chance):
    if chance is None:
        return sinew.Policy.load(directory)
    registry = sinew.BackendRegistry()
    registry.add("random", lambda path: chance)
    return sinew.Policy.load(directory, backend="random", registry=registry)


class Stage:
    """Robot, policy and loop of one process under one condition."""

    def __init__(self, options, condition, recording):
        from sinew import sim

        self.sim, self.options, self.condition = sim, options, condition
        self.card = json.loads((options.directory / "sinew.json").read_text())
        self.robot = robot_for(self.card)
        self.chance = Chance(options.directory) if condition.who == "random" else None
        if condition.who == "demonstrator":
            self.policy, rate = sim.demonstrator_policy(self.robot), SCRIPTED_RATE
        else:
            self.policy, rate = _load(options.directory, self.chance), options.inference_rate
        names = self.card["action"]["joint_names"]
        self.recorder = sinew.record.Recorder(str(recording), joint_names=names, overwrite=True, wait_for_room=True)
        self.loop = sinew.runtime.ControlLoop(
            Blind(self.robot) if condition.images == "black" else self.robot,
            self.policy,
            chain=chain_of(self.robot),
            control_rate=options.control_rate,
            inference_rate=rate,
            recorder=self.recorder,
        )

    def _told(self, instruction, rng):
        if self.condition.words == "paraphrase":
            return instruction, phrases_of(instruction, HELD_OUT)[rng.integers(len(HELD_OUT[words_of(instruction)[0]]))]
        if self.condition.words == "swapped":
            family, a, b = words_of(instruction)
            other = [colour for colour in CUBES if colour not in (a, b)]
            swapped = instruction.replace(a, other[rng.integers(len(other))], 1)
            return swapped, swapped
        return instruction, instruction

    def _prepare(self, seed, goal, told):
        """A fresh layout in which `goal` can be done, whatever ran before."""
        self.robot.set_look(look_of(self.condition.look, seed))
        self.robot.reset(seed, goal)
        self.loop.instruction = told
        self.policy.reset()
        if self.chance:
            self.chance.reset(seed)
        self.loop.reset()

    def episode(self, index, instruction, watch=None):
        """watch(robot, seconds of its time) sees the beginning and every `watch.period` s; it changes nothing of what happens."""
        rng = np.random.default_rng([self.options.seed, index])
        seed = FIRST_SEED + self.options.seed * 1_000_000 + index
        goal, told = self._told(instruction, rng)
        self._prepare(seed, goal, told)
        began, wall = self.robot.now, time.perf_counter()
        runs.begin(self.recorder, began, index, seed, told)
        if watch:
            watch(self.robot, 0.0)
        for status, succeeded in runs.steps(self.loop, self.robot, goal, self.options.longest, watch.period if watch else 0.1):
            if watch:
                watch(self.robot, self.robot.now - began)
        runs.end(self.recorder, self.robot.now, index, succeeded)
        inferences = self.loop.inferences()
        return Episode(
            index,
            seed,
            goal,
            told,
            succeeded,
            self.robot.now - began,
            goal != instruction and self.robot.succeeded(instruction),
            status,
            int((self.loop.trace()["status"] != 0).sum()),
            (inferences["encode"] + inferences["infer"] + inferences["decode"]).tolist(),
            time.perf_counter() - wall,
        )
