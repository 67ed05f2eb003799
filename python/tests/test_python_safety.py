# SPDX-License-Identifier: Apache-2.0
"""The package runs nothing that a file or a peer says, and the checker that says so finds each way to do it."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _checker():
    spec = importlib.util.spec_from_file_location("check_python_safety", ROOT / "scripts/check_python_safety.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHECKER = _checker()

REFUSED = [
    "import pickle",
    "import pickle as p",
    "from pickle import loads",
    "import cloudpickle",
    "import dill",
    "import marshal",
    "import shelve",
    "from joblib import load",
    "eval('1')",
    "exec('1')",
    "compile('1', 'x', 'eval')",
    "list(map(eval, x))",
    "run = exec",
    "import builtins\nbuiltins.eval('1')",
    "__import__(name)",
    "import importlib\nimportlib.import_module(name)",
    "from importlib import import_module\nimport_module(config['class'])",
    "import torch\ntorch.load(path)",
    "import torch\ntorch.load(path, weights_only=False)",
    "import torch\ntorch.load(path, weights_only=choice)",
    "from torch import load\nload(path)",
    "import torch as t\nt.load(path, map_location='cpu')",
    "import torch\ntorch.jit.load(path)",
    "import numpy as np\nnp.load(path, allow_pickle=True)",
    "import numpy\nnumpy.load(path, allow_pickle=choice)",
    "import yaml\nyaml.load(text)",
    "import yaml\nyaml.load(text, Loader=yaml.Loader)",
    "import yaml\nyaml.unsafe_load(text)",
    "from yaml import full_load",
    "import subprocess\nsubprocess.run(command, shell=True)",
    "from subprocess import Popen\nPopen(command, shell=choice)",
    "import os\nos.system(command)",
    "from os import popen",
    "import pandas\npandas.read_pickle(path)",
    "import runpy\nrunpy.run_path(path)",
    "from transformers import AutoModel\nAutoModel.from_pretrained(path, trust_remote_code=True)",
]

TAKEN = [
    "import re\nre.compile('a')",
    "import torch\ntorch.load(path, weights_only=True)\nmodel.eval()\ntorch.compile(model)",
    "import numpy as np\nnp.load(path)\nnp.load(path, allow_pickle=False)",
    "import yaml\nyaml.safe_load(text)\nyaml.load(text, Loader=yaml.SafeLoader)",
    "import subprocess\nsubprocess.run(['ls'], check=True)\nsubprocess.run(['ls'], shell=False)",
    "import importlib\nimportlib.import_module('sinew.torch')",
    "from transformers import AutoModel\nAutoModel.from_pretrained(path, trust_remote_code=False)",
    "def compile(text): ...",
    "'eval(1)'  # pickle",
]


@pytest.mark.parametrize("text", REFUSED)
def test_the_checker_finds(text):
    assert CHECKER.faults_of(text), text


@pytest.mark.parametrize("text", TAKEN)
def test_the_checker_takes(text):
    assert not CHECKER.faults_of(text), text


def test_the_package_is_clean(capsys):
    folders = [ROOT / "python/sinew"]
    assert CHECKER.main(folders) == 0, capsys.readouterr().out
    assert "Python files run nothing" in capsys.readouterr().out
