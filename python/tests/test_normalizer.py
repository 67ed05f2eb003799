# SPDX-License-Identifier: Apache-2.0
"""Normalizer and statistics files: golden files, and each stack's own formula in NumPy or PyTorch beside it."""

import json
import re

import numpy as np
import pytest
import sinew
from golden import read as golden

safetensors_numpy = pytest.importorskip("safetensors.numpy")

RULES = {
    "lerobot": ["mean_std", "min_max", "quantile", "quantile10"],
    "openpi": ["mean_std", "quantile"],
    "openvla": ["min_max", "quantile"],
    "oft": ["min_max", "quantile"],
    "starvla": ["mean_std", "min_max", "quantile", "scale", "binary", "sin_cos"],
    "qwen": ["quantile"],
    "groot": ["mean_std", "min_max", "quantile", "sin_cos"],
}
ENDS = {"mean_std": ("mean", "std"), "quantile": ("q01", "q99"), "quantile10": ("q10", "q90"), "min_max": ("min", "max"), "scale": ("min", "max")}


def close(got, want, document, special=None):
    """Within the file's tolerance; the columns `special` within the one behind its semicolon."""
    main, _, rest = document["tolerance"].partition(";")
    number = lambda text, name: float((re.search(rf"{name} ([0-9.e-]+)", text) or [0, "0"])[1])  # noqa: E731
    relative = np.full(np.shape(want)[-1], number(main, "rtol"))
    if special is not None:
        relative[special] = max(number(rest, "rtol"), number(main, "rtol"))
    assert np.shape(got) == np.shape(want)
    assert np.all(np.abs(got - want) <= number(main, "atol") + relative * np.abs(want))


def statistics(seed, dim, steps=None):
    """Random statistics, every fourth dimension constant, every third masked."""
    rng = np.random.default_rng(seed)
    shape = (dim,) if steps is None else (steps, dim)
    low = rng.uniform(-2, 2, shape)
    width = np.where(np.arange(dim) % 4 == 1, 0, rng.uniform(0.1, 3, shape))
    stats = {"mean": low, "std": width, "mask": np.arange(dim) % 3 != 1}
    return stats | {name: low for name in ("min", "q01", "q10")} | {name: low + width for name in ("max", "q99", "q90")}


def reference_forward(stats, mode, rule, x):
    """As the reference states it: LeRobot, StarVLA and GR00T in float32, the others in float64."""
    single = rule in ("lerobot", "starvla", "groot")
    cast = (lambda a: np.asarray(a, np.float32)) if single else np.asarray
    x = cast(x)
    if mode == "binary":
        return (x > 0.5).astype(np.float32)
    if mode == "sin_cos":
        return np.concatenate([np.sin(x), np.cos(x)], -1)
    low, high = (cast(stats[name]) for name in ENDS[mode])
    with np.errstate(all="ignore"):
        if mode == "scale":
            largest = np.maximum(np.abs(low), np.abs(high))
            return np.where(largest == 0, 0, x / largest)
        if mode == "mean_std":
            if rule in ("lerobot", "openpi"):
                return (x - low) / (high + cast({"lerobot": 1e-8, "openpi": 1e-6}[rule]))
            return np.where(high == 0, x, (x - low) / high)
        if rule == "lerobot":
            return 2 * (x - low) / np.where(high == low, cast(1e-8), high - low) - 1
        if rule == "openpi":
            return (x - low) / (high - low + 1e-6) * 2 - 1
        scaled = 2 * (x - low) / (high - low + (1e-8 if rule in ("openvla", "oft") else 0)) - 1
    if rule == "openvla":
        return np.where(stats["min"] == stats["max"], 0, np.where(stats["mask"], np.clip(scaled, -1, 1), x))
    if rule == "oft":
        return np.clip(np.where(stats["mask"], scaled, x), -1, 1)
    if rule == "starvla":
        return np.clip(np.where(high == low, x, scaled), -2.2, 2.2) if mode == "quantile" else np.where(high == low, 0, scaled)
    return np.where(high == low, 0, np.clip(scaled, -1, 1))


