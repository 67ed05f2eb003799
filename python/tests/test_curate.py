# SPDX-License-Identifier: Apache-2.0
"""Curation on the demonstrator's recordings: nothing is found in clean ones; defects of known size, put into them, are."""

import json

import demonstrations
import numpy as np
import pytest

import sinew
from sinew import cli, curate, data, kinematics

pytest.importorskip("mujoco")
EPISODES = 24
LEAST = 0.99  # precision and recall


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    """The recording and its robot description."""
    folder = tmp_path_factory.mktemp("demonstrations")
    urdf = demonstrations.record(folder / "clean.mcap", list(range(200, 200 + EPISODES)))
    (folder / "arm.urdf").write_text(urdf)
    return folder / "clean.mcap"


@pytest.fixture(scope="session")
def chain(recorded):
    return kinematics.Chain.from_urdf(str(recorded.parent / "arm.urdf"), "link0", "tool")


@pytest.fixture(scope="session")
def clean(recorded):
    return curate.load([recorded])[1][0]


@pytest.fixture(scope="session")
def names(recorded):
    reader = data.read_episodes(recorded)
    return reader.joint_names, reader.card["action"]["gripper_names"]


def edited(episode, channels=None, actions=None, cameras=None):
    return data.Episode(
        episode.times, episode.channels | (channels or {}), episode.actions if actions is None else actions, episode.cameras | (cameras or {}), episode.index
    )


def judge(episodes, names, chain=None):
    return data.curate([data.CurationFile("test", episodes, *names)], chain=chain)


def flagged(report, stage, name=None):
    """{(episode, frame)} of the stage's findings."""
    return {
        (item["episode"], frame)
        for item in report.findings
        if item["stage"] == stage and item["episode"] is not None and name in (None, item["name"])
        for frame in range(item["first"], item["last"] + 1)
    }


def score(found, injected, slack=0):
    """Precision and recall of frames; one within `slack` frames of an injected one is no false alarm."""
    near = {(e, f + d) for e, f in injected for d in range(-slack, slack + 1)}
    precision = len(found & near) / max(1, len(found))
    recall = len(found & injected) / len(injected)
    print(f"precision {precision:.4f}, recall {recall:.4f} of {len(injected)}")
    return precision, recall


def test_clean_recordings_have_no_findings(clean, names, chain):
    report = judge(clean, names, chain)
    assert report.findings == [] and report.files[0]["correction"].changes == []
    assert [episode["verdict"] for episode in report.files[0]["episodes"]] == ["keep"] * EPISODES
    assert report.files[0]["notes"] == []


def test_sudden_changes(clean, names):
    rng = np.random.default_rng(1)
    episodes, injected = [], set()
    for e, episode in enumerate(clean):
        values, unit = episode.channels["joint_position"]
        for joint in rng.choice(7, 2, replace=False):
            frame = int(rng.integers(4, len(episode) - 5))
            if any((e, frame + d) in injected for d in range(-4, 5)):
                continue
            values[frame, joint] += rng.choice([-1, 1]) * rng.uniform(0.25, 1.0)  # rad
            injected.add((e, frame))
        episodes.append(edited(episode, {"joint_position": (values, unit)}))
    precision, recall = score(flagged(judge(episodes, names), "sudden_change"), injected, slack=1)
    assert precision >= LEAST and recall >= LEAST and len(injected) > 30


def test_extreme_values(clean, names):
    rng = np.random.default_rng(2)
    every = np.concatenate([episode.channels["joint_position"][0] for episode in clean])
    low, high = np.quantile(every, [0.01, 0.99], axis=0)
    episodes, injected = [], set()
    for e, episode in enumerate(clean):
        values, unit = episode.channels["joint_position"]
        if e % 4 == 0:  # few, so that they do not make the quantiles
            joint, first = int(rng.integers(7)), int(rng.integers(5, len(episode) - 6))
            values[first : first + 2, joint] = high[joint] + (1.5 + rng.uniform(0.3, 2)) * max(1e-3, high[joint] - low[joint])
            injected |= {(e, first), (e, first + 1)}
        episodes.append(edited(episode, {"joint_position": (values, unit)}))
    precision, recall = score(flagged(judge(episodes, names), "extreme_values"), injected)
    assert precision >= LEAST and recall >= LEAST


