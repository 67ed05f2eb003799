# SPDX-License-Identifier: Apache-2.0
"""Policy cards that lie, lead out of their folder, or ask for what no robot has."""

import copy
import json

JOINTS = ["j1", "j2", "grip"]


def card():
    """A card with something in every field."""
    by_key = {"mode": "quantile", "rule": "qwen", "key": "action"}
    return {
        "format_version": "1.2", "name": "sample", "architecture": "affine", "backend": "reference", "dtype": "f32",
        "cameras": [{"name": "front", "view": "", "processor": "raw", "resample": "pil_bilinear", "height": 48, "width": 64, "rotate_180": False}],
        "prompt": {"name": "qwen_vla", "fields": {"chunk_size": "4", "fps": "10"}, "max_bytes": 4096},
        "text": {"tokenizer": "tokenizer.json", "max_tokens": 64, "padding": "right", "pad_id": 0, "add_special_tokens": False, "positions": True},
        "history": {"camera_offsets": [-0.5, 0], "state_offsets": [0], "max_age": 0.2, "max_skew": 0.03},
        "state": {"channels": [{"name": "joint_position", "unit": "rad", "size": 3, "rate": 10.0}], "normalization": {"mode": "identity", "rule": "", "key": ""}},
        "action": {
            "decoder": "joint_absolute", "joint_names": JOINTS, "gripper_names": ["grip"], "tool_channel": "", "horizon": 4, "rate": 10.0, "normalization": by_key,
            "parts": [], "layout": None, "tokens": None,
        },
        "statistics": {"file": "stats.json", "sha256": "a" * 64, "format": "sinew"},
        "limits": {"lower": [-2, -2, 0], "upper": [2, 2, 1], "velocity": [1, 1, 1], "acceleration": [9, 9, 9], "jerk": [99, 99, 99]},
    }  # fmt: skip


ABSENT = object()


def changed(document, pointer, value):
    """A copy with the value at "/a/0/b" replaced, added or left out."""
    made = copy.deepcopy(document)
    *above, last = pointer.split("/")[1:]
    at = made
    for token in above:
        at = at[int(token)] if isinstance(at, list) else at[token]
    last = int(last) if isinstance(at, list) else last
    if value is ABSENT:
        del at[last]
    else:
        at[last] = value
    return made


def _part(**kinds):
    return {"name": "p", **kinds}


