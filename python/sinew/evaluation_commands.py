# SPDX-License-Identifier: Apache-2.0
"""`sinew eval` on the command line: figures, and what is made of them: page, clips, model card, README table."""

import json
import sys
from pathlib import Path

from sinew import _documents
from sinew import episodes as runs
from sinew._errors import error, require

_MOST = 20  # clips of a condition


def check(arguments):
    """Everything that can be wrong with the arguments, before hours of work."""
    from sinew import model_card, outputs

    if arguments.most is not None and not arguments.clips:
        raise error("invalid_argument", "sinew eval", "--most", "--clips FOLDER with it", "none")
    own = {"--json": arguments.json, "--page": arguments.page, "--clips": arguments.clips, "--record": arguments.record, "--at-least": arguments.at_least}
    given = [name for name, value in own.items() if value is not None]
    if arguments.figures and given:
        raise error("invalid_argument", "sinew eval", "--figures", "--card or --readme alone, as nothing is run", ", ".join(given))
    if arguments.clips and arguments.clips.exists() and not arguments.clips.is_dir():
        raise error("invalid_argument", "sinew eval", "--clips", "a folder", f"{arguments.clips}, a file")
    card = arguments.directory / model_card.NAME if arguments.card else None
    targets = {"--page": (arguments.page, outputs.HTML), "--json": (arguments.json, b"["), "--card": (card, model_card.MARK.encode())}
    outputs.require_free("sinew eval", targets, [arguments.readme, *(arguments.figures or ())])
    if arguments.readme:
        model_card.split(arguments.readme)
    if arguments.page or arguments.clips:
        require("sinew eval", "matplotlib", "PIL", *(["av"] if arguments.clips else []), install="pip install 'sinew-robotics[sim]'")


def _options(arguments):
    from sinew import evaluate

    return evaluate.Options(
        arguments.directory,
        arguments.episodes,
        tuple(arguments.families),
        arguments.seed,
        arguments.processes,
        inference_rate=arguments.inference_rate,
        longest=arguments.longest,
        record=arguments.record,
    )


def _film(arguments, options, condition, episodes):
    from sinew import clips
    from sinew.train import progress

    with progress.bar(f"clips of {condition.name}", "clips") as show:
        made = clips.film(options, condition, episodes, arguments.clips, _MOST if arguments.most is None else arguments.most, show)
    for clip in made:
        if clip.succeeded:
            print(f"{clip.file}: the episode failed in the evaluation and succeeded now", file=sys.stderr)
    return made


def _measure(arguments, spread):
    """Runs all conditions; returns their summaries."""
    from sinew import evaluate
    from sinew.train import progress

    options, summaries, episodes, clips = _options(arguments), [], {}, {}
    run = evaluate.circumstances(options)
    for name in dict.fromkeys(arguments.conditions):
        condition = evaluate.CONDITIONS[name]
        with progress.bar(name, "pieces") as show:
            episodes[name] = evaluate.evaluate(options, condition, show, spread or evaluate.spread)
        summaries.append(evaluate.summarize(condition, episodes[name]) | {"run": run})
        print(evaluate.line(summaries[-1]), flush=True)
        if arguments.json:  # after each, as the next may take hours
            arguments.json.write_text(json.dumps(summaries, indent=2) + "\n")
        if arguments.clips:
            clips[name] = _film(arguments, options, condition, episodes[name])
    if arguments.page:
        from sinew import evaluation_page

        evaluation_page.write(arguments.page, arguments.directory, summaries, episodes, clips)
        print(f"{arguments.page}: page")
    return summaries


def _figures(file):
    """Of an earlier evaluation."""
    with _documents.reading(file, "figures", "what --json of `sinew eval` wrote"):
        found = _documents.loads(_documents.read_text(file))
        if not isinstance(found, list) or not all(isinstance(each, dict) and "condition" in each for each in found):
            raise TypeError("something else")
        return found


def run(arguments, spread=None):
    """The command; returns the exit code. `spread`: as of evaluate.evaluate."""
    from sinew import model_card

    check(arguments)
    summaries = [summary for file in arguments.figures for summary in _figures(file)] if arguments.figures else _measure(arguments, spread)
    if arguments.card:
        print(f"{model_card.write(arguments.directory, summaries)}: model card")
    if arguments.readme:
        model_card.write_table(arguments.readme, arguments.directory, summaries)
        print(f"{arguments.readme}: table of results")
    least = arguments.at_least
    if least is not None and summaries[0]["all"]["succeeded"] < least:
        print(f"sinew eval: expected at least {least} successes, got {summaries[0]['all']['succeeded']}", file=sys.stderr)
        return 1
    return 0


def _add_outputs(parser, number):
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--page", type=Path, metavar="HTML", help="write a page with intervals, times and the failed episodes")
    parser.add_argument("--clips", type=Path, metavar="FOLDER", help="run failed episodes again and film them")
    parser.add_argument("--most", type=number(1, 10**6, int), metavar="N", help=f"clips of each condition (default {_MOST})")
    parser.add_argument("--card", action="store_true", help="write MODEL_CARD.md into DIR")
    parser.add_argument("--readme", type=Path, metavar="FILE", help="replace what stands between the markers 'tabletop results' of a Markdown file with the table")
    parser.add_argument("--figures", type=Path, nargs="+", metavar="JSON", help="of earlier evaluations, for --card and --readme, instead of running one")
    parser.add_argument("--record", type=Path, metavar="DIR", help="keep the recordings")
    parser.add_argument("--at-least", type=number(0, 10**6, int), metavar="N", help="exit code 1 with fewer successes in the first condition")


def add_options(parser, number):
    """All but how many run side by side. `number`: cli's argparse type."""
    families = ("put", "stack", "push")
    names = ("plain", "random", "outside", "paraphrase", "swapped", "black", "demonstrator", "random_policy")
    parser.add_argument("directory", type=Path, metavar="DIR", help="policy directory")
    parser.add_argument("--episodes", type=number(1, 10**6, int), default=200, metavar="N", help="of each condition (default 200)")
    parser.add_argument("--conditions", nargs="+", choices=names, default=["plain", "random"], help="looks, words, images, or whom to compare with (default: plain random)")
    parser.add_argument("--families", nargs="+", choices=families, default=families, help="of instructions (default all)")
    parser.add_argument("--inference-rate", type=number(0.1, 100, float), default=2.5, metavar="HZ", help="new chunks a second (default 2.5)")
    parser.add_argument("--longest", type=number(0.1, 3600, float), default=runs.LONGEST, metavar="S", help=f"of the robot's time, then an episode has failed (default {runs.LONGEST:g})")
    parser.add_argument("--seed", type=number(0, 1000, int), default=0, help="other layouts")
    _add_outputs(parser, number)


def add(commands, number):
    """Adds it to the command line. `number`: cli's argparse type."""
    parser = commands.add_parser(
        "eval",
        help="measure a policy's success in simulation",
        description="Runs seeded layouts that no training saw through the whole runtime and prints success with 95 % intervals (Wilson).",
    )
    add_options(parser, number)
    parser.add_argument("--processes", type=number(1, 256, int), default=2, metavar="N", help="side by side (default 2)")
    parser.set_defaults(run=run)
