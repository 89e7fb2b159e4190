"""Which calls were under way at the same time, against every pair looked at one by one."""

from __future__ import annotations

import random

import pytest
from calls_table import call, calls_of, life

from jobsim.proof import overlap
from jobsim.proof.history import History

KIND = {"running": "start", "completed": "end", "failed": "end", "awaiting_payment": "other"}
SHARED = {"create", "count"}


def kind(row):
    return KIND[row["target"]] if row["op"] == "update_status" else row["op"]


def by_hand(rows):
    """Return whether any calls overlapped, and which pairs never did."""
    end = 1 + max(max(row["invoked_ns"], row["returned_ns"]) for row in rows)
    spans = [
        (r["invoked_ns"], end if r["outcome"] == "pending" else r["returned_ns"]) for r in rows
    ]
    together, tried = set(), set()
    for a in range(len(rows)):
        for b in range(a):
            if spans[a][0] < spans[b][1] and spans[b][0] < spans[a][1]:
                together |= {a, b}
                one_job = rows[a]["job"] == rows[b]["job"] >= 0
                if one_job or {kind(rows[a]), kind(rows[b])} <= SHARED:
                    tried |= {
                        f"{kind(rows[a])} + {kind(rows[b])}",
                        f"{kind(rows[b])} + {kind(rows[a])}",
                    }
    return bool(together), tuple(pair for pair in overlap.PAIRS if pair not in tried)


def any_call(rng):
    op = rng.choice(["create", "get", "update_status", "count"])
    invoked = rng.randrange(60)
    more = {"job": -1 if op == "count" else rng.randrange(-1, 3)}
    if op == "update_status":
        more["target"] = rng.choice(list(KIND))
    if rng.random() < 0.1:
        more["outcome"] = "pending"
    return call(op, invoked, -1 if "outcome" in more else invoked + rng.randrange(1, 12), **more)


@pytest.mark.parametrize("seed", range(40))
def test_it_finds_what_a_search_of_all_pairs_finds(seed):
    rng = random.Random(seed)
    rows = [any_call(rng) for _ in range(rng.randrange(1, 30))]
    assert overlap.find(History(calls_of(rows))) == by_hand(rows)


def test_calls_that_only_touch_are_not_at_the_same_time():
    rows = [call("get", 0, 10, observed="running"), call("get", 10, 20, observed="running")]
    assert overlap.find(History(calls_of(rows))) == (False, overlap.PAIRS)


def test_no_calls_tried_nothing():
    assert overlap.find(History(calls_of([]))) == (False, overlap.PAIRS)


def test_times_that_are_far_apart_do_not_overflow():
    far = 2**61
    rows = [*life(0), *life(1, at=far), call("get", far + 5, far + 45, job=1, observed="running")]
    tried = {*overlap.PAIRS} - {*overlap.find(History(calls_of(rows))).untried}
    assert tried == {"get + start", "get + end"}
