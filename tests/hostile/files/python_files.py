# SPDX-License-Identifier: Apache-2.0
"""What only the Python package reads: checkpoints and runs to import, datasets, pickles to convert."""

import io
import json
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from safetensors.numpy import save

from card_files import ABSENT, changed

PICKLE = b"\x80\x02cos\nsystem\n(S'touch /tmp/owned'\ntR."


def files():
    for kind, folders in (("checkpoint", _checkpoints), ("dataset", _datasets), ("run", _runs), ("pickle", _pickles)):
        for name, content in folders().items():
            yield f"python/{kind}/{name}", content


def _checkpoints():
    """LeRobot's ACT."""
    inputs = {"observation.state": {"type": "STATE", "shape": [2]}, "observation.environment_state": {"type": "ENV", "shape": [2]}}
    sizes = {"chunk_size": 4, "dim_model": 8, "n_heads": 2, "dim_feedforward": 8, "n_encoder_layers": 1, "n_decoder_layers": 1}
    config = {"type": "act", "pre_norm": False, "feedforward_activation": "relu", "vision_backbone": "resnet18"} | sizes
    config |= {"input_features": inputs, "output_features": {"action": {"type": "ACTION", "shape": [2]}}}
    step = {"registry_name": "normalizer_processor", "config": {"norm_map": {"STATE": "MEAN_STD"}}, "state_file": "state.safetensors"}
    behind = {"steps": [{"registry_name": "unnormalizer_processor", "config": {"norm_map": {"ACTION": "MEAN_STD"}}, "state_file": "state.safetensors"}]}
    numbers = {f"{feature}.{name}": np.ones(2, np.float32) for feature in ("observation.state", "action") for name in ("mean", "std")}

    def folder(change=config, before=step, state=numbers, **more):
        made = {"config.json": change if isinstance(change, (str, bytes)) else json.dumps(change), "model.safetensors": save({"a": np.zeros(1, np.float32)})}
        made |= {"policy_preprocessor.json": json.dumps({"steps": [before]}), "policy_postprocessor.json": json.dumps(behind), "state.safetensors": save(state)}
        return made | more

    return {
        "good_but_for_weights": folder(),
        "config_absent": {"README.md": ""},
        "config_not_utf8": folder(b'{"type": "\xff"}'),
        "config_is_array": folder("[]"),
        "config_nested_100000": folder('{"type": ' + "[" * 100_000),
        "config_key_twice": folder('{"type": "act", "type": "pi0"}'),
        "config_not_a_number": folder('{"type": "act", "chunk_size": NaN}'),
        "config_beyond_double": folder('{"type": "act", "chunk_size": 1e999}'),
        "config_above_64_mib": folder(**{"config.json": lambda path: path.open("wb").truncate((64 << 20) + 1)}),  # takes no room on the disk
        "type_of_code": folder(config | {"type": "os.system"}),
        "features_absent": folder({"type": "act"}),
        "features_of_texts": folder(config | {"input_features": {"observation.state": "STATE"}}),
        "feature_without_shape": folder(config | {"input_features": {"observation.state": {"type": "STATE"}}}),
        "feature_shape_is_text": folder(config | {"input_features": {"observation.state": {"type": "STATE", "shape": "22"}}}),
        "step_of_class": folder(before={"class": "os.system", "config": {}}),
        "step_unknown": folder(before={"registry_name": "run_python"}),
        "step_is_text": folder(before="normalizer_processor"),
        "state_file_outside": folder(before=step | {"state_file": "../state.safetensors"}),
        "state_file_pickled": folder(before=step | {"state_file": "state.pt"}, **{"state.pt": PICKLE}),
        "state_file_is_pickle_inside": folder(**{"state.safetensors": PICKLE}),
        "statistics_not_a_number": folder(state=numbers | {"observation.state.mean": np.array([np.nan, 0], np.float32)}),
        "statistics_of_other_size": folder(state=numbers | {"observation.state.std": np.ones(3, np.float32)}),
        "mode_unknown": folder(before=step | {"config": {"norm_map": {"STATE": "EVAL"}}}),
    }


def _parquet(columns, schema=None):
    out = io.BytesIO()
    pq.write_table(pa.table(columns, schema=schema), out)
    return out.getvalue()


