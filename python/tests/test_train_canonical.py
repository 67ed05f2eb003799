# SPDX-License-Identifier: Apache-2.0
"""Training on cards whose actions are parts, in the 80 canonical dimensions above all: rows, masks, several embodiments, and the policy in C++."""

import copy
import json
from pathlib import Path

import numpy as np
import policy_directory as made
import pytest
import torch
from test_train import HORIZON, JOINTS, RNG, SIDE, small_card, write_recording

import sinew
from sinew import kinematics
from sinew.train import fine_tune, policy, recordings, samples, targets
from sinew.train.batches import Batches
from sinew.train.flow_dit import FlowDitConfig
from sinew.train.qwen3_vl import Qwen3VlConfig
from sinew.train.trainer import Trainer, TrainOptions, draw_flow, flow_loss

IDENTITY = {"mode": "identity", "rule": "", "key": ""}
GRIPPER = {"name": "gripper", "gripper": {"convention": "pi", "open": 0.08, "closed": 0.0}}
CAMERA = np.array([1.0, 0.5, 0.8, *kinematics.rotation.from_matrix(kinematics.rotation.to_matrix([0.3, -1.9, 0.4], "rotvec"), "wxyz")])


def tool(frame, reference, rotation="rotvec", **more):
    part = {"channel": "" if reference == "absolute" else "tool_pose", "frame": frame, "reference": reference, "rotation": rotation}
    camera = {"camera": "camera_pose" if frame == "camera" else "", "camera_optional": False}
    return {"name": "tool", "tool": part | {"position_scale": 1.0, "rotation_scale": 1.0} | camera | more}


def joints(size, relative_to="", first=0):
    return {"name": "joints", "joints": {"size": size, "relative_to": relative_to, "first": first}}


def canonical(rows=HORIZON, **slots):
    return {"name": "canonical", "width": 80, "rows": rows, "slots": [{"part": part, "size": size} for part, size in slots.items()]}


def parts_card(parts, layout, names=None):
    card = small_card()
    names = names or [f"j{i}" for i in range(7)] + ["gripper"]
    card["action"] |= {"decoder": "parts", "joint_names": names, "parts": parts, "layout": layout}
    return card


# --- rows -------------------------------------------------------------------------------------------------------------------------------

UNUSED = {"name": "rest", "unused": {"size": 7}}
SPACES = {
    "joints": ([joints(7), GRIPPER], canonical(left_joints=7, left_gripper=1), [*range(7), 16]),
    "right arm, longer": ([joints(7), GRIPPER], canonical(HORIZON + 2, right_joints=7, right_gripper=1), [*range(29, 36), 45]),
    "relative joints": ([joints(7, "joint_position"), GRIPPER], canonical(left_joints=7, left_gripper=1), [*range(7), 16]),
    "tool": ([UNUSED, tool("base", "first"), GRIPPER], canonical(left_joints=7, left_tool=6, left_gripper=1), [*range(7, 13), 16]),
    "tool in the camera": ([tool("camera", "first"), GRIPPER], canonical(left_tool=6, left_gripper=1), [*range(7, 13), 16]),
    "steps of a controller": ([tool("tool", "previous", position_scale=0.05, rotation_scale=0.5), GRIPPER], canonical(left_tool=6, left_gripper=1), [*range(7, 13), 16]),
    "pose": ([tool("base", "absolute", "rot6d_rows"), GRIPPER], canonical(left_tool=9, left_gripper=1), [*range(7, 17)]),
    "padded": ([tool("base", "first"), GRIPPER], {"name": "padded", "width": 9, "rows": HORIZON + 1, "slots": []}, range(7)),
    "bare": ([joints(7), GRIPPER], None, range(8)),
}


