"""From candidates to columns: which column each role takes, with the reason, or what to ask."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from jobsim.logs.cells import is_text, matches, middle, missing, numbers, plain
from jobsim.logs.durations import read_durations
from jobsim.logs.formats import Raw
from jobsim.logs.instants import EARLIEST, LATEST, AmbiguousInstants, read_instants
from jobsim.logs.roles import (
    DURATIONS,
    INSTANTS,
    OTHER_ENDS,
    ROLES,
    SPELLINGS,
    candidates,
    is_thing,
    stem_of,
)
from jobsim.logs.source import TraceError

_SAMPLE = 20_000  # rows from which the kind of a column is judged
_DATE = (
    r"\d{4}-\d\d-\d\d.*|\d{1,4}[/.]\d{1,2}[/.]\d{1,4}.*|\d{8}T\d{6}.*"
    r"|[A-Z][a-z]{2},? .*\d{4}.*|\d{1,2}[ /-][A-Z][a-z]{2}[ /-]\d{4}.*"
)
_CLOCK = (
    r"-?(\d+-)?\d+:\d\d(:\d\d)?([.,]\d+)?|-?P[\dTWDHMS.,]+|\d+ days?.*"
    r"|(\d+([.,]\d+)?\s*[a-zµμ]+[\s,]*)+"
)

_KINDS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys((*INSTANTS, "time"), frozenset({"date", "epoch", "number", "empty"})),
    **dict.fromkeys(DURATIONS, frozenset({"number", "clock", "empty"})),
    **dict.fromkeys(
        ("status", "activity"), frozenset({"text", "number", "bool", "clock", "empty"})
    ),
    **dict.fromkeys(("success", "failed"), frozenset({"text", "number", "bool", "empty"})),
    "error": frozenset({"text", "bool", "empty"}),
    "exit_code": frozenset({"number", "clock", "text", "empty"}),
    "http_status": frozenset({"number"}),
    "attempt": frozenset({"number"}),
    "job": frozenset({"text", "number", "epoch", "clock"}),
}
_JMETER = frozenset({"timeStamp", "elapsed", "label", "responseCode"})
_RUN = frozenset(
    {"request", "attempt", "arrival", "created", "paid", "started", "finished", "status"}
)
_MANY = ("status",)


@dataclass
class Chosen:
    """The columns that were taken.

    Attributes
    ----------
    place
        Role to the place of its column; a role that was not found is absent.
    reason
        Role to why.
    more_status
        Places of further columns that tell an outcome, best first.
    units
        Roles whose unit the producer of the log fixes.
    frame
        The candidates' cells, by place, as `plain` gives them.
    notes
        What a person should know.
    """

    place: dict[str, int] = field(default_factory=dict)
    reason: dict[str, str] = field(default_factory=dict)
    more_status: list[tuple[str, int]] = field(default_factory=list)
    units: dict[str, tuple[str, str]] = field(default_factory=dict)
    frame: pd.DataFrame = field(default_factory=pd.DataFrame)
    notes: list[str] = field(default_factory=list)


def kind_of(column: pd.Series) -> str:
    """Return what most cells are: date, epoch, number, clock, bool, text, or empty."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return "date"
    if pd.api.types.is_timedelta64_dtype(column.dtype):
        return "clock"
    if pd.api.types.is_bool_dtype(column.dtype):
        return "bool"
    cells = column[~missing(column)].iloc[:_SAMPLE]
    if not len(cells):
        return "empty"
    found = numbers(cells)
    known = ~np.isnan(found)
    if known.mean() > 0.5:
        # The middle value, for one typing error in a column must not change what the column is.
        usual = middle(found[known])
        sizes = (1.0, 1e-3, 1e-6, 1e-9)
        return "epoch" if any(EARLIEST <= usual * s < LATEST for s in sizes) else "number"
    if not is_text(column):
        return "number"
    # More than half: logs mix forms, and a few odd cells are counted as unreadable later.
    if matches(cells, _DATE).mean() > 0.5:
        return "date"
    if matches(cells, _CLOCK).mean() > 0.5:
        return "clock"
    if matches(cells, r"-?\d+,\d+").mean() > 0.5:
        return "number"
    return "text"


