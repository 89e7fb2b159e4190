"""Every schedule of a program with at most k preemptions, each exactly once.

By default the running thread goes on at every point, and when it waits or ends, the first thread
that can go on does. A schedule is described by its deviations from that: the number of a decision,
and the thread that goes on there instead. A deviation while the running thread could go on is a
preemption. When it waits or ends, choosing another thread costs none.

The search is stateless: the children of a run deviate once more, after its last deviation, so no
schedule is run twice and none is missed (M. Musuvathi and S. Qadeer, "Iterative context bounding
for systematic testing of multithreaded programs", PLDI 2007). This requires that a run with the
same deviations offers the same decisions up to the last of them, which is checked each time.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobsim.turns.protocols import Schedule
from jobsim.turns.world import World

FREE, YIELD = -1, -2
"""In place of the thread with the turn in decisions without preemption: it waits or has ended, or
it yields. A thread that yields is the last option, and only choosing it costs a preemption."""

MOST_POINTS = 100_000
"""A run with more points counts as a hang: its threads wait in loops for nothing."""

SPIN = 500
"""The number of points in a row after which a thread counts as spinning, and others go on."""

Deviation = tuple[int, int]
"""Number of a decision, and the thread that goes on there."""

Deviations = tuple[Deviation, ...]
Decision = tuple[int, tuple[int, ...]]
"""The thread with the turn, or `FREE` or `YIELD`, and the options. With `FREE` and `YIELD` the
first option goes on by default."""

_SAME: Decision = (FREE, ())
"""Replaces a decision that was asked again when more was known, so that it no longer counts."""


class NotRepeatable(Exception):  # noqa: N818 - a finding, not a fault
    """A run offers other decisions than the run whose deviations it repeats."""

    def __init__(self, decision: int, text: str) -> None:
        super().__init__(decision, text)
        self.decision, self.text = decision, text


class Planned(Schedule):
    """The default schedule with given deviations; keeps all decisions."""

    most_points = MOST_POINTS

    def __init__(self, deviations: Deviations, *, prunes: bool = True) -> None:
        self.prunes = prunes
        self.trace: list[Decision] = []
        self.refused: NotRepeatable | None = None
        self._plan = iter(deviations)
        self._at, self._to = next(self._plan, (-1, -1))
        self._running = FREE
        self._since = 0  # the decision with which the running thread began
        self._last: dict[int, int] = {}  # the decision at each thread's last point, -1 for none
        self._always = False  # whether `_decide` is called for every decision

    def begin(self, world: World) -> None:
        """Take note of the run, to know which threads are about to take a lock."""
        self._wants = world.wants

    @property
    def left(self) -> Deviation | None:
        """The first deviation that was not reached."""
        return None if self._at < 0 else (self._at, self._to)

    def _useful(self, others: list[int]) -> list[int]:
        """Leave out threads that would only wait for a lock that is held."""
        wants = self._wants
        # Usually no wanted lock is held; then nothing has to be copied.
        for other in others:
            if other in wants and wants[other].locked():
                return [one for one in others if one not in wants or not wants[one].locked()]
        return others

    def at_point(self, me: int, others: list[int]) -> int:
        """Return `me`, or the thread that the plan names."""
        if self._wants and self.prunes:
            others = self._useful(others)
            if not others:
                self._last[me] = -1
                return me
        trace = self.trace
        at = len(trace)
        if me != self._running:
            self._running, self._since = me, at
        elif at - self._since > SPIN:
            self._last[me] = -1
            return self.at_yield(me, others)
        trace.append((me, tuple(others)))
        self._last[me] = at
        if at == self._at or self._always:
            return self._decide(at, me, others)
        return me

    def at_lock(self, me: int, others: list[int], *, again: bool) -> int:
        """Return `me`, or the thread that the plan names, now that the lock is known.

        Nothing has happened since the point of the same instruction, so that decision is replaced.
        """
        if not self.prunes:
            return self.at_point(me, others)
        if again and self._last.get(me, -1) >= 0:
            self.trace[self._last[me]] = _SAME
        lock = self._wants.get(me)
        if lock is not None and lock.locked():
            # It will wait at once, and then choosing another thread costs no preemption.
            return me
        return self.at_point(me, others)

    def at_yield(self, me: int, others: list[int]) -> int:
        """Return another thread: a spinning thread waits for something that others do."""
        self._running = FREE
        at = len(self.trace)
        options = [*others, me]
        # Going on nevertheless costs a preemption, or the number of schedules would be infinite.
        self.trace.append((YIELD, tuple(options)))
        if at == self._at or self._always:
            return self._decide(at, options[0], options)
        return options[0]

    def choose(self, ready: list[int]) -> int:
        """Return the first, or the thread that the plan names."""
        narrow = self._wants and self.prunes
        options = (self._useful(ready) or ready) if narrow else ready
        if len(options) == 1:
            return options[0]
        options = sorted(options)
        at = len(self.trace)
        self.trace.append((FREE, tuple(options)))
        if at == self._at or self._always:
            return self._decide(at, options[0], options)
        return options[0]

    def _decide(self, at: int, default: int, options: list[int]) -> int:
        """Return the thread of the next deviation of the plan, or `default` if it cannot go on."""
        to = self._to
        if to not in options:
            self.refused = self.refused or NotRepeatable(
                at, f"thread {to} cannot go on at decision {at}"
            )
            to = default
        self._at, self._to = next(self._plan, (-1, -1))
        return to


def is_preemption(decision: Decision, to: int) -> bool:
    """Return whether choosing `to` costs a preemption."""
    running, options = decision
    return running >= 0 or (running == YIELD and to == options[-1])


def preemptions(trace: list[Decision], deviations: Deviations) -> int:
    """Return how many of a run's deviations are preemptions."""
    # If a run escaped control, a repetition may not reach all of its deviations.
    return sum(is_preemption(trace[at], to) for at, to in deviations if at < len(trace))


def check_repeats(trace: list[Decision], parent: list[Decision], at: int) -> None:
    """Raise `NotRepeatable` unless a run offered its parent's decisions up to its deviation."""
    if trace[: at + 1] == parent[: at + 1]:
        return
    for number in range(at + 1):
        if number >= len(trace) or trace[number] != parent[number]:
            raise NotRepeatable(number, f"decision {number} offers other threads than before")


def children(
    trace: list[Decision], deviations: Deviations, *, spent: int, bound: int
) -> Iterator[tuple[int, Deviations]]:
    """Yield the number of preemptions and the deviations of all runs that deviate once more."""
    first = deviations[-1][0] + 1 if deviations else 0
    for at in range(first, len(trace)):
        running, options = trace[at]
        if running >= 0:
            if spent < bound:
                for other in options:
                    yield spent + 1, (*deviations, (at, other))
            continue
        for other in options[1:]:
            cost = spent + is_preemption(trace[at], other)
            if cost <= bound:
                yield cost, (*deviations, (at, other))