def reference_inverse(stats, mode, rule, y):
    if mode == "binary":
        return (y > 0.5).astype(np.float64)
    y = np.asarray(y, np.float64)
    low, high = (np.asarray(stats[name], np.float64) for name in ENDS[mode])
    if mode == "mean_std":
        restored = y * (high + (1e-6 if rule == "openpi" else 0)) + low
        return np.where(high == 0, y, restored) if rule == "groot" else restored
    extent = high - low + {"openpi": 1e-6, "oft": 1e-8}.get(rule, 0)
    if rule == "lerobot":
        extent = np.where(extent == 0, 1e-8, extent)
    if rule == "groot":
        y = np.clip(y, -1, 1)
    restored = (y + 1) / 2 * extent + low
    return np.where(stats["mask"], restored, y) if rule in ("openvla", "oft") else restored


@pytest.mark.parametrize("rule, mode", [(rule, mode) for rule, modes in RULES.items() for mode in modes])
@pytest.mark.parametrize("steps", [None, 5])
def test_every_rule_equals_its_formula(rule, mode, steps):
    for seed, dim in enumerate((1, 7, 14, 29)):
        stats = statistics(seed, dim, steps)
        rng = np.random.default_rng(100 + seed)
        x = np.float32(stats["min"] + rng.uniform(-1, 4, (3, steps or 4, dim)))
        x = np.where(np.arange(dim) % 4 == 1, np.where(rng.random(x.shape) < 0.5, np.float32(stats["min"]), x), x)
        normalizer = sinew.Normalizer(stats, mode, rule)
        want = reference_forward(stats, mode, rule, x)
        y = normalizer.forward(x)
        assert y.dtype == np.float32 and y.shape == want.shape
        np.testing.assert_allclose(y, want, rtol=1e-4, atol=2e-6)
        if mode in ("scale", "sin_cos"):
            with pytest.raises(sinew.Error, match="the reference has none"):
                normalizer.inverse(y)
            continue
        y = np.float32(rng.uniform(-1.5, 1.5, x.shape))
        np.testing.assert_allclose(normalizer.inverse(y), reference_inverse(stats, mode, rule, y), rtol=1e-6, atol=1e-6)


def test_the_formulas_differ():
    """So that a rule which took another's formula would be seen above."""
    stats = {"min": [1.0], "max": [1.0 + 2e-6], "q01": [1.0], "q99": [1.0 + 2e-6]}
    values = {rule: float(sinew.Normalizer(stats, "quantile", rule).forward([1.0 + 3e-6])[0]) for rule in RULES}
    assert values["lerobot"] > 1.5 and values["qwen"] == 1 and 0.9 < values["openpi"] < 1.1 and values["starvla"] > 1.5


@pytest.mark.golden
def test_lerobot_golden():
    torch = pytest.importorskip("torch")
    tensors, document = golden("lerobot_misc/normalizer")
    names = {"MEAN_STD": "mean_std", "MIN_MAX": "min_max", "QUANTILES": "quantile", "QUANTILE10": "quantile10", "IDENTITY": "identity"}
    pick = lambda feature: {k.rsplit(".", 1)[1]: v for k, v in tensors.items() if k.startswith(f"state_dict.{feature}.")}  # noqa: E731
    constant = document["config"]["constant_dim"]
    for name, mode in names.items():
        action = sinew.Normalizer(pick("action"), mode, "lerobot")
        close(sinew.Normalizer(pick("observation.state"), mode, "lerobot").forward(tensors["state"]), tensors[f"{name}.state"], document, constant)
        close(action.forward(tensors["action"]), tensors[f"{name}.action"], document, constant)
        close(action.inverse(tensors["y"]), tensors[f"{name}.inverse"], document, constant)
        if mode != "identity":
            image = {k: v.reshape(-1) for k, v in pick("observation.images.top").items()}
            got = np.moveaxis(sinew.Normalizer(image, mode, "lerobot").forward(np.moveaxis(tensors["image"], 1, -1)), -1, 1)
            close(got, tensors[f"{name}.image"], document)
    # The reference's own line, run by torch: it divides in float32.
    stats = {k: torch.tensor(v) for k, v in pick("action").items()}
    want = (torch.tensor(tensors["action"]) - stats["mean"]) / (stats["std"] + document["config"]["eps"])
    close(sinew.Normalizer(pick("action"), "mean_std", "lerobot").forward(tensors["action"]), want.numpy(), document, constant)


