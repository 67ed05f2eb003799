# SPDX-License-Identifier: Apache-2.0
"""Operators of a control loop, what hands say, and `sinew teleop` as a user runs it, with a pseudo-terminal and a pipe for hands."""

import json
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest

import sinew
from sinew.hands import Gamepad, Hands, Keyboard, Script, together

PACKAGE = Path(sinew.__file__).parent
needs_simulator = pytest.mark.skipif(not list(PACKAGE.glob("_sinew_sim*")), reason="built without SINEW_SIM")
GOAL, OTHER = "put the blue cube on the yellow plate", "put the red cube on the white plate"


@pytest.fixture
def table():
    from sinew import sim

    robot = sim.MujocoRobot.tabletop(seed=21)
    return robot, sim.demonstrator_policy(robot), sinew.kinematics.Chain.from_urdf(robot.urdf, "link0", "tool")


def events(path, kind):
    """(time, text as JSON) of the events of one kind."""
    contents = [record.content for record in sinew.record.read(str(path))]
    return [(c.time, json.loads(c.text)) for c in contents if type(c).__name__ == "Event" and c.kind == kind]


def run_until(loop, robot, seconds, done):
    end = robot.now + seconds
    while robot.now < end and not done():
        loop.run_for(0.1)
    return done()


class Reminder:
    """The demonstrator, told what was meant."""

    def __init__(self, policy):
        self._policy = policy

    def act(self, seen):
        return self._policy.act(sinew.Observation(seen.cameras, seen.state, GOAL, time=seen.time, id=seen.id))

    def reset(self):
        self._policy.reset()


@needs_simulator
@pytest.mark.parametrize("corrected", [False, True])
def test_corrector_rescues_an_episode_that_a_disturbance_spoiled(table, tmp_path, corrected):
    from sinew import sim

    robot, policy, chain = table
    corrector = sinew.runtime.PolicyOperator(
        Reminder(sim.demonstrator_policy(robot)), lambda seen: corrected and seen.instruction != GOAL, name="corrector"
    )
    with sinew.record.Recorder(tmp_path / "a.mcap", wait_for_room=True) as recorder:
        loop = sinew.runtime.ControlLoop(robot, policy, chain=chain, control_rate=100, recorder=recorder, operator=corrector)
        loop.instruction = GOAL
        loop.reset()
        run_until(loop, robot, 1.0, lambda: False)
        loop.instruction = OTHER  # somebody talks over it
        assert run_until(loop, robot, 8.0, lambda: robot.succeeded(GOAL)) == corrected
        operated = loop.inferences()["operated"]
        assert operated.any() == corrected and not operated[:10].any()
    said = [text for _, text in events(tmp_path / "a.mcap", "intervention")]
    assert said == ([{"begin": True, "by": "corrector"}] if corrected else [])
    assert loop.replay(recording=tmp_path / "a.mcap")["different"] == 0
    jumps = np.abs(np.diff(loop.trace()["command"], axis=0)) / 0.01
    assert (jumps <= np.asarray(loop.limits.velocity) * (1 + 1e-9)).all()


class Holder:
    """Keeps the arm where it is; written as somebody would write a corrector."""

    rate = 20

    def __init__(self, robot):
        self.robot, self.on, self.seen, self.begun, self.mistake = robot, False, 0, 0, None

    def reset(self):
        self.begun += 1
        limits = self.robot.limits
        self.target = np.clip(self.robot.positions(), limits.lower, limits.upper)  # an open gripper may stand a hair past its limit

    def holds(self, observation):
        assert set(observation.cameras) == {"front", "wrist"}
        if self.mistake == "holds":
            raise ValueError("no eyes")
        return self.on

    def act(self, observation):
        self.seen += 1
        if self.mistake == "act":
            raise ValueError("no hands")
        return None if self.mistake == "type" else sinew.ActionChunk(np.tile(self.target, (10, 1)), observation.time, 0.1)


@needs_simulator
def test_any_object_with_two_methods_is_an_operator(table):
    robot, policy, chain = table
    holder = Holder(robot)
    loop = sinew.runtime.ControlLoop(robot, policy, chain=chain, control_rate=100, operator=holder)
    loop.instruction = GOAL
    loop.reset()
    assert loop.run_for(1.0) == "ok"
    holder.on = True
    assert loop.run_for(1.0) == "ok", loop.last_error
    assert (holder.begun, holder.seen) == (1, 20)
    assert np.abs(robot.positions()[:7] - holder.target[:7]).max() < 0.02
    holder.on = False
    assert loop.run_for(0.5) == "ok"
    assert holder.seen == 20


