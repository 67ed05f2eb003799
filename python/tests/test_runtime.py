# SPDX-License-Identifier: Apache-2.0
"""Policies, backends and robots written in Python, through the same loop as those in C++."""

import hashlib
import json

import numpy as np
import pytest
import sinew
from sinew import motion
from sinew.runtime import ControlLoop

STATISTICS = {"state": {"q01": [-1, -1], "q99": [1, 1]}, "action": {"q01": [-2, -2], "q99": [2, 2]}}
QUANTILE = {"mode": "quantile", "rule": "qwen"}


@pytest.fixture
def directory(tmp_path):
    """A two-joint affine policy: actions = 0.5 * state + 0.1 * step, normalised."""
    statistics = json.dumps(STATISTICS)
    card = {
        "format_version": "1.0",
        "name": "two joints",
        "architecture": "affine",
        "backend": "reference",
        "dtype": "f32",
        "cameras": [],
        "prompt": {"name": "instruction", "fields": {}, "max_bytes": 64},
        "state": {"channels": [{"name": "joint_position", "unit": "rad", "size": 2, "rate": 100}], "normalization": QUANTILE | {"key": "state"}},
        "action": {
            "decoder": "joint_absolute",
            "joint_names": ["a", "b"],
            "gripper_names": [],
            "tool_channel": "",
            "horizon": 3,
            "rate": 10,
            "normalization": QUANTILE | {"key": "action"},
        },
        "statistics": {"file": "stats.json", "sha256": hashlib.sha256(statistics.encode()).hexdigest()},
        "limits": None,
    }
    weight = [[0.5, 0], [0, 0.5]] * 3
    bias = [0, 0, 0.1, 0.1, 0.2, 0.2]
    (tmp_path / "sinew.json").write_text(json.dumps(card))
    (tmp_path / "stats.json").write_text(statistics)
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "affine", "weight": weight, "bias": bias}))
    return tmp_path


def observation(q, time=1.0, id=1):
    return sinew.Observation({}, {"joint_position": (q, time, "rad")}, "go", time=time, id=id)


def expected(q):
    """The same policy in NumPy."""
    q = np.asarray(q)
    normalised = np.clip(2 * (q + 1) / 2 - 1, -1, 1)
    return np.stack([2 * (0.5 * normalised + 0.1 * i) for i in range(3)])


class Affine:
    """The same model as a Python backend."""

    def __init__(self, path):
        self.path, self.resets, self.inputs = path, 0, {}

    def infer(self, inputs):
        self.inputs = {name: (array.dtype, array.shape) for name, array in inputs.items()}
        return {"actions": np.stack([0.5 * inputs["state"] + 0.1 * i for i in range(3)]).astype(np.float32)}

    def reset(self):
        self.resets += 1


class Robot:
    """Two joints that are wherever they are told to be."""

    def __init__(self):
        self.now, self.q, self.commands, self.id = 0.0, np.array([0.1, -0.2]), [], 0
        self.limits = motion.JointLimits([-1.5] * 2, [1.5] * 2, [1.0] * 2, [5.0] * 2, [100.0] * 2, names=["a", "b"])

    def wait_until(self, time):
        self.now = max(self.now, time)

    def observe(self, instruction):
        self.id += 1
        return sinew.Observation({}, {"joint_position": (self.q, self.now, "rad")}, instruction, time=self.now, id=self.id)

    def positions(self):
        return self.q

    def command(self, q):
        self.q = q
        self.commands.append(q)

    def stop(self):
        pass


def test_policy_loads_and_acts(directory):
    policy = sinew.Policy.load(str(directory))
    chunk = policy.act(observation([0.4, -0.8], id=7))
    assert np.allclose(chunk.values, expected([0.4, -0.8]), atol=1e-6)
    assert (chunk.t0, chunk.dt, chunk.observation_id, chunk.sequence) == (1.0, 0.1, 7, 1)
    assert policy.card["action"]["joint_names"] == ["a", "b"]
    assert policy.spec["outputs"] == [("actions", "f32", (3, 2))]


def test_policy_refusal_names_stage_and_channel(directory):
    policy = sinew.Policy.load(str(directory))
    with pytest.raises(sinew.Error, match="encode.*joint_position"):
        policy.act(sinew.Observation({}, {}, "go"))


