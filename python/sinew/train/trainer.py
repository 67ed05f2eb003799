# SPDX-License-Identifier: Apache-2.0
"""Flow-matching training with everything that a run needs to be stopped, resumed and repeated."""

import csv
import json
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from sinew._errors import error
from sinew.train.losses import Prompt


@dataclass
class TrainOptions:
    steps: int = 10000
    batch_size: int = 48
    learning_rate: float = 1e-3
    warm_up: int = 200  # steps
    weight_decay: float = 0.01
    clip: float = 1.0  # norm of all gradients
    draws: int = 4  # of noise and time for each observation; keys and values of its prompt are computed once
    time_alpha: float = 1.5  # of the Beta distribution of times, as GR00T N1 draws them: more of them near the noise
    time_beta: float = 1.0
    average: float = 0.999  # of the exponential moving average
    readout_share: float = 1.0  # of the auxiliary loss
    embodiment_dropout: float = 0.0  # share of prompts that do not name the embodiment
    head_only: bool = False  # the backbone is frozen
    bf16: bool = True  # autocast
    seed: int = 0
    device: str = "cpu"  # of PyTorch: "cpu" or "cuda"
    threads: int = 0  # 0: as PyTorch has them
    checkpoint_every: int = 500  # steps
    log_every: int = 50


@dataclass
class _Progress:
    step: int = 0
    seconds: float = 0.0  # of training, over all runs
    rows: list = field(default_factory=list)  # of the log


def draw_flow(batch, options, generator):
    """Times [b draws], from 0, noise, to 1, actions, and noise [b draws, horizon, action_dim]: draws of one sample follow one another.

    Times are 0.999 (1 - Beta(alpha, beta)), as starVLA @ 0ed0aad GR00T_ActionHeader.py has them.
    """
    shape = (len(batch.actions) * options.draws, *batch.actions.shape[1:])
    times = (1 - generator.beta(options.time_alpha, options.time_beta, shape[0])) * 0.999
    return torch.from_numpy(times).float(), torch.from_numpy(generator.standard_normal(shape, dtype=np.float32))


def flow_loss(policy, batch, times, noise, options):
    """(loss of the head, loss of the read-outs or 0) at the times and with the noise given."""
    shown, asked = policy.action_model.extend(batch) if hasattr(policy.action_model, "extend") else (batch, None)
    with torch.no_grad() if options.head_only else torch.enable_grad():
        hidden = policy.model(shown.ids, shown.positions, shown.patches, policy.grid)
    seen = torch.arange(shown.ids.shape[1], device=hidden.device) < shown.lengths[:, None]
    images = shown.ids == policy.model.config.image_token_id
    prompt = Prompt(hidden, seen, images, shown.positions, policy.token_grid, shown.ids, asked, policy.model.logits)
    flow = policy.action_model.loss(prompt, batch, times, noise, options.draws)
    if policy.readout_of is None or batch.readouts.shape[1] == 0 or options.readout_share == 0:
        return flow, flow.new_zeros(())
    read = policy.read(hidden, batch.lengths).flatten(1).float()
    known = ~batch.readouts.isnan()
    difference = F.smooth_l1_loss(read, batch.readouts.nan_to_num(), beta=0.1, reduction="none")
    return flow, (difference * known).sum() / known.sum().clamp(min=1) * policy.readout_of.tokens


@dataclass(frozen=True)
class Share:
    """The part of each batch that this process computes; gradients are averaged over all (torch.distributed)."""

    rank: int = 0
    processes: int = 1


