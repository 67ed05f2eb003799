# SPDX-License-Identifier: Apache-2.0
"""Messages of a policy server that is not what it says: MessagePack, .npy and Protocol Buffers."""

import io
import struct

import msgpack
import numpy as np


def files():
    for name, content in _msgpack().items():
        yield f"msgpack/{name}.msgpack", content
    for name, content in _arrays().items():
        yield f"openpi/{name}.msgpack", msgpack.packb({"actions": content})
    yield "openpi/reply_is_array.msgpack", msgpack.packb([1, 2])
    yield "openpi/traceback_as_text.msgpack", msgpack.packb({"error": "\x1b[31mTraceback"})
    for name, content in _npy().items():
        yield f"npy/{name}.npy", content
    for name, content in _protobuf().items():
        yield f"vla_cpp/{name}.pb", content
    for name, content in _groot().items():
        yield f"groot/{name}.msgpack", msgpack.packb(content)
    for name, content in _starvla().items():
        yield f"starvla/{name}.msgpack", msgpack.packb(content)


def _msgpack():
    nested = b"\x91"
    return {
        "good": msgpack.packb({"a": [1, -2.5, None, True], b"b": b"\x00\xff"}),
        "empty": b"",
        # msgpack-c#1013: 5 bytes that ask for 96 GB.
        "array_of_2_32": b"\xdd\xff\xff\xff\xff",
        "map_of_2_32": b"\xdf\xff\xff\xff\xff",
        "map_of_half_as_many": b"\xdf\x00\x00\x00\x04" + b"\xa0\xc0" * 3,
        "text_of_2_32": b"\xdb\xff\xff\xff\xff",
        "binary_of_2_32": b"\xc6\xff\xff\xff\xff",
        "array_longer_by_one": b"\x93\x01\x02",
        "nested_10000": nested * 10_000,
        "nested_17": nested * 17 + b"\xc0",
        "maps_nested_17": b"\x81\xa0" * 17 + b"\xc0",
        # msgpackr#200: each level small, all together too many.
        "many_small_arrays": b"\xdc\xff\xff" + b"\x91\xc0" * 65535,
        "extension": b"\xd4\x01\x00",
        "extension_of_pickle": b"\xc7\x10\x78" + b"\x80\x02cos\nsystem\n.." + b"\0",
        "timestamp": b"\xd6\xff\x00\x00\x00\x00",
        "never_used_type": b"\xc1",
        "text_not_utf8": b"\xa2\xc3\x28",
        "text_of_surrogates": b"\xa3\xed\xa0\x80",
        "key_twice": b"\x82\xa1a\x01\xa1a\x02",
        "key_twice_as_binary": b"\x82\xa1a\x01\xc4\x01a\x02",
        "key_is_number": b"\x81\x01\x02",
        "key_is_map": b"\x81\x80\x01",
        "key_without_value": b"\x81\xa1a",
        "two_messages": b"\xc0\xc0",
        "cut_in_number": b"\xcf\x00\x00",
        "cut_in_length": b"\xda\x01",
        "cut_in_text": b"\xa5abc",
        "above_16_mib": _binary_above_16_mib,
    }


def _binary_above_16_mib(path):
    """Takes no room on the disk."""
    with path.open("wb") as file:
        file.write(b"\xc6" + struct.pack(">I", 16 << 20))
        file.truncate(5 + (16 << 20))


def _array(values=None, **change):
    values = np.zeros((4, 3), np.float32) if values is None else values
    made = {b"__ndarray__": True, b"data": values.tobytes(), b"dtype": values.dtype.str, b"shape": list(values.shape)}
    return {key: value for key, value in (made | {key.encode(): value for key, value in change.items()}).items() if value is not ...}


