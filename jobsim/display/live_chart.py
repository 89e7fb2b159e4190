"""The chart of a run that is still going on: counts over time, drawn as SVG.

The SVG is written as text. Matplotlib takes tens of milliseconds per picture and holds the
interpreter's lock meanwhile: the threads of the run would stop, and every call that they measure
would look slower than it is. Writing text takes about one millisecond.
"""

from __future__ import annotations

import html
import math
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobsim.display.palette import FAINT, INK, MUTED, STATUS_COLOURS, status_label
from jobsim.display.text import count_of, format_duration, time_unit
from jobsim.domain.models import JobStatus

EVERY_S = 0.5
"""Wall seconds from one drawing to the next."""

SHARE = 0.05
"""The largest share of the time that may go into drawing."""

WAITING, RUNNING, COMPLETED, FAILED = (status.value for status in JobStatus)

_BINS = 512
_WIDTH, _HEIGHT = 640, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 620, 64, 236


class Pace:
    """When to draw again: `EVERY_S` after the last drawing, or later where drawing is slow.

    Parameters
    ----------
    clock
        Wall seconds.
    spent
        Seconds of CPU time of this thread. Wall time would be wrong: it also counts waiting for
        the interpreter's lock, during which the other threads go on.

    Examples
    --------
    >>> ticks = iter([10.0, 10.4, 10.5])
    >>> pace = Pace(clock=lambda: next(ticks), spent=lambda: 0.0)
    >>> with pace:
    ...     pass
    >>> pace.is_due(), pace.is_due()
    (False, True)
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        spent: Callable[[], float] = time.thread_time,
    ) -> None:
        self._clock, self._spent = clock, spent
        self._next = -math.inf
        self._began = (0.0, 0.0)

    def is_due(self) -> bool:
        """Return whether it is time to draw."""
        return self._clock() >= self._next

    def __enter__(self) -> None:
        self._began = self._clock(), self._spent()

    def __exit__(self, *_: object) -> None:
        at, spent = self._began
        self._next = at + max(EVERY_S, (self._spent() - spent) / SHARE)


class Steps:
    """How many jobs had reached each status over time, in a fixed amount of memory.

    Transitions are counted in bins of time. When a run outgrows the last bin, the bins become
    twice as wide, so any run of a millisecond or more fills between half of them and all.

    Examples
    --------
    >>> steps = Steps()
    >>> steps.add(np.array([0.0, 0.5, 1.0]), np.array([0, 0, 1]))
    >>> time, reached = steps.reached()
    >>> reached[-1].tolist()
    [2, 1, 0, 0]
    >>> bool(255 < len(time) <= 512)
    True
    """

    def __init__(self) -> None:
        self._width: float = 2.0**-20
        self._counts = np.zeros((_BINS, len(JobStatus)), dtype=np.int64)
        self._last = 0.0

    def add(self, time: NDArray[np.float64], target: NDArray[np.int8]) -> None:
        """Count transitions: their times, in seconds from 0 on, and the statuses they lead to."""
        if not len(time):
            return
        self._last = max(self._last, float(time.max()))
        while self._last >= _BINS * self._width:
            self._counts[: _BINS // 2] = self._counts[0::2] + self._counts[1::2]
            self._counts[_BINS // 2 :] = 0
            self._width *= 2
        flat = (time / self._width).astype(np.int64) * len(JobStatus) + target
        self._counts += np.bincount(flat, minlength=self._counts.size).reshape(self._counts.shape)

    def reached(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the start of each bin in use, and the transitions to each status by its end.

        Returns
        -------
        time
            float64, seconds.
        reached
            int64, one row per bin and one column per status in lifecycle order.
        """
        used = int(self._last / self._width) + 1
        begin = np.arange(used, dtype=np.float64) * self._width
        return begin, self._counts[:used].cumsum(axis=0, dtype=np.int64)

    @property
    def last(self) -> float:
        """Seconds from the start to the last transition; 0 before the first."""
        return self._last


