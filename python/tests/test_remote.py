# SPDX-License-Identifier: Apache-2.0
"""Clients of policy servers against the servers' own libraries: openpi_client, websockets, msgpack, pyzmq, protobuf."""

import contextlib
import importlib.util
import io
import sys
import threading
import time
from pathlib import Path

import msgpack
import numpy as np
import pytest
import zmq
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from websockets.sync.server import serve

import sinew
from sinew import remote

HORIZON, DIM = 5, 7
RNG_SEED = 20261127


def _openpi_numpy():
    """openpi_client.msgpack_numpy without the package's __init__, which wants a package that we do not have."""
    found = importlib.util.find_spec("openpi_client")
    path = Path(found.submodule_search_locations[0]) / "msgpack_numpy.py"
    spec = importlib.util.spec_from_file_location("openpi_msgpack_numpy", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


openpi_numpy = _openpi_numpy()


def chunk_of(state):
    """A chunk that says which observation it answers."""
    return (np.arange(HORIZON)[:, None] + np.asarray(state, np.float32).ravel()[0] + np.zeros(DIM)).astype(np.float32)


@contextlib.contextmanager
def web_socket_server(handle, **options):
    """Runs handle(connection) for each connection; yields the port."""
    with serve(handle, "127.0.0.1", 0, compression=None, max_size=None, **options) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def zmq_server(answer, kind=zmq.REP):
    """Answers each request with answer(bytes) or, for None, not at all; yields the endpoint."""
    context = zmq.Context()
    socket = context.socket(kind)
    port = socket.bind_to_random_port("tcp://127.0.0.1")
    stop = threading.Event()

    def run():
        while not stop.is_set():
            if not socket.poll(20):
                continue
            *envelope, request = socket.recv_multipart()
            for reply in answer(request):
                socket.send_multipart([*envelope, reply])

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{port}"
    finally:
        stop.set()
        thread.join()
        socket.close(0)
        context.term()


LIBERO = {
    "observation/image": ("u8", (224, 224, 3)),
    "observation/wrist_image": ("u8", (224, 224, 3)),
    "observation/state": ("f32", (8,)),
    "prompt": ("u8", (256,)),
}


def libero_observation(value=1.0):
    rng = np.random.default_rng(RNG_SEED)
    images = {name: rng.integers(0, 256, (224, 224, 3), dtype=np.uint8) for name in ("observation/image", "observation/wrist_image")}
    return images | {"observation/state": np.full(8, value, np.float32), "prompt": "put the bowl on the stove"}


def ask(host, port, image, state):
    # docs: begin openpi
    client = sinew.remote.openpi(
        {"observation/image": ("u8", (224, 224, 3)), "observation/state": ("f32", (8,)), "prompt": ("u8", (256,))},
        horizon=5, action_dim=7, host=host, port=port, deadline=5.0,
    )  # fmt: skip
    actions = client.infer({"observation/image": image, "observation/state": state, "prompt": "put the bowl on the stove"})["actions"]
    # docs: end openpi
    return actions


def openpi_server(seen, metadata=None, policy=None):
    """As openpi's WebsocketPolicyServer: metadata first, then one reply for each request; a traceback as text on an exception."""

    def handle(connection):
        packer = openpi_numpy.Packer()
        connection.send(packer.pack(metadata or {}))
        for raw in connection:
            seen.append(raw)
            observation = openpi_numpy.unpackb(raw)
            try:
                actions = policy(observation) if policy else chunk_of(observation["observation/state"])
            except ValueError as problem:
                connection.send(f"Traceback (most recent call last):\n  File somewhere\nValueError: {problem}\n")
                connection.close(1011, "Internal server error")
                return
            connection.send(packer.pack({"actions": actions, "policy_timing": {"infer_ms": 1.0}}))

    return handle


def test_a_reply_that_nobody_asked_for_is_not_taken_for_the_next():
    """Replies of openpi have no number: whatever lies there before a request was sent closes the connection."""

    def twice(connection):
        packer = openpi_numpy.Packer()
        connection.send(packer.pack({}))
        for number, raw in enumerate(connection):
            actions = chunk_of(openpi_numpy.unpackb(raw)["observation/state"])
            for _ in range(2 if number == 1 else 1):
                connection.send(packer.pack({"actions": actions}))

    with web_socket_server(twice) as port:
        client = remote.openpi(LIBERO, HORIZON, DIM, port=port, deadline=5.0)
        refused = 0
        for value in range(1, 8):
            observation = libero_observation(float(value))
            try:
                np.testing.assert_array_equal(client.infer(observation)["actions"], chunk_of([float(value)]))
            except sinew.Error as problem:
                assert "expected nothing before a request, got a message" in str(problem)
                refused += 1
            time.sleep(0.15)  # longer than the first pause after a failure
        assert refused >= 1


def test_openpi_sees_what_its_own_client_would_send_and_its_reply_is_read():
    seen = []
    with web_socket_server(openpi_server(seen, {"reset_pose": [0.0] * 6})) as port:
        client = remote.openpi(LIBERO, HORIZON, DIM, port=port, deadline=5.0)
        for value in (1.0, 2.0):
            observation = libero_observation(value)
            actions = client.infer(observation)["actions"]
            np.testing.assert_array_equal(actions, chunk_of([value]))
            assert seen[-1] == openpi_numpy.packb({name: observation[name] for name in LIBERO})  # byte for byte


def test_the_example_of_the_documents():
    with web_socket_server(openpi_server([])) as port:
        actions = ask("127.0.0.1", port, np.zeros((224, 224, 3), np.uint8), np.ones(8, np.float32))
    np.testing.assert_array_equal(actions, chunk_of([1.0]))


def test_openpi_nests_the_cameras_of_aloha_and_leaves_out_what_is_empty():
    inputs = {"images/cam_high": ("u8", (3, 224, 224)), "images/cam_left_wrist": ("u8", (3, 224, 224)), "state": ("f32", (14,)), "prompt": ("u8", (64,))}
    seen = []
    with web_socket_server(openpi_server(seen, policy=lambda o: chunk_of(o["state"]))) as port:
        client = remote.openpi(inputs, HORIZON, DIM, port=port, nested=True, deadline=5.0)
        client.infer(
            {"images/cam_high": np.ones((3, 224, 224), np.uint8), "images/cam_left_wrist": np.zeros((0, 0, 0), np.uint8), "state": np.zeros(14, np.float32), "prompt": "go"}
        )
    observation = openpi_numpy.unpackb(seen[0])
    assert list(observation) == ["images", "state", "prompt"] and list(observation["images"]) == ["cam_high"]
    assert observation["images"]["cam_high"].shape == (3, 224, 224) and observation["prompt"] == "go"


def test_openpis_error_is_shown_and_the_next_call_connects_again():
    def policy(observation):
        if observation["observation/state"][0] == 13:
            raise ValueError("no such robot")
        return chunk_of(observation["observation/state"])

    with web_socket_server(openpi_server([], policy=policy)) as port:
        client = remote.openpi(LIBERO, HORIZON, DIM, port=port, deadline=5.0)
        with pytest.raises(sinew.Error, match="backend_failed.*ValueError: no such robot"):
            client.infer(libero_observation(13.0))
        with pytest.raises(sinew.Error, match="not_ready.*next attempt"):
            client.infer(libero_observation(1.0))
        time.sleep(0.15)
        np.testing.assert_array_equal(client.infer(libero_observation(1.0))["actions"], chunk_of([1.0]))


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (lambda s: np.zeros((HORIZON, DIM + 1)), "rows of 7, got 5 of 8"),
        (lambda s: np.zeros((HORIZON + 1, DIM)), "1 to 5 rows of 7, got 6 of 7"),
        (lambda s: np.full((HORIZON, DIM), np.nan), "not_finite"),
        (lambda s: np.zeros((HORIZON, DIM), np.int64), "as f16, f32 or f64, got i64"),
        (lambda s: np.zeros((2, HORIZON, DIM)), "of one observation, got 2"),
        (lambda s: [[0.0] * DIM] * HORIZON, "array of numbers 'actions', got none"),
    ],
)
def test_a_reply_of_another_form_is_refused_with_its_reason(reply, said):
    with web_socket_server(openpi_server([], policy=lambda o: reply(o))) as port:
        client = remote.openpi(LIBERO, HORIZON, DIM, port=port, deadline=5.0)
        with pytest.raises(sinew.Error, match=said):
            client.infer(libero_observation())


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_replies_of_every_float_and_of_fewer_rows_are_taken(dtype):
    with web_socket_server(openpi_server([], policy=lambda o: chunk_of([1.0])[:3].astype(dtype)[None])) as port:
        actions = remote.openpi(LIBERO, HORIZON, DIM, port=port, deadline=5.0).infer(libero_observation())["actions"]
    np.testing.assert_array_equal(actions, chunk_of([1.0])[:3])


