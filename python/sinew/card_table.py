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
    if action["decoder"] == "joint_absolute":
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
