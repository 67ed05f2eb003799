# SPDX-License-Identifier: Apache-2.0
"""Folders of weights: an index that points elsewhere or disagrees with its shards, and what stands in the place of a file."""

import json
import os

import numpy as np
from safetensors.numpy import save

INDEX = "model.safetensors.index.json"
OUTSIDE = "../../safetensors/good.safetensors"  # as seen from a folder below weights/


def files():
    one, two = save({"a": np.zeros(1, np.float32), "b": np.ones(1, np.float32)}), save({"c": np.zeros(1, np.float32)})
    shards = {"m-1.safetensors": one, "m-2.safetensors": two}
    places = {"a": "m-1.safetensors", "b": "m-1.safetensors", "c": "m-2.safetensors"}

    def sharded(change=None, rest=None, **more):
        """The folder with a change to the map, members beside it, and more files."""
        return shards | {INDEX: json.dumps({"metadata": {"total_size": 12}, "weight_map": places | (change or {})} | (rest or {}))} | more

    def link(target):
        return lambda path: os.symlink(target, path)

    folders = {
        "good": sharded(),
        "path_upwards": sharded({"c": OUTSIDE}),
        "path_absolute": sharded({"c": "/etc/hostname.safetensors"}),
        "path_of_windows": sharded({"c": "..\\m-2.safetensors"}),
        "path_below": sharded({"c": "sub/m-2.safetensors"}),
        "name_with_nul": sharded({"c": "m-2.safetensors\u0000.bin"}),
        "name_is_suffix": sharded({"c": ".safetensors"}),
        "name_of_pickle": sharded({"c": "pytorch_model.bin"}),
        "name_is_number": sharded({"c": 2}),
        "shard_missing": sharded({"c": "m-3.safetensors"}),
        "shard_is_folder": sharded({"c": "m-3.safetensors"}, **{"m-3.safetensors": {}}),
        "link_out_of_folder": sharded({"c": "m-3.safetensors"}, **{"m-3.safetensors": link(OUTSIDE)}),
        "link_in_a_circle": sharded({"c": "m-3.safetensors"}, **{"m-3.safetensors": link("m-3.safetensors")}),
        "tensor_not_in_shard": sharded({"d": "m-1.safetensors"}),
        "tensor_in_other_shard": sharded({"b": "m-2.safetensors"}),
        "tensor_not_in_index": shards | {INDEX: json.dumps({"weight_map": {"a": "m-1.safetensors", "c": "m-2.safetensors"}})},
        "tensor_in_two_shards": sharded(**{"m-2.safetensors": save({"a": np.zeros(1, np.float32), "c": np.zeros(1, np.float32)})}),
        "total_size_wrong": sharded(rest={"metadata": {"total_size": 1 << 40}}),
        "total_size_text": sharded(rest={"metadata": {"total_size": "12"}}),
        "map_empty": sharded(rest={"weight_map": {}}),
        "map_is_array": sharded(rest={"weight_map": ["m-1.safetensors"]}),
        "key_unknown": sharded(rest={"auto_map": {"AutoModel": "evil.py"}}),
        "single_and_index": sharded(**{"model.safetensors": one}),
        "pickle_alone": {"pytorch_model.bin": b"\x80\x02cos\nsystem\n(S'true'\ntR."},
        "nothing": {"README.md": "none"},
        "fifo": {"model.safetensors": os.mkfifo},
        "folder_as_file": {"model.safetensors": {}},
        "device": {"model.safetensors": link("/dev/zero")},
        "not_finite": {"model.safetensors": save({"a": np.array([np.nan], np.float32)})},
        "infinite_half": {"model.safetensors": save({"a": np.array([np.inf], np.float16)})},
        "integers_as_weights": {"model.safetensors": save({"a": np.zeros(1, np.int64)})},
    }
    for name, content in folders.items():
        yield f"weights/{name}", content
