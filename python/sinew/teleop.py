# SPDX-License-Identifier: Apache-2.0
"""`sinew teleop`: a policy works on the simulated tabletop, and whoever watches takes over and hands back; all of it is recorded."""

import importlib.util
import signal
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sinew
from sinew import episodes
from sinew import tabletop_world as world
from sinew.hands import Gamepad, Keyboard, together

_FRAME_RATE = 20.0  # Hz at which hands are asked and the picture is drawn
_OPEN, _MIDDLE = 0.08, 0.04  # m
_LEAST_RATE = 5.0  # Hz: control changes hands when the policy would be asked, so within 0.2 s


@dataclass(frozen=True)
class Options:
    directory: Path = world.DEMONSTRATOR  # policy directory
    instruction: str | None = None  # None: another one each layout
    seed: int = 0
    gamepad: str | None = None  # device
    output: Path = Path("outputs/teleop.mcap")
    rate: float = 200.0  # Hz of the commands
    inference_rate: float | None = None  # Hz of the policy; None: its usual one
    speed: float = 0.15  # m/s
    turn: float = 0.8  # rad/s
    headless: bool = False
    real_time: bool = True  # otherwise as fast as it goes, for tests


def free_path(folder=Path("outputs")):
    """The first of teleop-000.mcap, teleop-001.mcap, ... that is not there yet: nobody's work is written over."""
    return next(path for path in (folder / f"teleop-{i:03d}.mcap" for i in range(1_000_000)) if not path.exists())


class Session:
    """Robot, policy, operator and recorder. `frame` is one round of looking at the hands and running the loop."""

    def __init__(self, options):
        from sinew import sim

        self._options, self._known = options, sim.known_instructions()
        self.robot, self.policy, usual_rate = world.open_world(options.directory, options.seed)
        if options.instruction is not None:
            self.robot.succeeded(options.instruction)  # raises for an instruction that it does not know
        chain = world.chain_of(self.robot)
        self.jog = sinew.runtime.JogOperator(chain, max_speed=options.speed, max_turn=options.turn, widest_gripper=_OPEN, name="teleop")
        card = self.policy.card
        options.output.parent.mkdir(parents=True, exist_ok=True)
        self.recorder = sinew.record.Recorder(str(options.output), card=card, joint_names=card["action"]["joint_names"], wait_for_room=True)
        self.loop = sinew.runtime.ControlLoop(
            self.robot,
            self.policy,
            chain=chain,
            control_rate=options.rate,
            inference_rate=options.inference_rate or max(usual_rate, _LEAST_RATE),
            recorder=self.recorder,
            operator=self.jog,
        )
        self.layouts = self.successes = 0
        self.succeeded, self.ended, self.status, self.lost = False, False, "ok", ""
        self._layout()

    @property
    def seconds(self):
        """Of the robot's time since the layout began."""
        return self.robot.now - self._started

    @property
    def title(self):
        who = "YOU" if self.jog.in_control else "policy"
        parts = [f"{who}: {self.instruction}", f"{self.seconds:5.1f} s"]
        if self.succeeded:
            parts.append("success; r for a new layout")
        if self.status != "ok":
            parts.append(f"{self.status}: {self.loop.last_error}")
        return "   ".join(parts + ([self.lost] if self.lost else []))

    def _end_episode(self):
        episodes.end(self.recorder, self.robot.now, self.layouts - 1, self.succeeded)
        self.successes += self.succeeded

    def _layout(self):
        if self.layouts > 0:
            self._end_episode()
        seed = self._options.seed + self.layouts
        self.instruction = self._options.instruction or self._known[seed % len(self._known)]
        self.robot.reset(seed)
        self.loop.instruction = self.instruction
        self.loop.reset()
        self._started, self.succeeded = self.robot.now, False
        episodes.begin(self.recorder, self.robot.now, self.layouts, seed, self.instruction)
        self.layouts += 1

    def _obey(self, command):
        """What a command asks of the gripper: an opening, or None."""
        if command == "takeover":
            self.jog.hand_back() if self.jog.in_control else self.jog.take_over()
        elif command == "layout":
            self._layout()
        elif command == "end":
            self.ended = True
        elif command == "gripper" and self.jog.in_control:
            return 0.0 if self.robot.positions()[-1] > _MIDDLE else _OPEN
        return None

    def frame(self, hands):
        self.lost, gripper = hands.lost, None
        for command in hands.commands:
            asked = self._obey(command)
            gripper = gripper if asked is None else asked
        if self.jog.in_control:
            self.jog.set_input(hands.velocity * self._options.speed, hands.turn * self._options.turn, gripper)
        self.status = self.loop.run_for(1 / _FRAME_RATE)
        if self.loop.halted:
            self.loop.reset()
        self.succeeded = self.succeeded or self.robot.succeeded(self.instruction)

    def close(self):
        self._end_episode()
        self.recorder.close()


class _View:
    """The front camera and one line of text, on a terminal; elsewhere the line, when who holds control changes."""

    def __init__(self, picture):
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        self._text, self._console, self._said = Text, Console(), None
        self._live = Live(Text(""), console=self._console, auto_refresh=False) if self._console.is_terminal and picture else None

    def __enter__(self):
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_):
        if self._live:
            self._live.stop()

    def show(self, session):
        if self._live is None:
            said = (session.jog.in_control, session.instruction, session.succeeded, session.status)
            if said != self._said:
                print(session.title, flush=True)
            self._said = said
            return
        from rich.console import Group

        from sinew.preview import HalfBlocks, fit

        parts = [self._text(session.title, overflow="ellipsis", no_wrap=True), self._text(Keyboard.HELP, overflow="ellipsis", no_wrap=True)]
        rows = min(30, self._console.height - 3)
        if rows >= 6:
            parts.insert(0, HalfBlocks(fit(session.robot.render("front", (128, 128)), self._console.width, rows)))
        self._live.update(Group(*parts), refresh=True)


@contextmanager
def _orderly_end():
    """Being told to end is an exception, so that the terminal and the recording are left whole."""

    def end(number, _):
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def drive(session, devices, view=None, real_time=True):
    """Frames until a device says `end`."""
    due = time.monotonic()
    while not session.ended:
        session.frame(together(device.poll() for device in devices))
        if view:
            view.show(session)
        due = max(due + 1 / _FRAME_RATE, time.monotonic() - 1 / _FRAME_RATE)  # what is behind is not caught up in a burst
        if real_time:
            time.sleep(max(0.0, due - time.monotonic()))


def run(options, devices=None):
    """Runs until the end is asked for; returns the exit code."""
    missing = [name for name in ("rich", "PIL") if importlib.util.find_spec(name) is None]
    if missing:
        print(f"sinew teleop: {', '.join(missing)} not installed; pip install 'sinew-robotics[sim]'", file=sys.stderr)
        return 1
    if devices is None:
        devices = [Keyboard(sys.stdin.fileno())] if sys.stdin.isatty() else []
        devices += [Gamepad(options.gamepad)] if options.gamepad else []
    if not devices:
        print("sinew teleop: expected a terminal or a gamepad, got neither (run it in a terminal, or pass --gamepad)", file=sys.stderr)
        return 1
    with ExitStack() as stack:
        stack.enter_context(_orderly_end())
        session = Session(options)
        stack.callback(session.close)
        view = stack.enter_context(_View(picture=not options.headless))
        for device in devices:
            stack.enter_context(device)
        drive(session, devices, view, options.real_time)
    print(f"{session.layouts} layouts, {session.successes} of them solved; {options.output}")
    return 0
