# SPDX-License-Identifier: Apache-2.0
"""Curation beside other libraries: trends against SciPy, tool poses against Pinocchio, ranges and lag against NumPy, pictures against OpenCV."""

import demonstrations
import numpy as np
import pytest

import sinew
from sinew import curate, data, kinematics

pytest.importorskip("mujoco")
EPISODES = 6


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    urdf = demonstrations.record(folder / "clean.mcap", list(range(300, 300 + EPISODES)))
    (folder / "arm.urdf").write_text(urdf)
    return folder / "clean.mcap"


@pytest.fixture(scope="session")
def clean(recorded):
    return list(data.read_episodes(recorded, measure_cameras=True))


@pytest.fixture(scope="session")
def names(recorded):
    reader = data.read_episodes(recorded)
    return reader.joint_names, reader.card["action"]["gripper_names"]


def edited(episode, name, values):
    return data.Episode(episode.times, episode.channels | {name: (values, episode.channels[name][1])}, episode.actions, index=episode.index)


def judge(episodes, names, chain=None, **options):
    return data.curate([data.CurationFile("test", episodes, *names)], chain=chain, **options)


def scipy_change(column, period):
    """|x - trend|, and the largest of second and third differences at each frame, as docs/curation.md defines them."""
    from scipy.ndimage import median_filter
    from scipy.signal import savgol_filter

    steady = median_filter(median_filter(column, 3, mode="mirror"), 5, mode="mirror")
    residual = np.abs(column - savgol_filter(steady, 5, 2, mode="interp"))
    acceleration = np.pad(np.abs(np.diff(column, 2)) / period**2, 1, mode="edge")
    third = np.abs(np.diff(column, 3)) / period**3
    jerk = np.pad(np.maximum(np.append(third, 0), np.insert(third, 0, 0)), 1, mode="edge")
    return residual, acceleration, jerk


def scipy_bounds(changes):
    """Of residual, acceleration and jerk; of the latter two without what is within two frames of a large residual."""
    from scipy.ndimage import binary_dilation

    residual = max(0.02, 4 * np.quantile(np.concatenate([change[0] for change in changes]), 0.95))
    steady = [~binary_dilation(change[0] > residual, iterations=2) for change in changes]
    return [residual] + [max(floor, 5 * np.quantile(np.concatenate([c[k][keep] for c, keep in zip(changes, steady)]), 0.95)) for k, floor in ((1, 2), (2, 40))]


@pytest.mark.parametrize("joint", range(7))
def test_sudden_changes_are_what_scipy_says(clean, names, joint):
    rng = np.random.default_rng(joint)
    episodes = list(clean)
    for e, size in zip(rng.choice(EPISODES, 2, replace=False), (0.6, 0.15)):  # few: the bounds come from what is there
        values = clean[e].channels["joint_position"][0]
        values[rng.integers(len(values)), joint] += size
        episodes[e] = edited(clean[e], "joint_position", values)
    changes = [scipy_change(e.channels["joint_position"][0][:, joint], np.median(np.diff(e.times))) for e in episodes]
    bounds = scipy_bounds(changes)
    expected = {
        (e, frame): residual[frame]
        for e, (residual, acceleration, jerk) in enumerate(changes)
        for frame in np.nonzero((residual > bounds[0]) & ((acceleration > bounds[1]) | (jerk > bounds[2])))[0]
    }
    found = [item for item in judge(episodes, names).findings if item["stage"] == "sudden_change" and item["name"] == f"joint_position/{names[0][joint]}"]
    assert {(item["episode"], f) for item in found for f in range(item["first"], item["last"] + 1)} == set(expected) and expected
    for item in found:
        assert item["bound"] == pytest.approx(bounds[0], rel=1e-9)
        assert item["value"] == pytest.approx(max(expected[item["episode"], f] for f in range(item["first"], item["last"] + 1)), rel=1e-9)


