# SPDX-License-Identifier: Apache-2.0
"""safetensors: headers that lie about sizes, places and themselves."""

import io
import json
import struct
import zipfile

import numpy as np
from safetensors.numpy import save


def files():
    for name, content in (_whole_files() | _headers()).items():
        yield f"safetensors/{name}.safetensors", content


def _file(header, data=b"", length=None):
    """A file with this header: text, bytes or a document."""
    text = header if isinstance(header, bytes) else header.encode() if isinstance(header, str) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def _tensor(dtype="F32", shape=(2,), begin=0, end=8, **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]} | more


def _text(entry, more=""):
    """A header of one tensor "a" whose entry is given as text."""
    return '{"a": {' + entry + "}" + more + "}"


def _whole_files():
    good = save({"a": np.arange(4, dtype=np.float32), "b": np.zeros((2, 0), np.int64)}, {"format": "np"})
    pickle = io.BytesIO()
    with zipfile.ZipFile(pickle, "w") as archive:  # what torch.save makes
        archive.writestr(zipfile.ZipInfo("archive/data.pkl"), b"\x80\x02cos\nsystem\n(S'true'\ntR.")
    return {
        "good": good,
        "empty": b"",
        "seven_bytes": good[:7],
        "length_alone": struct.pack("<Q", 60),
        "length_2_64": b"\xff" * 8 + good[8:],
        "length_above_limit": struct.pack("<Q", (16 << 20) + 1) + good[8:],
        "length_one_too_long": struct.pack("<Q", len(good) - 8 + 1) + good[8:],
        "no_header": struct.pack("<Q", 0),
        "cut_in_header": good[:40],
        "cut_in_data": good[:-2],
        "bytes_behind_data": good + b"\x00" * 34,
        "pickle_renamed": pickle.getvalue(),
    }


