# SPDX-License-Identifier: Apache-2.0
"""What bench_remote is compared with in Python; requests and answers are those of observation/baselines.py."""

import importlib.util
import pathlib

_path = pathlib.Path(__file__).resolve().parents[1] / "observation/baselines.py"
_spec = importlib.util.spec_from_file_location("observation_baselines", _path)
shared = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(shared)

ENTRIES, SIDE, STATE = 16, 224, 8


def openpi_numpy():
    """openpi_client's msgpack_numpy, without the package's __init__."""
    folder = importlib.util.find_spec("openpi_client").submodule_search_locations[0]
    spec = importlib.util.spec_from_file_location("openpi_msgpack_numpy", pathlib.Path(folder) / "msgpack_numpy.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def observations():
    """The pool of bench_remote: two images, a state, a prompt."""
    np = shared.np
    images = np.fromfile(shared.FOLDER / "images", np.uint8).reshape(ENTRIES, 2, SIDE, SIDE, 3)
    states = np.fromfile(shared.FOLDER / "states", np.float32).reshape(ENTRIES, STATE)
    names = ("observation/image", "observation/wrist_image")
    return [dict(zip(names, pair, strict=True)) | {"observation/state": state, "prompt": "put the bowl on the stove"} for pair, state in zip(images, states, strict=True)]


def encode():
    packer, pool = openpi_numpy().Packer(), observations()
    return shared.Baseline(f"{shared.version('openpi-client')} with {shared.version('msgpack')}", ENTRIES, {"": lambda i: packer.pack(pool[i])}, bytes)


def decode():
    codec = openpi_numpy()
    packed = [codec.packb(observation) for observation in observations()]

    def unpack(i):
        return codec.unpackb(packed[i])

    def to_bytes(observation):
        return b"".join(observation[name].tobytes() for name in ("observation/image", "observation/wrist_image", "observation/state"))

    return shared.Baseline(f"{shared.version('openpi-client')} with {shared.version('msgpack')}", ENTRIES, {"": unpack}, to_bytes)


shared.MAKERS = {"N1/encode": encode, "N1/decode": decode}

if __name__ == "__main__":
    shared.main()
