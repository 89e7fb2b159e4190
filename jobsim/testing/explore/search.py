"""Every schedule of a program with at most k preemptions, each exactly once.

A run follows its own way: the running thread goes on at every point, and where it waits or ends,
whoever is first among those that can go on. A schedule is told by where it deviates from that:
the number of a decision, and who goes on there instead. A deviation at a point of a thread that
could go on is a preemption; where a thread waits or ends, everybody else may go on for nothing.

Stateless search: the children of a run deviate once more, behind its last deviation, so no
schedule is met twice, and none is left out (M. Musuvathi and S. Qadeer, "Iterative context bounding
for systematic testing of multithreaded programs", PLDI 2007). That holds if a run with the same
deviations offers the same decisions up to the last of them, which is compared each time.
"""

from __future__ import annotations

from collections.abc import Iterator

from jobsim.turns.protocols import Schedule
from jobsim.turns.world import World

FREE, YIELD = -1, -2
"""Stand for the thread with the turn in a decision that costs no preemption: it waits or has ended,
or it asks that others go on, and then stands last among the options and alone costs one."""

MOST_POINTS = 100_000
"""A run with more points hangs: threads that wait in loops for what nobody does."""

SPIN = 500
"""After so many points in a row a thread that spins lets others go on."""

Deviation = tuple[int, int]
"""Number of a decision, and the thread that goes on there."""

Deviations = tuple[Deviation, ...]
Decision = tuple[int, tuple[int, ...]]
"""Who has the turn and who else may have it; without a preemption the first of these has it if the
turn is `FREE` or a `YIELD`."""

_SAME: Decision = (FREE, ())
"""A decision that was offered again with more known, and counts no more."""


class NotRepeatable(Exception):  # noqa: N818 - a finding, not a fault
    """A run offers other decisions than the run whose deviations it repeats."""

    def __init__(self, decision: int, text: str) -> None:
        super().__init__(decision, text)
        self.decision, self.text = decision, text


class Planned(Schedule):
    """Follows its own way but for the deviations that it is given, and keeps all decisions."""

    most_points = MOST_POINTS

    def __init__(self, deviations: Deviations, *, prunes: bool = True) -> None:
        self.prunes = prunes
        self.trace: list[Decision] = []
        self.refused: NotRepeatable | None = None
        self._plan = iter(deviations)
        self._at, self._to = next(self._plan, (-1, -1))
        self._running = FREE
        self._since = 0  # the decision with which the running thread began
        self._last: dict[int, int] = {}  # of each thread's last point the decision, if it had one
        self._always = False  # whether every decision is asked for

    def begin(self, world: World) -> None:
        """Learn which threads are about to take a lock."""
        self._wants = world.wants

    @property
    def left(self) -> Deviation | None:
        """The first deviation that was not reached."""
        return None if self._at < 0 else (self._at, self._to)

    def _useful(self, others: list[int]) -> list[int]:
        """Leave out who is about to take a lock that is held, and would only wait."""
        wants = self._wants
        # Locks are seldom held where somebody else may go on, and then nobody is left out.
        for other in others:
            if other in wants and wants[other].locked():
                return [one for one in others if one not in wants or not wants[one].locked()]
        return others

    def at_point(self, me: int, others: list[int]) -> int:
        """Return `me`, or whoever the plan says."""
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
        """Return `me`, or whoever the plan says, now that the lock is known.

        Nothing happened since the point of the same instruction: that decision counts no more.
        """
        if not self.prunes:
            return self.at_point(me, others)
        if again and self._last.get(me, -1) >= 0:
            self.trace[self._last[me]] = _SAME
        lock = self._wants.get(me)
        if lock is not None and lock.locked():
            # It waits at once, and then everybody else may go on for nothing.
            return me
        return self.at_point(me, others)

    def at_yield(self, me: int, others: list[int]) -> int:
        """Return somebody else: whoever spins would never see what it waits for."""
        self._running = FREE
        at = len(self.trace)
        options = [*others, me]
        # To go on in spite of it costs a preemption, or there would be no end of schedules.
        self.trace.append((YIELD, tuple(options)))
        if at == self._at or self._always:
            return self._decide(at, options[0], options)
        return options[0]

    def choose(self, ready: list[int]) -> int:
        """Return the first, or whoever the plan says."""
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
        """Return who goes on where the plan deviates from `default`."""
        to = self._to
        if to not in options:
            self.refused = self.refused or NotRepeatable(
                at, f"thread {to} cannot go on at decision {at}"
            )
            to = default
        self._at, self._to = next(self._plan, (-1, -1))
        return to


def is_preemption(decision: Decision, to: int) -> bool:
    """Return whether it costs a preemption that `to` goes on."""
    running, options = decision
    return running >= 0 or (running == YIELD and to == options[-1])


def preemptions(trace: list[Decision], deviations: Deviations) -> int:
    """Return how many of a run's deviations are preemptions."""
    # One that escaped control may not come to all of them when it is run again.
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
    """Yield the deviations of all runs that deviate once more, with their preemptions."""
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
