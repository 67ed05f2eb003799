# SPDX-License-Identifier: Apache-2.0
"""The simulated tabletop and a policy for it: the shipped one, that of another directory, or the scripted demonstrator."""

from pathlib import Path

import sinew

MODELS = Path(sinew.__file__).parent / "models"
SHIPPED = MODELS / "tabletop"  # learned from pixels, words and joint angles
DEMONSTRATOR = MODELS / "tabletop_demonstrator"  # scripted; reads the simulator's state

LEARNED_RATE = 2.5  # Hz: a chunk of 16 rows at 10 Hz, a new one after four of them
SCRIPTED_RATE = 10.0  # Hz


def directory_of(name):
    """A policy directory; "demonstrator" is one of them."""
    return DEMONSTRATOR if str(name) == "demonstrator" else Path(name)


def robot_for(card, seed=0):
    """The robot; frames have the size of the card's."""
    from sinew import sim

    size = (card["cameras"][0]["height"], card["cameras"][0]["width"]) if card["cameras"] else (128, 128)
    return sim.MujocoRobot.tabletop(seed=seed, camera_size=size)


def chain_of(robot):
    """From the arm's base to the tool."""
    return sinew.kinematics.Chain.from_urdf(robot.urdf, "link0", "tool")


def open_world(directory=SHIPPED, seed=0):
    """(robot, policy, Hz at which the policy is asked)."""
    from sinew import sim

    card = sinew.load_card(Path(directory) / "sinew.json")
    robot = robot_for(card, seed)
    if card["backend"] == "demonstrator":
        return robot, sim.demonstrator_policy(robot, directory), SCRIPTED_RATE
    return robot, sinew.Policy.load(directory), LEARNED_RATE
