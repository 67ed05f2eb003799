# SPDX-License-Identifier: Apache-2.0
"""What bench_remote is compared with in Python; requests and answers are those of observation/baselines.py."""

import atexit
import importlib.util
import os
import pathlib
import subprocess
import sys

_path = pathlib.Path(__file__).resolve().parents[1] / "observation/baselines.py"
_spec = importlib.util.spec_from_file_location("observation_baselines", _path)
shared = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(shared)

ENTRIES, SIDE, STATE = 16, 224, 8


def openpi_numpy():
    """openpi_client's msgpack_numpy, without the package's __init__."""
    folder = importlib.util.find_spec("openpi_client").submodule_search_locations[0]
    spec = importlib.util.spec_from_file_location("openpi_msgpack_numpy", pathlib.Path(folder) / "msgpack_numpy.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def observations():
    """The pool of bench_remote: two images, a state, a prompt."""
    np = shared.np
    images = np.fromfile(shared.FOLDER / "images", np.uint8).reshape(ENTRIES, 2, SIDE, SIDE, 3)
    states = np.fromfile(shared.FOLDER / "states", np.float32).reshape(ENTRIES, STATE)
    names = ("observation/image", "observation/wrist_image")
    return [dict(zip(names, pair, strict=True)) | {"observation/state": state, "prompt": "put the bowl on the stove"} for pair, state in zip(images, states, strict=True)]


def encode():
    packer, pool = openpi_numpy().Packer(), observations()
    return shared.Baseline(f"{shared.version('openpi-client')} with {shared.version('msgpack')}", ENTRIES, {"": lambda i: packer.pack(pool[i])}, bytes)


def decode():
    codec = openpi_numpy()
    packed = [codec.packb(observation) for observation in observations()]

    def unpack(i):
        return codec.unpackb(packed[i])

    def to_bytes(observation):
        return b"".join(observation[name].tobytes() for name in ("observation/image", "observation/wrist_image", "observation/state"))

    return shared.Baseline(f"{shared.version('openpi-client')} with {shared.version('msgpack')}", ENTRIES, {"": unpack}, to_bytes)


SERVER = """
import asyncio, importlib.util, pathlib, sys
import numpy as np
import websockets.asyncio.server as sockets

spec = importlib.util.spec_from_file_location("codec", sys.argv[1])
codec = importlib.util.module_from_spec(spec)
spec.loader.exec_module(codec)

async def handle(connection):  # as openpi @ 15a9616 src/openpi/serving/websocket_policy_server.py
    packer = codec.Packer()
    await connection.send(packer.pack({}))
    while True:
        codec.unpackb(await connection.recv())
        await connection.send(packer.pack({"actions": np.full((10, 7), 0.25, np.float32), "server_timing": {"infer_ms": 0.0}}))

async def main():
    async with sockets.serve(handle, "127.0.0.1", 0, compression=None, max_size=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

asyncio.run(main())
"""


def round_trip():
    """openpi_client and a server like openpi's, in a process of its own."""
    from openpi_client import websocket_client_policy

    codec, pool = openpi_numpy(), observations()
    server = subprocess.Popen([sys.executable, "-c", SERVER, codec.__spec__.origin], stdout=subprocess.PIPE, text=True)
    atexit.register(server.kill)
    client = websocket_client_policy.WebsocketClientPolicy("127.0.0.1", int(server.stdout.readline()))
    names = f"{shared.version('openpi-client')} with {shared.version('websockets')}"
    return shared.Baseline(names, ENTRIES, {"": lambda i: client.infer(pool[i])}, lambda answer: answer["actions"].tobytes())


def round_trip_on_all_cores():
    """From here on this process runs on all of them: the last baseline."""
    os.sched_setaffinity(0, range(os.cpu_count()))
    return round_trip()


def vla_messages():
    """PredictRequest and PredictResponse of vla.cpp, from their table of fields."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="vla.proto", package="vla", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    fields = {
        "Image": [("encoding", 1, "INT32", False), ("height", 2, "UINT32", False), ("width", 3, "UINT32", False), ("data", 4, "BYTES", False)],
        "PredictRequest": [("images", 1, "MESSAGE", True), ("lang_tokens", 2, "INT32", True), ("state", 3, "FLOAT", True), ("request_id", 5, "UINT64", False)],
        "PredictResponse": [("request_id", 1, "UINT64", False), ("action_chunk", 2, "FLOAT", True), ("chunk_size", 3, "UINT32", False), ("action_dim", 4, "UINT32", False)],
    }
    for name, entries in fields.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated in entries:
            label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
            message.field.add(name=field, number=number, type=getattr(kinds, f"TYPE_{kind}"), label=label, type_name=".vla.Image" if kind == "MESSAGE" else None)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return [message_factory.GetMessageClass(pool.FindMessageTypeByName(f"vla.{name}")) for name in ("PredictRequest", "PredictResponse")]


ECHO = """
import sys, zmq
socket = zmq.Context().socket(zmq.REP)
print(socket.bind_to_random_port("tcp://127.0.0.1"), flush=True)
reply = bytes.fromhex(sys.argv[1])
while True:
    socket.recv()
    socket.send(reply)
"""


def vla_cpp():
    """protobuf and pyzmq, as vla.cpp's Python client uses them, and an echo in a process of its own."""
    import zmq

    request, response = vla_messages()
    pool = observations()
    reply = response(request_id=0, action_chunk=[0.25] * 70, chunk_size=10, action_dim=7).SerializeToString()
    server = subprocess.Popen([sys.executable, "-c", ECHO, reply.hex()], stdout=subprocess.PIPE, text=True)
    atexit.register(server.kill)
    socket = zmq.Context().socket(zmq.REQ)
    socket.connect(f"tcp://127.0.0.1:{int(server.stdout.readline())}")

    def call(i):
        asked = request(lang_tokens=[0] * 48, state=pool[i]["observation/state"].tolist(), request_id=i)
        for name in ("observation/image", "observation/wrist_image"):
            image = pool[i][name]
            asked.images.add(encoding=0, height=image.shape[0], width=image.shape[1], data=image.tobytes())
        socket.send(asked.SerializeToString())
        answer = response.FromString(socket.recv())
        return shared.np.array(answer.action_chunk, shared.np.float32).reshape(answer.chunk_size, answer.action_dim)

    return shared.Baseline(f"{shared.version('protobuf')} with {shared.version('pyzmq')}", ENTRIES, {"": call}, lambda actions: actions.tobytes())


shared.MAKERS = {"N1/encode": encode, "N1/decode": decode, "N2/core": round_trip, "N2/cores": round_trip_on_all_cores, "N3": vla_cpp}

if __name__ == "__main__":
    shared.main()