def _arrays():
    """openpi's msgpack_numpy."""
    return {
        "good": _array(),
        "array_of_objects": _array(dtype="|O", data=b"\x10" * 96),
        "array_of_structs": _array(dtype="[('a', '<f4')]"),
        "array_of_text": _array(dtype="<U3"),
        "array_of_dates": _array(dtype="<M8[ns]", data=b"\0" * 96),
        "array_of_complex": _array(dtype="<c8", data=b"\0" * 96),
        "array_of_void": _array(dtype="|V4"),
        "array_big_endian": _array(dtype=">f4"),
        "array_dtype_in_code": _array(dtype="__import__('os')"),
        "array_data_as_text": _array(data="0" * 48),
        "array_shape_wraps_round": _array(shape=[1 << 32, 1 << 32]),
        "array_shape_negative": _array(shape=[-4, -3]),
        "array_shape_of_9": _array(shape=[1] * 7 + [4, 3]),
        "array_shape_with_fraction": _array(shape=[4.0, 3.0]),
        "array_shape_unsigned_64": _array(shape=[(1 << 64) - 1, 3]),
        "array_shorter_than_shape": _array(data=b"\0" * 44),
        "array_longer_than_shape": _array(data=b"\0" * 52),
        "array_with_more_keys": _array(strides=[12, 4]),
        "array_without_marker": _array(__ndarray__=...),
        "array_marked_false": _array(__ndarray__=False),
        "actions_as_list": [[0.0] * 3] * 4,
        "actions_of_five_rows": _array(np.zeros((5, 3), np.float32)),
        "actions_of_no_rows": _array(np.zeros((0, 3), np.float32)),
        "actions_of_four_columns": _array(np.zeros((4, 4), np.float32)),
        "actions_of_one_axis": _array(np.zeros(12, np.float32)),
        "actions_of_two_robots": _array(np.zeros((2, 4, 3), np.float32)),
        "actions_of_integers": _array(np.zeros((4, 3), np.int32)),
        "actions_not_a_number": _array(np.full((4, 3), np.nan, np.float32)),
        "actions_infinite_in_float": _array(np.full((4, 3), 1e300)),
    }


def _npy():
    out = io.BytesIO()
    np.save(out, np.arange(6, dtype=np.float32).reshape(2, 3))
    good = out.getvalue()
    objects = io.BytesIO()
    np.save(objects, np.array([{"a": 1}], object), allow_pickle=True)

    def header(text, version=b"\1\0", data=b"\0" * 24):
        text = text.encode() + b" " * (-(len(text) + 11) % 64) + b"\n"
        length = struct.pack("<H" if version[0] == 1 else "<I", len(text))
        return b"\x93NUMPY" + version + length + text + data

    def entries(descr="'<f4'", order="False", shape="(2, 3)"):
        return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"

    return {
        "good": good,
        "empty": b"",
        "other_magic": b"\x93NUMPX" + good[6:],
        "version_9": header(entries(), b"\x09\0"),
        "version_1_1": header(entries(), b"\1\1"),
        "cut_in_header": good[:40],
        "cut_in_data": good[:-1],
        "bytes_behind_data": good + b"\0",
        "header_of_4_gigabytes": b"\x93NUMPY\2\0\xff\xff\xff\xff" + good[10:],
        "header_of_no_bytes": b"\x93NUMPY\1\0\0\0",
        "objects_pickled": objects.getvalue(),
        "header_is_code": header("__import__('os').system('true')"),
        "keys_in_other_order": header("{'shape': (2, 3), 'descr': '<f4', 'fortran_order': False, }"),
        "structured": header(entries(descr="[('a', '<f4')]")),
        "text_elements": header(entries(descr="'<U1'")),
        "big_endian": header(entries(descr="'>f4'")),
        "fortran_order": header(entries(order="True")),
        "order_is_code": header(entries(order="__import__('os')")),
        "shape_negative": header(entries(shape="(-2, -3)")),
        "shape_beyond_64_bits": header(entries(shape="(99999999999999999999, 1)")),
        "shape_wraps_round": header(entries(shape="(4294967296, 4294967296)"), data=b""),
        "shape_of_9": header(entries(shape="(1, 1, 1, 1, 1, 1, 1, 2, 3)")),
        "shape_is_list": header(entries(shape="[2, 3]")),
        "shape_with_long": header(entries(shape="(2L, 3L)")),
        "two_headers": header(entries() + entries()),
    }