def resolve(
    raw: Raw, columns: Mapping[str, Hashable] | None, extra: Sequence[Hashable] = ()
) -> Chosen:
    """Choose a column for each role, by name and then by values.

    Parameters
    ----------
    raw
        The log.
    columns
        What the caller says; these are taken as they are, others are looked for.
    extra
        Further columns to read.

    Raises
    ------
    TraceError
        Where two columns could be the same and differ, naming them and the option.
    """
    given = _given(raw, columns)
    named = candidates(raw.headers)
    # What the caller named goes first and is no candidate for any other role.
    taken = {place for _, place in given}
    by_role: dict[str, list[tuple[int, int]]] = {}
    where: dict[Hashable, int] = {}
    for place, header in enumerate(raw.headers):
        # The first column of a name; if a second one is used, `_require_single` refuses the log.
        where.setdefault(header, place)
    fixed = {role: where[header] for role, header in raw.roles.items()}
    # Who names columns knows better than a header does, so a guess by the producer ends there.
    producer = _producer(raw, where) if not given else None
    if producer is not None:
        fixed |= producer.place
    for found in named:
        place = where[found.column]
        roles = {role for role, _ in given} | set(fixed)
        if found.role not in roles and place not in taken and place not in fixed.values():
            by_role.setdefault(found.role, []).append((found.rank, place))
    # Only columns that may be needed are decoded: a log may have hundreds of others.
    needed = {*taken, *fixed.values(), *(where[name] for name in extra)}
    needed |= {place for options in by_role.values() for _, place in options}
    chosen = Chosen(frame=_cells(raw, sorted(needed)))
    if raw.kind == "swf":
        chosen.units = dict.fromkeys(fixed, ("s", "as the format says"))
    if producer is not None:
        chosen.units, chosen.notes = producer.units, producer.notes
    for role, place in given:
        chosen.place[role], chosen.reason[role] = place, "you said so"
    for role, place in fixed.items():
        chosen.place.setdefault(role, place)
        chosen.reason.setdefault(role, "as the format says")
    if producer is None and not raw.roles:
        _choose(raw, chosen, by_role)
    _require_single(raw, chosen)
    return chosen


def _cells(raw: Raw, places: list[int]) -> pd.DataFrame:
    frame = raw.take(places)
    return pd.DataFrame({place: plain(frame[place]) for place in places})


def _given(raw: Raw, columns: Mapping[str, Hashable] | None) -> list[tuple[str, int]]:
    """Return the places of the columns that the user named; an unclear name is an error."""
    found = []
    header = ", ".join(repr(str(name)) for name in raw.headers)
    for name, theirs in (columns or {}).items():
        role = SPELLINGS.get(name, name)
        if role not in ROLES:
            problem = f"columns has no {name!r}; choose from {', '.join(ROLES)}"
            raise TraceError(raw.path, problem, raw.line)
        places = [place for place, column in enumerate(raw.headers) if column == theirs]
        if not places and isinstance(theirs, str) and theirs.isdigit() and raw.headers[:1] == (0,):
            places = [int(theirs)] if int(theirs) < len(raw.headers) else []
        if not places:
            raise TraceError(raw.path, f"there is no column {theirs!r} among {header}", raw.line)
        if len(places) > 1:
            raise TraceError(raw.path, f"there are two columns {theirs!r}; rename one", raw.line)
        found.append((role, places[0]))
    return found


def _producer(raw: Raw, where: Mapping[Hashable, int]) -> Chosen | None:
    """Return the columns of logs whose writer is known by its whole header."""
    names = frozenset(str(header) for header in raw.headers)
    if names >= _JMETER:
        roles = {"arrival": "timeStamp", "sojourn": "elapsed"}
        if "success" in names:
            roles["success"] = "success"
        else:
            roles["http_status"] = "responseCode"
        found = Chosen({role: where[column] for role, column in roles.items()})
        found.units["sojourn"] = ("ms", "JMeter writes milliseconds")
        found.notes.append("known by its header as a JMeter log")
        return found
    if names >= _RUN:
        roles = {"job": "request", **{name: name for name in _RUN - {"request", "created"}}}
        found = Chosen({role: where[column] for role, column in roles.items()})
        found.notes.append("known by its header as the jobs of a run")
        return found
    return None


