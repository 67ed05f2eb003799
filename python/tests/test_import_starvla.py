# SPDX-License-Identifier: Apache-2.0
"""`sinew import starvla` on runs with random weights, and the policies that it makes beside transformers and StarVLA's heads in PyTorch."""

import json
import os
import re
from pathlib import Path

import golden
import numpy as np
import parity_figures
import policy_directory as made
import pytest
import starvla_heads_reference as reference
import torch
from PIL import Image
from transformers import Qwen2VLImageProcessorPil

import sinew
from sinew import cli
from sinew.action import FastTokenizer

pytest.importorskip("yaml")

SEED = int(os.environ.get("SINEW_TEST_SEED", "20260101"))
BACKENDS = ["cpu"]
try:
    from sinew import _torch

    _torch.module()
    BACKENDS.append("torch")
except ImportError:
    if os.environ.get("SINEW_REQUIRE_ALL"):
        raise
JOINTS, HORIZON, SIDE, HIDDEN, DEPTH = 7, 8, 64, 64, 4
SIZES = {"heads": 4, "layers": 3, "mlp_width": 56, "horizon": HORIZON, "action_dim": JOINTS, "state_dim": JOINTS, "future_tokens": 8, "positions": 16}
ACTION_MODEL = {"future_action_window_size": HORIZON - 1, "num_inference_timesteps": 4, "num_timestep_buckets": 1000}
MAGNIFIER = "\N{LEFT-POINTING MAGNIFYING GLASS}"


def embodiment(state="min_max", action="q99"):
    """The one of docs/models.md, with this file's size of frames and another normalisation, or none."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    robot = json.loads(re.search(r"```json\n(.*?)```", page, re.S).group(1))
    robot["cameras"][0] |= {"height": SIDE, "width": SIDE}
    for part, name in (("state", state), ("action", action)):
        robot[part]["normalization"] = name
        if name is None:
            del robot[part]["normalization"]
    return robot


def statistics():
    rng = np.random.default_rng([SEED, 1])
    made_up = {}
    for part in ("state", "action"):
        low = rng.uniform(-2, -0.5, JOINTS)
        high = low + rng.uniform(1, 3, JOINTS)
        made_up[part] = {"mean": ((low + high) / 2).tolist(), "std": (high - low).tolist(), "min": low.tolist(), "max": high.tolist(), "q01": low.tolist(), "q99": high.tolist(), "mask": [True] * JOINTS}
    return made_up


def import_run(folder, run, *options, robot=None):
    (folder / "robot.json").write_text(json.dumps(robot or embodiment()))
    code = cli.main(["import", "starvla", str(run), str(folder / "policy"), "--embodiment", str(folder / "robot.json"), *options])
    return folder / "policy" if code == 0 else None


def observe(stream):
    rng = np.random.default_rng([SEED, stream])
    return rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8), rng.uniform(-1, 1, JOINTS)


class Prompted:
    """Hidden states of transformers for StarVLA's prompt."""

    def __init__(self, model, tokenizer=None):
        self.model, self.tokenizer = model, tokenizer or made.tokenizer()
        side = {"shortest_edge": SIDE * SIDE, "longest_edge": SIDE * SIDE}
        self.images = Qwen2VLImageProcessorPil(patch_size=16, merge_size=2, image_mean=[0.5] * 3, image_std=[0.5] * 3, size=side)

    def inputs(self, frame, text):
        processed = self.images(images=[Image.fromarray(frame)], return_tensors="pt")
        pads = "<|image_pad|>" * int(processed["image_grid_thw"][0].prod() // 4)
        prompt = f"<|im_start|>user\n<|vision_start|>{pads}<|vision_end|>{text}<|im_end|>\n<|im_start|>assistant\n"
        ids = torch.tensor([self.tokenizer.encode(prompt, add_special_tokens=False).ids])
        return {
            "input_ids": ids, "attention_mask": torch.ones_like(ids), "pixel_values": processed["pixel_values"], "image_grid_thw": processed["image_grid_thw"],
            "mm_token_type_ids": (ids == made.TOKEN["<|image_pad|>"]).int(),
        }  # fmt: skip

    def states(self, frame, text):
        inputs = self.inputs(frame, text)
        with torch.no_grad():
            return self.model(**inputs, output_hidden_states=True).hidden_states, inputs["input_ids"][0]


def normalised(values, entry):
    low, high = np.array(entry["min"]), np.array(entry["max"])
    return torch.from_numpy((2 * (values - low) / (high - low) - 1).astype(np.float32))


def denormalised(actions, entry):
    low, high = np.array(entry["q01"]), np.array(entry["q99"])
    return (np.asarray(actions, np.float64) + 1) / 2 * (high - low) + low


def bins(values):
    return " ".join(str(int(np.digitize(v, np.linspace(-1, 1, 257)[:-1]) - 1)) for v in values.numpy())


def agrees(head, backend, got, normalised_actions):
    """Within 1e-4 of actions that the reference gave."""
    expected = denormalised(normalised_actions, statistics()["action"])
    np.testing.assert_allclose(got, expected, atol=1e-4)
    parity_figures.record(head, backend, np.abs(got - expected).max())


def act(policy, frame, positions, **options):
    return policy.act(sinew.Observation({"front": frame}, {"joint_position": positions}, "wave"), **options).values


@pytest.mark.parametrize("backend", BACKENDS)
def test_oft_is_the_python_pipeline(tmp_path, backend):
    model, head, stats = made.qwen3_vl(seed=3), made.randomize(reference.Oft(HIDDEN, JOINTS), 4), statistics()
    run = reference.write_run(tmp_path, "QwenOFT", model, head, ACTION_MODEL, statistics=stats, config={"CoT_prompt": "Your task is {instruction}. Locate it."})
    policy = sinew.Policy.load(import_run(tmp_path, run, "--state", "text"), backend=backend)
    prompted = Prompted(model)
    for stream in range(2):
        frame, positions = observe(stream)
        suffix = f" [STATE] {bins(normalised(positions, stats['state']))} [ACTION] Please predict the next {HORIZON} robot actions: <action>{MAGNIFIER * HORIZON}<action>."
        states, ids = prompted.states(frame, f"Your task is wave{suffix}. Locate it.")
        first = made.tokenizer().encode(MAGNIFIER).ids[0]
        rows = (ids == first).nonzero()[-HORIZON:, 0]
        with torch.no_grad():
            expected = head.model(states[-1][0, rows])
        agrees("oft", backend, act(policy, frame, positions), expected)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("framework", "width"), [("QwenPI", HIDDEN), ("QwenPI_v3", 48)])
