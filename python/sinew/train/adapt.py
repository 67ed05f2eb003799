# SPDX-License-Identifier: Apache-2.0
"""Learning on the robot: the head of a policy is fine-tuned on its last episodes, corrections above all, and replaces the old one only if it is better."""

import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from sinew._errors import error
from sinew.train import fine_tune, policy, samples
from sinew.train.batches import Batches
from sinew.train.trainer import TrainOptions, draw_flow, flow_loss


@dataclass
class AdaptOptions:
    episodes: int = 30  # the last ones of the recordings
    correction_weight: float = 4.0  # of moments when somebody had taken over
    state_noise: float = 0.02  # deviation, of normalised states: few episodes are soon known by their joint angles
    held_out: int = 5  # every so many-th episode is not trained on, for `judge_by_loss`
    train: TrainOptions = field(
        default_factory=lambda: TrainOptions(steps=600, batch_size=32, learning_rate=3e-4, warm_up=50, average=0.99, head_only=True, readout_share=0.0)
    )


@dataclass(frozen=True)
class Verdict:
    before: float
    after: float
    better: bool
    text: str


def _losses(directory, data, seed):
    """Flow loss of each sample, averaged over eight times and draws of noise that depend on the seed alone."""
    model, options = policy.load_policy(directory).eval(), TrainOptions(bf16=False, readout_share=0.0, draws=8)
    batches = Batches(directory, data)
    model.grid = batches.grid
    rng, losses = np.random.default_rng(seed), []
    with torch.no_grad():
        for place in range(len(data)):
            batch = batches.draw(np.array([place]), rng)
            losses.append(flow_loss(model, batch, *draw_flow(batch, options, rng), options)[0].item())
    return np.array(losses)


def judge_by_loss(old, new, data, seed=0, worse=1.05):
    """Compares two policy directories by the flow loss on moments that neither was trained on, with the same times and noise.

    Better: lower where somebody had corrected, and elsewhere at most `worse` times as high, so that corrections that contradict what works are not
    taken for progress. Without moments that nobody corrected nothing speaks for what works, and the new one is not taken.
    """
    corrected = data.weight > 1
    before, after = (_losses(directory, data, seed) for directory in (old, new))
    gains = after[corrected].mean() < before[corrected].mean() if corrected.any() else False
    keeps = (~corrected).any() and after[~corrected].mean() <= worse * before[~corrected].mean()
    text = f"loss on {corrected.sum()} held-out corrected moments {before[corrected].mean():.4f} before, {after[corrected].mean():.4f} after" if corrected.any() else "no held-out correction"
    if (~corrected).any():
        text += f"; on {(~corrected).sum()} others {before[~corrected].mean():.4f}, {after[~corrected].mean():.4f}"
    else:
        text += "; no others that would show what it lost (episodes that nobody corrects, or --judge success)"
    return Verdict(float(before[corrected].mean()), float(after[corrected].mean()), bool(gains and keeps), text)


def judge_by_success(old, new, options, condition):
    """Compares them by success on the same layouts of the simulator. Better: more of them."""
    from sinew import evaluate

    won = [[e.succeeded for e in evaluate.evaluate(replace(options, directory=Path(directory)), condition)] for directory in (old, new)]
    before, after = map(sum, won)
    text = f"{before} of {len(won[0])} layouts before, {after} after"
    return Verdict(before / len(won[0]), after / len(won[1]), after > before, text)


def _last_episodes(data, count):
    """The samples of the last `count` episodes."""
    keep = data.episode > data.episode.max() - count
    return _select(data, keep)


def _select(data, keep):
    arrays = {name: np.asarray(getattr(data, name))[keep] for name in samples.Samples._ARRAYS}
    return samples.Samples(**arrays, instructions=data.instructions, embodiments=data.embodiments)


def adapt(directory, recordings, output, options, judge=None, chain=None, report=None):
    """Fine-tunes the policy in `directory` on `recordings`, oldest first, into `output`; returns a Verdict.

    judge(old, new) -> Verdict decides; by default the loss on every `held_out`-th episode. When the new policy is not better, `output` holds a copy
    of the old one. adaptation.json in it says what happened. Raises sinew.Error when the recordings hold too few episodes.
    """
    directory, output = Path(directory), Path(output)
    plan = fine_tune.Plan(
        sources=list(recordings),
        output=output,
        start=directory,
        chain=chain,
        intervention_weight=options.correction_weight,
        options=options.train,
        only_succeeded=False,
        state_noise=options.state_noise,
    )
    shutil.rmtree(plan.run, ignore_errors=True)  # of an earlier adaptation: other recordings
    fine_tune.prepare(plan)
    data = _last_episodes(samples.Samples.open(plan.run / "samples"), options.episodes)
    numbers = np.unique(data.episode)
    if len(numbers) < 2:
        raise error("invalid_argument", "adapt", "recordings", "at least 2 episodes", str(len(numbers)))
    tested = np.isin(data.episode, numbers[:: max(options.held_out, 2)]) if judge is None else np.zeros(len(data), bool)
    corrected = data.weight > 1
    overruled = ~corrected & np.isin(data.episode, data.episode[corrected])  # what the policy did until somebody stopped it is no example
    if not data.weight[~tested].any() or (data.weight > 1).sum() == 0:
        raise error("invalid_argument", "adapt", "recordings", "episodes in which somebody took over", "none", "event 'intervention'")
    _select(data, ~tested & ~overruled).save(plan.run / "samples")
    candidate = plan.run / "candidate"
    candidate.mkdir(exist_ok=True)
    fine_tune.train(replace(plan, output=candidate, run_folder=plan.run), report)
    verdict = judge(directory, candidate) if judge else judge_by_loss(directory, candidate, _select(data, tested))
    chosen = candidate if verdict.better else directory
    for name in ("config.json", "model.safetensors"):
        shutil.copyfile(chosen / name, output / name)
    corrections = int((data.weight > 1).sum())
    about = {"before": verdict.before, "after": verdict.after, "kept": "new" if verdict.better else "old", "judged": verdict.text, "episodes": len(numbers), "corrected_moments": corrections}
    (output / "adaptation.json").write_text(json.dumps(about, indent=2) + "\n")
    return verdict
