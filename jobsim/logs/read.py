"""Read a log of past jobs: its format, its columns, and its jobs."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from jobsim.domain.versions import require_versions
from jobsim.files.reading import LIMIT_BYTES
from jobsim.logs.arrays import spread_arrays
from jobsim.logs.attempts import Attempts, find_attempts
from jobsim.logs.cells import NOTHING, missing, plain
from jobsim.logs.chosen import Chosen, named
from jobsim.logs.clocks import Clocks
from jobsim.logs.column_kinds import is_step
from jobsim.logs.derive import refuse
from jobsim.logs.events import pivot
from jobsim.logs.formats import Raw, open_raw
from jobsim.logs.outcome_columns import outcome_codes
from jobsim.logs.outcome_words import LABELS, Mode, check_outcomes
from jobsim.logs.read_clocks import read_clocks
from jobsim.logs.resolve import looks_like_events, resolve
from jobsim.logs.rows import Rows, build_rows
from jobsim.logs.source import Kind, TraceError
from jobsim.logs.table import COLUMNS, LogTable

require_versions()

_MODES: tuple[Mode, ...] = ("words", "exit_code", "truth", "swf", "http")
_QUEUES = ("queue", "partition", "pool", "queue_name", "label", "worker_group", "dag_id")


@np.errstate(all="ignore")  # infinite and missing values of a log pass through without warnings
def read_table(
    source: str | os.PathLike[str] | pd.DataFrame,
    *,
    columns: Mapping[str, Hashable] | None = None,
    outcomes: Mapping[str, str] | Mode | None = None,
    unit: str | Mapping[str, str] | None = None,
    timezone: str | None = None,
    where: Mapping[str, object] | None = None,
    dayfirst: bool | None = None,
    events: Mapping[str, str] | None = None,
    table: str | None = None,
    limit_bytes: int = LIMIT_BYTES,
    kind: Kind | None = None,
) -> LogTable:
    """Read a log; parameters and errors are those of `jobsim.read_log`.

    `kind` reads the file as this format, whatever it looks like.
    """
    raw = open_raw(source, table=table, limit_bytes=limit_bytes, kind=kind)
    mode, given = _outcome_options(raw, outcomes)
    kept = _columns_of_where(raw, where)
    chosen = resolve(raw, columns, kept)
    if not chosen.place:
        refuse(raw)
    if not len(chosen.frame):
        raise TraceError(raw.path, "it holds no rows")
    spread_arrays(chosen)
    total = len(chosen.frame)
    skipped = _filter(raw, chosen, where)
    if looks_like_events(raw, chosen):
        chosen, clocks, shown = _of_events(raw, chosen, unit, timezone, dayfirst, events or {})
        given = {**(given or {})}
    else:
        clocks = read_clocks(raw, chosen, unit=unit, timezone=timezone, dayfirst=dayfirst)
        shown = _columns(raw, chosen, clocks)
    if raw.kind == "swf" and mode is None:
        mode = "swf"
    codes, words, said = outcome_codes(raw, chosen, mode, given)
    if any("an event in" in reason for reason in shown["reason"]):
        said = ["the events"]  # no column of the log holds them
    rows = build_rows(raw, chosen, clocks, codes, words)
    attempts = _attempts(raw, chosen, rows)
    shown = _columns(raw, chosen, clocks) if shown is None else shown
    notes = [*raw.notes, *chosen.notes, *clocks.notes, *rows.notes, *attempts.notes]
    notes += [f"outcomes from {text}" for text in said]
    notes += _hints(raw, where)
    return _table(raw, clocks, rows, attempts, skipped, shown, notes, total, where)


def _outcome_options(
    raw: Raw, outcomes: Mapping[str, str] | Mode | None
) -> tuple[Mode | None, Mapping[str, str] | None]:
    """Separate the two meanings of `outcomes`, and refuse bad ones before the log is read."""
    if outcomes is None:
        return None, None
    if isinstance(outcomes, str):
        if outcomes not in _MODES:
            choices = ", ".join(_MODES)
            raise TraceError(raw.path, f"outcomes is {outcomes!r}; choose from {choices}, or a map")
        return outcomes, None
    given = {str(word): meaning for word, meaning in outcomes.items()}
    try:
        check_outcomes(given)
    except ValueError as error:
        raise TraceError(raw.path, str(error)) from error
    return None, given


def _columns_of_where(raw: Raw, where: Mapping[str, object] | None) -> list[Hashable]:
    for name in where or ():
        if name not in raw.headers:
            header = ", ".join(repr(str(column)) for column in raw.headers)
            raise TraceError(raw.path, f"where: there is no column {name!r} among {header}")
    return list(where or ())


def _filter(raw: Raw, chosen: Chosen, where: Mapping[str, object] | None) -> dict[str, int]:
    """Keep the rows that were asked for, without steps of jobs; count the others."""
    skipped: dict[str, int] = {}
    keep = np.ones(len(chosen.frame), dtype=np.bool_)
    for name, value in (where or {}).items():
        values = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else value
        wanted = {str(one) for one in values}
        cells = chosen.frame[raw.headers.index(name)].astype("str")
        hit = cells.isin(wanted).to_numpy(dtype=np.bool_)
        if not hit.any():
            seen = ", ".join(repr(str(v)) for v in cells.unique()[:8])
            raise TraceError(raw.path, f"no row has {name} = {', '.join(wanted)}; there are {seen}")
        # Conditions on several columns must all hold.
        keep &= hit
    if not keep.all():
        skipped["another " + " and ".join(map(str, where or {}))] = int((~keep).sum())
    if "job" in chosen.place:
        step = is_step(chosen.frame[chosen.place["job"]]) & keep
        if step.any():
            skipped["step of a job"] = int(step.sum())
            keep &= ~step
    if not keep.all():
        chosen.frame = chosen.frame[keep].reset_index(drop=True)
    return skipped


def _of_events(
    raw: Raw,
    chosen: Chosen,
    unit: str | Mapping[str, str] | None,
    timezone: str | None,
    dayfirst: bool | None,
    events: Mapping[str, str],
) -> tuple[Chosen, Clocks, pd.DataFrame]:
    """Turn a log of events into one of attempts, as if it had been written like that."""
    when = "time" if "time" in chosen.place else "arrival"
    what = "activity" if "activity" in chosen.place else "status"
    only = Chosen(place={when: chosen.place[when]}, frame=chosen.frame)
    clocks = read_clocks(raw, only, unit=unit, timezone=timezone, dayfirst=dayfirst)
    wide, meanings = pivot(
        chosen.frame[chosen.place["job"]], chosen.frame[chosen.place[what]],
        clocks.seconds[when], events,
    )  # fmt: skip
    ignored = meanings[meanings["moment"] == "ignored"]
    names = {"started", "finished", "arrival"} - set(meanings["moment"])
    # A caller who maps the start to the arrival says that nobody waits.
    said_so = bool(events) and names == {"started"}
    if (({"started", "finished"} & names) and not said_so) or wide["arrival"].isna().all():
        words = ", ".join(repr(word) for word in meanings["word"][:8])
        lacking = ", ".join(sorted(names)) or "arrival"
        raise TraceError(raw.path, _no_event(lacking, words, meanings), raw.line)
    found = Clocks(unix=clocks.unix, zone=clocks.zone, notes=clocks.notes)
    new = Chosen(
        frame=pd.DataFrame({0: plain(wide["job"]), 1: plain(wide["status"].astype(object))})
    )
    new.place = {"job": 0, "status": 1}
    for role in ("arrival", "paid", "started", "finished"):
        if role in wide and not (role == "started" and said_so):
            values = wide[role].to_numpy(dtype=np.float64)
            found.seconds[role], found.names[role] = values, role
            found.problems[role] = [(f"missing {role}", np.isnan(values))]
            found.how[role] = clocks.how[when]
    found.resolution = clocks.resolution
    taken = meanings[meanings["moment"] != "ignored"]
    table = pd.DataFrame(
        {
            "role": taken["moment"],
            "column": taken["word"],
            "unit": clocks.how[when],
            "reason": f"an event in {named(raw, chosen.place[what])}",
        }
    ).sort_values("role", kind="stable", ignore_index=True)
    new.notes = list(chosen.notes)
    new.notes.append("one row per event: put together to one row per attempt")
    if len(ignored):
        new.notes.append("events not used: " + ", ".join(map(str, ignored["word"])))
    return new, found, table


def _no_event(lacking: str, words: str, meanings: pd.DataFrame) -> str:
    """Return the error about a moment that no event marks."""
    text = f"no event is taken for {lacking} among {words}: say which, events="
    if lacking == "arrival":
        start = meanings.loc[meanings["moment"] == "started", "word"].iloc[0]
        return f"{text}{{...: 'arrival'}}; if nobody waited, events={{{start!r}: 'arrival'}}"
    return text + "{'PICKED': 'started', ...}"


def _columns(raw: Raw, chosen: Chosen, clocks: Clocks) -> pd.DataFrame:
    rows = []
    for role, place in chosen.place.items():
        if role == "time" and "time" not in clocks.how:
            continue
        unit = clocks.how.get(role, "")
        rows.append((role, str(raw.headers[place]), unit, chosen.reason.get(role, "by its name")))
    return pd.DataFrame(rows, columns=["role", "column", "unit", "reason"])


def _attempts(raw: Raw, chosen: Chosen, rows: Rows) -> Attempts:
    job = number = None
    name = ""
    if "job" in chosen.place and raw.kind != "swf":
        cells = chosen.frame[chosen.place["job"]]
        job = cells.where(~missing(cells, NOTHING))
        name = named(raw, chosen.place["job"]) if len(raw.headers) > chosen.place["job"] else "job"
        if "attempt" in chosen.place:
            number = chosen.frame[chosen.place["attempt"]]
    return find_attempts(rows, job, number, name)


def _hints(raw: Raw, where: Mapping[str, object] | None) -> list[str]:
    """Say that the log has a column that may hold several queues."""
    if where:
        return []
    found = [str(h) for h in raw.headers if str(h).strip().lower().replace(" ", "_") in _QUEUES]
    return [
        f"{name!r} may part it into queues: where={{{name!r}: ...}} keeps one"
        for name in found[:1]
        if raw.kind != "swf"
    ]


def _table(
    raw: Raw,
    clocks: Clocks,
    rows: Rows,
    attempts: Attempts,
    skipped: dict[str, int],
    shown: pd.DataFrame,
    notes: list[str],
    total: int,
    where: Mapping[str, object] | None,
) -> LogTable:
    """Put the table together: each row is a job, unfinished, or counted in `skipped`."""
    again = rows.usable & attempts.repeated
    skipped = {**skipped, **rows.skipped}
    if again.any():
        skipped["the same row again"] = int(again.sum())
    usable = rows.usable & ~attempts.repeated
    # Jobs that still ran at the end of the log: how long they take is unknown, so they are kept
    # apart.
    open_ = (
        (rows.outcome == LABELS.index("unfinished")) & ~np.isnan(rows.arrival) & ~attempts.repeated
    )
    # Times count from the first arrival that is used, so that a skipped row shifts nothing.
    first = float(np.min(attempts.arrival[usable]))
    data: dict[str, Any] = {
        "request": attempts.request,
        "attempt": attempts.attempt,
        "arrival": attempts.arrival - first,
        "paid": np.maximum(rows.paid, attempts.arrival) - first,
        "started": rows.started - first,
        "finished": rows.finished - first,
        "service": rows.service,
        "wait": np.where(attempts.waits, rows.wait, np.nan),
        "outcome": pd.Categorical.from_codes(rows.outcome, categories=pd.Index(LABELS)),
    }
    frame = pd.DataFrame(data, columns=list(COLUMNS))
    # Stable, so that equal keys keep the order of the log.
    jobs = frame[usable].sort_values(["request", "attempt"], kind="stable", ignore_index=True)
    # Requests are numbered without the gaps of those that were skipped.
    jobs["request"] = pd.factorize(jobs["request"])[0].astype(np.int64)
    unfinished = frame[open_].sort_values(["arrival"], kind="stable", ignore_index=True)
    unix_start = raw.unix_start
    origin = first if clocks.unix else None if unix_start is None else unix_start + first
    chosen = "" if not where else " where " + ", ".join(f"{k} = {v}" for k, v in where.items())
    return LogTable(
        jobs=jobs,
        unfinished=unfinished,
        skipped=skipped,
        outcomes=rows.words,
        columns=shown,
        notes=tuple(dict.fromkeys(notes)),
        name=raw.name,
        kind=raw.kind,
        sha256=raw.sha256,
        rows=total,
        origin=origin,
        zone=clocks.zone if clocks.unix else None if origin is None else "UTC",
        first_arrival=first,
        end=rows.end - first,
        pays="paid" in clocks.seconds or "delay" in clocks.seconds,
        unix_start=0.0 if clocks.unix else unix_start,
        where=chosen,
    )