@pytest.mark.parametrize("late", [-4, -1, 1, 2, 6])
def test_lag_is_found_to_the_frame(clean, names, late):
    episodes = []
    for episode in clean:
        actions = episode.actions[np.clip(np.arange(len(episode)) - late, 0, len(episode) - 1)]
        episodes.append(edited(episode, actions=actions))
    report = judge(episodes, names)
    assert report.files[0]["correction"].command_shift == -late
    assert any("too " + ("late" if late > 0 else "early") in change for change in report.files[0]["correction"].changes)


def test_commands_that_go_elsewhere_reject_their_episode(clean, names):
    rng = np.random.default_rng(3)
    episodes, bad = [], set()
    for e, episode in enumerate(clean):
        actions = episode.actions
        if e % 5 == 2:  # of another episode, backwards
            other = clean[(e + 7) % EPISODES].actions[::-1]
            actions = other[np.arange(len(episode)) % len(other)] + rng.normal(0, 0.02, actions.shape)
            bad.add(e)
        episodes.append(edited(episode, actions=actions))
    report = judge(episodes, names)
    found = {item["episode"] for item in report.findings if item["stage"] == "action_trend" and item["episode"] is not None}
    assert found == bad
    assert {e for e, verdict in enumerate(report.files[0]["episodes"]) if verdict["verdict"] == "reject"} == bad


def quaternion_product(a, b):
    (aw, ax, ay, az), (bw, bx, by, bz) = a.T, b.T
    return np.stack([aw * bw - ax * bx - ay * by - az * bz, aw * bx + ax * bw + ay * bz - az * by, aw * by - ax * bz + ay * bw + az * bx, aw * bz + ax * by - ay * bx + az * bw], -1)


def moved_tools(episodes, place, turn):
    """Poses of a tool at `place` (m) and `turn` (quaternion) of the one that was recorded."""
    moved = []
    for episode in episodes:
        poses, unit = episode.channels["tool_pose"]
        rotation = np.stack([kinematics.rotation.to_matrix(np.roll(q, -1), "xyzw") for q in poses[:, 3:]])
        moved.append(edited(episode, {"tool_pose": (np.hstack([poses[:, :3] + rotation @ place, quaternion_product(poses[:, 3:], np.tile(turn, (len(poses), 1)))]), unit)}))
    return moved


def test_a_constant_tool_offset_is_found(clean, names, chain):
    place, half = np.array([0.02, -0.01, 0.103]), 0.3
    turn = np.array([np.cos(half), 0, 0, np.sin(half)])
    report = judge(moved_tools(clean, place, turn), names, chain)
    correction = report.files[0]["correction"]
    assert np.abs(correction.tip_from_recorded[:3, 3] - place).max() < 1e-6
    assert np.abs(correction.tip_from_recorded[:3, :3] - kinematics.rotation.to_matrix(np.roll(turn, -1), "xyzw")).max() < 1e-6
    assert len(report.findings) == 1 and report.findings[0]["correctable"]
    assert {episode["verdict"] for episode in report.files[0]["episodes"]} == {"correctable"}


@pytest.mark.parametrize("flipped", [[3], [0, 5], [1, 2, 6]])
def test_joint_signs_are_found(clean, names, chain, flipped):
    signs = np.ones(len(names[0]))
    signs[flipped] = -1
    episodes = []
    for episode in clean:
        (position, unit), (velocity, rate) = episode.channels["joint_position"], episode.channels["joint_velocity"]
        episodes.append(edited(episode, {"joint_position": (position * signs, unit), "joint_velocity": (velocity * signs, rate)}, episode.actions * signs))
    correction = judge(episodes, names, chain).files[0]["correction"]
    assert np.array_equal(correction.joint_signs, signs) and np.array_equal(correction.command_signs, signs)


