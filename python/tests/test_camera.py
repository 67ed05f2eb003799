# SPDX-License-Identifier: Apache-2.0
"""sinew.kinematics.Camera against OpenCV."""

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import sinew
from sinew import kinematics as kin

FX, FY, CX, CY = 610.3, 608.9, 322.7, 241.4
K = np.array([[FX, 0, CX], [0, FY, CY], [0, 0, 1]])
NONE = np.zeros(3)
BROWN = {
    0: (),
    4: (-0.28, 0.07, 2e-4, -3e-4),
    5: (0.12, -0.25, 1e-3, 5e-4, 0.09),
    8: (0.9, 0.31, 1e-4, -2e-4, 0.011, 1.25, 0.52, 0.06),
}
FISHEYE = (-0.012, 0.04, -0.035, 0.009)


def random_points(camera, count=20_000, seed=0, widest=1.2):
    """Points whose rays lie within the lens's domain and `widest` (x / z)."""
    rng = np.random.default_rng(seed)
    r = rng.uniform(0, min(widest, 0.95 * np.tan(camera.max_angle)), count)
    direction, z = rng.uniform(0, 2 * np.pi, count), rng.uniform(0.1, 5, count)
    return np.c_[z * r * np.cos(direction), z * r * np.sin(direction), z]


@pytest.mark.parametrize("count", BROWN)
def test_brown_conrady_projects_and_undistorts_as_opencv(count):
    distortion = np.array(BROWN[count])
    camera = kin.Camera(FX, FY, CX, CY, distortion=distortion)
    points = random_points(camera)
    pixels = camera.project(points)
    expected = cv2.projectPoints(points, NONE, NONE, K, distortion if count else None)[0].reshape(-1, 2)
    assert np.abs(pixels - expected).max() < 1e-9
    # OpenCV iterates a fixed point; given enough rounds it gets to the same rays.
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 2_000, 1e-14)
    mild = points[np.hypot(points[:, 0], points[:, 1]) < 0.6 * points[:, 2]]
    rays = cv2.undistortPoints(camera.project(mild)[:, None], K, distortion if count else None, criteria=criteria).reshape(-1, 2)
    assert FX * np.abs(camera.undistort(camera.project(mild)) - rays).max() < 1e-9
    assert np.abs(camera.undistort(pixels) - points[:, :2] / points[:, 2:]).max() < 1e-12
    assert np.abs(camera.unproject(pixels, points[:, 2]) - points).max() < 1e-11


@pytest.mark.parametrize("distortion", [(), FISHEYE])
def test_kannala_brandt_projects_and_undistorts_as_opencv(distortion):
    camera = kin.Camera(FX, FY, CX, CY, distortion, "kannala_brandt")
    points = random_points(camera, widest=5)
    pixels = camera.project(points)
    padded = np.resize(distortion or (0,), 4).astype(float)
    expected = cv2.fisheye.projectPoints(points[:, None], NONE, NONE, K, padded)[0].reshape(-1, 2)
    assert np.abs(pixels - expected).max() < 1e-9
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-15)
    rays = cv2.fisheye.undistortPoints(pixels[:, None], K, padded, criteria=criteria).reshape(-1, 2)
    near = np.hypot(*rays.T) < 1.5
    assert FX * np.abs(camera.undistort(pixels) - rays)[near].max() < 1e-9
    assert np.abs(camera.undistort(pixels) - points[:, :2] / points[:, 2:]).max() < 1e-12 * 26


