"""From clocks and words to jobs: one entry per row of the log."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.logs.chosen import Chosen
from jobsim.logs.clocks import Clocks, Flags, Floats
from jobsim.logs.contradictions import sift
from jobsim.logs.derive import (
    Builder,
    derive_arrival,
    derive_rest,
    derive_service_of_sojourn,
    payment_of,
    use_time,
    wait_of,
)
from jobsim.logs.formats import Raw
from jobsim.logs.outcome_words import (
    CANCELLED,
    COMPLETED,
    FAILED,
    LABELS,
    SKIPPED,
    UNFINISHED,
    UNKNOWN,
    UNPAID,
)
from jobsim.logs.roles import OUTCOMES
from jobsim.logs.source import TraceError, listing


@dataclass
class Rows:
    """One entry per row of the log.

    Attributes
    ----------
    arrival, paid, started, finished, service, wait
        float64 seconds, NaN where not known.
    outcome
        Codes of `LABELS`.
    usable
        bool, whether the row is a job.
    skipped
        The reasons why others are not, with counts.
    words
        Each word or code of an outcome, what it was taken for and how often it occurs.
    end
        The last moment in the log.
    notes
        What a user should know.
    """

    arrival: Floats
    paid: Floats
    started: Floats
    finished: Floats
    service: Floats
    wait: Floats
    outcome: NDArray[np.int8]
    usable: Flags
    skipped: dict[str, int]
    words: pd.DataFrame
    end: float
    notes: list[str] = field(default_factory=list)


def build_rows(
    raw: Raw, chosen: Chosen, clocks: Clocks, codes: NDArray[np.int8] | None, words: pd.DataFrame
) -> Rows:
    """Derive every instant, sort out the rows that cannot be used, and name each reason.

    Raises
    ------
    TraceError
        If the columns do not give an arrival and a service time, or no row can be used.
    """
    size = len(chosen.frame)
    if not size:
        raise TraceError(raw.path, "it holds no rows")
    b = Builder(raw, clocks, size)
    use_time(b)
    derive_service_of_sojourn(b)
    derive_arrival(b)
    derive_rest(b)
    paid, pays = payment_of(b)
    wait = wait_of(b, paid, pays)
    told = [role for role in OUTCOMES if role in chosen.place]
    label = _labels(b, codes, pays, faults_only=bool(told) and set(told) <= {"failed", "error"})
    service = b["service"].copy()
    before = label == LABELS.index("cancelled_before")
    never = before | (label == LABELS.index("unpaid"))
    # A job that never ran took no time of a worker, whatever the log says.
    service[never] = 0.0
    usable, skipped = sift(b, codes, label, never, paid if pays else None)
    end = _end(b)
    started = np.where(never, np.nan, b["started"])
    finished = np.where(label == LABELS.index("unpaid"), np.nan, b["finished"])
    running = (label == LABELS.index("unfinished")) & ~np.isnan(started)
    if running.any():
        # Some schedulers write the time so far, others 0 until a job is over.
        known = b["service"] > 0
        service[running & ~known] = (end - started)[running & ~known]
        service[~running & (label == LABELS.index("unfinished"))] = np.nan
        finished[label == LABELS.index("unfinished")] = np.nan
    if not usable.any():
        why = f"none of its {size:,} rows can be used: {listing(skipped)}"
        raise TraceError(raw.path, why if skipped else "it holds no rows")
    return Rows(
        b["arrival"], np.where(never & ~before, np.nan, paid), started, finished, service,
        np.where(never, np.nan, wait), label, usable, skipped, words, end, b.notes,
    )  # fmt: skip


def _labels(
    b: Builder, codes: NDArray[np.int8] | None, pays: bool, *, faults_only: bool
) -> NDArray[np.int8]:
    """Return how each row ended, from its word and from the instants that it has.

    Where a log notes only faults (`faults_only`), a job without one may not be over.
    """
    index = {name: np.int8(LABELS.index(name)) for name in LABELS}
    no_start = "started" in b.clocks.seconds and np.isnan(b["started"])
    no_end = "finished" in b.clocks.seconds and np.isnan(b.clocks.seconds["finished"])
    faulty = np.zeros(b.size, dtype=np.bool_)
    for reason, holds in b.problems["service"]:
        faulty |= holds & (not reason.startswith("missing"))
    # An unreadable duration is a fault of the log and says nothing about the job.
    no_work = (np.isnan(b["service"]) & ~faulty) | (b["service"] == 0)
    never_ran = no_start | no_work
    if codes is None:
        label = np.full(b.size, index["unknown"])
        if "finished" in b.clocks.seconds and "service" not in b.clocks.seconds:
            # The log has an end for every job that is over.
            label = np.where(no_end, index["unfinished"], label)
    else:
        # Cancelled rows are divided by whether they ran; unknown words never mean completed.
        cancelled = codes == CANCELLED
        table = {COMPLETED: "completed", FAILED: "failed", UNPAID: "unpaid"}
        table |= {UNFINISHED: "unfinished", UNKNOWN: "unrecognised", SKIPPED: "unrecognised"}
        label = np.full(b.size, index["unrecognised"])
        for code, name in table.items():
            label = np.where(codes == code, index[name], label)
        label = np.where(cancelled & never_ran, index["cancelled_before"], label)
        label = np.where(cancelled & ~never_ran, index["cancelled_during"], label)
        if faults_only:
            going_on = (label == index["completed"]) & no_end & np.isnan(b["service"])
            label = np.where(going_on, index["unfinished"], label)
        if "finished" not in b.clocks.seconds:
            # Without ends, only a missing word and no time of work show that a job goes on.
            silent = (codes == UNKNOWN) & no_work
            label = np.where(silent, index["unfinished"], label)
        # An unknown word on a job without an end is most likely a state of a running job.
        open_end = (label == index["unrecognised"]) & no_end & (codes != SKIPPED)
        label = np.where(open_end & np.isnan(b.clocks.seconds.get("service", b["service"])),
                         index["unfinished"], label)  # fmt: skip
    if pays and "paid" in b.seconds:
        unpaid = np.isnan(b["paid"]) & np.isnan(b["started"])
        over = (label != index["completed"]) & (label != index["failed"])
        label = np.where(unpaid & over, index["unpaid"], label)
        waiting = (label == index["unpaid"]) & ~np.isnan(b["paid"]) & no_end
        label = np.where(waiting, index["unfinished"], label)
    return np.asarray(label, dtype=np.int8)


def _end(b: Builder) -> float:
    moments = {"arrival", "paid", "started", "finished", "time"}
    told = [v for r, v in b.clocks.seconds.items() if r in moments and not np.isnan(v).all()]
    latest = [np.nanmax(values) for values in told]
    derived = b["finished"]
    if not np.isnan(derived).all():
        latest.append(np.nanmax(derived))
    return float(max(latest)) if latest else float("nan")