def test_many_jumps_do_not_hide_each_other(clean, names):
    """2.5 % of a joint's frames, each in the derivatives of its neighbours too."""
    slots = [(e, frame) for e, episode in enumerate(clean) for frame in range(4, len(episode) - 5, 7)]
    for joint in range(7):
        rng = np.random.default_rng(40 + joint)
        values = [episode.channels["joint_position"][0] for episode in clean]
        injected = {slots[k] for k in rng.choice(len(slots), round(0.025 * sum(map(len, clean))), replace=False)}
        for e, frame in injected:
            values[e][frame, joint] += rng.choice([-0.6, 0.6])
        report = judge([edited(episode, "joint_position", moved) for episode, moved in zip(clean, values)], names)
        found = {(item["episode"], f) for item in report.findings if item["stage"] == "sudden_change" for f in range(item["first"], item["last"] + 1)}
        assert injected <= found and found <= {(e, f + d) for e, f in injected for d in (-1, 0, 1)}, joint


@pytest.mark.parametrize("size", [1, 2, 3, EPISODES])
def test_nothing_is_found_in_clean_sets_of_any_size(clean, names, size):
    for first in range(0, EPISODES, size):
        assert judge(clean[first : first + size], names).findings == []


def test_ranges_are_those_of_numpy_quantiles(clean, names):
    episodes = list(clean)
    values = clean[1].channels["joint_velocity"][0]
    values[7, 4] = 40.0
    episodes[1] = edited(clean[1], "joint_velocity", values)
    every = np.concatenate([episode.channels["joint_velocity"][0][:, 4] for episode in episodes])
    low, high = np.quantile(every, [0.01, 0.99])
    (found,) = [item for item in judge(episodes, names).findings if item["stage"] == "extreme_values"]
    assert (found["episode"], found["first"], found["last"], found["value"]) == (1, 7, 7, 40.0)
    assert found["bound"] == pytest.approx(high + 1.5 * (high - low), rel=1e-12)


def test_grippers_are_exempt(clean, names):
    gripper = names[0].index(names[1][0])
    values = clean[1].channels["joint_position"][0]
    values[7, gripper] += 5
    assert judge([clean[0], edited(clean[1], "joint_position", values), *clean[2:]], names).findings == []
    stages = {item["stage"] for item in judge([clean[0], edited(clean[1], "joint_position", values), *clean[2:]], (names[0], [])).findings}
    assert stages == {"sudden_change", "extreme_values"}


def test_tool_errors_are_those_of_pinocchio(clean, names, recorded):
    pinocchio = pytest.importorskip("pinocchio")
    urdf = str(recorded.parent / "arm.urdf")
    chain = kinematics.Chain.from_urdf(urdf, "link0", "tool")
    model = pinocchio.buildModelFromUrdf(urdf)
    scratch, tip, base = model.createData(), model.getFrameId("tool"), model.getFrameId("link0")
    rng = np.random.default_rng(8)
    episodes, expected = [], {}
    for e, episode in enumerate(clean):
        poses, q = episode.channels["tool_pose"][0], episode.channels["joint_position"][0]
        for frame in rng.choice(len(episode), 4, replace=False):
            poses[frame, :3] += rng.normal(0, 0.01, 3)
        for frame in range(len(episode)):
            full = pinocchio.neutral(model)
            for name in chain.joint_names:
                full[model.joints[model.getJointId(name)].idx_q] = q[frame, names[0].index(name)]
            pinocchio.framesForwardKinematics(model, scratch, full)
            place = scratch.oMf[base].actInv(scratch.oMf[tip]).translation
            distance = np.linalg.norm(place - poses[frame, :3])
            if distance > 0.005:
                expected[e, frame] = distance
        episodes.append(edited(episode, "tool_pose", poses))
    found = [item for item in judge(episodes, names, chain).findings if item["stage"] == "tool_consistency"]
    assert {(item["episode"], f) for item in found for f in range(item["first"], item["last"] + 1)} == set(expected) and len(expected) > 10
    for item in found:
        assert item["value"] == pytest.approx(max(expected[item["episode"], f] for f in range(item["first"], item["last"] + 1)), abs=1e-9)


