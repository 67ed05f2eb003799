# SPDX-License-Identifier: Apache-2.0
"""`sinew eval`: success of a policy on layouts that it has not seen, through the whole runtime: filter, limits and recorder."""

import json
import math
import multiprocessing
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

import sinew
from sinew import episodes as runs
from sinew.tabletop_words import CUBES, HELD_OUT, known, phrases_of, words_of

FIRST_SEED = 500_000_000  # of the layouts: no training recipe comes near


@dataclass(frozen=True)
class Condition:
    """What an evaluation varies."""

    name: str
    look: str = "plain"  # "plain", "random" (as in training) or "outside"
    images: str = "seen"  # "seen" or "black"
    words: str = "canonical"  # "canonical", "paraphrase" or "swapped": another cube of the same layout
    who: str = "policy"  # "policy", "demonstrator" or "random"


CONDITIONS = {
    condition.name: condition
    for condition in (
        Condition("plain"),
        Condition("random", look="random"),
        Condition("outside", look="outside"),
        Condition("paraphrase", look="random", words="paraphrase"),
        Condition("swapped", look="random", words="swapped"),
        Condition("black", images="black"),
        Condition("demonstrator", look="random", who="demonstrator"),
        Condition("random_policy", who="random"),
    )
}


@dataclass(frozen=True)
class Options:
    directory: Path
    episodes: int = 200
    families: tuple = ("put", "stack", "push")
    seed: int = 0
    processes: int = 2
    control_rate: float = 100.0  # Hz
    inference_rate: float = 2.5  # Hz: a new chunk of 16 rows at 10 Hz after four of them
    record: Path | None = None  # folder for recordings; None: a file that is thrown away


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


def wilson(successes, count, z=1.96):
    """Interval of a proportion (Wilson 1927), 95 % by default -> (low, high)."""
    if count == 0:
        return 0.0, 1.0
    share = successes / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)


class _Blind:
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


class _Random:
    """Chunks of the training data's scale that have nothing to do with what is seen."""

    def __init__(self, path):
        spec = json.loads((Path(path) / "sinew.json").read_text())["action"]
        joints = len(spec["joint_names"])
        width = 6 + len(spec["gripper_names"]) if spec["decoder"] == "tool_delta" else joints
        self._rng, self._shape = np.random.default_rng(0), (spec["horizon"], width)

    def infer(self, tensors):
        return {"actions": self._rng.standard_normal(self._shape, dtype=np.float32)}


def _load(directory, who):
    if who != "random":
        return sinew.Policy.load(directory)
    registry = sinew.BackendRegistry()
    registry.add("random", _Random)
    return sinew.Policy.load(directory, backend="random", registry=registry)


class _Stage:
    """Robot, policy and loop of one process under one condition."""

    def __init__(self, options, condition, recording):
        from sinew import sim

        self.sim, self.options, self.condition = sim, options, condition
        self.card = json.loads((options.directory / "sinew.json").read_text())
        camera = self.card["cameras"][0]
        self.robot = sim.MujocoRobot.tabletop(camera_size=(camera["height"], camera["width"]))
        if condition.who == "demonstrator":
            self.policy, rate = sim.demonstrator_policy(self.robot), 10.0
        else:
            self.policy, rate = _load(options.directory, condition.who), options.inference_rate
        names = self.card["action"]["joint_names"]
        self.recorder = sinew.record.Recorder(str(recording), joint_names=names, overwrite=True, wait_for_room=True)
        self.loop = sinew.runtime.ControlLoop(
            _Blind(self.robot) if condition.images == "black" else self.robot,
            self.policy,
            chain=sinew.kinematics.Chain.from_urdf(self.robot.urdf, "link0", "tool"),
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

    def episode(self, index, instruction):
        rng = np.random.default_rng([self.options.seed, index])
        seed = FIRST_SEED + self.options.seed * 1_000_000 + index
        look = self.condition.look
        self.robot.set_look(self.sim.TabletopLook() if look == "plain" else self.sim.make_tabletop_look(seed, outside=look == "outside"))
        goal, told = self._told(instruction, rng)
        self.robot.reset(seed, instruction)
        self.loop.instruction = told
        self.policy.reset()
        self.loop.reset()
        began, wall = self.robot.now, time.perf_counter()
        runs.begin(self.recorder, began, index, seed, told)
        for status, succeeded in runs.steps(self.loop, self.robot, goal):
            pass
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


def _work(job):
    options, condition, jobs, recording = job
    stage = _Stage(options, condition, recording)
    try:
        return [stage.episode(index, instruction) for index, instruction in jobs]
    finally:
        stage.recorder.close()
        if options.record is None:
            recording.unlink(missing_ok=True)


def evaluate(options, condition, report=None):
    """Episodes of one condition, in order; report(done, of) after each piece."""
    texts = known(options.families)
    jobs = [(index, texts[index % len(texts)]) for index in range(options.episodes)]
    piece = max(1, min(10, math.ceil(len(jobs) / options.processes)))
    folder = options.record or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    pieces = [(options, condition, jobs[i : i + piece], folder / f"{condition.name}-{i:05d}.mcap") for i in range(0, len(jobs), piece)]
    episodes, context = [], multiprocessing.get_context("spawn")  # an OpenGL context does not survive a fork
    with context.Pool(min(options.processes, len(pieces))) as pool:
        for done, some in enumerate(pool.imap(_work, pieces), 1):
            episodes += some
            if report:
                report(done, len(pieces))
    if options.record is None:
        folder.rmdir()
    return episodes


def summarize(condition, episodes):
    """Success in all, by family and by instruction, with Wilson intervals; latencies and ticks at the limits."""

    def rate(some):
        won = sum(e.succeeded for e in some)
        low, high = wilson(won, len(some))
        return {"succeeded": won, "episodes": len(some), "low": low, "high": high}

    groups = Counter(e.instruction for e in episodes)
    families = sorted({words_of(text)[0] for text in groups}, key=("put", "stack", "push").index)
    times = np.array([t for e in episodes for t in e.inference] or [np.nan])
    return {
        "condition": asdict(condition),
        "all": rate(episodes),
        "families": {family: rate([e for e in episodes if words_of(e.instruction)[0] == family]) for family in families},
        "instructions": {text: rate([e for e in episodes if e.instruction == text]) for text in sorted(groups)},
        "other_instead": sum(e.other for e in episodes),
        "seconds": float(np.median([e.seconds for e in episodes if e.succeeded] or [np.nan])),
        "inference_ms": {"p50": float(np.quantile(times, 0.5) * 1e3), "p99": float(np.quantile(times, 0.99) * 1e3)},
        "limited_ticks": sum(e.limited_ticks for e in episodes),
        "real_time": sum(e.seconds for e in episodes) / max(sum(e.wall for e in episodes), 1e-9),
        "failed": [{"seed": e.seed, "instruction": e.instruction, "told": e.told, "status": e.status} for e in episodes if not e.succeeded],
    }


def line(summary):
    """One line for a terminal or a table."""

    def text(rate):
        return f"{rate['succeeded']}/{rate['episodes']} = {100 * rate['succeeded'] / rate['episodes']:.1f} % [{100 * rate['low']:.1f}, {100 * rate['high']:.1f}]"

    families = "; ".join(f"{family} {text(rate)}" for family, rate in summary["families"].items())
    return f"{summary['condition']['name']}: {text(summary['all'])}; {families}"
