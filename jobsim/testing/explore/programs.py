"""Enumerates small programs: what a few threads call on a job that is new or running.

All programs up to symmetry, those that are likely to show a fault first. Threads that only read
cannot disturb each other, so every program has a call that writes.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from jobsim.domain.models import LEGAL_TRANSITIONS, JobStatus

Calls = tuple[str, ...]

MOVES = {status.value: status for status in JobStatus if status is not JobStatus.AWAITING_PAYMENT}
"""The calls that ask for a transition, by name."""

READS = ("get", "count", "snapshot")
CREATE = "create"
OTHER = "'"
"""The mark after a call that is made on the second of two jobs."""

PLAIN = ("running", "completed", "failed", CREATE, "get", "count")
"""The calls that every repository offers, writes first."""

STARTS = (JobStatus.AWAITING_PAYMENT, JobStatus.RUNNING)
"""The possible statuses of the job when a program begins."""

_WRITES = frozenset({CREATE, *MOVES})


@dataclass(frozen=True)
class Program:
    """What each thread calls, one call after the other.

    Attributes
    ----------
    threads
        The calls of each thread: ``"create"``, ``"get"``, ``"count"``, ``"snapshot"``, or a status
        to ask for, ``"running"``, ``"completed"``, ``"failed"``. With ``'`` behind it a call is
        made on a second job.
    start
        The status in which the job, or both, are when the threads begin.

    Raises
    ------
    ValueError
        If a call has another name, a thread has no call, or there is no thread.

    Examples
    --------
    >>> print(Program([["running", "get"], ["failed"]]))
    running, get | failed (job awaiting_payment)
    """

    threads: tuple[Calls, ...]
    start: JobStatus = JobStatus.AWAITING_PAYMENT

    def __init__(
        self,
        threads: Iterable[Iterable[str]],
        start: JobStatus | str = JobStatus.AWAITING_PAYMENT,
    ) -> None:
        given = tuple(tuple(calls) for calls in threads)
        if not given or not all(given):
            raise ValueError(f"a program has threads with calls, not {list(map(list, given))!r}")
        for call in itertools.chain(*given):
            if not isinstance(call, str) or call.removesuffix(OTHER) not in {*_WRITES, *READS}:
                raise ValueError(
                    f"{call!r} is not a call; use {', '.join(sorted({*_WRITES, *READS}))}, with "
                    "a ' behind it for a second job"
                )
        object.__setattr__(self, "threads", given)
        object.__setattr__(self, "start", JobStatus(start))

    @property
    def jobs(self) -> int:
        """How many jobs there are when the threads begin: 1 or 2."""
        return 2 if any(call.endswith(OTHER) for call in itertools.chain(*self.threads)) else 1

    @property
    def calls(self) -> int:
        """How many calls all threads make together."""
        return sum(map(len, self.threads))

    @property
    def snapshots(self) -> bool:
        """Whether a thread calls ``snapshot``."""
        return any(call == "snapshot" for call in itertools.chain(*self.threads))

    def __str__(self) -> str:
        threads = " | ".join(", ".join(calls) for calls in self.threads)
        return f"{threads} (job{'s' if self.jobs > 1 else ''} {self.start.value})"


def sequences(calls: Sequence[str], longest: int) -> list[Calls]:
    """Return all sequences of at most `longest` of the calls, short ones first."""
    return [
        some for length in range(1, longest + 1) for some in itertools.product(calls, repeat=length)
    ]


def programs(
    threads: int, longest: int, calls: Sequence[str] = PLAIN, starts: Iterable[JobStatus] = STARTS
) -> list[Program]:
    """Return all programs of `threads` threads with at most `longest` calls each, likely first.

    Programs that differ only in the order of their threads count as one; programs without a write
    are left out.

    Examples
    --------
    >>> len(programs(2, 2)), len(programs(3, 1)), len(programs(2, 1))
    (1764, 104, 36)
    """
    made = [
        Program(some, start)
        for some in itertools.combinations_with_replacement(sequences(calls, longest), threads)
        if any(call.removesuffix(OTHER) in _WRITES for call in itertools.chain(*some))
        for start in starts
    ]
    return sorted(made, key=unlikeliness)


def crossed(longest: int = 2) -> list[Program]:
    """Return programs of two threads that use two jobs, in the same order or crossed."""
    moves = ("running", "get")
    one = [(first, f"{second}{OTHER}") for first in moves for second in moves]
    other = [(f"{first}{OTHER}", second) for first in moves for second in moves]
    apart = [((move,), (f"{later}{OTHER}",)) for move in moves for later in moves]
    pairs: list[tuple[Calls, Calls]] = list(apart)
    if longest > 1:
        pairs += itertools.product(one, other)
        for both in (("running", "running'"), ("completed", "completed'")):
            pairs += [(both, ("snapshot",)), (both[::-1], ("snapshot",))]
    made = [
        Program(pair, start)
        for pair in pairs
        if any(call.removesuffix(OTHER) in _WRITES for call in itertools.chain(*pair))
        for start in STARTS
    ]
    return sorted(made, key=unlikeliness)


def unlikeliness(program: Program) -> tuple[int, int]:
    """Return a sort key: the number of further calls, then how unlikely a race is.

    A race needs a write that can succeed, and another thread that reads or writes. A thread that
    reads twice during a write finds values kept from before it, such as in a cache.
    """
    legal = {status.value for status in LEGAL_TRANSITIONS[program.start]}
    some = [{call.removesuffix(OTHER) for call in calls} for calls in program.threads]
    can = [bool(calls & (legal | {CREATE})) for calls in some]
    writes = [bool(calls & _WRITES) for calls in some]
    hot = sum(can)
    reads = sum(bool(calls & set(READS)) for calls in some)
    watches = hot and any(
        len(calls) > 1 and not wrote for calls, wrote in zip(program.threads, writes, strict=True)
    )
    score = 3 * min(hot, 2) + 2 * min(sum(writes), 2) + min(reads, 1) + 4 * bool(watches)
    return program.calls - len(program.threads), -score


def as_programs(given: Iterable[object]) -> list[Program]:
    """Return a user's programs: `Program` objects, or lists of calls per thread.

    Raises
    ------
    TypeError
        If they are neither.
    """
    some = list(given)
    if some and all(_is_calls(thread) for thread in some):
        return [Program(some)]  # type: ignore[arg-type] # one program, its threads' calls
    return [program if isinstance(program, Program) else _as_program(program) for program in some]


def _as_program(given: object) -> Program:
    if isinstance(given, Sequence) and all(_is_calls(calls) for calls in given):
        return Program(given)
    raise TypeError(
        f"{given!r:.100} is not a program; give a list of calls for each thread, such as "
        '[["running", "get"], ["failed"]], or a Program'
    )


def _is_calls(value: object) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and all(isinstance(call, str) for call in value)
    )


def mixed(seed: int) -> Iterator[Program]:
    """Yield programs of three threads with three calls each, drawn from a seed, without end."""
    draw = random.Random(f"mixed {seed}")  # noqa: S311 - no secret
    menu = (*PLAIN, "running", "get", "running'", "get'", "completed'")
    while True:
        threads = [[draw.choice(menu) for _ in range(3)] for _ in range(3)]
        yield Program(threads, draw.choice(STARTS))


def with_snapshot() -> Iterator[Program]:
    """Yield the programs of two threads in which a thread takes a snapshot."""
    for program in programs(2, 2, (*PLAIN, "snapshot")):
        if program.snapshots:
            yield program
