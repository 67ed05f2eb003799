#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws docs/images/action_spaces.svg: the canonical 80 dimensions with their slots and tokens, and the padded chunk.

Usage: PYTHONPATH=build/dev/python .venv/bin/python scripts/draw_action_spaces.py
"""

import pathlib

from sinew import action

COLOURS = {"joints": "#4c78a8", "tool": "#f58518", "gripper": "#54a24b", "hand": "#b279a2", "base": "#e45756", "waist": "#72b7b2", "reserved": "#d3d3d3"}
CELL, LEFT = 11, 16


def box(x, y, width, height, colour, text="", size=10):
    shape = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{colour}" stroke="#ffffff"/>'
    if text:
        shape += f'<text x="{x + width / 2}" y="{y + height / 2 + size / 3}" font-size="{size}" text-anchor="middle" fill="#111111">{text}</text>'
    return shape


def label(x, y, text, size=12, anchor="start", weight="normal"):
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" fill="#222222">{text}</text>'


def colour_of(part):
    return COLOURS[part.split("_")[-1]]


def canonical(y):
    out = [label(LEFT, y, "canonical: 80 dimensions of Qwen-RobotManip, numbered from 1", weight="bold")]
    for part, (first, end) in action.canonical.ranges().items():
        x, width = LEFT + first * CELL, (end - first) * CELL
        short = first + 1 if end - first == 1 else part.replace("_", " ")  # a gripper has room for its number alone
        out.append(box(x, y + 10, width, 34, colour_of(part), short, 10 if width > 40 else 8))
        if end - first > 1:
            out.append(label(x + 1, y + 56, first + 1, 8))
    out.append(label(LEFT + 80 * CELL, y + 56, "80", 8, "end"))
    return out


def tokens(y):
    out = [label(LEFT, y, "two tokens of 40: an arm (29), half of the reserved (11)", weight="bold")]
    ranges = action.canonical.ranges()
    owner = {i: part for part, (first, end) in ranges.items() for i in range(first, end)}
    for token in range(2):
        dims = [*range(29 * token, 29 * token + 29), *range(58 + 11 * token, 69 + 11 * token)]
        start = 0
        while start < 40:
            end = start
            while end < 40 and owner[dims[end]] == owner[dims[start]]:
                end += 1
            part = owner[dims[start]]
            text = part.split("_")[-1] if end - start > 2 else ""
            out.append(box(LEFT + start * CELL, y + 10 + 30 * token, (end - start) * CELL, 24, colour_of(part), text, 9))
            start = end
        out.append(label(LEFT + 40 * CELL + 6, y + 26 + 30 * token, ("left", "right")[token], 10))
    return out


def padded(x, y):
    out = [label(x, y, "padded: c of K columns, h of H rows", weight="bold")]
    for row in range(5):
        for column in range(12):
            used = row < 3 and column < 7
            out.append(box(x + column * 16, y + 10 + row * 14, 16, 14, COLOURS["joints"] if used else COLOURS["reserved"]))
    out += [label(x + 200, y + 34, "h steps", 10), label(x + 200, y + 66, "H rows", 10), label(x + 30, y + 94, "c", 10), label(x + 150, y + 94, "K", 10)]
    return out


def main():
    parts = canonical(24) + tokens(110) + padded(LEFT + 40 * CELL + 70, 110)
    width, height = LEFT * 2 + 80 * CELL, 216
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif">'
    svg += f'<rect width="{width}" height="{height}" fill="#ffffff"/>' + "\n".join(parts) + "</svg>\n"
    (pathlib.Path(__file__).resolve().parents[1] / "docs/images/action_spaces.svg").write_text(svg)


if __name__ == "__main__":
    main()
