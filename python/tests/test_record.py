# SPDX-License-Identifier: Apache-2.0
"""Recordings as another library reads them: PyPI's mcap, checksums verified, every value and pixel compared."""

import io
import json
import struct
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from mcap import reader as mcap_reader
from mcap.exceptions import EndOfFile, McapError
from mcap.stream_reader import CRCValidationError, StreamReader
from mcap_ros2 import decoder as ros2_decoder

import sinew

INSTRUCTION = 'put the "red" cube on the yellow plate \N{ROBOT FACE}'


def make_step(index, rng):
    """One observation, command and chunk, all random, at 20 ms steps."""
    time = 5.0 + 0.02 * index
    cameras = {
        "front": (rng.integers(0, 256, (48, 64, 3), dtype=np.uint8), time - 0.01),
        "wrist left": (rng.integers(0, 256, (33, 35, 3), dtype=np.uint8), time),
    }
    state = {
        "joint_position": (rng.standard_normal(8), time, "rad"),
        "wrench": (np.array([-0.0, 1e-300, np.nan, 1.0, 2.0**60, np.inf]), time - 0.001, "N"),
    }
    observation = sinew.Observation(cameras, state, INSTRUCTION, time=time, id=index + 100)
    chunk = sinew.ActionChunk(rng.standard_normal((16, 8)), t0=time, dt=0.1, sequence=index, observation_id=index + 100)
    return observation, rng.standard_normal(8), chunk


def record(path, steps=60, **options):
    rng = np.random.default_rng(1)
    made = [make_step(index, rng) for index in range(steps)]
    with sinew.record.Recorder(path, **options) as recorder:
        for index, (observation, command, chunk) in enumerate(made):
            assert recorder.add(observation, command=command, chunk=chunk) == index + 1
    return made


def parse_image(data):
    """CDR of sensor_msgs/Image, little-endian, as docs/recording.md describes it."""
    assert data[:4] == b"\x00\x01\x00\x00"
    body, at = data[4:], 0

    def number(form="<I"):
        nonlocal at
        at += -at % struct.calcsize(form)
        (value,) = struct.unpack_from(form, body, at)
        at += struct.calcsize(form)
        return value

    def text():
        nonlocal at
        size = number()
        at += size
        assert body[at - 1] == 0
        return body[at - size : at - 1].decode()

    seconds, nanoseconds = number("<i"), number()
    name, height, width, encoding, big_endian, step, size = text(), number(), number(), text(), number("<B"), number(), number()
    assert (encoding, big_endian, step, size, len(body)) == ("rgb8", 0, 3 * width, step * height, at + size)
    return name, seconds * 10**9 + nanoseconds, np.frombuffer(body, np.uint8, offset=at).reshape(height, width, 3)


def ns(seconds):
    return round(seconds * 1e9)


def same_numbers(recorded, expected):
    """Bit for bit, but for what is not finite: that is null."""
    expected = np.asarray(expected).ravel()
    recorded = np.array([np.nan if value is None else value for value in np.ravel(np.array(recorded, dtype=object))], dtype=np.float64)
    finite = np.isfinite(expected)
    return np.isnan(recorded[~finite]).all() and recorded[finite].tobytes() == expected[finite].tobytes()


def check_observation(content, observation):
    assert content["id"] == observation.id
    assert content["instruction"] == INSTRUCTION
    assert [channel["name"] for channel in content["channels"]] == list(observation.state)
    for channel in content["channels"]:
        values, stamp, unit = observation.state[channel["name"]]
        assert (channel["unit"], channel["stamp_ns"]) == (unit, ns(stamp))
        assert same_numbers(channel["values"], values)
    for camera in content["cameras"]:
        image, stamp = observation.cameras[camera["name"]]
        assert (camera["height"], camera["width"], camera["stamp_ns"]) == (*image.shape[:2], ns(stamp))


