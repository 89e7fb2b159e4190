"""Which rows are not jobs, and which contradict themselves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from jobsim.display.text import format_share
from jobsim.logs.clocks import Flags, Floats
from jobsim.logs.derive import Builder
from jobsim.logs.outcome_words import LABELS, SKIPPED
from jobsim.logs.source import TraceError

_DISAGREES = 0.01  # share of a duration by which two columns may disagree


def sift(
    b: Builder,
    codes: NDArray[np.int8] | None,
    label: NDArray[np.int8],
    never: Flags,
    paid: Floats | None,
) -> tuple[Flags, dict[str, int]]:
    """Return which rows are jobs that are over, and count the others by their first reason."""
    usable = np.ones(b.size, dtype=np.bool_)
    skipped: dict[str, int] = {}
    for reason, holds in _reasons(b, codes, label, never, paid):
        hit = usable & holds
        if hit.any():
            skipped[reason] = skipped.get(reason, 0) + int(hit.sum())
            usable &= ~hit
    return usable, skipped


def _reasons(
    b: Builder,
    codes: NDArray[np.int8] | None,
    label: NDArray[np.int8],
    never: Flags,
    paid: Floats | None,
) -> Iterator[tuple[str, Flags]]:
    """Yield why rows cannot be used; a row counts for the first reason that holds."""
    if codes is not None:
        part = "partial execution" if b.raw.kind == "swf" else "never meant to run"
        yield part, codes == SKIPPED
    # An arrival computed back from the end needs the service even of a job that never ran.
    service_needed = ~never | np.isnan(b["arrival"])
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


def _contradictions(b: Builder, never: Flags, paid: Floats | None) -> Iterator[tuple[str, Flags]]:
    """Yield what cannot be true of a row, beyond what rounding and clocks explain."""
    arrival, started, finished, service = (
        b[r] for r in ("arrival", "started", "finished", "service")
    )
    slack = b.clocks.resolution
    # A share of the duration: clocks that run differently are further apart after a long job.
    long = slack + _DISAGREES * np.nan_to_num(service)
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


def _refuse_most(b: Builder, what: str, share: float) -> None:
    names = {role: b.name(role) for role in b.clocks.names}
    taken = ", ".join(f"{role} {name!r}" for role, name in names.items())
    raise TraceError(
        b.raw.path,
        f"{format_share(share)} of the rows contradict themselves ({what}), "
        "so a column is not what its "
        f"name says; taken are {taken}: name the right ones, columns={{...}}",
        b.raw.line,
    )
