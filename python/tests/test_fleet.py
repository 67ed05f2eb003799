# SPDX-License-Identifier: Apache-2.0
"""A fleet on this machine, with clients that others wrote: two replicas that answer as the policy does, what happens when one dies, and evaluation and
curation on tasks beside the same without."""

import json
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import dataset_recordings
import numpy as np
import policy_directory as made
import pytest
import websockets.sync.client as web
from openpi_client import msgpack_numpy, websocket_client_policy
from websockets.exceptions import ConnectionClosed, InvalidStatus

import sinew
from sinew import cli, curate, data, evaluate, fleet, remote, serve

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Ray uses what its libraries will drop
    pytest.importorskip("sinew.fleet.deployment")
    from sinew.fleet import files, tasks

SEED = 20261204
JOINTS, HORIZON, SIDE = 7, 6, 64
TEXT, TOKEN = "put the red cube on the yellow plate", "correct horse"
DEADLINE = 2.0  # s
MODELS = Path(sinew.__file__).resolve().parents[2] / "models"


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return write(tmp_path_factory.mktemp("policy"))


def write(folder, **changes):
    return made.write(folder, made.qwen3_vl(seed=3), made.flow_dit(64, JOINTS, JOINTS, HORIZON), made.card(JOINTS, HORIZON, SIDE) | changes, made.statistics(JOINTS), SIDE * SIDE)


@pytest.fixture(scope="module")
def cluster():
    with fleet.connect() as made_cluster:
        yield made_cluster


@pytest.fixture(scope="module")
def running(cluster, directory):
    limits = {"max_bytes": 200_000, "max_connections": 4, "deadline": DEADLINE}
    with fleet.up(cluster, directory, name="main", replicas=2, cpus=0.25, port=0, token=TOKEN, **limits) as served:
        yield served


def observe():
    """(frames by camera, joint positions that f32 holds) drawn."""
    rng = np.random.default_rng(SEED)
    return {name: rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8) for name in ("front", "wrist")}, rng.uniform(-1, 1, JOINTS).astype(np.float32).astype(float)


def request():
    frames, joints = observe()
    return {f"observation/{name}": frame for name, frame in frames.items()} | {"observation/joint_position": joints, "prompt": TEXT}


def observation():
    frames, joints = observe()
    return sinew.Observation(frames, {"joint_position": joints}, TEXT)


@contextmanager
def client_of(running):
    client = websocket_client_policy.WebsocketClientPolicy("127.0.0.1", running.port, api_key=TOKEN)
    try:
        yield client
    finally:
        client._ws.close()


def infer(running, times=1):
    with client_of(running) as client:
        return [client.infer(request())["actions"] for _ in range(times)]


def connection_to(running, **options):
    return web.connect(f"ws://127.0.0.1:{running.port}", additional_headers={"Authorization": f"Bearer {TOKEN}"}, max_size=None, **options)


def calls_of(answers, directory, among):
    """Which call of a policy, loaded here, gave each answer, bit for bit: its noise is another at each call."""
    policy = sinew.Policy.load(directory)
    wanted = [policy.act(observation()).values.astype(np.float32) for _ in range(among)]
    return [next(i for i, values in enumerate(wanted) if np.array_equal(values, answer)) for answer in answers]


# --- serving ----------------------------------------------------------------------------------------------------------------------------


def test_openpis_client_gets_what_two_policies_answer(directory, running):
    with ThreadPoolExecutor(2) as pool:
        answers = [answer for some in pool.map(lambda _: infer(running, 6), range(2)) for answer in some]
    times = Counter(calls_of(answers, directory, 12))
    assert all(answer.dtype == np.float32 for answer in answers) and sum(times.values()) == 12
    assert times[0] == 2 and max(times.values()) == 2, times  # both replicas began, and no third one
    assert sorted(times) == list(range(len(times)))  # none of their answers went astray
    assert running.replicas() == 2 and 'sinew_requests_total{result="chunk"} 12' in running.state()[2]


def test_connect_is_the_policy_with_the_fleets_card(directory, running):
    time.sleep(0.2)  # until those of the last test have gone
    policy = remote.connect(port=running.port, token=TOKEN, deadline=5.0)
    assert policy.card == json.loads((directory / "sinew.json").read_text())
    answers = [policy.act(observation()).values for _ in range(4)]
    assert len(calls_of(answers, directory, 20)) == 4  # each is a policy's answer to one of its calls


