# SPDX-License-Identifier: Apache-2.0
"""The learning loop in miniature: record demonstrations, judge them, train, evaluate, correct the policy while it runs, and adapt it.

With so few episodes and steps the policy learns nothing of use; `make train` runs the same steps at full length.
"""

import sys
import tempfile
from pathlib import Path

import sinew
from sinew import correct, curate, data, evaluate, sim, tabletop_world
from sinew.train import adapt, tabletop
from sinew.train.trainer import TrainOptions

INSTRUCTION = "put the red cube on the yellow plate"


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    run = folder / "run"
    steps = TrainOptions(steps=10, batch_size=16, warm_up=2, log_every=5)
    recipe = tabletop.Recipe(run, episodes=4, families=("put",), keep_recordings=True, processes=1, train=steps)

    samples = tabletop.gather(recipe)  # records, and takes out what is trained on
    recordings = sorted((run / "demonstrations").glob("*.mcap"))
    files, _ = curate.load(recordings)
    print(f"recorded {len(samples)} moments; curation: {curate.summary(data.curate(files))}")

    tabletop.train(recipe)
    options = evaluate.Options(recipe.policy, episodes=2, families=("put",), processes=1)
    print(evaluate.line(evaluate.summarize(evaluate.CONDITIONS["plain"], evaluate.evaluate(options, evaluate.CONDITIONS["plain"]))))

    corrections = folder / "corrections.mcap"
    correct.record(corrections, recipe.policy, [INSTRUCTION], 4, seed=1000)
    chain = tabletop_world.chain_of(sim.MujocoRobot.tabletop(render=False))
    head = TrainOptions(steps=10, batch_size=16, learning_rate=3e-4, warm_up=2, average=0.9, head_only=True, readout_share=0.0)
    verdict = adapt.adapt(recipe.policy, [corrections], folder / "adapted", adapt.AdaptOptions(held_out=2, train=head), chain=chain)
    print(f"adapted: {verdict.text}; kept: {'new' if verdict.better else 'old'}")
    sinew.Policy.load(folder / "adapted")


if __name__ == "__main__":
    main()
