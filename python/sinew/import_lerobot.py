# SPDX-License-Identifier: Apache-2.0
"""`sinew import lerobot`: a LeRobot checkpoint of type "act" becomes a policy directory."""

import hashlib
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import sinew
from sinew._documents import reading
from sinew._errors import error
from sinew.checkpoint import open_checkpoint

_EPS = 1e-8  # of LeRobot's normaliser, and of ours
_MODES = {"MEAN_STD": ("mean_std", ("mean", "std")), "MIN_MAX": ("min_max", ("min", "max")), "QUANTILES": ("quantile", ("q01", "q99")), "QUANTILE10": ("quantile10", ("q10", "q90"))}
_NEUTRAL = {"mean": 0.0, "std": 1.0, "min": -1.0, "max": 1.0, "q01": -1.0, "q99": 1.0, "q10": -1.0, "q90": 1.0}  # an identity in each mode
_IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
_PASSED_OVER = {"to_batch_processor", "device_processor"}
_STATE, _ACTION, _IMAGES = "observation.state", "action", "observation.images."


@dataclass(frozen=True)
class Options:
    joints: tuple  # names of the action's joints, in order
    rate: float  # Hz, of the chunk's steps
    grippers: tuple = ()  # the last of joints
    channels: tuple = ()  # (name, unit, size) of the state vector; none: joint positions in rad
    cameras: dict = field(default_factory=dict)  # name in the checkpoint -> name on the robot
    dtype: str = "f32"
    overwrite: bool = False


@dataclass
class _Rules:
    """What the pipelines of a checkpoint do to each feature."""

    modes: dict  # feature type -> mode
    statistics: dict  # feature -> {"mean": float32 array, ...}
    keys: set | None = None  # the observations that are normalised; None: all


def _refuse(checkpoint, file, what, expected, got, hint=""):
    return error("unsupported", str(checkpoint.directory / file), what, expected, got, hint)


def _state_of(checkpoint, file):
    """{"<feature>": {"<statistic>": values}} of a normaliser's file; names are split at the last dot."""
    if Path(file).name != file or not file.endswith(".safetensors"):
        raise _refuse(checkpoint, file, "state_file", "a safetensors file beside the pipeline", file)
    made = {}
    for name, values in _tensors(checkpoint, file).items():
        feature, _, statistic = name.rpartition(".")
        made.setdefault(feature, {})[statistic] = values.reshape(-1)
    return made


def _tensors(checkpoint, file, prefix=""):
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(checkpoint.directory / file, framework="np") as tensors:
            return {name: tensors.get_tensor(name) for name in tensors.keys() if name.startswith(prefix)}
    except (OSError, SafetensorError) as problem:
        raise error("not_found", str(checkpoint.directory / file), "file", "safetensors", str(problem)) from problem


def _steps(checkpoint, file, known):
    """(registered name, configuration, state file) of each step that does something. A step that names a class would import it: refused."""
    for i, step in enumerate(checkpoint.read(file).get("steps", [])):
        name = step.get("registry_name") if isinstance(step, dict) else None
        if name is None:
            raise _refuse(checkpoint, file, f"/steps/{i}", "a registered step", f"class '{step.get('class')}'" if isinstance(step, dict) else repr(step)[:100], "code of a checkpoint is not run")
        if name not in known and name not in _PASSED_OVER:
            raise _refuse(checkpoint, file, f"/steps/{i}/registry_name", f"one of {', '.join(sorted(known | _PASSED_OVER))}", f"'{name}'")
        config = step.get("config", {})
        if config.get("float_dtype") not in (None, "float32"):
            raise _refuse(checkpoint, file, f"/steps/{i}/config/float_dtype", "float32", config["float_dtype"])
        if name in known:
            yield name, config, step.get("state_file")