def test_card_refusals_name_place_and_nearest_key(directory):
    path = directory / "sinew.json"
    card = json.loads(path.read_text())
    card["action"]["horizn"] = card["action"].pop("horizon")
    path.write_text(json.dumps(card))
    with pytest.raises(sinew.Error, match="horizon") as refusal:
        sinew.load_card(str(path))
    assert "/action" in str(refusal.value)


def test_python_backend_equals_the_reference(directory):
    made = []
    registry = sinew.BackendRegistry()
    registry.add("mine", lambda path: made.append(Affine(path)) or made[-1])
    policy = sinew.Policy.load(str(directory), backend="mine", registry=registry)
    reference = sinew.Policy.load(str(directory))
    for q in ([0.4, -0.8], [0.0, 2.0]):
        assert np.allclose(policy.act(observation(q)).values, reference.act(observation(q)).values, atol=1e-6)
    policy.reset()
    assert made[0].resets == 1
    assert made[0].inputs["state"] == (np.dtype("float32"), (2,))


def test_python_backend_sees_the_tensors_themselves_unless_it_keeps_them(directory):
    class Watching(Affine):
        def __init__(self, path, keeps):
            super().__init__(path)
            self.keeps, self.seen, self.kept = keeps, [], []

        def infer(self, inputs):
            state = inputs["state"]
            assert not state.flags.writeable
            self.seen.append((state.__array_interface__["data"][0], state.flags.owndata))
            if self.keeps:
                taken = {"one": lambda: state, "a slice": lambda: state[:1], "all": lambda: inputs, "popped": lambda: inputs.pop("state")}
                self.kept.append(taken[self.keeps]())
                inputs = {"state": state}
            return super().infer(inputs)

    for keeps in (False, "one", "a slice", "all", "popped"):
        made = []
        registry = sinew.BackendRegistry()
        registry.add("mine", lambda path, keeps=keeps, made=made: made.append(Watching(path, keeps)) or made[-1])
        policy = sinew.Policy.load(str(directory), backend="mine", registry=registry)
        for q in ([0.4, -0.8], [0.0, 2.0], [1.0, 1.0]):
            policy.act(observation(q))
        places, owned = zip(*made[0].seen, strict=True)
        if keeps:
            assert all(owned) and len(set(places)) == 3
            kept = [each["state"] if keeps == "all" else each for each in made[0].kept]
            assert len({float(each[0]) for each in kept}) == 3  # none has changed
        else:
            assert owned == (True, False, False) and places[1] == places[2]


def test_python_backend_that_begins_to_keep_its_inputs_is_refused(directory):
    class Late(Affine):
        def infer(self, inputs):
            if hasattr(self, "calls"):
                self.kept = inputs["state"]
            self.calls = 1
            return super().infer(inputs)

    registry = sinew.BackendRegistry()
    made_late = []
    registry.add("late", lambda path: made_late.append(Late(path)) or made_late[-1])
    policy = sinew.Policy.load(str(directory), backend="late", registry=registry)
    policy.act(observation([0, 0]))
    with pytest.raises(sinew.Error, match=r"kept an input.*numpy.array\(x\) copies"):
        policy.act(observation([0, 0]))
    for q in ([1, 2], [3, 4]):  # from then on it is given copies
        policy.act(observation(q))
    assert made_late[0].kept.flags.owndata


def test_python_backend_whose_error_is_kept_is_given_copies(directory):
    class Raising(Affine):
        calls, errors = 0, []

        def infer(self, inputs):
            self.calls += 1
            self.owned = inputs["state"].flags.owndata
            if self.calls == 3:
                try:
                    raise ValueError("kept with its frames")
                except ValueError as problem:
                    self.errors.append(problem)
                    raise
            return super().infer(inputs)

    made = []
    registry = sinew.BackendRegistry()
    registry.add("raising", lambda path: made.append(Raising(path)) or made[-1])
    policy = sinew.Policy.load(str(directory), backend="raising", registry=registry)
    owned = []
    for call in range(5):
        if call == 2:
            with pytest.raises(sinew.Error, match="kept with its frames"):
                policy.act(observation([0, 0]))
        else:
            policy.act(observation([0, 0]))
        owned.append(made[0].owned)
    assert owned == [True, False, False, True, True]