@pytest.mark.parametrize("space", SPACES)
def test_rows_are_undone_by_the_decoder(space, tmp_path):
    parts, layout, used = SPACES[space]
    card = parts_card(parts, layout)
    card["action"]["normalization"] = card["state"]["normalization"] = IDENTITY
    card["state"]["channels"] = [{"name": "joint_position", "unit": "rad,m", "size": 8, "rate": 10.0}]
    card["statistics"] = {"file": "", "sha256": "", "format": ""}
    (tmp_path / "sinew.json").write_text(json.dumps(card))
    chain = kinematics.Chain.from_urdf(str(Path(__file__).parents[2] / "models/robots/panda.urdf"), "panda_link0", "panda_hand_tcp")
    rng = np.random.default_rng([*RNG, 40])
    arm = chain.lower + (chain.upper - chain.lower) * rng.uniform(0.3, 0.7, (HORIZON + 1, 7))
    q = np.column_stack([arm, np.linspace(0, 0.08, HORIZON + 1)])
    pose = kinematics.forward(chain, q[0][:7])
    measured = np.concatenate([pose[:3, 3], kinematics.rotation.from_matrix(pose[:3, :3], "wxyz")])
    state = {"joint_position": (q[0], 0.0, "rad,m"), "tool_pose": (measured, 0.0, "m,quat_wxyz"), "camera_pose": (CAMERA, 0.0, "m,quat_wxyz")}
    observation = sinew.Observation({}, state, "", time=0.0)
    way = targets.make_targets(card, chain)
    rows = way.rows(q[1:], observation)
    assert rows.shape == (layout["rows"] if layout else HORIZON, way.size) and np.flatnonzero(way.mask).tolist() == list(used)
    assert not rows[:, ~way.mask].any() and not rows[HORIZON:].any()
    chunk = sinew.action.Decoder.from_directory(tmp_path).decode({"actions": rows.astype(np.float32)}, observation)
    values = np.asarray(chunk.values)
    np.testing.assert_allclose(values[:, -1], q[1:, 7], atol=1e-6)
    if chunk.space == "joint_position":
        np.testing.assert_allclose(values, q[1:], atol=1e-6)
    else:
        poses = kinematics.forward_batch(chain, np.ascontiguousarray(arm[1:]))
        np.testing.assert_allclose(values[:, :3], poses[:, :3, 3], atol=1e-6)
        np.testing.assert_allclose([kinematics.rotation.to_matrix(row, "wxyz") for row in values[:, 3:7]], poses[:, :3, :3], atol=1e-6)


def test_what_cannot_be_trained_is_refused():
    own = {"mode": "mean_std", "rule": "lerobot", "key": "action", "first": 0}
    for parts, words in (
        ([{"name": "path", "waypoint": {"scale": [1, 1, 1], "reference": "first", "channel": ""}}], "got waypoints or bins"),
        ([joints(7) | {"normalization": own}, GRIPPER], "expected one normalisation"),
        ([tool("base", "first"), tool("base", "first") | {"name": "other"}, GRIPPER], "expected at most one tool, got 2"),
        ([tool("base", "first"), GRIPPER], "expected a chain of the 7 joints of the tool's arm, got none"),
    ):
        with pytest.raises(sinew.Error, match=words):
            targets.make_targets(parts_card(parts, None))


# --- runs -------------------------------------------------------------------------------------------------------------------------------

LEFT, RIGHT = (canonical(**{f"{side}_joints": 2, f"{side}_gripper": 1}) for side in ("left", "right"))
WIDE = {"name": "gripper", "gripper": {"convention": "pi", "open": 3.0, "closed": 0.0}}


def one_arm(layout):
    card = parts_card([joints(2), WIDE], copy.deepcopy(layout), [f"j{i}" for i in range(JOINTS)])
    card["prompt"] = made.card(JOINTS, HORIZON, SIDE)["prompt"]
    return card


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("canonical")
    card = one_arm(LEFT)
    recordings.convert(write_recording(folder / "a.mcap"), recordings.Reading(card=card, targets=targets.make_targets(card)), folder / "samples")
    data = samples.Samples.open(folder / "samples")
    policy.write_inputs(folder / "policy", card, made.tokenizer(), policy.statistics(data), policy.qwen_processor(16, SIDE * SIDE, 1))
    return folder


def build(folder, **options):
    batches = Batches(folder / "policy", samples.Samples.open(folder / "samples"))
    reference = made.qwen3_vl(vision={"spatial_merge_size": 1, "num_position_embeddings": 4, "deepstack_visual_indexes": [0], "depth": 1}, text={"num_hidden_layers": 2})
    sizes = Qwen3VlConfig.from_json(json.loads(reference.config.to_json_string(use_diff=False)))
    head = FlowDitConfig(width=32, heads=2, layers=2, context_width=64, output_width=32, mlp_width=32, horizon=HORIZON, action_dim=80, state_dim=JOINTS, future_tokens=0, positions=HORIZON)
    model = policy.new_policy(sizes, head, seed=3)
    return model, batches, TrainOptions(**{"steps": 8, "batch_size": 8, "warm_up": 2, "threads": 1, "log_every": 4} | options)


