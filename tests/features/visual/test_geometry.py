from collections.abc import Iterable

import numpy as np
import pytest
from helpers.extracted_faces import draw_faces
from numpy.typing import NDArray

from avemo.features.arrays import Array, Arrays
from avemo.features.visual import geometry
from avemo.features.visual.geometry import Geometry

GEOMETRY = Geometry(geometry.Settings())
COLUMNS = len(geometry.COLUMNS)
#: eyes 40 apart, the nose below, the mouth level and 40 wide
FACE = np.array([[10, 10], [50, 10], [30, 30], [10, 50], [50, 50]], float)


def extract(*faces: Array, pose: tuple[float, float, float] = (0, 0, 0)) -> Arrays:
    points = np.array(faces, np.float32)
    poses = np.tile(np.array(pose, np.float32), (len(points), 1))
    return GEOMETRY.extract({"landmarks": points, "pose": poses})


def columns(row: Iterable[float]) -> dict[str, float]:
    return dict(zip(geometry.COLUMNS, row, strict=False))


def turned(
    points: NDArray[np.float64],
    degrees: float,
    scale: float = 1.0,
    shift: tuple[float, float] = (0.0, 0.0),
) -> NDArray[np.float64]:
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    placed: NDArray[np.float64] = scale * points @ turn + shift
    return placed


def test_a_face_by_hand() -> None:
    features = columns(extract(FACE, pose=(3, -2, 1))["geometry"][0])
    expected = {
        "nose_x": 0, "nose_y": 0.5, "left_x": -0.5, "left_y": 1, "right_x": 0.5, "right_y": 1,
        "mouth_width": 1, "nose_to_mouth": 0.5, "left_eye_to_corner": 1, "right_eye_to_corner": 1,
        "mouth_tilt": 0, "angle_at_nose": 90, "yaw": 3, "pitch": -2, "roll": 1,
    }  # fmt: skip
    assert list(features) == list(expected)
    assert features == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("degrees", [-170, -30, 0, 45, 90])
@pytest.mark.parametrize("scale", [0.1, 1, 7])
def test_neither_roll_nor_size_nor_place_matter_to_a_face_s_shape(
    degrees: int, scale: float
) -> None:
    smiling = np.add(FACE, [[0, 0], [0, 0], [0, 1], [-5, -4], [7, -3]])
    upright = extract(smiling)["geometry"][0, :COLUMNS]
    features = extract(turned(smiling, degrees, scale, (300, 200)))["geometry"][0, :COLUMNS]
    np.testing.assert_allclose(features, upright, atol=1e-3)


def test_changes_are_from_the_clip_s_median() -> None:
    wide = np.add(FACE, [[0, 0], [0, 0], [0, 0], [-10, 0], [10, 0]])
    features = extract(FACE, wide, FACE)["geometry"]
    shape, change, place = np.split(features, [COLUMNS, 2 * COLUMNS], axis=1)
    assert columns(shape[1])["mouth_width"] == pytest.approx(1.5)
    assert columns(change[1])["mouth_width"] == pytest.approx(0.5)
    np.testing.assert_allclose(change[[0, 2]], 0, atol=1e-6)
    np.testing.assert_allclose(place, 0, atol=1e-6)


def test_a_head_that_moves_and_comes_nearer() -> None:
    features = extract(FACE, np.add(FACE, (20, -8)), 2 * FACE - [30, 10])["geometry"][
        :, 2 * COLUMNS :
    ]
    np.testing.assert_allclose(features[1], [0.5, -0.2, 0], atol=1e-5)
    np.testing.assert_allclose(features[2], [0, 0, np.log(2)], atol=1e-5)


def test_statistics_are_the_mean_and_the_deviation() -> None:
    features = GEOMETRY.extract(draw_faces(7))
    assert {name: array.dtype.name for name, array in features.items()} == Geometry.dtypes
    mean, deviation = np.split(features["geometry_stats"][0], 2)
    np.testing.assert_allclose(mean, features["geometry"].mean(axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(deviation, features["geometry"].std(axis=0), rtol=1e-4, atol=1e-5)


def test_points_that_fall_together_give_numbers() -> None:
    features = extract(np.zeros((5, 2)))
    assert all(np.isfinite(array).all() for array in features.values())
