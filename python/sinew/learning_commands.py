# SPDX-License-Identifier: Apache-2.0
"""`sinew train` and `sinew eval` on the command line; PyTorch is imported only when training begins."""

import json
import sys
from pathlib import Path

from sinew import Error


def _chain(arguments):
    if not (arguments.urdf or arguments.base or arguments.tip):
        return None
    if not (arguments.urdf and arguments.base and arguments.tip):
        raise Error("[sinew train] --urdf: expected --urdf, --base and --tip together, got some of them")
    from sinew import kinematics

    return kinematics.Chain.from_urdf(str(arguments.urdf), arguments.base, arguments.tip)


def _options(arguments):
    from sinew.train.trainer import TrainOptions

    return TrainOptions(
        steps=arguments.steps,
        batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
        head_only=arguments.head_only,
        bf16=not arguments.no_bf16,
        seed=arguments.seed,
    )


def _train(arguments):
    try:
        import torch  # noqa: F401
    except ImportError as failure:
        raise Error(f"[sinew train] torch: expected PyTorch, got: {failure} (pip install 'sinew-robotics[train]')") from failure
    from sinew.train import progress

    with progress.bar("training", "steps") as show:

        def report(at, row):
            show(row["step"], arguments.steps, progress.describe(row))

        folder = _train_tabletop(arguments, report) if arguments.tabletop else _train_sources(arguments, report)
    progress.draw_curves(folder.parent / "run" if arguments.tabletop else folder / "run")
    print(f"{folder}: policy, with its run in {folder.parent / 'run' if arguments.tabletop else folder / 'run'}")
    return 0


def _train_tabletop(arguments, report):
    from sinew.train import progress, tabletop

    recipe = tabletop.Recipe(
        arguments.output, arguments.episodes, tuple(arguments.families), processes=arguments.processes, seed=arguments.seed, train=_options(arguments)
    )
    with progress.bar("demonstrations", "files") as show:
        tabletop.gather(recipe, show)
    tabletop.train(recipe, report)
    return recipe.policy


def _train_sources(arguments, report):
    from sinew.train import fine_tune

    if not arguments.sources:
        raise Error("[sinew train] SOURCE: expected recordings or datasets, or --tabletop, got none")
    if bool(arguments.start) == bool(arguments.card):
        raise Error("[sinew train] --from: expected either a policy directory (--from) or a card (--card), got both or none")
    plan = fine_tune.Plan(
        sources=arguments.sources,
        output=arguments.output,
        start=arguments.start,
        card=json.loads(arguments.card.read_text()) if arguments.card else None,
        chain=_chain(arguments),
        use_chunks=not arguments.commands_only,
        intervention_weight=arguments.intervention_weight,
        processes=arguments.processes,
        options=_options(arguments),
    )
    return fine_tune.train(plan, report)


def _evaluate(arguments):
    from sinew import evaluate
    from sinew.train import progress

    options = evaluate.Options(
        arguments.directory, arguments.episodes, tuple(arguments.families), arguments.seed, arguments.processes, inference_rate=arguments.inference_rate, record=arguments.record
    )
    summaries = []
    for name in arguments.conditions:
        condition = evaluate.CONDITIONS[name]
        with progress.bar(name, "pieces") as show:
            episodes = evaluate.evaluate(options, condition, show)
        summaries.append(evaluate.summarize(condition, episodes))
        print(evaluate.line(summaries[-1]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(summaries, indent=2) + "\n")
    least = arguments.at_least
    if least is not None and summaries[0]["all"]["succeeded"] < least:
        print(f"sinew eval: expected at least {least} successes, got {summaries[0]['all']['succeeded']}", file=sys.stderr)
        return 1
    return 0


def add(commands, number):
    """Adds both to the command line. `number`: cli's argparse type."""
    families = ("put", "stack", "push")
    train = commands.add_parser(
        "train",
        help="train a policy on recordings and datasets",
        description="Flow matching on a Qwen3-VL and a DiT head (docs/data_loop.md). A run that was stopped goes on when it is started again.",
    )
    train.add_argument("sources", type=Path, nargs="*", metavar="SOURCE", help="recordings and LeRobot datasets")
    train.add_argument("--output", type=Path, required=True, metavar="DIR", help="policy directory to write; with --tabletop the folder of the run")
    train.add_argument("--from", dest="start", type=Path, metavar="DIR", help="policy directory to start from")
    train.add_argument("--card", type=Path, metavar="JSON", help="card of a policy to train from nothing, at a size for a CPU")
    train.add_argument("--tabletop", action="store_true", help="the recipe of the shipped policy, demonstrations included")
    train.add_argument("--episodes", type=number(1, 10**6, int), default=4000, metavar="N", help="demonstrations of --tabletop (default 4000)")
    train.add_argument("--families", nargs="+", choices=families, default=families, help="of --tabletop (default all)")
    train.add_argument("--steps", type=number(1, 10**8, int), default=16000, metavar="N", help="of the optimiser (default 16000)")
    train.add_argument("--batch-size", type=number(1, 65536, int), default=48, metavar="N", help="samples of a step (default 48)")
    train.add_argument("--learning-rate", type=number(1e-9, 1, float), default=1e-3, metavar="R", help="highest (default 0.001)")
    train.add_argument("--head-only", action="store_true", help="leave the backbone as it is")
    train.add_argument("--no-bf16", action="store_true", help="f32 throughout")
    train.add_argument("--commands-only", action="store_true", help="learn from commands even where a recording has chunks")
    train.add_argument("--intervention-weight", type=number(0, 1000, float), default=1.0, metavar="W", help="of moments when somebody had taken over")
    train.add_argument("--urdf", type=Path, metavar="FILE", help="robot description, for tool actions; with --base and --tip")
    train.add_argument("--base", metavar="LINK")
    train.add_argument("--tip", metavar="LINK")
    train.add_argument("--processes", type=number(1, 256, int), default=1, metavar="N", help="that share each batch (default 1)")
    train.add_argument("--seed", type=number(0, 2**31, int), default=0)
    train.set_defaults(run=_train)

    names = ("plain", "random", "outside", "paraphrase", "swapped", "black", "demonstrator", "random_policy")
    evaluate = commands.add_parser(
        "eval",
        help="measure a policy's success in simulation",
        description="Runs seeded layouts that no training saw through the whole runtime and prints success with 95 % intervals (Wilson).",
    )
    evaluate.add_argument("directory", type=Path, metavar="DIR", help="policy directory")
    evaluate.add_argument("--episodes", type=number(1, 10**6, int), default=200, metavar="N", help="of each condition (default 200)")
    evaluate.add_argument("--conditions", nargs="+", choices=names, default=["plain", "random"], help="looks, words, images, or whom to compare with (default: plain random)")
    evaluate.add_argument("--families", nargs="+", choices=families, default=families, help="of instructions (default all)")
    evaluate.add_argument("--inference-rate", type=number(0.1, 100, float), default=2.5, metavar="HZ", help="new chunks a second (default 2.5)")
    evaluate.add_argument("--seed", type=number(0, 1000, int), default=0, help="other layouts")
    evaluate.add_argument("--processes", type=number(1, 256, int), default=2, metavar="N", help="side by side (default 2)")
    evaluate.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    evaluate.add_argument("--record", type=Path, metavar="DIR", help="keep the recordings")
    evaluate.add_argument("--at-least", type=number(0, 10**6, int), metavar="N", help="exit code 1 with fewer successes in the first condition")
    evaluate.set_defaults(run=_evaluate)