def test_a_turned_base_is_found(clean, names, chain):
    half = np.sqrt(0.5)
    for described in (chain, None):
        episodes = []
        for episode in clean:
            poses, unit = episode.channels["tool_pose"]
            x, y, z = poses[:, :3].T
            turned = np.hstack([np.stack([-y, x, z], -1), quaternion_product(np.tile([half, 0, 0, half], (len(poses), 1)), poses[:, 3:])])
            episodes.append(edited(episode, {"tool_pose": (turned, unit)}))
        report = judge(episodes, names, described)
        assert any(item["stage"] == "orientation" for item in report.findings)
        assert np.abs(report.files[0]["correction"].recorded_from_base - [[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]).max() < 1e-6


def test_tool_poses_off_the_joints_are_rejected(clean, names, chain):
    rng = np.random.default_rng(4)
    episodes, injected = [], set()
    for e, episode in enumerate(clean):
        poses, unit = episode.channels["tool_pose"]
        for frame in rng.choice(len(episode), 3, replace=False):
            poses[frame, :3] += rng.uniform(0.006, 0.05) * np.array([1, 0, 0])
            injected.add((e, int(frame)))
        episodes.append(edited(episode, {"tool_pose": (poses, unit)}))
    precision, recall = score(flagged(judge(episodes, names, chain), "tool_consistency"), injected)
    assert precision >= LEAST and recall >= LEAST


def rewritten(source, target, change):
    """A copy of a recording whose observations went through `change(episode, frame, cameras, state)`; commands through `change.command`."""
    recording = sinew.record.read(source)
    with sinew.record.Recorder(target, card=recording.card, joint_names=names_of(source), wait_for_room=True) as recorder:
        episode, frame = -1, 0
        for record in recording:
            content = record.content
            if isinstance(content, sinew.Observation):
                cameras, state = change(episode, frame, dict(content.cameras), dict(content.state))
                frame += 1
                recorder.add(sinew.Observation(cameras, state, content.instruction, content.time, content.id))
            elif isinstance(content, sinew.record.Command):
                recorder.add_command(*getattr(change, "command", lambda time, values: (time, values))(content.time, content.values))
            elif isinstance(content, sinew.record.Event) and content.kind == "episode":
                if "instruction" in json.loads(content.text):
                    episode, frame = episode + 1, 0
                recorder.add_event(content.time, content.kind, content.text)


def names_of(path):
    return data.read_episodes(path).joint_names


def test_cameras(recorded, clean, names, tmp_path):
    from PIL import Image, ImageFilter

    rng = np.random.default_rng(5)
    injected = {"black": set(), "blurred": set(), "frozen": set()}
    plan = {}
    for e, episode in enumerate(clean):
        joints = np.asarray(episode.channels["joint_position"][0])[:, :7]
        steps = np.abs(np.diff(joints, axis=0)).max(axis=1)
        moving = next(f for f in range(14, len(episode) - 5) if steps[f : f + 5].min() > 0.01)  # a picture may stand still while the arm does
        for kind, first, count in (("black", 5, 2), ("blurred", 12, 2), ("frozen", moving, 5)):
            camera = str(rng.choice(["front", "wrist"]))
            for frame in range(first, first + count):
                plan[e, frame, camera] = (kind, first)
                if kind != "frozen" or frame > first:  # the first frame of a frozen run is good
                    injected[kind].add((e, frame))
    frozen = {}

    def change(episode, frame, cameras, state):
        for camera, (image, stamp) in cameras.items():
            kind, first = plan.get((episode, frame, camera), (None, 0))
            if kind == "black":
                image = rng.integers(0, 4, image.shape, dtype=np.uint8)
            elif kind == "blurred":
                image = np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(4)))
            elif kind == "frozen":
                image = frozen.setdefault((episode, camera, first), image)
            cameras[camera] = (image, stamp)
        return cameras, state

    rewritten(recorded, tmp_path / "bad.mcap", change)
    report = judge(curate.load([tmp_path / "bad.mcap"])[1][0], names)
    words = {"black": "is black", "blurred": "is blurred", "frozen": "one picture"}
    for kind, word in words.items():
        found = {(item["episode"], f) for item in report.findings if word in item["reason"] for f in range(item["first"], item["last"] + 1)}
        precision, recall = score(found, injected[kind])
        assert precision >= LEAST and recall >= LEAST, kind


