"""Whether a correct repository can give the answers of a small program.

A search for an order of the calls, consistent with which returned before which was invoked, in
which a repository that works one call at a time gives the same answers. Histories have a handful of
calls, and most schedules of a program lead to the same few histories, so each is judged once. Tests
compare the results with those of `jobsim.proof.checks.all_checks.check_history`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from jobsim.domain.codes import AWAITING, COMPLETED, FAILED, ILLEGAL, OK, PENDING, RUNNING

NOBODY = -1
"""The writer of a text where there is no text."""

HIDDEN = -1
"""The state in a refusal that does not name it."""

Answer = tuple[int, ...]
"""The outcome, then what was answered: a status and the writer of its text, or a count."""

Step = tuple[str, int, int]
"""A call: its name without the mark, which of the program's jobs it is on, and the thread."""

Jobs = tuple[tuple[int, int], ...]
State = tuple[Jobs, int]
"""Status and writer of each of the program's jobs, and how many jobs there are."""

_TARGET = {"running": RUNNING, "completed": COMPLETED, "failed": FAILED}
_LEGAL = {(AWAITING, RUNNING), (RUNNING, COMPLETED), (RUNNING, FAILED)}


@dataclass(frozen=True, slots=True)
class Event:
    """One call of a history: its interval, the call, and the answer.

    `invoked` and `returned` are positions in one order of all invocations and returns.
    """

    invoked: int
    returned: int
    step: Step
    answer: Answer


def expected(state: State, step: Step) -> tuple[State, Answer]:
    """Return what a repository that works one call at a time does in this state."""
    jobs, count = state
    call, job, thread = step
    if call == "create":
        return (jobs, count + 1), (OK, AWAITING, NOBODY)
    if call == "get":
        return state, (OK, *jobs[job])
    if call == "count":
        return state, (OK, count)
    if call == "snapshot":
        return state, (OK, count, *[part for one in jobs for part in one])
    target = _TARGET[call]
    if (jobs[job][0], target) not in _LEGAL:
        return state, (ILLEGAL, jobs[job][0])
    writer = thread if target >= COMPLETED else NOBODY
    moved = (*jobs[:job], (target, writer), *jobs[job + 1 :])
    return (moved, count), (OK, target, writer)


def _fits(answer: Answer, right: Answer) -> bool:
    return answer == right or (answer == (ILLEGAL, HIDDEN) and right[0] == ILLEGAL)


@dataclass
class Judge:
    """Judges the histories of one program, each distinct one once.

    Parameters
    ----------
    start
        The state when the threads begin.

    Attributes
    ----------
    seen
        The verdict on every history so far.
    """

    start: State
    seen: dict[tuple[tuple[int, int, Step, Answer], ...], bool] = field(default_factory=dict)

    def holds(self, history: list[tuple[int, int, Step, Answer]]) -> bool:
        """Return whether some order of the calls explains all answers.

        Entries are invocation, return, call and answer; any order.
        """
        key = tuple(sorted(history))
        found = self.seen.get(key)
        if found is None:
            found = self.seen[key] = explains(key, self.start)
        return found


def explains(history: tuple[tuple[int, int, Step, Answer], ...], start: State) -> bool:
    """Return whether a linearization of the history exists.

    The search of J. Wing and C. Gong, "Testing and verifying concurrent objects", Journal of
    Parallel and Distributed Computing 17 (1993), with a memo on what is placed and the state
    (G. Lowe, 2017).
    """
    size = len(history)
    everything = (1 << size) - 1
    tried: set[tuple[int, State]] = set()
    stack = [(0, start)]
    while stack:
        placed, state = stack.pop()
        if placed == everything:
            return True
        if (placed, state) in tried:
            continue
        tried.add((placed, state))
        first = min(history[at][1] for at in range(size) if not placed >> at & 1)
        for at in range(size):
            invoked, _, step, answer = history[at]
            # The next call in the order must be invoked before the first return among the rest.
            if not placed >> at & 1 and invoked < first:
                after, right = expected(state, step)
                if answer[0] == PENDING:
                    # It may or may not have taken effect.
                    stack += [(placed | 1 << at, state), (placed | 1 << at, after)]
                elif _fits(answer, right):
                    stack.append((placed | 1 << at, after))
    return False
