# SPDX-License-Identifier: Apache-2.0
"""Motion from Python: limits are checked here with the rule itself, on what the filter emits."""

import numpy as np
import pytest

import sinew
from sinew import motion

DOF = 8
LOWER = np.r_[np.full(7, -2.8), 0.0]
UPPER = np.r_[np.full(7, 2.8), 0.08]
VELOCITY = np.r_[np.full(7, 2.0), 0.2]
ACCELERATION = np.r_[np.full(7, 12.0), 2.0]
JERK = np.r_[np.full(7, 300.0), 40.0]


def arm():
    return motion.JointLimits(LOWER, UPPER, VELOCITY, ACCELERATION, JERK)


def check_tick(before, after, dt):
    """Limits at both ends of a tick and at the velocity's extremum between; the ends lie on one cubic."""
    (q0, v0, a0), (q1, v1, a1) = before, after
    jerk = (a1 - a0) / dt
    assert np.all(np.abs(jerk) <= JERK * (1 + 1e-9))
    assert np.all(np.abs(a1) <= ACCELERATION)
    assert np.all(np.abs(v1) <= VELOCITY)
    assert np.all((q1 >= LOWER) & (q1 <= UPPER))
    np.testing.assert_allclose(v1, v0 + a0 * dt + jerk * dt**2 / 2, atol=1e-12)
    np.testing.assert_allclose(q1, q0 + v0 * dt + a0 * dt**2 / 2 + jerk * dt**3 / 6, atol=1e-12)
    with np.errstate(divide="ignore", invalid="ignore"):
        turn = -a0 / jerk
        peak = v0 + a0 * turn / 2
    inside = (turn > 0) & (turn < dt)
    assert np.all(np.abs(peak[inside]) <= VELOCITY[inside])


@pytest.mark.parametrize("dt", [0.002, 0.01])
def test_commands_stay_within_the_limits(dt):
    rng = np.random.default_rng(1)
    f = motion.CommandFilter(arm(), dt)
    f.reset((LOWER + UPPER) / 2)
    target = np.zeros(DOF)
    for k in range(2000):
        if k % 60 == 0:
            target = rng.uniform(LOWER - 1, UPPER + 1)
        if k % 97 == 0:
            target[rng.integers(DOF)] = np.nan
        before = f.state
        q = f.step(target)
        assert f.status == ("not_finite" if np.isnan(target).any() else "ok")
        np.testing.assert_array_equal(q, f.state[0])
        check_tick(before, f.state, dt)
    assert f.clamped_targets > 0 and f.split_ticks == 0