def test_every_value_and_pixel_comes_back(tmp_path):
    made = record(tmp_path / "a.mcap", joint_names=[f"joint{i}" for i in range(8)])
    counts = {}
    with open(tmp_path / "a.mcap", "rb") as stream:
        reader = mcap_reader.make_reader(stream, validate_crcs=True)
        for schema, channel, message in reader.iter_messages():
            observation, command, chunk = made[message.sequence - 1]
            assert message.log_time == ns(observation.time)
            counts[channel.topic] = counts.get(channel.topic, 0) + 1
            if channel.topic.startswith("/camera/"):
                assert (schema.name, schema.encoding, channel.message_encoding) == ("sensor_msgs/msg/Image", "ros2msg", "cdr")
                name, stamp, pixels = parse_image(message.data)
                assert channel.topic == f"/camera/{name}"
                image, exposed = observation.cameras[name]
                assert stamp == message.publish_time == ns(exposed)
                assert np.array_equal(pixels, image)
                continue
            assert (schema.encoding, channel.message_encoding) == ("jsonschema", "json")
            content = json.loads(message.data)
            assert set(json.loads(schema.data)["required"]) <= set(content)
            if channel.topic == "/observation":
                check_observation(content, observation)
            elif channel.topic == "/command":
                assert same_numbers(content["values"], command)
                assert json.loads(channel.metadata["joint_names"]) == [f"joint{i}" for i in range(8)]
            else:
                assert channel.topic == "/chunk"
                assert (content["sequence"], content["observation_id"]) == (chunk.sequence, chunk.observation_id)
                assert (content["t0_ns"], content["dt_ns"], content["space"]) == (ns(chunk.t0), ns(chunk.dt), "joint_position")
                assert np.shape(content["values"]) == (content["horizon"], content["dim"]) == (16, 8)
                assert same_numbers(content["values"], chunk.values)
        statistics = reader.get_summary().statistics
    assert counts == {topic: len(made) for topic in ("/observation", "/command", "/chunk", "/camera/front", "/camera/wrist left")}
    assert statistics.message_count == 5 * len(made)
    assert (statistics.message_start_time, statistics.message_end_time) == (ns(made[0][0].time), ns(made[-1][0].time))


def test_index_finds_a_span_of_time(tmp_path):
    record(tmp_path / "a.mcap")
    with open(tmp_path / "a.mcap", "rb") as stream:
        reader = mcap_reader.make_reader(stream, validate_crcs=True)
        assert len(reader.get_summary().chunk_indexes) > 3
        times = [message.log_time for _, _, message in reader.iter_messages(topics=["/command"], starting_at=ns(5.3), ending_before=ns(5.5))]
    assert times == [ns(5.3 + 0.02 * step) for step in range(10)]


def test_frames_are_the_ros_message_that_other_tools_know(tmp_path):
    made = record(tmp_path / "a.mcap", steps=3)
    with open(tmp_path / "a.mcap", "rb") as stream:
        reader = mcap_reader.make_reader(stream, validate_crcs=True, decoder_factories=[ros2_decoder.DecoderFactory()])
        for _, channel, message, image in reader.iter_decoded_messages(topics=["/camera/front", "/camera/wrist left"]):
            pixels, stamp = made[message.sequence - 1][0].cameras[image.header.frame_id]
            assert (image.height, image.width, image.encoding, image.step) == (*pixels.shape[:2], "rgb8", 3 * pixels.shape[1])
            assert image.header.stamp.sec * 10**9 + image.header.stamp.nanosec == ns(stamp)
            assert bytes(image.data) == pixels.tobytes()


@pytest.mark.parametrize("fraction", [0.3, 0.6, 0.95, 0.999])
def test_truncated_file_is_readable_up_to_the_last_whole_chunk(tmp_path, fraction):
    record(tmp_path / "a.mcap")
    data = (tmp_path / "a.mcap").read_bytes()
    with open(tmp_path / "a.mcap", "rb") as stream:
        indexes = mcap_reader.make_reader(stream).get_summary().chunk_indexes
        whole = list(mcap_reader.make_reader(stream).iter_messages())
    cut = int(len(data) * fraction)
    (tmp_path / "cut.mcap").write_bytes(data[:cut])
    last_time = max(index.message_end_time for index in indexes if index.chunk_start_offset + index.chunk_length <= cut)
    expected = [message for _, _, message in whole if message.log_time < last_time]

    found = []
    with open(tmp_path / "cut.mcap", "rb") as stream:
        with pytest.raises((EndOfFile, McapError)):
            for _, _, message in mcap_reader.NonSeekingReader(stream, validate_crcs=True).iter_messages(log_time_order=False):
                found.append(message)
    assert len(expected) > 20
    assert found[: len(expected)] == expected


def test_flipped_bit_is_noticed(tmp_path):
    record(tmp_path / "a.mcap", steps=5)
    data = bytearray((tmp_path / "a.mcap").read_bytes())
    with open(tmp_path / "a.mcap", "rb") as stream:
        index = mcap_reader.make_reader(stream).get_summary().chunk_indexes[0]
    data[index.chunk_start_offset + index.chunk_length - 100] ^= 0x10  # inside a chunk, near its end
    (tmp_path / "bad.mcap").write_bytes(data)
    with open(tmp_path / "bad.mcap", "rb") as stream, pytest.raises(CRCValidationError):
        list(mcap_reader.make_reader(stream, validate_crcs=True).iter_messages())


