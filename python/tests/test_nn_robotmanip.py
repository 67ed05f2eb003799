# SPDX-License-Identifier: Apache-2.0
"""RobotManip's action head: C++ on both backends beside its PyTorch twin, the twin beside the report's formulas in NumPy, invariants, training."""

import copy

import head_policies as heads
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from test_nn import BACKENDS, SEED

import sinew
from sinew.train import samples
from sinew.train.dit import TimeEmbedding
from sinew.train.robotmanip import COLUMNS, RobotManipConfig, RobotManipDit, Turns

SMALL = {"context_width": 64, "width": 48, "heads": 3, "layers": 4, "mlp_width": 40, "queries": 3, "horizon": 5, "steps": 4, "camera_dims": 8, "rope_theta": 100.0}
CONTEXT = {"context_chunks": 3, "context_steps": 4, "context_tokens": 2}
CONFIGS = {
    "plain": SMALL,
    "context": SMALL | CONTEXT,
    "dual arm, two references": SMALL | {"end_effectors": ["dual_left", "dual_right"], "reference_cameras": [1, 0]} | CONTEXT,
    "no gates, values not turned": SMALL | {"gates": False, "rotate_values": False, "queries": 0, "reference_cameras": [0, 2]},
    "no state, all camera": SMALL | {"state": False, "camera_dims": 16, "steps": 3},
    "no camera dims, odd blocks": SMALL | {"camera_dims": 0, "layers": 3, "heads": 2, "end_effectors": ["egocentric_head", "mobile_base"]},
    "published head": SMALL | {"width": 128, "heads": 2, "camera_dims": 32, "layers": 2, "horizon": 16, "rope_theta": 10000.0} | CONTEXT,
}
ARM = [*range(7), 16]  # left joints, left gripper
# f32: four steps through a few blocks of random weights, and hidden states that agree within 2e-5.
TOLERANCE = 5e-5


def action(horizon):
    parts = [{"name": "joints", "joints": {"size": 7, "relative_to": "", "first": 0}}, {"name": "gripper", "gripper": {"convention": "pi", "open": 0.08, "closed": 0.0}}]
    layout = {"name": "canonical", "width": 80, "rows": horizon, "slots": [{"part": "left_joints", "size": 7}, {"part": "left_gripper", "size": 1}]}
    return {"decoder": "parts", "joint_names": [f"j{i}" for i in range(7)] + ["gripper"], "horizon": horizon, "parts": parts, "layout": layout}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    made = {}

    def get(name):
        if name not in made:
            config = RobotManipConfig(**CONFIGS[name])
            made[name] = heads.Pair(tmp_path_factory.mktemp("manip"), RobotManipDit(config), heads.card("robotmanip_dit", action(config.horizon), state=80))
        return made[name]

    return get


def rigid(rng, spread=1.0):
    pose = np.eye(4)
    pose[:3, :3] = Rotation.random(random_state=rng.integers(2**31)).as_matrix()
    pose[:3, 3] = rng.uniform(-spread, spread, 3)
    return pose


def cameras(rng, count=3):
    """Extrinsics of the two images and one camera more, intrinsics of the images, times of the images."""
    intrinsics = np.column_stack([rng.uniform(0.5, 2, (2, 2)), rng.uniform(0.3, 0.7, (2, 2))])
    return {"extrinsics": np.stack([rigid(rng) for _ in range(count)]), "intrinsics": intrinsics, "image_times": np.array([-4.0, 0.0])}


def earlier(rng, config, chunks):
    return {"context_states": rng.standard_normal((chunks, 80)), "context_actions": rng.standard_normal((chunks, config.context_steps, 80))}


def mask_of(columns):
    mask = np.zeros(80)
    mask[columns] = 1
    return mask


def batched(inputs):
    return {name: torch.from_numpy(np.asarray(value))[None].to(torch.int64 if np.asarray(value).dtype.kind == "i" else torch.float32) for name, value in inputs.items()}


def twin(pair, observation, noise, inputs):
    prompt, tensors = pair.prompt(observation)
    return pair.head.sample(torch.from_numpy(noise)[None], prompt, torch.from_numpy(tensors["state"])[None, None], batched(inputs))[0].numpy()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", CONFIGS)
