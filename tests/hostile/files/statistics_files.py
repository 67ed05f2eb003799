# SPDX-License-Identifier: Apache-2.0
"""Statistics of every stack that would scale an action by nonsense."""

import json

import numpy as np
from safetensors.numpy import save

GOOD = {"mean": [0.0, 0.5], "std": [1.0, 2.0], "min": [-1.0, -2.0], "max": [1.0, 2.0], "q01": [-0.9, -1.9], "q99": [0.9, 1.9]}


def files():
    for name, content in _sinew().items():
        yield f"statistics/sinew/{name}.json", content if isinstance(content, str) else json.dumps(content)
    for stack, wrap in (("openpi", lambda entry: {"norm_stats": {"actions": entry}}), ("openvla", lambda entry: {"bridge": {"action": entry}})):
        yield f"statistics/{stack}/good.json", json.dumps(wrap(GOOD))
        yield f"statistics/{stack}/key_of_code.json", json.dumps(wrap(GOOD | {"transform": "lambda x: x"}))
    yield "statistics/openpi/not_wrapped.json", json.dumps({"actions": GOOD})
    yield "statistics/openvla/mask_of_numbers.json", json.dumps({"bridge": {"action": GOOD | {"mask": [1, 0]}}})
    yield "statistics/openvla/keys_that_collide.json", json.dumps({"a/b": {"c": GOOD}, "a": {"b/c": GOOD}})
    yield "statistics/groot/good.json", json.dumps({"gr1": {"action": {"arm": GOOD}}})
    yield "statistics/groot/not_deep_enough.json", json.dumps({"gr1": {"action": GOOD}})
    yield "statistics/lerobot/good.json", json.dumps({"action": GOOD | {"count": [10]}, "observation.images.top": {"mean": [[[0.5]], [[0.5]], [[0.5]]]}})
    yield "statistics/lerobot/channel_of_two.json", json.dumps({"observation.images.top": {"mean": [[[0.5, 0.5]], [[0.5]], [[0.5]]]}})
    yield "statistics/lerobot/booleans_and_numbers.json", json.dumps({"done": {"min": [False, 1.0]}})
    for name, content in _tensors().items():
        yield f"statistics/lerobot_safetensors/{name}.safetensors", content


def _sinew():
    return {
        "good": {"action": GOOD | {"mask": [True, False]}},
        "array_as_file": [GOOD],
        "entry_is_number": {"action": 3},
        "statistic_unknown": {"action": GOOD | {"variance": [1, 1]}},
        "statistic_misspelt": {"action": {"meen": [0, 0]}},
        "statistic_is_number": {"action": {"mean": 0.0}},
        "statistic_is_text": {"action": {"mean": "0 0"}},
        "statistic_empty": {"action": {"mean": []}},
        "statistic_of_nulls": {"action": {"mean": [None, None]}},
        "statistic_not_a_number": '{"action": {"mean": [NaN, 0]}}',
        "statistic_infinite": '{"action": {"std": [1e999, 1]}}',
        "dims_differ": {"action": GOOD | {"std": [1.0]}},
        "rows_differ": {"action": {"mean": [[0, 0], [0]]}},
        "rows_of_nothing": {"action": {"mean": [[], []]}},
        "steps_differ": {"action": {"mean": [[0, 0], [0, 0]], "std": [[1, 1], [1, 1], [1, 1]]}},
        "rows_too_deep": {"action": {"mean": [[[0]]]}},
        "mask_of_three": {"action": GOOD | {"mask": [True, False, True]}},
        "mask_empty": {"action": GOOD | {"mask": []}},
        "integer_beyond_double": {"action": {"mean": [9007199254740993]}},
    }


def _tensors():
    good = {f"action.{name}": np.array(values, np.float32) for name, values in GOOD.items()}
    return {
        "good": save(good),
        "name_without_statistic": save({"action": np.zeros(2, np.float32)}),
        "name_of_other_statistic": save({"action.variance": np.zeros(2, np.float32)}),
        "scalar": save({"action.mean": np.array(1, np.float32)}),
        "of_three_axes": save({"action.mean": np.zeros((2, 2, 2), np.float32)}),
        "of_no_numbers": save({"action.mean": np.zeros((0,), np.float32)}),
        "of_no_columns": save({"action.mean": np.zeros((3, 0), np.float32)}),
        "dims_differ": save(good | {"action.std": np.zeros(3, np.float32)}),
        "not_a_number": save(good | {"action.mean": np.array([np.nan, 0], np.float32)}),
        "infinite": save(good | {"action.std": np.array([np.inf, 1], np.float32)}),
    }