def test_layerwise_is_the_python_pipeline(tmp_path, framework, width, backend):
    model, stats = made.qwen3_vl(seed=5), statistics()
    head = made.randomize(reference.Layerwise(HIDDEN, width=width, interleave_self_attention=framework == "QwenPI", **SIZES), 6)
    run = reference.write_run(tmp_path, framework, model, head, ACTION_MODEL, statistics=stats)
    projected = framework == "QwenPI_v3"
    options = ["--state", "text" if projected else "head", "--heads", "4", "--realtime"]
    folder = import_run(tmp_path, run, *options, "pigdm" if backend == "torch" else "simulated_delay")
    policy = sinew.Policy.load(folder, backend=backend)
    prompted = Prompted(model)
    rng = np.random.default_rng([SEED, 7])
    frame, positions = observe(3)
    own = normalised(positions, stats["state"])
    states, _ = prompted.states(frame, f"wave [STATE] {bins(own)} [ACTION]" if projected else "wave")
    states, state = states[-SIZES["layers"] :], None if projected else own[None, None]
    noise = rng.standard_normal((1, HORIZON, JOINTS)).astype(np.float32)
    prefix = rng.standard_normal((1, HORIZON - 2, JOINTS)).astype(np.float32)
    plain = head.sample_layers(torch.from_numpy(noise), states, state)
    agrees("layerwise_dit", backend, act(policy, frame, positions, noise=noise[0]), plain[0])
    tied = torch.from_numpy(prefix)
    sample = head.sample_guided if backend == "torch" else head.sample_layers
    expected = sample(torch.from_numpy(noise), states, state, prefix=tied, delay=2)
    got = act(policy, frame, positions, noise=noise[0], prefix=prefix[0], prefix_delay=2)
    agrees("layerwise_dit", backend, got, expected[0])
    assert np.abs(got - denormalised(plain[0], stats["action"])).max() > 1e-2


def test_true_jacobians_are_refused_on_cpu(tmp_path):
    head = made.randomize(reference.Layerwise(HIDDEN, width=HIDDEN, **SIZES), 6)
    run = reference.write_run(tmp_path, "QwenPI", made.qwen3_vl(seed=5), head, ACTION_MODEL, statistics=statistics())
    folder = import_run(tmp_path, run, "--state", "none", "--heads", "4", "--realtime", "pigdm")
    with pytest.raises(sinew.Error, match="a backend that differentiates"):
        sinew.Policy.load(folder, backend="cpu")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("state", ["head", "none"])
