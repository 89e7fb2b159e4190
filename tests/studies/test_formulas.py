"""The queueing formulas, held against textbook values, plain sums and each other."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsim.studies import formulas


def blocking(servers, load):
    """Erlang B as its defining sum, in exact fractions."""
    terms = [Fraction(load) ** k / math.factorial(k) for k in range(servers + 1)]
    return terms[-1] / sum(terms)


@given(servers=st.integers(1, 30), load=st.integers(0, 60).map(lambda n: n / 4))
def test_erlang_b_equals_its_defining_sum(servers, load):
    assert formulas.erlang_b(servers, load) == pytest.approx(float(blocking(servers, load)))


@given(servers=st.integers(1, 30), share=st.integers(0, 15))
def test_erlang_c_equals_its_defining_sum(servers, share):
    load = Fraction(servers * share, 16)
    tail = load**servers / math.factorial(servers) / (1 - load / servers)
    head = sum(load**k / Fraction(math.factorial(k)) for k in range(servers))
    expected = float(tail / (head + tail))
    assert formulas.erlang_c(servers, float(load)) == pytest.approx(expected)


def test_erlang_b_matches_the_published_table():
    # The classic table: 1 % blocking carries 4.46 erlangs on 10 lines, 84.1 on 100.
    assert formulas.erlang_b(10, 4.46) == pytest.approx(0.01, rel=0.005)
    assert formulas.erlang_b(100, 84.1) == pytest.approx(0.01, rel=0.01)


def test_thousands_of_servers_neither_overflow_nor_vanish():
    assert 0.0 < formulas.erlang_c(5000, 4950.0) < 1.0
    # Halfin and Whitt (1981): with c = a + b sqrt(a) the limit at b = 1 is 0.2234.
    load = 1e6
    assert formulas.erlang_c(int(load + math.sqrt(load)), load) == pytest.approx(0.2234, abs=1e-3)


@given(
    workers=st.integers(1, 12),
    users=st.integers(1, 12),
    think=st.integers(0, 40).map(lambda n: Fraction(n, 8)),
    service=st.integers(1, 40).map(lambda n: Fraction(n, 8)),
)
def test_a_finite_source_equals_its_balance_equations(workers, users, think, service):
    def shares(count):
        if think == 0:  # nobody ever thinks
            return [Fraction(0)] * count + [Fraction(1)]
        weights = [Fraction(1)]
        for n in range(1, count + 1):
            weights.append(weights[-1] * (count - n + 1) / think * service / min(n, workers))
        return [weight / sum(weights) for weight in weights]

    found = formulas.finite_source(workers, users, float(think), float(service))
    throughput = sum(p * min(n, workers) for n, p in enumerate(shares(users))) / service
    assert found.throughput == pytest.approx(float(throughput))
    # The response time law: a user's whole cycle is thought, wait and work.
    assert found.wait_mean == pytest.approx(float(users / throughput - think - service), abs=1e-9)
    assert found.wait_probability == pytest.approx(float(sum(shares(users - 1)[workers:])))


def test_many_users_who_think_long_are_an_open_loop():
    found = formulas.finite_source(8, 20_000, 20_000 / 6.4, 1.0)
    assert found.wait_probability == pytest.approx(formulas.erlang_c(8, 6.4), rel=1e-2)
    assert found.wait_mean == pytest.approx(formulas.mmc_wait_mean(8, 6.4, 1.0), rel=1e-2)


@pytest.mark.parametrize(
    "numbers", [(0, 1, 1.0, 1.0), (1, 0, 1.0, 1.0), (1, 1, -1.0, 1.0), (1, 1, 1.0, 0.0)]
)
def test_a_finite_source_out_of_range_is_refused(numbers):
    with pytest.raises(ValueError, match=r"1 of each|work takes time"):
        formulas.finite_source(*numbers)


def test_one_worker_is_the_mm1_queue():
    assert formulas.erlang_c(1, 0.75) == pytest.approx(0.75)
    assert formulas.mmc_wait_mean(1, 1.5, 0.5) == pytest.approx(0.75 * 0.5 / 0.25)
    assert formulas.mmc_wait_exceeds(1, 1.5, 0.5, 2.0) == pytest.approx(0.75 * math.exp(-1.0))


@given(workers=st.integers(1, 50), share=st.floats(0.05, 0.98), q=st.floats(0, 99.9))
def test_percentiles_invert_the_distribution_of_the_wait(workers, share, q):
    rate, mean = share * workers / 2.0, 2.0
    wait = formulas.mmc_wait_percentile(workers, rate, mean, q)
    beyond = formulas.mmc_wait_exceeds(workers, rate, mean, wait)
    if wait:
        assert beyond == pytest.approx(1 - q / 100)
    else:
        assert beyond <= 1 - q / 100 + 1e-12


def test_the_mean_wait_is_the_area_under_its_tail():
    step = 0.001
    tail = [formulas.mmc_wait_exceeds(3, 2.4, 1.0, (k + 0.5) * step) for k in range(60_000)]
    assert math.fsum(tail) * step == pytest.approx(formulas.mmc_wait_mean(3, 2.4, 1.0), rel=1e-5)


def test_pollaczek_khinchine_with_exponential_work_is_mm1():
    assert formulas.mg1_wait_mean(1.5, 0.5, 0.25) == pytest.approx(
        formulas.mmc_wait_mean(1, 1.5, 0.5)
    )


def test_allen_cunneen_contains_pollaczek_khinchine():
    approximation = formulas.ggc_wait_mean(1, 0.8, 1.0, arrival_cv2=1.0, service_cv2=2.25)
    assert approximation == pytest.approx(formulas.mg1_wait_mean(0.8, 1.0, 2.25))


def test_work_without_arrivals_or_without_duration_never_waits():
    assert formulas.mmc_wait_mean(2, 0.0, 1.0) == 0.0
    assert formulas.mmc_wait_exceeds(2, 3.0, 0.0, 0.0) == 0.0
    assert formulas.mmc_wait_percentile(2, 0.0, 1.0, 99) == 0.0


def test_the_unpaid_pile_up_and_payments_under_way_do_not():
    assert formulas.unpaid_stock_mean(6.0, 0.05, 100.0) == pytest.approx(30.0)
    assert formulas.mginf_occupancy_mean(6.0, 20.0) == 120.0


@pytest.mark.parametrize(
    ("workers", "load", "message"),
    [
        (8, 8.4, "8 workers are too few: needs at least 9 workers; offered load is 8.4"),
        (1, 1.0, "1 worker is too few: needs at least 2 workers; offered load is 1"),
        (0, 1.0, "workers is 0"),
        (2, -1.0, "offered load is -1.0"),
        (2, math.nan, "offered load is nan"),
        (2, math.inf, "offered load is inf"),
    ],
)
def test_a_load_without_a_steady_state_is_refused(workers, load, message):
    with pytest.raises(ValueError, match=message):
        formulas.erlang_c(workers, load)


def test_every_formula_refuses_an_unstable_load():
    for refused in (
        lambda: formulas.mmc_wait_mean(2, 3.0, 1.0),
        lambda: formulas.mmc_wait_exceeds(2, 3.0, 1.0, 0.0),
        lambda: formulas.mmc_wait_percentile(2, 3.0, 1.0, 50),
        lambda: formulas.mg1_wait_mean(3.0, 1.0, 0.0),
        lambda: formulas.ggc_wait_mean(2, 3.0, 1.0, arrival_cv2=1.0, service_cv2=0.0),
    ):
        with pytest.raises(ValueError, match="offered load is 3"):
            refused()


def test_a_light_load_needs_one_worker():
    assert formulas.needs(0.5) == "needs at least 1 worker; offered load is 0.5"


@pytest.mark.parametrize("q", [-1, 100, math.nan])
def test_a_percentage_out_of_range_is_refused(q):
    with pytest.raises(ValueError, match="it is a percentage"):
        formulas.mmc_wait_percentile(2, 1.0, 1.0, q)


def test_a_negative_time_is_refused():
    with pytest.raises(ValueError, match="time is -1"):
        formulas.mmc_wait_exceeds(2, 1.0, 1.0, -1.0)
