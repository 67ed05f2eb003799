# SPDX-License-Identifier: Apache-2.0
"""Qwen-VLA's action head: C++ on both backends beside its PyTorch twin, the twin beside the report's formulas in NumPy, invariants, training."""

import copy

import head_policies as heads
import numpy as np
import pytest
import torch
from test_nn import BACKENDS, SEED

import sinew
from sinew.train.losses import Prompt
from sinew.train.qwen_vla import QwenVlaConfig, QwenVlaDit

SMALL = {"context_width": 64, "horizon": 5, "action_dim": 9, "rows": 5, "channels": 9, "width": 48, "heads": 3, "layers": 3, "mlp_width": 56, "steps": 4, "rotary_dim": 16, "mrope_section": [4, 2, 2], "rope_theta": 5e6}
CONFIGS = {
    "joint": SMALL,
    "kept context": SMALL | {"joint": False},
    "padded": SMALL | {"rows": 3, "channels": 7},
    "padded, kept context": SMALL | {"rows": 4, "channels": 2, "joint": False, "qk_norm": False, "layers": 1},
    "part of a head turns": SMALL | {"rotary_dim": 12, "mrope_section": [2, 2, 2], "rope_theta": 1e4, "qk_norm": False, "steps": 2},
    "one head": SMALL | {"heads": 1, "rotary_dim": 48, "mrope_section": [8, 8, 8], "horizon": 16, "rows": 16},
}
# f32: a few steps through blocks of random weights, and hidden states that agree within 2e-5.
TOLERANCE = 5e-5


def action(config, joints=2):
    layout = {"name": "padded", "width": config.action_dim, "rows": config.horizon, "slots": []}
    parts = [{"name": "joints", "joints": {"size": joints, "relative_to": "", "first": 0}}]
    return {"decoder": "parts", "joint_names": [f"j{i}" for i in range(joints)], "horizon": config.rows, "parts": parts, "layout": layout}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    made = {}

    def get(name):
        if name not in made:
            config = QwenVlaConfig(**CONFIGS[name])
            made[name] = heads.Pair(tmp_path_factory.mktemp("vla"), QwenVlaDit(config), heads.card("qwen_vla_dit", action(config)))
        return made[name]

    return get


def noise_of(rng, config):
    return rng.standard_normal((config.horizon, config.action_dim)).astype(np.float32)


def mask_of(config, rows, channels):
    mask = np.zeros((config.horizon, config.action_dim))
    mask[:rows, :channels] = 1
    return mask


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", CONFIGS)
def test_actions_are_those_of_the_twin(pairs, name, backend):
    """The twin computes everything at each step: what the C++ code keeps of the prompt is the same."""
    pair, config = pairs(name), QwenVlaConfig(**CONFIGS[name])
    ours = sinew.Policy.load(pair.folder, backend=backend)
    rng = np.random.default_rng([SEED, 30])
    for text, mask in (("wave", None), ("put the red cube on the yellow plate, then stop", mask_of(config, 3, 4)), ("bow", mask_of(config, config.horizon, 1))):
        observation, noise = pair.observe(rng, text=text), noise_of(rng, config)
        inputs = {} if mask is None else {"mask": mask}
        expected = pair.head.sample(torch.from_numpy(noise)[None], pair.prompt(observation)[0], {key: torch.from_numpy(value)[None] for key, value in inputs.items()})[0]
        got = heads.raw(ours, observation, noise=noise, inputs=inputs)
        heads.report(f"qwen_vla_dit {name}, {text[:4]}", backend, got, expected, TOLERANCE)


# --- the twin, beside formulas ------------------------------------------------------------------------------------------------------------


def layer(weights, name, x):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def norm(x):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)


def silu(x):
    return x / (1 + np.exp(-x))


def turned(config, head, positions):
    """One token's head; complex numbers of value j and j + half turn by the position on the frequency's axis: time, height, width take turns."""
    half = config.rotary_dim // 2
    axes = np.zeros(half, int)
    for axis in (1, 2):
        for turn in range(config.mrope_section[axis]):
            axes[axis + 3 * turn] = axis
    angles = positions[axes] * config.rope_theta ** (-np.arange(half) * 2 / config.rotary_dim)
    z = (head[:half] + 1j * head[half : 2 * half]) * np.exp(1j * angles)
    return np.concatenate([z.real, z.imag, head[2 * half :]])