@needs_simulator
@pytest.mark.parametrize(("mistake", "reason"), [("holds", "no eyes"), ("act", "no hands"), ("type", "ActionChunk")])
def test_what_an_operator_raises_is_a_status_and_the_arm_rests(table, mistake, reason):
    robot, policy, chain = table
    holder = Holder(robot)
    loop = sinew.runtime.ControlLoop(robot, policy, chain=chain, control_rate=100, operator=holder)
    loop.instruction = GOAL
    loop.reset()
    assert loop.run_for(1.0) == "ok"
    holder.on, holder.mistake = True, mistake
    assert loop.run_for(4.0) == "backend_failed"
    assert "Holder" in loop.last_error and reason in loop.last_error
    assert not loop.halted and loop.safety()["mode"] == "hold"
    holder.mistake = None
    holder.reset()  # the arm has rested elsewhere
    assert loop.run_for(0.5) == "ok", loop.last_error


def test_operators_are_checked_when_the_loop_is_made():
    with pytest.raises(sinew.Error, match="a callable"):
        sinew.runtime.PolicyOperator(Reminder(None), "now")


@needs_simulator
def test_a_loop_refuses_an_operator_without_its_methods(table):
    robot, policy, chain = table
    with pytest.raises(sinew.Error, match="a member 'holds'"):
        sinew.runtime.ControlLoop(robot, policy, chain=chain, operator=object())


@needs_simulator
def test_jogging_moves_the_tool_in_base_axes_and_stops_when_nothing_is_said(table):
    robot, policy, chain = table
    jog = sinew.runtime.JogOperator(chain)
    loop = sinew.runtime.ControlLoop(robot, policy, chain=chain, control_rate=100, operator=jog)
    loop.instruction = GOAL
    loop.reset()
    jog.take_over()
    place = lambda: sinew.kinematics.forward(chain, robot.positions()[:7])[:3, 3]  # noqa: E731
    for axis in range(3):
        start = place()
        for _ in range(10):
            jog.set_input(velocity=np.eye(3)[axis] * 0.1, gripper=0.02)
            assert loop.run_for(0.05) == "ok", loop.last_error
        loop.run_for(1.5)
        moved = place() - start
        assert 0.05 < moved[axis] < 0.1  # half a second, and what the dead man's time allows
        assert np.abs(np.delete(moved, axis)).max() < 0.005
    assert abs(robot.positions()[7] - 0.02) < 0.002
    with pytest.raises(sinew.Error):
        jog.set_input(velocity=[np.nan, 0, 0])


@pytest.fixture
def terminal():
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def test_keyboard_says_which_way_for_as_long_as_keys_repeat(terminal):
    ours, theirs = terminal
    now = [10.0]
    before = termios.tcgetattr(theirs)
    with Keyboard(theirs, now=lambda: now[0]) as keyboard:
        assert termios.tcgetattr(theirs)[3] & termios.ICANON == 0
        assert not keyboard.poll().velocity.any()
        os.write(ours, b"wA")
        hands = keyboard.poll()
        assert hands.velocity.tolist() == [1, 1, 0] and not hands.turn.any() and hands.commands == []
        now[0] += 0.1
        os.write(ours, b"w")
        assert keyboard.poll().velocity.tolist() == [1, 1, 0]
        now[0] += 0.1
        assert keyboard.poll().velocity.tolist() == [1, 0, 0]  # a is up again
        now[0] += 0.1
        assert not keyboard.poll().velocity.any()
        os.write(ours, b"jt r x")
        hands = keyboard.poll()
        assert hands.turn.tolist() == [0, 0, 1]
        assert hands.commands == ["takeover", "gripper", "layout", "gripper", "end"]
    assert termios.tcgetattr(theirs) == before


def test_arrow_keys_and_torn_sequences_are_not_letters(terminal):
    ours, theirs = terminal
    with Keyboard(theirs) as keyboard:
        os.write(ours, b"\x1b[A\x1b[1;5D\x1bOD\x1b[")
        assert not keyboard.poll().velocity.any()
        os.write(ours, b"D\xff\xc3\xa9")
        hands = keyboard.poll()
        assert not hands.velocity.any() and hands.commands == []


def test_keyboard_is_restored_when_something_fails(terminal):
    before = termios.tcgetattr(terminal[1])
    with pytest.raises(RuntimeError), Keyboard(terminal[1]):
        raise RuntimeError
    assert termios.tcgetattr(terminal[1]) == before


def js_event(kind, number, value):
    return struct.pack("=IhBB", 0, value, kind, number)


