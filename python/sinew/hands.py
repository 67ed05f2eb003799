# SPDX-License-Identifier: Apache-2.0
"""What hands say, from a terminal's keyboard, a gamepad or a script: one small interface.

A device has `poll() -> Hands`, which does not wait, and is a context manager that leaves everything as it found it.
"""

import errno
import os
import re
import select
import struct
import termios
import time
import tty
from dataclasses import dataclass, field

import numpy as np

COMMANDS = ("takeover", "gripper", "layout", "end")


@dataclass
class Hands:
    """One look at a device."""

    velocity: np.ndarray = field(default_factory=lambda: np.zeros(3))  # shares of the greatest speed, -1 to 1, base axes
    turn: np.ndarray = field(default_factory=lambda: np.zeros(3))  # likewise
    commands: list = field(default_factory=list)  # of COMMANDS, in the order in which they were given
    lost: str = ""  # why the device says nothing any more


def together(looks):
    """What several devices say at once."""
    looks = list(looks)
    velocity = np.clip(sum((look.velocity for look in looks), np.zeros(3)), -1, 1)
    turn = np.clip(sum((look.turn for look in looks), np.zeros(3)), -1, 1)
    return Hands(velocity, turn, [c for look in looks for c in look.commands], "; ".join(look.lost for look in looks if look.lost))


class Script:
    """Says one thing after the other, then `end`: hands for tests."""

    def __init__(self, looks):
        self._looks = iter(looks)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def poll(self):
        return next(self._looks, Hands(commands=["end"]))


class Keyboard:
    """Keys of a terminal. A terminal says that a key went down, and again while it is held; not that it went up."""

    HELP = "w s a d q e move   i k j l u o turn   space gripper   t take over / hand back   r new layout   x end"
    _MOVE = {"w": (0, 1), "s": (0, -1), "a": (1, 1), "d": (1, -1), "q": (2, 1), "e": (2, -1)}  # axis, sign
    _TURN = {"u": (0, 1), "o": (0, -1), "i": (1, 1), "k": (1, -1), "j": (2, 1), "l": (2, -1)}
    _COMMANDS = {"t": "takeover", " ": "gripper", "r": "layout", "x": "end"}
    _HELD = 0.15  # s for which a key counts; terminals repeat about 30 times a second
    _ESCAPE = re.compile(rb"\x1b(\[[0-?]*[ -/]*[@-~]|O.|[^\[O])")  # arrows and the like, whose last letters are no keys
    _UNFINISHED = re.compile(rb"\x1b(\[[0-?]*[ -/]*|O)?\Z")

    def __init__(self, descriptor, now=time.monotonic):
        self._descriptor, self._now = descriptor, now
        self._before = None
        self._seen = {}  # key: when
        self._rest = b""

    def __enter__(self):
        self._before = termios.tcgetattr(self._descriptor)
        tty.setcbreak(self._descriptor)  # each key at once and unseen; Ctrl-C still interrupts
        return self

    def __exit__(self, *_):
        if self._before is not None:
            termios.tcsetattr(self._descriptor, termios.TCSAFLUSH, self._before)
            self._before = None

    def _read(self):
        """What was typed since the last call; None when the terminal is gone."""
        data = b""
        while select.select([self._descriptor], [], [], 0)[0]:
            try:
                piece = os.read(self._descriptor, 4096)
            except OSError:  # the other end of a pseudo-terminal closed
                piece = b""
            if not piece:
                return data or None
            data += piece
        return data

    def poll(self):
        data = self._read()
        if data is None:
            return Hands(commands=["end"], lost="the terminal is closed")
        data = self._ESCAPE.sub(b"", self._rest + data)
        cut = self._UNFINISHED.search(data)
        self._rest = data[cut.start() :] if cut else b""
        hands, now = Hands(), self._now()
        for key in (data[: cut.start()] if cut else data).decode("ascii", "ignore").lower():
            if key in self._COMMANDS:
                hands.commands.append(self._COMMANDS[key])
            elif key in self._MOVE or key in self._TURN:
                self._seen[key] = now
        for key, seen in self._seen.items():
            if now - seen <= self._HELD:
                keys, values = (self._MOVE, hands.velocity) if key in self._MOVE else (self._TURN, hands.turn)
                axis, sign = keys[key]
                values[axis] += sign
        return hands


class Gamepad:
    """A gamepad through Linux's joystick interface (/dev/input/js*), with the places of an Xbox controller.

    Left stick: forward, sideways. Right stick: up and down, yaw. Cross: pitch, roll. A gripper, Start take over / hand back, Y new layout, Back end.
    """

    _EVENT = struct.Struct("=IhBB")  # struct js_event: time ms, value, type, number
    _BUTTON, _AXIS, _INITIAL = 0x01, 0x02, 0x80
    _MOVE = {1: (0, -1), 0: (1, -1), 4: (2, -1)}  # of the device: axis of the tool, sign; sticks count down and right
    _TURN = {6: (0, 1), 7: (1, -1), 3: (2, -1)}
    _COMMANDS = {0: "gripper", 3: "layout", 6: "end", 7: "takeover"}
    _DEAD = 0.15  # of the way, within which a stick rests

    def __init__(self, path="/dev/input/js0"):
        """`path`: a device, or an open file descriptor."""
        self._descriptor = path if isinstance(path, int) else os.open(path, os.O_RDONLY)
        os.set_blocking(self._descriptor, False)
        self._axes, self._rest, self._lost = {}, b"", ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._descriptor)

    def _read(self):
        data = b""
        while not self._lost:
            try:
                piece = os.read(self._descriptor, 64 * self._EVENT.size)
            except BlockingIOError:
                break
            except OSError as error:
                piece, self._lost = b"", f"the gamepad is gone ({errno.errorcode.get(error.errno, error.errno)})"
            if not piece:
                self._lost = self._lost or "the gamepad is gone"
            data += piece
        return data

    def _share(self, number):
        share = self._axes.get(number, 0) / 32767
        return float(np.sign(share) * np.clip((abs(share) - self._DEAD) / (1 - self._DEAD), 0, 1))

    def poll(self):
        hands = Hands()
        data = self._rest + self._read()
        whole = len(data) // self._EVENT.size * self._EVENT.size
        self._rest = data[whole:]
        for _, value, kind, number in self._EVENT.iter_unpack(data[:whole]):
            if kind & ~self._INITIAL == self._AXIS:
                self._axes[number] = value
            elif kind == self._BUTTON and value and number in self._COMMANDS:  # the state at the beginning is no press
                hands.commands.append(self._COMMANDS[number])
        hands.lost = self._lost
        if not self._lost:  # a stick that cannot be heard is not held
            for places, values in ((self._MOVE, hands.velocity), (self._TURN, hands.turn)):
                for number, (axis, sign) in places.items():
                    values[axis] += sign * self._share(number)
        return hands
