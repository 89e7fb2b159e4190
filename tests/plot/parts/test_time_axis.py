from __future__ import annotations

import matplotlib.pyplot as plt
import pytest

from jobsim.display.text import format_duration, time_unit
from jobsim.plot.parts.time_axis import log_time_axis, time_axis


def tick_labels(ax: plt.Axes, *, minor: bool = False) -> list[str]:
    ax.figure.canvas.draw()
    low, high = ax.get_xlim()
    ticks = ax.xaxis.get_minor_ticks() if minor else ax.xaxis.get_major_ticks()
    return [tick.label1.get_text() for tick in ticks if low <= tick.get_loc() <= high]


@pytest.mark.parametrize(
    ("seconds", "unit"),
    [(5e-7, "µs"), (2e-3, "ms"), (599, "s"), (600, "min"), (10_800, "h"), (1e6, "d"), (0, "s")],
)
def test_the_unit_suits_the_duration(seconds: float, unit: str) -> None:
    assert time_unit(seconds)[0] == unit


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (0.9997, "1,000 ms"), (99.96, "100 s"), (2.5, "2.5 s"), (1.08e8, "1,250 d")],
)
def test_a_duration_has_three_digits_and_no_exponent(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("span", "unit", "labels"),
    [
        (0.05, "ms", ["0", "10", "20", "30", "40", "50"]),
        (3600.0, "min", ["0", "10", "20", "30", "40", "50", "60"]),
        (86_400.0, "h", ["0", "6", "12", "18", "24"]),
    ],
)
def test_ticks_are_round_in_the_unit_while_data_stay_in_seconds(
    span: float, unit: str, labels: list[str]
) -> None:
    _, ax = plt.subplots()
    ax.set_xlim(0, span)
    time_axis(ax, span)
    assert ax.get_xlabel() == f"time since the start ({unit})"
    assert tick_labels(ax) == labels


def test_a_long_logarithmic_axis_labels_powers_of_ten_in_its_unit() -> None:
    _, ax = plt.subplots()
    log_time_axis(ax, "time", unit="ms", size=1e-3)
    ax.set_xlim(1e-4, 10)
    assert tick_labels(ax) == ["0.1", "1", "10", "100", "1,000", "10,000"]
    assert not any(tick_labels(ax, minor=True))
    assert ax.get_xlabel() == "time (ms, log scale)"


def test_a_short_logarithmic_axis_still_has_numbers() -> None:
    _, ax = plt.subplots()
    log_time_axis(ax, "time")
    ax.set_xlim(1.5, 9)
    assert [label for label in tick_labels(ax, minor=True) if label] == ["2", "5"]