def test_no_call_outlives_its_deadline_and_a_late_reply_is_never_taken_for_a_later_one():
    slow = threading.Event()

    def policy(observation):
        if slow.is_set():
            slow.clear()
            time.sleep(0.6)
        return chunk_of(observation["observation/state"])

    with web_socket_server(openpi_server([], policy=policy)) as port:
        client = remote.openpi(LIBERO, HORIZON, DIM, port=port, deadline=0.3)
        client.infer(libero_observation(1.0))
        slow.set()
        begun = time.monotonic()
        with pytest.raises(sinew.Error, match="timeout.*no answer by the deadline"):
            client.infer(libero_observation(2.0))
        assert time.monotonic() - begun < 2.0  # 0.3 s, and what a shared machine adds
        time.sleep(0.7)
        np.testing.assert_array_equal(client.infer(libero_observation(3.0))["actions"], chunk_of([3.0]))


def test_a_server_that_is_not_there_and_one_that_never_speaks():
    closed = remote.openpi(LIBERO, HORIZON, DIM, port=1, deadline=1.0)
    with pytest.raises(sinew.Error, match="backend_failed.*connection to 127.0.0.1:1"):
        closed.infer(libero_observation())
    with web_socket_server(lambda connection: time.sleep(2)) as port:
        with pytest.raises(sinew.Error, match="timeout.*no answer by the deadline"):
            remote.openpi(LIBERO, HORIZON, DIM, port=port, deadline=0.3).infer(libero_observation())