def test_groot_is_the_python_pipeline(tmp_path, state, backend):
    model, stats = made.qwen3_vl(seed=8), statistics()
    head = made.flow_dit(HIDDEN, JOINTS, JOINTS, HORIZON, 9)
    run = reference.write_run(tmp_path, "QwenGR00T", model, head, ACTION_MODEL | {"action_model_type": "DiT-B"}, statistics=stats)
    policy = sinew.Policy.load(import_run(tmp_path, run, "--state", state, "--heads", "3"), backend=backend)
    frame, positions = observe(4)
    states, _ = Prompted(model).states(frame, "wave")
    noise = np.random.default_rng([SEED, 10]).standard_normal((1, HORIZON, JOINTS)).astype(np.float32)
    own = normalised(positions, stats["state"])[None, None] if state == "head" else None
    expected = head.sample(torch.from_numpy(noise), states[-1], own)
    agrees("flow_dit", backend, act(policy, frame, positions, noise=noise[0]), expected[0])


@pytest.fixture(scope="module")
def fast_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fast")
    rng = np.random.default_rng([SEED, 11])
    times = np.linspace(0, 1, HORIZON)[:, None]
    chunks = [(rng.uniform(-1, 1, JOINTS) * np.sin(times * rng.uniform(1, 6, JOINTS))).astype(np.float32) for _ in range(200)]
    (folder / "fast").mkdir()
    FastTokenizer.fit(chunks, vocab_size=reference.ACTIONS).save(folder / "fast")
    model = made.qwen3_vl(seed=12, text={"vocab_size": made.VOCAB + reference.ACTIONS})
    tokenizer = reference.tokenizer_with_actions()
    run = reference.write_run(folder, "QwenFast", model, None, ACTION_MODEL, statistics=statistics(), tokenizer=tokenizer)
    return folder, run, model, tokenizer


