# SPDX-License-Identifier: Apache-2.0
"""`sinew serve` with clients that others wrote: openpi_client, websockets, pyzmq; tokens, limits, what strangers send, and how a server ends."""

import json
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request

import msgpack
import numpy as np
import policy_directory as made
import pytest
import websockets.sync.client as web
import zmq
from openpi_client import msgpack_numpy, websocket_client_policy
from websockets.exceptions import ConnectionClosed, InvalidStatus

import sinew
from sinew import remote, serve

SEED = 20261202
JOINTS, HORIZON, SIDE = 7, 6, 64
TEXT = "put the red cube on the yellow plate"


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return made.write(tmp_path_factory.mktemp("policy"), made.qwen3_vl(seed=3), made.flow_dit(64, JOINTS, JOINTS, HORIZON), made.card(JOINTS, HORIZON, SIDE), made.statistics(JOINTS), SIDE * SIDE)


@pytest.fixture
def server(directory):
    with serve.Server(directory, port=0) as running:
        yield running


def observe(stream=0):
    """(frames by camera, joint positions) drawn."""
    rng = np.random.default_rng([SEED, stream])
    return {name: rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8) for name in ("front", "wrist")}, rng.uniform(-1, 1, JOINTS)


def request(stream=0, **changes):
    frames, joints = observe(stream)
    return {f"observation/{name}": frame for name, frame in frames.items()} | {"observation/joint_position": joints, "prompt": TEXT} | changes


def expected(directory, stream=0):
    """What the policy says in this process at its first call."""
    frames, joints = observe(stream)
    return sinew.Policy.load(directory).act(sinew.Observation(frames, {"joint_position": joints}, TEXT)).values


def get(server, path, **headers):
    """(status, body)"""
    try:
        with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers=headers), timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def infer(server, asked):
    client = websocket_client_policy.WebsocketClientPolicy("127.0.0.1", server.port)
    try:
        return client.infer(asked)
    finally:
        client._ws.close()


# --- openpi -----------------------------------------------------------------------------------------------------------------------------


def test_openpis_client_gets_the_policys_actions(directory, server):
    client = websocket_client_policy.WebsocketClientPolicy("127.0.0.1", server.port)
    said = client.get_server_metadata()
    assert said["card"] == json.loads((directory / "sinew.json").read_text())
    assert said["actions"] == {"space": "joint_position", "horizon": HORIZON, "dim": JOINTS, "rate": 10.0, "joint_names": [f"j{i}" for i in range(JOINTS)]}
    assert set(said["keys"]) == set(request())
    answer = client.infer(request())
    np.testing.assert_allclose(answer["actions"], expected(directory), atol=1e-6)
    assert answer["actions"].dtype == np.float32 and answer["server_timing"]["infer_ms"] > 0
    client.reset()


def test_keys_may_be_nested_and_numbers_of_other_widths(directory, server):
    frames, joints = observe()
    nested = {"observation": frames | {"joint_position": joints.astype(np.float32)}, "prompt": TEXT, "extra": [1, {"a": None}]}
    np.testing.assert_allclose(infer(server, nested)["actions"], expected(directory), atol=1e-3)


def test_alohas_keys(directory):
    frames, joints = observe()
    planes = {name: np.ascontiguousarray(frame.transpose(2, 0, 1)) for name, frame in frames.items()}
    with serve.Server(directory, protocol="aloha", port=0) as running:
        answer = infer(running, {"images": planes, "state": joints, "prompt": TEXT})
    np.testing.assert_allclose(answer["actions"], expected(directory), atol=1e-6)


