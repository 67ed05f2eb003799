# SPDX-License-Identifier: Apache-2.0
"""The learning loop in miniature: record demonstrations, judge them, train, evaluate, correct the policy while it runs, and adapt it.

With so few episodes and steps the policy learns nothing of use; `make train` runs the same steps at full length.
"""

import json
import sys
import tempfile
from pathlib import Path

import sinew
from sinew import curate, data, episodes, evaluate, sim
from sinew.train import adapt, tabletop
from sinew.train.trainer import TrainOptions

INSTRUCTION = "put the red cube on the yellow plate"


def record_corrections(directory, file):
    """The trained policy runs; after one second the demonstrator takes over and finishes, which is recorded as an intervention."""
    card = json.loads((directory / "sinew.json").read_text())
    robot = sim.MujocoRobot.tabletop(camera_size=(96, 96))
    with sinew.record.Recorder(str(file), joint_names=card["action"]["joint_names"], overwrite=True, wait_for_room=True) as recorder:
        begun = [0.0]
        corrector = sinew.runtime.PolicyOperator(sim.demonstrator_policy(robot), lambda seen: seen.time > begun[0] + 1, name="demonstrator")
        chain = sinew.kinematics.Chain.from_urdf(robot.urdf, "link0", "tool")
        loop = sinew.runtime.ControlLoop(robot, sinew.Policy.load(directory), chain=chain, control_rate=100, recorder=recorder, operator=corrector)
        for index in range(4):
            robot.reset(1000 + index, INSTRUCTION)
            begun[0], loop.instruction = robot.now, INSTRUCTION
            loop.reset()
            episodes.begin(recorder, robot.now, index, 1000 + index, INSTRUCTION)
            for _, succeeded in episodes.steps(loop, robot, INSTRUCTION):
                pass
            episodes.end(recorder, robot.now, index, succeeded)
    return chain


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
    chain = record_corrections(recipe.policy, corrections)
    head = TrainOptions(steps=10, batch_size=16, learning_rate=3e-4, warm_up=2, average=0.9, head_only=True, readout_share=0.0)
    verdict = adapt.adapt(recipe.policy, [corrections], folder / "adapted", adapt.AdaptOptions(held_out=2, train=head), chain=chain)
    print(f"adapted: {verdict.text}; kept: {'new' if verdict.better else 'old'}")
    sinew.Policy.load(folder / "adapted")


if __name__ == "__main__":
    main()