def test_samples_are_canonical(prepared):
    data = samples.Samples.open(prepared / "samples")
    assert data.chunk.shape == (24, HORIZON, 80) and np.flatnonzero(data.masks[0]).tolist() == [0, 1, 16]
    plain = small_card()
    joint = recordings.read_recording(prepared / "a.mcap", recordings.Reading(card=plain, targets=targets.make_targets(plain)))
    np.testing.assert_array_equal(data.chunk[..., :2], joint.chunk[..., :2])
    np.testing.assert_allclose(data.chunk[..., 16], 1 - joint.chunk[..., 2] / 3, atol=1e-6)
    assert joint.masks.all() and joint.embodiments[0]["prompt"] == {"family": "qwen3_vl"}


def test_samples_of_before_there_were_embodiments_open(prepared, tmp_path):
    data = samples.Samples.open(samples.Samples.open(prepared / "samples").save(tmp_path))
    assert data.embodiments == samples.Samples.open(prepared / "samples").embodiments
    (tmp_path / "samples.json").write_text(json.dumps({"instructions": data.instructions}))
    (tmp_path / "embodiment.npy").unlink()
    data = samples.Samples.open(tmp_path)
    assert data.masks.shape == (1, 80) and data.masks.all() and not data.embodiment.any() and data.embodiments[0]["prompt"] is None


def test_what_the_mask_hides_changes_nothing(prepared):
    """Not the loss, nor its gradients, nor the statistics, even where it is no number."""
    data = samples.Samples.open(prepared / "samples")
    before = policy.statistics(data)
    assert np.all(np.array(before["action"]["std"])[:, 2:16] == 1) and not np.array(before["action"]["mean"])[:, 2:16].any()
    data.chunk[..., ~data.masks[0]] = np.nan
    assert policy.statistics(data) == before
    model, batches, options = build(prepared, bf16=False)
    model.grid = batches.grid
    spoiled = Batches(prepared / "policy", data)
    found = []
    for source in (batches, spoiled):
        batch = source.draw(np.arange(6), np.random.default_rng(RNG))
        model.zero_grad()
        flow = flow_loss(model, batch, *draw_flow(batch, options, np.random.default_rng(RNG)), options)[0]
        flow.backward()
        found.append((flow.item(), [p.grad.clone() for p in model.parameters() if p.grad is not None]))
    assert np.isfinite(found[0][0]) and found[0][0] == found[1][0]
    assert all(torch.equal(a, b) for a, b in zip(found[0][1], found[1][1], strict=True))
    last = model.action_model.action_decoder.layer2.weight.grad
    assert last[[0, 1, 16]].any(1).all() and not last[[*range(2, 16), *range(17, 80)]].any()


def test_the_loss_is_the_mean_over_what_counts(prepared):
    """Against a loop over samples, draws, rows and columns."""
    model, batches, options = build(prepared, bf16=False, draws=2)
    model.grid, model = batches.grid, model.eval()
    batch = batches.draw(np.array([3, 20, 23]), np.random.default_rng(RNG))
    batch.valid[0, 2:], batch.weight[1] = 0, 2.5
    times, noise = draw_flow(batch, options, np.random.default_rng(RNG))
    with torch.no_grad():
        got = flow_loss(model, batch, times, noise, options)[0].item()
        total, count = 0.0, 0.0
        for i in range(3):
            hidden = model.model(batch.ids[i : i + 1], batch.positions[i : i + 1], batch.patches[i : i + 1], batches.grid)
            for k in (2 * i, 2 * i + 1):
                shown = noise[k].clone()
                for column in (0, 1, 16):
                    shown[:, column] = (1 - times[k]) * noise[k, :, column] + times[k] * batch.actions[i, :, column]
                seen = torch.arange(hidden.shape[1])[None] < batch.lengths[i]
                velocity = model.action_model(shown[None], (times[k : k + 1] * 1000).long(), hidden, batch.state[i : i + 1], seen)[0]
                for row in range(HORIZON):
                    errors = [(velocity[row, c] - (batch.actions[i, row, c] - noise[k, row, c])).item() ** 2 for c in (0, 1, 16)]
                    share = (batch.valid[i, row] * batch.weight[i]).item()
                    total, count = total + share * sum(errors) / 3, count + share
    assert got == pytest.approx(total / count, rel=1e-5)


