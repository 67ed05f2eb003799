# SPDX-License-Identifier: Apache-2.0
"""Evaluation: intervals against SciPy, conditions that do what they say, figures that add up."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

import sinew
from sinew import evaluate, stage, tabletop_words
from sinew.train import collect, policy, tabletop

pytest.importorskip("sinew._sinew_sim")


@pytest.mark.parametrize(("won", "of"), [(0, 1), (0, 200), (3, 7), (97, 100), (200, 200), (45, 50)])
def test_intervals_are_scipys(won, of):
    expected = scipy.stats.binomtest(won, of).proportion_ci(method="wilson")
    np.testing.assert_allclose(evaluate.wilson(won, of, z=scipy.stats.norm.ppf(0.975)), (expected.low, expected.high), atol=1e-12)
    assert evaluate.wilson(0, 0) == (0.0, 1.0)


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    """The tabletop's architecture with random weights, and statistics of two episodes."""
    folder = tmp_path_factory.mktemp("tabletop")
    recipe = tabletop.Recipe(folder, episodes=2, families=("put",), processes=1)
    data = tabletop.gather(recipe)
    words = tabletop.write_inputs(recipe, data)
    policy.write_model(recipe.policy, policy.new_policy(*tabletop.sizes(words)))
    return recipe


def test_demonstrations_are_what_training_reads(untrained):
    data = tabletop.samples.Samples.open(untrained.samples)
    assert data.images.shape[1:] == (2, 96, 96, 3) and data.chunk.shape[1:] == (16, 7) and data.state.shape[1] == 15
    assert np.isfinite(data.chunk).all() and np.isfinite(data.state).all()
    all_of = tabletop.readouts(data)
    read = all_of[:, :24].reshape(len(data), 8, 3) * 0.15 + [0.5, 0, 0.05]
    np.testing.assert_allclose(read[:, :6], data.readouts[:, :18].reshape(len(data), 6, 3), atol=1e-6)
    first = data.instructions[data.instruction[0]]
    _, cube, plate = tabletop_words.words_of(first)
    np.testing.assert_allclose(read[0, 6], data.readouts[0, :18].reshape(6, 3)[tabletop_words.CUBES.index(cube)], atol=1e-6)
    np.testing.assert_allclose(read[0, 7], data.readouts[0, :18].reshape(6, 3)[3 + tabletop_words.PLATES.index(plate)], atol=1e-6)
    yaw = data.readouts[0, 18 + tabletop_words.CUBES.index(cube)]
    np.testing.assert_allclose(all_of[0, 30:32], [np.cos(4 * yaw), np.sin(4 * yaw)], atol=1e-6)  # a quarter turn changes nothing


def test_the_demonstrator_succeeds_and_chance_does_not(untrained):
    options = evaluate.Options(untrained.policy, episodes=3, processes=1)
    shown = evaluate.summarize(evaluate.CONDITIONS["demonstrator"], evaluate.evaluate(options, evaluate.CONDITIONS["demonstrator"]))
    assert shown["all"]["succeeded"] == 3 and shown["families"]["put"]["episodes"] == 3 and not shown["failed"]
    options = evaluate.Options(untrained.policy, episodes=1, processes=1)
    chance = evaluate.summarize(evaluate.CONDITIONS["random_policy"], evaluate.evaluate(options, evaluate.CONDITIONS["random_policy"]))
    assert chance["all"]["succeeded"] == 0 and len(chance["failed"]) == 1 and chance["inference_ms"]["p50"] > 0
    assert "0/1 = 0.0 %" in evaluate.line(chance)


def test_swapped_words_name_another_cube_of_the_same_layout(untrained):
    options = evaluate.Options(untrained.policy, episodes=2, processes=1)
    told = replace(evaluate.CONDITIONS["swapped"], who="demonstrator", look="plain")
    episodes = evaluate.evaluate(options, told)
    known = tabletop_words.known(("put",))
    assert all(e.instruction == e.told != known[e.index] and e.succeeded and not e.other for e in episodes)


def test_swapped_words_can_be_carried_out_where_the_old_ones_leave_no_room(untrained):
    options = evaluate.Options(untrained.policy, episodes=6, families=("push",), processes=1)
    told = replace(evaluate.CONDITIONS["swapped"], who="demonstrator", look="plain")
    assert all(e.succeeded for e in evaluate.evaluate(options, told))


def test_blind_robots_show_nothing_and_measure_all():
    from sinew import sim

    robot = sim.MujocoRobot.tabletop(camera_size=(32, 32))
    seen, blind = robot.observe("x"), stage.Blind(robot)
    black = blind.observe("x")
    assert seen.cameras["front"][0].any() and not any(frame.any() for frame, _ in black.cameras.values())
    np.testing.assert_array_equal(seen.state["joint_position"][0], black.state["joint_position"][0])
    policy_seen = []

    class Watch:
        def __init__(self, path):
            pass

        def infer(self, tensors):
            policy_seen.append(tensors)
            return {"actions": np.zeros((16, 7), np.float32)}

    registry = sinew.BackendRegistry()
    registry.add("watch", Watch)
    directory = Path(__file__).parents[2] / "models" / "tabletop_demonstrator"
    chain = sinew.kinematics.Chain.from_urdf(robot.urdf, "link0", "tool")
    loop = sinew.runtime.ControlLoop(blind, sinew.Policy.load(directory, backend="watch", registry=registry), chain=chain)
    loop.reset()
    loop.run_for(0.2)
    pixels = policy_seen[0]["pixel_values"]
    assert (pixels == -1).all()  # black, normalised


def test_nothing_but_pixels_words_and_joints_goes_in(untrained):
    """Where things are in the simulator changes no bit of the chunk; what the pictures show does."""
    from sinew import sim

    robot = sim.MujocoRobot.tabletop(camera_size=(96, 96), privileged=True)
    robot.reset(5)
    here = robot.observe("put the red cube on the yellow plate")
    robot.reset(6)
    there = robot.observe(here.instruction)
    assert not np.array_equal(here.state["object_position"][0], there.state["object_position"][0])
    act = sinew.Policy.load(untrained.policy).act

    def chunk(pictures, objects):
        state = dict(here.state) | {"object_position": objects.state["object_position"]}
        cameras = {name: (frame, 0.0) for name, (frame, _) in pictures.cameras.items()}
        values = {name: (value, 0.0, unit) for name, (value, _, unit) in state.items()}
        return act(sinew.Observation(cameras, values, here.instruction, time=0.0), seed=1).values

    np.testing.assert_array_equal(chunk(here, here), chunk(here, there))
    assert not np.array_equal(chunk(here, here), chunk(there, here))


def test_collecting_goes_on_where_it_stopped(tmp_path):
    options = collect.CollectOptions(instructions=("put the red cube on the yellow plate",), file_episodes=1)
    made = collect.collect(tmp_path, options, 2, processes=1)
    before = made[0].stat().st_mtime_ns
    made[1].unlink()
    again = collect.collect(tmp_path, options, 2, processes=1)
    assert again == made and made[0].stat().st_mtime_ns == before and made[1].exists()
    events = [json.loads(r.content.text) for r in sinew.record.read(str(made[0])) if type(r.content).__name__ == "Event" and r.content.kind == "episode"]
    assert events[0]["instruction"] == options.instructions[0] and events[-1]["succeeded"] is True