def test_data_and_summary_checksums_are_there_and_right(tmp_path):
    record(tmp_path / "a.mcap", steps=5)
    with open(tmp_path / "a.mcap", "rb") as stream:
        records = list(StreamReader(stream, validate_crcs=True, emit_chunks=True).records)
    by_type = {type(item).__name__: item for item in records}
    assert by_type["DataEnd"].data_section_crc != 0  # the stream reader has compared it
    assert by_type["Footer"].summary_crc != 0
    assert by_type["Chunk"].uncompressed_crc != 0


def test_events_keep_their_place_and_numbers_their_order(tmp_path):
    rng = np.random.default_rng(2)
    recorder = sinew.record.Recorder(tmp_path / "a.mcap")
    assert recorder.add_event(1.0, "episode", "begins") == 1
    assert recorder.add_command(1.5, rng.standard_normal(3)) == 2
    assert recorder.add_chunk(1.6, sinew.ActionChunk(np.zeros((2, 3)), t0=1.5, dt=0.1)) == 3
    assert recorder.flush()
    assert recorder.acknowledged() == recorder.durable() == 3
    recorder.close()
    with open(tmp_path / "a.mcap", "rb") as stream:
        found = [(message.sequence, channel.topic) for _, channel, message in mcap_reader.make_reader(stream).iter_messages()]
    assert found == [(1, "/event"), (2, "/command"), (3, "/chunk")]


def test_jpegs_are_kept_as_they_came(tmp_path):
    rng = np.random.default_rng(4)
    jpegs = []
    with sinew.record.Recorder(tmp_path / "a.mcap") as recorder:
        for index in range(5):
            buffer = io.BytesIO()
            PIL.Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)).save(buffer, "JPEG")
            jpegs.append(buffer.getvalue())
            observation = sinew.Observation({"front": (jpegs[-1], 1.0 + index)}, {}, "go", time=1.0 + index)
            assert observation.jpegs == {"front": jpegs[-1]}
            assert observation.cameras["front"][0].shape == (24, 32, 3)
            recorder.add(observation)
    with open(tmp_path / "a.mcap", "rb") as stream:
        reader = mcap_reader.make_reader(stream, validate_crcs=True, decoder_factories=[ros2_decoder.DecoderFactory()])
        found = [message for _, _, _, message in reader.iter_decoded_messages(topics=["/camera/front/compressed"])]
    assert [bytes(message.data) for message in found] == jpegs
    assert {message.format for message in found} == {"jpeg"} and found[2].header.stamp.sec == 3
    for record, jpeg in zip(sinew.record.read(tmp_path / "a.mcap"), jpegs, strict=True):
        assert record.content.jpegs == {"front": jpeg}
        expected = np.asarray(PIL.Image.open(io.BytesIO(jpeg)).convert("RGB"))
        assert np.array_equal(record.content.cameras["front"][0], expected)
    bare = next(iter(sinew.record.read(tmp_path / "a.mcap", decode_jpeg=False))).content
    assert bare.jpegs == {"front": jpegs[0]} and bare.cameras["front"][0].size == 0
    with pytest.raises(sinew.Error, match="front"):
        sinew.Observation({"front": jpegs[0][:200]}, {}, "go")
    with pytest.raises(sinew.Error, match="a JPEG"):
        sinew.Observation({"front": b"PNG"}, {}, "go")


def test_card_travels_with_the_recording(tmp_path):
    card = json.loads((Path(sinew.__file__).parent / "models" / "tabletop_demonstrator" / "sinew.json").read_text())
    record(tmp_path / "a.mcap", steps=2, card=card)
    with open(tmp_path / "a.mcap", "rb") as stream:
        reader = mcap_reader.make_reader(stream, validate_crcs=True)
        attachments = {attachment.name: attachment for attachment in reader.iter_attachments()}
        assert reader.get_summary().statistics.attachment_count == 1
    assert json.loads(attachments["sinew.json"].data) == card
    assert attachments["sinew.json"].media_type == "application/json"


def test_existing_recording_is_not_overwritten_unasked(tmp_path):
    record(tmp_path / "a.mcap", steps=1)
    before = (tmp_path / "a.mcap").read_bytes()
    with pytest.raises(sinew.Error, match="not overwritten"):
        sinew.record.Recorder(tmp_path / "a.mcap")
    assert (tmp_path / "a.mcap").read_bytes() == before
    record(tmp_path / "a.mcap", steps=2, overwrite=True)
    assert (tmp_path / "a.mcap").stat().st_size > len(before)


def test_refused_card_and_folder_raise(tmp_path):
    with pytest.raises(sinew.Error, match="No such file"):
        sinew.record.Recorder(tmp_path / "absent" / "a.mcap")
    with pytest.raises(sinew.Error, match="card"):
        sinew.record.Recorder(tmp_path / "a.mcap", card={"nonsense": 1})
    assert not (tmp_path / "a.mcap").exists()