def test_a_message_beyond_the_limit_and_bytes_that_are_no_message_are_refused():
    def big(connection):
        connection.send(msgpack.packb({"x": b"\0" * (17 << 20)}))
        time.sleep(1)

    with web_socket_server(big) as port, pytest.raises(sinew.Error, match="backend_failed"):
        remote.openpi(LIBERO, HORIZON, DIM, port=port, deadline=5.0).infer(libero_observation())
    with web_socket_server(lambda connection: (connection.send(b"\xdd\xff\x00\x00\x00"), time.sleep(1))) as port:
        with pytest.raises(sinew.Error, match="4278190080 values, got 0 bytes"):
            remote.openpi(LIBERO, HORIZON, DIM, port=port, deadline=5.0).infer(libero_observation())


def test_the_key_goes_into_the_header():
    keys = []

    def handle(connection):
        keys.append(connection.request.headers.get("Authorization"))
        openpi_server([])(connection)

    with web_socket_server(handle) as port:
        remote.openpi(LIBERO, HORIZON, DIM, port=port, api_key="sesame", deadline=5.0).infer(libero_observation())
    assert keys == ["Api-Key sesame"]
    with pytest.raises(sinew.Error, match="without control characters"):
        remote.openpi(LIBERO, HORIZON, DIM, api_key="a\r\nX-Evil: 1")


STARVLA = {"image/0": ("u8", (64, 64, 3)), "image/1": ("u8", (64, 64, 3)), "lang": ("u8", (64,)), "state": ("f32", (1, 8))}


