# SPDX-License-Identifier: Apache-2.0
"""No two kernel objects may share a symbol: the linker keeps one copy, and a processor without AVX-512 might be given that one.

Usage: kernel_symbols.py <nm> <object files>
"""

import re
import subprocess
import sys
from pathlib import Path


def defined_symbols(nm, path):
    """Name -> letter of nm, of the symbols that the linker can see from other objects."""
    lines = subprocess.run([nm, "--extern-only", "--defined-only", "--format=posix", path], check=True, capture_output=True, text=True).stdout
    return {name: letter for name, letter, *_ in (line.split() for line in lines.splitlines() if not line.endswith(":"))}


def main(nm, *objects):
    kernels = [path for path in objects if re.search(r"kernels_\w+\.cpp\.o(bj)?$", path)]
    if not kernels:
        print("no kernel objects among the arguments")
        return 1
    owners, problems = {}, []
    for path in kernels:
        name = "/".join(Path(path).parts[-3:])
        symbols = defined_symbols(nm, path)
        if not any(re.search(r"k\w*Kernels", symbol) for symbol in symbols):
            problems.append(f"{name}: defines no table of kernels: is this a kernel object?")
        for symbol, letter in symbols.items():
            if letter in "WwVvuC":
                problems.append(f"{name}: {symbol} is weak ({letter}): an inline function or template outside the unnamed namespace")
            if symbol in owners:
                problems.append(f"{name}: {symbol} is defined in {owners[symbol]} as well")
            owners[symbol] = name
    print("\n".join(problems) or f"{len(kernels)} kernel objects, {len(owners)} symbols, none shared")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
