"""Instants and durations that a log does not have itself, derived from those that it has."""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from jobsim.logs.cells import plain
from jobsim.logs.chosen import named
from jobsim.logs.clocks import Clocks, Floats
from jobsim.logs.column_kinds import kind_of
from jobsim.logs.formats import Raw
from jobsim.logs.source import TraceError

_MOST_SHOWN = 40  # columns that an error looks at


class Builder:
    """Derives what the log does not have itself from what it has, and remembers how."""

    def __init__(self, raw: Raw, clocks: Clocks, size: int) -> None:
        self.raw, self.clocks, self.size = raw, clocks, size
        self.seconds = dict(clocks.seconds)
        self.problems = dict(clocks.problems)
        self.notes: list[str] = []

    def has(self, *roles: str) -> bool:
        """Return whether all these are known or were derived."""
        return all(role in self.seconds for role in roles)

    def derive(self, role: str, values: Floats, *sources: str, note: str | None = None) -> None:
        """Set a role that follows from others: their unreadable cells become its own."""
        self.seconds[role] = values
        self.problems[role] = [p for source in sources for p in self.problems.get(source, ())]
        # By the log's own names: users know their columns, not our roles.
        words = " and ".join(self.clocks.names.get(source, source) for source in sources)
        self.clocks.how.setdefault(role, f"from {words}")
        if note:
            self.notes.append(note)

    def __getitem__(self, role: str) -> Floats:
        return self.seconds[role]

    def name(self, role: str) -> str:
        """Return the name of the column, as messages show it."""
        return self.clocks.names.get(role, role)


def use_time(b: Builder) -> None:
    """Take the one unnamed clock of a log for the arrival, where no other column is."""
    if not b.has("time") or b.has("arrival"):
        return
    time, name = b["time"], b.name("time")
    if b.has("finished") or b.has("started"):
        other = b["started"] if b.has("started") else b["finished"]
        # An arrival cannot come after its start; one row in a hundred may be a clock that was set.
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


def derive_service_of_sojourn(b: Builder) -> None:
    """Take the whole time of a request for its service, where nothing splits it."""
    if b.has("service") or not b.has("sojourn"):
        return
    if b.has("started", "finished") or b.has("wait"):
        return
    if b.has("arrival", "started") and not b.has("finished"):
        end = b["arrival"] + b["sojourn"]
        # A time that ends before the start of the work was not measured from the arrival.
        if np.nanmean(end < b["started"] - b.clocks.resolution) <= 0.01:
            b.derive("finished", end, "arrival", "sojourn")
            return
    b.derive(
        "service",
        b["sojourn"],
        "sojourn",
        note=f"{b.name('sojourn')} is the whole time of a request: any wait is part of it",
    )
    b.clocks.names["service"] = b.name("sojourn")
    b.clocks.how["service"] = b.clocks.how["sojourn"]


def derive_arrival(b: Builder) -> None:
    """Derive arrivals by the rule with the fewest assumptions; with none left, refuse."""
    # A column of the log is never replaced by a derived one.
    if b.has("arrival"):
        return
    if b.has("started", "wait"):
        values = b["started"] - b["wait"]
        if b.has("created"):
            # A job that never started waited for an unknown time.
            values = np.where(np.isnan(b["started"]), b["created"], values)
        b.derive("arrival", values, "started", "wait")
        if b.has("created"):
            b.problems["arrival"] = b.problems["created"]
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
            f"{name!r} is when jobs started, and no column says when they arrived or how long "
            f"they waited: if nobody waited, say columns={{'arrival': {name!r}}}"
            f"{_instants_among(b.raw)}",
            b.raw.line,
        )
    else:
        refuse(b.raw)


def refuse(raw: Raw, alone: str | None = None) -> NoReturn:
    """Raise the error that says which columns a log needs; `alone` is one that is not enough."""
    header = ", ".join(repr(str(name)) for name in raw.headers)
    header += _instants_among(raw)
    only = "" if alone is None else f" {alone!r} alone does not tell when a job arrived;"
    raise TraceError(
        raw.path,
        f"no arrival and service time among {header};{only} "
        'say which they are: columns={"arrival": ..., "service": ...}, two of arrival, started '
        "and finished, or finished and service",
        raw.line,
    )


def _instants_among(raw: Raw) -> str:
    """Say which columns hold moments, whatever their names: the missing role is among them."""
    places = range(min(len(raw.headers), _MOST_SHOWN))
    cells = raw.take(list(places))
    found = [
        repr(named(raw, place))
        for place in places
        if kind_of(plain(cells[place])) in {"date", "epoch"}
    ]
    return f" (moments are in {', '.join(found)})" if found else ""


def derive_rest(b: Builder) -> None:
    """Derive start, service and end, each from the roles that are known."""
    start_of_work = "paid" if b.has("paid") else "arrival"
    if b.has("sojourn") and not b.has("finished") and not b.has("started"):
        b.derive("finished", b["arrival"] + b["sojourn"], "arrival", "sojourn")
    if b.has("sojourn", "service") and not (b.has("started") or b.has("wait")):
        wait = b["sojourn"] - b["service"]
        # Long times are often rounded to seconds.
        wait = np.where((wait < 0) & (wait >= -1.0), 0.0, wait)
        b.derive("wait", wait, "sojourn", "service")
    if not b.has("started") and b.has("wait"):
        b.derive("started", b[start_of_work] + b["wait"], start_of_work, "wait")
    if not b.has("service"):
        _derive_service(b)
    elif b.has("started", "finished"):
        # Where two columns tell the same, one may be empty.
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


def _started_of_end(b: Builder, value: Floats) -> None:
    b.seconds["started"], b.problems["started"] = value, []
    if not np.isnan(value).all():
        names = f"{b.name('finished')} and {b.name('service')}"
        b.clocks.how["started"] = f"from {names}"


def _derive_service(b: Builder) -> None:
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


def payment_of(b: Builder) -> tuple[Floats, bool]:
    """Return when each job was paid, and whether the log tells payments."""
    if b.has("paid"):
        paid = b["paid"]
        # A job that runs has been let in, so it counts as paid from its arrival on.
        ran = ~np.isnan(b["started"]) & np.isnan(paid)
        if ran.any():
            b.notes.append(f"{int(ran.sum()):,} rows ran without {b.name('paid')}: paid at once")
        return np.where(ran, b["arrival"], paid), True
    if b.has("delay"):
        return b["arrival"] + b["delay"], True
    return b["arrival"].copy(), False


def wait_of(b: Builder, paid: Floats, pays: bool) -> Floats:
    """Return how long each job waited for a worker, from its payment on."""
    wait = b["started"] - paid
    if "wait" in b.clocks.seconds and not pays:
        wait = np.where(np.isnan(wait), b["wait"], wait)
    # Clocks of two hosts differ a little, and seconds are cut off.
    return np.where((wait < 0) & (wait >= -b.clocks.resolution), 0.0, wait)
