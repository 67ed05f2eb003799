# SPDX-License-Identifier: Apache-2.0
"""sinew.Error with a code and the text form of the library, and what is not installed."""

import importlib.util

from sinew import Error

INSTALL = "pip install 'sinew-robotics[data]'"


def error(code, where, what, expected, got, hint=""):
    """An Error to raise: `[where] what: expected X, got Y (hint)`."""
    made = Error(f"[{where}] {what}: expected {expected}, got {got}" + (f" ({hint})" if hint else ""))
    made.code = code
    return made


def missing_packages(*modules):
    """Those of the modules that are not installed."""
    return [name for name in modules if importlib.util.find_spec(name) is None]


def require(where, *modules, install=INSTALL):
    """Raises Error unless all modules are installed."""
    missing = missing_packages(*modules)
    if missing:
        raise error("unsupported", where, "packages", ", ".join(modules), f"no {', '.join(missing)}", install)
