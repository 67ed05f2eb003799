# SPDX-License-Identifier: Apache-2.0
"""sinew.kinematics.rotation against SciPy and, where SciPy is not exact enough, against mpmath."""

import mpmath
import numpy as np
import pytest
from scipy.linalg import polar
from scipy.spatial.transform import Rotation, Slerp

import sinew
from sinew.kinematics import rotation

CONVENTIONS = ("xyzw", "wxyz", "rotvec", "rpy", "xyz_intrinsic", "rot6d_columns", "rot6d_rows", "rot6d_interleaved")


def random_rotations(count, seed=0):
    return Rotation.random(count, random_state=seed)


def scipy_values(R, convention):
    """What SciPy (and NumPy slicing) writes for these rotations."""
    matrices = R.as_matrix()
    return {
        "xyzw": lambda: R.as_quat(canonical=True),
        "wxyz": lambda: R.as_quat(canonical=True, scalar_first=True),
        "rotvec": R.as_rotvec,
        "rpy": lambda: R.as_euler("xyz"),  # lower case: fixed axes
        "xyz_intrinsic": lambda: R.as_euler("XYZ"),  # upper case: turning axes
        "rot6d_columns": lambda: matrices[:, :, :2].transpose(0, 2, 1).reshape(-1, 6),
        "rot6d_rows": lambda: matrices[:, :2].reshape(-1, 6),
        "rot6d_interleaved": lambda: matrices[:, :, :2].reshape(-1, 6),
    }[convention]()


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_conventions_agree_with_scipy_one_by_one_and_in_batches(convention):
    R = random_rotations(2_000)
    expected = scipy_values(R, convention)
    values = rotation.from_matrix(R.as_matrix(), convention)
    assert values.shape == expected.shape
    assert np.abs(values - expected).max() < 1e-12  # the angles of a rotation near gimbal lock are uncertain; 1e-15 elsewhere
    assert np.median(np.abs(values - expected)) < 3e-16
    matrices = rotation.to_matrix(expected, convention)
    assert matrices.shape == (2_000, 3, 3)
    assert np.abs(matrices - R.as_matrix()).max() < 2e-15
    for i in range(20):
        assert np.array_equal(rotation.to_matrix(expected[i], convention), matrices[i])
        assert np.array_equal(rotation.from_matrix(R.as_matrix()[i], convention), values[i])
    assert rotation.to_matrix(expected[:0], convention).shape == (0, 3, 3)


