# SPDX-License-Identifier: Apache-2.0
"""`python -m sinew.convert_weights DIR`: pickled PyTorch weights of a directory once to model.safetensors, which Sinew reads.

Reading a pickle can run code. It is read with torch.load(weights_only=True), which allows tensors only, in a process of its own that does
nothing else. Nothing but a flat dict of names and tensors is converted.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from sinew import Error
from sinew._documents import loads, read_text

_TARGET = "model.safetensors"
_INDEX = "pytorch_model.bin.index.json"


class Refused(Exception):
    """What cannot be converted, and why."""


def _index(path):
    """The map of an index: {tensor: file}."""
    try:
        document = loads(read_text(path))
    except ValueError as error:
        raise Refused(f"[{path}] index: expected JSON, got {error}") from None
    places = document.get("weight_map") if isinstance(document, dict) else None
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise Refused(f"[{path}] weight_map: expected a file name for each tensor, got something else")
    return places


def pickles_of(directory):
    """The files to convert: the shards of an index, pytorch_model.bin, or the only *.pt, *.pth or *.bin there is."""
    if (directory / _TARGET).exists():
        raise Refused(f"[{directory}] {_TARGET}: expected none, got one that is there already")
    if (directory / _INDEX).exists():
        names = sorted(set(_index(directory / _INDEX).values()))
        if any(Path(name).name != name for name in names):
            raise Refused(f"[{directory / _INDEX}] weight_map: expected names of files in the directory, got a path")
        return [directory / name for name in names]
    if (directory / "pytorch_model.bin").exists():
        return [directory / "pytorch_model.bin"]
    found = sorted(path for path in directory.glob("*") if path.suffix in (".bin", ".pt", ".pth"))
    if len(found) != 1:
        raise Refused(f"[{directory}] pickled weights: expected one file *.bin, *.pt or *.pth, got {len(found)}")
    return found


def _tensors_of(path, torch):
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise Refused(f"[{path}] pickled weights: expected tensors only, got {type(error).__name__}: {str(error).splitlines()[0]}") from None
    if not isinstance(content, dict) or not content:
        raise Refused(f"[{path}] pickled weights: expected a dict of tensors, got {type(content).__name__}")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor) or value.layout != torch.strided:
            raise Refused(f"[{path}] member {name!r}: expected a dense tensor, got {type(value).__name__}")
    return content


def _convert(directory):
    """The work itself, in the process that reads the pickles."""
    try:
        import torch
        from safetensors.torch import save_file
    except ImportError as error:
        raise Refused(f"[{directory}] conversion: expected the packages torch and safetensors, got none of '{error.name}'") from None

    tensors, storages = {}, set()
    for path in pickles_of(directory):
        for name, tensor in _tensors_of(path, torch).items():
            if name in tensors:
                raise Refused(f"[{path}] tensor {name!r}: expected each name once, got it in two files")
            # A file has no tensors that share memory: those that do, as tied embeddings, are stored twice.
            storage = tensor.untyped_storage().data_ptr()
            tensors[name] = tensor.contiguous() if storage not in storages else tensor.clone(memory_format=torch.contiguous_format)
            storages.add(storage)
    temporary = directory / f"{_TARGET}.tmp-{os.getpid()}"
    try:
        save_file(tensors, temporary, metadata={"format": "pt"})
        os.replace(temporary, directory / _TARGET)
    finally:
        temporary.unlink(missing_ok=True)
    print(f"{directory / _TARGET}: {len(tensors)} tensors")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m sinew.convert_weights", description="Converts pickled PyTorch weights to safetensors, once.")
    parser.add_argument("directory", type=Path, help="with pytorch_model.bin, its shards, or one *.pt or *.pth")
    parser.add_argument("--in-this-process", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        if options.in_this_process:
            _convert(options.directory)
            return 0
        pickles_of(options.directory)
    except (Refused, Error, OSError, ValueError, KeyError) as error:
        print(error, file=sys.stderr)
        return 1
    command = [sys.executable, "-m", "sinew.convert_weights", "--in-this-process", os.fspath(options.directory)]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
