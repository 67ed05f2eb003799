# SPDX-License-Identifier: Apache-2.0
"""Configurations of models and whole policy directories: sizes that no memory holds, code, and files that do not belong together."""

import hashlib
import json

from card_files import ABSENT, card, changed
from tokenizer_files import document


def files():
    for kind, document_of, changes in ((_qwen, "qwen3_vl", _qwen_changes), (_act, "act", _act_changes), (_processor, "preprocessor", _processor_changes), (_modality, "modality", _modality_changes)):
        good = kind()
        yield f"config/{document_of}/good.json", json.dumps(good)
        for name, (pointer, value) in changes().items():
            yield f"config/{document_of}/{name}.json", json.dumps(changed(good, pointer, value))
    nodes = json.dumps(_processor() | {"size": {"shortest_edge": 4, "longest_edge": [0] * 5000}})
    yield "config/preprocessor/nodes_5000.json", nodes
    yield "config/preprocessor/too_large.json", json.dumps(_processor()) + " " * 65536
    for name, content in _fast().items():
        yield f"fast/{name}", content
    for name, content in _policies().items():
        yield f"policy/{name}", content


def _qwen():
    vision = {"depth": 2, "hidden_size": 16, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 16, "patch_size": 4, "num_position_embeddings": 16, "deepstack_visual_indexes": [0]}
    text = {
        "num_hidden_layers": 2, "hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "vocab_size": 300,
        "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "rope_scaling": {"rope_type": "default", "mrope_section": [2, 1, 1], "mrope_interleaved": True},
    }  # fmt: skip
    return {"model_type": "qwen3_vl", "image_token_id": 299, "tie_word_embeddings": True, "vision_config": vision, "text_config": text}


def _qwen_changes():
    return {
        "model_of_code": ("/model_type", "custom"),
        "layers_zero": ("/text_config/num_hidden_layers", 0),
        "layers_of_a_billion": ("/text_config/num_hidden_layers", 1_000_000_000),
        "width_2_40": ("/text_config/hidden_size", 1 << 40),
        "width_negative": ("/text_config/hidden_size", -16),
        "vocab_2_31": ("/text_config/vocab_size", 1 << 31),
        "heads_that_divide_nothing": ("/text_config/num_key_value_heads", 3),
        "head_of_odd_size": ("/text_config/head_dim", 7),
        "patch_zero": ("/vision_config/patch_size", 0),
        "positions_no_square": ("/vision_config/num_position_embeddings", 15),
        "deepstack_behind_last_block": ("/vision_config/deepstack_visual_indexes", [5]),
        "deepstack_descending": ("/vision_config/deepstack_visual_indexes", [1, 0]),
        "image_token_behind_vocab": ("/image_token_id", 300),
        "eps_zero": ("/text_config/rms_norm_eps", 0.0),
        "eps_is_text": ("/text_config/rms_norm_eps", "1e-6"),
        "rope_theta_negative": ("/text_config/rope_theta", -1.0),
        "rope_of_code": ("/text_config/rope_scaling/rope_type", "yarn"),
        "rope_sections_too_many": ("/text_config/rope_scaling/mrope_section", [2, 1, 1, 0]),
        "text_config_is_array": ("/text_config", []),
    }


def _act():
    return {
        "type": "act", "n_obs_steps": 1, "chunk_size": 8, "dim_model": 16, "n_heads": 2, "dim_feedforward": 32, "n_encoder_layers": 1, "n_decoder_layers": 1, "pre_norm": False,
        "feedforward_activation": "relu", "vision_backbone": "resnet18", "input_features": {"observation.state": {"type": "STATE", "shape": [3]}, "observation.images.top": {"type": "VISUAL", "shape": [3, 64, 64]}},
        "output_features": {"action": {"type": "ACTION", "shape": [3]}},
    }  # fmt: skip


def _act_changes():
    return {
        "type_other": ("/type", "pickle"),
        "chunk_of_a_million": ("/chunk_size", 1_000_000),
        "width_no_multiple_of_heads": ("/n_heads", 3),
        "width_2_20": ("/dim_model", 1 << 20),
        "backbone_from_the_net": ("/vision_backbone", "http://example.com/resnet"),
        "activation_unknown": ("/feedforward_activation", "eval"),
        "camera_of_4_axes": ("/input_features/observation.images.top/shape", [1, 3, 64, 64]),
        "camera_of_gigapixels": ("/input_features/observation.images.top/shape", [3, 1 << 30, 1 << 30]),
        "state_of_no_axis": ("/input_features/observation.state/shape", []),
        "feature_of_unknown_type": ("/input_features/observation.state/type", "CODE"),
        "inputs_empty": ("/input_features", {}),
        "output_other": ("/output_features", {"torque": {"type": "ACTION", "shape": [3]}}),
        "output_of_no_size": ("/output_features/action/shape", [0]),
    }