def starvla_observation(value):
    images = {f"image/{i}": np.full((64, 64, 3), i, np.uint8) for i in (0, 1)}
    return images | {"lang": "pick", "state": np.full((1, 8), value, np.float32)}


def starvla_server(seen, key="actions"):
    """As StarVLA's WebsocketPolicyServer answers "infer" (deployment/model_server)."""

    def handle(connection):
        connection.send(openpi_numpy.packb({"env": "starvla_policy_server", "available_unnorm_keys": ["bridge", "rt1"]}))
        for raw in connection:
            request = openpi_numpy.unpackb(raw)
            seen.append(request)
            example = request["payload"]["examples"][0]
            reply = {"status": "ok", "ok": True, "type": "inference_result", "request_id": request["request_id"], "data": {key: chunk_of(example["state"])[None]}}
            connection.send(openpi_numpy.packb(reply))

    return handle


def test_starvla_gets_its_envelope_and_both_forms_of_reply_are_told_apart():
    seen = []
    with web_socket_server(starvla_server(seen)) as port:
        client = remote.starvla(STARVLA, HORIZON, DIM, port=port, unnorm_key="bridge", deadline=5.0)
        for value in (1.0, 4.0):
            np.testing.assert_array_equal(client.infer(starvla_observation(value))["actions"], chunk_of([value]))
        with pytest.raises(sinew.Error, match="unnorm_key: expected one that the server lists, got 'droid'"):
            remote.starvla(STARVLA, HORIZON, DIM, port=port, unnorm_key="droid", deadline=5.0).infer(starvla_observation(1.0))
    request = seen[0]
    assert request["type"] == "infer" and request["payload"]["unnorm_key"] == "bridge"
    example = request["payload"]["examples"][0]
    assert [image[0, 0, 0] for image in example["image"]] == [0, 1] and example["lang"] == "pick" and example["state"].shape == (1, 8)
    with web_socket_server(starvla_server([], "normalized_actions")) as port:
        np.testing.assert_array_equal(
            remote.starvla(STARVLA, HORIZON, DIM, port=port, normalized=True, deadline=5.0).infer(starvla_observation(2.0))["actions"], chunk_of([2.0])
        )
        with pytest.raises(sinew.Error, match="expected 'actions', got 'normalized_actions'"):
            remote.starvla(STARVLA, HORIZON, DIM, port=port, deadline=5.0).infer(starvla_observation(2.0))


def groot_pack(value):
    """gr00t/policy/server_client.py's form of arrays."""

    def default(array):
        file = io.BytesIO()
        np.save(file, array, allow_pickle=False)
        return {"__ndarray_class__": True, "as_npy": file.getvalue()}

    return msgpack.packb(value, default=default)


def groot_unpack(raw):
    def hook(entry):
        return np.load(io.BytesIO(entry["as_npy"]), allow_pickle=False) if "__ndarray_class__" in entry else entry

    return msgpack.unpackb(raw, object_hook=hook)


GROOT = {
    "video/ego_view": ("u8", (1, 1, 32, 48, 3)),
    "state/arm": ("f32", (1, 1, 6)),
    "language/annotation.human.task_description": ("u8", (64,)),
}
GROUPS = [("action.arm", 6), ("action.gripper", 1)]


def groot_observation(value):
    return {
        "video/ego_view": np.full((1, 1, 32, 48, 3), 9, np.uint8),
        "state/arm": np.full((1, 1, 6), value, np.float32),
        "language/annotation.human.task_description": "stack",
    }


def groot_reply(observation):
    chunk = chunk_of(observation["state"]["arm"])
    return [{"action.arm": chunk[None, :, :6], "action.gripper": chunk[None, :, 6:].astype(np.float64)}, {"took": 1.0}]


