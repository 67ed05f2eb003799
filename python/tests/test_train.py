# SPDX-License-Identifier: Apache-2.0
"""Training: the modules against transformers, samples against the recording and the decoder, runs that stop and go on, and the policy in C++."""

import json
import shutil
from pathlib import Path

import numpy as np
import policy_directory as made
import pytest
import torch

import sinew
from sinew import kinematics, tabletop_words
from sinew.train import adapt, policy, processes, recordings, samples, tabletop, targets, tokenizer
from sinew.train.batches import Batches
from sinew.train.flow_dit import FlowDitConfig
from sinew.train.qwen3_vl import Qwen3Vl, Qwen3VlConfig
from sinew.train.trainer import Share, Trainer, TrainOptions, draw_flow, flow_loss

SEED = 20261127
RNG = [SEED, 10]


# --- modules ----------------------------------------------------------------------------------------------------------------------------

TEXTS = {
    "plain": ({}, {}),
    "own": (
        {"patch_size": 8, "deepstack_visual_indexes": [1], "num_position_embeddings": 36},
        {"num_key_value_heads": 4, "head_dim": 24, "rope_parameters": {"rope_type": "default", "rope_theta": 100.0, "mrope_section": [4, 4, 4], "mrope_interleaved": True}},
    ),
    "unmerged": ({"spatial_merge_size": 1, "deepstack_visual_indexes": []}, {}),
}