def next_logits(model, inputs, text):
    """Logits [tokens, vocabulary] of the prompt and `text` behind it."""
    whole = torch.cat([inputs["input_ids"], torch.tensor([text], dtype=torch.int64)], dim=1)
    with torch.no_grad():
        return model(**inputs | {"input_ids": whole, "attention_mask": torch.ones_like(whole), "mm_token_type_ids": (whole == made.TOKEN["<|image_pad|>"]).int()}).logits[0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_fast_writes_valid_chunks_and_those_that_its_logits_say(fast_run, tmp_path, backend):
    folder, run, model, tokenizer = fast_run
    policy = sinew.Policy.load(import_run(tmp_path, run, "--state", "none", "--fast", str(folder / "fast")), backend=backend)
    frame, positions = observe(5)
    chunk = act(policy, frame, positions)
    assert chunk.shape == (HORIZON, JOINTS) and np.isfinite(chunk).all()
    ids = np.array(policy.outputs["action_ids"])
    assert 0 < len(ids) and ids.min() >= 0 and ids.max() < reference.ACTIONS
    fast = FastTokenizer.from_pretrained(str(folder / "fast"))
    rows = fast.decode([int(i) for i in ids], horizon=HORIZON, dim=JOINTS)
    np.testing.assert_allclose(chunk, denormalised(rows, statistics()["action"]), atol=1e-5)
    # With random weights the likeliest action token may often not follow; the first one mostly may, and is taken then.
    inputs = Prompted(model, tokenizer).inputs(frame, "wave")
    logits = next_logits(model, inputs, (ids + made.VOCAB).tolist())[-len(ids) - 1 : -1, made.VOCAB :]
    likeliest = (logits.argmax(-1).numpy() == ids).mean()
    assert likeliest > 0.2 and logits.argmax(-1)[0] == ids[0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_fast_as_starvla_has_it_keeps_what_is_an_action(fast_run, tmp_path, backend):
    folder, run, model, tokenizer = fast_run
    made_of = import_run(tmp_path, run, "--state", "none", "--fast", str(folder / "fast"), "--unconstrained")
    policy = sinew.Policy.load(made_of, backend=backend)
    head = json.loads((made_of / "config.json").read_text())["action_head"]
    frame, positions = observe(6)
    with pytest.raises(sinew.Error, match="decode"):  # random weights do not write chunks
        act(policy, frame, positions)
    inputs = Prompted(model, tokenizer).inputs(frame, "wave")
    text = []
    while len(text) < 12 and not set(text) & set(head["stop"]):
        text.append(int(next_logits(model, inputs, text)[-1].argmax()))
    expected = [i - made.VOCAB for i in text if i >= made.VOCAB]
    assert list(np.array(policy.outputs["action_ids"])[: len(expected)]) == expected
    parity_figures.record("fast", backend, 0)


@pytest.mark.parametrize(
    ("options", "robot", "match"),
    [
        (["--state", "text"], None, "--state: expected head or none for QwenPI"),
        ([], None, "the run does not say whether the model was given the state"),
        (["--state", "none"], embodiment(action=None), "action.normalization: expected one of q99"),
        (["--state", "none"], embodiment(action="scale"), "no way back"),
        (["--state", "head"], embodiment(state=None), "state.normalization"),
        (["--state", "none", "--unnorm-key", "other"], None, "--unnorm-key, one of 'mine'"),
        (["--state", "none", "--heads", "5"], None, "a divisor of the width"),
    ],
)
def test_what_the_run_does_not_say_is_refused(tmp_path, capsys, options, robot, match):
    head = made.randomize(reference.Layerwise(HIDDEN, width=HIDDEN, **SIZES), 6)
    run = reference.write_run(tmp_path, "QwenPI", made.qwen3_vl(seed=5), head, ACTION_MODEL, statistics=statistics())
    assert import_run(tmp_path, run, *options, robot=robot) is None
    assert match in capsys.readouterr().err
    assert not (tmp_path / "policy").exists() and not list(tmp_path.glob("policy.tmp*"))


def test_runs_that_are_none_are_refused(tmp_path, capsys):
    head = made.randomize(reference.Layerwise(HIDDEN, width=HIDDEN, **SIZES), 6)
    run = reference.write_run(tmp_path, "QwenPI", made.qwen3_vl(seed=5), head, ACTION_MODEL, statistics=statistics())

    def refused(match, *options):
        assert import_run(tmp_path, run, "--state", "none", "--heads", "4", *options) is None
        assert re.search(match, capsys.readouterr().err)

    weights = sorted((run / "checkpoints").glob("*.safetensors"))
    pickle = run / "checkpoints" / "steps_300_pytorch_model.pt"
    pickle.write_bytes(b"pickle")
    refused("safetensors", "--checkpoint", str(pickle))
    config = (run / "config.yaml").read_text()
    for change, match in ((("name: QwenPI", "name: QwenDual"), "framework.name"), (("base_vlm: ", "base_vlm: hf/"), "--base-vlm"), (("future_action_window_size", "window"), "action_horizon")):
        (run / "config.yaml").write_text(config.replace(*change))
        refused(match)
    (run / "config.yaml").write_text(config)
    for path in weights:
        path.unlink()
    refused("python -m sinew.convert_weights")


def test_layerwise_velocity_in_python_is_starvlas():
    """The reference of these tests against StarVLA's recorded numbers."""
    for area in ("starvla_pi", "starvla_pi_v3"):
        case = golden.read_case(area, "nomask_nostate")
        c = case.json["config"]
        head = reference.Layerwise(
            c["LLM"], width=c["W"], heads=c["W"] // c["hd"], layers=c["layers"], mlp_width=c["decoder_hidden"], horizon=c["T"], action_dim=c["A"], state_dim=c["SD"],
            future_tokens=c["FUT"], positions=c["maxlen"], steps=c["N"], interleave_self_attention=c["interleave_self_attention"],
        )  # fmt: skip
        weights, _ = golden.read(f"{area}/{case.json['weights_file'].removesuffix('.safetensors')}")
        state = {re.sub(r"^w\.(action_model\.)?", "", name): torch.from_numpy(value) for name, value in weights.items()}
        missing, unexpected = head.load_state_dict(state, strict=False)
        assert not unexpected and all(name.startswith("model.proj_out_") for name in missing)
        hidden = torch.from_numpy(case.tensors["hidden_states"])[1:]
        for b in range(hidden.shape[1]):
            got = head.sample_layers(torch.from_numpy(case.tensors["noise"][b : b + 1]), list(hidden[:, b : b + 1]))
            np.testing.assert_allclose(got[0], case.tensors["actions"][b], atol=1e-4, rtol=1e-3)