@pytest.mark.golden
def test_openpi_golden(tmp_path):
    tensors, document = golden("openpi/normalize")
    (tmp_path / "norm_stats.json").write_text(document["norm_stats_json"])
    stats = sinew.read_statistics(tmp_path / "norm_stats.json", "openpi")["actions"]
    longer = {k: np.concatenate([v, [0.5] * 3]) for k, v in stats.items()}
    constant = int(np.flatnonzero(stats["std"] == 0)[0])
    for name, mode in (("zscore", "mean_std"), ("quantile", "quantile")):
        normalizer = sinew.Normalizer(stats, mode, "openpi")
        close(normalizer.forward(tensors["actions"]), tensors[f"{name}.norm.actions"], document, constant)
        close(normalizer.forward(tensors["state"]), tensors[f"{name}.norm.state"], document, constant)
        close(sinew.Normalizer(longer, mode, "openpi").forward(tensors["actions"]), tensors[f"{name}.norm_longstats.actions"], document, constant)
        close(normalizer.inverse(tensors["actions"]), tensors[f"{name}.unnorm.actions"], document, constant)
        close(normalizer.inverse(tensors["actions_padded"]), tensors[f"{name}.unnorm_padded.actions"], document, constant)
        with pytest.raises(sinew.Error):  # statistics shorter than the data, as the reference
            normalizer.forward(tensors["actions_padded"])
        with pytest.raises(sinew.Error):
            sinew.Normalizer(longer, mode, "openpi").inverse(tensors["actions"])


@pytest.mark.golden
@pytest.mark.parametrize("case", ["normalization_libero", "normalization_aloha"])
def test_openvla_oft_golden(case):
    tensors, document = golden(f"openvla/{case}")
    config = document["config"]
    mode = {"bounds": "min_max", "bounds_q99": "quantile"}[config["type"]]
    proprio = config["proprio_stats"]
    constant = config["constant_dim"]
    close(sinew.Normalizer(proprio, mode, "oft").forward(tensors["proprio"]), tensors["proprio_norm"], document, constant)
    unmasked = {k: v for k, v in proprio.items() if k != "mask"}
    close(sinew.Normalizer(unmasked, mode, "oft").forward(tensors["proprio"]), tensors["proprio_norm_nomask"], document, constant)
    action = sinew.Normalizer(config["action_stats"], mode, "oft")
    close(action.inverse(tensors["normalized_actions"]), tensors["actions"], document, constant)


@pytest.mark.golden
def test_starvla_golden():
    tensors, document = golden("starvla_transforms/normalizer_modes")
    stats, tiny = document["config"]["stats_float64"], document["config"]["tiny_range_dim"]
    for name, want in tensors.items():
        mode, _, direction = name.partition(".")
        if direction not in ("forward", "inverse"):
            continue
        base, _, threshold = mode.partition("_thr")
        normalizer = sinew.Normalizer(stats, {"q99": "quantile"}.get(base, base), "starvla", threshold=float(threshold or 5) / 10)
        got = normalizer.forward(tensors["x"]) if direction == "forward" else normalizer.inverse(tensors["y"])
        close(got, want, document, tiny)
    tensors, document = golden("starvla_transforms/sin_cos")
    close(sinew.Normalizer({}, "sin_cos", "starvla").forward(tensors["x"]), tensors["out"], document)


@pytest.mark.golden
@pytest.mark.parametrize("case", ["server_unapply_libero_franka", "server_unapply_oxe_bridge"])
def test_starvla_server_golden(case, tmp_path):
    tensors, document = golden(f"starvla_transforms/{case}")
    config = document["config"]
    (tmp_path / "dataset_statistics.json").write_text(json.dumps(document["dataset_statistics_json"]))
    stats = sinew.read_statistics(tmp_path / "dataset_statistics.json", "openvla")[f"{config['unnorm_key']}/action"]
    got = np.empty(tensors["actions"].shape)
    for d, key in enumerate(config["action_keys"]):
        mode = {"q99": "quantile"}.get(config["normalization_modes"].get(key), config["normalization_modes"].get(key, "identity"))
        own = {name: values[d : d + 1] for name, values in stats.items()}
        got[..., d : d + 1] = sinew.Normalizer(own, mode, "starvla").inverse(tensors["normalized_actions"][..., d : d + 1])
    close(got, tensors["actions"], document)


