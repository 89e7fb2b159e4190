"""Which model theory picks for a scenario, and whether its numbers hold against the kernel."""

from __future__ import annotations

import math

import numpy as np
import pytest

from jobsim.scenario.scenario import Scenario
from jobsim.studies import formulas
from jobsim.studies.cells import default_warmup
from jobsim.studies.replicate import replicate
from jobsim.studies.theory import theory
from jobsim.virtual.recursion import fcfs
from jobsim.virtual.run_virtual import run_virtual

EXPONENTIAL = {"kind": "exponential", "mean": 1.0}
LOGNORMAL = {"kind": "lognormal", "mean": 1.0, "cv": 1.5}
CONSTANT = {"kind": "constant", "value": 1.0}


def scenario(arrivals="poisson", rate=6.4, workers=8, service=EXPONENTIAL, **payment):
    return Scenario(
        jobs=1000,
        arrivals={"kind": arrivals, "rate": rate},
        workers=workers,
        work={"service": service},
        payment=payment,
    )


def simulated_waits(case, jobs=60_000, seed=1):
    """Serve jobs drawn here, not by the package's sampling, and drop the warm-up."""
    rng = np.random.default_rng(seed)
    arrival = case.arrivals.sample(rng, jobs, None)
    paid = arrival + case.payment.delay.sample(rng, jobs)
    paid[rng.random(jobs) < case.payment.abandon] = np.nan
    started, finished = np.empty(jobs), np.empty(jobs)
    fcfs(
        paid,
        case.work.service.sample(rng, jobs),
        case.workers,
        started=started,
        finished=finished,
        worker=np.empty(jobs, np.int32),
    )
    waits = (started - paid)[jobs // 20 :]
    return waits[~np.isnan(waits)]


CLOSED = Scenario(
    jobs=8000,
    duration=2000.0,
    workers=3,
    arrivals={"kind": "closed", "users": 10, "think": {"kind": "exponential", "mean": 2.0}},
)


def test_a_closed_loop_of_exponentials_is_mmcn_and_so_are_its_runs():
    result = theory(CLOSED)
    assert (result.model, result.exact, result.stable) == ("M/M/3//10", True, True)
    assert "M/M/3//10 (exact)" in repr(result)
    assert math.isnan(result.wait_percentile(95))
    assert math.isnan(result.wait_exceeds(1.0))
    # By Little's law each of the ten users thinks, waits or works.
    assert result.rate * (2.0 + result.sojourn_mean) == pytest.approx(10.0)
    runs = replicate(CLOSED, 8, level=0.999, warmup=0.1)
    assert runs.interval("wait_mean").covers(result.wait_mean)
    assert runs.interval("throughput").covers(result.rate)
    assert runs.interval("utilisation").covers(result.utilisation)
    assert runs.interval("wait_mean").half_width < 0.06


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"retry": {}}, "retries"),
        ({"patience": CONSTANT}, "patience"),
        ({"reaper": {"timeout": 5.0}}, "a reaper"),
        ({"work.crash": 0.1}, "crashes"),
        ({"outages": [{"at": 1.0, "duration": 1.0, "workers": 1}]}, "outages"),
        ({"arrivals.paced": True}, "paced users"),
        ({"arrivals.think": CONSTANT}, "thought that is not exponential"),
        ({"work.service": CONSTANT}, "work that is not exponential"),
        ({"work.service.mean": 0.0}, "work that is not exponential"),
        ({"payment.delay": CONSTANT}, "payments in a closed loop"),
        ({"payment.abandon": 0.1}, "payments in a closed loop"),
        ({"payment.deadline": 9.0}, "payments in a closed loop"),
    ],
)
def test_other_feedback_has_no_formula_and_the_note_says_why(changes, reason):
    result = theory(CLOSED.replace(changes))
    assert (result.model, result.exact, result.stable) == ("none", False, None)
    assert result.notes[0].startswith("none of these formulas covers")
    assert reason in result.notes[0]
    assert math.isnan(result.wait_mean)
    assert math.isnan(result.wait_percentile(50))
    assert len(repr(result).splitlines()) == 2