def test_varying_ticks_keep_the_limits():
    rng = np.random.default_rng(2)
    f = motion.CommandFilter(arm(), 0.002)
    f.reset((LOWER + UPPER) / 2)
    for k in range(2000):
        dt = 0.002 * rng.uniform(0.5, 2)
        before, splits = f.state, f.split_ticks
        f.step(UPPER if k // 400 % 2 else LOWER, dt=dt)
        if f.split_ticks == splits:
            check_tick(before, f.state, round(dt * 1e9) * 1e-9)
    assert f.split_ticks < 0.02 * 2000 * DOF


def test_reaches_a_target_and_rests_there():
    f = motion.CommandFilter(arm(), 0.002)
    start = (LOWER + UPPER) / 2
    f.reset(start)
    target = np.r_[np.linspace(-1, 1, 7), 0.07]
    for _ in range(1000):
        q = f.step(target)
    np.testing.assert_allclose(q, target, atol=1e-9)
    assert f.at_rest
    np.testing.assert_array_equal(f.state[1], 0)


def test_nan_equals_no_target():
    a, b = (motion.CommandFilter(arm(), 0.005) for _ in range(2))
    for f in (a, b):
        f.reset((LOWER + UPPER) / 2)
    target = np.r_[np.full(7, 1.0), 0.02]
    for k in range(400):
        bad = target.copy()
        bad[k % DOF] = [np.nan, np.inf, -np.inf][k % 3]
        qa, qb = (a.step(bad), b.step(None)) if k % 4 == 1 else (a.step(target), b.step(target))
        assert a.status == ("not_finite" if k % 4 == 1 else "ok")
        np.testing.assert_array_equal(qa, qb)


def test_stop_is_latched():
    f = motion.CommandFilter(arm(), 0.002)
    f.reset((LOWER + UPPER) / 2)
    for _ in range(100):
        f.step(UPPER)
    f.stop()
    for _ in range(500):
        rest = f.step(UPPER)
        assert f.status == "stopped"
    assert f.at_rest
    np.testing.assert_array_equal(f.step(LOWER), rest)
    f.reset(rest)
    assert f.step(LOWER)[0] < rest[0]


def test_misuse_raises():
    with pytest.raises(sinew.Error, match="joint 1 'elbow' position"):
        motion.JointLimits([0, 1], [1, 0], [1, 1], [1, 1], [1, 1], names=["shoulder", "elbow"])
    with pytest.raises(sinew.Error, match="jerk"):
        motion.JointLimits([0], [1], [1], [1], [0])
    with pytest.raises(sinew.Error, match="lower"):
        motion.JointLimits([[0]], [1], [1], [1], [1])
    for dt in (0, -1, 1, np.nan):
        with pytest.raises(sinew.Error):
            motion.CommandFilter(arm(), dt)
    f = motion.CommandFilter(arm(), 0.002)
    with pytest.raises(sinew.Error, match="reset"):
        f.step(LOWER)
    assert f.status == "not_ready"
    with pytest.raises(sinew.Error):
        f.reset(UPPER + 1)
    with pytest.raises(sinew.Error, match="shape"):
        f.reset(np.zeros(3))
    f.reset(LOWER)
    with pytest.raises(sinew.Error, match="shape"):
        f.step(np.zeros(3))
    with pytest.raises(sinew.Error, match="dt"):
        f.step(LOWER, dt=1.0)
    with pytest.raises(sinew.Error):
        motion.ChunkTimeline(0)
    with pytest.raises(sinew.Error, match="hold column"):
        motion.ChunkTimeline(2, hold_columns=[5])


def ramp(t0, sequence, value=None):
    values = np.outer(np.arange(10.0), [1, 10]) if value is None else np.full((10, 2), value)
    return sinew.ActionChunk(values, t0, 0.05, sequence=sequence)


def test_timeline_interpolates_blends_and_starves():
    timeline = motion.ChunkTimeline(2, hold_columns=[1])
    target, status = timeline.at(0.0)
    assert status == "not_ready" and np.isnan(target).all()
    timeline.clear()
    assert timeline.push(ramp(1.0, 1)) == "ok"
    np.testing.assert_allclose(timeline.at(0.5)[0], [0, 0])
    target, status = timeline.at(1.125)
    assert status == "ok"
    np.testing.assert_allclose(target, [2.5, 20], rtol=1e-14)
    assert timeline.push(ramp(1.0, 2, value=0.0), now=1.2) == "ok"
    np.testing.assert_allclose(timeline.at(1.2)[0][0], 4, rtol=1e-14)
    np.testing.assert_allclose(timeline.at(1.25)[0][0], 2.5, rtol=1e-14)
    assert timeline.at(1.3)[0][0] == 0
    assert timeline.end == pytest.approx(1.55)
    assert timeline.at(1.56)[1] == "stopped"


def test_timeline_refuses_and_stays_as_it_was():
    timeline = motion.ChunkTimeline(2, max_horizon=10, lower=[-1, -1], upper=[20, 200])
    assert timeline.push(ramp(1.0, 5)) == "ok"
    before = timeline.at(1.13)[0]
    bad = ramp(1.0, 6)
    bad.values[3, 1] = np.nan
    assert timeline.push(bad) == "not_finite"
    assert timeline.push(ramp(1.0, 5)) == "stale"
    assert timeline.push(ramp(0.0, 6)) == "stale"
    assert timeline.push(ramp(1.0, 6, value=21.0)) == "out_of_range"
    assert timeline.push(sinew.ActionChunk(np.zeros((4, 3)), 1.0, 0.05, sequence=6)) == "bad_shape"
    assert timeline.push(sinew.ActionChunk(np.zeros((11, 2)), 1.0, 0.05, sequence=6)) == "over_capacity"
    assert timeline.push(sinew.ActionChunk(np.zeros((4, 2)), 1.1, 0.0, sequence=6)) == "out_of_range"
    np.testing.assert_array_equal(timeline.at(1.13)[0], before)
    assert timeline.sequence == 5


def test_limits_come_from_several_sources_and_say_so():
    inf = np.inf
    card = motion.labelled(motion.JointLimits([-1, -2], [1, 2], [2, 3], [10, 12], [100, 200], names=["a", "b"]), "card")
    user = motion.JointLimits([-inf, -inf], [0.5, inf], [inf, 1], [inf, inf], [inf, inf], partial=True)
    both = motion.combined([card, motion.labelled(user, "user")])
    assert list(both.upper) == [0.5, 2] and list(both.velocity) == [2, 1]
    assert both.sources["upper"] == ["user", "card"]
    assert "velocity 1 (user)" in str(both)
    with pytest.raises(sinew.Error, match="joint 0 position"):
        motion.combined([user])
    with pytest.raises(sinew.Error):
        motion.JointLimits([-inf], [1], [1], [1], [1])


def test_filter_changes_limits_brakes_and_tells_its_stop():
    f = motion.CommandFilter(motion.JointLimits([-3], [3], [2], [10], [400]), 0.002)
    f.reset([-2.5])
    for _ in range(400):
        f.step([2.9])
    q, dq = f.along_stop(f.stop_time)
    assert abs(dq[0]) < 1e-9 and q[0] > f.state[0][0]
    f.change_limits(motion.JointLimits([-3], [3], [1], [5], [400]))
    assert f.in_transition
    for _ in range(300):
        f.step([2.9])
    assert not f.in_transition and abs(f.state[1][0]) <= 1
    f.set_speed_scale(0.1)
    for _ in range(300):
        f.step([2.9])
    assert abs(f.state[1][0]) <= 0.1 + 1e-9
    for _ in range(300):
        f.brake()
    assert f.at_rest
    with pytest.raises(sinew.Error):
        f.set_speed_scale(2)


def test_timeline_options_and_rules():
    chunk = lambda sequence, t0=0.0: sinew.ActionChunk(np.full((10, 2), float(sequence)), t0, 0.05, sequence=sequence)  # noqa: E731
    timeline = motion.ChunkTimeline(2, merge="replace", max_age=0.2, dt=0.05)
    assert timeline.push(chunk(1)) == "ok"
    assert timeline.push(chunk(2), now=0.1) == "ok"
    assert timeline.at(0.1)[0][0] == 2
    assert timeline.push(chunk(3), now=0.3) == "stale"
    assert timeline.first_row_after(0.12) == 3
    end = timeline.end
    timeline.delay(0.5)
    assert timeline.end == pytest.approx(end + 0.5)
    with pytest.raises(sinew.Error, match="merge"):
        motion.ChunkTimeline(2, merge="mix")
    with pytest.raises(TypeError):
        motion.ChunkTimeline(2, blen=0.1)


def test_velocity_filter_keeps_its_limits_and_stops_in_silence():
    f = motion.VelocityFilter([1.0, 2.0], [2.0, 6.0], [20.0, 80.0], 0.005)
    with pytest.raises(sinew.Error, match="reset"):
        f.step([1, 1])
    f.reset()
    last = np.zeros(2)
    for _ in range(400):
        v = f.step([5.0, -5.0])
        assert np.all(np.abs(v) <= [1, 2]) and np.all(np.abs(v - last) <= np.array([2, 6]) * 0.005 * (1 + 1e-9))
        last = v
    np.testing.assert_allclose(last, [1, -2], rtol=1e-9)
    for _ in range(400):
        f.step(None)
    assert f.at_rest and f.clamped_targets == 400


def test_governor_and_guard_slow_down():
    limits = motion.JointLimits([-3, -2.5], [3, 2.5], [2, 3], [8, 12], [300, 400])
    timeline = motion.ChunkTimeline(2)
    values = np.outer(np.linspace(0, 2, 20), [1, 0.2])
    assert timeline.push(sinew.ActionChunk(values, 0.0, 0.02, sequence=1)) == "ok"
    governor = motion.PathGovernor(limits, 0.002)
    rates = [governor.apply(timeline, 0.002 * (k + 1), 0.002) for k in range(100)]
    assert min(rates) < 0.6 and governor.rate <= 1

    urdf = """<robot name="planar"><link name="base"/><link name="upper"/><link name="lower"/><link name="tool"/>
    <joint name="a" type="revolute"><parent link="base"/><child link="upper"/><axis xyz="0 0 1"/><limit lower="-3" upper="3" velocity="2" effort="1"/></joint>
    <joint name="b" type="revolute"><parent link="upper"/><child link="lower"/><origin xyz="0.5 0 0"/><axis xyz="0 0 1"/><limit lower="-2.5" upper="2.5" velocity="3" effort="1"/></joint>
    <joint name="t" type="fixed"><parent link="lower"/><child link="tool"/><origin xyz="0.4 0 0"/></joint></robot>"""
    chain = sinew.kinematics.Chain.from_urdf(urdf, "base", "tool")
    f = motion.CommandFilter(limits, 0.002)
    f.reset([0.5, 1.0])
    guard = motion.ToolGuard(chain, motion.ToolBox(upper=[0.7, 1, 1], speed=0.5), f)
    largest, fastest, last = 0.0, 0.0, None
    for _ in range(1500):
        q, status = guard.step(f, [0.0, 0.0])
        tool = sinew.kinematics.forward(chain, q)[:3, 3]
        largest = max(largest, tool[0])
        fastest = max(fastest, 0.0 if last is None else float(np.linalg.norm(tool - last)) / 0.002)
        last = tool
    assert 0.65 < largest <= 0.7 and 0.3 < fastest <= 0.5005 and guard.interventions > 0
    assert motion.limits_from_chain(chain, "planar").sources["velocity"] == ["planar", "planar"]


def test_pose_chunks_turn_the_shorter_way_without_jumps_of_sign():
    angles = np.linspace(0, 1.5, 10)
    signs = np.where(np.arange(10) % 2 == 0, 1, -1)
    q = np.stack([np.cos(angles / 2), np.sin(angles / 2), 0 * angles, 0 * angles], axis=1) * signs[:, None]
    values = np.concatenate([np.zeros((10, 3)), q], axis=1)
    timeline = motion.ChunkTimeline(7, space="tool_pose", quaternion_columns=[3])
    assert timeline.push(sinew.ActionChunk(values, 0.0, 0.1, sequence=1, space="tool_pose")) == "ok"
    assert timeline.push(sinew.ActionChunk(-values, 0.0, 0.1, sequence=2, space="tool_pose"), now=0.3) == "ok"
    rows = np.array([timeline.at(t)[0] for t in np.arange(0.0, 0.9, 0.002)])
    assert np.abs(np.diff(rows[:, 3:], axis=0)).max() < 0.02
    assert timeline.push(sinew.ActionChunk(values, 0.4, 0.1, sequence=3)) == "bad_shape"
    with pytest.raises(sinew.Error, match="space"):
        sinew.ActionChunk(values, 0.0, 0.1, space="poses")


def test_stop_bounds_hold():
    limits = motion.JointLimits([-3], [3], [2], [10], [400])
    seconds, distance = motion.stop_bounds(limits, 0.001)
    assert seconds[0] == pytest.approx(0.254) and 0 < distance[0] < 2 * seconds[0]
