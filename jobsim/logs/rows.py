"""From clocks and words to jobs: what follows from what, which rows contradict themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.logs.cells import NOTHING, missing
from jobsim.logs.clocks import Clocks, Flags, Floats
from jobsim.logs.formats import Raw
from jobsim.logs.outcomes import (
    CANCELLED,
    CODES,
    COMPLETED,
    FAILED,
    SKIPPED,
    UNFINISHED,
    UNKNOWN,
    UNPAID,
    AmbiguousOutcomes,
    Mode,
    number_mode,
    read_outcomes,
)
from jobsim.logs.resolve import Chosen, named
from jobsim.logs.roles import OUTCOMES
from jobsim.logs.source import TraceError, listing

LABELS = ("completed", "failed", "cancelled_before", "cancelled_during", "unpaid", "unknown",
          "unrecognised", "unfinished")  # fmt: skip
"""How a job ended, as the column `outcome` says it."""

_RANDOM_ACCESS = 0.01  # share of a duration by which two columns may disagree


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
        Why the others are not, with counts.
    words
        Each word or code of an outcome, what it was taken for and how often it occurs.
    end
        The last moment that the log knows of.
    notes
        What a person should know.
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


def outcome_codes(
    raw: Raw,
    chosen: Chosen,
    mode: Mode | None,
    given: Mapping[str, str] | None,
) -> tuple[NDArray[np.int8] | None, pd.DataFrame, list[str]]:
    """Return each row's code of an outcome, the words behind them, and how they were read.

    The first column that tells decides; the next ones are asked where it says nothing.
    """
    first = next((role for role in OUTCOMES if role in chosen.place), None)
    if first == "status":
        columns = [(first, chosen.place[first]), *chosen.more_status]
    else:
        columns = [(role, chosen.place[role]) for role in OUTCOMES if role in chosen.place]
    codes: NDArray[np.int8] | None = None
    words = pd.Series(dtype="str")
    notes: list[str] = []
    for role, place in columns:
        cells = chosen.frame[place]
        name = named(raw, place)
        if role == "error":
            found = np.where(_blank(cells), COMPLETED, FAILED).astype(np.int8)
            read, why = (
                pd.Series(np.where(found == FAILED, "some error", ""), dtype="str"),
                "any text is a failure",
            )
        else:
            try:
                how, why = (
                    (mode, "as the format says" if raw.kind == "swf" else "you said so")
                    if mode and role == "status"
                    else number_mode(name, cells, role)
                )
            except AmbiguousOutcomes as error:
                if codes is not None:
                    continue
                if not given:
                    raise TraceError(raw.path, str(error), raw.line) from error
                how, why = "words", "as you said"
            found, read = read_outcomes(cells, how, given, inverted=role == "failed")
        if codes is None:
            codes, words = found, read
            notes.append(f"{name}: {why}")
            continue
        # An unknown word is something that was said; an empty cell is not.
        silent = (codes == UNKNOWN) & (words == "").to_numpy(dtype=np.bool_)
        silent = _overruled(first, role, silent, codes, found)
        if silent.any():
            codes = np.where(silent, found, codes).astype(np.int8)
            words = words.where(~silent, read)
            notes.append(f"{name} where that says nothing")
    return codes, _table(codes, words), notes


def _overruled(
    first: str | None,
    role: str,
    silent: Flags,
    codes: NDArray[np.int8],
    found: NDArray[np.int8],
) -> Flags:
    """Return where a later column decides: where nothing was said, or less than the exit tells."""
    if role in {"exit_code", "http_status", "error"}:
        silent = silent & (found != UNKNOWN)
    if first == "failed" and role == "exit_code":
        # That no fault of the scheduler is noted does not make the job's own exit good.
        silent = silent | ((codes == COMPLETED) & (found == FAILED))
    return silent


def _blank(cells: pd.Series) -> Flags:
    false = cells.astype("str").str.lower().isin({"false", "0"}).to_numpy(dtype=np.bool_)
    return missing(cells, NOTHING) | false


def _table(codes: NDArray[np.int8] | None, words: pd.Series) -> pd.DataFrame:
    if codes is None:
        return pd.DataFrame({"word": pd.Series(dtype="str"), "outcome": [], "rows": []})
    pairs = pd.DataFrame({"word": words, "code": codes})
    counts = pairs.value_counts(sort=True).reset_index(name="rows")
    counts["outcome"] = [CODES[code] for code in counts["code"]]
    return counts[["word", "outcome", "rows"]]


class _Builder:
    """Derives what the log does not say itself from what it does, and remembers how."""

    def __init__(self, raw: Raw, clocks: Clocks, size: int) -> None:
        self.raw, self.clocks, self.size = raw, clocks, size
        self.seconds = dict(clocks.seconds)
        self.problems = dict(clocks.problems)
        self.notes: list[str] = []

    def has(self, *roles: str) -> bool:
        return all(role in self.seconds for role in roles)

    def derive(self, role: str, values: Floats, *sources: str, note: str | None = None) -> None:
        self.seconds[role] = values
        self.problems[role] = [p for source in sources for p in self.problems.get(source, ())]
        # By the log's own names: people know their columns and not our roles.
        words = " and ".join(self.clocks.names.get(source, source) for source in sources)
        self.clocks.how.setdefault(role, f"from {words}")
        if note:
            self.notes.append(note)

    def __getitem__(self, role: str) -> Floats:
        return self.seconds[role]

    def name(self, role: str) -> str:
        return self.clocks.names.get(role, role)


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
    b = _Builder(raw, clocks, size)
    _use_time(b)
    _derive_service_of_sojourn(b)
    _derive_arrival(b)
    _derive_rest(b)
    paid, pays = _payment(b)
    wait = _wait(b, paid, pays)
    label = _labels(b, codes, pays)
    service = b["service"].copy()
    before = label == LABELS.index("cancelled_before")
    never = before | (label == LABELS.index("unpaid"))
    # What never ran took no worker's time, whatever the log writes there.
    service[never] = 0.0
    usable, skipped = _sift(b, codes, label, never, paid if pays else None)
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


def _use_time(b: _Builder) -> None:
    """Take the one unnamed clock of a log for the arrival, where nothing else is."""
    if not b.has("time") or b.has("arrival"):
        return
    time, name = b["time"], b.name("time")
    if b.has("finished") or b.has("started"):
        other = b["started"] if b.has("started") else b["finished"]
        # An arrival cannot lie behind its start; one row in a hundred may be a clock that was set.
        late = np.nanmean(time > other + b.clocks.resolution)
        if late > 0.01:
            b.notes.append(f"{name} is not used: it lies behind the start of its jobs")
            return
    b.seconds["arrival"] = time
    b.problems["arrival"] = b.problems["time"]
    b.clocks.names["arrival"] = name
    b.clocks.how["arrival"] = b.clocks.how["time"]
    b.notes.append(
        f"{name} is taken for the arrival; if it is the end, say columns={{'finished': {name!r}}}"
    )


def _derive_service_of_sojourn(b: _Builder) -> None:
    """Take the whole time of a request for its service, where nothing splits it."""
    if b.has("service") or not b.has("sojourn"):
        return
    if b.has("started", "finished") or b.has("wait"):
        return
    b.derive(
        "service",
        b["sojourn"],
        "sojourn",
        note=f"{b.name('sojourn')} is the whole time of a request: any wait is part of it",
    )
    b.clocks.names["service"] = b.name("sojourn")
    b.clocks.how["service"] = b.clocks.how["sojourn"]


def _derive_arrival(b: _Builder) -> None:
    """Derive arrivals by the rule with the fewest assumptions; with none left, refuse."""
    # What the log says is never replaced by what could be derived.
    if b.has("arrival"):
        return
    if b.has("started", "wait"):
        b.derive("arrival", b["started"] - b["wait"], "started", "wait")
    elif b.has("finished", "sojourn"):
        b.derive("arrival", b["finished"] - b["sojourn"], "finished", "sojourn")
    elif b.has("finished", "service", "wait"):
        values = b["finished"] - b["service"] - b["wait"]
        b.derive("arrival", values, "finished", "service", "wait")
    elif b.has("finished", "service") and not b.has("started"):
        note = "no column tells the wait: jobs arrive when they start"
        b.derive("arrival", b["finished"] - b["service"], "service", "finished", note=note)
    elif b.has("paid") and not b.has("started"):
        refuse(b.raw, b.name("paid"))
    elif b.has("started"):
        name = b.name("started")
        raise TraceError(
            b.raw.path,
            f"{name!r} is when jobs started, and no column tells when they arrived or how long "
            f"they waited: if nobody waited, say columns={{'arrival': {name!r}}}",
            b.raw.line,
        )
    else:
        refuse(b.raw)


def refuse(raw: Raw, alone: str | None = None) -> NoReturn:
    """Raise the error that says which columns a log needs; `alone` is one that does not do."""
    header = ", ".join(repr(str(name)) for name in raw.headers)
    only = "" if alone is None else f" {alone!r} alone does not tell when a job arrived;"
    raise TraceError(
        raw.path,
        f"no arrival and service time among {header};{only} "
        'say which they are: columns={"arrival": ..., "service": ...}, two of arrival, started '
        "and finished, or finished and service",
        raw.line,
    )


def _derive_rest(b: _Builder) -> None:
    """Derive start, service and end, each from what is there."""
    start_of_work = "paid" if b.has("paid") else "arrival"
    if b.has("sojourn") and not b.has("finished") and not b.has("started"):
        b.derive("finished", b["arrival"] + b["sojourn"], "arrival", "sojourn")
    if not b.has("started") and b.has("wait"):
        b.derive("started", b[start_of_work] + b["wait"], start_of_work, "wait")
    if not b.has("service"):
        _derive_service(b)
    elif b.has("started", "finished"):
        # One empty cell of two columns that tell the same loses nothing.
        b.seconds["service"] = np.where(
            np.isnan(b["service"]), b["finished"] - b["started"], b["service"]
        )
    if not b.has("started"):
        own = b.clocks.seconds
        split = {"finished", "service"} <= set(own) and bool({"arrival", "time"} & set(own))
        value = b["finished"] - b["service"] if split else np.full(b.size, np.nan)
        _started_of_end(b, value)
    if not b.has("finished"):
        b.derive("finished", b["started"] + b["service"], "started", "service")


def _started_of_end(b: _Builder, value: Floats) -> None:
    b.seconds["started"], b.problems["started"] = value, []
    if not np.isnan(value).all():
        names = f"{b.name('finished')} and {b.name('service')}"
        b.clocks.how["started"] = f"from {names}"


def _derive_service(b: _Builder) -> None:
    """Derive service times by the rule with the fewest assumptions; with none left, refuse."""
    if b.has("started", "finished"):
        b.derive("service", b["finished"] - b["started"], "started", "finished")
    elif b.has("sojourn", "wait"):
        b.derive("service", b["sojourn"] - b["wait"], "sojourn", "wait")
    elif b.has("finished"):
        ends = f"{b.name('finished')} and {b.name('arrival')}"
        b.derive(
            "service",
            b["finished"] - b["arrival"],
            "finished",
            note=f"service is the time between {ends}: any wait is part of it",
        )
        b.seconds["started"], b.problems["started"] = np.full(b.size, np.nan), []
    else:
        refuse(b.raw)


def _payment(b: _Builder) -> tuple[Floats, bool]:
    """Return when each job was paid, and whether the log tells at all."""
    if b.has("paid"):
        paid = b["paid"]
        # Who runs has been let in, so its payment is taken to have been there from the start.
        ran = ~np.isnan(b["started"]) & np.isnan(paid)
        if ran.any():
            b.notes.append(f"{int(ran.sum()):,} rows ran without {b.name('paid')}: paid at once")
        return np.where(ran, b["arrival"], paid), True
    if b.has("delay"):
        return b["arrival"] + b["delay"], True
    return b["arrival"].copy(), False


def _wait(b: _Builder, paid: Floats, pays: bool) -> Floats:
    """Return how long each job waited for a worker, from its payment on."""
    wait = b["started"] - paid
    if "wait" in b.clocks.seconds and not pays:
        wait = np.where(np.isnan(wait), b["wait"], wait)
    # Clocks of two hosts differ a little, and seconds are cut off.
    return np.where((wait < 0) & (wait >= -b.clocks.resolution), 0.0, wait)


def _labels(b: _Builder, codes: NDArray[np.int8] | None, pays: bool) -> NDArray[np.int8]:
    """Return how each row ended, from its word and from which instants it has."""
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
        # Row by row: cancelled ones are told apart, words of no meaning are never completed.
        cancelled = codes == CANCELLED
        table = {COMPLETED: "completed", FAILED: "failed", UNPAID: "unpaid"}
        table |= {UNFINISHED: "unfinished", UNKNOWN: "unrecognised", SKIPPED: "unrecognised"}
        label = np.full(b.size, index["unrecognised"])
        for code, name in table.items():
            label = np.where(codes == code, index[name], label)
        label = np.where(cancelled & never_ran, index["cancelled_before"], label)
        label = np.where(cancelled & ~never_ran, index["cancelled_during"], label)
        # A word that nobody knows on a job without an end most likely is a state of the running.
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


def _sift(
    b: _Builder,
    codes: NDArray[np.int8] | None,
    label: NDArray[np.int8],
    never: Flags,
    paid: Floats | None,
) -> tuple[Flags, dict[str, int]]:
    """Return which rows are jobs that are over, and how many are not by the first reason."""
    usable = np.ones(b.size, dtype=np.bool_)
    skipped: dict[str, int] = {}
    for reason, holds in _reasons(b, codes, label, never, paid):
        hit = usable & holds
        if hit.any():
            skipped[reason] = skipped.get(reason, 0) + int(hit.sum())
            usable &= ~hit
    return usable, skipped


def _reasons(
    b: _Builder,
    codes: NDArray[np.int8] | None,
    label: NDArray[np.int8],
    never: Flags,
    paid: Floats | None,
) -> Iterator[tuple[str, Flags]]:
    """Yield why rows cannot be used; a row counts for the first reason that holds."""
    if codes is not None:
        part = "partial execution" if b.raw.kind == "swf" else "never meant to run"
        yield part, codes == SKIPPED
    # An arrival that is counted back from the end needs the service even of a job that never ran.
    counted_back = "arrival" not in b.clocks.seconds
    service_needed = ~never if not counted_back else np.ones(b.size, dtype=np.bool_)
    unfinished = label == LABELS.index("unfinished")
    # A duration that is missing or unreadable may still follow from the instants.
    for reason, holds in b.problems["service"]:
        yield reason, holds & np.isnan(b["service"]) & service_needed & ~unfinished
    for reason, holds in b.problems["arrival"]:
        yield reason, holds
    # After the reasons that explain it: "unreadable" says more than "missing".
    yield "missing arrival", np.isnan(b["arrival"])
    yield "not over", unfinished
    yield "missing service", np.isnan(b["service"]) & service_needed
    yield from _contradictions(b, never, paid)


def _contradictions(b: _Builder, never: Flags, paid: Floats | None) -> Iterator[tuple[str, Flags]]:
    """Yield what cannot be true of a row, beyond what rounding and clocks explain."""
    arrival, started, finished, service = (
        b[r] for r in ("arrival", "started", "finished", "service")
    )
    slack = b.clocks.resolution
    # A share of the duration: clocks that run differently are further apart after a long job.
    long = slack + _RANDOM_ACCESS * np.nan_to_num(service)
    checks = [
        ("started before it arrived", arrival > started + slack),
        ("ended before it started", started > finished + slack),
        ("ended before it arrived", arrival > finished + slack),
        ("negative service", service < 0),
    ]
    if paid is not None:
        checks += [
            ("paid before it arrived", paid < arrival - slack),
            ("started before it was paid", paid > started + slack),
        ]
    own = b.clocks.seconds
    if {"service", "finished"} <= set(own):
        first = started if "started" in own else arrival
        checks.append(("ran longer than from start to end", first + service > finished + long))
    if {"wait", "arrival", "started"} <= set(own) and paid is None:
        apart = np.abs(started - arrival - b["wait"])
        checks.append(("wait differs from its instants", apart > slack + 0.01 * b["wait"]))
    for what, holds in checks:
        hit = holds & ~never
        share = hit.mean()
        # One row in doubt is a bad row; most of them are a wrong column.
        if share > 0.5 and len(hit) > 1 and what != "negative service":
            _refuse_most(b, what, float(share))
        yield f"contradicts itself: {what}", hit


def _refuse_most(b: _Builder, what: str, share: float) -> None:
    names = {role: b.name(role) for role in b.clocks.names}
    taken = ", ".join(f"{role} {name!r}" for role, name in names.items())
    raise TraceError(
        b.raw.path,
        f"{share:.0%} of the rows contradict themselves ({what}), so a column is not what its "
        f"name says; taken are {taken}: name the right ones, columns={{...}}",
        b.raw.line,
    )


def _end(b: _Builder) -> float:
    moments = {"arrival", "paid", "started", "finished", "time"}
    told = [v for r, v in b.clocks.seconds.items() if r in moments and not np.isnan(v).all()]
    latest = [np.nanmax(values) for values in told]
    derived = b["finished"]
    if not np.isnan(derived).all():
        latest.append(np.nanmax(derived))
    return float(max(latest)) if latest else float("nan")