@pytest.mark.parametrize("case", TEXTS)
def test_backbone_is_transformers(case):
    vision, text = TEXTS[case]
    reference = made.qwen3_vl(seed=5, vision=vision, text=text)
    config = Qwen3VlConfig.from_json(json.loads(reference.config.to_json_string(use_diff=False)))
    ours = Qwen3Vl(config)
    ours.load_state_dict(reference.model.state_dict())
    merge, side = config.vision.spatial_merge_size, 96 // config.vision.patch_size
    rng = np.random.default_rng(RNG)
    image = [made.TOKEN["<|vision_start|>"], *[made.TOKEN["<|image_pad|>"]] * (side // merge) ** 2, made.TOKEN["<|vision_end|>"]]
    rows = [image * 2 + rng.integers(0, 256, count).tolist() for count in (5, 2, 1)]  # of other lengths: padded on the right
    ids, positions = torch.zeros(3, len(rows[0]), dtype=torch.long), torch.zeros(3, 3, len(rows[0]), dtype=torch.long)
    patches = torch.from_numpy(rng.standard_normal((3, 2, side**2, 6 * config.vision.patch_size**2), dtype=np.float32))
    grids, expected = torch.tensor([[1, side, side]] * 2), []
    for i, row in enumerate(rows):
        one = torch.tensor([row])
        kinds = (one == made.TOKEN["<|image_pad|>"]).int()
        ids[i, : len(row)] = one[0]
        positions[i, :, : len(row)] = reference.model.get_rope_index(one, kinds, image_grid_thw=grids)[0][:, 0]
        with torch.no_grad():
            expected.append(reference.model(input_ids=one, attention_mask=torch.ones_like(one), pixel_values=patches[i].flatten(0, 1), image_grid_thw=grids, mm_token_type_ids=kinds).last_hidden_state[0])  # fmt: skip
    with torch.no_grad():
        hidden = ours(ids, positions, patches, (side, side))
    for i, row in enumerate(rows):
        torch.testing.assert_close(hidden[i, : len(row)], expected[i], atol=2e-5, rtol=0)


def test_tokenizer_is_read_by_sinew(tmp_path):
    corpus = [text for instruction in ("put the red cube on the yellow plate", "push the blue cube to the left") for text in tabletop_words.phrases_of(instruction)]
    words = tokenizer.train(corpus * 3 + tokenizer.common_words(), 1024)
    assert words.get_vocab_size() == 1024
    words.save(str(tmp_path / "tokenizer.json"))
    ours = sinew.observation.Tokenizer.from_file(str(tmp_path))
    for text in [*corpus, "Käse → box", "", "  two  spaces", "<|im_start|>user\nput<|im_end|>"]:
        assert list(ours.encode(text)) == words.encode(text, add_special_tokens=False).ids, text


# --- samples ----------------------------------------------------------------------------------------------------------------------------

SIDE, JOINTS, HORIZON = 32, 3, 4


def small_card():
    card = made.card(JOINTS, HORIZON, SIDE)
    normalization = {"mode": "mean_std", "rule": "lerobot"}
    card["prompt"] = {"name": "qwen_chat", "fields": {"family": "qwen3_vl"}, "max_bytes": 512}
    card["text"]["padding"] = "none"
    card["state"]["normalization"] = normalization | {"key": "state"}
    card["action"]["normalization"] = normalization | {"key": "action"}
    return card


def write_recording(path, episodes=2, moments=12, takeover=None, corrected=None, succeeded=True, planned=False):
    """Joints that follow a ramp; chunks for every moment of even episodes; from moment `takeover` on, somebody else's commands, or `corrected`(q):
    of a hand, or, where it is `planned`, of one that delivers chunks as a policy does."""
    rng = np.random.default_rng([SEED, 20])
    time = 1.0
    with sinew.record.Recorder(str(path), joint_names=[f"j{i}" for i in range(JOINTS)], wait_for_room=True) as recorder:
        for episode in range(episodes):
            text = ["wave", "bow"][episode % 2]
            recorder.add_event(time, "episode", json.dumps({"index": episode, "seed": 0, "instruction": text}))
            for moment in range(moments):
                if moment == takeover:
                    recorder.add_event(time, "intervention", json.dumps({"begin": True, "by": "keyboard"}))
                q = np.full(JOINTS, 0.01 * moment) + episode
                frames = {name: (rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8), time) for name in ("front", "wrist")}
                number = episode * moments + moment + 1
                observation = sinew.Observation(frames, {"joint_position": (q, time, "rad"), "far": (np.arange(2.0) + moment, time, "m")}, text, time=time, id=number)
                chunk = None
                if episode % 2 == 0 and (planned or takeover is None or moment < takeover):
                    chunk = sinew.ActionChunk(q + 0.5 + 0.01 * np.arange(HORIZON)[:, None] * np.ones(JOINTS), time, 0.1, sequence=number, observation_id=number)
                recorder.add(observation, chunk=chunk)
                for tick in range(10):
                    recorder.add_command(time + 0.01 * tick, corrected(q) if corrected and moment >= takeover else q + 0.001 * tick)
                time += 0.1
            recorder.add_event(time, "episode", json.dumps({"index": episode, "succeeded": succeeded}))
            time += 1.0
    return path


def reading(**options):
    card = small_card()
    return recordings.Reading(card=card, targets=targets.make_targets(card), **options)


def test_samples_are_what_was_recorded(tmp_path):
    path = write_recording(tmp_path / "a.mcap", takeover=9)
    data = recordings.read_recording(path, reading(readout_channels=("far",), intervention_weight=3.0))
    assert len(data) == 24 and data.instructions == ["wave", "bow"] and data.images.shape == (24, 2, SIDE, SIDE, 3)
    # Chunks where there are some and nobody has taken over.
    np.testing.assert_allclose(data.chunk[4], 0.04 + 0.5 + 0.01 * np.arange(HORIZON)[:, None] * np.ones(JOINTS), atol=1e-6)
    assert data.valid[4].all()
    # Commands otherwise: row i is what held at i times 0.1 s after.
    np.testing.assert_allclose(data.chunk[12 + 3, :, 0], 1 + 0.01 * np.array([3, 4, 5, 6]), atol=1e-6)
    np.testing.assert_allclose(data.chunk[12 + 11, :, 0], [1.11, 1.119, 1.119, 1.119], atol=1e-6)
    np.testing.assert_array_equal(data.valid[12 + 7], [True, True, False, False])  # then somebody takes over
    np.testing.assert_allclose(data.chunk[9, :, 0], 0.01 * np.array([9, 10, 11, 11.9]), atol=1e-6)
    np.testing.assert_array_equal(data.valid[10], [True, True, True, False])  # then nothing was recorded
    np.testing.assert_array_equal(data.weight[:12], [1.0] * 9 + [3.0] * 3)
    np.testing.assert_allclose(data.readouts[:12, 1], 1 + np.arange(12))
    only = recordings.read_recording(path, reading(interventions_only=True))
    assert len(only) == 6
    commands = recordings.read_recording(path, reading(use_chunks=False))
    np.testing.assert_allclose(commands.chunk[4, :, 0], 0.01 * np.array([4, 5, 6, 7]), atol=1e-6)
    planned = recordings.read_recording(write_recording(tmp_path / "b.mcap", takeover=9, planned=True), reading(intervention_weight=3.0))
    np.testing.assert_allclose(planned.chunk[9], 0.09 + 0.5 + 0.01 * np.arange(HORIZON)[:, None] * np.ones(JOINTS), atol=1e-6)
    assert planned.weight[9] == 3.0


def test_chunks_of_another_length_or_rate_are_passed_over_for_commands(tmp_path):
    path, card = write_recording(tmp_path / "a.mcap"), small_card()
    whole = recordings.read_recording(path, reading())
    for change in ({"horizon": 3}, {"rate": 5.0}):
        card["action"] = small_card()["action"] | change
        data = recordings.read_recording(path, recordings.Reading(card=card, targets=targets.make_targets(card)))
        assert len(data) == len(whole) == 24
        np.testing.assert_allclose(data.chunk[4, :2, 0], 0.01 * np.array([4, 4 + 10 / card["action"]["rate"]]), atol=1e-6)


def test_samples_join_and_reopen(tmp_path):
    folders = [recordings.convert(write_recording(tmp_path / f"{i}.mcap"), reading(), tmp_path / f"s{i}") for i in range(2)]
    joined = samples.join(folders, tmp_path / "joined")
    assert len(joined) == 48 and joined.episode.max() == 3 and joined.instructions == ["bow", "wave"]
    again = samples.Samples.open(tmp_path / "joined")
    np.testing.assert_array_equal(again.images[24:], samples.Samples.open(folders[1]).images)
    with pytest.raises(sinew.Error, match="expected a folder that Samples.save wrote"):
        samples.Samples.open(tmp_path / "none")


def test_a_missing_camera_or_channel_is_named(tmp_path):
    path, card = write_recording(tmp_path / "a.mcap"), small_card()
    card["cameras"][0]["name"] = "top"
    with pytest.raises(sinew.Error, match="'top'"):
        recordings.read_recording(path, recordings.Reading(card=card, targets=targets.make_targets(card)))


def test_tool_targets_are_the_decoders_way_back():
    """Rows made of joint targets, decoded by the policy's own decoder, are the tool poses of those joint targets."""
    path = Path(__file__).parents[2] / "models/robots/panda.urdf"
    chain = kinematics.Chain.from_urdf(str(path), "panda_link0", "panda_hand_tcp")
    rng = np.random.default_rng([SEED, 30])
    q = chain.lower + (chain.upper - chain.lower) * rng.uniform(0.3, 0.7, (6, 7))
    start = kinematics.forward(chain, q[0])
    pose = np.concatenate([start[:3, 3], kinematics.rotation.from_matrix(start[:3, :3], "wxyz")])
    observation = sinew.Observation({}, {"tool_pose": (pose, 0.0, "m,quat_wxyz")}, "", time=0.0)
    rows = targets.ToolTargets(chain, 1, "tool_pose").rows(np.column_stack([q, np.linspace(0, 0.08, 6)]), observation)
    decoded = sinew.action.decode_poses(rows[:, :6], base_from_tool=start)
    np.testing.assert_allclose(decoded, kinematics.forward_batch(chain, q), atol=1e-12)
    np.testing.assert_allclose(rows[:, 6], np.linspace(0, 0.08, 6))


# --- runs -------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Samples, and a policy directory without a model."""
    folder = tmp_path_factory.mktemp("train")
    recordings.convert(write_recording(folder / "a.mcap"), reading(readout_channels=("far",)), folder / "samples")
    data = samples.Samples.open(folder / "samples")
    policy.write_inputs(folder / "policy", small_card(), made.tokenizer(), policy.statistics(data), policy.qwen_processor(16, SIDE * SIDE, 1))
    return folder


def build(folder, **options):
    data = samples.Samples.open(folder / "samples")
    batches = Batches(folder / "policy", data, {"wave": ["wave", "wave at me please"]}, state_noise=0.02)
    reference = made.qwen3_vl(vision={"spatial_merge_size": 1, "num_position_embeddings": 4, "deepstack_visual_indexes": [0], "depth": 1}, text={"num_hidden_layers": 2})
    sizes = Qwen3VlConfig.from_json(json.loads(reference.config.to_json_string(use_diff=False)))
    head = FlowDitConfig(width=32, heads=2, layers=2, context_width=64, output_width=32, mlp_width=32, horizon=HORIZON, action_dim=JOINTS, state_dim=JOINTS, future_tokens=0, positions=HORIZON)
    model = policy.new_policy(sizes, head, policy.Readout(1, 2), seed=3)
    return model, batches, TrainOptions(**{"steps": 12, "batch_size": 8, "warm_up": 2, "threads": 1, "log_every": 4, "checkpoint_every": 5} | options)


def losses(rows):
    return [(row["step"], row["flow_loss"], row["readout_loss"]) for row in rows]


def test_a_run_repeats_itself_and_resumes(prepared, tmp_path):
    first = Trainer(*build(prepared), tmp_path / "a")
    rows = losses(first.run())
    assert rows == losses(Trainer(*build(prepared), tmp_path / "b").run())
    halted = Trainer(*build(prepared), tmp_path / "c")
    halted.run(until=5)
    resumed = Trainer(*build(prepared), tmp_path / "c")
    assert resumed.resume()
    resumed.run()
    for name, value in first.policy.state_dict().items():
        assert torch.equal(value, resumed.policy.state_dict()[name]), name
    for name, value in first.averaged.items():
        assert torch.equal(value, resumed.averaged[name]), name
    other = Trainer(*build(prepared, seed=1), tmp_path / "c")
    with pytest.raises(sinew.Error, match="expected a run with seed 1, got one with 0"):
        other.resume()


def test_patches_and_state_are_those_of_the_encoder(prepared):
    _, batches, _ = build(prepared)
    data = batches.samples
    encoder = sinew.observation.VlaEncoder.from_directory(str(prepared / "policy"), layout="single_frame")
    place = 7
    cameras = {name: (np.ascontiguousarray(data.images[place, i]), 0.0) for i, name in enumerate(("front", "wrist"))}
    tensors = encoder.encode(sinew.Observation(cameras, {"joint_position": (data.state[place].astype(float), 0.0, "rad")}, "wave", time=0.0))
    ours = batches.patches(data.images[place : place + 1])[0].flatten(0, 1).numpy()
    np.testing.assert_array_equal(ours, tensors["pixel_values"])
    np.testing.assert_allclose(batches.state[place], tensors["state"], atol=1e-6)
    np.testing.assert_array_equal(batches.prompt("wave")[0], tensors["input_ids"])


def test_another_normalization_is_refused(prepared, tmp_path):
    """A policy in quantiles whose statistics also hold means would be trained in a space that it does not run in."""
    shutil.copytree(prepared / "policy", tmp_path / "other")
    card = json.loads((tmp_path / "other" / "sinew.json").read_text())
    card["action"]["normalization"]["mode"] = "q01_q99"
    (tmp_path / "other" / "sinew.json").write_text(json.dumps(card))
    with pytest.raises(sinew.Error, match="mean_std, which is what training writes and knows, got q01_q99"):
        Batches(tmp_path / "other", samples.Samples.open(prepared / "samples"))


def test_rows_that_do_not_count_have_no_gradient(prepared):
    model, batches, options = build(prepared, bf16=False)
    model.grid = batches.grid
    batch = batches.draw(np.arange(4), np.random.default_rng(RNG))
    times, noise = draw_flow(batch, options, np.random.default_rng(RNG))

    def loss(actions):
        batch.actions = actions
        return flow_loss(model, batch, times, noise, options)[0].item()

    batch.valid[:, 2:] = 0
    kept = batch.actions.clone()
    base = loss(kept)
    changed = kept.clone()
    changed[:, 2:] += 5  # also what the network is shown there: attention sees it, so only the last row's own target is free of it
    assert base != loss(changed)
    batch.valid[:] = 1
    batch.weight[1:] = 0
    far = kept.clone()
    far[1:] += 5
    assert loss(kept) == pytest.approx(loss(far), rel=1e-6)


def _train_share(share, folder, out):
    model, batches, options = build(folder)
    Trainer(model, batches, options, out, share).run()
    if share.rank == 0:
        torch.save(model.state_dict(), out / "weights.pt")


def test_two_processes_train_one_policy(prepared, tmp_path):
    processes.run(_train_share, (prepared, tmp_path / "two"), 2)
    weights = torch.load(tmp_path / "two" / "weights.pt", weights_only=True)
    begun = build(prepared)[0].state_dict()
    assert any(not torch.equal(value, begun[name]) for name, value in weights.items())
    assert (tmp_path / "two" / "checkpoint.pt").exists()


@pytest.mark.parametrize(("dtype", "bound"), [("f32", 1e-4), ("bf16", 0.05)])
def test_chunk_in_cpp_is_that_of_pytorch(prepared, tmp_path, dtype, bound):
    model, batches, options = build(prepared)
    trainer = Trainer(model, batches, options, tmp_path / "run")
    trainer.run()
    card = json.loads((prepared / "policy" / "sinew.json").read_text()) | {"dtype": dtype}
    for name in ("tokenizer.json", "stats.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((prepared / "policy" / name).read_bytes())
    (tmp_path / "sinew.json").write_text(json.dumps(card))
    policy.write_model(tmp_path, model, trainer.averaged)
    ours, python = sinew.Policy.load(tmp_path), policy.load_policy(tmp_path).eval()
    data, noise = batches.samples, np.random.default_rng(RNG).standard_normal((HORIZON, JOINTS), dtype=np.float32)
    for place in (0, 5, 13):
        cameras = {name: (np.ascontiguousarray(data.images[place, i]), 0.0) for i, name in enumerate(("front", "wrist"))}
        text = data.instructions[data.instruction[place]]
        ours.act(sinew.Observation(cameras, {"joint_position": (data.state[place].astype(float), 0.0, "rad")}, text, time=0.0), noise=noise)
        ids, positions = (torch.from_numpy(x)[None] for x in batches.prompt(text))
        with torch.no_grad():
            hidden = python.model(ids, positions, batches.patches(data.images[place : place + 1]), batches.grid)
            expected = python.action_model.sample(torch.from_numpy(noise)[None], hidden, torch.from_numpy(batches.state[place])[None, None])
        np.testing.assert_allclose(ours.outputs["actions"], expected[0], atol=bound)


def test_gradients_that_are_not_finite_stop_the_run(prepared, tmp_path):
    model, batches, options = build(prepared)
    batches.actions[3] = np.nan
    with pytest.raises(sinew.Error, match="expected finite gradients"):
        Trainer(model, batches, options, tmp_path, Share()).run()


# --- fine-tuning and adaptation ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(prepared, tmp_path_factory):
    """A policy directory with a model that has been trained a little."""
    folder = tmp_path_factory.mktemp("trained")
    model, batches, options = build(prepared, steps=60)
    trainer = Trainer(model, batches, options, folder / "run")
    trainer.run()
    for name in ("tokenizer.json", "stats.json", "preprocessor_config.json", "sinew.json"):
        (folder / name).write_bytes((prepared / "policy" / name).read_bytes())
    policy.write_model(folder, model, trainer.averaged)
    return folder


def weights_of(directory):
    from safetensors.torch import load_file

    return load_file(directory / "model.safetensors")


def test_adaptation_changes_the_head_and_keeps_what_is_better(trained, tmp_path):
    paths = [write_recording(tmp_path / f"{i}.mcap", 1, takeover=6, corrected=lambda q: q + 0.5) for i in range(6)]
    options = adapt.AdaptOptions(train=TrainOptions(steps=40, batch_size=8, learning_rate=2e-3, warm_up=2, average=0.9, head_only=True, readout_share=0.0, threads=1))
    verdict = adapt.adapt(trained, paths, tmp_path / "new", options)
    assert verdict.better and verdict.after < verdict.before
    old, new = weights_of(trained), weights_of(tmp_path / "new")
    assert all(torch.equal(value, new[name]) for name, value in old.items() if name.startswith("model."))
    assert any(not torch.equal(value, new[name]) for name, value in old.items() if name.startswith("action_model."))
    about = json.loads((tmp_path / "new" / "adaptation.json").read_text())
    assert about["kept"] == "new" and about["episodes"] == 6 and about["corrected_moments"] == 36
    sinew.Policy.load(tmp_path / "new")
    again = adapt.adapt(trained, paths[:4], tmp_path / "new", options)  # into the same folder, of other recordings
    assert json.loads((tmp_path / "new" / "adaptation.json").read_text())["episodes"] == 4 and again.text != verdict.text


def test_a_policy_that_is_not_better_is_not_taken(trained, tmp_path):
    path = write_recording(tmp_path / "a.mcap", takeover=6)
    options = adapt.AdaptOptions(train=TrainOptions(steps=2, batch_size=8, head_only=True, readout_share=0.0, threads=1))
    verdict = adapt.adapt(trained, [path], tmp_path / "new", options, judge=lambda old, new: adapt.Verdict(0.9, 0.9, False, "a draw"))
    assert not verdict.better
    assert (tmp_path / "new" / "model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()
    assert json.loads((tmp_path / "new" / "adaptation.json").read_text())["kept"] == "old"


def test_adaptation_needs_corrections(trained, tmp_path):
    path = write_recording(tmp_path / "a.mcap")
    with pytest.raises(sinew.Error, match="expected episodes in which somebody took over"):
        adapt.adapt(trained, [path], tmp_path / "new", adapt.AdaptOptions())


def test_corrections_that_contradict_what_works_are_not_taken(trained, tmp_path):
    """Somebody always steers the other way; the policy's own moments are as before."""
    paths = [write_recording(tmp_path / f"{i}.mcap", 1, takeover=6, corrected=lambda q: -5 * q) for i in range(4)]
    options = adapt.AdaptOptions(
        correction_weight=50.0,
        train=TrainOptions(steps=60, batch_size=8, learning_rate=5e-3, warm_up=2, average=0.9, head_only=True, readout_share=0.0, threads=1),
    )
    verdict = adapt.adapt(trained, paths, tmp_path / "new", options)
    assert verdict.after < verdict.before and not verdict.better, verdict.text  # it learned them, and lost the rest
    assert (tmp_path / "new" / "model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()


def test_corrections_alone_cannot_show_what_they_cost(trained, tmp_path):
    """Somebody holds control from the beginning of every episode."""
    paths = [write_recording(tmp_path / f"{i}.mcap", 1, takeover=0, corrected=lambda q: -5 * q) for i in range(4)]
    options = adapt.AdaptOptions(train=TrainOptions(steps=20, batch_size=8, learning_rate=5e-3, warm_up=2, average=0.9, head_only=True, readout_share=0.0, threads=1))
    verdict = adapt.adapt(trained, paths, tmp_path / "new", options)
    assert verdict.after < verdict.before and not verdict.better and "no others that would show what it lost" in verdict.text
    assert (tmp_path / "new" / "model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()


def test_frames_of_another_size_are_refused_by_name(tmp_path):
    path = write_recording(tmp_path / "a.mcap")
    card = small_card()
    card["cameras"][1] |= {"height": 2 * SIDE, "width": 2 * SIDE}
    with pytest.raises(sinew.Error, match=f"camera 'wrist': expected frames of {2 * SIDE} x {2 * SIDE} pixels, the card's, got {SIDE} x {SIDE}"):
        recordings.read_recording(path, recordings.Reading(card=card, targets=targets.make_targets(card)))


@pytest.mark.parametrize(
    ("text", "said"),
    [("root:x:0", "expected a policy card"), ("{}", "without architecture, cameras"), (json.dumps(small_card() | {"architecture": "act"}), "qwen3_vl/flow_dit, got 'act'")],
)
def test_a_card_that_is_none_is_refused(tmp_path, capsys, text, said):
    from sinew import cli

    (tmp_path / "card.json").write_text(text)
    recording = write_recording(tmp_path / "a.mcap")
    assert cli.main(["train", str(recording), "--card", str(tmp_path / "card.json"), "--output", str(tmp_path / "out")]) in (1, 2)  # 2: an argument
    assert said in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_chain_of_another_arm_is_refused(tmp_path):
    card = small_card()
    card["action"] |= {"decoder": "tool_delta", "tool_channel": "tool_pose"}
    chain = kinematics.Chain.from_urdf(str(Path(__file__).parents[2] / "models/robots/panda.urdf"), "panda_link0", "panda_hand_tcp")
    with pytest.raises(sinew.Error, match=f"a chain of the arm's {JOINTS} joints, got one of 7"):
        targets.make_targets(card, chain)


def test_the_recipe_takes_nothing_else(tmp_path, capsys):
    from sinew import cli

    assert cli.main(["train", "--tabletop", "--from", str(tmp_path), "--output", str(tmp_path / "out")]) == 2
    assert "--tabletop: expected none of them: it records what it learns from, got --from" in capsys.readouterr().err


def test_commands_on_the_command_line(trained, prepared, tmp_path, capsys):
    from sinew import cli

    recording = write_recording(tmp_path / "a.mcap", takeover=6)
    assert cli.main(["train", str(recording), "--from", str(trained), "--output", str(tmp_path / "tuned"), "--steps", "4", "--batch-size", "8", "--head-only"]) == 0
    assert "4 of 4 steps" in capsys.readouterr().out
    sinew.Policy.load(tmp_path / "tuned")
    assert (tmp_path / "tuned" / "run" / "curves.png").stat().st_size > 1000
    card = tmp_path / "card.json"
    card.write_text(json.dumps(small_card()))
    assert cli.main(["train", str(recording), "--card", str(card), "--output", str(tmp_path / "own"), "--steps", "2", "--batch-size", "8"]) == 0
    sinew.Policy.load(tmp_path / "own")
    assert cli.main(["train", "--adapt", "--from", str(trained), str(recording), "--output", str(tmp_path / "adapted"), "--steps", "2"]) == 0
    assert "policy: loss on" in capsys.readouterr().out
    for arguments, words in (
        (["--from", str(trained)], "expected recordings or datasets"),
        ([str(recording)], "expected either a policy directory"),
        ([str(tmp_path / "none"), "--from", str(trained)], "got nothing there"),
        (["--adapt", str(recording)], "expected --from DIR"),
        ([str(recording), "--from", str(trained), "--urdf", "x"], "together"),
    ):
        assert cli.main(["train", "--output", str(tmp_path / "bad"), *arguments]) != 0
        assert words in capsys.readouterr().err


def test_episodes_of_unknown_success_are_learned_and_failed_ones_not(tmp_path):
    for said, count in ((None, 12), (True, 12), (False, 0)):
        path = write_recording(tmp_path / f"{said}.mcap", 1, succeeded=said)
        data = recordings.read_recording(path, reading())
        assert (0 if data is None else len(data)) == count
