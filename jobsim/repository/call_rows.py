"""Recorded calls as numbers: a packed form that recorders keep, and rows that readers use."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROW = np.dtype(
    [
        ("op", "i1"),
        ("target", "i1"),  # the status asked for
        ("outcome", "i1"),
        ("observed", "i1"),  # the status that the answer revealed
        ("faults", "i1"),  # CHANGED and BACKDATED, or 0
        ("job", "i4"),  # number of the job, -1 unknown; for COUNT the answer
        ("invoked_ns", "i8"),
        ("returned_ns", "i8"),  # -1 while pending
    ]
)
"""One recorded call: numbers as in `jobsim.domain.codes`, times of `time.perf_counter_ns`."""

CHANGED, BACKDATED = 1, 2

FAULTS_AT = 11
"""The lowest bit of a packed code that says what is wrong with the answer."""

KEPT = np.dtype([("code", "i4"), ("job", "i4"), ("invoked_ns", "i8"), ("returned_ns", "i8")])
"""A call as recorders keep it: the first five fields of a row are packed into one number."""

# As `KEPT`. A size ("n") is packed faster than an int of eight bytes ("q"), where it is as wide.
pack = struct.Struct("@iinn" if struct.calcsize("n") == 8 else "=iiqq").pack
"""Returns the bytes of one kept call."""


def encode(op: int, target: int, outcome: int, observed: int, faults: int = 0) -> int:
    """Return the first five fields of a row as one number.

    Examples
    --------
    >>> from jobsim.domain.codes import OK, UPDATE
    >>> kept = np.array([(encode(UPDATE, 1, OK, 1), 7, 10, 20)], dtype=KEPT)
    >>> decode(kept)[["op", "target", "outcome", "observed", "job"]].tolist()
    [(2, 1, 0, 1, 7)]
    """
    return op | (target + 1) << 2 | outcome << 5 | (observed + 1) << 8 | faults << FAULTS_AT


def decode(kept: NDArray[np.void]) -> NDArray[np.void]:
    """Return the rows of kept calls."""
    code = kept["code"]
    rows = np.empty(len(kept), dtype=ROW)
    rows["op"] = code & 3
    rows["target"] = (code >> 2 & 7) - 1
    rows["outcome"] = code >> 5 & 7
    rows["observed"] = (code >> 8 & 7) - 1
    rows["faults"] = code >> FAULTS_AT
    for name in ("job", "invoked_ns", "returned_ns"):
        rows[name] = kept[name]
    return rows


@dataclass(frozen=True)
class ActorHistory:
    """The calls of one actor: `rows` of dtype `ROW`, and the texts of its errors by row."""

    actor: str
    rows: NDArray[np.void]
    errors: dict[int, str]
