# SPDX-License-Identifier: Apache-2.0
"""Reading and recovery beside another library, PyPI's mcap: our reader on its files, its reader on ours, whole and cut."""

import json

import numpy as np
import pytest
from mcap import reader as mcap_reader
from mcap.writer import CompressionType, IndexType, Writer

import sinew
from sinew import cli
from sinew.record import Chunk, Command, Event


def record(path, steps=40):
    """A recording of random values; returns what went in."""
    rng = np.random.default_rng(3)
    made = []
    with sinew.record.Recorder(path, joint_names=["a", "b"]) as recorder:
        for step in range(steps):
            time = 2.0 + 0.03 * step
            cameras = {"front": (rng.integers(0, 256, (24, 32, 3), dtype=np.uint8), time - 0.01)}
            observation = sinew.Observation(cameras, {"q": (rng.standard_normal(7), time, "rad")}, f"step {step}", time=time, id=step)
            chunk = sinew.ActionChunk(rng.standard_normal((4, 2)), t0=time, dt=0.1, sequence=step, observation_id=step)
            command = rng.standard_normal(2)
            assert recorder.add(observation, command=command, chunk=chunk) == 2 * step + 1
            assert recorder.add_event(time, "episode", f"{step}") == 2 * step + 2
            made.append((observation, command, chunk))
    return made


def check(records, made):
    for index, (observation, command, chunk) in enumerate(made):
        a, b, c, d = records[4 * index : 4 * index + 4]
        assert [item.sequence for item in (a, b, c, d)] == [2 * index + 1] * 3 + [2 * index + 2]
        assert (a.content.id, a.content.instruction, a.content.time) == (observation.id, observation.instruction, observation.time)
        for name, (image, stamp) in observation.cameras.items():
            assert np.array_equal(a.content.cameras[name][0], image) and a.content.cameras[name][1] == stamp
        assert a.content.state["q"][0].tobytes() == observation.state["q"][0].tobytes()
        assert a.content.state["q"][1:] == observation.state["q"][1:]
        assert isinstance(b.content, Command) and b.content.values.tobytes() == command.tobytes()
        assert isinstance(c.content, Chunk) and c.content.chunk.values.tobytes() == chunk.values.tobytes()
        assert (c.content.chunk.t0, c.content.chunk.dt, c.content.chunk.sequence) == (chunk.t0, chunk.dt, chunk.sequence)
        assert isinstance(d.content, Event) and (d.content.kind, d.content.text) == ("episode", str(index))


def messages(path):
    """All messages of a complete file as PyPI's mcap reads them, in the order of the file, checksums verified."""
    with open(path, "rb") as stream:
        reader = mcap_reader.make_reader(stream, validate_crcs=True)
        found = [(channel.topic, message) for _, channel, message in reader.iter_messages(log_time_order=False)]
        statistics = reader.get_summary().statistics
    with open(path, "rb") as stream:
        linear = list(mcap_reader.NonSeekingReader(stream, validate_crcs=True).iter_messages(log_time_order=False))
    assert len(found) == len(linear) == statistics.message_count
    return found


def test_everything_comes_back(tmp_path):
    made = record(tmp_path / "a.mcap")
    recording = sinew.record.read(tmp_path / "a.mcap")
    assert recording.complete and recording.joint_names == ["a", "b"] and recording.card is None
    records = list(recording)
    assert len(records) == 4 * len(made) and recording.incomplete == 0
    assert recording.unverified == {"chunks": 0, "messages": 0, "attachments": 0, "data": False, "summary": False}
    check(records, made)