def _choose(raw: Raw, chosen: Chosen, by_role: dict[str, list[tuple[int, int]]]) -> None:
    """Settle each role in turn: instants first, for they decide what a bare number can be."""
    kinds: dict[int, str] = {
        place: kind_of(chosen.frame[place]) for place in map(int, chosen.frame.columns)
    }
    options = {
        role: sorted((rank, place) for rank, place in found if kinds[place] in _KINDS[role])
        for role, found in by_role.items()
    }
    for role in (*INSTANTS, *DURATIONS):
        # A column that by its name must be it is read, and its cells counted as unreadable.
        if not options.get(role):
            named_so = [c for c in sorted(by_role.get(role, ())) if kinds[c[1]] == "text"]
            options[role] = [c for c in named_so if not is_thing(str(raw.headers[c[1]]))]
    _settle_queue(raw, options, kinds, chosen)
    dated = any(
        kinds[place] in {"date", "epoch"}
        for role in (*INSTANTS, "time")
        for place in [*(p for _, p in options.get(role, ())), chosen.place.get(role, -1)]
        if place in kinds
    )
    if dated:  # beside dates a small number is no instant
        for role in (*INSTANTS, "time"):
            options[role] = [c for c in options.get(role, ()) if kinds[c[1]] != "number"]
    _settle_processed(raw, options, kinds)
    _join_ends(raw, chosen, options)
    _take(raw, chosen, options, kinds)


def _take(
    raw: Raw,
    chosen: Chosen,
    options: Mapping[str, list[tuple[int, int]]],
    kinds: Mapping[int, str],
) -> None:
    """Give each role the best of the columns that are left."""
    for role in ROLES:
        if role in chosen.place:
            continue
        left = [c for c in options.get(role, ()) if c[1] not in chosen.place.values()]
        # An empty column is taken only where no other has the name: then the log tells nothing of
        # it.
        full = [c for c in left if kinds[c[1]] != "empty"] or left[:1]
        if not full:
            continue
        if role in {*INSTANTS, *DURATIONS}:
            full = _agreeing(raw, chosen, role, full)
        if role == "job":
            full = _telling(chosen, full, options.get("attempt", []))
        chosen.place[role] = full[0][1]
        chosen.reason[role] = "by its name"
        if role in _MANY:
            chosen.more_status += [(role, place) for _, place in full[1:]]
    if "status" in chosen.place:
        rest = [
            r
            for r in ("success", "failed", "exit_code", "http_status", "error")
            if r in chosen.place
        ]
        chosen.more_status += [(role, chosen.place[role]) for role in rest]


def _settle_queue(
    raw: Raw,
    options: dict[str, list[tuple[int, int]]],
    kinds: Mapping[int, str],
    chosen: Chosen,
) -> None:
    """Decide whether ``queue_time`` and ``queued`` are moments or for how long a job waited."""
    both = {p for _, p in options.get("arrival", ())} & {p for _, p in options.get("wait", ())}
    for place in both:
        stem, _ = stem_of(str(raw.headers[place]))
        others = [c for c in options["arrival"] if c[1] not in both] or "arrival" in chosen.place
        moment = kinds[place] in {"date", "epoch"} or (stem == "queued" and not others)
        lost = "wait" if moment else "arrival"
        # One column cannot be both, so the reading that fits its values less well is dropped.
        options[lost] = [c for c in options[lost] if c[1] != place]


def _settle_processed(
    raw: Raw, options: dict[str, list[tuple[int, int]]], kinds: Mapping[int, str]
) -> None:
    """Take ``processed`` for the start where there is another end, else for the end."""
    ends = options.get("finished", [])
    named_so = [c for c in ends if _stem(raw, c[1]) == "processed"]
    if named_so and kinds[named_so[0][1]] in {"date", "epoch", "number"}:
        others = [c for c in ends if c not in named_so and _stem(raw, c[1]) not in OTHER_ENDS]
        if others:
            options["finished"] = [c for c in ends if c not in named_so]
            options.setdefault("started", []).extend(named_so)


def _stem(raw: Raw, place: int) -> str:
    return stem_of(str(raw.headers[place]))[0]


