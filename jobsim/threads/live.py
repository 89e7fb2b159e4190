"""The live display of a threaded run: a progress bar, or a chart in a notebook."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from jobsim.display.live_chart import Pace, Picture, Steps, occupancy_svg
from jobsim.display.progress import LiveProgress, bar, in_notebook
from jobsim.display.text import format_duration
from jobsim.domain.codes import CREATE, ILLEGAL, NOT_FOUND, OK, STATUSES, UPDATE
from jobsim.repository.call_rows import KEPT, decode
from jobsim.repository.recorded import RecordedRepository
from jobsim.scenario.ticks import TICKS_PER_SECOND
from jobsim.threads.clock import Clock

_NOTHING, _REFUSED = -1, -2


def _meanings() -> NDArray[np.int8]:
    """Return the meaning of each code of a kept call: a status it reached, or one of the above."""
    kept = np.zeros(1 << 13, dtype=KEPT)
    kept["code"] = np.arange(len(kept))
    rows = decode(kept)
    writes = (rows["op"] == CREATE) | (rows["op"] == UPDATE)
    refused = (rows["outcome"] == ILLEGAL) | (rows["outcome"] == NOT_FOUND)
    reached = np.where(writes & (rows["outcome"] == OK), rows["target"], _NOTHING)
    return np.where(refused, _REFUSED, reached).astype(np.int8)


# A table instead of several numpy comparisons: each of those would release the interpreter's lock
# and wait for it again behind every thread of the run.
_MEANING = _meanings()


class Tally:
    """The counts of a run so far, read from its recorders. For one thread.

    It costs the actors nothing: each look copies the bytes that were kept since the last one.

    Attributes
    ----------
    made
        int64, the accepted transitions to each status, in lifecycle order.
    refused
        How many calls on known jobs were refused.

    Examples
    --------
    >>> from jobsim.repository.job_repo import InMemoryJobRepository
    >>> recorded = RecordedRepository(InMemoryJobRepository())
    >>> job = recorded.create("a" * 64)
    >>> tally = Tally(recorded)
    >>> _ = tally.look()
    >>> str(tally)
    'waiting 1, running 0, completed 0, failed 0'
    """

    def __init__(
        self, recorded: RecordedRepository, *, now_ns: Callable[[], int] = time.perf_counter_ns
    ) -> None:
        self._now_ns = now_ns
        self.made = np.zeros(len(STATUSES), dtype=np.int64)
        self.refused = 0
        self._recorded = recorded
        self._read: list[int] = []  # rows, by recorder
        self._held = b""  # calls that were read and are not counted yet

    def look(self) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """Count what is new, and return it: when each transition returned, and its target.

        Times are stamps of the recorder, in no particular order.
        """
        # Only calls that have returned by now count. Every call that one of them depends on was
        # kept before now, so it is read below. So the counts are consistent although the buffers
        # are read one by one: no job is counted as running that is not counted as created.
        now = self._now_ns()
        kept = bytearray(self._held)
        for number, recorder in enumerate(self._recorded.recorders()):
            if number == len(self._read):
                self._read.append(0)
            new = recorder.kept_from(self._read[number])
            self._read[number] += len(new) // KEPT.itemsize
            kept += new
        calls = np.frombuffer(kept, dtype=KEPT)
        late = calls["returned_ns"] > now
        self._held = calls[late].tobytes()
        meaning = _MEANING[calls["code"]]
        meaning[late | (calls["job"] < 0)] = _NOTHING
        self.refused += int(np.count_nonzero(meaning == _REFUSED))
        made = np.flatnonzero(meaning >= 0)
        target = meaning[made]
        self.made += np.bincount(target, minlength=len(STATUSES))
        return calls["returned_ns"][made], target

    def __str__(self) -> str:
        created, started, completed, failed = self.made.tolist()
        running = started - completed - failed
        text = f"waiting {created - started}, running {running}, completed {completed}"
        more = f", refused {self.refused}" if self.refused else ""
        return f"{text}, failed {failed}{more}"


class View(Protocol):
    """The display of a run; all methods are for the main thread."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def update_to(self, done: int, /) -> None:
        """Show the progress of the run, if the next update is due."""

    def finish(self, done: int, /) -> None:
        """Show the final state of the run, once all its threads have ended."""


def view(
    recorded: RecordedRepository, clock: Clock, *, requests: int, progress: LiveProgress
) -> View:
    """Return the display of a run.

    Parameters
    ----------
    recorded
        The recorder of the run.
    clock
        The clock of the run.
    requests
        How many requests its workload has.
    progress
        As for `run_threads`.
    """
    tally = Tally(recorded, now_ns=clock.last_ns)
    if progress != "live":
        return _Bar(tally, requests, progress)
    return _Chart(tally, requests, clock) if in_notebook() else _Bar(tally, requests, progress=True)


class _Bar:
    """A progress bar of requests that is full only when the run is complete.

    After its last request a run still reads every job and makes its tables. Until then the bar
    stops one short of its end.
    """

    def __init__(self, tally: Tally, requests: int, progress: bool | None) -> None:
        self._tally, self._requests, self._done = tally, requests, 0
        self._bar = bar(requests, "requests", unit="request", progress=progress)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # The run exists by now, and must not be lost because the terminal is gone.
        with contextlib.suppress(OSError, ValueError), contextlib.closing(self._bar):
            self._bar.update_to(self._done, self._note)

    def update_to(self, done: int) -> None:
        self._done = done
        self._bar.update_to(min(done, self._requests - 1), self._note)

    def finish(self, done: int) -> None:
        self.update_to(done)

    def _note(self) -> str:
        self._tally.look()
        return str(self._tally)


class _Chart:
    def __init__(self, tally: Tally, jobs: int, clock: Clock) -> None:
        self._tally, self._jobs, self._clock = tally, jobs, clock
        self._steps, self._picture, self._pace = Steps(), Picture(), Pace()

    def __enter__(self) -> Self:
        with self._pace:
            self._draw(0.0)
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def update_to(self, _done: int) -> None:
        if self._pace.is_due():
            with self._pace:
                self._look()
                self._draw(self._seconds(np.array([self._clock.last_ns()]))[0])

    def finish(self, _done: int) -> None:
        self._look()
        self._draw(self._steps.last, over=True)

    def _look(self) -> None:
        returned, target = self._tally.look()
        self._steps.add(self._seconds(returned), target)

    def _seconds(self, stamps: NDArray[np.int64]) -> NDArray[np.float64]:
        return self._clock.ticks(stamps) / TICKS_PER_SECOND

    def _draw(self, end: float, *, over: bool = False) -> None:
        svg = occupancy_svg(
            self._steps, jobs=self._jobs, end=end, refused=self._tally.refused, over=over
        )
        self._picture.show(svg, f"{format_duration(end)}: {self._tally}")