def test_fix_writes_a_clean_copy_and_says_what_it_changed(recorded, names, tmp_path, capsys):
    place, signs = np.array([0.0, 0.03, 0.05]), np.ones(len(names[0]))
    signs[3] = -1

    def change(episode, frame, cameras, state):
        pose, stamp, unit = state["tool_pose"]
        rotation = kinematics.rotation.to_matrix(np.roll(pose[3:], -1), "xyzw")
        state["tool_pose"] = (np.concatenate([pose[:3] + rotation @ place, pose[3:]]), stamp, unit)
        for channel in ("joint_position", "joint_velocity"):
            values, stamp, unit = state[channel]
            state[channel] = (values * signs, stamp, unit)
        return cameras, state

    change.command = lambda time, values: (time + 0.2, values * signs)  # two frames late
    bad, good, verdicts, page = (tmp_path / name for name in ("bad.mcap", "good.mcap", "verdicts.json", "report.html"))
    rewritten(recorded, bad, change)
    description = ["--urdf", str(recorded.parent / "arm.urdf"), "--base", "link0", "--tip", "tool"]
    assert cli.main(["curate", str(bad), *description, "--fix", str(good), "--json", str(verdicts), "--report", str(page)]) == 0
    said = capsys.readouterr().out
    changes = [item.content.text for item in sinew.record.read(good) if isinstance(item.content, sinew.record.Event) and item.content.kind == "curation"]
    assert len(changes) == 3 and all(change in said for change in changes)
    assert "<svg" in page.read_text() or "Nothing to show" in page.read_text()
    assert {episode["verdict"] for episode in json.loads(verdicts.read_text())["files"][0]["episodes"]} <= {"correctable", "reject"}
    assert cli.main(["curate", str(good), *description, "--json", str(verdicts)]) == 0
    entry = json.loads(verdicts.read_text())["files"][0]
    assert entry["corrections"] == []
    first, again = curate.load([recorded])[1][0], curate.load([good])[1][0]
    for before, after in zip(first, again, strict=True):
        assert np.array_equal(before.channels["joint_position"][0], after.channels["joint_position"][0])
        assert np.abs(before.channels["tool_pose"][0] - after.channels["tool_pose"][0]).max() < 1e-5
        assert np.array_equal(before.actions[:-3], after.actions[:-3])
    with pytest.raises(SystemExit):
        cli.main(["curate"])
    assert cli.main(["curate", str(bad), *description, "--fix", str(good)]) != 0  # never over a file that is there


def test_what_cannot_be_judged_is_said_or_refused(clean, names, chain, tmp_path, capsys):
    one = data.Episode(clean[0].times[:1], {name: (values[:1], unit) for name, (values, unit) in clean[0].channels.items()}, clean[0].actions[:1])
    report = judge([one, *clean[1:]], names, chain)
    assert report.files[0]["episodes"][0]["verdict"] == "reject"
    values, unit = clean[2].channels["joint_position"]
    values[7, 2] = np.nan
    report = judge([*clean[:2], edited(clean[2], {"joint_position": (values, unit)}), *clean[3:]], names, chain)
    assert flagged(report, "structure") == {(2, 7)}
    bare = [data.Episode(episode.times, {}, None) for episode in clean]
    assert len(judge(bare, names, chain).files[0]["notes"]) == 2
    assert judge([], names, chain).files[0]["episodes"] == []
    with pytest.raises(sinew.Error):
        data.Episode(clean[0].times, {"joint_position": (np.zeros((3, 8)), "rad")})
    (tmp_path / "empty.mcap").write_bytes(b"")
    assert cli.main(["curate", str(tmp_path / "empty.mcap")]) == 1
    assert cli.main(["curate", "x.mcap", "--urdf", "a.urdf"]) == 2
    assert "belong together" in capsys.readouterr().err


def test_export_leaves_out_what_was_rejected(recorded, names, tmp_path):
    pytest.importorskip("pyarrow")

    def change(episode, frame, cameras, state):
        if episode == 1 and frame in (10, 11):
            cameras["front"] = (np.zeros_like(cameras["front"][0]), cameras["front"][1])
        return cameras, state

    rewritten(recorded, tmp_path / "bad.mcap", change)
    assert cli.main(["curate", str(tmp_path / "bad.mcap"), "--json", str(tmp_path / "v.json")]) == 0
    assert cli.main(["export", str(tmp_path / "bad.mcap"), "--to", "lerobot", str(tmp_path / "d"), "--images", "none", "--curation", str(tmp_path / "v.json")]) == 0
    frames = sum(len(episode) for episode in data.read_episodes(recorded))
    assert json.loads((tmp_path / "d/meta/info.json").read_text())["total_frames"] == frames - 2