def exact_matrix(rotvec):
    """exp of the cross-product matrix as a Taylor series with 50 digits: neither quaternions nor Rodrigues' formula."""
    x, y, z = (mpmath.mpf(float(v)) for v in rotvec)
    K = mpmath.matrix([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    term, total = mpmath.eye(3), mpmath.eye(3)
    for n in range(1, 50):
        term = term * K / n
        total += term
        if abs(x) + abs(y) + abs(z) < 1e-20:
            break  # the next term is smaller by 20 digits
    return total


def angles():
    """Powers of ten from both ends."""
    return [*(10.0**e for e in range(-300, -20, 20)), *(10.0**e for e in range(-20, 1)), 2.0, 3.0, *(np.pi - 10.0**e for e in range(-15, 0))]


def test_exp_and_log_are_exact_at_every_angle():
    rng = np.random.default_rng(0)
    with mpmath.workdps(50):
        for angle in angles():
            for axis in rng.normal(size=(2, 3)):
                rotvec = angle * axis / np.linalg.norm(axis)
                exact = exact_matrix(rotvec)
                R = rotation.to_matrix(rotvec, "rotvec")
                assert max(abs(mpmath.mpf(float(R[i, j])) - exact[i, j]) for i in range(3) for j in range(3)) <= 1e-15, angle
                skew = np.array([R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]])
                true = np.array([float(exact[2, 1] - exact[1, 2]), float(exact[0, 2] - exact[2, 0]), float(exact[1, 0] - exact[0, 1])])
                if angle < 1:
                    assert np.abs(skew - true).max() <= 1e-15 * np.abs(true).max(), angle
                rounded = np.array([[float(exact[i, j]) for j in range(3)] for i in range(3)])
                assert np.abs(rotation.from_matrix(rounded, "rotvec") - rotvec).max() <= 1e-15 * angle, angle


def test_nearest_agrees_with_scipy():
    rng = np.random.default_rng(1)
    M = rng.normal(size=(1_000, 3, 3))
    nearest = rotation.nearest(M)
    for matrix, R in zip(M, nearest):
        U, _ = polar(matrix)
        if np.linalg.det(matrix) > 0:
            assert np.abs(U - R).max() < 1e-11
        best, _ = Rotation.align_vectors(matrix.T, np.eye(3))
        assert np.abs(best.as_matrix() - R).max() < 1e-6
        assert np.trace(R.T @ matrix) >= np.trace(best.as_matrix().T @ matrix) - 1e-12
    assert np.array_equal(rotation.nearest(M[3]), nearest[3])


def test_slerp_agrees_with_scipy():
    t = np.linspace(0, 1, 21)
    for seed in range(50):
        ends = random_rotations(2, seed)
        start, end = ends.as_matrix()
        path = rotation.slerp(start, end, t)
        assert np.abs(path - Slerp([0, 1], ends)(t).as_matrix()).max() < 5e-15
        assert np.array_equal(path[0], start) and np.array_equal(path[-1], end)
        assert np.array_equal(rotation.slerp(start, end, t[7]), path[7])


def test_unwrap_undoes_what_scipy_wraps():
    t = np.linspace(-4, 40, 2_000)[:, None]
    axis = np.array([2, -1, 2]) / 3
    wrapped = Rotation.from_rotvec(t * axis).as_rotvec()
    assert np.abs(np.diff(wrapped, axis=0)).max() > 3
    lines = rotation.unwrap(wrapped)
    offset = lines[0] - t[0] * axis  # whole turns: the first row is as it was
    assert np.abs(lines - t * axis - offset).max() < 1e-12
    quaternions = Rotation.from_rotvec(t * axis).as_quat(canonical=True)
    smooth = rotation.unwrap(quaternions, "xyzw")
    assert np.abs(np.diff(quaternions, axis=0)).max() > 1 > 0.02 > np.abs(np.diff(smooth, axis=0)).max()
    assert np.array_equal(np.abs(smooth), np.abs(quaternions))
    yaw = np.c_[0 * t, 0 * t, np.angle(np.exp(1j * t))]
    assert np.abs(rotation.unwrap(yaw, "rpy") - np.unwrap(yaw, axis=0)).max() < 1e-12


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_detect_names_the_convention(convention, inverse):
    R = random_rotations(100)
    found = rotation.detect(scipy_values(R.inv() if inverse else R, convention).astype(np.float32), R.as_matrix())
    best = found.ranked[0]
    swapped = {"rot6d_columns": "rot6d_rows", "rot6d_rows": "rot6d_columns"} if inverse else {}
    assert best.convention == swapped.get(convention, convention)
    assert best.inverse == (inverse and convention not in swapped)
    assert best.max_angle < 2e-6 and best.refused == 0 and not found.ambiguous
    assert found.ranked[1].median_angle > 0.1


def test_detect_says_when_it_cannot_tell():
    yaw = np.linspace(0.1, 3, 30)[:, None] * [0, 0, 1]
    found = rotation.detect(yaw, Rotation.from_rotvec(yaw).as_matrix())
    assert found.ambiguous
    assert {fit.convention for fit in found.ranked[:3]} == {"rotvec", "rpy", "xyz_intrinsic"}
    assert [fit.indistinct for fit in found.ranked] == [False, True, True, False, False, False]
    assert "indistinct" in repr(found.ranked[1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rotation.to_matrix(np.zeros((2, 4)), "rotvec"), r"shape \[3\] or \[n, 3\], got \[2, 4\]"),
        (lambda: rotation.to_matrix([[0, 0, 0, 1], [0, 0, 0, 2]], "xyzw"), "value row 1"),
        (lambda: rotation.to_matrix([0, 0, 1e300], "rotvec"), "finite rotation as rotvec"),
        (lambda: rotation.from_matrix(np.stack([np.eye(3), -np.eye(3)]), "rotvec"), "R row 1"),
        (lambda: rotation.nearest(-np.eye(3)), "one nearest rotation"),
        (lambda: rotation.nearest(np.eye(4)), r"\[3, 3\] or \[n, 3, 3\]"),
        (lambda: rotation.slerp(np.eye(3), 2 * np.eye(3), 0.5), "end"),
        (lambda: rotation.slerp(np.eye(3), np.eye(3), np.nan), "finite number"),
        (lambda: rotation.unwrap(np.full((2, 3), np.nan)), "not_finite"),
        (lambda: rotation.unwrap(np.zeros(3)), r"\[n, 3\]"),
        (lambda: rotation.detect(np.zeros((2, 5)), np.zeros((2, 3, 3))), "3, 4 or 6"),
        (lambda: rotation.detect(np.zeros((2, 3)), np.zeros((1, 3, 3))), "values"),
        (lambda: rotation.to_matrix([0, 0, 0], "euler"), "xyz_intrinsic"),
    ],
)
def test_misuse_raises_sinew_error(call, message):
    with pytest.raises(sinew.Error, match=message):
        call()
