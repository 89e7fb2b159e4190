"""The names of actors and the texts of a run's own writes."""

from __future__ import annotations

from jobsim import Scenario, run_threads, run_virtual
from jobsim.domain import marks

SCENARIO = Scenario(jobs=20, workers=2, clients=2)


def test_both_engines_name_their_actors_alike():
    threaded, virtual = run_threads(SCENARIO, speedup=float("inf")), run_virtual(SCENARIO)
    workers = {marks.actor_name(marks.WORKER, k) for k in range(2)}
    assert set(virtual.jobs["worker"].cat.categories) == workers
    assert workers | {"client-0", "client-1", marks.AUDITOR} <= {
        *threaded.calls["actor"].cat.categories
    }


def test_an_input_hash_looks_like_a_digest():
    assert marks.INPUT_HASH.format(request=255) == "ff".rjust(64, "0")


def test_only_an_end_has_a_text():
    assert marks.end_texts("awaiting_payment", "worker-0") == (None, None)
    assert marks.end_texts("completed", "worker-0") == ("done by worker-0", None)
    assert marks.end_texts("failed", "reaper-0") == (None, "failed by reaper-0")
