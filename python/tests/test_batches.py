# SPDX-License-Identifier: Apache-2.0
"""Several observations in one inference: Policy.act_batch, and a server whose clients ask at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from test_serve import HORIZON, JOINTS, TEXT, directory, infer, observe, request  # noqa: F401 - a fixture

import sinew
from sinew import serve


class Several:
    """Echoes the state; `gate` holds inferences up."""

    def __init__(self, max_batch=None):
        self.sizes, self.begun, self.gate = [], threading.Event(), threading.Event()
        self.gate.set()
        if max_batch is not None:
            self.max_batch = max_batch

    def infer(self, tensors):
        return self.infer_batch([tensors])[0]

    def infer_batch(self, several):
        self.sizes.append(len(several))
        self.begun.set()
        assert self.gate.wait(10)
        return [{"actions": np.broadcast_to(each["state"], (HORIZON, JOINTS))} for each in several]


def registered(backend):
    registry = sinew.BackendRegistry()
    registry.add("several", lambda path: backend)
    return {"backend": "several", "registry": registry}


def observation(stream):
    frames, joints = observe(stream)
    return sinew.Observation(frames, {"joint_position": joints}, TEXT)


def test_each_gets_its_own_chunk_in_batches_of_the_backends_size(directory):  # noqa: F811
    backend = Several(3)
    policy = sinew.Policy.load(directory, **registered(backend))
    assert policy.max_batch == 3
    alone = [policy.act(observation(stream)).values for stream in range(7)]
    backend.sizes.clear()
    together = policy.act_batch([observation(stream) for stream in range(7)])
    assert backend.sizes == [3, 3, 1]
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other.values)
    assert [chunk.sequence for chunk in together] == list(range(8, 15))
    assert policy.act_batch([]) == []


def test_a_backend_without_batches_is_asked_one_after_another(directory):  # noqa: F811
    policy = sinew.Policy.load(directory)
    assert policy.max_batch == 1
    together = policy.act_batch([observation(stream) for stream in range(2)])
    other = sinew.Policy.load(directory)
    for stream, chunk in enumerate(together):
        np.testing.assert_array_equal(other.act(observation(stream)).values, chunk.values)


@pytest.mark.parametrize(
    ("infer_batch", "said"),
    [
        (lambda several: [], "infer_batch\\(\\) returned 0 results, expected a list of 2"),
        (lambda several: None, "infer_batch\\(\\) returned no list, expected a list of 2"),
        (lambda several: [{"actions": np.zeros((HORIZON, JOINTS))}, {}], "observation 1.*returned no 'actions'"),
        (lambda several: [{"actions": np.zeros((1, JOINTS))}] * 2, "observation 0.*of shape"),
        (lambda several: 1 / 0, "observation 0.*ZeroDivisionError"),
    ],
)
def test_what_infer_batch_may_not_return(directory, infer_batch, said):  # noqa: F811
    backend = Several()
    backend.infer_batch = infer_batch
    policy = sinew.Policy.load(directory, **registered(backend))
    assert policy.max_batch == 8
    with pytest.raises(sinew.Error, match=said):
        policy.act_batch([observation(0), observation(1)])


def test_what_a_batch_keeps_is_noticed(directory):  # noqa: F811
    backend = Several()
    policy = sinew.Policy.load(directory, **registered(backend))
    policy.act_batch([observation(0), observation(1)])  # keeps nothing: views from now on
    kept = []
    backend.infer_batch = lambda several: kept.extend(several) or [{"actions": np.zeros((HORIZON, JOINTS))}] * len(several)
    with pytest.raises(sinew.Error, match="infer_batch\\(\\) kept an input"):
        policy.act_batch([observation(0), observation(1)])
    policy.act_batch([observation(0), observation(1)])  # copies again, which may be kept


@pytest.mark.parametrize("value", [0, -1, 2.5, "many"])
def test_max_batch_is_a_number(directory, value):  # noqa: F811
    with pytest.raises(sinew.Error, match="max_batch: expected a whole number from 1"):
        sinew.Policy.load(directory, **registered(Several(value)))


def test_a_bad_observation_is_named(directory):  # noqa: F811
    policy = sinew.Policy.load(directory, **registered(Several()))
    blind = sinew.Observation({}, {"joint_position": np.zeros(JOINTS)}, TEXT)
    with pytest.raises(sinew.Error, match=r"observation 1\] encode: missing"):
        policy.act_batch([observation(0), blind, observation(2)])


def test_a_server_answers_together_what_waits_together(directory):  # noqa: F811
    backend = Several(4)
    wanted = [sinew.Policy.load(directory, **registered(Several())).act(observation(stream)).values for stream in range(9)]
    with serve.Server(directory, port=0, **registered(backend)) as running, ThreadPoolExecutor(9) as pool:
        backend.gate.clear()
        first = pool.submit(infer, running, request(0))
        assert backend.begun.wait(10)  # the others find the policy at work
        others = [pool.submit(infer, running, request(stream)) for stream in range(1, 9)]
        wait_for_requests(running, 9)
        backend.gate.set()
        for stream, answer in enumerate([first, *others]):
            np.testing.assert_allclose(answer.result(20)["actions"], wanted[stream], atol=1e-6)
        assert backend.sizes == [1, 4, 4]
        assert "sinew_inferences_total 3" in running.metrics() and 'sinew_requests_total{result="chunk"} 9' in running.metrics()


def wait_for_requests(running, connections):
    """Until all are connected, and time for their requests to arrive: nothing tells of a request that waits."""
    for _ in range(200):
        if f"sinew_connections {connections}" in running.metrics():
            break
        threading.Event().wait(0.05)
    threading.Event().wait(1.0)


def test_one_bad_request_of_several_harms_no_other(directory):  # noqa: F811
    backend = Several()
    with serve.Server(directory, port=0, **registered(backend)) as running, ThreadPoolExecutor(4) as pool:
        backend.gate.clear()
        first = pool.submit(infer, running, request(0))
        assert backend.begun.wait(10)
        bad = request(1)
        del bad["observation/front"]
        others = [pool.submit(infer, running, asked) for asked in (request(2), bad, request(3))]
        wait_for_requests(running, 4)
        backend.gate.set()
        for answer in (first, others[0], others[2]):
            assert answer.result(20)["actions"].shape == (HORIZON, JOINTS)
        with pytest.raises(RuntimeError, match="observation/front"):
            others[1].result(20)
        assert backend.sizes == [1, 2]