def test_feedback_takes_the_model_of_an_open_loop_away():
    assert theory(scenario()).model == "M/M/8"
    stormy = theory(scenario().replace({"patience": CONSTANT, "retry": {}}))
    assert stormy.notes == ("none of these formulas covers retries, patience that runs out",)


def test_poisson_arrivals_and_exponential_work_are_mmc():
    result = theory(scenario())
    assert (result.model, result.exact, result.stable) == ("M/M/8", True, True)
    assert result.wait_mean == formulas.mmc_wait_mean(8, 6.4, 1.0)
    assert result.wait_probability == formulas.erlang_c(8, 6.4)
    assert result.wait_percentile(95) == formulas.mmc_wait_percentile(8, 6.4, 1.0, 95)
    assert result.wait_exceeds(0.5) == formulas.mmc_wait_exceeds(8, 6.4, 1.0, 0.5)
    assert result.queue_mean == pytest.approx(6.4 * result.wait_mean)
    assert result.sojourn_mean == pytest.approx(1.0 + result.wait_mean)
    assert result.utilisation == pytest.approx(0.8)


def test_one_worker_with_other_work_is_mg1():
    result = theory(scenario(rate=0.8, workers=1, service=LOGNORMAL))
    assert (result.model, result.exact) == ("M/G/1", True)
    assert result.wait_mean == pytest.approx(formulas.mg1_wait_mean(0.8, 1.0, 2.25))
    assert result.wait_probability == pytest.approx(0.8)
    assert math.isnan(result.wait_percentile(95))
    assert "not M/M/1: the work is not exponential" in result.notes[0]


def test_many_workers_with_other_work_are_an_approximation():
    result = theory(scenario(service=LOGNORMAL))
    assert (result.model, result.exact) == ("G/G/8", False)
    assert math.isnan(result.wait_exceeds(1.0))
    assert math.isnan(result.wait_probability)
    assert "Allen-Cunneen's approximation" in result.notes[0]


def test_delays_and_abandonment_thin_the_arrivals_and_keep_them_poisson():
    case = scenario(rate=8.0, delay={"kind": "exponential", "mean": 5.0}, abandon=0.2)
    result = theory(case)
    assert result.model == "M/M/8"
    assert result.rate == pytest.approx(6.4)
    assert result.offered_load == pytest.approx(case.offered_load)
    assert result.paying_mean == pytest.approx(32.0)
    assert result.unpaid_rate == pytest.approx(1.6)
    assert result.sojourn_mean == pytest.approx(6.0 + result.wait_mean)
    assert any("displacement and thinning" in note for note in result.notes)


def test_jobs_that_nobody_pays_leave_the_workers_idle():
    result = theory(scenario(abandon=1.0))
    assert (result.stable, result.utilisation, result.wait_mean) == (True, 0.0, 0.0)
    assert result.queue_mean == 0.0
    assert result.unpaid_rate == 6.4


@pytest.mark.parametrize(
    ("payment", "cv2"),
    [
        ({}, 0.0),
        ({"delay": {"kind": "constant", "value": 9.0}}, 0.0),
        ({"abandon": 0.25}, 0.25),
        ({"lost": 0.25, "resend": []}, 0.25),
        ({"delay": {"kind": "exponential", "mean": 60.0}}, 1.0),
    ],
)
def test_paced_arrivals_are_as_regular_as_their_payments(payment, cv2):
    result = theory(scenario("paced", **payment))
    load = 6.4 * (1 - payment.get("abandon", 0.0) - payment.get("lost", 0.0))
    expected = formulas.mmc_wait_mean(8, load, 1.0) * (cv2 + 1.0) / 2.0
    assert (result.model, result.exact) == ("G/G/8", False)
    assert result.wait_mean == pytest.approx(expected)
    assert f"{cv2:.4g}" in result.notes[0]


