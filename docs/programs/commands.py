# SPDX-License-Identifier: Apache-2.0
"""Prints docs/commands.md: every command of `sinew` with its arguments, out of the parser itself."""

import argparse

from sinew import cli


def children(parser):
    """(name, help, parser) of each sub-command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help for choice in action._choices_actions}
            for name, child in action.choices.items():
                yield name, helps.get(name, ""), child


def spelled(action):
    """How an argument is typed."""
    value = action.metavar or ("" if action.nargs == 0 else "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper())
    value = " ".join(value) if isinstance(value, tuple) else value
    repeated = {"+": f"{value}...", "*": f"[{value}...]", "?": f"[{value}]"}.get(action.nargs, value)
    return f"{action.option_strings[-1]} {repeated}".strip() if action.option_strings else repeated


def cell(text):
    """Text for a table."""
    return " ".join((text or "").replace("%%", "%").replace("|", "\\|").replace("<", "&lt;").split())


def show(parser, name):
    print(f"\n## {name}\n\n{cell(parser.description)}\n")
    rows = [action for action in parser._actions if not isinstance(action, (argparse._HelpAction, argparse._SubParsersAction)) and action.help != argparse.SUPPRESS]
    if rows:
        print("| argument | what |\n|---|---|")
        for action in rows:
            print(f"| `{spelled(action)}`{' (needed)' if action.required and action.option_strings else ''} | {cell(action.help)} |")


def walk(parser, name):
    below = list(children(parser))
    if not below:
        show(parser, name)
    for child_name, _, child in below:
        walk(child, f"{name} {child_name}")


print("# Commands\n")
print("Written by `docs/programs/commands.py` out of the program itself. `sinew COMMAND --help` says the same. Exit codes: 0 success, 1 failure,")
print("2 a mistake in the arguments, 130 interrupted.")
walk(cli._parser(), "sinew")