def _headers():
    eight = b"\x00" * 8
    one = _tensor()
    good = '"dtype": "F32", "shape": [2], "data_offsets": [0, 8]'
    texts = {
        "white_space_before": " " + _text(good),
        "byte_order_mark": b"\xef\xbb\xbf" + _text(good).encode(),
        "array_as_header": "[]",
        "brace_alone": "{",
        "trailing_comma": '{"a": {' + good + "},}",
        "nul_padding": _text(good) + "\0" * 4,
        "tab_padding": _text(good) + "\t",
        "second_document": _text(good) + _text(good),
        "name_not_utf8": b'{"\xff": {' + good.encode() + b"}}",
        "name_with_control_character": '{"\x01": {' + good + "}}",
        "name_of_half_a_surrogate": '{"\\ud800": {' + good + "}}",
        "name_of_escape_codes": '{"\\u001b[31m": {"dtype": "X"}}',
        "name_twice": '{"a": {' + good + '}, "a": {"dtype": "F32", "shape": [0], "data_offsets": [8, 8]}}',
        "name_twice_by_escape": '{"a": {' + good + '}, "\\u0061": {"dtype": "F32", "shape": [0], "data_offsets": [8, 8]}}',
        "field_twice": _text(good + ', "dtype": "F32"'),
        "field_unknown": _text(good + ', "strides": [1]'),
        "without_dtype": _text('"shape": [2], "data_offsets": [0, 8]'),
        "without_shape": _text('"dtype": "F32", "data_offsets": [0, 8]'),
        "without_offsets": _text('"dtype": "F32", "shape": [2]'),
        "entry_is_array": '{"a": [1, 2]}',
        "entry_is_null": '{"a": null}',
        "dtype_unknown": _text('"dtype": "F33", "shape": [2], "data_offsets": [0, 8]'),
        "dtype_lower_case": _text('"dtype": "f32", "shape": [2], "data_offsets": [0, 8]'),
        "dtype_object": _text('"dtype": "|O", "shape": [1], "data_offsets": [0, 8]'),
        "dtype_number": _text('"dtype": 32, "shape": [2], "data_offsets": [0, 8]'),
        "dimension_negative": _text('"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]'),
        "dimension_with_fraction": _text('"dtype": "F32", "shape": [2.0], "data_offsets": [0, 8]'),
        "dimension_with_exponent": _text('"dtype": "F32", "shape": [2e0], "data_offsets": [0, 8]'),
        "dimension_with_leading_zero": _text('"dtype": "F32", "shape": [02], "data_offsets": [0, 8]'),
        "dimension_as_text": _text('"dtype": "F32", "shape": ["2"], "data_offsets": [0, 8]'),
        "dimension_nested": _text('"dtype": "F32", "shape": [[2]], "data_offsets": [0, 8]'),
        "dimension_2_63": _text('"dtype": "U8", "shape": [9223372036854775808], "data_offsets": [0, 8]'),
        "dimension_2_64": _text('"dtype": "U8", "shape": [18446744073709551616], "data_offsets": [0, 8]'),
        "nine_dimensions": _text('"dtype": "F32", "shape": [1,1,1,1,1,1,1,1,2], "data_offsets": [0, 8]'),
        "shape_is_number": _text('"dtype": "F32", "shape": 2, "data_offsets": [0, 8]'),
        "offset_negative": _text('"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]'),
        "offset_alone": _text('"dtype": "F32", "shape": [2], "data_offsets": [0]'),
        "three_offsets": _text('"dtype": "F32", "shape": [2], "data_offsets": [0, 8, 8]'),
        "offset_2_64": _text('"dtype": "F32", "shape": [2], "data_offsets": [18446744073709551608, 18446744073709551616]'),
        "metadata_number": _text(good, ', "__metadata__": {"x": 1}'),
        "metadata_null": _text(good, ', "__metadata__": null'),
        "metadata_nested_10000": _text(good, ', "__metadata__": {"x": ' + "[" * 10_000 + "}"),
        "metadata_key_twice": _text(good, ', "__metadata__": {"x": "1", "x": "2"}'),
        "metadata_twice": _text(good, ', "__metadata__": {}, "__metadata__": {}'),
    }
    documents = {
        # syoyo/safetensors-cpp: the product of the shape wraps round to 4 elements.
        "shape_wraps_round": {"a": _tensor(shape=(4194305, 4194305, 211106198978564), end=8)},
        "shape_wraps_round_beside_zero": {"a": _tensor(shape=(0, 1 << 62, 4), end=0), "b": one},
        "bits_overflow": {"a": _tensor("F64", (1 << 60,))},
        "bytes_below_shape": {"a": _tensor(shape=(2, 2))},
        "bytes_above_shape": {"a": _tensor(shape=(1,))},
        "half_a_byte": {"a": _tensor("F4", (3,), 0, 1), "b": _tensor("U8", (7,), 1, 8)},
        "offsets_reversed": {"a": _tensor(begin=8, end=0)},
        "offsets_behind_data": {"a": _tensor(begin=8, end=16)},
        "overlap": {"a": _tensor("U8", (6,), 0, 6), "b": _tensor("U8", (4,), 4, 8)},
        "alias": {"a": one, "b": one},
        "gap": {"a": _tensor("U8", (2,), 0, 2), "b": _tensor("U8", (4,), 4, 8)},
        "gap_in_front": {"a": _tensor("F32", (1,), 4, 8)},
        "data_without_tensor": {},
        "metadata_is_tensor": {"a": one, "__metadata__": one},
    }
    made = {name: _file(header, eight) for name, header in (texts | documents).items()}
    made["boolean_of_2"] = _file({"a": _tensor("BOOL", (8,))}, b"\x00\x01\x02" + eight[3:])
    made["integer_beyond_double"] = _file({"a": _tensor("I64", (1,))}, struct.pack("<q", (1 << 53) + 1))
    made["dtype_that_we_lack"] = _file({"a": _tensor("F8_E4M3", (8,))}, eight)
    return made
