"""From candidates to columns: which column each role takes, with the reason."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import pandas as pd

from jobsim.logs.cells import is_text, plain
from jobsim.logs.chosen import Chosen, known_producer, named
from jobsim.logs.events import tells_moments
from jobsim.logs.formats import Raw
from jobsim.logs.outcome_words import are_outcomes
from jobsim.logs.roles import (
    MAYBE_ACTIVITIES,
    OUTCOMES,
    ROLES,
    SPELLINGS,
    candidates,
)
from jobsim.logs.settle import choose
from jobsim.logs.source import TraceError
from jobsim.logs.units import words_of


def resolve(
    raw: Raw, columns: Mapping[str, Hashable] | None, extra: Sequence[Hashable] = ()
) -> Chosen:
    """Choose a column for each role, by name and then by values.

    Parameters
    ----------
    raw
        The log.
    columns
        The caller's choices, which are final; other roles are looked for.
    extra
        Further columns to read.

    Raises
    ------
    TraceError
        If two columns that differ could have the same role; it names them and the option.
    """
    given = _given(raw, columns)
    by_name = candidates(raw.headers)
    # A column that the caller named is not a candidate for any other role.
    taken = {place for _, place in given}
    by_role: dict[str, list[tuple[int, int]]] = {}
    where: dict[Hashable, int] = {}
    for place, header in enumerate(raw.headers):
        # The first column of a name; if a second one is used, `_require_single` refuses the log.
        where.setdefault(header, place)
    fixed = {role: where[header] for role, header in raw.roles.items()}
    # A caller who names columns knows better than the header, so no producer is guessed then.
    producer = known_producer(raw, where) if not given else None
    if producer is not None:
        fixed |= producer.place
    for found in by_name:
        place = where[found.column]
        roles = {role for role, _ in given} | set(fixed)
        if found.role not in roles and place not in taken and place not in fixed.values():
            by_role.setdefault(found.role, []).append((found.rank, place))
    # Only columns that may be needed are decoded: a log may have hundreds of others.
    needed = {*taken, *fixed.values(), *(where[name] for name in extra)}
    needed |= {place for _, place in producer.more_status} if producer else set()
    needed |= {place for options in by_role.values() for _, place in options}
    chosen = Chosen(frame=_cells(raw, sorted(needed)))
    if raw.kind == "swf":
        chosen.units = dict.fromkeys(fixed, ("s", "as the format says"))
    if producer is not None:
        chosen.units, chosen.notes = producer.units, producer.notes
        chosen.more_status = producer.more_status
    for role, place in given:
        chosen.place[role], chosen.reason[role] = place, "you said so"
    for role, place in fixed.items():
        chosen.place.setdefault(role, place)
        chosen.reason.setdefault(role, "as the format says")
    if producer is None and not raw.roles:
        choose(raw, chosen, by_role)
        _status_by_words(raw, chosen)
    _require_single(raw, chosen)
    return chosen


def _status_by_words(raw: Raw, chosen: Chosen) -> None:
    """Take the one column whose words are outcomes, where no name tells one.

    Without it, every job would silently count as completed.
    """
    if {*OUTCOMES, "activity"} & set(chosen.place):
        return
    found = []
    for place, header in enumerate(raw.headers):
        # Whether a payment failed says nothing about the work.
        if place in chosen.place.values() or "pay" in str(header).lower():
            continue
        cells = _cells(raw, [place])[place]
        if is_text(cells) and are_outcomes(cells):
            chosen.frame[place] = cells
            found.append(place)
    if len(found) > 1:
        names = " and ".join(repr(named(raw, place)) for place in found)
        raise TraceError(
            raw.path,
            f"{names} could all be how a job ended: say which, "
            f"columns={{'status': {str(raw.headers[found[0]])!r}}}",
            raw.line,
        )
    if found:
        chosen.place["status"], chosen.reason["status"] = found[0], "by its words"


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


def _require_single(raw: Raw, chosen: Chosen) -> None:
    """Refuse a header that names a column twice if it is one that is used."""
    names = [str(header) for header in raw.headers]
    for place in chosen.place.values():
        if names.count(names[place]) > 1:
            raise TraceError(
                raw.path, f"there are two columns {names[place]!r}; rename one", raw.line
            )


def looks_like_events(raw: Raw, chosen: Chosen) -> bool:
    """Tell whether each row is an event: one clock, a case that recurs, and what happened."""
    place = chosen.place
    if "activity" in place and ("time" in place or "arrival" in place) and "job" in place:
        maybe = " ".join(words_of(str(raw.headers[place["activity"]]).rpartition(".")[2]))
        if maybe not in MAYBE_ACTIVITIES and not ({"started", "finished", "service"} & set(place)):
            return True
        # The end of a job may be an event with its runtime, which is no column of every row.
        recurs = chosen.frame[place["job"]].dropna().duplicated().any()
        if recurs and tells_moments(chosen.frame[place["activity"]]):
            return True
    changes = {"status", "time", "job"} <= set(place) or {"status", "arrival", "job"} <= set(place)
    if changes and not ({"started", "finished", "service", "sojourn", "wait"} & set(place)):
        return bool(chosen.frame[place["job"]].duplicated().any())
    return False