def test_actions_are_those_of_the_twin(pairs, name, backend):
    pair, config = pairs(name), RobotManipConfig(**CONFIGS[name])
    ours = sinew.Policy.load(pair.folder, backend=backend)
    rng = np.random.default_rng([SEED, 7])
    cases = {"nothing known": {}, "cameras": cameras(rng, 3), "masked": cameras(rng, 3) | {"mask": mask_of(ARM), "end_effectors": np.array([0, 2])}}
    cases["extrinsics alone"] = {"extrinsics": cameras(rng, 3)["extrinsics"], "reference_cameras": np.array([2, 2])}
    if config.context_chunks:
        cases["one earlier chunk"] = earlier(rng, config, 1)
        cases["all earlier chunks"] = cameras(rng, 3) | earlier(rng, config, 3) | {"mask": mask_of([*ARM, 30, 59])}
    for case, inputs in cases.items():
        observation = pair.observe(rng, state=80, text=f"{case}: put the toy on the mat")
        noise = rng.standard_normal((config.horizon, 80)).astype(np.float32)
        got = heads.raw(ours, observation, noise=noise, inputs=inputs)
        heads.report(f"robotmanip_dit {name}, {case}", backend, got, twin(pair, observation, noise, inputs), TOLERANCE)


# --- the twin, beside formulas ------------------------------------------------------------------------------------------------------------


