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