def test_extrinsics_agree_with_opencv():
    base_from_camera = np.eye(4)
    base_from_camera[:3, :3] = Rotation.from_euler("XYZ", [2.1, -0.3, 0.8]).as_matrix()
    base_from_camera[:3, 3] = 0.4, -0.2, 0.9
    camera = kin.Camera(FX, FY, CX, CY, BROWN[5], base_from_camera=base_from_camera)
    assert np.array_equal(camera.base_from_camera, base_from_camera)
    in_camera = random_points(camera, 500)
    in_base = in_camera @ base_from_camera[:3, :3].T + base_from_camera[:3, 3]
    rvec = Rotation.from_matrix(base_from_camera[:3, :3].T).as_rotvec()
    tvec = -base_from_camera[:3, :3].T @ base_from_camera[:3, 3]
    pixels = camera.project_from_base(in_base)
    expected = cv2.projectPoints(in_base, rvec, tvec, K, np.array(BROWN[5]))[0].reshape(-1, 2)
    assert np.abs(pixels - expected).max() < 1e-9
    assert np.abs(camera.unproject_to_base(pixels, in_camera[:, 2]) - in_base).max() < 1e-11
    assert np.abs(camera.project(in_camera) - pixels).max() < 1e-9


def test_opengl_axes():
    base_from_opengl = np.eye(4)
    base_from_opengl[:3, 3] = 1, 2, 3
    flipped = kin.base_from_opencv_camera(base_from_opengl)
    assert np.array_equal(flipped, base_from_opengl @ np.diag([1.0, -1, -1, 1]))
    assert np.array_equal(kin.base_from_opengl_camera(flipped), base_from_opengl)


def test_no_ghost_pixels():
    camera = kin.Camera(FX, FY, CX, CY, (-0.28, 0.02, 0, 0))
    beyond = np.array([[1.5, 0, 1], [0.0, 0, -1], [np.nan, 0, 1], [0.1, 0, 1]])
    ghosts = cv2.projectPoints(beyond[:1], NONE, NONE, K, np.array([-0.28, 0.02, 0, 0]))[0].ravel()
    assert 0 < ghosts[0] < 2 * CX + 200  # OpenCV puts a point 56 degrees off the axis into the image
    pixels = camera.project(beyond)
    assert np.isnan(pixels[:3]).all() and np.isfinite(pixels[3]).all()
    assert 0.7 < camera.max_angle < 1
    assert np.isnan(camera.undistort([[1e5, 0]])).all()
    assert np.isnan(camera.unproject([[300, 200], [300, 200]], [-1, 1])).all(axis=1).tolist() == [True, False]


def test_shapes_and_properties():
    camera = kin.Camera(FX, FY, CX, CY, BROWN[8])
    assert np.array_equal(camera.matrix, K)
    assert camera.model == "brown_conrady" and np.array_equal(camera.distortion, BROWN[8])
    assert np.array_equal(camera.base_from_camera, np.eye(4))
    assert camera.project(np.zeros((0, 3))).shape == (0, 2)
    assert np.array_equal(camera.unproject([[300, 200], [1, 2]], 2.0)[:, 2], [2, 2])
    assert "brown_conrady" in repr(camera) and "8 coefficients" in repr(camera)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kin.Camera(0, FY, CX, CY), "fx: expected a finite number of pixels above 0, got 0"),
        (lambda: kin.Camera(FX, FY, np.nan, CY), "cx"),
        (lambda: kin.Camera(FX, FY, CX, CY, (1, 2)), "0, 4, 5 or 8 coefficients for brown_conrady, got 2"),
        (lambda: kin.Camera(FX, FY, CX, CY, (1, 2, 3, 4, 5), "kannala_brandt"), "0 or 4"),
        (lambda: kin.Camera(FX, FY, CX, CY, (), "fisheye"), "brown_conrady, kannala_brandt"),
        (lambda: kin.Camera(FX, FY, CX, CY, base_from_camera=np.eye(3)), r"\[4, 4\], got \[3, 3\]"),
        (lambda: kin.Camera(FX, FY, CX, CY, base_from_camera=2 * np.eye(4)), "base_from_camera"),
        (lambda: kin.Camera(FX, FY, CX, CY).project(np.zeros(3)), r"\[n, 3\], got \[3\]"),
        (lambda: kin.Camera(FX, FY, CX, CY).unproject(np.zeros((2, 2)), np.zeros(3)), "depth"),
    ],
)
def test_misuse_raises_sinew_error(call, message):
    with pytest.raises(sinew.Error, match=message):
        call()