def layer(weights, name, x):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def representation(config, dim, time, pose):
    """rho(token): block-diagonal [dim, dim]; planes of the first half turned by the time, then the pose for every four numbers (GTA, eq. 5)."""
    by_time = dim - config.camera_dims
    rho = np.zeros((dim, dim))
    for j in range(by_time // 2):
        angle = time * config.rope_theta ** (-2 * j / by_time)
        i = j + by_time // 2
        rho[j, j], rho[j, i], rho[i, j], rho[i, i] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
    for at in range(by_time, dim, 4):
        rho[at : at + 4, at : at + 4] = pose
    return rho


def attention(config, weights, name, x, rhos, source, source_rhos, seen):
    """GTA: out_i = rho_i^-1 sum_j softmax_j(q_i^T rho_i^-1 rho_j k_j / sqrt(dim)) rho_j v_j, token by token, head by head."""
    dim, out = config.width // config.heads, np.zeros_like(x)
    q, k, v = layer(weights, f"{name}.q", x), layer(weights, f"{name}.k", source), layer(weights, f"{name}.v", source)
    for head in range(config.heads):
        part = slice(head * dim, (head + 1) * dim)
        for i in range(len(x)):
            inverse = np.linalg.inv(rhos[i])
            logits = np.array([q[i, part] @ inverse @ source_rhos[j] @ k[j, part] / np.sqrt(dim) if seen[j] else -np.inf for j in range(len(source))])
            share = np.exp(logits - logits.max())
            out[i, part] = inverse @ sum(share[j] / share.sum() * source_rhos[j] @ v[j, part] for j in range(len(source)))
    return layer(weights, f"{name}.out", out)


def silu(x):
    return x / (1 + np.exp(-x))


def one_block(config, weights, x, condition, rhos, seen, source, source_rhos, source_seen):
    """Self-attention, cross-attention and SwiGLU, each behind a norm that the condition scales and shifts, in doubles."""
    parts = np.split(layer(weights, "modulation", condition), 9 if config.gates else 6, axis=-1)
    each = len(parts) // 3
    sublayers = (
        lambda h: attention(config, weights, "self_attention", h, rhos, h, rhos, seen),
        lambda h: attention(config, weights, "cross_attention", h, rhos, source, source_rhos, source_seen),
        lambda h: layer(weights, "mlp.down", silu(layer(weights, "mlp.gate", h)) * layer(weights, "mlp.up", h)),
    )
    for i, sublayer in enumerate(sublayers):
        shift, scale = parts[each * i : each * i + 2]
        normed = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
        y = sublayer(normed * (1 + scale) + shift)
        x = x + (parts[each * i + 2] * y if config.gates else y)
    return x


@pytest.mark.parametrize("name", ["plain", "no gates, values not turned"])
def test_a_block_of_the_twin_is_the_reports_formula(pairs, name):
    """With values turned, as GTA has it; cameras of each token its own."""
    config = RobotManipConfig(**CONFIGS[name] | {"rotate_values": True})
    block = pairs(name).head.blocks[1]
    block.self_attention.config = block.cross_attention.config = config
    rng = np.random.default_rng([SEED, 8])
    n, m = 6, 7
    x, condition, source = rng.standard_normal((n, config.width)), rng.standard_normal((n, config.width)), rng.standard_normal((m, 64))
    poses, times = {k: np.stack([rigid(rng) for _ in range(count)]) for k, count in (("x", n), ("s", m))}, rng.integers(-3, 9, n).astype(float)
    seen, source_seen = rng.random(n) < 0.7, np.array([1, 1, 0, 1, 0, 1, 1], bool)
    seen[0] = True
    dim = config.width // config.heads
    rhos = [representation(config, dim, times[i], poses["x"][i]) for i in range(n)]
    source_rhos = [representation(config, dim, -2.0, poses["s"][j]) for j in range(m)]
    weights = {key: value.double().numpy() for key, value in block.state_dict().items()}
    expected = one_block(config, weights, x, condition, rhos, seen, source, source_rhos, source_seen)

    def t(value):
        return torch.from_numpy(np.asarray(value))[None]

    turns, its = Turns(t(times), t(poses["x"])), Turns(t(np.full(m, -2.0)), t(poses["s"]))
    with torch.no_grad():
        got = copy.deepcopy(block).double()(t(x), t(condition), turns, t(seen), t(source), its, t(source_seen))[0]
    for each in (block.self_attention, block.cross_attention):
        each.config = RobotManipConfig(**CONFIGS[name])
    # Doubles, but for the times' angles, which are f32 as in the C++ code: 9 steps, 3e-7 of an angle.
    heads.report(f"robotmanip_dit {name}", "block of the twin and formula", got, expected, 1e-5)


def test_the_embedding_of_time_is_sines_of_a_thousand_times_it():
    mlp = TimeEmbedding(8).double()
    got = mlp(torch.tensor([0.25]).double()).detach().numpy()
    angles = 250 * np.exp(-np.log(10000) * np.arange(128) / 127)
    w = {key: value.detach().numpy() for key, value in mlp.state_dict().items()}
    np.testing.assert_allclose(got, layer(w, "layer2", silu(layer(w, "layer1", np.concatenate([np.cos(angles), np.sin(angles)])[None]))), atol=1e-4)


def test_tokens_are_those_of_the_canonical_vector():
    rows = np.arange(80.0)[None]
    np.testing.assert_array_equal(np.ravel(sinew.action.canonical.split_tokens(rows)), rows[0, COLUMNS])


# --- invariants ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["context", "dual arm, two references"])
def test_the_world_frame_cancels(pairs, name, backend):
    pair, config = pairs(name), RobotManipConfig(**CONFIGS[name])
    ours = sinew.Policy.load(pair.folder, backend=backend)
    rng = np.random.default_rng([SEED, 11])
    observation, inputs = pair.observe(rng, state=80), cameras(rng) | earlier(rng, config, 2)
    before = heads.raw(ours, observation, seed=1, inputs=inputs)
    moved = heads.raw(ours, observation, seed=1, inputs=inputs | {"extrinsics": rigid(rng, 3.0) @ inputs["extrinsics"]})
    heads.report(f"robotmanip_dit {name}, another world frame", backend, moved, before, 1e-5)  # poses are rounded to f32 in each frame
    other = inputs["extrinsics"].copy()
    other[1] = other[1] @ rigid(rng, 0.3)
    assert np.abs(heads.raw(ours, observation, seed=1, inputs=inputs | {"extrinsics": other}) - before).max() > 1e-3  # one camera alone does matter
    unknown = {key: value for key, value in inputs.items() if key != "extrinsics"}
    assert np.abs(heads.raw(ours, observation, seed=1, inputs=unknown) - before).max() > 1e-3


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["context", "published head"])
def test_masked_slots_change_nothing(pairs, name, backend):
    """Whatever lies there: noise, state, earlier chunks, a prefix. Bit by bit, and what comes out there is 0."""
    pair, config = pairs(name), RobotManipConfig(**CONFIGS[name])
    ours = sinew.Policy.load(pair.folder, backend=backend)
    rng = np.random.default_rng([SEED, 12])
    for columns in (ARM, [*ARM, 31, 60], [*range(29, 36)]):
        hidden = mask_of(columns) == 0
        inputs = {"mask": mask_of(columns)} | cameras(rng) | earlier(rng, config, 2)
        state, noise = rng.uniform(-1, 1, 80), rng.standard_normal((config.horizon, 80)).astype(np.float32)
        found = []
        for fill in (0.0, 3.0, -200.0):
            state[hidden], noise[:, hidden] = fill, fill
            for key in ("context_states", "context_actions"):
                inputs[key][..., hidden] = fill
            observation = pair.observe(np.random.default_rng(SEED), state=state)
            found.append(heads.raw(ours, observation, noise=noise, inputs=inputs))
        assert not found[0][:, hidden].any() and found[0][:, ~hidden].all()
        np.testing.assert_array_equal(found[1], found[0])
        np.testing.assert_array_equal(found[2], found[0])
        prefix = found[0][1:].copy()
        tied = heads.raw(ours, observation, noise=noise, inputs=inputs, prefix=prefix, prefix_delay=1)
        prefix[:, hidden] = 5
        np.testing.assert_array_equal(heads.raw(ours, observation, noise=noise, inputs=inputs, prefix=prefix, prefix_delay=1), tied)
        assert np.abs(tied - found[0]).max() > 1e-3


