# SPDX-License-Identifier: Apache-2.0
"""`sinew inspect`: the inputs and outputs of a policy directory, as a table or as plain lines."""

import sys

import sinew
from sinew import card_table

_HEADS = ("", "name", "shape", "unit", "meaning")


def _cells(rows):
    return [(row.direction, row.name, row.shape, row.unit, row.meaning) for row in rows]


def _plain(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADS))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def _table(rows):
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*_HEADS)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def show(rows):
    """A rich table on a terminal, aligned lines elsewhere or without rich."""
    if sys.stdout.isatty():
        try:
            return _table(rows)
        except ImportError:
            pass
    return _plain([_HEADS, *rows])


def _tensors(policy):
    """Rows of what the encoder hands to the backend, and what the backend gives back."""
    rows = [("in", *row) for row in policy.input_spec] + [("out", *row) for row in policy.spec["outputs"]]
    return [(direction, name, f"{dtype} {list(shape)}", "", "tensor, with its largest shape") for direction, name, dtype, shape in rows]


def run(directory):
    """Prints the card; then the tensors, where the backend is at hand. Raises sinew.Error for a card that is refused."""
    card = sinew.load_card(str(directory))
    print(card_table.headline(card))
    rows = _cells(card_table.describe(card))
    try:
        rows += _tensors(sinew.Policy.load(str(directory)))
    except sinew.Error as error:
        print(f"tensors are not shown: {error}")
    show(rows)
    return 0