def _varint(value):
    out = b""
    while value >= 0x80:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def _protobuf():
    """PredictResponse of vla.cpp: 1 id, 2 chunk, 3 rows, 4 columns, 7 error."""
    chunk = b"\x12" + _varint(48) + b"\0" * 48
    head, sizes = b"\x08\x07", b"\x18\x04\x20\x03"
    reason = b"failed\n\x1b[2J\x1b]0;owned\x07\n"
    good = head + chunk + sizes
    return {
        "good": good,
        "empty": b"",
        "varint_of_11_bytes": b"\x08" + b"\xff" * 10 + b"\x01" + chunk + sizes,
        "varint_beyond_64_bits": b"\x08" + b"\xff" * 9 + b"\x7f" + chunk + sizes,
        "varint_without_end": good + b"\x08\x80",
        "field_0": b"\x00\x01" + good,
        "field_2_29": _varint((1 << 29) << 3) + b"\x01" + good,
        "wire_type_6": b"\x4e" + good,
        "length_behind_end": head + b"\x12" + _varint(49) + b"\0" * 48,
        "length_2_63": head + b"\x12" + _varint(1 << 63) + b"\0" * 48,
        "length_2_64": head + b"\x12" + b"\xff" * 9 + b"\x01",
        "group_without_end": good + b"\x4b",
        "group_ends_as_another": good + b"\x4b\x54",
        "end_without_group": good + b"\x4c",
        "groups_nested_33": good + b"\x4b" * 33 + b"\x4c" * 33,
        "groups_nested_100000": b"\x4b" * 100_000,
        "id_twice": head + good,
        "rows_as_bytes": head + chunk + b"\x1a\x01\x04\x20\x03",
        "chunk_of_doubles": head + b"\x11" + b"\0" * 8 + sizes,
        "chunk_of_5_bytes": head + b"\x12\x05" + b"\0" * 5 + sizes,
        "rows_of_another_request": b"\x08\x06" + chunk + sizes,
        "rows_zero": head + b"\x20\x03",
        "rows_2_63": head + chunk + b"\x18" + _varint(1 << 63) + b"\x20\x03",
        "rows_times_columns_wrap_round": head + chunk + b"\x18\x04" + b"\x20" + _varint((1 << 62) + 3),
        "numbers_missing": head + b"\x12" + _varint(44) + b"\0" * 44 + sizes,
        "not_a_number": head + b"\x12" + _varint(48) + b"\0\0\xc0\x7f" * 12 + sizes,
        "error_of_escape_codes": head + b"\x3a" + _varint(len(reason)) + reason,
        "cut": good[:30],
    }


def _groot():
    def file(values):
        out = io.BytesIO()
        np.save(out, values, allow_pickle=values.dtype == object)
        return {"__ndarray_class__": True, "as_npy": out.getvalue()}

    arm, hand = file(np.zeros((1, 4, 2), np.float32)), file(np.zeros((1, 4, 1), np.float32))
    return {
        "good": [{"arm": arm, "hand": hand}, {}],
        "reply_is_number": 3,
        "group_absent": [{"arm": arm}, {}],
        "group_of_objects": [{"arm": file(np.array([{}], object)), "hand": hand}, {}],
        "group_without_file": [{"arm": {"__ndarray_class__": True}, "hand": hand}, {}],
        "group_of_other_rows": [{"arm": arm, "hand": file(np.zeros((1, 3, 1), np.float32))}, {}],
        "group_not_finite": [{"arm": arm, "hand": file(np.full((1, 4, 1), np.inf, np.float32))}, {}],
        "error_of_escape_codes": {"error": "Traceback\n\x1b[31mexploit\x07"},
    }


def _starvla():
    good = {"request_id": "7", "ok": True, "data": {"actions": _array()}}
    return {
        "good": good,
        "another_request": good | {"request_id": "6"},
        "data_absent": {"request_id": "7", "ok": True},
        "data_is_text": good | {"data": "x"},
        "other_actions": good | {"data": {"normalized_actions": _array()}},
        "refusal_without_reason": {"request_id": "7", "ok": False},
        "actions_of_objects": good | {"data": {"actions": _array(dtype="|O")}},
    }