@pytest.mark.parametrize(
    ("answer", "message"),
    [({}, "no 'actions'"), (None, "no 'actions'"), ({"actions": np.zeros((2, 2))}, r"\[2, 2\]"), ({"actions": "text"}, "no array of numbers")],
)
def test_python_backend_with_a_wrong_answer_is_refused(directory, answer, message):
    class Wrong:
        def infer(self, inputs):
            return answer

    registry = sinew.BackendRegistry()
    registry.add("wrong", lambda path: Wrong())
    policy = sinew.Policy.load(str(directory), backend="wrong", registry=registry)
    with pytest.raises(sinew.Error, match=message):
        policy.act(observation([0, 0]))


def test_python_backend_that_raises_is_reported(directory):
    class Broken:
        def infer(self, inputs):
            raise ValueError("no weights today")

    registry = sinew.BackendRegistry()
    registry.add("broken", lambda path: Broken())
    policy = sinew.Policy.load(str(directory), backend="broken", registry=registry)
    with pytest.raises(sinew.Error, match="no weights today"):
        policy.act(observation([0, 0]))


def test_unknown_backend_lists_the_known(directory):
    with pytest.raises(sinew.Error, match="reference"):
        sinew.Policy.load(str(directory), backend="refrence")


def test_loop_drives_a_python_robot_within_its_limits(directory):
    robot = Robot()
    loop = ControlLoop(robot, sinew.Policy.load(str(directory)), control_rate=100)
    loop.instruction = "go"
    loop.reset()
    assert loop.run_for(2.0) == "ok"
    commands = np.array(robot.commands)
    assert commands.shape == (200, 2)
    assert np.all(np.abs(commands) <= 1.5)
    assert np.all(np.abs(np.diff(commands, axis=0)) / 0.01 <= 1 + 1e-9)
    assert np.all(np.abs(np.diff(commands, 2, axis=0)) / 0.01**2 <= 5 + 1e-6)
    trace = loop.trace()
    assert np.array_equal(trace["command"], commands)
    assert trace["time"].shape == (200,) and len(loop.inferences()["time"]) == 20
    assert list(loop.limits.velocity) == [1.0, 1.0]


def test_loop_reports_a_robot_that_raises(directory, monkeypatch):
    class Blind(Robot):
        def observe(self, instruction):
            raise OSError("camera unplugged")

    seen = []
    monkeypatch.setattr("sys.unraisablehook", lambda event: seen.append(str(event.exc_value)))
    loop = ControlLoop(Blind(), sinew.Policy.load(str(directory)))
    loop.reset()
    assert loop.run_for(0.1) == "backend_failed"
    assert seen == ["camera unplugged"]


def test_loop_keeps_its_instruction_while_a_robot_changes_it(directory):
    told = []

    class Chatty(Robot):
        def observe(self, instruction):
            told.append(instruction)
            loop.instruction = "another instruction, long enough to need new memory " * 4
            with pytest.raises(sinew.Error, match="while it runs"):
                loop.trace()
            return super().observe(instruction)

    loop = ControlLoop(Chatty(), sinew.Policy.load(str(directory)))
    loop.instruction = "go"
    loop.reset()
    assert loop.run_for(0.3) == "ok"
    assert told == ["go"] * 3


def test_loop_says_what_a_robot_gave_instead_of_an_observation(directory):
    class Wrong(Robot):
        def observe(self, instruction):
            return 3

    loop = ControlLoop(Wrong(), sinew.Policy.load(str(directory)))
    loop.reset()
    assert loop.run_for(0.1) == "backend_failed"
    assert "Unable to cast" in loop.last_error


def test_backend_may_keep_its_inputs(directory):
    kept = []

    class History(Affine):
        def infer(self, inputs):
            kept.append(inputs["state"])
            return super().infer(inputs)

    registry = sinew.BackendRegistry()
    registry.add("history", History)
    policy = sinew.Policy.load(str(directory), backend="history", registry=registry)
    for q in (0.1, 0.2, 0.3):
        policy.act(observation([q, 0]))
    del policy
    assert np.allclose([state[0] for state in kept], [0.1, 0.2, 0.3])