def files():
    good = card()
    changes = {
        "version_of_tomorrow": ("/format_version", "1.3"),
        "version_major": ("/format_version", "2.0"),
        "version_of_two_points": ("/format_version", "1.2.0"),
        "version_number": ("/format_version", 1.2),
        "version_absent": ("/format_version", ABSENT),
        "code_key": ("/auto_map", {"AutoModel": "modeling.Evil"}),
        "key_misspelt": ("/camera", []),
        "key_absent": ("/history", ABSENT),
        "name_empty": ("/name", ""),
        "name_of_escape_codes": ("/name", "x\u001b]0;owned\u0007"),
        "name_of_300_bytes": ("/name", "n" * 300),
        "name_is_number": ("/name", 7),
        "dtype_of_integers": ("/dtype", "i8"),
        "dtype_unknown": ("/dtype", "f33"),
        "cameras_65": ("/cameras", [good["cameras"][0] | {"name": f"c{i}"} for i in range(65)]),
        "camera_twice": ("/cameras", good["cameras"] * 2),
        "camera_without_height": ("/cameras/0/height", 0),
        "camera_of_2_gigapixels": ("/cameras/0/width", 2147483647),
        "camera_beyond_int": ("/cameras/0/width", 4294967296),
        "camera_height_negative": ("/cameras/0/height", -48),
        "processor_unknown": ("/cameras/0/processor", "trust_me"),
        "prompt_of_2_gigabytes": ("/prompt/max_bytes", 2147483647),
        "prompt_disagrees_with_action": ("/prompt/fields/chunk_size", "5"),
        "prompt_field_is_object": ("/prompt/fields/fps", {"a": 1}),
        "tokenizer_outside": ("/text/tokenizer", "../../secret.json"),
        "tokenizer_absolute": ("/text/tokenizer", "/etc/passwd"),
        "tokenizer_is_parent": ("/text/tokenizer", ".."),
        "tokens_2_billion": ("/text/max_tokens", 2147483647),
        "padding_unknown": ("/text/padding", "both"),
        "history_of_the_future": ("/history/camera_offsets", [0, 0.5]),
        "history_not_ascending": ("/history/state_offsets", [-1, -2, 0]),
        "history_of_257_moments": ("/history/camera_offsets", [i - 256 for i in range(257)]),
        "history_of_days": ("/history/max_age", 86400),
        "state_of_257_channels": ("/state/channels", [good["state"]["channels"][0] | {"name": f"c{i}", "size": 1} for i in range(257)]),
        "state_of_too_many_values": ("/state/channels", [good["state"]["channels"][0] | {"name": f"c{i}", "size": 65536} for i in range(2)]),
        "state_without_channels": ("/state/channels", []),
        "state_rate_zero": ("/state/channels/0/rate", 0),
        "joints_65": ("/action/joint_names", [f"j{i}" for i in range(65)]),
        "joint_twice": ("/action/joint_names", ["j1", "j1", "grip"]),
        "gripper_that_is_no_joint": ("/action/gripper_names", ["claw"]),
        "horizon_zero": ("/action/horizon", 0),
        "horizon_of_millions": ("/action/horizon", 1_000_000),
        "horizon_with_fraction": ("/action/horizon", 4.5),
        "rate_negative": ("/action/rate", -10.0),
        "rate_of_gigahertz": ("/action/rate", 1e9),
        "decoder_unknown": ("/action/decoder", "python"),
        "normalization_unknown": ("/action/normalization/mode", "eval"),
        "identity_with_key": ("/action/normalization/mode", "identity"),
        "tool_channel_of_joints": ("/action/tool_channel", "tool_pose"),
        "parts_of_another_decoder": ("/action/parts", [_part(joints={"size": 3, "relative_to": "", "first": 0})]),
        "statistics_outside": ("/statistics/file", "../stats.json"),
        "statistics_not_named": ("/statistics", {"file": "", "sha256": "", "format": ""}),
        "digest_short": ("/statistics/sha256", "abc"),
        "digest_upper_case": ("/statistics/sha256", "A" * 64),
        "limits_of_two_joints": ("/limits/upper", [2, 2]),
        "limits_crossed": ("/limits/lower", [3, -2, 0]),
        "limits_equal": ("/limits/lower", [2, -2, 0]),
        "limits_velocity_zero": ("/limits/velocity", [1, 0, 1]),
        "limits_null": ("/limits/jerk", [99, None, 99]),
        "limits_beyond_exact": ("/limits/acceleration", [9007199254740993, 9, 9]),
    }
    yield "card/good.json", json.dumps(good)
    for name, (pointer, value) in changes.items():
        yield f"card/{name}.json", json.dumps(changed(good, pointer, value))
    yield "card/limits_not_a_number.json", json.dumps(changed(good, "/limits/upper", [float("nan"), 2, 1]))
    by_parts = changed(changed(good, "/action/decoder", "parts"), "/action/normalization", {"mode": "identity", "rule": "", "key": ""})
    tool = {"channel": "tool", "frame": "base", "reference": "first", "rotation": "rotvec", "position_scale": 1, "rotation_scale": 1, "camera": "", "camera_optional": False}
    parts = {
        "part_of_two_kinds": [_part(joints={"size": 3, "relative_to": "", "first": 0}, unused={"size": 1})],
        "part_of_no_kind": [_part()],
        "part_of_a_foreign_channel": [_part(joints={"size": 3, "relative_to": "elsewhere", "first": 0})],
        "part_behind_its_channel": [_part(joints={"size": 3, "relative_to": "joint_position", "first": 2147483647})],
        "part_of_unused_alone": [_part(unused={"size": 3})],
        "part_with_scale_zero": [_part(tool=tool | {"position_scale": 0})],
        "part_with_camera_unasked": [_part(tool=tool | {"camera": "wrist"})],
        "part_gripper_without_travel": [_part(gripper={"convention": "pi", "open": 1, "closed": 1})],
    }
    for name, content in parts.items():
        yield f"card/{name}.json", json.dumps(changed(by_parts, "/action/parts", content))
    bins = {"language": "bins", "mapping": "openvla", "folder": "", "vocab_size": 32000, "bins": 1, "max_tokens": 64, "relaxed": False}
    whole = changed(by_parts, "/action/parts", [_part(joints={"size": 3, "relative_to": "", "first": 0})])
    yield "card/tokens_of_one_bin.json", json.dumps(changed(whole, "/action/tokens", bins))
    fast = bins | {"language": "fast", "mapping": "none", "folder": "../fast", "vocab_size": 0, "bins": 0}
    yield "card/tokens_folder_outside.json", json.dumps(changed(whole, "/action/tokens", fast))
    layout = {"name": "padded", "width": 2147483647, "rows": 4, "slots": []}
    yield "card/layout_of_2_billion_columns.json", json.dumps(changed(whole, "/action/layout", layout))
