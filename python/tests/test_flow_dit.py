# SPDX-License-Identifier: Apache-2.0
"""The head in PyTorch against StarVLA's recorded numbers: it is what C++ models and benchmarks are compared with."""

import golden
import numpy as np
import pytest
import torch

from sinew.train.flow_dit import FlowDit, FlowDitConfig, sinusoid, timestep_projection

pytestmark = pytest.mark.golden
AREA = golden.DIRECTORY / "starvla_gr00t"
CASES = sorted(path.stem for path in AREA.glob("*.json") if path.stem not in ("head.weights", "pieces", "timestep_buckets"))


def load(case):
    c = case.json["config"]
    head = FlowDit(
        FlowDitConfig(
            width=c["W"], heads=c["heads"], layers=c["layers"], context_width=c["X"], output_width=c["out"], mlp_width=c["HID"], horizon=c["T"],
            action_dim=c["A"], state_dim=c["SD"], future_tokens=c["FUT"], positions=c["maxlen"], steps=c["N"], buckets=c["num_timestep_buckets"],
            interleave_self_attention=c["diffusion_model_cfg"]["interleave_self_attention"],
        )
    )  # fmt: skip
    weights, _ = golden.read(f"starvla_gr00t/{case.json['weights_file'].removesuffix('.safetensors')}")
    head.load_state_dict({name.removeprefix("w.action_model."): torch.from_numpy(value) for name, value in weights.items()})
    return head.eval()


@pytest.mark.parametrize("name", CASES)
def test_sampling_is_starvlas(name):
    case = golden.read_case("starvla_gr00t", name)
    head, t = load(case), {key: torch.from_numpy(value) for key, value in case.tensors.items()}
    full = {"atol": 1e-4, "rtol": 1e-3}
    assert "atol 1e-4, rtol 1e-3" in case.json["tolerance"].split("Full sampling")[1]
    args = {"context": t["vl_embs"], "state": t.get("state"), "mask": t.get("attention_mask")}
    for k, bucket in enumerate(t["timestep_buckets"]):
        velocity = head(t["x_steps"][k], bucket.expand(t["noise"].shape[0]), **args).detach()
        np.testing.assert_allclose(velocity, t["velocity"][k], **full)
    np.testing.assert_allclose(head.sample(t["noise"], **args), t["actions"], **full)


def test_embeddings_of_time_are_starvlas():
    case = golden.read_case("starvla_gr00t", "pieces")
    time = torch.from_numpy(case.tensors["timesteps"])
    # One unit in the last place of an angle below 1024: torch's exp differs by one between processors.
    np.testing.assert_allclose(timestep_projection(time), case.tensors["time_proj"], atol=2**-14 + 2e-5)
    np.testing.assert_allclose(sinusoid(time, case.json["config"]["W"]), case.tensors["tau_enc"][:, 0], atol=2**-14 + 2e-5)
