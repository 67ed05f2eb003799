# SPDX-License-Identifier: Apache-2.0
"""`sinew eval`: success of a policy on layouts that it has not seen, through the whole runtime: filter, limits and recorder."""

import hashlib
import json
import math
import multiprocessing
import platform
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import sinew
from sinew.episodes import LONGEST
from sinew.stage import FIRST_SEED, Stage
from sinew.tabletop_words import known, words_of
from sinew.tabletop_world import LEARNED_RATE


@dataclass(frozen=True)
class Condition:
    """What an evaluation varies."""

    name: str
    about: str  # one line for people
    look: str = "plain"  # "plain", "random" (as in training), "outside" or "moved"
    images: str = "seen"  # "seen" or "black"
    words: str = "canonical"  # "canonical", "paraphrase" or "swapped": another cube of the same layout
    who: str = "policy"  # "policy", "demonstrator" or "random"


CONDITIONS = {
    condition.name: condition
    for condition in (
        Condition("plain", "the scene as it is written"),
        Condition("random", "light, colours and cameras drawn as in training", look="random"),
        Condition("outside", "light, colours and cameras beyond those of training", look="outside"),
        Condition("moved", "one changed scene: the front camera moved by 7 cm and turned, another table", look="moved"),
        Condition("paraphrase", "words that training never used, look as random", look="random", words="paraphrase"),
        Condition("swapped", "another cube of the layout is named, look as random; success is that cube", look="random", words="swapped"),
        Condition("black", "all pixels are 0, words and joints as usual", images="black"),
        Condition("demonstrator", "a script that reads the simulator's state, look as random", look="random", who="demonstrator"),
        Condition("random_policy", "chunks of random numbers of the training data's scale", who="random"),
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
    inference_rate: float = LEARNED_RATE  # Hz
    longest: float = LONGEST  # s of the robot's time, then an episode has failed
    record: Path | None = None  # folder for recordings; None: a file that is thrown away


def wilson(successes, count, z=1.96):
    """Interval of a proportion (Wilson 1927), 95 % by default -> (low, high)."""
    if count == 0:
        return 0.0, 1.0
    share = successes / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def work(job):
    """One piece: (options, condition, jobs, recording) -> its episodes."""
    options, condition, jobs, recording = job
    stage = Stage(options, condition, recording)
    try:
        return [stage.episode(index, instruction) for index, instruction in jobs]
    finally:
        stage.recorder.close()
        if options.record is None:
            recording.unlink(missing_ok=True)


def tasks(options):
    """(index, canonical instruction) of every episode of a condition."""
    texts = known(options.families)
    return [(index, texts[index % len(texts)]) for index in range(options.episodes)]


def spread(work, pieces, processes, report=None, per_process=None):
    """Yields work(piece) of each, in order, worked on in processes of their own, each for at most `per_process` pieces; report(done, of) after each."""
    context = multiprocessing.get_context("spawn")  # an OpenGL context does not survive a fork
    with context.Pool(min(processes, len(pieces)), maxtasksperchild=per_process) as pool:
        for done, result in enumerate(pool.imap(work, pieces), 1):
            yield result
            if report:
                report(done, len(pieces))


def evaluate(options, condition, report=None, spread=spread):
    """Episodes of one condition, in order; report(done, of) after each piece. `spread`: who works on the pieces, as the one here."""
    jobs = tasks(options)
    piece = max(1, min(10, math.ceil(len(jobs) / options.processes)))
    folder = options.record or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    pieces = [(options, condition, jobs[i : i + piece], folder / f"{condition.name}-{i:05d}.mcap") for i in range(0, len(jobs), piece)]
    episodes = [episode for some in spread(work, pieces, options.processes, report) for episode in some]
    if options.record is None:
        folder.rmdir()
    return episodes


def weights_of(directory):
    """SHA-256 over the policy's weights, by which its figures know it; None where it has none."""
    digest, files = hashlib.sha256(), sorted(Path(directory).glob("*.safetensors"))
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest() if files else None


def circumstances(options):
    """What a summary's "run" says of how it came about."""
    from sinew.report import processor

    return {
        "policy": json.loads((options.directory / "sinew.json").read_text())["name"],
        "weights": weights_of(options.directory),
        "first_layout": FIRST_SEED + options.seed * 1_000_000,
        "longest": options.longest,
        "inference_rate": options.inference_rate,
        "control_rate": options.control_rate,
        "processes": options.processes,
        "processor": processor(),
        "system": platform.system(),
        "sinew": sinew.__version__,
    }


def how(run):
    """How an evaluation was run, as a sentence; `run`: of a summary."""
    return (
        f"Layouts from seed {run['first_layout']} on, episodes of at most {run['longest']:g} s, commands at {run['control_rate']:g} Hz, a new chunk at {run['inference_rate']:g} Hz, "
        f"{run['processes']} episodes at a time on {run['processor']}, Sinew {run['sinew']}."
    )


def summarize(condition, episodes):
    """Success in all, by family and by instruction, with Wilson intervals; latencies and ticks at the limits."""

    def rate(some):
        won = sum(e.succeeded for e in some)
        low, high = wilson(won, len(some))
        return {"succeeded": won, "episodes": len(some), "low": low, "high": high}

    groups = Counter(e.instruction for e in episodes)
    families = sorted({words_of(text)[0] for text in groups}, key=("put", "stack", "push").index)
    times = [t for e in episodes for t in e.inference]
    quantile = lambda values, q, scale=1: float(np.quantile(values, q) * scale) if values else None  # noqa: E731
    return {
        "condition": asdict(condition),
        "all": rate(episodes),
        "families": {family: rate([e for e in episodes if words_of(e.instruction)[0] == family]) for family in families},
        "instructions": {text: rate([e for e in episodes if e.instruction == text]) for text in sorted(groups)},
        "other_instead": sum(e.other for e in episodes),
        "seconds": quantile([e.seconds for e in episodes if e.succeeded], 0.5),
        "inference_ms": {"p50": quantile(times, 0.5, 1e3), "p99": quantile(times, 0.99, 1e3)},
        "limited_ticks": sum(e.limited_ticks for e in episodes),
        "real_time": sum(e.seconds for e in episodes) / max(sum(e.wall for e in episodes), 1e-9),
        "failed": [{"seed": e.seed, "instruction": e.instruction, "told": e.told, "status": e.status} for e in episodes if not e.succeeded],
    }


def percent(rate):
    """A rate of a summary as text."""
    return f"{rate['succeeded']}/{rate['episodes']} = {100 * rate['succeeded'] / rate['episodes']:.1f} % [{100 * rate['low']:.1f}, {100 * rate['high']:.1f}]"


def line(summary):
    """One line for a terminal."""
    families = "; ".join(f"{family} {percent(rate)}" for family, rate in summary["families"].items())
    return f"{summary['condition']['name']}: {percent(summary['all'])}; {families}"
