# SPDX-License-Identifier: Apache-2.0
"""RobotNav's waypoint head: C++ on both backends beside its PyTorch twin, the twin beside the report's formula in NumPy, and training."""

import head_policies as heads
import numpy as np
import pytest
import torch
from scipy.special import erf
from test_nn import BACKENDS, SEED

import sinew
from sinew.train.robotnav import RobotNavConfig, RobotNavMlp, waypoint_scale

CONFIGS = {
    "published": RobotNavConfig(context_width=64),
    "mean": RobotNavConfig(context_width=64, hidden=48, waypoints=5, read="mean"),
    "two layers": RobotNavConfig(context_width=64, hidden=40, layers=2, waypoints=1),
    "six layers": RobotNavConfig(context_width=64, hidden=33, layers=6, waypoints=8),
}
SCALE = [2.0, 1.0, 0.5]  # m, m, rad


def action(waypoints):
    path = {"name": "path", "waypoint": {"scale": SCALE, "reference": "first", "channel": ""}}
    return {"decoder": "parts", "joint_names": [], "horizon": waypoints, "rate": 2.0, "parts": [path]}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return {name: heads.Pair(tmp_path_factory.mktemp("nav"), RobotNavMlp(c), heads.card("robotnav_mlp", action(c.waypoints))) for name, c in CONFIGS.items()}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", CONFIGS)
def test_waypoints_are_those_of_the_twin(pairs, name, backend):
    pair = pairs[name]
    ours = sinew.Policy.load(pair.folder, backend=backend)
    for stream, text in enumerate(("go to the sofa", "turn left 90 degrees, then stop")):
        observation = pair.observe(np.random.default_rng([SEED, stream]), text=text)
        with torch.no_grad():
            expected = pair.head(pair.prompt(observation)[0].hidden)[0].numpy()
        # f32: backbones agree within 2e-5, a head of random weights passes that on about as it is.
        heads.report(f"robotnav_mlp {name}", backend, heads.raw(ours, observation), expected, 5e-5)
        np.testing.assert_allclose(ours.act(observation).values, expected * SCALE, atol=1e-4)  # m, m, rad


@pytest.mark.parametrize("name", CONFIGS)
def test_the_twin_is_the_reports_formula(pairs, name):
    """Written apart from it, in NumPy and doubles; prompts of several lengths, padded with what must not count."""
    head, config = pairs[name].head, CONFIGS[name]
    rng = np.random.default_rng([SEED, 5])
    hidden, lengths = rng.standard_normal((3, 9, 64)), [9, 4, 1]
    weights = {key: value.double().numpy() for key, value in head.state_dict().items()}
    expected = []
    for row, length in zip(hidden, lengths, strict=True):
        x = row[:length].mean(0) if config.read == "mean" else row[length - 1]
        for i in range(config.layers):
            x = weights[f"layers.{i}.weight"] @ x + weights[f"layers.{i}.bias"]
            if i < config.layers - 1:
                x = x * (1 + erf(x / np.sqrt(2))) / 2
        expected.append(x.reshape(config.waypoints, 3))
    seen = torch.arange(9) < torch.tensor(lengths)[:, None]
    with torch.no_grad():
        got = head(torch.from_numpy(hidden).float(), seen)
    heads.report(f"robotnav_mlp {name}", "twin and formula", got, expected, 1e-5)


def test_scale_is_the_99th_percentile_of_the_data_set():
    rows = np.random.default_rng(SEED).standard_normal((50, 8, 3)) * [3, 1, 0.2]
    np.testing.assert_allclose(waypoint_scale(rows), np.quantile(np.abs(rows.reshape(-1, 3)), 0.99, axis=0))


def test_what_does_not_fit_is_refused(tmp_path):
    for name, config, words in (
        ("width", RobotNavConfig(context_width=65), "context_width: expected the backbone's 64, got 65"),
        ("reading", RobotNavConfig(context_width=64, read="first"), "read"),
        ("one layer", RobotNavConfig(context_width=64, layers=1), "layers"),
    ):
        (tmp_path / name).mkdir()
        heads.Pair(tmp_path / name, RobotNavMlp(config), heads.card("robotnav_mlp", action(8)))
        with pytest.raises(sinew.Error, match=words):
            sinew.Policy.load(tmp_path / name)


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_can_be_trained(tmp_path, backend):
    def path(states):  # straight on, farther the first number is, with a heading
        steps = np.linspace(0.25, 2, 8)[None, :, None]
        return steps * np.stack([1 + states[:, :1], states[:, :1] ** 2, 0.3 * states[:, :1]], axis=-1)

    description = heads.card("robotnav_mlp", action(8))
    rows, modules, batches = heads.train(tmp_path, description, RobotNavConfig(context_width=64, hidden=64), path, steps=120)
    losses = [row["flow_loss"] for row in rows]
    print("losses", [f"{value:.3f}" for value in losses])
    assert losses[-1] < 0.2 * losses[0]
    ours = sinew.Policy.load(tmp_path, backend=backend)
    batch = batches.draw(np.array([7]), np.random.default_rng(SEED))
    with torch.no_grad():
        expected = modules.action_model(heads.trained_prompt(modules, batch).hidden)[0].numpy()
    heads.report("robotnav_mlp trained", backend, heads.raw(ours, heads.trained_observation(batches, 7)), expected, 5e-5)