@pytest.mark.parametrize("rates", [{"inference_rate": 1e-15}, {"control_rate": 1e9}, {"control_rate": float("nan")}, {"inference_rate": -1}])
def test_loop_refuses_rates_that_no_clock_can_count(directory, rates):
    with pytest.raises(sinew.Error, match="rates"):
        ControlLoop(Robot(), sinew.Policy.load(str(directory)), **rates)


def test_loop_refuses_what_is_no_robot(directory):
    with pytest.raises(sinew.Error, match="wait_until"):
        ControlLoop(type("Empty", (), {"now": 0.0})(), sinew.Policy.load(str(directory)))


def test_ctrl_c_in_a_robot_stops_it_and_reaches_the_caller(directory):
    class Interrupted(Robot):
        stops = 0

        def observe(self, instruction):
            if self.id == 3:
                raise KeyboardInterrupt
            return super().observe(instruction)

        def stop(self):
            self.stops += 1

    robot = Interrupted()
    loop = ControlLoop(robot, sinew.Policy.load(str(directory)))
    loop.reset()
    with pytest.raises(KeyboardInterrupt):
        loop.run_for(2.0)
    assert robot.stops == 1 and robot.now < 0.5


def test_observation_without_units_and_paths_as_objects(directory):
    policy = sinew.Policy.load(directory)
    assert sinew.load_card(directory / "sinew.json")["name"] == "two joints"
    stated = policy.act(observation([0.4, -0.8])).values
    unstated = policy.act(sinew.Observation({}, {"joint_position": [0.4, -0.8]}, "go")).values
    assert np.array_equal(stated, unstated)
    with pytest.raises(sinew.Error, match="deg"):
        policy.act(sinew.Observation({}, {"joint_position": ([0.4, -0.8], 0.0, "deg")}, "go"))
    for values in ([[1.0, 2.0]], None):
        with pytest.raises(sinew.Error, match="joint_position"):
            sinew.Observation({}, {"joint_position": values}, "go")


def test_last_error_is_that_of_the_latest_run(directory):
    class Unlucky(Robot):
        def observe(self, instruction):
            if 0.2 < self.now < 0.5:
                raise OSError("bus lost")
            return super().observe(instruction)

    loop = ControlLoop(Unlucky(), sinew.Policy.load(directory))
    loop.reset()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.unraisablehook", lambda event: None)
        assert loop.run_for(0.4) == "backend_failed"
        assert "bus lost" in loop.last_error
        assert loop.run_for(0.2) == "backend_failed"
    assert loop.run_for(0.2) == "ok" and loop.last_error == ""


def test_loop_tells_its_mode_its_statistics_and_replays(directory):
    robot = Robot()
    loop = ControlLoop(robot, sinew.Policy.load(directory), log_seconds=10, chunk_delay=lambda i: 0.05 if i % 3 else 0.2, on_path=True)
    assert loop.safety()["mode"] == "init"
    loop.reset()
    assert loop.safety()["mode"] == "armed"
    loop.run_for(1.5)
    assert loop.safety()["mode"] in ("run", "degraded") and loop.safety()["counts"]["near_target"] > 5
    statistics = loop.statistics()
    assert statistics["ticks"] == 300 and 0 < statistics["tick_time"]["p50"] <= statistics["tick_time"]["p99.9"] <= statistics["tick_time"]["worst"]
    assert set(loop.trace()["mode"]) <= {"armed", "run", "degraded"}
    again = loop.replay()
    assert again["different"] == 0 and np.array_equal(again["command"], np.array(robot.commands))
    slow = motion.labelled(motion.JointLimits([-1.5] * 2, [1.5] * 2, [0.05] * 2, [5] * 2, [100] * 2), "what if")
    assert loop.replay(slow)["different"] > 50
    loop.stop()
    loop.run_for(1.0)
    assert loop.safety()["mode"] == "hold" and loop.safety()["latched"]


