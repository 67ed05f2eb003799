# SPDX-License-Identifier: Apache-2.0
"""Recordings: MCAP whose lengths, checksums, indexes and counts lie, and messages that no recorder wrote."""

import io
import json
import struct
import zlib

from mcap.writer import CompressionType, Writer

MAGIC = b"\x89MCAP0\r\n"
HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, MESSAGE_INDEX, CHUNK_INDEX, ATTACHMENT, ATTACHMENT_INDEX, STATISTICS, METADATA, METADATA_INDEX, OFFSET, END = range(1, 16)


def files():
    for name, content in (_whole_files() | _records() | _chunks() | _summaries()).items():
        yield f"mcap/{name}.mcap", content
    for name, content in _recordings().items():
        yield f"recording/{name}.mcap", content


def _text(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack("<I", len(value)) + value


def _record(opcode, content, length=None):
    return struct.pack("<BQ", opcode, len(content) if length is None else length) + content


def _schema(number=1, name="s", data=b"{}"):
    return _record(SCHEMA, struct.pack("<H", number) + _text(name) + _text("jsonschema") + _text(data))


def _channel(number=1, schema=1, topic="/t", encoding="json", metadata=b""):
    return _record(CHANNEL, struct.pack("<HH", number, schema) + _text(topic) + _text(encoding) + _text(metadata))


def _message(channel=1, sequence=1, time=5, data=b"{}"):
    return _record(MESSAGE, struct.pack("<HIQQ", channel, sequence, time, time) + data)


def _attachment(name="a", data=b"12", size=None, crc=0, time=1):
    return _record(ATTACHMENT, struct.pack("<QQ", time, time) + _text(name) + _text("x/y") + struct.pack("<Q", len(data) if size is None else size) + data + struct.pack("<I", crc))


def _chunk(records, first=5, last=5, size=None, crc=0, compression="", stored=None):
    head = struct.pack("<QQQI", first, last, len(records) if size is None else size, crc) + _text(compression)
    return _record(CHUNK, head + struct.pack("<Q", len(records) if stored is None else stored) + records)


def _file(*records, header=_record(HEADER, _text("") + _text("x")), end=_record(END, struct.pack("<I", 0)), footer=(0, 0, 0)):
    """A complete file without a summary."""
    return MAGIC + header + b"".join(records) + end + _record(FOOTER, struct.pack("<QQI", *footer)) + MAGIC


def _written(crcs=True, **options):
    """What the mcap library writes: a schema, a channel, two messages in a chunk, an attachment, metadata, and the summary."""
    out = io.BytesIO()
    writer = Writer(out, compression=CompressionType.NONE, enable_crcs=crcs, **options)
    writer.start()
    schema = writer.register_schema("s", "jsonschema", b"{}")
    channel = writer.register_channel("/t", "json", schema)
    for i in range(2):
        writer.add_message(channel, log_time=5 + i, publish_time=5 + i, sequence=i + 1, data=b"{}")
    writer.add_attachment(create_time=1, log_time=1, name="a", media_type="x/y", data=b"12")
    writer.add_metadata("m", {"k": "v"})
    writer.finish()
    return out.getvalue()


def _places(data):
    """{opcode: offset of its last record's content}"""
    found, at = {}, len(MAGIC)
    while at < len(data) - len(MAGIC):
        opcode, length = struct.unpack_from("<BQ", data, at)
        found[opcode] = at + 9
        at += 9 + length
    return found


def _patched(data, opcode, offset, form, value):
    at = _places(data)[opcode] + offset
    new = struct.pack(form, value)
    return data[:at] + new + data[at + len(new) :]


def _whole_files():
    good = _written()
    flipped = bytearray(good)
    flipped[_places(good)[CHUNK] + 60] ^= 1
    return {
        "good": good,
        "good_without_summary": _file(_schema(), _channel(), _chunk(_message())),
        "empty": b"",
        "magic_alone": MAGIC,
        "magic_as_text": good.replace(b"\r\n", b"\n"),
        "magic_of_mcap_1": b"\x89MCAP1\r\n" + good[8:-8] + b"\x89MCAP1\r\n",
        "bag_of_ros_1": b"#ROSBAG V2.0\n" + good[13:],
        "bit_flipped_in_chunk": bytes(flipped),
        "cut_in_chunk": good[: _places(good)[CHUNK] + 30],
        "cut_in_footer": good[:-20],
        "cut_behind_first_record": good[: _places(good)[HEADER] + 4],
        "two_files": good + good,
        "bytes_between": good[:-8] + b"\0" * 5 + good[-8:],
    }


def _records():
    defined = _schema() + _channel()
    return {
        "length_2_64": _file(_record(MESSAGE, b"", (1 << 64) - 1)),
        "length_2_63": _file(_record(ATTACHMENT, b"", 1 << 63)),
        "length_behind_end": _file(_record(SCHEMA, b"\1\0", 500)),
        "header_absent": _file(_schema(), header=b""),
        "header_twice": _file(_record(HEADER, _text("") + _text("x"))),
        "header_name_longer_than_record": _file(header=_record(HEADER, struct.pack("<I", 1 << 31) + b"x")),
        "header_not_utf8": _file(header=_record(HEADER, _text(b"\xff") + _text("x"))),
        "opcode_0": _file(_record(0, b"")),
        "opcode_reserved": _file(_record(0x10, b"x")),
        "footer_in_data": _file(_record(FOOTER, b"\0" * 20)),
        "schema_id_0": _file(_schema(0)),
        "schema_redefined": _file(_schema(), _schema(data=b"{ }")),
        "schema_cut": _file(_record(SCHEMA, b"\1\0\xff")),
        "channel_of_unknown_schema": _file(_channel(schema=7)),
        "channel_redefined": _file(defined, _channel(topic="/u")),
        "channel_metadata_cut": _file(_schema(), _channel(metadata=_text("k"))),
        "channel_topic_not_utf8": _file(_schema(), _channel(topic=b"\xc3\x28")),
        "message_of_unknown_channel": _file(defined, _message(channel=9)),
        "message_of_15_bytes": _file(defined, _record(MESSAGE, b"\1\0" + b"\0" * 13)),
        "message_of_next_century": _file(defined, _message(time=1 << 63)),
        "attachment_size_2_64": _file(_attachment(size=(1 << 64) - 1)),
        "attachment_crc_wrong": _file(_attachment(crc=1)),
        "attachment_of_next_century": _file(_attachment(time=1 << 63)),
        "metadata_size_behind_record": _file(_record(METADATA, _text("m") + struct.pack("<I", 99))),
        "data_end_absent": _file(end=b""),
        "data_end_crc_wrong": _file(end=_record(END, struct.pack("<I", 1))),
        "data_end_empty": _file(end=_record(END, b"")),
        "data_end_twice": _file(_record(END, b"\0" * 4)),
        "message_index_alone": _file(defined, _record(MESSAGE_INDEX, struct.pack("<HI", 1, 0))),
    }


def _chunks():
    defined = _schema() + _channel()
    records = _message()
    index = struct.pack("<HIQQ", 1, 16, 5, 0)

    def with_chunk(*args, behind=b"", **more):
        return _file(defined, _chunk(*args, **more), behind)

    return {
        # foxglove/mcap's C++ reader believes this size (AddressSanitizer: heap-buffer-overflow).
        "chunk_size_forged": with_chunk(records, size=1 << 20),
        "chunk_size_2_64": with_chunk(records, size=(1 << 64) - 1, stored=(1 << 64) - 1),
        "chunk_stored_size_short": with_chunk(records, size=4, stored=4),
        "chunk_crc_wrong": with_chunk(records, crc=1),
        "chunk_compressed": with_chunk(records, compression="zstd"),
        "chunk_compression_of_4_gigabytes": _file(defined, _record(CHUNK, struct.pack("<QQQI", 5, 5, 8, 0) + b"\xff\xff\xff\xff")),
        "chunk_compression_of_escape_codes": with_chunk(records, compression="\x1b[31m"),
        "chunk_bomb": with_chunk(zlib.compress(b"\0" * 1_000_000), size=1 << 40, compression="lz4"),
        "chunk_times_forged": with_chunk(records, first=0, last=1 << 62),
        "chunk_in_chunk": with_chunk(_chunk(records)),
        "chunk_record_behind_its_end": with_chunk(_record(MESSAGE, b"\1\0", 5000)),
        "chunk_record_length_2_64": with_chunk(_record(MESSAGE, b"\1\0", (1 << 64) - 9)),
        "chunk_half_a_head": with_chunk(b"\5\0\0", first=0, last=0),
        "index_of_nothing": with_chunk(records, behind=_record(MESSAGE_INDEX, struct.pack("<HIQQ", 1, 16, 5, 3))),
        "index_of_another_time": with_chunk(records, behind=_record(MESSAGE_INDEX, struct.pack("<HIQQ", 1, 16, 6, 0))),
        "index_twice": with_chunk(records, behind=_record(MESSAGE_INDEX, index) * 2),
        "index_size_behind_record": with_chunk(records, behind=_record(MESSAGE_INDEX, struct.pack("<HI", 1, 1 << 31))),
        "index_of_half_an_entry": with_chunk(records, behind=_record(MESSAGE_INDEX, struct.pack("<HIQ", 1, 8, 5))),
    }


def _summaries():
    good = _written(crcs=False)
    checked = _written()

    def changed(opcode, offset, form, value):
        return _patched(good, opcode, offset, form, value)

    return {
        "good_without_checksums": good,
        "summary_crc_wrong": _patched(checked, FOOTER, 16, "<I", 1),
        "summary_start_behind_end": changed(FOOTER, 0, "<Q", 1 << 40),
        "summary_start_in_data": changed(FOOTER, 0, "<Q", 20),
        "summary_start_2_64": changed(FOOTER, 0, "<Q", (1 << 64) - 1),
        "summary_offsets_before_summary": changed(FOOTER, 8, "<Q", 9),
        "statistics_of_more_messages": changed(STATISTICS, 0, "<Q", 1 << 60),
        "statistics_of_more_chunks": changed(STATISTICS, 22, "<I", 4_000_000_000),
        "statistics_of_other_times": changed(STATISTICS, 34, "<Q", 1 << 62),
        "chunk_index_elsewhere": changed(CHUNK_INDEX, 16, "<Q", 8),
        "chunk_index_behind_end": changed(CHUNK_INDEX, 16, "<Q", 1 << 50),
        "chunk_index_longer": changed(CHUNK_INDEX, 24, "<Q", 1 << 50),
        "chunk_index_of_other_times": changed(CHUNK_INDEX, 0, "<Q", 1),
        "attachment_index_elsewhere": changed(ATTACHMENT_INDEX, 0, "<Q", 8),
        "attachment_index_longer": changed(ATTACHMENT_INDEX, 8, "<Q", 1 << 50),
        "attachment_index_of_next_century": changed(ATTACHMENT_INDEX, 16, "<Q", 1 << 63),
        "metadata_index_elsewhere": changed(METADATA_INDEX, 0, "<Q", 8),
        "summary_offset_elsewhere": changed(OFFSET, 1, "<Q", 8),
        "summary_offset_of_more": changed(OFFSET, 9, "<Q", 1 << 50),
        "schema_of_summary_differs": good[: _places(good)[SCHEMA]] + b"\1\0\1\0\0\0q" + good[_places(good)[SCHEMA] + 7 :],
    }


def _recordings():
    topics = ("/command", "/observation", "/chunk", "/event", "/motion", "/camera/front")
    numbers = {topic: i + 1 for i, topic in enumerate(topics)}
    defined = _schema() + b"".join(_channel(i, topic=topic, encoding="cdr" if "camera" in topic else "json") for topic, i in numbers.items())
    command = {"time_ns": 5, "values": [0.5]}
    seen = {"id": 1, "time_ns": 5, "instruction": "go", "channels": [], "cameras": [{"name": "front", "stamp_ns": 5, "height": 2, "width": 2}]}
    actions = {"sequence": 1, "observation_id": 1, "space": "joint_position", "t0_ns": 0, "dt_ns": 1, "horizon": 1, "dim": 1, "joint_order_hash": "0" * 16, "values": [[0.5]], "status": "ok"}

    def message(topic, content, sequence=1):
        data = content if isinstance(content, bytes) else content.encode() if isinstance(content, str) else json.dumps(content).encode()
        return _message(numbers[topic], sequence, 5, data)

    def recording(*messages):
        return _file(defined, *messages)

    def one(topic, content):
        return recording(message(topic, content))

    def image(height, width, step, size, encoding="rgb8"):
        """ROS 2's CDR: encapsulation, stamp, frame, size, encoding, order, step, data."""
        head = b"\0\1\0\0" + struct.pack("<iI", 0, 5) + struct.pack("<I", 6) + b"front\0" + b"\0\0" + struct.pack("<II", height, width)
        head += struct.pack("<I", len(encoding) + 1) + encoding.encode() + b"\0"
        head += b"\0" + b"\0" * (-(len(head) + 1 - 4) % 4) + struct.pack("<I", step)
        return recording(message("/observation", seen), message("/camera/front", head + struct.pack("<I", size) + b"\0" * min(size, 12)))

    return {
        "good": recording(message("/command", command), message("/event", {"time_ns": 5, "kind": "k", "text": "t"}, 2), message("/chunk", actions, 3)),
        "good_frame": image(2, 2, 6, 12),
        "command_of_code": one("/command", command | {"callback": "os.system"}),
        "command_without_values": one("/command", {"time_ns": 5}),
        "command_of_texts": one("/command", command | {"values": ["0.5"]}),
        "command_infinite": one("/command", '{"time_ns": 5, "values": [1e999]}'),
        "command_at_another_time": one("/command", command | {"time_ns": 6}),
        "command_nested": one("/command", '{"time_ns": 5, "values": ' + "[" * 5000),
        "command_not_json": one("/command", b"\x80\x02cos\nsystem\n."),
        "sequence_runs_back": recording(message("/command", command, 7), message("/command", command, 6)),
        "chunk_of_2_billion_rows": one("/chunk", actions | {"horizon": 2147483647}),
        "chunk_of_2_billion_columns": one("/chunk", actions | {"dim": 2147483647}),
        "chunk_rows_beyond_int": one("/chunk", actions | {"horizon": 1 << 31}),
        "chunk_of_unknown_space": one("/chunk", actions | {"space": "torque"}),
        "chunk_hash_of_letters": one("/chunk", actions | {"joint_order_hash": "g" * 16}),
        "chunk_sequence_negative": one("/chunk", actions | {"sequence": -1}),
        "event_drops_2_64": one("/event", {"time_ns": 5, "kind": "drop", "text": "", "dropped": 1 << 64}),
        "motion_without_kind": one("/motion", {"time_ns": 5, "event": "", "dt_ns": 0, "values": []}),
        "frame_of_gigapixels": one("/observation", seen | {"cameras": [seen["cameras"][0] | {"height": 100_000}]}),
        "frame_format_unknown": one("/observation", seen | {"cameras": [{"name": "front", "stamp_ns": 5, "format": "svg"}]}),
        "frame_of_other_size": image(2, 3, 9, 12),
        "frame_step_short": image(2, 2, 5, 12),
        "frame_longer_than_message": image(2, 2, 6, 1 << 31),
        "frame_of_other_encoding": image(2, 2, 6, 12, "mono16"),
        "card_of_nonsense": _file(defined, _attachment("sinew.json", b'{"format_version": "9.0"}')),
        "limits_of_texts": _file(defined, _attachment("joint_limits.json", b'{"joint_names": ["a"], "lower": ["x"]}')),
    }