def test_several_embodiments_are_trained_together(prepared, tmp_path):
    """Each with its own columns and words; where nobody has a column, the statistics are those of nothing."""
    right = one_arm(RIGHT)
    right["prompt"]["fields"] |= {"robot_tag": "other"}
    other = recordings.convert(prepared / "a.mcap", recordings.Reading(card=right, targets=targets.make_targets(right)), tmp_path / "right")
    data = samples.join([prepared / "samples", other, prepared / "samples"], tmp_path / "samples")
    assert len(data) == 72 and len(data.embodiments) == 2 and data.masks[data.embodiment].sum() == 3 * 72
    assert np.flatnonzero(data.masks[data.embodiment[24]]).tolist() == [29, 30, 45]
    stats, alone = policy.statistics(data), policy.statistics(samples.Samples.open(prepared / "samples"))
    for left, there in ((0, 29), (1, 30), (16, 45)):
        for name in ("mean", "std"):
            for column in (left, there):
                np.testing.assert_allclose(np.array(stats["action"][name])[:, column], np.array(alone["action"][name])[:, left], rtol=1e-5)
    policy.write_inputs(tmp_path / "policy", one_arm(LEFT), made.tokenizer(), stats, policy.qwen_processor(16, SIDE * SIDE, 1))
    model, batches, options = build(tmp_path, steps=2)
    batch = batches.draw(np.array([0, 24]), np.random.default_rng(RNG))
    assert batch.mask.shape == (2, 1, 80) and [row.nonzero()[:, 1].tolist() for row in batch.mask] == [[0, 1, 16], [29, 30, 45]]
    words = texts_of(batch)
    assert "The robot is arm with" in words[0] and "The robot is other with" in words[1]
    assert np.isfinite(Trainer(model, batches, options, tmp_path / "run").run()[-1]["flow_loss"])


def test_chunk_in_cpp_is_that_of_pytorch(prepared, tmp_path):
    model, batches, options = build(prepared)
    trainer = Trainer(model, batches, options, tmp_path / "run")
    trainer.run()
    policy.write_model(prepared / "policy", model, trainer.averaged)
    ours, python = sinew.Policy.load(prepared / "policy"), policy.load_policy(prepared / "policy").eval()
    data, noise = batches.samples, np.random.default_rng(RNG).standard_normal((HORIZON, 80), dtype=np.float32)
    for place in (0, 13):
        cameras = {name: (np.ascontiguousarray(data.images[place, i]), 0.0) for i, name in enumerate(("front", "wrist"))}
        text = data.instructions[data.instruction[place]]
        chunk = ours.act(sinew.Observation(cameras, {"joint_position": (data.state[place].astype(float), 0.0, "rad")}, text, time=0.0), noise=noise)
        assert chunk.space == "joint_position" and np.shape(chunk.values) == (HORIZON, JOINTS)
        ids, positions = (torch.from_numpy(x)[None] for x in batches.prompt(text))
        with torch.no_grad():
            hidden = python.model(ids, positions, batches.patches(data.images[place : place + 1]), batches.grid)
            expected = python.action_model.sample(torch.from_numpy(noise)[None], hidden, torch.from_numpy(batches.state[place])[None, None])[0]
        np.testing.assert_allclose(ours.outputs["actions"], expected, atol=1e-4)
        stats = json.loads((prepared / "policy" / "stats.json").read_text())["action"]
        values = (expected.numpy() * stats["std"] + stats["mean"])[:, [0, 1, 16]]
        np.testing.assert_allclose(chunk.values, np.column_stack([values[:, :2], 3 * (1 - values[:, 2]).clip(0, 1)]), atol=2e-4)


def test_a_canonical_card_is_trained_from_nothing(prepared, tmp_path):
    card = one_arm(LEFT)
    fine_tune.train(fine_tune.Plan([prepared / "a.mcap"], tmp_path / "own", card=card, width=32, options=TrainOptions(steps=2, batch_size=4)))
    assert sinew.Policy.load(tmp_path / "own").spec["outputs"] == [("actions", "f32", (HORIZON, 80))]
    again = fine_tune.Plan([prepared / "a.mcap"], tmp_path / "tuned", start=tmp_path / "own", options=TrainOptions(steps=2, batch_size=4))
    sinew.Policy.load(fine_tune.train(again))


def test_a_card_that_no_policy_could_have_is_refused_before_training(prepared, tmp_path):
    card = one_arm(LEFT)
    card["action"]["layout"]["slots"].reverse()
    with pytest.raises(sinew.Error, match="part 'joints'"):
        fine_tune.prepare(fine_tune.Plan([prepared / "a.mcap"], tmp_path / "own", card=card))


