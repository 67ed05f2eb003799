# SPDX-License-Identifier: Apache-2.0
"""A policy card as rows for people: what goes in and out, with shapes and units."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    direction: str  # "in" or "out"
    name: str
    shape: str
    unit: str
    meaning: str


def _normalization(entry):
    if entry["mode"] == "identity":
        return "as it is"
    return f"{entry['mode']} normalisation, rule {entry['rule']}, statistics '{entry['key']}'"


def _camera(entry):
    parts = [f"camera, {entry['processor']} processor, resized by {entry['resample']}"]
    if entry["view"]:
        parts.append(f"view '{entry['view']}'")
    if entry["rotate_180"]:
        parts.append("turned by 180°")
    shape = f"uint8 [{entry['height']}, {entry['width']}, 3]"
    return Row("in", entry["name"], shape, "RGB", ", ".join(parts))


def _limits(card, index):
    limits = card["limits"]
    if limits is None:
        return ""
    unit = "m" if card["action"]["joint_names"][index] in card["action"]["gripper_names"] else "rad"
    return (
        f"{limits['lower'][index]:.4g} to {limits['upper'][index]:.4g} {unit}, "
        f"at most {limits['velocity'][index]:.4g} {unit}/s, {limits['acceleration'][index]:.4g} {unit}/s²"
    )


KINDS = ("joints", "tool", "gripper", "waypoint", "unused")


def _part(part):
    """What a part of an action is, in words, and its unit."""
    kind = next(kind for kind in KINDS if part.get(kind))
    entry = part[kind]
    own = part.get("normalization")
    suffix = f", {_normalization(own)}" if own else ""
    if kind == "joints":
        relative = f", relative to '{entry['relative_to']}'" if entry["relative_to"] else ""
        return f"{entry['size']} joints{relative}{suffix}", "rad"
    if kind == "tool":
        axes = f"{entry['frame']} axes" + (f" of '{entry['camera']}'" if entry["camera"] else "")
        return f"tool pose, {entry['reference']}, {axes}, rotation {entry['rotation']}{suffix}", "m, rad"
    if kind == "gripper":
        return f"gripper, convention {entry['convention']}, {entry['closed']:g} closed to {entry['open']:g} open{suffix}", "m or rad"
    if kind == "waypoint":
        where = f"world by '{entry['channel']}'" if entry["channel"] else "body frame"
        return f"waypoint x, y, heading, {entry['reference']}, {where}{suffix}", "m, m, rad"
    return f"{entry['size']} columns that the robot does not take", ""


def _parts_rows(action):
    tokens, layout = action["tokens"], action["layout"]
    if tokens:
        yield Row("out", "action_ids", f"int64, ≤ {tokens['max_tokens']}", "tokens", f"language {tokens['language']}, mapping {tokens['mapping']}")
    if layout:
        slots = ", ".join(f"{slot['part']} {slot['size']}" for slot in layout["slots"])
        yield Row("out", "actions", f"[{layout['rows']}, {layout['width']}]", "", f"layout {layout['name']}" + (f": {slots}" if slots else ""))
    for part in action["parts"]:
        meaning, unit = _part(part)
        yield Row("out", part["name"], "part", unit, meaning)


def describe(card):
    """Rows of a card, a dict in the form of sinew.json."""
    rows = [_camera(camera) for camera in card["cameras"]]
    prompt = card["prompt"]
    fields = ", ".join(f"{key}: {value}" for key, value in prompt["fields"].items())
    meaning = f"template '{prompt['name']}'" + (f" ({fields})" if fields else "")
    if text := card.get("text"):
        meaning += f", ≤ {text['max_tokens']} tokens of {text['tokenizer']}, padding {text['padding']}"
    rows.append(Row("in", "instruction", f"UTF-8, ≤ {prompt['max_bytes']} bytes as prompt", "text", meaning))
    if history := card.get("history"):
        moments = ", ".join(f"{offset:g}" for offset in history["camera_offsets"])
        rows.append(Row("in", "history", f"cameras at {moments} s", "s", f"samples ≤ {history['max_age']:g} s old, cameras ≤ {history['max_skew']:g} s apart"))
    state = card["state"]
    for channel in state["channels"]:
        meaning = f"sensor, {channel['rate']:g} Hz, {_normalization(state['normalization'])}"
        rows.append(Row("in", channel["name"], f"float64 [{channel['size']}]", channel["unit"], meaning))

    action = card["action"]
    names, grippers = action["joint_names"], action["gripper_names"]
    if action["decoder"] == "parts":
        rows += _parts_rows(action)
        columns, unit, meaning = "n", "SI", "the parts, one after the other"
    elif action["decoder"] == "joint_absolute":
        columns, unit = len(names), "rad, m" if grippers else "rad"
        meaning = "joint positions"
    else:
        columns, unit = 6 + len(grippers), "m, rad"
        meaning = f"deltas of the tool pose '{action['tool_channel']}' (position, rotation vector, base axes), then gripper openings"
    meaning += f"; {action['rate']:g} Hz, {_normalization(action['normalization'])}"
    rows.append(Row("out", "chunk", f"float64 [{action['horizon']}, {columns}]", unit, meaning))
    for index, name in enumerate(names):
        gripper = name in grippers
        meaning = "gripper opening" if gripper else "joint position"
        limits = _limits(card, index)
        rows.append(Row("out", name, "command", "m" if gripper else "rad", meaning + (f", {limits}" if limits else "")))
    return rows


def headline(card):
    """One line: name, model, arithmetic, backend."""
    return f"{card['name']}: {card['architecture']} ({card['dtype']}) on backend '{card['backend']}', card format {card['format_version']}"