@pytest.mark.parametrize(
    ("rate", "changes"),
    [
        (4.0, {"work.service": {"kind": "lognormal", "mean": 1.0, "cv": 5.0}}),
        (7.2, {"work.service": {"kind": "constant", "value": 1.0}}),
        (4.0, {"arrivals.kind": "paced"}),
        (7.6, {"arrivals.kind": "paced", "payment.delay": {"kind": "exponential", "mean": 2.0}}),
        (7.6, {"arrivals.kind": "paced", "payment.delay": {"kind": "exponential", "mean": 20.0}}),
    ],
)
def test_an_approximation_says_how_far_off_it_may_be(rate, changes):
    case = Scenario(
        jobs=1_000_000, workers=8, arrivals={"kind": "poisson", "rate": rate}, seed=1
    ).replace(changes)
    known = theory(case)
    jobs = run_virtual(case).jobs.iloc[100_000:]
    simulated = float((jobs["started"] - jobs["paid"]).mean())
    low, high = known.wait_range
    assert low * known.wait_mean <= simulated <= high * known.wait_mean
    assert f"(approximation: mean wait {low:.2g} to {high:.2g} times this)" in repr(known)
    assert high - low < 2.2
    assert theory(case.replace({"arrivals": {"kind": "poisson", "rate": 1.0}, "work": {}})).exact


def test_scattered_payments_are_still_regular_to_a_queue_with_a_long_memory():
    delay = {"kind": "exponential", "mean": 2.0}
    calm, busy = (theory(scenario("paced", rate=rate, delay=delay)) for rate in (4.0, 7.84))
    poisson = theory(scenario(rate=7.84))
    # Simulated, four million jobs: 0.495 of the wait of Poisson arrivals.
    assert busy.wait_mean / poisson.wait_mean == pytest.approx(0.495, rel=0.1)
    assert calm.wait_mean == theory(scenario(rate=4.0)).wait_mean


def test_work_without_duration_never_waits():
    result = theory(scenario("paced", service={"kind": "constant", "value": 0.0}))
    assert result.wait_mean == 0.0


def test_bursts_of_one_are_paced_and_larger_ones_have_no_formula():
    single = Scenario(jobs=9, arrivals={"kind": "bursts", "size": 1, "every": 2.0})
    assert theory(single).model == "G/G/4"
    batches = theory(single.replace({"arrivals.size": 4}))
    assert (batches.model, batches.stable, batches.offered_load) == ("none", True, 2.0)
    assert math.isnan(batches.wait_mean)
    assert "none of these formulas covers bursts arrivals" in batches.notes


def test_a_stampede_has_no_steady_state():
    result = theory(Scenario(jobs=9, arrivals={"kind": "stampede"}))
    assert (result.model, result.stable) == ("none", None)
    for value in (result.wait_mean, result.utilisation, result.queue_mean, result.rate):
        assert math.isnan(value)
    assert "stampede arrivals have no long-run rate" in result.notes[0]
    assert "utilisation" not in repr(result)


VARYING = {"kind": "varying", "points": [[0, 1.0], [60, 9.0], [100, 0.0]]}


def test_arrivals_at_a_rate_that_varies_are_not_taken_for_poisson():
    once = Scenario(jobs=9, arrivals=VARYING, workers=8)
    result = theory(once)
    assert (result.model, result.stable) == ("none", None)
    assert math.isnan(result.rate)
    assert "varying arrivals have no long-run rate" in result.notes[0]
    assert default_warmup(once) == 0.0
    daily = once.replace({"arrivals.period": 100})
    result = theory(daily)
    assert (result.model, result.exact, result.stable) == ("none", False, True)
    assert result.offered_load == daily.offered_load == pytest.approx(4.8)
    assert math.isnan(result.wait_mean)
    assert math.isnan(result.wait_exceeds(1.0))
    assert "none of these formulas covers varying arrivals" in result.notes
    assert default_warmup(daily) == 0.1