def test_every_byte_but_the_times_is_that_of_a_server(directory, running):
    said = []
    with serve.Server(directory, port=0) as one:
        for server in (one, running):
            with connection_to(server) as connection:
                said.append([connection.recv()])
                for message in (msgpack_numpy.packb({"prompt": TEXT}), b"\x91" * 10000 + b"\xc0", "hello"):
                    with connection_to(server) as each:
                        assert each.recv() == said[-1][0]
                        each.send(message)
                        answer = each.recv(timeout=5)
                        said[-1].append(answer.partition(": ")[2])  # without the request's number
                        with pytest.raises((ConnectionClosed, TimeoutError)) as end:
                            each.recv(timeout=0.3)
                        said[-1].append(end.value.rcvd.code if isinstance(end.value, ConnectionClosed) else None)
    assert said[0] == said[1] and said[0][2::2] == [None, 1011, 1011]


def test_who_may_and_how_much(running):
    for headers in ({}, {"Authorization": "Api-Key wrong"}, {"Authorization": f"Api-Key {TOKEN}x"}):
        with pytest.raises(InvalidStatus) as refused:
            web.connect(f"ws://127.0.0.1:{running.port}", additional_headers=headers)
        assert refused.value.response.status_code == 401
    with pytest.raises(InvalidStatus) as refused:
        connection_to(running, origin="http://example.com")
    assert refused.value.response.status_code == 403
    with pytest.raises(sinew.Error, match=r"\[serve\] token: expected the server's"):
        remote.connect(port=running.port, token="wrong")
    with connection_to(running) as connection:
        connection.recv()
        connection.send(msgpack_numpy.packb({"a": bytes(300_000)}))
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=5)
    with ExitStack() as most:
        for _ in range(4):
            most.enter_context(connection_to(running))
        with pytest.raises(InvalidStatus) as refused:
            connection_to(running)
        assert refused.value.response.status_code == 503
    time.sleep(0.2)
    assert infer(running)[0].shape == (HORIZON, JOINTS)


