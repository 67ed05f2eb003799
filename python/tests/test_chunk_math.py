# SPDX-License-Identifier: Apache-2.0
"""Real-time chunking with the true gradient through a network, as the reference samples; ensembling against its definition."""

import numpy as np
import pytest

import sinew
from golden import read_case
from sinew import action as act

try:
    import torch
except ImportError:
    torch = None


def linear(weights, name, x):
    y = x @ weights[f"{name}.kernel"]
    return y + weights[f"{name}.bias"] if f"{name}.bias" in weights else y


class Mixer:
    """The network of the reference's policy, from its parameters: an MLP mixer whose norms are shifted by the time."""

    def __init__(self, tensors, epsilon):
        self.weights = {name.removeprefix("w."): torch.from_numpy(value.copy()) for name, value in tensors.items() if name.startswith("w.")}
        self.epsilon = epsilon
        self.layers = 1 + max(int(name.split(".")[1]) for name in self.weights if name.startswith("mlp_stack."))
        self.width = self.weights["in_proj.kernel"].shape[1]

    def norm(self, x, scale, shift):
        x = torch.nn.functional.layer_norm(x, x.shape[-1:], eps=self.epsilon)
        return x * (1 + scale) + shift

    def embed(self, time):
        period = 4e-3 * (4.0 / 4e-3) ** torch.linspace(0, 1, self.width // 2)  # in single precision, as the reference
        angle = torch.tensor(time, dtype=torch.float32) * (1.0 / period * 2 * np.pi)
        return torch.cat([angle.sin(), angle.cos()])

    def __call__(self, obs, x, time):
        w = self.weights
        gelu = lambda value: torch.nn.functional.gelu(value, approximate="tanh")  # noqa: E731
        t = self.embed(time)
        for layer in (0, 2):
            t = torch.nn.functional.silu(linear(w, f"time_mlp.layers.{layer}", t))
        h = linear(w, "in_proj", torch.cat([x, obs[:, None].expand(-1, x.shape[1], -1)], -1))
        for i in range(self.layers):
            name = f"mlp_stack.{i}."
            scale, shift, gate = linear(w, name + "adaln_1", t).chunk(3)
            mixed = linear(w, name + "token_mix_out", gelu(linear(w, name + "token_mix_in", self.norm(h, scale, shift).mT))).mT
            h = h + gate * mixed
            scale, shift, gate = linear(w, name + "adaln_2", t).chunk(3)
            h = h + gate * linear(w, name + "channel_mix_out", gelu(linear(w, name + "channel_mix_in", self.norm(h, scale, shift))))
        scale, shift = linear(w, "final_adaln", t).chunk(2)
        return linear(w, "out_proj", self.norm(h, scale, shift))


@pytest.mark.golden
@pytest.mark.skipif(torch is None, reason="needs torch for the gradient")
def test_guided_sampling_with_the_true_gradient_equals_the_reference():
    case = read_case("kinetix", "guided_sampling")
    mixer = Mixer(case.tensors, case.json["config"]["layer_norm_epsilon"])
    obs, prev, noise = (torch.from_numpy(case.tensors[name].copy()) for name in ("obs", "prev", "noise"))
    velocity, sampling = case.tolerances()
    for name in (name for name in case.tensors if name.startswith("velocity.t")):
        np.testing.assert_allclose(mixer(obs, noise, float(name.removeprefix("velocity.t"))), case.tensors[name], **velocity)
    assert case.json["runs"]
    for name, run in case.json["runs"].items():
        weights = act.rtc_prefix_weights(run["inference_delay"], run["prefix_attention_horizon"], prev.shape[1], run["prefix_attention_schedule"])
        x, steps = noise.clone(), run["num_steps"]
        for step in range(steps):
            np.testing.assert_allclose(x, case.tensors[f"{name}.x_steps"][step], err_msg=f"{name} {step}", **sampling)
            time = float(case.tensors["time_steps"][step])
            start = x.clone().requires_grad_()
            v = mixer(obs, start, time)
            x1 = start + (1 - time) * v
            error = np.stack([act.rtc_weighted_error(x[b], v[b].detach(), prev[b], weights, time) for b in range(len(x))])
            (correction,) = torch.autograd.grad(x1, start, torch.from_numpy(error))
            guided = np.stack(
                [act.rtc_apply_correction(v[b].detach(), correction[b], time, run["max_guidance_weight"]) for b in range(len(x))]
            )
            x = x + torch.from_numpy(guided) / steps
        np.testing.assert_allclose(x, case.tensors[f"{name}.actions"], err_msg=name, **sampling)


def test_guide_is_error_and_correction_with_an_identity_jacobian():
    rng = np.random.default_rng(3)
    x, v, prefix = rng.normal(size=(10, 4)), rng.normal(size=(10, 4)), rng.normal(size=(6, 3))
    weights = act.rtc_prefix_weights(2, 6, 10, "exp")
    for noise_at in ("zero", "one"):
        error = act.rtc_weighted_error(x, v, prefix, weights, 0.3, noise_at)
        apart = act.rtc_apply_correction(v, error, 0.3, 5.0, noise_at)
        np.testing.assert_allclose(act.rtc_guide(x, v, prefix, weights, 0.3, 5.0, noise_at), apart, rtol=1e-5, atol=1e-5)


def test_ensembler_is_the_weighted_mean_of_all_predictions():
    rng = np.random.default_rng(4)
    ensembler, chunks = act.TemporalEnsembler(0.05, 6), []
    for step in range(20):
        chunks.append(rng.normal(size=(6, 2)))
        alive = [(age, chunks[-1 - age][age]) for age in range(min(6, len(chunks)))]
        oldest = max(age for age, _ in alive)
        weights = np.exp([-0.05 * (oldest - age) for age, _ in alive])
        expected = np.average([action for _, action in alive], axis=0, weights=weights)
        np.testing.assert_allclose(ensembler.update(chunks[-1]), expected, rtol=1e-5, atol=1e-6)
    ensembler.reset()
    assert np.array_equal(ensembler.update(np.ones((6, 3))), np.ones(3))  # another width after a reset


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: act.rtc_prefix_weights(2, 6, 10, "linea"), "did you mean 'linear'"),
        (lambda: act.rtc_prefix_weights(-1, 6, 10, "linear"), "out_of_range"),
        (lambda: act.rtc_prefix_weights(0, 6, -1, "linear"), "0 to 1048576"),
        (lambda: act.rtc_guidance_weight(0.5, 5, "two"), "one of zero, one"),
        (lambda: act.rtc_guide(np.ones((3, 2)), np.ones((3, 2)), np.ones((4, 2)), np.ones(3), 0.5, 5), "rows and columns of x"),
        (lambda: act.TemporalEnsembler(float("nan"), 3), "finite"),
        (lambda: act.TemporalEnsembler(0.01, 3).update(np.ones((4, 2))), r"shape \[3, n\], got \[4, 2\]"),
        (lambda: act.TemporalEnsembler(0.01, 3).update(np.full((3, 2), np.nan)), "not_finite"),
    ],
)
def test_misuse_names_what_was_expected(call, text):
    with pytest.raises(sinew.Error, match=text):
        call()