def test_recovered_files_are_read_by_another_library(tmp_path):
    made = record(tmp_path / "a.mcap")
    data = (tmp_path / "a.mcap").read_bytes()
    whole = messages(tmp_path / "a.mcap")
    path = tmp_path / "cut.mcap"
    counts = set()
    for cut in [*np.random.default_rng(4).integers(0, len(data), 40), len(data) - 1, len(data) - 9, 1]:
        path.write_bytes(data[:cut])
        torn = sinew.record.read(path)
        assert not torn.complete
        readable = list(torn)
        assert torn.end[0] + torn.end[1] == cut
        report = sinew.record.recover(path)
        found = messages(path)
        assert report.changed and report.messages == len(found) and found == whole[: len(found)]
        records = list(sinew.record.read(path))
        check(records, made[: len(records) // 4])
        assert len(readable) == len(records)
        once = path.read_bytes()
        assert not sinew.record.recover(path).changed and path.read_bytes() == once
        counts.add(len(found))
    assert len(counts) > 4 and max(counts) == len(whole)


WRITERS = {
    "chunks": {},
    "small chunks": {"chunk_size": 200},
    "no chunks": {"use_chunking": False},
    "no index": {"chunk_size": 200, "index_types": IndexType.NONE},
    "no checksums": {"chunk_size": 200, "enable_crcs": False},
    "all checksums": {"chunk_size": 200, "enable_crcs": True, "enable_data_crcs": True},
    "no summary": {"chunk_size": 200, "use_statistics": False, "use_summary_offsets": False, "repeat_channels": False, "repeat_schemas": False},
}


def write_foreign(path, compression=CompressionType.NONE, **options):
    """Commands of ours between messages that we know nothing of, with an attachment and metadata."""
    with open(path, "wb") as stream:
        writer = Writer(stream, compression=compression, **options)
        writer.start(profile="x", library="test")
        schema = writer.register_schema("S", "jsonschema", b"{}")
        command = writer.register_channel("/command", "json", schema, {"joint_names": '["a"]'})
        other = writer.register_channel("/other", "raw", 0)
        writer.add_metadata("notes", {"k": "v"})
        for step in range(1, 31):
            data = json.dumps({"time_ns": step * 10, "values": [step / 7]}).encode()
            writer.add_message(command, step * 10, data, step * 10 + 3, step)
            writer.add_message(other, step * 10 - 5, bytes([step]) * 20, 1)
        writer.add_attachment(4, 5, "note.txt", "text/plain", b"hello")
        writer.finish()


@pytest.mark.parametrize("kind", WRITERS)
def test_files_of_another_library_are_read_and_recovered(tmp_path, kind):
    path = tmp_path / "foreign.mcap"
    write_foreign(path, **WRITERS[kind])
    data = path.read_bytes()

    def commands():
        return [(item.sequence, item.content.values[0]) for item in sinew.record.read(path)]

    expected = [(step, step / 7) for step in range(1, 31)]
    assert commands() == expected
    assert not sinew.record.recover(path).changed and path.read_bytes() == data

    whole = messages(path) if kind != "no summary" else None
    for cut in np.random.default_rng(5).integers(8, len(data), 12):
        path.write_bytes(data[:cut])
        assert sinew.record.recover(path).changed
        found = messages(path)
        assert whole is None or found == whole[: len(found)]
        assert commands() == expected[: sum(topic == "/command" for topic, _ in found)]


@pytest.mark.parametrize("compression", [CompressionType.ZSTD, CompressionType.LZ4])
def test_compression_is_refused_by_name(tmp_path, compression):
    path = tmp_path / "foreign.mcap"
    write_foreign(path, compression, chunk_size=200)
    data = path.read_bytes()[:-40]
    for content in (path.read_bytes(), data):
        path.write_bytes(content)
        for use in (sinew.record.recover, lambda file: list(sinew.record.read(file))):
            with pytest.raises(sinew.Error, match=compression.name.lower()) as raised:
                use(path)
            assert raised.value.code == "unsupported"
            assert path.read_bytes() == content


def test_flipped_bits_raise(tmp_path):
    record(tmp_path / "a.mcap", steps=3)
    data = bytearray((tmp_path / "a.mcap").read_bytes())
    for bit in np.random.default_rng(6).integers(64, 8 * (len(data) - 8), 300):
        data[bit // 8] ^= 1 << (bit % 8)
        (tmp_path / "a.mcap").write_bytes(data)
        with pytest.raises(sinew.Error, match="a.mcap"):
            list(sinew.record.read(tmp_path / "a.mcap"))
        data[bit // 8] ^= 1 << (bit % 8)


def test_command_line(tmp_path, capsys):
    record(tmp_path / "a.mcap", steps=5)
    path = tmp_path / "a.mcap"
    assert cli.main(["record", "recover", str(path)]) == 0
    assert "complete, not touched: 25 messages" in capsys.readouterr().out
    path.write_bytes(path.read_bytes()[:-1])
    assert cli.main(["record", "recover", str(path)]) == 0
    assert "recovered: 25 messages" in capsys.readouterr().out
    path.write_bytes(b"not a recording")
    assert cli.main(["record", "recover", str(path)]) == 1
    assert "is it an MCAP file?" in capsys.readouterr().err
