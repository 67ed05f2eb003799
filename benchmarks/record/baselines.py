# SPDX-License-Identifier: Apache-2.0
"""What bench_record is compared with in Python; requests and answers are those of observation/baselines.py."""

import importlib.util
import pathlib

_path = pathlib.Path(__file__).resolve().parents[1] / "observation/baselines.py"
_spec = importlib.util.spec_from_file_location("observation_baselines", _path)
shared = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(shared)


def _messages():
    from mcap.reader import make_reader

    with open(shared.FOLDER / "recording.mcap", "rb") as file:
        yield from make_reader(file, validate_crcs=True).iter_messages()


def check():
    """Observations and frames that PyPI's mcap finds in the recording."""
    np = shared.np

    def count(_):
        observations = frames = 0
        for schema, channel, message in _messages():
            observations += channel.topic == "/observation"
            frames += channel.topic.endswith("/compressed") and message.data.endswith(b"\xff\xd9")
        return np.array([observations, frames], np.int64)

    return shared.Baseline(shared.version("mcap"), 1, {"": count}, lambda counts: counts.tobytes())


def write_second():
    """The same messages of one second through PyPI's mcap, without compression, as ours, and without waiting for the disk."""
    from mcap.writer import CompressionType, Writer

    second, start = [], None
    for _, channel, message in _messages():
        start = message.log_time if start is None else start
        if message.log_time - start > 1_000_000_000:
            break
        second.append((channel.topic, message))

    def write(_):
        with open(shared.FOLDER / "theirs.mcap", "wb") as file:
            writer = Writer(file, compression=CompressionType.NONE)
            writer.start()
            schema = writer.register_schema("any", "", b"")
            channels = {topic: writer.register_channel(topic, "json", schema) for topic in dict.fromkeys(topic for topic, _ in second)}
            for topic, message in second:
                writer.add_message(channels[topic], message.log_time, message.data, message.publish_time, message.sequence)
            writer.finish()
        return shared.np.array([len(second)], shared.np.int64)

    return shared.Baseline(shared.version("mcap"), 1, {"": write}, lambda counts: counts.tobytes())


shared.MAKERS = {"R1/check": check, "R1/core": write_second}

if __name__ == "__main__":
    shared.main()