@pytest.mark.parametrize("backend", BACKENDS)
def test_earlier_chunks_change_the_actions_and_none_change_no_bit(pairs, backend):
    pair, config = pairs("context"), RobotManipConfig(**CONFIGS["context"])
    ours = sinew.Policy.load(pair.folder, backend=backend)
    rng = np.random.default_rng([SEED, 13])
    observation, chunks, views = pair.observe(rng, state=80), earlier(rng, config, 3), cameras(rng)
    without = heads.raw(ours, observation, seed=1, inputs=views)
    empty = {key: value[:0] for key, value in chunks.items()}
    np.testing.assert_array_equal(heads.raw(ours, observation, seed=1, inputs=views | empty), without)
    one, two = ({key: value[-count:] for key, value in chunks.items()} for count in (1, 2))
    results = [without, *(heads.raw(ours, observation, seed=1, inputs=views | each) for each in (one, two, chunks))]
    for i, a in enumerate(results):
        assert all(np.abs(a - b).max() > 1e-3 for b in results[:i])
    swapped = {key: value[::-1] for key, value in two.items()}
    assert np.abs(heads.raw(ours, observation, seed=1, inputs=views | swapped) - results[2]).max() > 1e-3  # their order is told
    np.testing.assert_array_equal(heads.raw(ours, observation, seed=1, inputs=views), without)  # nothing stays behind