def _processor():
    return {
        "image_processor_type": "Qwen2VLImageProcessorFast", "patch_size": 16, "merge_size": 2, "temporal_patch_size": 2, "min_pixels": 3136, "max_pixels": 1003520,
        "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 3,
    }  # fmt: skip


def _processor_changes():
    return {
        "type_of_code": ("/image_processor_type", "EvilProcessor"),
        "code_key": ("/auto_map", {"AutoImageProcessor": "evil.py"}),
        "patch_zero": ("/patch_size", 0),
        "patch_2_32": ("/patch_size", 1 << 32),
        "merge_negative": ("/merge_size", -2),
        "mean_of_two": ("/image_mean", [0.5, 0.5]),
        "std_zero": ("/image_std", [0.5, 0, 0.5]),
        "filter_unknown": ("/resample", 9),
        "step_switched_off": ("/do_rescale", False),
        "min_above_max": ("/min_pixels", 1 << 30),
        "max_absent": ("/max_pixels", ABSENT),
    }


def _modality():
    return {"state": {"arm": {"start": 0, "end": 3}}, "action": {"arm": {"start": 0, "end": 3}}}


def _modality_changes():
    return {
        "slice_backwards": ("/action/arm", {"start": 3, "end": 1}),
        "slice_empty": ("/action/arm", {"start": 3, "end": 3}),
        "slice_negative": ("/action/arm", {"start": -3, "end": 3}),
        "slice_of_2_31": ("/action/arm", {"start": 0, "end": 1 << 31}),
        "slices_overlap": ("/action/hand", {"start": 2, "end": 4}),
        "slices_20000": ("/action", {f"{i:x}": {"start": i, "end": i + 1} for i in range(20_000)}),
        "rotation_unknown": ("/action/arm/rotation_type", "python"),
        "rotation_of_other_size": ("/action/arm/rotation_type", "quaternion"),
    }


def _fast():
    config = {"processor_class": "UniversalActionProcessor", "scale": 10, "vocab_size": 600, "min_token": -100}
    tokenizer = json.dumps(document((), ()))

    def folder(change=None, text=tokenizer):
        return {"processor_config.json": json.dumps(config | (change or {})), "tokenizer.json": text}

    return {
        "good": folder(),
        "tokenizer_absent": {"processor_config.json": json.dumps(config)},
        "class_of_code": folder({"processor_class": "EvilProcessor"}),
        "scale_zero": folder({"scale": 0}),
        "scale_huge": folder({"scale": 1e300}),
        "min_token_beyond_unicode": folder({"min_token": -(1 << 30)}),
        "vocab_zero": folder({"vocab_size": 0}),
        "tokenizer_normalises": folder(text=json.dumps(document((), ()) | {"normalizer": {"type": "NFC"}})),
        "tokenizer_adds_tokens": folder(text=json.dumps(document((), ()) | {"added_tokens": [{"id": 300, "content": "<s>"}]})),
    }


def _policies():
    statistics = {"action": {"q01": [-1.0, -1.0, 0.0], "q99": [1.0, 1.0, 1.0]}}
    model = {"architecture": "affine", "weight": [[0.0] * 3] * 12, "bias": [0.0] * 12}
    base = card() | {"cameras": [], "text": None, "history": None, "prompt": {"name": "instruction", "fields": {}, "max_bytes": 256}}

    def folder(change=None, config=None, stats=statistics, digest=None, **more):
        text = stats if isinstance(stats, str) else json.dumps(stats)
        known = base | {"statistics": {"file": "stats.json", "sha256": digest or hashlib.sha256(text.encode()).hexdigest(), "format": "sinew"}}
        config = config if isinstance(config, str) else json.dumps(model | (config or {}))
        return {"sinew.json": json.dumps(known | (change or {})), "config.json": config, "stats.json": text} | more

    return {
        "good": folder(),
        "card_absent": {"config.json": "{}"},
        "card_is_folder": {"sinew.json": {}},
        "backend_unknown": folder({"backend": "plugin.so"}),
        "architecture_unknown": folder(config={"architecture": "../evil"}),
        "statistics_replaced": folder(digest="0" * 64),
        "statistics_absent": {name: content for name, content in folder().items() if name != "stats.json"},
        "statistics_without_key": folder(stats={"other": statistics["action"]}),
        "statistics_of_two": folder(stats={"action": {"q01": [-1.0, -1.0], "q99": [1.0, 1.0]}}),
        "statistics_not_a_number": folder(stats='{"action": {"q01": [NaN, -1, 0], "q99": [1, 1, 1]}}'),
        "config_of_other_rows": folder(config={"weight": [[0.0] * 2] * 12}),
        "config_of_no_rows": folder(config={"weight": []}),
        "config_beyond_float": folder(config={"bias": [1e300] + [0.0] * 11}),
        "config_of_code": folder(config={"code": "import os"}),
        "config_cut": folder(config=json.dumps(model)[:-1]),
        "torchscript": folder({"backend": "torch", "architecture": "torchscript"}, **{"model.pt": b"PK\3\4"}),
    }