def _read_rules(checkpoint, config):
    """Rules of observations, rules of the action, and what cameras and channels are called before the pipeline renames them."""
    if checkpoint.read("policy_preprocessor.json") is None:
        return *_old_rules(checkpoint, config), {}
    if checkpoint.read("policy_postprocessor.json") is None:
        raise _refuse(checkpoint, "policy_postprocessor.json", "file", "a pipeline beside policy_preprocessor.json", "none")
    renamed, found = {}, {}
    for file, known in (("policy_preprocessor.json", {"rename_observations_processor", "normalizer_processor"}), ("policy_postprocessor.json", {"unnormalizer_processor"})):
        rules = _Rules({}, {})  # without the step nothing is normalised
        for name, step, state in _steps(checkpoint, file, known):
            if name == "rename_observations_processor":
                renamed |= {to: source for source, to in step.get("rename_map", {}).items()}
                continue
            if abs(step.get("eps", _EPS) - _EPS) > 1e-15:
                raise _refuse(checkpoint, file, "eps", f"{_EPS}", step["eps"])
            only = step.get("normalize_observation_keys")
            rules = _Rules(step.get("norm_map", {}), _state_of(checkpoint, state) if state else {}, None if only is None else set(only))
        found[file] = rules
    return found["policy_preprocessor.json"], found["policy_postprocessor.json"], renamed


def _old_rules(checkpoint, config):
    """Of checkpoints before LeRobot 0.4: buffers in the weights, modes in config.json."""
    rules = []
    for prefix, features in (("normalize_inputs.buffer_", config["input_features"]), ("unnormalize_outputs.buffer_", config["output_features"])):
        buffers = _tensors(checkpoint, "model.safetensors", prefix)
        statistics = {}
        for feature in features:
            stem = prefix + feature.replace(".", "_") + "."
            statistics[feature] = {name.removeprefix(stem): values.reshape(-1) for name, values in buffers.items() if name.startswith(stem)}
        rules.append(_Rules(config.get("normalization_mapping", {}), {name: values for name, values in statistics.items() if values}))
    if not any(rule.statistics for rule in rules):
        raise _refuse(checkpoint, "policy_preprocessor.json", "normalisation", "policy_preprocessor.json, or buffers in the weights", "neither")
    return rules


def _normalization(checkpoint, rules, feature, kind, size):
    """(mode of ours, {"mean": list, ...}) of a feature; identity where LeRobot passes it through."""
    mode = rules.modes.get(kind, "IDENTITY")
    passed = mode == "IDENTITY" or feature not in rules.statistics or (rules.keys is not None and feature not in rules.keys)
    if passed:
        return "identity", {}
    if mode not in _MODES:
        raise _refuse(checkpoint, "policy_preprocessor.json", f"mode of {feature}", ", ".join([*_MODES, "IDENTITY"]), f"'{mode}'")
    name, needed = _MODES[mode]
    stored = rules.statistics[feature]
    for statistic in needed:
        values = stored.get(statistic)
        if values is None or values.size != size or not np.isfinite(values).all():
            got = "none" if values is None else f"{values.size}" if values.size != size else "NaN or infinity"
            raise error("invalid_argument", str(checkpoint.directory), f"statistic '{statistic}' of {feature}", f"{size} finite numbers", got)
    return name, {statistic: np.asarray(stored[statistic], np.float32).astype(float).tolist() for statistic in needed}


def _joined(checkpoint, parts):
    """One normalisation of several features behind each other: (mode, statistics)."""
    modes = {mode for mode, _, _ in parts if mode != "identity"}
    if len(modes) > 1:
        raise error("unsupported", str(checkpoint.directory), "state and environment state", "one normalisation", " and ".join(sorted(modes)))
    if not modes:
        return "identity", {}
    (mode,) = modes
    needed = next(names for ours, names in _MODES.values() if ours == mode)
    return mode, {statistic: [x for _, values, size in parts for x in values.get(statistic, [_NEUTRAL[statistic]] * size)] for statistic in needed}