BAD = {
    "no image": (lambda asked: asked.pop("observation/front"), "'observation/front': expected an image, got none"),
    "a flat image": (lambda asked: asked.update({"observation/front": np.zeros(12, np.uint8)}), "expected u8 .height, width, 3., got u8 .12."),
    "floats as an image": (lambda asked: asked.update({"observation/front": np.zeros((4, 4, 3), np.float32)}), "expected u8 .height, width, 3., got f32"),
    "an image without pixels": (lambda asked: asked.update({"observation/front": np.zeros((0, 4, 3), np.uint8)}), "expected u8"),
    "six joints": (lambda asked: asked.update({"observation/joint_position": np.zeros(6)}), "expected 7 numbers in f16, f32 or f64, got f64 .6."),
    "whole joints": (lambda asked: asked.update({"observation/joint_position": np.zeros(7, np.int64)}), "expected 7 numbers"),
    "a joint that is no number": (lambda asked: asked.update({"observation/joint_position": np.full(7, np.nan)}), "not_finite"),
    "no words": (lambda asked: asked.pop("prompt"), "'prompt': expected text, got none"),
    "a number for words": (lambda asked: asked.update({"prompt": 5}), "'prompt': expected text, got another value"),
    "too many words": (lambda asked: asked.update({"prompt": "a" * 5000}), "'prompt': expected at most 2048 bytes, got 5000"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_observation_is_an_error_of_one_line_and_the_next_is_answered(directory, server, name):
    change, words = BAD[name]
    client, asked = websocket_client_policy.WebsocketClientPolicy("127.0.0.1", server.port), request()
    change(asked)
    with pytest.raises(RuntimeError, match=words) as refused:
        client.infer(asked)
    said = str(refused.value).removeprefix("Error in inference server:\n")
    assert "\n" not in said and "Traceback" not in said and str(directory) not in said
    assert client.infer(request())["actions"].shape == (HORIZON, JOINTS)
    assert 'sinew_requests_total{result="error"} 1' in server.metrics()


def test_an_exception_of_a_python_backend_stays_here(directory):
    class Broken:
        def infer(self, tensors):
            raise ValueError("the password is hunter2\nsecond line")

    registry = sinew.BackendRegistry()
    registry.add("mine", lambda path: Broken())
    with serve.Server(directory, backend="mine", registry=registry, port=0) as running:
        with pytest.raises(RuntimeError) as refused:
            infer(running, request())
        assert str(refused.value) == "Error in inference server:\nrequest 1: infer: backend_failed"
        assert "hunter2" in running.last_error and "\n" not in running.last_error


# --- what strangers send ----------------------------------------------------------------------------------------------------------------


def talk(server, message):
    """The answer to one message, and the code that the connection was closed with (None: it goes on)."""
    with web.connect(f"ws://127.0.0.1:{server.port}", compression=None, max_size=None) as connection:
        connection.recv()
        try:
            connection.send(message)
            answer = connection.recv(timeout=5)
        except ConnectionClosed as closed:
            return None, closed.rcvd.code if closed.rcvd else 1006
        try:
            connection.recv(timeout=0.3)
        except TimeoutError:
            return answer, None
        except ConnectionClosed as closed:
            return answer, closed.rcvd.code if closed.rcvd else 1006


def an_array_of_objects():
    return {b"__ndarray__": True, b"data": b"12345678", b"dtype": "|O", b"shape": [1]}


HOSTILE = {
    "T3 objects as an array": (msgpack.packb({key: an_array_of_objects() for key in ("observation/front", "observation/wrist")} | {"prompt": TEXT}), ""),
    "T4 five bytes that promise 4 G values": (b"\xdd\xff\x00\x00\x00", "expected 4278190080 values, got 0 bytes"),
    "T4 ten thousand arrays in each other": (b"\x91" * 10000 + b"\xc0", "depth|levels"),
    "T4 a map of more keys than bytes": (b"\xdf\x7f\xff\xff\xff\xa1a", "expected 4294967294 values, got 2 bytes"),
    "T4 an extension type": (b"\xd4\x01\x02", "extension|expected"),
    "T4 text that is not UTF-8": (b"\x81\xa1\xff\xc0", "UTF-8"),
    "T4 the same key twice": (b"\x82\xa1a\x01\xa1a\x02", "twice"),
    "T5 text instead of bytes": ("hello", "expected a binary one, got text"),
    "nothing": (b"", "expected"),
    "bytes behind the message": (b"\x80\x80", "expected"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages_are_refused_and_others_are_served(server, name):
    message, words = HOSTILE[name]
    answer, code = talk(server, message)
    if name.startswith("T3"):
        assert "'observation/front': [msgpack] array: expected a 'dtype'" in answer and code is None
    else:
        assert isinstance(answer, str) and code == 1011, (answer, code)
        assert any(word in answer for word in words.split("|")), answer
        assert 'sinew_refused_total{reason="malformed"} 1' in server.metrics()
    assert infer(server, request())["actions"].shape == (HORIZON, JOINTS)


def test_T5_a_message_beyond_the_limit_ends_the_connection(directory):
    with serve.Server(directory, port=0, max_bytes=200_000) as running:
        answer, code = talk(running, msgpack.packb({"a": bytes(300_000)}))
        assert answer is None and code in (1006, 1009, 1011)
        assert infer(running, request())["actions"].shape == (HORIZON, JOINTS)
        assert 'sinew_refused_total{reason="too_large"} 1' in running.metrics()


def test_T5_compression_is_not_agreed_to(server):
    with web.connect(f"ws://127.0.0.1:{server.port}") as connection:  # offers permessage-deflate
        assert "Sec-WebSocket-Extensions" not in connection.response.headers
        connection.recv()


def raw(server, *parts, pause=0.0):
    """What comes back over TCP until the server closes, at most 8 s."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=8) as peer:
        received = b""
        try:
            for part in parts:
                peer.sendall(part)
                time.sleep(pause)
            while piece := peer.recv(4096):
                received += piece
        except ConnectionError:
            pass
        return received


def test_bytes_that_are_no_http(server):
    assert raw(server, b"\x00\x01\x02\x03" * 10) == b""
    assert b"HTTP/1.1 426" in raw(server, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert raw(server, b"GET / HTTP/1.1\r\n" + b"A: " + b"b" * 10000 + b"\r\n\r\n") == b""  # headers have 8 KiB
    assert get(server, "/healthz") == (200, "OK\n")


def test_a_frame_that_is_cut_off_leaves_nothing_behind(server):
    before = threads_and_descriptors()
    upgrade = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as peer:
            peer.sendall(upgrade)
            peer.recv(4096)
            peer.sendall(b"\x82\xff" + struct.pack(">Q", 100_000) + b"abcd" + b"x" * 5000)  # then reset
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert infer(server, request())["actions"].shape == (HORIZON, JOINTS)
    for _ in range(100):
        if "sinew_connections 0\n" in server.metrics():
            break
        time.sleep(0.02)
    assert "sinew_connections 0\n" in server.metrics()
    assert threads_and_descriptors() <= before + 1


def threads_and_descriptors():
    import os

    return len(os.listdir("/proc/self/task")) + len(os.listdir("/proc/self/fd"))


# --- tokens and limits ------------------------------------------------------------------------------------------------------------------


def test_every_request_needs_the_token(directory):
    with serve.Server(directory, port=0, token="correct horse") as running:
        for key in (None, "wrong", "correct hors", "correct horse battery"):
            with pytest.raises(InvalidStatus) as refused:
                web.connect(f"ws://127.0.0.1:{running.port}", additional_headers={"Authorization": f"Api-Key {key}"} if key else None)
            assert refused.value.response.status_code == 401
        client = websocket_client_policy.WebsocketClientPolicy("127.0.0.1", running.port, api_key="correct horse")
        assert client.infer(request())["actions"].shape == (HORIZON, JOINTS)
        assert get(running, "/healthz")[0] == 200 and get(running, "/metrics")[0] == 401
        status, text = get(running, "/metrics", Authorization="Bearer correct horse")
        assert status == 200 and 'sinew_refused_total{reason="token"} 5' in text


@pytest.mark.parametrize("protocol", ["openpi", "groot"])
def test_beyond_loopback_a_token_is_needed(directory, protocol):
    with pytest.raises(sinew.Error, match="expected a loopback address"):
        serve.Server(directory, protocol=protocol, host="0.0.0.0", port=0)
    with serve.Server(directory, protocol=protocol, host="0.0.0.0", port=0, token="a") as running:
        assert running.port > 0


def test_connections_are_limited(directory):
    with serve.Server(directory, port=0, max_connections=2) as running:
        address = f"ws://127.0.0.1:{running.port}"
        with web.connect(address), web.connect(address):
            with pytest.raises(InvalidStatus) as refused:
                web.connect(address)
            assert refused.value.response.status_code == 503
        time.sleep(0.1)
        assert infer(running, request())["actions"].shape == (HORIZON, JOINTS)


def test_many_clients_at_once_get_their_own_answers(directory):
    from concurrent.futures import ThreadPoolExecutor

    class Echo:
        def infer(self, tensors):
            return {"actions": np.broadcast_to(tensors["state"], (HORIZON, JOINTS))}

    registry = sinew.BackendRegistry()
    registry.add("echo", lambda path: Echo())
    policy = sinew.Policy.load(directory, backend="echo", registry=registry)
    wanted = [policy.act(sinew.Observation(observe(stream)[0], {"joint_position": observe(stream)[1]}, TEXT)).values for stream in range(4)]
    with serve.Server(directory, backend="echo", registry=registry, port=0) as running:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda stream: infer(running, request(stream % 4))["actions"], range(32)))
        for stream, answer in enumerate(answers):
            np.testing.assert_allclose(answer, wanted[stream % 4], atol=1e-6)
        assert 'sinew_requests_total{result="chunk"} 32' in running.metrics()
    assert not np.allclose(wanted[0], wanted[1])


def test_sockets_that_are_nobodys_do_not_keep_robots_out(directory):
    with serve.Server(directory, port=0, max_connections=1) as running:
        silent = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(80)]
        assert infer(running, request())["actions"].shape == (HORIZON, JOINTS)
        assert get(running, "/healthz")[0] == 200
        for each in silent:
            each.close()


def test_browsers_are_refused(server):
    with pytest.raises(InvalidStatus) as refused:
        web.connect(f"ws://127.0.0.1:{server.port}", origin="http://example.com")
    assert refused.value.response.status_code == 403


class Sleepy:
    """Takes a while for each chunk; `begun` is set when it works."""

    def __init__(self):
        import threading

        self.begun, self.calls = threading.Event(), 0

    def infer(self, tensors):
        self.calls += 1
        self.begun.set()
        time.sleep(0.5)
        return {"actions": np.zeros((HORIZON, JOINTS), np.float32)}


@pytest.fixture
def sleepy(directory):
    backend, registry = Sleepy(), sinew.BackendRegistry()
    registry.add("sleepy", lambda path: backend)
    return backend, {"backend": "sleepy", "registry": registry, "port": 0}


def test_pings_are_answered_while_the_policy_works(directory, sleepy):
    with serve.Server(directory, **sleepy[1]) as running, web.connect(f"ws://127.0.0.1:{running.port}", max_size=None) as connection:
        connection.recv()
        connection.send(msgpack_numpy.Packer().pack(request()))
        assert sleepy[0].begun.wait(5)
        began = time.monotonic()
        assert connection.ping().wait(0.3)
        assert time.monotonic() - began < 0.3 and isinstance(connection.recv(timeout=5), bytes)


def test_nobody_works_for_those_who_have_left(directory, sleepy):
    backend, options = sleepy
    with serve.Server(directory, **options) as running:
        clients = [web.connect(f"ws://127.0.0.1:{running.port}", max_size=None) for _ in range(6)]
        for client in clients:
            client.recv()
            client.send(msgpack_numpy.Packer().pack(request()))
        assert backend.begun.wait(5)
        for client in clients:
            client.close()
        infer(running, request())
        assert backend.calls <= 3  # the one at work, perhaps one behind it, and the last


def test_a_request_is_answered_before_the_server_ends_and_healthz_says_so(directory, sleepy):
    from concurrent.futures import ThreadPoolExecutor

    running = serve.Server(directory, **sleepy[1])
    with ThreadPoolExecutor(3) as pool:
        answer = pool.submit(infer, running, request())
        assert sleepy[0].begun.wait(5)
        ends = [pool.submit(running.stop) for _ in range(2)]  # twice at once
        time.sleep(0.1)
        assert get(running, "/healthz") == (503, "draining\n")
        assert answer.result(5)["actions"].shape == (HORIZON, JOINTS)
        for end in ends:
            end.result(5)


@pytest.mark.parametrize("protocol", ["openpi", "groot"])
def test_a_server_that_is_dropped_while_python_works_does_not_stand_still(directory, sleepy, protocol):
    import threading

    running = serve.Server(directory, protocol=protocol, **sleepy[1])
    if protocol == "openpi":
        asking = threading.Thread(target=lambda address=running.port: infer_at(address), daemon=True)
    else:
        client = GrootClient(running)
        asking = threading.Thread(target=lambda: client.call("get_action", {"observation": groot_observation()}), daemon=True)
    asking.start()
    assert sleepy[0].begun.wait(5)
    del running
    asking.join(10)
    assert not asking.is_alive()


def infer_at(port):
    from types import SimpleNamespace

    return infer(SimpleNamespace(port=port), request())


def remembering(folder):
    card = made.card(JOINTS, HORIZON, SIDE)
    card["history"] = {"camera_offsets": [-0.2, 0.0], "state_offsets": [0.0], "max_age": 10.0, "max_skew": 10.0}
    return made.write(folder, made.qwen3_vl(seed=3), made.flow_dit(64, JOINTS, JOINTS, HORIZON), card, made.statistics(JOINTS), SIDE * SIDE)


def test_a_policy_that_remembers_has_one_robot_and_forgets_it(tmp_path):
    folder = remembering(tmp_path)
    with serve.Server(folder, port=0) as running:
        for _ in range(2):  # robots, one after the other: each begins with nothing to remember
            client = websocket_client_policy.WebsocketClientPolicy("127.0.0.1", running.port)
            with pytest.raises(RuntimeError, match="not_ready"):
                client.infer(request())
            with pytest.raises(InvalidStatus):  # meanwhile there is room for nobody else
                web.connect(f"ws://127.0.0.1:{running.port}")
            time.sleep(0.25)
            assert client.infer(request(1))["actions"].shape == (HORIZON, JOINTS)
            client._ws.close()
            time.sleep(0.1)
    with pytest.raises(sinew.Error, match="its requests do not say whose they are"):
        serve.Server(folder, protocol="groot", port=0)


def test_a_server_that_ends_says_so(directory):
    running = serve.Server(directory, port=0)
    with web.connect(f"ws://127.0.0.1:{running.port}") as connection:
        connection.recv()
        begun = time.monotonic()
        running.stop()
        assert time.monotonic() - begun < 5
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=2)
        assert closed.value.rcvd.code == 1001
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", running.port), timeout=1)
    running.stop()


# --- GR00T ------------------------------------------------------------------------------------------------------------------------------


def npy(array):
    import io

    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return {"__ndarray_class__": True, "as_npy": file.getvalue()}


def from_npy(entry):
    import io

    return np.load(io.BytesIO(entry["as_npy"]), allow_pickle=False)


class GrootClient:
    """The requests of Isaac-GR00T @ 38624df gr00t/policy/server_client.py: the token is the last entry."""

    def __init__(self, server, token=None):
        self.socket, self.token = zmq.Context.instance().socket(zmq.REQ), token
        self.socket.setsockopt(zmq.RCVTIMEO, 5000)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(f"tcp://127.0.0.1:{server.port}")

    def call(self, endpoint, data=None, packed=None):
        asked = {"endpoint": endpoint} | ({"data": data} if data is not None else {}) | ({"api_token": self.token} if self.token else {})
        self.socket.send(msgpack.packb(asked) if packed is None else packed)
        return msgpack.unpackb(self.socket.recv())


def groot_observation():
    frames, joints = observe()
    return {
        "video": {name: npy(frame[None, None]) for name, frame in frames.items()},
        "state": {"joint_position": npy(joints.astype(np.float32)[None, None])},
        "language": {"annotation.human.task_description": [[TEXT]]},
    }


def test_groots_client_gets_the_policys_actions(directory):
    with serve.Server(directory, protocol="groot", port=0) as running:
        client = GrootClient(running)
        assert client.call("ping")["status"] == "ok"
        modalities = client.call("get_modality_config")
        assert json.loads(modalities["video"]["as_json"])["modality_keys"] == ["front", "wrist"]
        assert json.loads(modalities["action"]["as_json"]) == {"delta_indices": list(range(HORIZON)), "modality_keys": ["joint_position"]}
        actions, info = client.call("get_action", {"observation": groot_observation(), "options": None})
        assert info == {}
        np.testing.assert_allclose(from_npy(actions["joint_position"])[0], expected(directory), atol=1e-4)
        assert client.call("reset")["status"] == "ok"
        assert "expected ping, get_action, reset or get_modality_config, got 'kill'" in client.call("kill")["error"]
        assert "'video/wrist': expected an image, got none" in client.call("get_action", {"observation": groot_observation() | {"video": {"front": groot_observation()["video"]["front"]}}})["error"]
        for name in ("T4 five bytes that promise 4 G values", "T4 ten thousand arrays in each other", "nothing"):
            assert "error" in client.call("", packed=HOSTILE[name][0])
        pickled = groot_observation()
        pickled["state"]["joint_position"] = {"__ndarray_class__": True, "as_npy": b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(128) + b"cos\nsystem\n"}
        assert "error" in client.call("get_action", {"observation": pickled})
        ours = remote.groot({"video/front": ("u8", (1, 1, SIDE, SIDE, 3)), "video/wrist": ("u8", (1, 1, SIDE, SIDE, 3)), "state/joint_position": ("f32", (1, 1, JOINTS)), "language/annotation.human.task_description": ("u8", (256,))}, HORIZON, [("joint_position", JOINTS)], endpoint=f"tcp://127.0.0.1:{running.port}", deadline=5.0)  # fmt: skip
        frames, joints = observe()
        got = ours.infer({"video/front": frames["front"][None, None], "video/wrist": frames["wrist"][None, None], "state/joint_position": joints.astype(np.float32)[None, None], "language/annotation.human.task_description": TEXT})["actions"]
        assert got.shape == (HORIZON, JOINTS)


def test_groots_token_is_found_before_anything_is_parsed(directory):
    with serve.Server(directory, protocol="groot", port=0, token="correct horse") as running:
        for token in (None, "wrong", "correct horse2"):
            answer = GrootClient(running, token).call("get_action", {"observation": groot_observation()})
            assert "api_token: expected the server's" in answer["error"]
        assert "api_token" in GrootClient(running).call("", packed=b"\xdd\xff\x00\x00\x00")["error"]  # not: what the parser says
        assert isinstance(GrootClient(running, "correct horse").call("get_action", {"observation": groot_observation()}), list)


# --- a policy from the server's card ----------------------------------------------------------------------------------------------------


def test_connect_is_the_policy_with_the_servers_card(directory, server):
    policy = remote.connect(port=server.port, deadline=5.0)
    assert policy.card == json.loads((directory / "sinew.json").read_text())
    frames, joints = observe()
    chunk = policy.act(sinew.Observation(frames, {"joint_position": joints}, TEXT, time=3.0, id=8))
    np.testing.assert_allclose(chunk.values, expected(directory), atol=1e-4)
    assert (chunk.t0, chunk.dt, chunk.observation_id, chunk.space) == (3.0, pytest.approx(0.1), 8, "joint_position")


def test_connect_names_the_token_and_the_keys(directory):
    with serve.Server(directory, port=0, token="secret") as running:
        for token in ("", "wrong"):
            began = time.monotonic()
            with pytest.raises(sinew.Error, match=r"\[serve\] token: expected the server's"):
                remote.connect(port=running.port, token=token)
            assert time.monotonic() - began < 2
        remote.connect(port=running.port, token="secret")
    with serve.Server(directory, protocol="aloha", port=0) as running, pytest.raises(sinew.Error, match="expected 'observation/front' among them, got images/front"):
        remote.connect(port=running.port)


def test_a_stateful_backend_of_one_connection_is_reset(directory):
    class Counting:
        resets = 0

        def infer(self, tensors):
            return {"actions": np.zeros((HORIZON, JOINTS), np.float32)}

        def reset(self):
            self.resets += 1

    backend, registry = Counting(), sinew.BackendRegistry()
    registry.add("counting", lambda path: backend)
    with serve.Server(directory, backend="counting", registry=registry, port=0, max_connections=1) as running:
        for _ in range(3):
            infer(running, request())
            time.sleep(0.1)
    assert backend.resets == 3


@pytest.mark.parametrize("options", [{"idle": -1.0}, {"idle": float("nan")}, {"drain": 0.0}, {"max_connections": 0}, {"max_bytes": 0}, {"token": " a"}, {"token": "a\nb"}, {"token": "a" * 257}])
@pytest.mark.parametrize("protocol", ["openpi", "groot"])
def test_options_that_mean_nothing_are_refused(directory, options, protocol):
    with pytest.raises(sinew.Error, match=r"^\[serve\]"):
        serve.Server(directory, port=0, protocol=protocol, **options)


@pytest.mark.parametrize("host", ["localhost", "::1"])
@pytest.mark.parametrize("protocol", ["openpi", "groot"])
def test_names_of_loopback(directory, protocol, host):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        if host == "::1":
            pytest.xfail("this machine has no IPv6")
    with serve.Server(directory, protocol=protocol, host=host, port=0) as running:
        assert running.address.endswith(f"{'[::1]' if host == '::1' else host}:{running.port}") and running.port > 0


def test_another_card_after_a_restart_is_refused(directory, tmp_path):
    other = made.write(tmp_path, made.qwen3_vl(seed=3), made.flow_dit(64, JOINTS, JOINTS, HORIZON), made.card(JOINTS, HORIZON, SIDE) | {"name": "other"}, made.statistics(JOINTS), SIDE * SIDE)
    frames, joints = observe()
    seen = sinew.Observation(frames, {"joint_position": joints}, TEXT)
    first = serve.Server(directory, port=0)
    policy = remote.connect(port=first.port, deadline=5.0)
    policy.act(seen)
    first.stop()
    with serve.Server(other, port=first.port):
        with pytest.raises(sinew.Error):
            policy.act(seen)  # the old connection is gone
        time.sleep(0.3)
        with pytest.raises(sinew.Error, match="expected the card of the first connection, got another policy's"):
            policy.act(seen)


def test_connect_says_what_is_missing():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(sinew.Error, match="expected one that answers"):
            remote.connect(port=taken.getsockname()[1], patience=0.3)
    import websockets.sync.server as peers

    with peers.serve(lambda connection: connection.send(msgpack_numpy.Packer().pack({"reset_pose": [0.0]})), "127.0.0.1", 0) as openpi:
        import threading

        threading.Thread(target=openpi.serve_forever, daemon=True).start()
        with pytest.raises(sinew.Error, match="expected a policy card, as sinew serve sends it"):
            remote.connect(port=openpi.socket.getsockname()[1], patience=2.0)


# --- the command ------------------------------------------------------------------------------------------------------------------------


def test_the_command_serves_and_drains(directory, tmp_path):
    (tmp_path / "token").write_text("correct horse\n")
    command = [sys.executable, "-m", "sinew", "serve", str(directory), "--port", "0", "--token-file", str(tmp_path / "token")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        said = process.stdout.readline()
        port = int(said.split(":")[-1].split(",")[0])
        client = websocket_client_policy.WebsocketClientPolicy("127.0.0.1", port, api_key="correct horse")
        np.testing.assert_allclose(client.infer(request())["actions"], expected(directory), atol=1e-6)
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0 and "draining" in process.stdout.read()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--protocol", "grpc"], "invalid choice"), (["--port", "70000"], "expected a number from 0 to 65535"), (["--token-file", "/none"], "a file with the token"), (["--host", "0.0.0.0"], "expected a loopback address"), (["--host", "999.1.1.1"], "address")],
)
def test_bad_arguments(directory, capsys, arguments, words):
    from sinew import cli

    try:
        code = cli.main(["serve", str(directory), "--port", "0", *arguments])
    except SystemExit as ended:
        code = ended.code
    assert code in (1, 2) and words in capsys.readouterr().err


# --- the halves of a server --------------------------------------------------------------------------------------------------------------


def test_a_service_is_what_the_server_says_without_the_socket(directory, server):
    service = serve.Service(directory)
    message = msgpack_numpy.packb(request())
    with web.connect(f"ws://127.0.0.1:{server.port}", max_size=None) as connection:
        assert connection.recv() == service.greeting
        connection.send(message)
        wanted, (reply, is_text, close) = connection.recv(), service.handle(message)
        assert (is_text, close) == (False, False) and len(reply) == len(wanted)
        np.testing.assert_array_equal(msgpack_numpy.unpackb(reply)["actions"], msgpack_numpy.unpackb(wanted)["actions"])
        for bad in (msgpack_numpy.packb({"prompt": TEXT}), "hello", b"\x80\x80"):  # the last two end the connection
            with web.connect(f"ws://127.0.0.1:{server.port}") as other:
                other.recv()
                other.send(bad)
                said, is_text, close = service.handle(bad.encode() if isinstance(bad, str) else bad, isinstance(bad, str))
                assert said.decode().partition(": ")[2] == other.recv().partition(": ")[2] and is_text and close == (bad[:1] != b"\x81")
    assert 'sinew_requests_total{result="chunk"} 1' in service.metrics() and service.last_error == ""
    with pytest.raises(sinew.Error, match="expected openpi or aloha, got groot"):
        serve.Service(directory, protocol="groot")


def test_sockets_in_front_of_a_function():
    import threading

    together = threading.Barrier(3)

    def answer(message, is_text):
        if message == b"raise":
            raise ValueError("the password is hunter2")
        if message == b"wait":
            together.wait(5)  # for the others: three threads are in here at once
        return (message[::-1], is_text, message == b"end")

    with pytest.raises(sinew.Error, match="expected a loopback address"):
        serve.WebSocketServer(b"hello", answer, host="0.0.0.0")
    server = serve.WebSocketServer(b"hello", answer, handlers=3)
    try:
        with web.connect(f"ws://127.0.0.1:{server.port}") as connection:
            assert connection.recv() == b"hello"
            for sent, wanted in ((b"abc", b"cba"), ("abc", "cba"), (b"raise", "[serve] request: expected an answer, got none"), (b"abc", b"cba"), (b"end", b"dne")):
                connection.send(sent)
                assert connection.recv(timeout=5) == wanted
            with pytest.raises(ConnectionClosed):
                connection.recv(timeout=5)
        assert "hunter2" in server.last_error and 'sinew_requests_total{result="error"} 2' in server.metrics()

        def wait(_):
            with web.connect(f"ws://127.0.0.1:{server.port}") as connection:
                connection.recv()
                connection.send(b"wait")
                return connection.recv(timeout=5)

        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(wait, range(3))) == [b"tiaw"] * 3
    finally:
        server.stop()
