# SPDX-License-Identifier: Apache-2.0
"""What corrections bring back after the scene has changed (another camera pose, another table), printed; exit code 1 below --least.

PYTHONPATH=build/dev/python python benchmarks/adaptation.py [--policy DIR] [--corrections N] [--rounds N] [--episodes N]
"""

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from sinew import correct, evaluate, sim, stage, tabletop_world
from sinew.tabletop_words import known
from sinew.train import adapt

FIRST_SEED = 700_000_000  # of the corrected layouts; those that are judged and measured have others


def success(options, name):
    summary = evaluate.summarize(evaluate.CONDITIONS[name], evaluate.evaluate(options, evaluate.CONDITIONS[name]))
    print(evaluate.line(summary), flush=True)
    return summary["all"]["succeeded"] / summary["all"]["episodes"]


def adapted(arguments, folder, options):
    """In each round corrects the policy of the one before and adapts it on all corrections; returns the directory."""
    trial = replace(options, episodes=arguments.judged, seed=1)
    chain = tabletop_world.chain_of(sim.MujocoRobot.tabletop(render=False))
    policy, recordings, corrected = arguments.policy, [], 0
    for number in range(1, arguments.rounds + 1):
        begun, count = time.monotonic(), arguments.corrections * number // arguments.rounds - corrected
        recordings.append(folder / f"corrections-{number}.mcap")
        won = correct.record(recordings[-1], policy, known(options.families), count, FIRST_SEED + corrected, stage.look_of("moved", 0))
        corrected += count
        print(f"{count} episodes corrected, {won} of which succeeded: {time.monotonic() - begun:.0f} s", flush=True)
        begun, output = time.monotonic(), folder / f"adapted-{number}"
        verdict = adapt.adapt(
            policy,
            recordings,
            output,
            adapt.AdaptOptions(episodes=corrected),
            lambda old, new: adapt.judge_by_success(old, new, trial, evaluate.CONDITIONS["moved"]),
            chain,
        )
        print(f"adapted in {time.monotonic() - begun:.0f} s, judging included: {verdict.text}; kept the {'new' if verdict.better else 'old'} policy", flush=True)
        policy = output
    return policy


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policy", type=Path, default=tabletop_world.SHIPPED)
    parser.add_argument("--corrections", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=2, help="in which they are made: each corrects the policy that the one before gave")
    parser.add_argument("--episodes", type=int, default=100, help="of each measurement")
    parser.add_argument("--judged", type=int, default=40, help="layouts on which old and new policy are compared")
    parser.add_argument("--families", nargs="+", default=["put"])
    parser.add_argument("--least", type=float, default=0.8, help="share of the loss that must come back")
    parser.add_argument("--folder", type=Path, help="keep recording and policy")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        options = evaluate.Options(arguments.policy, arguments.episodes, tuple(arguments.families))
        usual, moved = success(options, "plain"), success(options, "moved")
        after = success(replace(options, directory=adapted(arguments, folder, options)), "moved")
    if usual <= moved:
        print("the change costs nothing")
        return 1
    share = (after - moved) / (usual - moved)
    print(f"{100 * share:.0f} % of what the change costs came back (at least {100 * arguments.least:.0f} %)")
    return 0 if share >= arguments.least else 1


if __name__ == "__main__":
    sys.exit(main())