@pytest.mark.golden
def test_groot_golden(tmp_path):
    tensors, document = golden("groot_n17/action_decode")
    (tmp_path / "statistics.json").write_text(json.dumps({"robot": document["raw_stats"]}))
    stats = sinew.read_statistics(tmp_path / "statistics.json", "groot")
    case = document["config"]["cases"]["relative"]["modality_config"]["action"]
    first, seen = 0, 0
    for key, config in zip(case["modality_keys"], case["action_configs"]):
        dim = document["config"]["groups"][key]
        relative = config["rep"] == "relative"
        if config["type"] == "non_eef":
            y = tensors["model_action"][:, : document["config"]["T"], first : first + dim]
            x = sinew.Normalizer(stats[f"robot/{'relative_action' if relative else 'action'}/{key}"], "min_max", "groot").inverse(y)
            x = x + (tensors[f"raw_state.{key}"][:, None] if relative else 0)
            close(x, tensors["relative.actions"][..., first : first + dim], document)
            seen += 1
        first += dim
    assert seen == 2


def test_statistics_per_step_take_chunks_and_their_first_steps():
    stats = statistics(1, 3, 4)
    normalizer = sinew.Normalizer(stats, "min_max", "groot")
    y = np.float32(np.random.default_rng(2).uniform(-1, 1, (2, 5, 4, 3)))
    whole = normalizer.inverse(y)
    assert np.array_equal(normalizer.inverse(y[..., :2, :]), whole[..., :2, :])
    assert np.array_equal(normalizer.inverse(y[0, 0, 0]), whole[0, 0, 0])  # one row is step 0
    with pytest.raises(sinew.Error, match=r"shape \[\.\.\., 4, 3\]"):
        normalizer.inverse(np.zeros((5, 3), np.float32))


def test_lerobot_files_agree(tmp_path):
    """The same statistics as JSON and as a normaliser's state, written by the safetensors package."""
    stats = {"observation.state": statistics(3, 4), "observation.images.top": {"mean": np.float64([[[0.1]], [[0.2]], [[0.3]]])}}
    for entry in stats.values():
        entry.pop("mask", None)
        for name in entry:
            entry[name] = np.float32(entry[name])
    document = {key: {name: value.tolist() for name, value in entry.items()} | {"count": [7]} for key, entry in stats.items()}
    (tmp_path / "stats.json").write_text(json.dumps(document))
    flat = {f"{key}.{name}": value for key, entry in stats.items() for name, value in entry.items()}
    safetensors_numpy.save_file(flat | {"observation.state.count": np.array([7])}, tmp_path / "state.safetensors")
    one, two = sinew.read_statistics(tmp_path / "stats.json", "lerobot"), sinew.read_statistics(tmp_path / "state.safetensors", "lerobot_safetensors")
    assert one.keys() == two.keys() == stats.keys()
    assert one["observation.images.top"]["mean"].shape == (3,)
    for key, entry in stats.items():
        assert one[key].keys() == entry.keys()
        for name, value in entry.items():
            assert np.array_equal(one[key][name], value.reshape(-1)) and np.array_equal(two[key][name], value.reshape(-1))


def test_what_is_refused(tmp_path):
    with pytest.raises(sinew.Error, match='mode of rule "openpi": expected one of identity, mean_std, quantile, got min_max'):
        sinew.Normalizer(statistics(1, 2), "min_max", "openpi")
    with pytest.raises(sinew.Error, match="expected one of sinew, lerobot, .*did you mean 'lerobot'"):
        sinew.read_statistics(tmp_path / "x", "lerobt")
    with pytest.raises(sinew.Error) as caught:
        sinew.read_statistics(tmp_path / "absent.json", "lerobot")
    assert "absent.json" in str(caught.value)


def test_a_slip_of_a_statistic_is_refused_and_other_keys_are_not():
    with pytest.raises(sinew.Error, match="did you mean 'mask'"):
        sinew.Normalizer({"q01": [0.0], "q99": [1.0], "maks": [False]}, "quantile", "oft")
    sinew.Normalizer({"q01": [0.0], "q99": [1.0], "count": [9], "q50": [0.5], "num_transitions": 7}, "quantile", "oft")