def occupancy_svg(
    steps: Steps, *, jobs: int, end: float, refused: int = 0, over: bool = False
) -> str:
    """Return a picture of how many jobs were in each status over time, stacked.

    The stack is that of `jobsim.plot.occupancy`: finished jobs at the bottom, waiting ones at
    the top.

    Parameters
    ----------
    steps
        The transitions so far.
    jobs
        How many jobs were asked for; more may be created.
    end
        Seconds of the run that are shown.
    refused
        How many calls were refused.
    over
        Whether the run has ended. Until then both axes leave room.

    Examples
    --------
    >>> steps = Steps()
    >>> steps.add(np.array([0.25]), np.array([0]))
    >>> svg = occupancy_svg(steps, jobs=10, end=0.5)
    >>> "awaiting payment 1" in svg
    True
    """
    time, reached = steps.reached()
    created, started, completed, failed = reached.T
    # From the top of the stack down: each is painted over what is above it.
    layers = (
        (WAITING, created, created - started),
        (RUNNING, started, started - completed - failed),
        (FAILED, completed + failed, failed),
        (COMPLETED, completed, completed),
    )
    span = (end if over else _room_for(end)) or 1.0
    high = int(created[-1])
    top = (high if over else min(_room_for(high), max(jobs, high))) * 1.02 or 1.0
    unit, size = time_unit(span)
    x = _LEFT + np.minimum(time / span, 1.0) * (_RIGHT - _LEFT)
    x_end = _LEFT + min(end / span, 1.0) * (_RIGHT - _LEFT)
    per_job = (_BOTTOM - _TOP) / top
    parts = [
        _text(_LEFT, 22, "Jobs in each status", weight="bold", size=15),
        _text(_RIGHT, 22, _headline(high, jobs, end, refused), anchor="end", fill=MUTED),
        _counters([(name, int(now[-1])) for name, _, now in reversed(layers)]),
        *_grid(span / size, top, unit, per_job),
        *(_area(name, x, x_end, _BOTTOM - reach * per_job) for name, reach, _ in layers),
        f'<path d="M{_LEFT},{_TOP}V{_BOTTOM}H{_RIGHT}" fill="none" stroke="{MUTED}"/>',
    ]
    about = "Chart of how many jobs were in each status over time, stacked."
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" font-size="12" '
        f'font-family="DejaVu Sans, Verdana, sans-serif"><title>{about}</title>'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>'
    )


class Picture:
    """A picture in a notebook's output; each new one replaces it. For the main thread."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, svg: str, text: str) -> None:
        """Show the picture, or the text where pictures cannot be shown."""
        display: Any = import_module("IPython.display").display
        bundle = {"image/svg+xml": svg, "text/plain": text}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def _headline(created: int, jobs: int, end: float, refused: int) -> str:
    number = f"{created:,} of {jobs:,} jobs" if created < jobs else count_of(created, "job")
    more = f"{count_of(refused, 'call')} refused, " if refused else ""
    return f"{more}{number} in {format_duration(end)}"


def _counters(counts: list[tuple[str, int]]) -> str:
    """Return the line of counters, which is the legend as well."""
    marks = [
        f'<tspan fill="{STATUS_COLOURS[name]}" dx="{16 if number else 0}">■</tspan> '
        f"{status_label(name)} {count:,}"
        for number, (name, count) in enumerate(counts)
    ]
    return f'<text x="{_LEFT}" y="46" fill="{INK}">{"".join(marks)}</text>'


def _grid(span: float, top: float, unit: str, per_job: float) -> Iterator[str]:
    """Yield what lies behind the areas: grid lines and the labels of both axes."""
    for value in _ticks(top, most=4, least_step=1.0):
        y = _BOTTOM - value * per_job
        yield f'<path d="M{_LEFT},{y:.1f}H{_RIGHT}" stroke="{FAINT}" stroke-width="0.6"/>'
        yield _text(_LEFT - 8, y + 4, f"{value:,.0f}", anchor="end")
    for value in _ticks(span, most=7):
        x = _LEFT + value / span * (_RIGHT - _LEFT)
        yield f'<path d="M{x:.1f},{_BOTTOM}v4" stroke="{MUTED}"/>'
        yield _text(x, _BOTTOM + 18, f"{value:,.10g}", anchor="middle")
    middle = (_LEFT + _RIGHT) / 2
    yield _text(middle, _BOTTOM + 36, f"time since the start ({unit})", anchor="middle")


def _area(status: str, x: NDArray[np.float64], x_end: float, y: NDArray[np.float64]) -> str:
    """Return the area below a step function, with a corner only where it steps."""
    # H and V commands alone: half the text of a path with both coordinates.
    steps = np.flatnonzero(np.diff(y, prepend=_BOTTOM))
    corners = "".join(
        f"H{at:.1f}V{height:.1f}"
        for at, height in zip(x[steps].tolist(), y[steps].tolist(), strict=True)
    )
    colour = STATUS_COLOURS[status]
    return f'<path d="M{_LEFT},{_BOTTOM}{corners}H{x_end:.1f}V{_BOTTOM}Z" fill="{colour}"/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    fill: str = INK,
    weight: str = "normal",
    size: int = 12,
) -> str:
    """Return one text element, escaped here so that no caller can forget it."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}" '
        f'font-weight="{weight}" font-size="{size}">{html.escape(text)}</text>'
    )


def _round_up(value: float) -> float:
    """Return the smallest of 1, 2, 5, 10, ... times a power of ten that is not below the value."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(digit * power for digit in (1, 2, 5, 10) if digit * power >= value)


def _room_for(end: float) -> float:
    return _round_up(end) if end > 0 else 1.0


def _ticks(span: float, *, most: int, least_step: float = 0.0) -> list[float]:
    """Return round numbers from 0 to `span`, at most `most` steps apart."""
    step = max(_round_up(span / most), least_step)
    # The tolerance keeps a last tick that rounding would push beyond the span.
    return [number * step for number in range(int(span / step + 1e-9) + 1)]
