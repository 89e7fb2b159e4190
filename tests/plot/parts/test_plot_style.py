from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from jobsim.plot.parts.style import INK, LIGHT, STATUS_COLOURS
from jobsim.tables.schema import STATUS

# Machado, Oliveira and Fernandes (2009), severity 1.0; linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]
    ),
    "deuteranopia": np.array(
        [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]
    ),
    "tritanopia": np.array(
        [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]
    ),
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> np.ndarray:
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    x, y, z = np.cbrt(np.maximum(XYZ @ np.clip(rgb, 0, 1) / [0.9505, 1.0, 1.089], 0.0089))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_each_status_has_a_colour_in_lifecycle_order() -> None:
    assert list(STATUS_COLOURS) == list(STATUS.categories)


@pytest.mark.parametrize("vision", VISION)
def test_any_two_status_colours_differ_for_every_vision(vision: str) -> None:
    seen = [lab(VISION[vision] @ linear(colour)) for colour in STATUS_COLOURS.values()]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 15


def test_any_two_status_colours_differ_in_grey() -> None:
    lightness = [lab(linear(colour))[0] for colour in STATUS_COLOURS.values()]
    assert min(abs(a - b) for a, b in combinations(lightness, 2)) >= 13.5


@pytest.mark.parametrize("status", STATUS_COLOURS)
def test_text_on_a_status_colour_can_be_read(status: str) -> None:
    """Contrast of at least 4.5, as WCAG 2 asks for text."""
    luminances = [
        XYZ[1] @ linear(colour)
        for colour in (STATUS_COLOURS[status], INK if status in LIGHT else "white")
    ]
    assert (max(luminances) + 0.05) / (min(luminances) + 0.05) >= 4.5
