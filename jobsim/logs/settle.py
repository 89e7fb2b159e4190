"""Which of several candidates a role takes, and the error where they differ."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from jobsim.logs.cells import missing
from jobsim.logs.chosen import Chosen, named
from jobsim.logs.column_kinds import ACCEPTED_KINDS, kind_of
from jobsim.logs.durations import read_durations
from jobsim.logs.events import tells_moments
from jobsim.logs.formats import Raw
from jobsim.logs.instants import AmbiguousInstants, read_instants
from jobsim.logs.roles import (
    DURATIONS,
    INSTANTS,
    OTHER_ENDS,
    ROLES,
    is_thing,
    last_name,
    stem_of,
)
from jobsim.logs.source import TraceError

_MANY = ("status",)


def choose(raw: Raw, chosen: Chosen, by_role: dict[str, list[tuple[int, int]]]) -> None:
    """Settle each role in turn: instants first, because they decide what a bare number can be."""
    kinds: dict[int, str] = {
        place: kind_of(chosen.frame[place]) for place in map(int, chosen.frame.columns)
    }
    options = {
        role: sorted((rank, place) for rank, place in found if kinds[place] in ACCEPTED_KINDS[role])
        for role, found in by_role.items()
    }
    _settle_nested(raw, options, kinds)
    _settle_ends(raw, by_role, options, kinds)
    for role in (*INSTANTS, *DURATIONS):
        # A column whose name leaves no doubt is read, and its cells counted as unreadable.
        if not options.get(role):
            named_so = [c for c in sorted(by_role.get(role, ())) if kinds[c[1]] == "text"]
            options[role] = [c for c in named_so if not is_thing(str(raw.headers[c[1]]))]
    _refuse_times_of_day(raw, by_role, kinds)
    _settle_queue(raw, options, kinds, chosen)
    dated = any(
        kinds[place] in {"date", "epoch"}
        for role in (*INSTANTS, "time")
        for place in [*(p for _, p in options.get(role, ())), chosen.place.get(role, -1)]
        if place in kinds
    )
    if dated:  # beside dates a small number is not an instant
        for role in (*INSTANTS, "time"):
            options[role] = [c for c in options.get(role, ()) if kinds[c[1]] != "number"]
    _settle_processed(raw, options, kinds)
    _join_ends(raw, chosen, options)
    _take(raw, chosen, options, kinds)


def _refuse_times_of_day(
    raw: Raw, by_role: Mapping[str, list[tuple[int, int]]], kinds: Mapping[int, str]
) -> None:
    """Refuse times of day such as ``10:00:00``, where all columns named as instants hold them."""
    named_so = {place for role in INSTANTS for _, place in by_role.get(role, ())}
    named_so -= {place for role in DURATIONS for _, place in by_role.get(role, ())}
    if len(named_so) > 1 and all(kinds[place] == "clock" for place in named_so):
        names = ", ".join(repr(named(raw, place)) for place in sorted(named_so))
        raise TraceError(
            raw.path, f"{names} hold times of day without a date: add it to each", raw.line
        )


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
        # An empty column is taken only where no other has the name.
        full = [c for c in left if kinds[c[1]] != "empty"] or left[:1]
        if not full:
            continue
        if role in {*INSTANTS, *DURATIONS}:
            full = _agreeing(raw, chosen, role, full)
        if role == "job":
            full = _telling(chosen, full, options.get("attempt", []))
        if role == "activity":
            full = _transition(raw, chosen, full)
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


def _settle_nested(
    raw: Raw, options: dict[str, list[tuple[int, int]]], kinds: Mapping[int, str]
) -> None:
    """Leave out fields of other objects where the job itself has one.

    The commit and the user of a build were created at some time, too.
    """
    for role, found in options.items():
        own = [c for c in found if last_name(raw.headers[c[1]]) == str(raw.headers[c[1]])]
        if any(kinds[place] != "empty" for _, place in own):
            options[role] = own


def _settle_ends(
    raw: Raw,
    by_role: dict[str, list[tuple[int, int]]],
    options: dict[str, list[tuple[int, int]]],
    kinds: Mapping[int, str],
) -> None:
    """Take ``failed`` without ``at`` for a moment only where it holds dates: it may be a flag."""

    def told(place: int) -> bool:
        stem, had = stem_of(str(raw.headers[place]))
        return had or stem not in OTHER_ENDS or kinds[place] in {"date", "epoch"}

    for found in (by_role, options):
        if "finished" in found:
            found["finished"] = [c for c in found["finished"] if told(c[1])]


def _settle_queue(
    raw: Raw,
    options: dict[str, list[tuple[int, int]]],
    kinds: Mapping[int, str],
    chosen: Chosen,
) -> None:
    """Decide whether ``queue_time`` and ``queued`` are moments or waits."""
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
    """Take ``processed`` for the start where there is another end, otherwise for the end."""
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
    """Prefer an identifier whose values occur once, or once per attempt."""
    number = [attempts[0][1]] if attempts else []
    # A batch or a user has an id too; the id of a job is the one that does not recur.
    once = [c for c in jobs if not chosen.frame[[c[1], *number]].duplicated().any()]
    return once or jobs


def _transition(raw: Raw, chosen: Chosen, options: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Prefer the column of events that names starts and ends, as the lifecycle of XES does.

    Each activity of a case is then a job of its own.
    """
    telling = [c for c in options if tells_moments(chosen.frame[c[1]])]
    if not telling or telling[0] == options[0]:
        return options
    names = [c[1] for c in options if _stem(raw, c[1]).endswith("concept name")]
    if names and "job" in chosen.place and _stem(raw, telling[0][1]).startswith("lifecycle"):
        case, name = chosen.place["job"], names[0]
        chosen.frame[case] = chosen.frame[case].astype("str") + " / " + chosen.frame[name]
        chosen.notes.append(f"a job is one {named(raw, name)} of one {named(raw, case)}")
    return telling


def _agreeing(
    raw: Raw, chosen: Chosen, role: str, options: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Return the options, best first, if all tell the same; otherwise raise an error."""
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
        # A second, because writers round; one row in a hundred, because clocks are set and rows
        # are edited by hand.
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