def test_what_does_not_fit_is_refused(pairs, tmp_path):
    pair = pairs("context")
    ours = sinew.Policy.load(pair.folder)
    rng = np.random.default_rng(SEED)
    observation = pair.observe(rng, state=80)
    sheared = cameras(rng)["extrinsics"]
    sheared[1, 0, 0] += 0.1
    for inputs, words in (
        ({"extrinsic": np.eye(4)[None]}, "extrinsics"),
        ({"extrinsics": sheared}, "extrinsics of camera 1: expected a rigid transform"),
        ({"extrinsics": np.eye(4)[None]}, "at least 2, of the images"),
        ({"extrinsics": cameras(rng)["extrinsics"], "reference_cameras": [0, 3]}, "0 to 2"),
        ({"intrinsics": np.ones((3, 4))}, "intrinsics"),
        ({"intrinsics": np.zeros((2, 4))}, "positive focal lengths"),
        ({"mask": np.full(80, 0.5)}, "0 and 1"),
        ({"mask": np.ones(79)}, r"\[80\]"),
        ({"end_effectors": [0, 5]}, "codes from 0 to 4"),
        ({"end_effectors": [0.5, 1.0]}, "whole numbers"),
        ({"context_states": np.zeros((1, 80))}, "both or none"),
        ({"context_states": np.zeros((4, 80)), "context_actions": np.zeros((4, 4, 80))}, "context_states"),
    ):
        with pytest.raises(sinew.Error, match=words):
            ours.act(observation, seed=1, inputs=inputs)
    ours.act(observation, seed=1)
    for name, changes, words in (
        ("heads", {"heads": 5}, "heads"),
        ("camera", {"camera_dims": 6}, "camera_dims"),
        ("columns", {"columns": [3, 3]}, "columns"),
        ("codes", {"end_effectors": ["single_arm", "dual_rihgt"]}, "dual_right"),
        ("chunks", {"context_chunks": 2}, "context_chunks"),
        ("width", {"context_width": 65}, "context_width|cross_attention"),
        ("state", {"state_columns": [1, 2]}, "input 'state': expected f32 .2."),
    ):
        (tmp_path / name).mkdir()
        config = RobotManipConfig(**SMALL)
        broken = heads.Pair(tmp_path / name, RobotManipDit(config), heads.card("robotmanip_dit", action(5), state=80))
        file = broken.folder / "config.json"
        document = heads.json.loads(file.read_text())
        document["action_head"] |= changes
        file.write_text(heads.json.dumps(document))
        with pytest.raises(sinew.Error, match=words):
            sinew.Policy.load(broken.folder)


# --- training -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_can_be_trained(tmp_path, backend):
    """On states in canonical columns of the configuration's choice, with a camera's pose that all moments have alike."""

    def chunk_of(states):
        rows = np.zeros((len(states), 4, 80), np.float32)
        rows[..., :3] = states[:, None] + 0.2 * np.arange(4)[None, :, None] * states[:, None, :1]
        rows[..., 16] = np.sign(states[:, :1])
        return rows

    config = RobotManipConfig.small(32, 2, 3, 80, 4)
    config.context_width, config.layers = 64, 2
    poses = np.stack([rigid(np.random.default_rng([SEED, 20 + i])) for i in range(2)])
    one = samples.embodiment(mask_of([0, 1, 2, 16]), inputs={"extrinsics": poses.tolist(), "end_effectors": [0, 0]})
    description = heads.card("robotmanip_dit", action(4))
    slots = [{"part": "left_joints", "size": 3}, {"part": "left_gripper", "size": 1}]
    description["action"]["layout"]["slots"], description["action"]["parts"][0]["joints"]["size"] = slots, 3
    description["action"]["joint_names"] = ["a", "b", "c", "gripper"]
    rows, modules, batches = heads.train(tmp_path, description, config, chunk_of, embodiment=one, steps=240)
    losses = [row["flow_loss"] for row in rows]
    print("losses", [f"{value:.3f}" for value in losses])
    assert losses[-1] < 0.5 * losses[0]
    ours = sinew.Policy.load(tmp_path, backend=backend)
    batch = batches.draw(np.array([9]), np.random.default_rng(SEED))
    noise = np.random.default_rng([SEED, 21]).standard_normal((4, 80)).astype(np.float32)
    inputs = {"extrinsics": poses, "mask": mask_of([0, 1, 2, 16]), "end_effectors": np.array([0, 0])}
    expected = modules.action_model.sample(torch.from_numpy(noise)[None], heads.trained_prompt(modules, batch), batch.state, batched(inputs))[0].numpy()
    heads.report("robotmanip_dit trained", backend, heads.raw(ours, heads.trained_observation(batches, 9), noise=noise, inputs=inputs), expected, TOLERANCE)
    assert np.abs(expected[:, :3] - batch.actions[0, :, :3].numpy()).mean() < 0.5  # normalised: what it was taught, roughly
