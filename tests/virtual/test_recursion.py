"""The first-come-first-served kernel, held against SimPy and against its own definition."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simpy_oracle import simulate

from jobsim.virtual import compiled
from jobsim.virtual import recursion as kernel

SERVERS = [1, 2, 8, 50]


def run(paid, service, workers, **how):
    n = len(paid)
    # Filled with a value that no run writes, so that a forgotten row shows.
    columns = {
        "started": np.full(n, -5.0),
        "finished": np.full(n, -5.0),
        "worker": np.full(n, -5, np.int32),
    }
    kernel.fcfs(np.array(paid, float), np.array(service, float), workers, **columns, **how)
    return SimpleNamespace(**columns)


def same_bytes(one, other):
    return all(
        getattr(one, name).tobytes() == getattr(other, name).tobytes()
        for name in ("started", "finished", "worker")
    )


def by_definition(paid, service, workers):
    """Give each job, in order, to the worker free earliest, the lowest number among equals."""
    free = [0.0] * workers
    result = SimpleNamespace(
        started=np.full(len(paid), math.nan),
        finished=np.full(len(paid), math.nan),
        worker=np.full(len(paid), -1, np.int32),
    )
    for due, job in sorted((due, job) for job, due in enumerate(paid) if not math.isnan(due)):
        server = free.index(min(free))
        result.worker[job] = server
        result.started[job] = max(due, free[server])
        result.finished[job] = free[server] = result.started[job] + service[job]
    return result


def random_load(n, workers, seed, delay=2.0):
    rng = np.random.default_rng(seed)
    paid = np.cumsum(rng.exponential(1 / (0.9 * workers), n)) + rng.exponential(delay, n)
    paid[rng.random(n) < 0.05] = math.nan
    lag = np.where(rng.random(n) < 0.1, rng.exponential(3.0, n), math.nan)
    return paid, lag, rng.exponential(1.0, n)


# Few distinct values, so that ties are the rule.
tied_jobs = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.5, 1.0, 1.5, 4.0, math.nan]),
        st.sampled_from([0.0, 0.5, 2.0, math.nan]),
        st.sampled_from([0.0, 0.5, 1.0, 3.0]),
    ),
    max_size=12,
)


@given(jobs=tied_jobs, workers=st.integers(1, 5))
def test_ties_are_served_as_simpy_serves_them(jobs, workers):
    paid, lag, service = np.array(jobs, float).reshape(-1, 3).T
    ours, theirs = (
        run(paid, service, workers, compiled=False),
        simulate(paid, lag, service, workers),
    )
    np.testing.assert_array_equal(ours.started, theirs.started)
    np.testing.assert_array_equal(ours.finished, theirs.finished)
    np.testing.assert_array_equal(kernel.rejections(paid, lag), theirs.rejected)


@pytest.mark.parametrize("workers", SERVERS)
def test_a_random_load_equals_simpy_to_the_last_bit(workers):
    paid, lag, service = random_load(2000, workers, seed=workers)
    ours, theirs = (
        run(paid, service, workers, compiled=False),
        simulate(paid, lag, service, workers),
    )
    assert ours.started.tobytes() == theirs.started.tobytes()
    assert ours.finished.tobytes() == theirs.finished.tobytes()
    assert kernel.rejections(paid, lag).tobytes() == theirs.rejected.tobytes()


@given(jobs=tied_jobs, workers=st.integers(1, 5))
def test_each_job_goes_to_the_worker_that_is_free_earliest(jobs, workers):
    paid, _, service = np.array(jobs, float).reshape(-1, 3).T
    ours = run(paid, service, workers, compiled=False)
    assert same_bytes(ours, by_definition(paid, service, workers))


def test_times_before_the_start_of_the_run_wait_for_it():
    assert run([-1.0], [2.0], 1, compiled=False).started.tolist() == [0.0]


def test_a_run_longer_than_a_chunk_is_one_run(monkeypatch):
    paid, _, service = random_load(100, 3, seed=1)
    whole = run(paid, service, 3, compiled=False)
    monkeypatch.setattr(kernel, "_CHUNK", 7)
    assert same_bytes(run(paid, service, 3, compiled=False), whole)


def test_a_run_without_paid_jobs_is_all_missing():
    ours = run([math.nan] * 2, [1.0, 1.0], 2)
    assert np.isnan(ours.started).all()
    assert np.isnan(ours.finished).all()
    assert ours.worker.tolist() == [-1, -1]


def test_an_empty_run_is_served():
    assert len(run([], [], 2).started) == 0


def test_no_workers_are_refused():
    with pytest.raises(ValueError, match="workers is 0; a queue needs at least 1"):
        run([1.0], [1.0], 0)


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"the same length, not \[1, 2\]"):
        run([1.0, 2.0], [1.0], 1)


# The order of the queue


@given(
    st.lists(st.sampled_from([0.0, -0.0, 1.0, 2.5, 7.0, math.nan]) | st.floats(0, 9), max_size=40)
)
def test_the_queue_is_ordered_by_payment_then_job(times):
    paid = np.array(times, float)
    expected = sorted((due, job) for job, due in enumerate(times) if not math.isnan(due))
    assert kernel.queue_order(paid).tolist() == [job for _, job in expected]


def test_a_large_queue_with_ties_is_in_stable_order():
    rng = np.random.default_rng(5)
    paid = np.rint(rng.exponential(100.0, 20_000) * 4) / 4
    np.testing.assert_array_equal(kernel.queue_order(paid), np.argsort(paid, kind="stable"))


def test_an_order_that_the_caller_has_already_is_used():
    paid, _, service = random_load(50, 2, seed=3)
    given_order = run(paid, service, 2, order=kernel.queue_order(paid))
    assert same_bytes(given_order, run(paid, service, 2))
    backwards = run([1.0, 1.0], [1.0, 1.0], 1, order=np.array([1, 0]))
    assert backwards.started.tolist() == [2.0, 1.0]


# The compiled twin


@given(jobs=tied_jobs, workers=st.integers(1, 9))
def test_the_text_that_numba_compiles_equals_the_plain_one(jobs, workers):
    paid, _, service = np.array(jobs, float).reshape(-1, 3).T
    plain = run(paid, service, workers, compiled=False)
    n = len(paid)
    twin = SimpleNamespace(
        started=np.full(n, math.nan),
        finished=np.full(n, math.nan),
        worker=np.full(n, -1, np.int32),
    )
    order = kernel.queue_order(paid)
    compiled.serve(order, paid, service, workers, twin.started, twin.finished, twin.worker)
    assert same_bytes(twin, plain)


@pytest.mark.parametrize("workers", [*SERVERS, 1000])
def test_compiled_and_plain_are_equal_to_the_last_bit(workers):
    pytest.importorskip("numba")
    paid, _, service = random_load(20_000, workers, seed=workers)
    fast, plain = (run(paid, service, workers, compiled=how) for how in (True, False))
    assert same_bytes(fast, plain)


@settings(deadline=None)
@given(jobs=tied_jobs, workers=st.integers(1, 9))
def test_compiled_and_plain_break_ties_alike(jobs, workers):
    pytest.importorskip("numba")
    paid, _, service = np.array(jobs, float).reshape(-1, 3).T
    fast, plain = (run(paid, service, workers, compiled=how) for how in (True, False))
    assert same_bytes(fast, plain)


@pytest.mark.parametrize("how", [False, True])
def test_inputs_may_be_read_only_views_and_are_left_alone(how):
    if how:
        pytest.importorskip("numba")
    paid, _, service = random_load(40, 2, seed=9)
    both = np.stack([paid, service], axis=1)
    both.setflags(write=False)
    before = both.tobytes()
    columns = (np.empty(40), np.empty(40), np.empty(40, np.int32))
    names = ("started", "finished", "worker")
    kernel.fcfs(both[:, 0], both[:, 1], 2, **dict(zip(names, columns, strict=True)), compiled=how)
    assert columns[0].tobytes() == run(paid, service, 2).started.tobytes()
    assert both.tobytes() == before


def test_threads_that_compile_at_once_get_one_function():
    made = []
    once = compiled.Compiled(lambda: made.append(1) or compiled.serve)
    threads = [threading.Thread(target=once.load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert made == [1]


# When to compile


@pytest.fixture
def fresh(monkeypatch):
    """A process in which nothing is compiled, with a compiler that only says it was asked."""
    monkeypatch.setattr(compiled.recursion, "loaded", None)
    monkeypatch.setattr(compiled, "find_spec", lambda name: object())
    monkeypatch.setattr(kernel, "COMPILE_FROM", 4)
    asked = []

    def compile_it():
        asked.append(1)
        return compiled.serve

    monkeypatch.setattr(compiled.recursion, "compile_it", compile_it)
    return asked


def test_a_large_run_is_compiled_and_later_small_ones_use_it(fresh):
    run([1.0] * 3, [1.0] * 3, 1)
    assert fresh == []
    run([1.0] * 4, [1.0] * 4, 1)
    assert fresh == [1]
    assert compiled.recursion.load_if_worth_it(1, threshold=4) is compiled.serve
    assert fresh == [1]


def test_without_numba_a_large_run_is_plain(fresh, monkeypatch):
    monkeypatch.setattr(compiled, "find_spec", lambda name: None)
    assert run([1.0] * 4, [1.0] * 4, 1).finished.tolist() == [2.0, 3.0, 4.0, 5.0]
    assert fresh == []


def test_a_numba_that_does_not_fit_is_warned_of_and_the_run_is_plain(fresh, monkeypatch):
    def misfit():
        raise ImportError("Numba needs NumPy 2.3 or less")

    monkeypatch.setattr(compiled.recursion, "compile_it", misfit)
    with pytest.warns(RuntimeWarning, match=r"cannot be imported \(Numba needs NumPy 2.3"):
        ours = run([1.0] * 4, [1.0] * 4, 1)
    assert ours.finished.tolist() == [2.0, 3.0, 4.0, 5.0]


def test_asking_for_the_compiled_kernel_without_numba_is_an_error(monkeypatch):
    monkeypatch.setattr(compiled.recursion, "loaded", None)
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ImportError, match="numba"):
        run([1.0], [1.0], 1, compiled=True)


def test_a_cache_that_cannot_be_written_only_costs_the_compilation(monkeypatch):
    numba = pytest.importorskip("numba")
    calls = []

    def njit(signature, **options):
        calls.append(options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function 'serve': no locator available")
        return lambda function: function

    monkeypatch.setattr(numba, "njit", njit)
    assert compiled.compile_recursion() is compiled.serve
    assert calls == [{"cache": True, "nogil": True}, {"nogil": True}]


def test_importing_the_kernel_imports_no_numba():
    code = "import sys, jobsim.virtual.recursion; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