def test_gamepad_says_how_far_its_sticks_are():
    read, write = os.pipe()
    with Gamepad(read) as gamepad:
        assert not gamepad.poll().velocity.any()
        os.write(write, js_event(0x82, 1, 0) + js_event(0x81, 7, 1))  # the state at the beginning is no press
        assert gamepad.poll().commands == []
        os.write(write, js_event(2, 1, -32767) + js_event(2, 0, 3000) + js_event(2, 3, 32767) + js_event(1, 7, 1) + js_event(1, 7, 0))
        hands = gamepad.poll()
        assert hands.velocity == pytest.approx([1, 0, 0])  # 3000 is a stick at rest
        assert hands.turn == pytest.approx([0, 0, -1])
        assert hands.commands == ["takeover"]
        half = js_event(2, 1, 18840)  # half of what is left behind the dead zone
        os.write(write, half[:5])
        assert gamepad.poll().velocity == pytest.approx([1, 0, 0])  # held, without a new event
        os.write(write, half[5:] + js_event(1, 0, 1) + js_event(1, 3, 1) + js_event(1, 6, 1) + js_event(1, 12, 1))
        hands = gamepad.poll()
        assert hands.velocity == pytest.approx([-0.5, 0, 0], abs=1e-3)
        assert hands.commands == ["gripper", "layout", "end"]
        os.close(write)  # pulled out with the stick held
        hands = gamepad.poll()
        assert hands.lost and not hands.velocity.any() and not hands.turn.any()


def test_hands_together_do_not_exceed_full_speed():
    hands = together([Hands(velocity=np.ones(3), commands=["end"]), Hands(velocity=np.array([1.0, -1, 0]), lost="gone")])
    assert hands.velocity.tolist() == [1, 0, 1] and hands.commands == ["end"] and hands.lost == "gone"


@needs_simulator
def test_session_takes_over_moves_hands_back_and_records_it(tmp_path):
    from sinew import teleop

    forward = np.array([1.0, 0, 0])
    looks = [Hands()] * 10 + [Hands(commands=["takeover"])] + [Hands(velocity=forward)] * 20 + [Hands()] * 10
    looks += [Hands(commands=["gripper"])] + [Hands()] * 10 + [Hands(commands=["takeover"])] + [Hands()] * 10
    looks += [Hands(commands=["takeover"])] + [Hands()] * 4 + [Hands(commands=["layout"])] + [Hands()] * 4
    file = tmp_path / "a" / "b.mcap"
    session = teleop.Session(teleop.Options(instruction=GOAL, output=file, rate=100, real_time=False))
    teleop.drive(session, [Script(looks)], real_time=False)
    assert session.jog.in_control and session.status == "ok" and session.layouts == 2
    session.close()
    handed = [text["begin"] for _, text in events(file, "intervention")]
    assert handed == [True, False, True, False, True]  # a new layout ends one intervention and begins another
    assert [set(text) for _, text in events(file, "episode")] == [{"index", "seed", "instruction"}, {"index", "succeeded"}] * 2
    begin, end = (time for time, _ in events(file, "intervention")[:2])
    commands = [(r.content.time, r.content.values) for r in sinew.record.read(str(file)) if type(r.content).__name__ == "Command"]
    during = np.array([q for t, q in commands if begin <= t < end])
    reach = [sinew.kinematics.forward(sinew.kinematics.Chain.from_urdf(session.robot.urdf, "link0", "tool"), q[:7])[0, 3] for q in during]
    assert 0.08 < reach[-1] - reach[0] < 0.2
    assert during[0, 7] > 0.07 and during[-1, 7] < 0.01


@needs_simulator
def test_the_command_in_a_terminal(tmp_path, terminal):
    pytest.importorskip("rich")
    ours, theirs = terminal
    before = termios.tcgetattr(theirs)
    file = tmp_path / "a.mcap"
    variables = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    command = [sys.executable, "-m", "sinew", "teleop", "demonstrator", "--output", str(file), "--rate", "100"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=variables, start_new_session=True) as process:
        shown, started = b"", time.monotonic()
        keys = [(b"policy:", b"t"), (b"YOU:", b"w"), (b"YOU:", b"t"), (b"policy:", b"x")]
        while process.poll() is None and time.monotonic() - started < 120:
            if select.select([ours], [], [], 0.1)[0]:
                shown += os.read(ours, 65536)
            if keys and keys[0][0] in shown:
                os.write(ours, keys.pop(0)[1])
                shown = b""
        if process.poll() is None:
            process.kill()
    assert process.returncode == 0, shown
    assert termios.tcgetattr(theirs) == before
    assert [text["begin"] for _, text in events(file, "intervention")] == [True, False]


@needs_simulator
def test_being_told_to_end_leaves_terminal_and_recording_whole(tmp_path, terminal):
    pytest.importorskip("rich")
    ours, theirs = terminal
    before = termios.tcgetattr(theirs)
    file = tmp_path / "a.mcap"
    variables = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    command = [sys.executable, "-m", "sinew", "teleop", "--output", str(file), "--headless"]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, env=variables, start_new_session=True) as process:
        assert b"policy" in process.stdout.readline()
        process.terminate()
        process.wait(60)
    assert process.returncode != 0
    assert termios.tcgetattr(theirs) == before
    recording = sinew.record.read(str(file))
    assert len(list(recording)) > 0 and recording.complete


def test_without_a_terminal_or_a_gamepad_it_says_so():
    variables = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-m", "sinew", "teleop"], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=variables)
    assert done.returncode == 1 and "--gamepad" in done.stderr and "Traceback" not in done.stderr
