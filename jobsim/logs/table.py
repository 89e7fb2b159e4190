"""A log that was read: its jobs, and what was understood, skipped and assumed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from jobsim.display.text import Rows, Shown, count_of, format_duration, format_number, printable
from jobsim.logs.source import Kind, listing

COLUMNS = (
    "request", "attempt", "arrival", "paid", "started", "finished", "service", "wait", "outcome",
)  # fmt: skip
"""The columns of `LogTable.jobs`."""

_LOST = 5.0  # times the longest attempt that ended, beyond which one without an end is lost
_KNOWN = 30  # attempts that must have ended before any counts as lost
_ROUNDING = 2e-3  # seconds by which the end of a job and the start of the next may overlap


@dataclass(frozen=True, eq=False, repr=False)
class LogTable(Shown):
    """What a log says about its jobs. Immutable by convention: do not write to the frames.

    Attributes
    ----------
    jobs
        One row per attempt that is over, in order of (request, attempt): `request` (int64, from 0
        in order of first arrivals), `attempt` (int64, from 1), `arrival`, `paid`, `started`,
        `finished`, `service`, `wait` (float64 seconds from the first arrival; NaN where the log
        does not tell; `wait` is from the payment to the start), and `outcome` (category):
        completed, failed, cancelled_before and cancelled_during (before or while it ran),
        unpaid, unknown (the log tells no outcomes), unrecognised (an unknown word).
    unfinished
        The same columns for attempts that were not over when the log ended; `service` is how long
        each had run by then.
    skipped
        Rows that are not finished attempts, counted by reason; each row has one reason.
    outcomes
        DataFrame with one row per word: `word`, `outcome` (what it was taken for), `rows`.
    columns
        DataFrame with one row per column that was used: `role`, `column`, `unit`, `reason`.
    notes
        Sentences about what was assumed.
    name, kind, sha256
        The file's name without its folder, its format, and the digest of its bytes.
    rows
        Rows read; a row of a pending array counts once for each of its tasks.
    origin
        Unix time of the first arrival; None where the log's clock counts from anything else.
    zone
        The zone of its dates; None where the log does not tell.
    first_arrival
        The first arrival by the log's own clock.
    end
        The last moment of the log, in seconds from the first arrival.
    pays
        Whether the log tells payments.
    unix_start
        Unix time of the clock's zero; None where the log does not tell.
    """

    jobs: pd.DataFrame
    unfinished: pd.DataFrame
    skipped: dict[str, int]
    outcomes: pd.DataFrame
    columns: pd.DataFrame
    notes: tuple[str, ...]
    name: str
    kind: Kind
    sha256: str | None
    rows: int
    origin: float | None
    zone: str | None
    first_arrival: float
    end: float
    pays: bool
    unix_start: float | None = None
    where: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.jobs)

    @property
    def requests(self) -> int:
        """How many jobs were asked for, each with all its attempts."""
        return int(self.jobs["request"].nunique())

    @property
    def span(self) -> float:
        """Seconds from the first to the last arrival."""
        arrival = self.jobs["arrival"]
        return float(arrival.max() - arrival.min())

    @property
    def work(self) -> float:
        """Seconds of work of all attempts together."""
        return float(self.jobs["service"].sum())

    @property
    def has_waits(self) -> bool:
        """Whether the log tells waits."""
        return bool(self.jobs["wait"].notna().any())

    def endings(self) -> dict[str, int]:
        """Return how many requests ended how, each by its last attempt, the most frequent first."""
        # The table is sorted by attempt, so the last row of a request is its last attempt.
        last = self.jobs.drop_duplicates("request", keep="last")["outcome"]
        counts = last.value_counts()
        return {str(how).replace("_", " "): int(n) for how, n in counts.items() if n}

    def peak_concurrency(self) -> tuple[int, float]:
        """Return the most attempts that ran at once, and the first moment at which they did.

        Where the log does not tell when attempts started, they start when they arrive. The log
        itself shows that there were this many workers.

        Examples
        --------
        >>> from jobsim.logs.read import read_table
        >>> frame = pd.DataFrame({"submit": [0, 0, 5], "start": [0, 1, 5], "end": [4, 5, 6]})
        >>> read_table(frame).peak_concurrency()
        (2, 1.0)
        """
        return peak(*self._intervals())

    @property
    def running(self) -> pd.DataFrame:
        """The rows of `unfinished` that were being worked on, without those that are `lost`."""
        found = self.unfinished[self.unfinished["service"].notna()]
        return found[~lost(found["service"].to_numpy(), self.jobs["service"].to_numpy())]

    def _intervals(self) -> tuple[np.ndarray, np.ndarray]:
        """Return when each attempt that worked began and ended, for `peak_concurrency`."""
        ran = pd.concat([self.jobs, self.running]) if len(self.unfinished) else self.jobs
        # Without a start it is not known whether the job waited.
        start = ran["started"].fillna(ran["arrival"]).to_numpy()
        service, finished = ran["service"].to_numpy(), ran["finished"].to_numpy()
        # Its own end where the log tells it: start and service are often rounded apart.
        end = np.where((service > 0) & ~np.isnan(finished), finished, start + service)
        # Rounded clocks can make two jobs of one worker overlap by milliseconds.
        end = end - np.fmin(_ROUNDING, 0.01 * service)
        # Work without any length never overlaps other work.
        busy = end > start
        return start[busy], end[busy]

    def arrivals_per_hour(self) -> pd.Series:
        """Return how many requests arrived in each hour of the log, by its number from 0."""
        first = self.jobs[self.jobs["attempt"] == 1]
        # First attempts only: a retry is not one more user.
        hours = (first["arrival"] // 3600).astype("int64")
        counts = hours.value_counts().sort_index()
        # Hours without an arrival count too: a mean that leaves them out is too high.
        return counts.reindex(range(int(hours.max()) + 1), fill_value=0) if len(counts) else counts

    def dates(self) -> tuple[pd.Timestamp, pd.Timestamp] | None:
        """Return the dates of the first and the last arrival, in the log's zone, if it has any."""
        if self.origin is None:
            return None
        # A float of seconds since 1970 is exact to less than a microsecond, but prints nine digits.
        first = pd.Timestamp(self.origin, unit="s").round("ms")
        last = pd.Timestamp(self.origin + self.span, unit="s").round("ms")
        if self.zone is None:
            return first, last
        return first.tz_localize("UTC").tz_convert(self.zone), last.tz_localize("UTC").tz_convert(
            self.zone
        )

    def _display(self) -> tuple[str, Rows]:
        """Return the rows of the display."""
        rows: Rows = [("rows", self._row_counts())]
        for role, column, unit, reason in self.columns.itertuples(index=False):
            form = f": {unit}" if unit else ""
            rows.append((role, f"{column!r}, {reason}{form}"))
        if len(self.outcomes):
            rows += [("outcomes", text) for text in self._words()]
        rows.append(("ended", listing(self.endings())))
        if self.requests < len(self.jobs):
            # By request, not by row: a job with five attempts counts once.
            again = int((self.jobs.groupby("request")["attempt"].max() > 1).sum())
            made = f"{len(self.jobs):,} of {count_of(self.requests, 'job')}"
            rows.append(("attempts", f"{made}; {again:,} were tried again"))
        if self.skipped:
            rows.append(("skipped", listing(self.skipped)))
        never = int(self.unfinished["service"].notna().sum()) - len(self.running)
        if never:
            rows.append(("lost", f"{never:,} of those not over: {LOST_SAYS}"))
        rows += self._figures()
        rows += [("note", note) for note in self.notes]
        return f"Log {printable(self.name)}{self.where}", rows

    def _row_counts(self) -> str:
        used = count_of(len(self.jobs), "attempt" if self.requests < len(self.jobs) else "job")
        return f"{self.rows:,} read ({self.kind}), {used} used"

    def _words(self) -> list[str]:
        # The most frequent ones: a log with free text has a word for every row.
        shown = self.outcomes.head(12)
        parts = [
            f"{printable(str(word), 40) or '(empty)'} is {outcome}: {rows:,}"
            for word, outcome, rows in shown.itertuples(index=False)
        ]
        more = len(self.outcomes) - len(shown)
        return ["; ".join(parts) + (f"; and {more:,} more" if more else "")]

    def _figures(self) -> Rows:
        """Return what the jobs show, apart from how the log was read."""
        dates = self.dates()
        span = format_duration(self.span)
        if dates is not None:
            zone = self.zone or "no zone"
            span += f", {dates[0]:%Y-%m-%d %H:%M:%S} to {dates[1]:%Y-%m-%d %H:%M:%S} ({zone})"
        workers, when = self.peak_concurrency()
        hours = self.arrivals_per_hour()
        rate = f"{format_number(float(hours.mean()))} on average" if len(hours) else "none"
        if self.span > 3600:
            rate += f", {hours.min():,} to {hours.max():,}"
        # Only known waits; the row gives their number.
        waits = self.jobs["wait"].dropna()
        told = "not in the log"
        if len(waits):
            p50, p95 = (format_duration(float(waits.quantile(q))) for q in (0.5, 0.95))
            told = f"p50 {p50}, p95 {p95}, of {len(waits):,} of {len(self.jobs):,} jobs"
        mean = format_duration(float(self.jobs["service"].mean()))
        return [
            ("span", span),
            ("work", f"{format_duration(self.work)} in all, {mean} a job"),
            ("at once", f"{workers:,} at most, first after {format_duration(when)}"),
            ("per hour", f"arrivals: {rate}"),
            ("waits", told),
        ]