def one_block(config, weights, x, condition, positions, visible):
    """In doubles; visible [n, n]."""
    shift, scale, gate, shift2, scale2, gate2 = np.split(layer(weights, "modulation", condition), 6, axis=-1)
    h, dim, attended = norm(x) * (1 + scale) + shift, config.width // config.heads, np.zeros_like(x)
    q, k, v = (layer(weights, f"attention.{name}", h) for name in "qkv")
    for head in range(config.heads):
        part = slice(head * dim, (head + 1) * dim)
        sides = []
        for name, values in (("q", q), ("k", k)):
            rows = values[:, part]
            if config.qk_norm:
                rows = rows / np.sqrt((rows**2).mean(-1, keepdims=True) + 1e-6) * weights[f"attention.{name}_norm.weight"]
            sides.append(np.stack([turned(config, row, positions[:, i]) for i, row in enumerate(rows)]))
        logits = np.where(visible, sides[0] @ sides[1].T / np.sqrt(dim), -np.inf)
        share = np.exp(logits - logits.max(-1, keepdims=True))
        attended[:, part] = share / share.sum(-1, keepdims=True) @ v[:, part]
    x = x + gate * layer(weights, "attention.out", attended)
    h = norm(x) * (1 + scale2) + shift2
    return x + gate2 * layer(weights, "mlp.down", silu(layer(weights, "mlp.gate", h)) * layer(weights, "mlp.up", h))


@pytest.mark.parametrize("name", CONFIGS)
def test_velocity_of_the_twin_is_the_reports_formula(pairs, name):
    """All of it but the embedding of time: stream, positions behind the prompt, masks, blocks, output."""
    config, head = QwenVlaConfig(**CONFIGS[name]), copy.deepcopy(pairs(name).head).double()
    rng = np.random.default_rng([SEED, 31])
    tokens, hidden = 7, rng.standard_normal((7, 64))
    positions = rng.integers(0, 6, (3, tokens))
    actions, tau = rng.standard_normal((config.horizon, config.action_dim)), 0.75
    weights = {key: value.numpy() for key, value in head.state_dict().items()}
    with torch.no_grad():
        time, at_zero = (head.time(torch.tensor([t], dtype=torch.float64)).numpy() for t in (tau, 0.0))
    mask = mask_of(config, config.rows, config.channels)
    encoded = layer(weights, "action_encoder.layer2", silu(layer(weights, "action_encoder.layer1", actions * mask)))
    x = np.concatenate([layer(weights, "context", hidden), encoded])
    behind = positions.max() + 1 + np.arange(config.horizon)
    places = np.concatenate([positions, np.stack([behind] * 3)], axis=1)
    n = len(x)
    of_prompt = np.arange(n) < tokens
    visible = np.broadcast_to(np.concatenate([np.ones(tokens, bool), np.arange(config.horizon) < config.rows]), (n, n))
    condition = np.broadcast_to(time, (n, config.width))
    if not config.joint:
        visible = visible & ~(of_prompt[:, None] & ~of_prompt[None])
        condition = np.where(of_prompt[:, None], at_zero, time)
    for index in range(config.layers):
        prefix = f"blocks.{index}."
        x = one_block(config, {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}, x, silu(condition), places, visible)
    shift, scale = np.split(layer(weights, "output_modulation", silu(condition[tokens:])), 2, axis=-1)
    out = norm(x[tokens:]) * (1 + scale) + shift
    expected = layer(weights, "action_decoder.layer2", silu(layer(weights, "action_decoder.layer1", out))) * mask
    ones = torch.ones(1, tokens, dtype=torch.bool)
    prompt = Prompt(torch.from_numpy(hidden)[None], ones, ~ones, torch.from_numpy(positions)[None], (1, 1))
    with torch.no_grad():
        got = head(torch.from_numpy(actions)[None], torch.tensor([tau], dtype=torch.float64), prompt)[0]
    # Doubles, but for angles, root mean square norms and softmax, which are f32 as in the C++ code.
    heads.report(f"qwen_vla_dit {name}", "velocity of the twin and formula", got, expected, 1e-5)


def test_padding_of_a_batch_changes_nothing(pairs):
    config, head = QwenVlaConfig(**CONFIGS["joint"]), pairs("joint").head
    rng = np.random.default_rng([SEED, 32])
    hidden, positions = torch.from_numpy(rng.standard_normal((2, 9, 64)).astype(np.float32)), torch.arange(9).expand(2, 3, -1)
    seen = torch.arange(9) < torch.tensor([[9], [5]])
    actions = torch.from_numpy(rng.standard_normal((4, config.horizon, config.action_dim)).astype(np.float32))  # two draws of each
    tau = torch.tensor([0.1, 0.6, 0.3, 1.0])
    with torch.no_grad():
        both = head(actions, tau, Prompt(hidden, seen, ~seen, positions, (1, 1)))
        alone = head(actions[2:], tau[2:], Prompt(hidden[1:, :5], seen[1:, :5], ~seen[1:, :5], positions[1:, :, :5], (1, 1)))
    torch.testing.assert_close(both[2:], alone, atol=1e-5, rtol=0)