def test_lost_confirmations_delay_and_thin_the_payments():
    delay = {"kind": "exponential", "mean": 5.0}
    case = scenario(rate=8.0, delay=delay, lost=0.5, resend=[30.0])
    result = theory(case)
    assert (result.model, result.exact) == ("M/M/8", True)
    assert result.rate == result.offered_load == case.offered_load == 6.0
    assert result.paying_mean == pytest.approx(6.0 * 15.0)
    assert result.sojourn_mean == pytest.approx(16.0 + result.wait_mean)
    assert result.unpaid_rate == pytest.approx(2.0)
    assert any("losses" in note for note in result.notes)


def test_of_a_deadline_theory_says_that_it_does_not_know():
    result = theory(scenario(delay={"kind": "exponential", "mean": 5.0}, deadline=10.0))
    assert (result.model, result.stable) == ("none", None)
    for value in (result.rate, result.offered_load, result.wait_mean, result.unpaid_rate):
        assert math.isnan(value)
    assert "unknown share of the payments" in result.notes[0]


def test_an_unstable_load_says_how_many_workers_it_needs():
    result = theory(scenario(rate=8.4))
    assert result.stable is False
    assert (result.wait_mean, result.wait_probability, result.utilisation) == (math.inf, 1.0, 1.0)
    assert (result.wait_percentile(50), result.wait_exceeds(1e9)) == (math.inf, 1.0)
    assert "unstable: needs at least 9 workers; offered load is 8.4" in repr(result)
    assert "the queue has no steady state: it grows by 0.4 jobs/s" in result.notes


@pytest.mark.parametrize("q", [-1, 100])
def test_a_percentage_out_of_range_is_refused_whatever_the_model(q):
    with pytest.raises(ValueError, match="it is a percentage"):
        theory(scenario(rate=8.4)).wait_percentile(q)


def test_a_negative_time_is_refused_whatever_the_model():
    with pytest.raises(ValueError, match="time is -1"):
        theory(scenario(rate=8.4)).wait_exceeds(-1.0)


def test_text_and_html_show_the_same_rows():
    result = theory(scenario(rate=0.7, workers=1, abandon=0.1))
    page = result._repr_html_()
    for line in repr(result).splitlines():
        name, text = line.split("  ", 1)
        assert f">{name}</th>" in page
        assert f">{text.strip()}</td>" in page
    assert "of 1 worker\n" in repr(result)


def test_html_is_escaped():
    result = theory(scenario())
    object.__setattr__(result, "notes", ("<b>&",))
    assert "&lt;b&gt;&amp;" in result._repr_html_()


@pytest.mark.parametrize(
    ("case", "within"),
    [
        (scenario(), 0.1),
        (scenario(rate=3.5, workers=5), 0.1),
        (scenario(rate=8.0, delay={"kind": "exponential", "mean": 5.0}, abandon=0.2), 0.1),
        (scenario(rate=0.7, workers=1, service=CONSTANT), 0.1),
        (scenario(rate=0.6, workers=1, service=LOGNORMAL), 0.15),
        (scenario(service=CONSTANT), 0.15),
        (scenario(rate=7.2, service=LOGNORMAL), 0.2),
        (scenario("paced", rate=7.6), 0.25),
    ],
)
def test_the_kernel_agrees_with_theory(case, within):
    assert simulated_waits(case).mean() == pytest.approx(theory(case).wait_mean, rel=within)


def test_percentiles_of_mmc_agree_with_the_kernel():
    waits, result = simulated_waits(scenario()), theory(scenario())
    assert (waits > 0).mean() == pytest.approx(result.wait_probability, rel=0.05)
    assert np.percentile(waits, 95) == pytest.approx(result.wait_percentile(95), rel=0.1)