def _datasets():
    """LeRobotDataset v3.0 of one episode of two frames."""
    features = {"observation.state": {"dtype": "float32", "shape": [2]}, "action": {"dtype": "float32", "shape": [2], "names": ["a", "b"]}}
    features |= {name: {"dtype": "int64", "shape": [1]} for name in ("frame_index", "episode_index", "index", "task_index")}
    place = "chunk-{chunk_index:03d}/file-{file_index:03d}"
    info = {"codebase_version": "v3.0", "fps": 10, "features": features, "data_path": f"data/{place}.parquet", "video_path": "videos/{video_key}/" + place + ".mp4"}
    vectors = pa.array([[0.0, 1.0], [0.5, 1.0]], pa.list_(pa.float32(), 2))
    data = {"observation.state": vectors, "action": vectors, "frame_index": [0, 1], "episode_index": [0, 0], "index": [0, 1], "task_index": [0, 0]}
    episode = {"episode_index": [0], "length": [2], "data/chunk_index": [0], "data/file_index": [0], "dataset_from_index": [0], "tasks": [["go"]]}
    front = "observation.images.front"
    film = {f"videos/{front}/chunk_index": [0], f"videos/{front}/file_index": [0], f"videos/{front}/from_timestamp": [0.0]}

    def folder(change=("/fps", 10), rows=data, episodes=episode, info_text=None, frames=None, **more):
        known = changed(info, *change)
        if frames is not None:  # each a pair (bytes, path)
            known["features"] = known["features"] | {front: {"dtype": "image", "shape": [2, 2, 3]}}
            rows = rows | {front: pa.array([{"bytes": content, "path": path} for content, path in frames], pa.struct([("bytes", pa.binary()), ("path", pa.string())]))}
        parquet = rows if isinstance(rows, bytes) else _parquet(rows)
        return {
            "meta": {"info.json": info_text or json.dumps(known), "tasks.parquet": _parquet({"task_index": [0], "task": ["go"]}), "episodes": {"chunk-000": {"file-000.parquet": _parquet(episodes)}}},
            "data": {"chunk-000": {"file-000.parquet": parquet}},
        } | more

    def video(content, name=front):
        columns = {key.replace(front, name): column for key, column in film.items()}
        made = folder(episodes=episode | columns, info_text=json.dumps(info | {"features": features | {name: {"dtype": "video", "shape": [2, 2, 3]}}}))
        return made | {"videos": {front: {"chunk-000": {"file-000.mp4": content}}}}

    picture = io.BytesIO()
    Image.new("RGB", (2, 2)).save(picture, "PNG")
    bomb = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, "PNG")
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 2 2\n(%pipe%touch /tmp/owned) (w) file\n%%EOF\n"
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
    return {
        "good": folder(),
        "good_images": folder(frames=[(picture.getvalue(), None)] * 2),
        "info_absent": {"data": {}},
        "info_not_json": folder(info_text="fps: 10"),
        "info_fps_twice": folder(info_text=json.dumps(info)[:-1] + ', "fps": 20}'),
        "info_nested_100000": folder(info_text='{"a": ' + "[" * 100_000),
        "info_is_array": folder(info_text="[1]"),
        "version_2": folder(("/codebase_version", "v2.1")),
        "fps_zero": folder(("/fps", 0)),
        "fps_not_a_number": folder(("/fps", float("nan"))),
        "fps_is_text": folder(("/fps", "10")),
        "features_absent": folder(("/features", ABSENT)),
        "features_is_array": folder(("/features", ["action"])),
        "data_path_upwards": folder(("/data_path", "../good/data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet")),
        "data_path_absolute": folder(("/data_path", "/etc/passwd")),
        "data_path_of_attributes": folder(("/data_path", "data/{chunk_index.__class__.__mro__}/{file_index}.parquet")),
        "data_path_of_gigabytes": folder(("/data_path", "data/{chunk_index:09999999999d}.parquet")),
        "data_path_of_unknown_field": folder(("/data_path", "data/{secret}.parquet")),
        "data_path_is_number": folder(("/data_path", 3)),
        "data_is_text": folder(rows=b"PAR1 not really PAR1"),
        "data_is_pickle": folder(rows=PICKLE),
        "data_cut": folder(rows=_parquet(data)[:-20]),
        "data_of_one_frame": folder(rows={name: column[:1] for name, column in data.items()}),
        "data_without_task": folder(rows={name: column for name, column in data.items() if name != "task_index"}),
        "task_unknown": folder(rows=data | {"task_index": [7, 7]}),
        "episode_longer_than_data": folder(episodes=episode | {"length": [1 << 60]}),
        "image_outside": folder(frames=[(None, "../../../image/good.png")] * 2),
        "image_absolute": folder(frames=[(None, "/etc/passwd")] * 2),
        "image_of_postscript": folder(frames=[(postscript, None)] * 2),
        "image_of_400_megapixels": folder(frames=[(bomb.getvalue(), None)] * 2),
        "image_cut": folder(frames=[(picture.getvalue()[:40], None)] * 2),
        "video_playlist": video(playlist),
        "video_is_text": video(b"no film"),
        "video_key_upwards": video(b"", "../../../../etc"),
    }


def _runs():
    """StarVLA."""
    yaml = "framework:\n  name: QwenGR00T\n"

    def folder(text=yaml, **more):
        return {"config.yaml": text, "dataset_statistics.json": "{}", "embodiment.json": "{}"} | more

    laughs = "a0: &a0 [x]\n" + "".join(f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]\n" for i in range(9))
    return {
        "good_but_for_weights": folder(),
        "config_of_code": folder("framework: !!python/object/apply:os.system ['true']\n"),
        "config_of_laughs": folder(laughs + yaml),
        "config_nested_20000": folder("a: " + "[" * 20_000),
        "config_above_1_mib": folder("#" * (1 << 20) + "\n" + yaml),
        "config_not_utf8": folder(b"framework: \xff\n"),
        "config_is_list": folder("- framework\n"),
        "config_absent": {"dataset_statistics.json": "{}"},
        "framework_unknown": folder("framework:\n  name: os.system\n"),
        "weights_pickled": folder(final_model={"pytorch_model.pt": PICKLE}),
    }


def _pickles():
    """What sinew.convert_weights reads in a process of its own."""
    index = "pytorch_model.bin.index.json"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr(zipfile.ZipInfo("archive/data.pkl"), PICKLE)
        zipped.writestr(zipfile.ZipInfo("archive/version"), b"3\n")
    return {
        "pickle_that_runs": {"pytorch_model.bin": PICKLE},
        "archive_that_runs": {"pytorch_model.bin": archive.getvalue()},
        "index_upwards": {index: json.dumps({"weight_map": {"a": "../pytorch_model.bin"}})},
        "index_of_numbers": {index: json.dumps({"weight_map": {"a": 1}})},
        "index_key_twice": {index: '{"weight_map": {}, "weight_map": {}}'},
        "index_is_array": {index: "[]"},
        "nothing": {"README.md": ""},
    }