def test_groot_reads_the_request_as_its_server_does_and_groups_become_columns():
    seen = []

    def answer(raw):
        request = groot_unpack(raw)
        seen.append(request)
        if request.get("api_token") != "sesame":
            return [groot_pack({"error": "Unauthorized: Invalid API token"})]
        return [groot_pack(groot_reply(request["data"]["observation"]))]

    with zmq_server(answer) as endpoint:
        client = remote.groot(GROOT, HORIZON, GROUPS, endpoint=endpoint, api_token="sesame", deadline=5.0)
        for value in (1.0, 2.0):
            np.testing.assert_array_equal(client.infer(groot_observation(value))["actions"], chunk_of([value]))
        with pytest.raises(sinew.Error, match="Unauthorized: Invalid API token"):
            remote.groot(GROOT, HORIZON, GROUPS, endpoint=endpoint, deadline=5.0).infer(groot_observation(1.0))
    assert seen[0]["endpoint"] == "get_action" and set(seen[0]["data"]) == {"observation", "options"}
    observation = seen[0]["data"]["observation"]
    assert observation["video"]["ego_view"].shape == (1, 1, 32, 48, 3) and observation["language"]["annotation.human.task_description"] == [["stack"]]


def test_groot_after_a_missed_reply_asks_with_a_new_socket():
    def answer(raw):
        observation = groot_unpack(raw)["data"]["observation"]
        if observation["state"]["arm"].flat[0] == 13:
            time.sleep(0.5)
        return [groot_pack(groot_reply(observation))]

    with zmq_server(answer) as endpoint:
        client = remote.groot(GROOT, HORIZON, GROUPS, endpoint=endpoint, deadline=0.2)
        client.reset()
        with pytest.raises(sinew.Error, match="timeout"):
            client.infer(groot_observation(13.0))
        time.sleep(0.6)
        np.testing.assert_array_equal(client.infer(groot_observation(3.0))["actions"], chunk_of([3.0]))


def vla_messages():
    """PredictRequest and PredictResponse of the table of fields, by protobuf itself."""
    file = descriptor_pb2.FileDescriptorProto(name="vla.proto", package="vla", syntax="proto3")
    field = descriptor_pb2.FieldDescriptorProto

    def add(message, name, number, kind, repeated=False, of=None):
        message.field.add(name=name, number=number, type=kind, label=field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL, type_name=of)

    image = file.message_type.add(name="Image")
    for name, number, kind in (("encoding", 1, field.TYPE_INT32), ("height", 2, field.TYPE_UINT32), ("width", 3, field.TYPE_UINT32), ("data", 4, field.TYPE_BYTES)):
        add(image, name, number, kind)
    request = file.message_type.add(name="PredictRequest")
    add(request, "images", 1, field.TYPE_MESSAGE, True, ".vla.Image")
    for name, number, kind in (("lang_tokens", 2, field.TYPE_INT32), ("state", 3, field.TYPE_FLOAT), ("noise", 4, field.TYPE_FLOAT), ("attention_mask", 8, field.TYPE_UINT32)):
        add(request, name, number, kind, True)
    add(request, "request_id", 5, field.TYPE_UINT64)
    response = file.message_type.add(name="PredictResponse")
    add(response, "request_id", 1, field.TYPE_UINT64)
    add(response, "action_chunk", 2, field.TYPE_FLOAT, True)
    for name, number in (("chunk_size", 3), ("action_dim", 4)):
        add(response, name, number, field.TYPE_UINT32)
    add(response, "latency_ms_total", 5, field.TYPE_FLOAT)
    add(response, "error", 7, field.TYPE_STRING)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return [message_factory.GetMessageClass(pool.FindMessageTypeByName(f"vla.{name}")) for name in ("PredictRequest", "PredictResponse")]


VLA = {"image/0": ("u8", (20, 30, 3)), "image/1": ("f32", (20, 30, 3)), "lang_tokens": ("i64", (16,)), "state": ("f32", (4,))}


def vla_observation(value):
    rng = np.random.default_rng(RNG_SEED)
    return {
        "image/0": rng.integers(0, 256, (20, 30, 3), dtype=np.uint8),
        "image/1": rng.random((20, 30, 3), dtype=np.float32),
        "lang_tokens": np.array([1, 300, 70000]),
        "state": np.full(4, value, np.float32),
    }