def test_loop_replays_a_recording(directory, tmp_path):
    file = tmp_path / "run.mcap"
    robot, policy = Robot(), sinew.Policy.load(directory)
    with sinew.record.Recorder(file, wait_for_room=True) as recorder:
        loop = ControlLoop(robot, policy, recorder=recorder)
        loop.reset()
        loop.run_for(1.0)
        loop.stop()
        loop.run_for(0.5)
    again = ControlLoop(Robot(), policy).replay(recording=file)
    assert again["different"] == 0 and np.array_equal(again["command"], np.array(robot.commands))
    slow = motion.JointLimits([-1.5] * 2, [1.5] * 2, [0.05] * 2, [5] * 2, [100] * 2)
    assert loop.replay(slow, recording=file)["different"] > 50
    contents = [record.content for record in sinew.record.read(file)]
    kinds = [content.kind for content in contents if isinstance(content, sinew.record.Motion)]
    assert kinds == ["arm", "event"]
    modes = [content.text for content in contents if isinstance(content, sinew.record.Event) and content.kind == "mode"]
    assert modes[0].startswith("init -> ") and modes[-1].endswith("hold: rest")
    ticks = [content for content in contents if isinstance(content, sinew.record.Command)]
    assert all(tick.dt == 0.005 and len(tick.measured) == 2 for tick in ticks) and len(ticks) == 300
    with pytest.raises(sinew.Error, match="log_seconds"):
        loop.replay()


def test_loop_takes_limits_of_the_user(directory):
    inf = np.inf
    user = motion.JointLimits([-inf] * 2, [inf] * 2, [0.2, inf], [inf] * 2, [inf] * 2, partial=True)
    robot = Robot()
    loop = ControlLoop(robot, sinew.Policy.load(directory), limits=user)
    assert loop.limits.sources["velocity"] == ["user", "robot"]
    loop.reset()
    loop.run_for(1.0)
    assert np.abs(np.diff(np.array(robot.commands)[:, 0])).max() <= 0.2 * 0.005 * (1 + 1e-9)
    with pytest.raises(sinew.Error, match="log_seconds"):
        loop.replay()
    with pytest.raises(sinew.Error, match="poses"):
        ControlLoop(robot, sinew.Policy.load(directory), poses="later")


def test_loop_with_inference_in_a_thread_of_its_own(directory):
    import time

    class Real(Robot):
        @property
        def now(self):
            return time.monotonic()

        @now.setter
        def now(self, _):
            pass

        def wait_until(self, until):
            time.sleep(max(0.0, until - time.monotonic()))

        def observe(self, instruction):
            time.sleep(0.03)
            return super().observe(instruction)

    robot = Real()
    loop = ControlLoop(robot, sinew.Policy.load(directory), control_rate=100, log_seconds=10)
    loop.reset()
    assert loop.run_threaded(1.0) == "ok", loop.last_error
    assert len(robot.commands) + loop.missed_ticks >= 99 and len(loop.inferences()["time"]) >= 5
    assert loop.replay()["different"] == 0


@pytest.mark.parametrize("delay", [float("nan"), -1.0, "x", None, float("inf"), 1e9])
def test_a_delay_that_is_no_time_refuses_the_chunk(directory, delay, monkeypatch):
    monkeypatch.setattr("sys.unraisablehook", lambda event: None)
    loop = ControlLoop(Robot(), sinew.Policy.load(directory), chunk_delay=lambda i: delay)
    loop.reset()
    assert loop.run_for(0.3) == "out_of_range" and "chunk" in loop.last_error
    assert loop.safety()["mode"] == "armed"
    with pytest.raises(sinew.Error, match="callable"):
        ControlLoop(Robot(), sinew.Policy.load(directory), chunk_delay=3)
    with pytest.raises(sinew.Error, match="priority"):
        ControlLoop(Robot(), sinew.Policy.load(directory), realtime_priority=200)


def test_a_run_after_a_failure_says_that_it_needs_a_reset(directory, monkeypatch):
    class Weak(Robot):
        broken = False

        def command(self, q):
            if self.broken:
                raise OSError("no power")
            super().command(q)

    monkeypatch.setattr("sys.unraisablehook", lambda event: None)
    robot = Weak()
    loop = ControlLoop(robot, sinew.Policy.load(directory), heartbeat="sinew-test-loop")
    loop.reset()
    assert loop.run_for(0.2) == "ok" and not loop.halted
    robot.broken = True
    assert loop.run_for(0.2) == "backend_failed" and loop.halted
    robot.broken = False
    assert loop.run_for(0.2) == "not_ready" and "reset()" in loop.last_error
    loop.reset()
    assert loop.run_for(0.2) == "ok"
