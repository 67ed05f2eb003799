#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The table of models in README.md, out of the registries of the build and docs/parity.json: `model_table.py` checks it, `--write` renews it.

The figures are what the tests of models measured: `--measure` runs them, writes docs/parity.json and then the table.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
README, FIGURES = ROOT / "README.md", ROOT / "docs/parity.json"
BLOCK = re.compile(r"(<!-- begin: models, by scripts/model_table.py -->\n).*?(<!-- end: models -->)", re.S)
TESTS = ("test_nn", "test_nn_qwen2_5_vl", "test_nn_qwen3_5", "test_nn_act", "test_nn_robotmanip", "test_nn_qwen_vla", "test_nn_robotnav", "test_import_starvla")
REFERENCES = {
    "act": "LeRobot 0.4.4, actions",
    "qwen2_5_vl": "transformers 5.23, hidden states",
    "qwen3_5": "transformers 5.23 in f64, hidden states",
    "qwen3_vl": "transformers 5.23, hidden states",
    "fast": "StarVLA 0ed0aad, tokens",
    "flow_dit": "StarVLA 0ed0aad (QwenGR00T), actions",
    "layerwise_dit": "StarVLA 0ed0aad (QwenPI, PI_v3), actions",
    "oft": "StarVLA 0ed0aad, actions",
    "qwen_vla_dit": "its PyTorch twin, actions",
    "robotmanip_dit": "its PyTorch twin, actions",
    "robotnav_mlp": "its PyTorch twin, waypoints",
}


def architectures():
    """{backend: names that a card's `architecture` can have}"""
    from sinew import _torch, nn

    return {"cpu": set(nn.architectures()), "torch": set(_torch.module().architectures())}


def parts(names):
    """(backbones, heads, whole models)"""
    pairs = {tuple(name.split("/")) for name in names if "/" in name}
    return sorted({pair[0] for pair in pairs}), sorted({pair[1] for pair in pairs}), sorted(name for name in names if "/" not in name)


def table(registered, figures):
    every = set().union(*registered.values())
    backbones, heads, whole = parts(every)
    rows = ["| `architecture` | part | held against | " + " | ".join(f"`{name}`" for name in registered) + " |", "|---|---|---|" + "---|" * len(registered)]
    for kind, names in (("backbone", backbones), ("head", heads), ("whole", whole)):
        for name in names:
            form = {"backbone": f"{name}/…", "head": f"…/{name}", "whole": name}[kind]
            header = f"include/sinew/nn/{'heads' if kind == 'head' else 'models'}/{name}.hpp"
            found = " | ".join(figures.get(name, {}).get(backend, "") for backend in registered)
            rows.append(f"| `{form}` | {'' if kind == 'whole' else kind + ' '}[`{name}`]({header}) | {REFERENCES[name]} | {found} |")
    lacking = [f"{backend}: {', '.join(sorted(every - names))}" for backend, names in registered.items() if every - names]
    lacking += [f"{a}/{b}" for a in backbones for b in heads if f"{a}/{b}" not in every]
    goes = "Every backbone goes with every head, on both backends, in f32 and bf16." if not lacking else "Not registered: " + "; ".join(lacking) + "."
    return goes + " Largest difference in f32, random weights:\n\n" + "\n".join(rows) + "\n"


def measure():
    environment = os.environ | {"SINEW_PARITY_FIGURES": str(FIGURES), "OMP_NUM_THREADS": "1"}
    files = [str(ROOT / f"python/tests/{name}.py") for name in TESTS]
    subprocess.run([sys.executable, "-m", "pytest", "-q", "-k", "not in_the_readme", *files], env=environment, check=True)


def main(arguments):
    if "--measure" in arguments:
        measure()
    text = README.read_text()
    fresh = BLOCK.sub(lambda match: match[1] + table(architectures(), json.loads(FIGURES.read_text())) + match[2], text)
    if arguments:
        README.write_text(fresh)
    elif fresh != text:
        sys.exit("README.md: the table of models is out of date: run scripts/model_table.py --write")


if __name__ == "__main__":
    main(sys.argv[1:])