def _pixels(checkpoint, rules, feature):
    """Mean and std of a camera's values on [0, 1]; None for ImageNet's, which the processor "act" has."""
    mode, values = _normalization(checkpoint, rules, feature, "VISUAL", 3)
    if mode == "identity":
        return {"mean": [0.0] * 3, "std": [1.0] * 3}
    if mode != "mean_std":
        low, high = (np.array(values[name]) for name in next(names for ours, names in _MODES.values() if ours == mode))
        if (high <= low).any():
            raise error("unsupported", str(checkpoint.directory), f"range of {feature}", "wider than nothing", "a constant")
        values = {"mean": ((low + high) / 2).tolist(), "std": ((high - low) / 2).tolist()}
    same = all(np.allclose(values[name], _IMAGENET[name], rtol=0, atol=1e-6) for name in _IMAGENET)
    return None if same else values


def _reference(mode, key):
    return {"mode": mode, "rule": "" if mode == "identity" else "lerobot", "key": "" if mode == "identity" else key}


def _features(checkpoint, config):
    """The checkpoint's cameras, state and environment state: {name: shape} of each. The rest of config.json is checked when the policy is
    loaded."""
    inputs = config.get("input_features")
    if config.get("type") != "act":
        raise _refuse(checkpoint, "config.json", "/type", "'act'", f"'{config.get('type')}'")
    if not isinstance(inputs, dict) or not inputs or not isinstance(config.get("output_features"), dict) or _ACTION not in config["output_features"]:
        raise _refuse(checkpoint, "config.json", "features", "input_features and an output 'action'", "others")
    for name, feature in (inputs | config["output_features"]).items():
        shape = feature.get("shape") if isinstance(feature, dict) else None
        if not isinstance(shape, list) or not shape or not all(type(size) is int and size > 0 for size in shape) or not isinstance(feature.get("type"), str):
            raise _refuse(checkpoint, "config.json", f"feature {name!r}", "a type, and a shape of whole numbers above 0", repr(feature)[:100])
    return tuple({name: feature["shape"] for name, feature in inputs.items() if feature["type"] == kind} for kind in ("VISUAL", "STATE", "ENV"))


def _short(feature):
    return feature.removeprefix(_IMAGES) if feature.startswith(_IMAGES) else feature.removeprefix("observation.")


def _channels(options, state, environment):
    size = state + environment
    channels = options.channels or ((("joint_position", "rad", state),) if state and not environment else ())
    if sum(channel[2] for channel in channels) != size:
        named = ", ".join(f"{name}:{unit}:{count}" for name, unit, count in channels) or "none"
        raise error("invalid_argument", "import", "channels of the state", f"NAME:UNIT:SIZE of together {size} values (--state)", named)
    return channels


def _card(checkpoint, options, cameras, channels, action, normalizations):
    return {
        "format_version": "1.2", "name": checkpoint.name, "architecture": "act", "backend": "cpu", "dtype": options.dtype,
        "cameras": [{"name": name, "view": "", "processor": processor, "resample": "torch_bilinear", "height": height, "width": width, "rotate_180": False} for name, processor, height, width in cameras],
        "prompt": {"name": "instruction", "fields": {}, "max_bytes": 1024}, "text": None, "history": None,
        "state": {"channels": [{"name": name, "unit": unit, "size": size, "rate": options.rate} for name, unit, size in channels], "normalization": _reference(normalizations["state"][0], "state")},
        "action": {
            "decoder": "joint_absolute", "joint_names": list(options.joints), "gripper_names": list(options.grippers), "tool_channel": "", "horizon": action, "rate": options.rate,
            "normalization": _reference(normalizations["action"][0], "action"), "parts": [], "layout": None, "tokens": None,
        },
        "statistics": {"file": "", "sha256": "", "format": ""}, "limits": None,
    }  # fmt: skip


def run(source, target, options):
    """Writes the policy directory `target`; returns what to know about it, line by line. Throws Error; then nothing is there."""
    checkpoint, target = open_checkpoint(source), Path(target)
    with reading(checkpoint.directory, "checkpoint", "files of LeRobot's ACT that fit together"):
        card, document, statistics = _plan(checkpoint, options)
    _write(checkpoint, target, options, card, document, statistics)
    return _notes(document, card, target)