class Trainer:
    """Trains a policy on batches, in a folder of its own that holds checkpoint.pt, log.csv and options.json.

    What a step draws follows from seed, step and rank alone: a run that is stopped at any moment goes on from its last checkpoint with the numbers
    of one that was not (one thread each, same versions).
    """

    def __init__(self, policy, batches, options, folder, share=None):
        self.policy, self.batches, self.options, self.folder = policy, batches, options, Path(folder)
        self.share = share or Share()
        self.folder.mkdir(parents=True, exist_ok=True)
        if options.threads:
            torch.set_num_threads(options.threads)
        policy.grid = batches.grid
        if hasattr(policy.action_model, "open"):
            policy.action_model.open(batches.directory)
        if options.embodiment_dropout:
            batches.prompt(batches.samples.instructions[0], named=False)  # a prompt that names nobody is refused here
        policy.to(options.device)
        for name, parameter in policy.named_parameters():
            parameter.requires_grad_(not options.head_only or name.startswith("action_model."))
        trained = [p for p in policy.parameters() if p.requires_grad]
        if not trained:
            raise error("invalid_argument", "train", "head", "one with parameters of its own, to be trained alone", type(policy.action_model).__name__, "without --head-only")
        groups = [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": options.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=options.learning_rate, betas=(0.9, 0.99), fused=True)
        self.averaged = {name: value.detach().clone() for name, value in policy.state_dict().items()}
        self._order, self._epoch = None, -1
        self.progress = _Progress()

    @property
    def checkpoint(self):
        return self.folder / "checkpoint.pt"

    def save(self):
        if self.share.rank != 0:
            return
        state = {
            "policy": self.policy.state_dict(),
            "averaged": self.averaged,
            "optimizer": self.optimizer.state_dict(),
            "progress": asdict(self.progress),
            "options": asdict(self.options),
        }
        unfinished = self.checkpoint.with_suffix(".writing")
        torch.save(state, unfinished)
        unfinished.replace(self.checkpoint)

    def resume(self):
        """Goes on from the folder's checkpoint; False where there is none. Raises sinew.Error when it belongs to another run."""
        if not self.checkpoint.exists():
            return False
        state = torch.load(self.checkpoint, map_location=self.options.device, weights_only=True)
        free = {"device", "threads", "checkpoint_every", "log_every"}
        now = asdict(self.options)
        other = [key for key, value in state["options"].items() if key not in free and now.get(key) != value]
        if other:
            key = other[0]
            got, expected = state["options"][key], now.get(key)
            raise error("invalid_argument", "train", str(self.checkpoint), f"a run with {key} {expected}", f"one with {got}", "another --output, or remove it")
        self.policy.load_state_dict(state["policy"])
        self.averaged = state["averaged"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.progress = _Progress(**state["progress"])
        return True

    def _places(self, step):
        """This process's samples of the batch: epoch after epoch, each in an order of its own."""
        size = min(self.options.batch_size, len(self.batches))
        steps = len(self.batches) // size
        epoch, place = divmod(step, steps)
        if epoch != self._epoch:
            self._order, self._epoch = np.random.default_rng([self.options.seed, epoch]).permutation(len(self.batches)), epoch
        mine = self._order[place * size : (place + 1) * size][self.share.rank :: self.share.processes]
        return np.sort(mine)  # neighbours on the disk

    def _average_gradients(self, parameters):
        if self.share.processes == 1:
            return
        flat = torch.cat([p.grad.flatten() for p in parameters])
        torch.distributed.all_reduce(flat)
        flat /= self.share.processes
        for parameter, piece in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            parameter.grad.copy_(piece.view_as(parameter))

    def _rate(self, step):
        o = self.options
        rise = min(1.0, (step + 1) / max(o.warm_up, 1))
        return o.learning_rate * rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / o.steps)))

    def _step(self):
        o, step = self.options, self.progress.step
        rng = np.random.default_rng([o.seed, self.share.rank, step])
        batch = self.batches.draw(self._places(step), rng, o.embodiment_dropout)
        times, noise = (drawn.to(o.device) for drawn in draw_flow(batch, o, rng))
        with torch.autocast(o.device, torch.bfloat16, enabled=o.bf16):
            flow, read = flow_loss(self.policy, batch, times, noise, o)
        loss = flow + o.readout_share * read
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate(step)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        trained = [p for p in self.policy.parameters() if p.grad is not None]
        self._average_gradients(trained)
        norm = torch.nn.utils.clip_grad_norm_(trained, o.clip)
        if not torch.isfinite(norm):
            raise error("failed", "train", f"step {step}", "finite gradients", str(norm.item()), "a lower --learning-rate, or samples that are not finite")
        self.optimizer.step()
        decay = min(o.average, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.averaged.values()), list(self.policy.state_dict().values()), 1 - decay)
        self.progress.step += 1
        return flow.item(), read.item()

    def run(self, report=None, until=None):
        """Trains to the end, or to step `until`; report(progress, row) after every log line. Returns the rows of the log."""
        o, progress = self.options, self.progress
        sums, count, last = np.zeros(2), 0, time.perf_counter()
        self.policy.train()
        end = o.steps if until is None else min(until, o.steps)
        while progress.step < end:
            sums += self._step()
            count += 1
            if progress.step % o.log_every == 0 or progress.step == end:
                now = time.perf_counter()
                progress.seconds += now - last
                flow, read = map(float, sums / count)
                row = {
                    "step": progress.step,
                    "flow_loss": flow,
                    "readout_loss": read,
                    "learning_rate": self._rate(progress.step - 1),
                    "samples_per_second": count * o.batch_size / (now - last),
                    "seconds": progress.seconds,
                }
                progress.rows.append(row)
                sums, count, last = np.zeros(2), 0, now
                if report:
                    report(progress, row)
            if progress.step % o.checkpoint_every == 0:
                self.save()
        self.save()
        self.write_log()
        return progress.rows

    def write_log(self):
        rows = self.progress.rows
        if not rows or self.share.rank != 0:
            return
        with open(self.folder / "log.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
        (self.folder / "options.json").write_text(json.dumps(asdict(self.options), indent=2) + "\n")