LOST_SAYS = (
    f"they have run for {_LOST:.0f} times as long as any that ended, so their end is missing"
)
"""The reason that is given for attempts that `lost` finds."""


def lost(ages: np.ndarray, ended: np.ndarray) -> np.ndarray:
    """Return which attempts without an end are lost: their worker died, and nothing noted it.

    Such rows stay in a table for ever, and a few of them would make every job seem endless.

    Parameters
    ----------
    ages
        float64 seconds for which attempts without an end have run; NaN for none.
    ended
        float64 seconds for which others ran until their end.

    Examples
    --------
    >>> lost(np.array([9.0, 900.0]), np.full(50, 10.0)).tolist()
    [False, True]
    """
    known = ended[ended > 0]
    longest = known.max() if len(known) >= _KNOWN else np.inf
    return np.asarray(ages > _LOST * longest)


def peak(start: np.ndarray, end: np.ndarray) -> tuple[int, float]:
    """Return the most intervals that overlap, and the first moment at which they do.

    An interval that ends when another begins does not overlap it.
    """
    if not len(start):
        return 0, 0.0
    moments = np.concatenate([start, end])
    change = np.concatenate([np.ones(len(start)), -np.ones(len(end))])
    order = np.lexsort((change, moments))
    running = np.cumsum(change[order])
    place = int(np.argmax(running))
    return int(running[place]), float(moments[order][place])
