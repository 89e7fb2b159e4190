"""The small judge says what the check of whole runs says."""

from __future__ import annotations

import itertools
import random

import pytest

from jobsim.testing.explore.judge import NOBODY, Judge, expected, explains
from jobsim.testing.explore.tables import judged

CALLS = ("running", "completed", "failed", "get", "create", "count")


def random_history(rng, *, wrong):
    """Return a history of three threads: linearizable, or with one answer changed."""
    start = (((rng.choice((0, 1)), NOBODY),), 1)
    times = sorted(rng.sample(range(40), 12))
    rng.shuffle(times)
    spans = [tuple(sorted(times[at : at + 2])) for at in range(0, 12, 2)]
    steps = [(rng.choice(CALLS), 0, thread) for thread in range(6)]
    order = sorted(range(6), key=lambda at: rng.uniform(*spans[at]))
    # Moments within the spans, in this order: so it is a linearization.
    moments = sorted(rng.uniform(*spans[at]) for at in order)
    answers = {}
    state = start
    for at, moment in zip(order, moments, strict=True):
        low, high = spans[at]
        if not low <= moment <= high:
            return None
        state, answers[at] = expected(state, steps[at])
    if wrong:
        at = rng.randrange(6)
        answer = answers[at]
        if steps[at][0] in ("count", "create"):
            return None
        if answer[0] == 1:
            answers[at] = (1, (answer[1] + 1) % 4)
        else:
            status = (answer[1] + 1) % 4
            answers[at] = (0, status, 0 if status > 1 else NOBODY)
    history = [(*spans[at], steps[at], answers[at]) for at in range(6)]
    return history, start


@pytest.mark.parametrize("wrong", [False, True])
def test_it_agrees_with_the_large_check_on_random_histories(wrong):
    rng = random.Random(5)
    seen = []
    while len(seen) < 150:
        made = random_history(rng, wrong=wrong)
        if made is None:
            continue
        history, start = made
        small = explains(tuple(sorted(history)), start)
        large = judged(history, start).ok
        # It also knows who wrote a text, which the large check reads from the final table.
        if small != large:
            assert any(len(answer) > 2 and answer[2] >= 0 for *_, answer in history)
            assert not small
        seen.append(small)
    assert all(seen) if not wrong else 0 < sum(seen) < len(seen)


def by_permutations(history, start):
    for order in itertools.permutations(history):
        if any(b[1] < a[0] for a, b in itertools.combinations(order, 2)):
            continue
        state = start
        for _, _, step, answer in order:
            state, right = expected(state, step)
            if answer != right:
                break
        else:
            return True
    return False


def test_it_agrees_with_all_permutations():
    rng = random.Random(7)
    seen = set()
    for _ in range(300):
        made = random_history(rng, wrong=rng.random() < 0.5)
        if made is None:
            continue
        history, start = made
        history = rng.sample(history, 4)
        small = explains(tuple(sorted(history)), start)
        assert small == by_permutations(history, start)
        seen.add(small)
    assert seen == {False, True}


def test_each_history_is_judged_once():
    judge = Judge((((0, NOBODY),), 1))
    history = [(0, 1, ("running", 0, 0), (0, 1, NOBODY)), (2, 3, ("get", 0, 1), (0, 0, NOBODY))]
    assert not judge.holds(history)
    assert not judge.holds(history[::-1])
    assert len(judge.seen) == 1
