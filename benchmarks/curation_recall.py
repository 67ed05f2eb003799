# SPDX-License-Identifier: Apache-2.0
"""How many sudden jumps curation finds by their size and number, and how often it calls clean recordings bad (docs/curation.md).

PYTHONPATH=build/dev/python python benchmarks/curation_recall.py [--episodes N]
"""

import argparse
import pathlib
import sys
import tempfile

import numpy as np

from sinew import data

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "python/tests"))
import demonstrations

SIZES = (0.25, 0.5)  # rad
SHARES = (0.005, 0.01, 0.014, 0.02, 0.04, 0.05)  # of a joint's frames
SET_SIZES = (1, 2, 3, 6, 12, 24)  # episodes
JUDGED, SPACING, FIRST_SEED = 30, 7, 200


def recorded(episodes):
    """Episodes of the demonstrator, joint names and gripper names."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "clean.mcap"
        demonstrations.record(path, list(range(FIRST_SEED, FIRST_SEED + episodes)), camera_size=(16, 16))
        reader = data.read_episodes(path)
        return list(reader), (reader.joint_names, reader.card["action"]["gripper_names"])


def flagged(episodes, names):
    """{(episode, frame)} of sudden changes, and the number of other findings."""
    findings = data.curate([data.CurationFile("set", episodes, *names)]).findings
    sudden = [item for item in findings if item["stage"] == "sudden_change"]
    return {(item["episode"], frame) for item in sudden for frame in range(item["first"], item["last"] + 1)}, len(findings) - len(sudden)


def injected(episodes, joint, size, share):
    """Copies with single jumps in one joint, at least SPACING frames apart, and where they are."""
    rng = np.random.default_rng([joint, round(1000 * size), round(1000 * share)])
    values = [episode.channels["joint_position"][0] for episode in episodes]
    slots = [(e, frame) for e, episode in enumerate(episodes) for frame in range(4, len(episode) - 5, SPACING)]
    chosen = [slots[k] for k in rng.choice(len(slots), round(share * sum(map(len, episodes))), replace=False)]
    for e, frame in chosen:
        values[e][frame, joint] += size * rng.choice([-1, 1])
    made = [data.Episode(e.times, e.channels | {"joint_position": (moved, "rad")}, e.actions, {}, e.index) for e, moved in zip(episodes, values)]
    return made, set(chosen)


def print_recall(episodes, names):
    joints = [joint for joint, name in enumerate(names[0]) if name not in names[1]]
    print(f"{len(episodes)} episodes, {sum(map(len, episodes))} frames, {len(joints)} joints in turn; precision: flagged frames within one of a jump\n")
    print("| jump | frames with one | found, all joints | found, worst joint | precision |\n|---|---|---|---|---|")
    for size in SIZES:
        for share in SHARES:
            recalls, right, found_in_all = [], 0, 0
            for joint in joints:
                made, jumps = injected(episodes, joint, size, share)
                found = flagged(made, names)[0]
                recalls.append(len(found & jumps) / len(jumps))
                right += len(found & {(e, frame + d) for e, frame in jumps for d in (-1, 0, 1)})
                found_in_all += len(found)
            precision = f"{100 * right / found_in_all:.0f} %" if found_in_all else "-"
            print(f"| {size} rad | {100 * share:.1f} % | {100 * np.mean(recalls):.0f} % | {100 * min(recalls):.0f} % | {precision} |", flush=True)


def print_false_alarms(episodes, names):
    print("\n| clean episodes in a set | sets | sets with a finding | frames flagged | other findings |\n|---|---|---|---|---|")
    for size in SET_SIZES:
        results = [flagged(episodes[first : first + size], names) for first in range(0, len(episodes) - size + 1, size)]
        bad = sum(bool(frames) or others > 0 for frames, others in results)
        print(f"| {size} | {len(results)} | {bad} | {sum(len(frames) for frames, _ in results)} | {sum(others for _, others in results)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=54)
    episodes, names = recorded(parser.parse_args().episodes)
    print_recall(episodes[:JUDGED], names)
    print_false_alarms(episodes, names)


if __name__ == "__main__":
    main()