def test_the_lag_is_where_numpy_correlates_best(clean, names):
    from scipy.signal import savgol_filter

    arm = [j for j, name in enumerate(names[0]) if name not in names[1]]
    late = 3
    episodes, motions = [], []
    for episode in clean:
        actions = episode.actions[np.clip(np.arange(len(episode)) - late, 0, None)]
        episodes.append(data.Episode(episode.times, episode.channels, actions))
        tables = (episode.channels["joint_position"][0][:, arm], actions[:, arm])
        motions.append([np.diff(savgol_filter(table, 5, 2, axis=0, mode="interp"), axis=0) for table in tables])

    def correlation(lag):
        pairs = [(s[max(lag, 0) : len(s) + min(lag, 0)], a[max(-lag, 0) : len(a) - max(lag, 0)]) for s, a in motions]
        state, action = (np.concatenate(side) for side in zip(*pairs))
        return np.mean(np.abs((state * action).sum(0)) / np.sqrt((state**2).sum(0) * (action**2).sum(0)))

    best = max(range(-10, 11), key=correlation)
    report = judge(episodes, names)
    (found,) = [item for item in report.findings if item["stage"] == "action_trend"]
    assert (found["value"], found["bound"]) == (best, 1) == (1 - late, 1)
    assert report.files[0]["correction"].command_shift == -late
    assert f"{correlation(best):.3f} there, {correlation(1):.3f} as recorded" in found["reason"]


def test_pictures_are_measured_as_opencv_does(tmp_path):
    cv2 = pytest.importorskip("cv2")
    rng = np.random.default_rng(9)
    images = [cv2.GaussianBlur(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8), (0, 0), 0.5 + k) for k in range(5)]
    with sinew.record.Recorder(tmp_path / "a.mcap", joint_names=["a"]) as recorder:
        for k, image in enumerate(images):
            recorder.add(sinew.Observation({"front": image}, {"q": (np.zeros(1), 1 + k / 10, "rad")}, "", time=1 + k / 10, id=k), command=np.zeros(1))
    (episode,) = data.read_episodes(tmp_path / "a.mcap", measure_cameras=True)
    for k, image in enumerate(images):
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        sharpness = cv2.Laplacian(grey, cv2.CV_64F)[1:-1, 1:-1].var()
        assert episode.cameras["front"]["brightness"][k] == pytest.approx(grey.mean(), abs=1)
        assert episode.cameras["front"]["sharpness"][k] == pytest.approx(sharpness, rel=0.1, abs=2)


def test_channels_that_are_not_there_or_too_narrow_are_refused(clean, names):
    for options, width in (({"joint_channel": "nothing"}, 8), ({"joint_channel": "tool_pose"}, 8), ({"pose_channel": "nothing"}, 7)):
        with pytest.raises(sinew.Error, match=f"of {width} values"):
            judge(clean, names, **options)
    values = clean[1].channels["joint_position"][0][:, :5]  # another width than the other episodes
    report = judge([clean[0], edited(clean[1], "joint_position", values), *clean[2:]], names)
    assert len(report.files[0]["episodes"]) == EPISODES


def test_a_width_that_changes_within_an_episode_is_a_fault_of_the_frame(tmp_path):
    with sinew.record.Recorder(tmp_path / "a.mcap", joint_names=["a", "b"]) as recorder:
        for k in range(40):
            q = np.full(3 if k == 11 else 2, 0.1 * np.sin(k / 5))
            recorder.add(sinew.Observation({}, {"q": (q, 1 + k / 10, "rad")}, "", time=1 + k / 10, id=k), command=np.full(2, 0.1 * np.sin((k + 1) / 5)))
    files, _ = curate.load([tmp_path / "a.mcap"])
    report = data.curate(files)
    assert {(item["stage"], item["first"], item["last"]) for item in report.findings} == {("structure", 11, 11)}
    assert report.files[0]["episodes"][0]["runs"][0][:3] == (11, 11, "reject")


def test_names_with_brackets_are_printed_and_drawn_as_they_are(tmp_path, capsys):
    from sinew import cli

    path = tmp_path / "[red]a.mcap"
    with sinew.record.Recorder(path, joint_names=["[/b]", "<i>"]) as recorder:
        for k in range(400):
            q = np.full(2, 0.1 * np.sin(k / 5))
            q[1] += 1.5 * (k == 200)
            recorder.add(sinew.Observation({}, {"[/q]": (q, 1 + k / 10, "rad")}, "", time=1 + k / 10, id=k), command=np.full(2, 0.1 * np.sin((k + 1) / 5)))
    assert cli.main(["curate", str(path), "--report", str(tmp_path / "page.html")]) == 0
    assert "[/q]/<i>" in capsys.readouterr().out.replace("\n", "")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<svg" in page and "[/q]/&lt;i&gt;" in page and "<i>" not in page