def replica_processes():
    """Of the fleet "main"."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and b"ServeReplica:sinew-main:policy" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:  # it ended
            pass
    return found


def test_a_request_that_nobody_answers_is_given_up(running):
    processes = replica_processes()
    assert len(processes) == 2
    with client_of(running) as client:
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        began = time.monotonic()
        try:
            with pytest.raises(RuntimeError, match="expected an answer within 2 s, got none") as refused:
                client.infer(request())
            assert DEADLINE - 0.1 < time.monotonic() - began < DEADLINE + 3 and "Traceback" not in str(refused.value)
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)
        assert client.infer(request())["actions"].shape == (HORIZON, JOINTS)


def test_a_replica_that_is_killed_is_replaced_and_nobody_waits_in_vain(running):
    before, outcomes, stop = replica_processes(), Counter(), []

    def ask(_):
        with client_of(running) as client:
            while not stop:
                began = time.monotonic()
                try:
                    outcomes["answer" if client.infer(request())["actions"].shape == (HORIZON, JOINTS) else "nonsense"] += 1
                except RuntimeError as refused:
                    assert "[fleet] request: expected an answer" in str(refused) and "Traceback" not in str(refused)
                    outcomes["error"] += 1
                assert time.monotonic() - began < DEADLINE + 3

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(ask, i) for i in range(2)]
        time.sleep(0.5)
        os.kill(before[0], signal.SIGKILL)
        for _ in range(300):
            now = replica_processes()
            if running.replicas() == 2 and len(now) == 2 and before[0] not in now:
                break
            time.sleep(0.1)
        answered = outcomes["answer"]
        time.sleep(0.5)
        stop.append(True)
        for each in asking:
            each.result()
    assert running.replicas() == 2 and before[0] not in replica_processes() and len(replica_processes()) == 2
    assert outcomes["answer"] > answered and outcomes["nonsense"] == 0 and outcomes["error"] <= 4, outcomes


# --- what is refused --------------------------------------------------------------------------------------------------------------------


def test_what_cannot_be_served_is_refused_at_once(cluster, running, directory, tmp_path):
    remembers = write(tmp_path, history={"camera_offsets": [-0.2, 0.0], "state_offsets": [0.0], "max_age": 10.0, "max_skew": 10.0})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for where, options, words in (
            (remembers, {}, "expected a policy that needs one observation"),
            (tmp_path / "nothing", {}, "sinew.json"),
            (directory, {"port": taken.getsockname()[1]}, "address: expected one that is free"),
            (directory, {"host": "0.0.0.0"}, "expected a loopback address"),
            (directory, {"token": "a\nb"}, "token: expected at most 256 printable"),
            (directory, {"protocol": "groot"}, "protocol: expected openpi or aloha"),
            (directory, {"replicas": 1000}, "expected at most"),
            (directory, {"replicas": (0, 2)}, "replicas: expected at least 1"),
            (directory, {"name": "main"}, "'sinew-main', which is deployed"),
        ):
            began = time.monotonic()
            with pytest.raises(sinew.Error, match=words), fleet.up(cluster, where, **{"port": 0, "cpus": 0.25} | options):
                pass
            assert time.monotonic() - began < 2
    assert infer(running)[0].shape == (HORIZON, JOINTS)


def test_a_policy_that_cannot_be_loaded_says_why_and_leaves_nothing(cluster, directory, tmp_path):
    import ray
    from ray import serve as ray_serve

    broken = write(tmp_path)
    (broken / "model.safetensors").write_bytes((directory / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(sinew.Error, match="model.safetensors") as refused, fleet.up(cluster, broken, name="broken", port=0, cpus=0.1):
        pass
    assert "\n" not in str(refused.value) and "sinew-broken" not in ray_serve.status().applications
    assert not ray.get(cluster.keeper.problem.remote("sinew-broken"))  # the next of that name begins anew


def test_without_ray_there_is_a_line_for_pip_and_nothing_else_needs_it():
    program = "import sys; sys.modules['ray'] = None; from sinew import cli; sys.exit(cli.main(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", program, "fleet", "up", "x"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stderr.startswith("sinew: [fleet] packages: expected ray") and "pip install 'sinew-robotics[fleet]'" in done.stderr
    package = Path(sinew.__file__).resolve().parent
    named = {path.parent.name for path in package.rglob("*.py") if re.search(r"^\s*(import|from) ray\b", path.read_text(), re.M)}
    assert named == {"fleet"}
    program = "import sys, sinew.fleet, sinew.serve, sinew.cli, sinew.evaluate, sinew.curate; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0


# --- files ------------------------------------------------------------------------------------------------------------------------------


def test_a_node_without_the_directory_gets_it(cluster, directory, tmp_path, monkeypatch):
    listing = cluster.listing(directory)
    assert files.is_here(listing) and files.obtain(listing, cluster.keeper) == directory.resolve()
    monkeypatch.setattr(files, "is_here", lambda _: False)
    monkeypatch.setattr(files, "_obtained", {})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    copy = files.obtain(listing, cluster.keeper)
    assert tmp_path in copy.parents and files.obtain(listing, cluster.keeper) == copy
    assert {str(path.relative_to(copy)): path.read_bytes() for path in copy.rglob("*") if path.is_file()} == {path.name: path.read_bytes() for path in directory.iterdir()}
    np.testing.assert_array_equal(sinew.Policy.load(copy).act(observation()).values, sinew.Policy.load(directory).act(observation()).values)


def test_a_file_that_has_changed_is_no_copy(cluster, directory, tmp_path):
    folder = tmp_path / "policy"
    folder.mkdir()
    for path in directory.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    listing = cluster.listing(folder)
    text = (folder / "stats.json").read_text()
    (folder / "stats.json").write_text(text.replace("1", "2", 1))
    assert not files.is_here(listing)
    with pytest.raises(sinew.Error, match="stats.json. file: expected as it was when the fleet began"):
        files.fetch(listing, cluster.keeper, tmp_path / "copy")
    with pytest.raises(Exception, match="expected one that was listed"):
        files.fetch(files.Listing("/etc", (("passwd", 1, ""),), True, ""), cluster.keeper, tmp_path / "passwd")


# --- tasks ------------------------------------------------------------------------------------------------------------------------------


def same(episode):
    """Of an episode, what does not depend on the clock of the machine."""
    return {name: value for name, value in asdict(episode).items() if name not in ("wall", "inference")} | {"inferences": len(episode.inference)}


def test_evaluation_on_tasks_is_the_local_one(cluster, tmp_path):
    pytest.importorskip("sinew._sinew_sim")
    options = evaluate.Options(MODELS / "tabletop", episodes=4, processes=2, longest=2.0, seed=3, record=tmp_path / "recordings")
    condition = evaluate.CONDITIONS["paraphrase"]
    done = []
    on_tasks = evaluate.evaluate(options, condition, lambda *progress: done.append(progress), tasks.spread(cluster, options.directory, cpus=0.25))
    recorded = sorted(path.name for path in options.record.iterdir())
    here = evaluate.evaluate(replace(options, record=None), condition)
    assert [same(episode) for episode in on_tasks] == [same(episode) for episode in here] and len(here) == 4
    assert done == [(1, 2), (2, 2)] and recorded == ["paraphrase-00000.mcap", "paraphrase-00002.mcap"]
    assert [len(list(data.read_episodes(options.record / name))) for name in recorded] == [2, 2]


def test_curation_on_tasks_is_the_local_one(cluster, tmp_path, monkeypatch, capsys):
    for index in range(3):
        dataset_recordings.record(tmp_path / f"{index}.mcap", seed=index)
    whole = (tmp_path / "2.mcap").read_bytes()
    (tmp_path / "2.mcap").write_bytes(whole[: len(whole) * 2 // 3])  # as a crash leaves it
    paths = [str(tmp_path / f"{index}.mcap") for index in range(3)]
    said = []
    for name, read in (("local", curate.read), ("tasks", tasks.read(cluster))):
        parser = cli._parser().parse_args(["curate", *paths, "--json", str(tmp_path / f"{name}.json")])
        assert curate.run(parser, read) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] and "ends early" in said[0]
    assert (tmp_path / "local.json").read_bytes() == (tmp_path / "tasks.json").read_bytes()
    assert json.loads((tmp_path / "local.json").read_text())["files"][0]["file"] == paths[0]


def test_an_episode_comes_back_from_a_pickle_as_it_was(tmp_path):
    dataset_recordings.record(tmp_path / "a.mcap", jitter=0.4)
    for measured in (False, True):
        for episode in data.read_episodes(tmp_path / "a.mcap", measure_cameras=measured):
            again = pickle.loads(pickle.dumps(episode))
            assert (again.index, again.instruction, again.succeeded, again.finished, again.faults) == (episode.index, episode.instruction, episode.succeeded, episode.finished, episode.faults)
            for mine, its in ((again.times, episode.times), (again.actions, episode.actions)):
                np.testing.assert_array_equal(mine, its)
            assert again.channels.keys() == episode.channels.keys() and again.cameras.keys() == episode.cameras.keys()
            for name, (values, unit) in episode.channels.items():
                np.testing.assert_array_equal(again.channels[name][0], values)
                assert again.channels[name][1] == unit
            for name, measures in episode.cameras.items():
                for measure, values in measures.items():
                    np.testing.assert_array_equal(again.cameras[name][measure], values)


def test_an_error_of_a_task_is_the_librarys(cluster, tmp_path):
    (tmp_path / "a.mcap").write_bytes(b"no recording at all")
    with pytest.raises(sinew.Error, match="a.mcap"):
        tasks.read(cluster)([tmp_path / "a.mcap"])
    with pytest.raises(sinew.Error, match="nothing.*expected one that is there"):
        cluster.listing(tmp_path / "nothing")


# --- the command ------------------------------------------------------------------------------------------------------------------------


def test_the_command_serves_beside_another_fleet_and_drains(cluster, running, directory, tmp_path):
    import ray

    (tmp_path / "secret").write_text("swordfish\n")
    address = ray.get_runtime_context().gcs_address
    arguments = ["fleet", "up", str(directory), "--address", address, "--name", "other", "--cpus", "0.1", "--port", "0", "--token-file", str(tmp_path / "secret")]
    with subprocess.Popen([sys.executable, "-m", "sinew", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as command:
        try:
            said = command.stdout.readline()
            port = int(said.partition("ws://127.0.0.1:")[2].partition(",")[0])
            assert said.endswith(", protocol openpi, 1 replica\n")
            assert infer(running)[0].shape == (HORIZON, JOINTS)
            with web.connect(f"ws://127.0.0.1:{port}", additional_headers={"Authorization": "Api-Key swordfish"}) as connection:
                connection.recv()
                command.send_signal(signal.SIGTERM)
                with pytest.raises(ConnectionClosed) as closed:
                    connection.recv(timeout=30)
                assert closed.value.rcvd.code == 1001
            out, err = command.communicate(timeout=60)
        finally:
            command.kill()
    assert (command.returncode, out, err) == (0, "draining\n", "")
    assert infer(running)[0].shape == (HORIZON, JOINTS)