@pytest.mark.parametrize(("dealer", "kind"), [(False, zmq.REP), (True, zmq.ROUTER), (False, zmq.ROUTER)])
def test_vla_cpp_reads_the_request_and_padding_columns_are_cut_off(dealer, kind):
    request_of, response_of = vla_messages()
    seen = []

    def answer(raw):
        request = request_of.FromString(raw)
        seen.append(request)
        chunk = np.pad(chunk_of(request.state), ((0, 0), (0, 25)))
        reply = response_of(request_id=request.request_id, action_chunk=chunk.ravel(), chunk_size=HORIZON, action_dim=32, latency_ms_total=1.5)
        stale = response_of(request_id=request.request_id - 1, error="superseded")
        return [*([stale.SerializeToString()] if dealer and request.request_id > 1 else []), reply.SerializeToString()]

    with zmq_server(answer, kind) as endpoint:
        client = remote.vla_cpp(VLA, HORIZON, DIM, endpoint=endpoint, dealer=dealer, deadline=5.0)
        for value in (1.0, 2.0):
            np.testing.assert_array_equal(client.infer(vla_observation(value))["actions"], chunk_of([value]))
    sent = vla_observation(2.0)
    first, second = seen[1].images
    assert (first.encoding, first.height, first.width, first.data) == (1, 20, 30, sent["image/0"].tobytes())
    assert (second.encoding, second.data) == (2, sent["image/1"].tobytes())
    assert list(seen[1].lang_tokens) == [1, 300, 70000] and list(seen[1].state) == [2.0] * 4 and seen[1].request_id == 2


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"error": "n_lang must be 1..48"}, "n_lang must be"),
        ({"action_chunk": [0.0] * 35, "chunk_size": HORIZON, "action_dim": 6}, "rows of at least 7"),
        ({"action_chunk": [0.0] * 34, "chunk_size": HORIZON, "action_dim": 7}, "in 34 numbers"),
        ({"action_chunk": [float("inf")] * 35, "chunk_size": HORIZON, "action_dim": 7}, "not_finite"),
    ],
)
def test_replies_of_vla_cpp_that_do_not_fit_are_refused(fields, said):
    request_of, response_of = vla_messages()
    with zmq_server(lambda raw: [response_of(request_id=request_of.FromString(raw).request_id, **fields).SerializeToString()]) as endpoint:
        with pytest.raises(sinew.Error, match=said):
            remote.vla_cpp(VLA, HORIZON, DIM, endpoint=endpoint, deadline=5.0).infer(vla_observation(1.0))


def test_what_is_passed_wrongly_is_refused_by_name():
    client = remote.vla_cpp(VLA, HORIZON, DIM)
    good = vla_observation(1.0)
    for inputs, said in (
        (good | {"state": np.zeros(4)}, "input 'state': expected an array of f32, got float64"),
        (good | {"state": np.zeros(5, np.float32)}, r"a shape within \[4\], got \[5\]"),
        (good | {"depth": np.zeros(4)}, "one of the client's, got 'depth'"),
        ({name: value for name, value in good.items() if name != "state"}, "input 'state': expected a value, got none"),
        (good | {"lang_tokens": "words"}, "expected i64, got text"),
    ):
        with pytest.raises(sinew.Error, match=said):
            client.infer(inputs)
    with pytest.raises(sinew.Error, match="dtype of input 'x'"):
        remote.openpi({"x": ("float", (3,))}, HORIZON, DIM)
    with pytest.raises(sinew.Error, match="largest shape"):
        remote.openpi({"x": (3,)}, HORIZON, DIM)
    with pytest.raises(sinew.Error, match="horizon: expected 1 to 4096, got 0"):
        remote.openpi(LIBERO, 0, DIM)
    with pytest.raises(sinew.Error, match="endpoint"):
        remote.groot(GROOT, HORIZON, GROUPS, endpoint="nonsense")