def _join_ends(raw: Raw, chosen: Chosen, options: dict[str, list[tuple[int, int]]]) -> None:
    """Fill the end of a job from ``failed_at`` and the like, where ``completed_at`` is empty."""
    ends = options.get("finished", [])
    others = [c for c in ends if _stem(raw, c[1]) in OTHER_ENDS]
    main = [c for c in ends if c not in others]
    options["finished"] = main or others[:1]
    if not options["finished"]:
        return
    place = options["finished"][0][1]
    for _, other in others:
        if other != place:
            cells = chosen.frame[place]
            chosen.frame[place] = cells.where(~missing(cells), chosen.frame[other])
            chosen.notes.append(f"{named(raw, other)} where {named(raw, place)} is empty")


def _telling(
    chosen: Chosen, jobs: list[tuple[int, int]], attempts: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Prefer the identifier of which each value occurs once, or once per attempt."""
    number = [attempts[0][1]] if attempts else []
    # A batch or a user has an id too; the id of a job is the one that does not recur.
    once = [c for c in jobs if not chosen.frame[[c[1], *number]].duplicated().any()]
    return once or jobs


def _agreeing(
    raw: Raw, chosen: Chosen, role: str, options: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Return the options, best first, if all tell the same; else ask which one is meant."""
    if len(options) == 1:
        return options
    names = [str(raw.headers[place]) for _, place in options]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise TraceError(raw.path, f"there are two columns {twice!r}; rename one", raw.line)
    if role == "sojourn":
        return options
    first = _comparable(chosen.frame[options[0][1]], role)
    for _, place in options[1:]:
        other = _comparable(chosen.frame[place], role)
        # A second, for producers round; one row in a hundred, for clocks are set and rows are
        # edited by hand.
        apart = np.abs(first - other) > 1.0
        if (
            np.isnan(other).all()
            or apart.mean() > 0.01
            or (np.isnan(first) & ~np.isnan(other)).mean() > 0.01
        ):
            quoted = " and ".join(repr(name) for name in names)
            raise TraceError(
                raw.path,
                f"both {quoted} could be {_said(role)}, and they differ: say which, "
                f"columns={{{role!r}: {names[0]!r}}}",
                raw.line,
            )
    chosen.notes.append(f"{', '.join(names[1:])} tells the same as {names[0]}")
    return options


def _said(role: str) -> str:
    what = {"arrival": "when a job arrived", "paid": "when it was paid", "wait": "its wait"}
    what |= {
        "started": "when it started",
        "finished": "when it ended",
        "service": "how long it ran",
    }
    return what.get(role, f"the {role}")


def _comparable(column: pd.Series, role: str) -> np.ndarray:
    if role in DURATIONS:
        return read_durations("", column).values
    try:
        return read_instants("", column).seconds
    except AmbiguousInstants:
        return np.full(len(column), np.nan)


def _require_single(raw: Raw, chosen: Chosen) -> None:
    """Refuse a header that names a column twice if it is one that is used."""
    names = [str(header) for header in raw.headers]
    for place in chosen.place.values():
        if names.count(names[place]) > 1:
            raise TraceError(
                raw.path, f"there are two columns {names[place]!r}; rename one", raw.line
            )


def is_step(column: pd.Series) -> np.ndarray:
    """Return where a SLURM job id is that of a step, which is no job."""
    if not is_text(column):
        return np.zeros(len(column), dtype=np.bool_)
    step = column.str.fullmatch(r"\d+(_\d+)?(\+\d+)?\.(batch|extern|interactive|\d+)")
    return step.fillna(value=False).to_numpy(dtype=np.bool_)


def looks_like_events(chosen: Chosen) -> bool:
    """Tell whether each row is an event: one clock, a case that recurs, and what happened."""
    place = chosen.place
    if "activity" in place and ("time" in place or "arrival" in place) and "job" in place:
        return not ({"started", "finished", "service"} & set(place))
    changes = {"status", "time", "job"} <= set(place) or {"status", "arrival", "job"} <= set(place)
    if changes and not ({"started", "finished", "service", "sojourn", "wait"} & set(place)):
        return bool(chosen.frame[place["job"]].duplicated().any())
    return False


def named(raw: Raw, place: int) -> str:
    """Return a column's name as messages show it."""
    header = raw.headers[place]
    return f"column {header}" if isinstance(header, int) else re.sub(r"\s+", " ", str(header))