# --- invariants ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["joint", "kept context", "padded", "padded, kept context"])
def test_masked_slots_change_nothing(pairs, name, backend):
    """Whatever the noise or a prefix holds there: bit by bit, and what comes out there is 0."""
    pair, config = pairs(name), QwenVlaConfig(**CONFIGS[name])
    ours = sinew.Policy.load(pair.folder, backend=backend)
    rng = np.random.default_rng([SEED, 33])
    observation, noise = pair.observe(rng), noise_of(rng, config)
    for inputs, mask in (({}, mask_of(config, config.rows, config.channels)), ({"mask": mask_of(config, 2, 3)}, mask_of(config, 2, 3))):
        found = []
        for fill in (0.0, 2.0, -300.0):
            filled = np.where(mask == 1, noise, np.float32(fill))
            found.append(heads.raw(ours, observation, noise=filled, inputs=inputs))
        assert not found[0][mask == 0].any() and found[0][mask == 1].all()
        np.testing.assert_array_equal(found[1], found[0])
        np.testing.assert_array_equal(found[2], found[0])
        prefix = found[0][1:].copy()
        tied = heads.raw(ours, observation, noise=noise, inputs=inputs, prefix=prefix, prefix_delay=1)
        prefix[mask[:-1] == 0] = 7  # its first row is due now
        np.testing.assert_array_equal(heads.raw(ours, observation, noise=noise, inputs=inputs, prefix=prefix, prefix_delay=1), tied)
    assert np.abs(heads.raw(ours, observation, noise=noise, inputs={"mask": mask_of(config, 1, 1)})[0, 0] - found[0][0, 0]) > 1e-4  # but what counts, does


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_kept_of_a_prompt_is_that_prompts(pairs, backend):
    """Longer, shorter and other prompts in turn give the bits of a policy that saw them alone."""
    pair = pairs("kept context")
    ours = sinew.Policy.load(pair.folder, backend=backend)
    rng = np.random.default_rng([SEED, 34])
    observations = [pair.observe(rng, text=text) for text in ("wave", "wave with the left hand, slowly", "go", "wave")]
    alone = [heads.raw(sinew.Policy.load(pair.folder, backend=backend), each, seed=4) for each in observations]
    for _ in range(2):
        for each, expected in zip(observations, alone, strict=True):
            np.testing.assert_array_equal(heads.raw(ours, each, seed=4), expected)


def test_what_does_not_fit_is_refused(pairs, tmp_path):
    ours, observation = sinew.Policy.load(pairs("joint").folder), pairs("joint").observe(np.random.default_rng(SEED))
    for mask in (np.full((5, 9), 0.5), np.ones((4, 9)), np.ones((6, 9)), np.ones(9)):
        with pytest.raises(sinew.Error, match="mask"):
            ours.act(observation, seed=1, inputs={"mask": mask})
    for name, changes, words in (
        ("rows", {"rows": 6}, "rows"),
        ("channels", {"channels": 0}, "channels"),
        ("sections", {"mrope_section": [4, 2, 1]}, "mrope_section"),
        ("rotary", {"rotary_dim": 18}, "rotary_dim"),
        ("heads", {"heads": 5}, "heads"),
        ("norm", {"qk_norm": False}, "norm.weight"),
        ("width", {"context_width": 65}, "context_width|context.weight"),
        ("steps", {"steps": 1000}, "steps"),
    ):
        (tmp_path / name).mkdir()
        config = QwenVlaConfig(**SMALL)
        broken = heads.Pair(tmp_path / name, QwenVlaDit(config), heads.card("qwen_vla_dit", action(config)))
        file = broken.folder / "config.json"
        document = heads.json.loads(file.read_text())
        document["action_head"] |= changes
        file.write_text(heads.json.dumps(document))
        with pytest.raises(sinew.Error, match=words):
            sinew.Policy.load(broken.folder)


# --- training -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("joint", [True, False])
def test_it_can_be_trained(tmp_path, backend, joint):
    """Two joints in a tensor of three columns, from the brightness of an image."""

    def chunk_of(states):
        rows = np.zeros((len(states), 4, 3), np.float32)
        rows[..., 0] = states[:, :1] + 0.1 * np.arange(4)
        rows[..., 1] = -2 * states[:, :1]
        return rows

    config = QwenVlaConfig.small(32, 2, 3, 3, 4)
    config.context_width, config.layers, config.channels, config.joint = 64, 2, 2, joint
    mask = [1, 1, 0]
    description = heads.card("qwen_vla_dit", action(config))
    rows, modules, batches = heads.train(tmp_path, description, config, chunk_of, embodiment=heads.samples.embodiment(mask), steps=240)
    losses = [row["flow_loss"] for row in rows]
    print("losses", [f"{value:.3f}" for value in losses])
    assert losses[-1] < 0.5 * losses[0]
    ours = sinew.Policy.load(tmp_path, backend=backend)
    batch = batches.draw(np.array([9]), np.random.default_rng(SEED))
    noise = np.random.default_rng([SEED, 35]).standard_normal((4, 3)).astype(np.float32)
    expected = modules.action_model.sample(torch.from_numpy(noise)[None], heads.trained_prompt(modules, batch))[0].numpy()
    heads.report("qwen_vla_dit trained", backend, heads.raw(ours, heads.trained_observation(batches, 9), noise=noise), expected, TOLERANCE)
    assert np.abs(expected[:, :2] - batch.actions[0, :, :2].numpy()).mean() < 0.5  # normalised: what it was taught, roughly
