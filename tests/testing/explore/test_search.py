"""Every schedule is run once and no other, counted by brute force and by a formula."""

from __future__ import annotations

import itertools
from math import comb

import pytest

from jobsim.testing.explore.search import Planned, check_repeats, children
from jobsim.turns.control import Control
from jobsim.turns.points import Points


@pytest.fixture(autouse=True)
def only_offers(monkeypatch):
    """Leave `World.offer` as the only point: the code of this file is nobody's repository."""
    monkeypatch.setattr(Points, "concerns", lambda self, file: False)


def explored(control, lengths, bound):
    """Return what every schedule logs: threads that write their number `length` times each."""
    logs = []
    stack = [(0, (), None)]
    while stack:
        spent, deviations, parent = stack.pop()
        log = control.make(list)

        def body(number, length, log=log):
            world = control.world
            for at in range(length):
                if at:
                    world.offer()
                log.append(number)

        for number, length in enumerate(lengths):
            control.spawn(f"t{number}", lambda n=number, k=length: body(n, k))
        plan = Planned(deviations)
        assert control.run(plan).stopped is None
        if parent is not None:
            check_repeats(plan.trace, parent, deviations[-1][0])
        logs.append(tuple(log))
        for cost, deeper in children(plan.trace, deviations, spent=spent, bound=bound):
            stack.append((cost, deeper, plan.trace))
    return logs


def preemptions(log, lengths):
    """Return how often a thread lost its turn before it had written all of its numbers."""
    left = list(lengths)
    count = 0
    for now, then in itertools.pairwise(log):
        left[now] -= 1
        count += now != then and left[now] > 0
    return count


def by_brute_force(lengths, bound):
    numbers = [number for number, length in enumerate(lengths) for _ in range(length)]
    every = set(itertools.permutations(numbers))
    return {log for log in every if preemptions(log, lengths) <= bound}


@pytest.mark.parametrize(
    ("lengths", "bound"), [((3, 3), 0), ((3, 3), 2), ((4, 3), 4), ((2, 2, 2), 1), ((3, 2, 1), 2)]
)
def test_every_schedule_is_run_once_and_no_other(lengths, bound):
    with Control(keep_threads=True) as control:
        logs = explored(control, lengths, bound)
    assert len(set(logs)) == len(logs)
    assert set(logs) == by_brute_force(lengths, bound)


@pytest.mark.parametrize("bound", [0, 1, 2, 3])
def test_their_number_is_that_of_the_formula(bound):
    # Two threads of k parts: with p preemptions the first has p // 2 + 1 or one piece more.
    k = 5

    def exactly(p):
        return 2 * comb(k - 1, (p + 1) // 2) * comb(k - 1, p // 2)

    with Control(keep_threads=True) as control:
        logs = explored(control, (k, k), bound)
    assert len(logs) == sum(map(exactly, range(bound + 1)))