# --- prompts ----------------------------------------------------------------------------------------------------------------------------

REST = "The control frequency is 10 Hz. Please predict the next 4 control actions to execute the following task: wave."


def texts_of(batch):
    return [made.tokenizer().decode(ids[:length].tolist(), skip_special_tokens=False) for ids, length in zip(batch.ids, batch.lengths, strict=True)]


def test_the_embodiment_is_left_out_as_often_as_asked(prepared):
    _, batches, _ = build(prepared)
    for share, low, high in ((0.0, 24, 24), (1.0, 0, 0), (0.5, 90, 150)):
        rng = np.random.default_rng([*RNG, 50])
        rounds = 10 if share == 0.5 else 1
        texts = [text for _ in range(rounds) for text in texts_of(batches.draw(np.arange(24), rng, share))]
        assert low <= sum("The robot is arm with single arm. The control" in text for text in texts) <= high
        assert all(" control actions to execute the following task: " in text for text in texts)
    named, unnamed = (made.tokenizer().decode(batches.prompt("wave", named=named)[0].tolist(), skip_special_tokens=False) for named in (True, False))
    assert unnamed == named.replace("The robot is arm with single arm. ", "") and REST in unnamed


def test_without_dropout_a_batch_is_as_before(prepared):
    """The generator of a step is not asked: runs of before there was any go on as they were."""
    _, batches, _ = build(prepared)
    one, two = np.random.default_rng(RNG), np.random.default_rng(RNG)
    batches.draw(np.arange(4), one)
    two.integers(1), [two.integers(1) for _ in range(3)], two.standard_normal((4, JOINTS), dtype=np.float32)
    assert one.random() == two.random()


def test_prompts_without_the_embodiment():
    from sinew.train.prompts import without_embodiment

    fields = {"robot_tag": "arm with The control frequency is", "arms": "dual arms", "waist": "true", "fps": "10", "chunk_size": "4"}
    card, worded = without_embodiment({"name": "qwen_vla", "fields": fields, "max_bytes": 512})
    assert card == {"name": "instruction", "fields": {}, "max_bytes": 512} and worded("wave") == REST
    card, worded = without_embodiment({"name": "qwen_vla", "fields": fields | {"chat": "qwen3_vl", "view_tags": "true"}, "max_bytes": 512})
    assert card["fields"] == {"family": "qwen3_vl", "view_tags": "true"} and worded("wave") == REST
    manip = {"embodiment": "robot_aloha", "fps": "30", "camera_view_direction": "arm side"}
    card, worded = without_embodiment({"name": "robotmanip", "fields": manip, "max_bytes": 512})
    assert sinew.observation.prompt(card["name"], instruction=worded("wave"), **card["fields"]) == "instruction: wave\nfps: 30\ncamera view direction: arm side"
    for prompt in (small_card()["prompt"], {"name": "robotmanip", "fields": {"camera_view_direction": "arm side"}}):
        with pytest.raises(sinew.Error, match="expected a prompt 'qwen_vla'"):
            without_embodiment(prompt)


def test_a_run_with_dropout_resumes_as_if_uninterrupted(prepared, tmp_path):
    whole = Trainer(*build(prepared, embodiment_dropout=0.5), tmp_path / "a")
    rows = whole.run()
    halted = Trainer(*build(prepared, embodiment_dropout=0.5), tmp_path / "b")
    halted.run(until=4)
    resumed = Trainer(*build(prepared, embodiment_dropout=0.5), tmp_path / "b")
    assert resumed.resume()
    assert resumed.run()[-1]["flow_loss"] == rows[-1]["flow_loss"]
    assert all(torch.equal(value, resumed.averaged[name]) for name, value in whole.averaged.items())
    assert Trainer(*build(prepared), tmp_path / "c").run()[-1]["flow_loss"] != rows[-1]["flow_loss"]
    other = Trainer(*build(prepared, embodiment_dropout=0.1), tmp_path / "b")
    with pytest.raises(sinew.Error, match="expected a run with embodiment_dropout 0.1"):
        other.resume()


def test_dropout_needs_a_prompt_that_names_somebody(prepared, tmp_path):
    card = one_arm(LEFT) | {"prompt": small_card()["prompt"]}
    with pytest.raises(sinew.Error, match="got 'qwen_chat' without one"):
        fine_tune.train(fine_tune.Plan([prepared / "a.mcap"], tmp_path / "own", card=card, width=32, options=TrainOptions(steps=2, embodiment_dropout=0.1)))
