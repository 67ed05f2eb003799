# SPDX-License-Identifier: Apache-2.0
"""Training from any recordings and LeRobot datasets: from a policy directory, or from a card with small sizes of one's own."""

import json
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from sinew import action
from sinew._errors import error
from sinew.train import heads, policy, processes, recordings, samples, targets, tokenizer
from sinew.train.batches import Batches
from sinew.train.trainer import Trainer, TrainOptions


@dataclass
class Plan:
    """What is trained on what, and where it goes."""

    sources: list  # recordings and LeRobot datasets
    output: Path  # policy directory; its parts of a run lie in output/run
    start: Path | None = None  # policy directory to start from
    card: dict | None = None  # for training from nothing
    chain: object = None  # for decoder tool_delta
    use_chunks: bool = True
    intervention_weight: float = 1.0
    width: int = 128  # of a model of one's own
    processes: int = 1
    options: TrainOptions = field(default_factory=TrainOptions)
    only_succeeded: bool = True
    run_folder: Path | None = None  # None: output/run
    state_noise: float = 0.0  # deviation, of normalised states

    @property
    def run(self):
        return self.run_folder or self.output / "run"


def as_recordings(sources, folder):
    """Paths of recordings; datasets are imported into `folder`."""
    from sinew.dataset import importing

    paths = []
    for source in map(Path, sources):
        if source.is_dir():
            target = Path(folder) / f"{len(paths):03d}-{source.name}.mcap"
            importing.run(source, target, importing.Options())
            paths.append(target)
        elif source.is_file():
            paths.append(source)
        else:
            raise error("not_found", "train", str(source), "a recording or a LeRobot dataset", "nothing there")
    return paths


def gather(plan):
    """The plan's samples; those of an earlier run of the same folder are taken as they are."""
    folder = plan.run / "samples"
    if (folder / "samples.json").exists():
        return samples.Samples.open(folder)
    card = plan.card or json.loads((plan.start / "sinew.json").read_text())
    reading = recordings.Reading(
        card=card,
        targets=targets.make_targets(card, plan.chain),
        use_chunks=plan.use_chunks,
        intervention_weight=plan.intervention_weight,
        only_succeeded=plan.only_succeeded,
    )
    plan.run.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=plan.run) as scratch:
        paths = as_recordings(plan.sources, scratch)
        folders = [recordings.convert(path, reading, Path(scratch) / f"samples-{i}") for i, path in enumerate(paths)]
        return samples.join([f for f in folders if f is not None], folder)


def prepare(plan):
    """Writes all of the output directory but the model. Raises sinew.Error where no policy could decode what would be trained."""
    data = gather(plan)
    if not (plan.output / "sinew.json").exists():
        _write_inputs(plan, data)
    action.Decoder.from_directory(str(plan.output))


def _write_inputs(plan, data):
    plan.output.mkdir(parents=True, exist_ok=True)
    if plan.start:
        card = json.loads((plan.start / "sinew.json").read_text())
        for name in (card["statistics"]["file"], card["text"]["tokenizer"], "preprocessor_config.json", "sinew.json"):
            shutil.copyfile(plan.start / name, plan.output / name)
        if card["action"].get("tokens") and card["action"]["tokens"]["folder"]:
            shutil.copytree(plan.start / card["action"]["tokens"]["folder"], plan.output / card["action"]["tokens"]["folder"], dirs_exist_ok=True)
        return
    camera = plan.card["cameras"][0]
    stats = policy.statistics(data)
    words = tokenizer.train(list(data.instructions) * 3 + tokenizer.common_words(), 1024, _needed_words(plan, data, stats))
    merge = 1 if max(camera["height"], camera["width"]) <= 128 else 2
    policy.write_inputs(plan.output, plan.card, words, stats, policy.qwen_processor(16, camera["height"] * camera["width"], merge))


def _needed_words(plan, data, stats):
    """Of the head, which may write files of its own."""
    kind = heads.config_type(plan.card["architecture"].split("/")[1])
    if not hasattr(kind, "prepare"):
        return []
    mean, deviation = (np.asarray(stats["action"][key]) for key in ("mean", "std"))
    whole = data.valid.all(1)
    if not whole.any():
        raise error("invalid_argument", "train", "chunks", "some whole ones", "none")
    return kind.prepare(plan.output, plan.card, (data.chunk[whole] - mean) / deviation)


def build(plan, data):
    if plan.start:
        return policy.load_policy(plan.start)
    words = tokenizer.load(plan.output)
    return policy.new_policy(*policy.small_sizes(plan.card, words, plan.width, data.state.shape[1], data.chunk.shape[2]), seed=plan.options.seed)


def _train(share, plan, report=None):
    data = samples.Samples.open(plan.run / "samples")
    model = build(plan, data)
    trainer = Trainer(model, Batches(plan.output, data, state_noise=plan.state_noise, device=plan.options.device), plan.options, plan.run, share)
    trainer.resume()
    trainer.run(report if share.rank == 0 else None)
    if share.rank == 0:
        policy.write_model(plan.output, model, trainer.averaged)


def train(plan, report=None):
    """Samples, directory, training; a run that was stopped goes on."""
    prepare(plan)
    processes.run(_train, (replace(plan, chain=None),), processes.useful(plan.processes, plan.options), report)  # a chain cannot be pickled
    return plan.output