def _plan(checkpoint, options):
    """The card, config.json and the statistics of the policy directory."""
    config = checkpoint.read("config.json")
    if config is None or not (checkpoint.directory / "model.safetensors").is_file():
        raise error("not_found", str(checkpoint.directory), "checkpoint", "config.json and model.safetensors", "a folder without them")
    visual, state, environment = _features(checkpoint, config)
    dim = config["output_features"][_ACTION]["shape"][0]
    if len(options.joints) != dim:
        raise error("invalid_argument", "import", "names of the action's joints", f"{dim} (--joints)", len(options.joints), "the checkpoint does not name them")
    if list(options.grippers) != list(options.joints[dim - len(options.grippers) :]):
        raise error("invalid_argument", "import", "grippers", "the last of the joints", ", ".join(options.grippers))
    observed, acted, renamed = _read_rules(checkpoint, config)
    sizes = [sum(shape[0] for shape in features.values()) for features in (state, environment)]
    channels = _channels(options, *sizes)
    parts = [(*_normalization(checkpoint, observed, name, kind, shape[0]), shape[0]) for kind, features in (("STATE", state), ("ENV", environment)) for name, shape in features.items()]
    normalizations = {"state": _joined(checkpoint, parts), "action": _normalization(checkpoint, acted, _ACTION, "ACTION", dim)}
    unknown = set(options.cameras) - {_short(renamed.get(feature, feature)) for feature in visual}
    if unknown:
        raise error("invalid_argument", "import", "cameras", ", ".join(_short(renamed.get(feature, feature)) for feature in visual) or "none", ", ".join(sorted(unknown)))
    cameras, inputs, pixels = [], {}, {}
    for feature, entry in config["input_features"].items():
        if feature not in visual:
            inputs[feature] = entry
            continue
        name = _short(renamed.get(feature, feature))
        name = options.cameras.get(name, name)
        inputs[_IMAGES + name] = entry
        statistics = _pixels(checkpoint, observed, feature)
        if statistics:
            pixels[name] = statistics
        cameras.append((name, "raw" if statistics else "act", *entry["shape"][1:]))
    if len(inputs) != len(config["input_features"]):
        raise error("invalid_argument", "import", "cameras", "names of their own", ", ".join(name for name, *_ in cameras))
    document = config | {"input_features": inputs} | ({"image_statistics": pixels} if pixels else {})
    card = _card(checkpoint, options, cameras, channels, config["chunk_size"], normalizations)
    statistics = {key: values for key, (_, values) in normalizations.items() if values}
    return card, document, statistics


def _write(checkpoint, target, options, card, config, statistics):
    if target.exists() and not (options.overwrite and (target / "sinew.json").is_file()):
        hint = "" if options.overwrite else "--overwrite replaces a policy directory"
        raise error("already_exists", str(target), "policy directory", "a free name", "one that is there", hint)
    beside = target.with_name(target.name + ".writing")
    beside.mkdir(parents=True)
    try:
        if statistics:
            text = json.dumps(statistics, indent=1)
            (beside / "stats.json").write_text(text)
            card["statistics"] = {"file": "stats.json", "sha256": hashlib.sha256(text.encode()).hexdigest(), "format": "sinew"}
        (beside / "config.json").write_text(json.dumps(config, indent=2))
        (beside / "sinew.json").write_text(json.dumps(card, indent=2))
        shutil.copyfile(checkpoint.directory / "model.safetensors", beside / "model.safetensors")
        sinew.Policy.load(beside)  # everything fits, or nothing is written
        if target.exists():
            shutil.rmtree(target)
        beside.rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _notes(config, card, target):
    yield f"{target}: {card['name']}, {len(card['cameras'])} cameras, chunks of {card['action']['horizon']} x {len(card['action']['joint_names'])} at {card['action']['rate']:g} Hz"
    yield "values of state and action are taken for rad and m, as the card says; limits are not set: see docs/policy_card.md"
    if config.get("temporal_ensemble_coeff") is not None:
        yield f"trained to be averaged over time: sinew.action.TemporalEnsembler({config['temporal_ensemble_coeff']}, {card['action']['horizon']})"
    elif config.get("n_action_steps", config["chunk_size"]) < config["chunk_size"]:
        yield f"LeRobot follows the first {config['n_action_steps']} steps of a chunk"
