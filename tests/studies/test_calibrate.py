"""What is learned from logs of known loads; `make coverage` has the full table of intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import jobsim
from jobsim.scenario.distributions import Exponential, Gamma, LogNormal, Mixture, Weibull
from jobsim.studies.arrival_fit import fit_arrivals
from jobsim.studies.families import Times
from jobsim.studies.fitting import fit_times

MIXED = Mixture(
    parts=[LogNormal(mean=0.5, cv=0.5), LogNormal(mean=5.0, cv=0.6)], weights=[0.85, 0.15]
)
KNOWN = {
    "exponential": Exponential(mean=2.0),
    "lognormal": LogNormal(mean=2.0, cv=1.5),
    "weibull": Weibull(mean=2.0, cv=1.4),
    "gamma": Gamma(mean=2.0, cv=0.5),
    "mixture": MIXED,
}


def without(times: np.ndarray) -> Times:
    return Times(times, np.empty(0))


@pytest.mark.parametrize("family", list(KNOWN))
def test_the_family_of_a_known_load_is_found_with_its_figures(family):
    truth = KNOWN[family]
    fit = fit_times(without(truth.sample(np.random.default_rng(5), 3000)))
    assert fit.family == family
    assert fit.fits
    assert fit.mean.low * 0.99 <= truth.mean <= fit.mean.high * 1.01
    assert fit.cv.value == pytest.approx(truth.variance**0.5 / truth.mean, rel=0.1)


def test_intervals_cover_the_truth_as_often_as_they_say():
    truth, hits = KNOWN["lognormal"], 0
    p95 = truth.p95
    for seed in range(40):
        fit = fit_times(without(truth.sample(np.random.default_rng(seed), 500)))
        hits += fit.mean.covers(2.0) + fit.p95.covers(p95) + fit.cv.covers(1.5)
    # 120 intervals at 95 %: fewer than 105 happen once in 10,000 times.
    assert hits >= 105


def test_dropping_unfinished_jobs_instead_of_censoring_them_is_wrong():
    truth, censored, dropped = KNOWN["lognormal"], 0, 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        start, times = rng.uniform(0.0, 12.0, 1000), truth.sample(rng, 1000)
        over = start + times <= 12.0
        known, age = times[over], (12.0 - start)[~over]
        censored += fit_times(Times(known, age)).mean.covers(truth.mean)
        dropped += fit_times(without(known)).mean.covers(truth.mean)
    assert censored >= 4
    assert dropped <= 1


@pytest.mark.parametrize(
    "times",
    [np.repeat([1.0, 7.0], [150, 90]), np.append(np.full(120, 2.0), 1e6),
     np.round(np.random.default_rng(1).exponential(3.0, 200)) + 0.5,
     np.exp(np.random.default_rng(2).normal(0.0, 8.0, 150))],
    ids=["two values", "one that never ended", "whole seconds", "over many magnitudes"],
)  # fmt: skip
def test_no_sample_is_too_odd_to_be_fitted(times):
    """A search may try anything, and a part of a mixture may shrink or widen without end."""
    fit = fit_times(Times(times, times[::7]))
    assert np.isfinite([fit.mean.value, fit.cv.value, fit.p95.value, fit.error]).all()
    if fit.draw is not None:
        assert fit.draw(np.random.default_rng(1)).mean > 0


def test_a_sample_with_some_cut_off_stands_for_itself_where_no_family_fits():
    rng = np.random.default_rng(4)
    kinds = np.array([1.0, 7.0, 30.0])
    times = rng.choice(kinds, 3000, p=[0.5, 0.3, 0.2]) * rng.uniform(0.97, 1.03, 3000)
    cut = rng.uniform(0.0, 200.0, 3000)
    fit = fit_times(Times(times[times <= cut], cut[times > cut]))
    assert (times > cut).mean() > 0.03
    assert fit.family == "empirical"
    # Those that are over are the short ones: their mean is off by more than the interval.
    assert fit.mean.covers(8.6)
    assert times[times <= cut].mean() < fit.mean.low
    assert fit.distribution.mean == pytest.approx(fit.mean.value)
    assert fit.p95.value == pytest.approx(30.0, rel=0.03)


def test_a_family_that_is_wrong_is_doubted_though_some_were_cut_off():
    """Two lognormals come close to four kinds of work: within 5 %, and with false intervals."""
    rng = np.random.default_rng(1)
    kinds = rng.choice([1.0, 7.0, 30.0, 45.0], 1500, p=[0.5, 0.3, 0.1, 0.1])
    times, cut = kinds * rng.lognormal(0.0, 0.15, 1500), rng.uniform(0.0, 400.0, 1500)
    fit = fit_times(Times(times[times <= cut], cut[times > cut]))
    assert (fit.family, fit.fits) == ("empirical", True)
    assert fit.p_value < 0.01
    right = fit_times(Times(*_cut(KNOWN["lognormal"].sample(rng, 1500), rng)))
    assert (right.family, right.fits) == ("lognormal", True)
    assert right.p_value > 0.05


def _cut(times: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    cut = rng.uniform(0.0, 40.0, len(times))
    return times[times <= cut], cut[times > cut]


def bursts(rng: np.random.Generator, count: int) -> np.ndarray:
    """Clusters at random, of one to nine jobs each within seconds."""
    size = rng.geometric(0.25, count)
    at = np.repeat(np.sort(rng.uniform(0.0, 40.0 * count, count)), size)
    return np.sort(at + rng.exponential(2.0, len(at)))


def test_a_poisson_interval_for_bursts_covers_too_seldom():
    good = poisson = 0
    for seed in range(60):
        arrival = bursts(np.random.default_rng(seed), 600)
        fit = fit_arrivals(arrival - arrival[0], 24_000.0)
        good += fit.rate.covers(0.1)
        reach = 1.96 * len(arrival) ** 0.5 / 24_000.0
        poisson += abs(fit.rate.value - 0.1) <= reach
    assert good >= 50
    assert poisson <= 45


def test_bursts_are_said_and_their_size_is_learned():
    arrival = bursts(np.random.default_rng(1), 1500)
    fit = fit_arrivals(arrival - arrival[0], 60_000.0)
    # Geometric bursts of four on average have an index of dispersion of 2 * 4 - 1.
    assert fit.arrivals.kind == "renewal"
    assert fit.dispersion.covers(7.0)
    assert fit.arrivals.cv == pytest.approx(fit.dispersion.value**0.5)
    (warning,) = fit.warnings
    assert warning.startswith(f"arrivals are {fit.dispersion.value:.2g} times as bursty as")
    assert warning.endswith("for long, jobs wait longer than the scenario says")
    plain = fit_arrivals(np.sort(np.random.default_rng(2).uniform(0, 24_000, 2400)), 24_000.0)
    assert (plain.arrivals.kind, plain.warnings) == ("poisson", ())


def test_bursts_too_long_for_the_log_to_measure_are_repeated():
    rng = np.random.default_rng(3)
    # Ten busy and ten quiet hours: not enough of either to say how much their number varies.
    quiet, busy = rng.uniform(0.0, 3600.0, (10, 20)), rng.uniform(0.0, 3600.0, (10, 400))
    start = np.cumsum(rng.exponential(3600.0, 20) + 3600.0)
    arrival = np.sort(
        np.concatenate([(quiet + start[::2, None]), (busy + start[1::2, None])], axis=1).ravel()
    )
    fit = fit_arrivals(arrival - arrival[0], float(arrival[-1] - arrival[0]))
    assert fit.arrivals.kind == "schedule"
    assert fit.warnings[-1].endswith("the scenario repeats the log's own arrivals")


def test_waits_of_a_bursty_log_are_those_of_its_load():
    """Against the long run of the same bursts; Poisson arrivals would give a fifth of the wait."""
    service = {"kind": "lognormal", "mean": 28.0, "cv": 1.3}

    def load(arrival: np.ndarray, seed: int) -> jobsim.Run:
        times = {"kind": "schedule", "times": (arrival - arrival[0]).tolist()}
        scenario = jobsim.Scenario(seed=seed, workers=4, arrivals=times, work={"service": service})
        return jobsim.run_virtual(scenario, progress=False)

    def p95(run: jobsim.Run) -> float:
        return float((run.jobs["started"] - run.jobs["paid"]).quantile(0.95))

    truth = p95(load(bursts(np.random.default_rng(7), 12_000), 7))
    learned = jobsim.calibrate(
        jobsim.read_log(load(bursts(np.random.default_rng(12), 2500), 12).jobs)
    )
    again = learned.scenario.replace({"jobs": 100_000, "workers": 4})
    assert p95(jobsim.run_virtual(again, progress=False)) == pytest.approx(truth, rel=0.25)
    plain = again.replace({"arrivals": {"kind": "poisson", "rate": again.arrivals.rate}})
    assert p95(jobsim.run_virtual(plain, progress=False)) < 0.4 * truth
    drawn = [learned.drawn(np.random.default_rng(seed)).arrivals.cv for seed in range(20)]
    assert 0.02 < np.std(np.log(drawn)) < 0.2


def test_a_rate_by_the_hour_is_found_where_the_log_is_long_enough():
    day = jobsim.Scenario(
        duration=6 * 86_400.0, workers=500,
        arrivals={"kind": "varying", "period": 86_400.0,
                  "points": [[0.0, 0.02], [28_800.0, 0.02], [28_800.0, 0.1], [61_200.0, 0.1],
                             [61_200.0, 0.02]]},
    )  # fmt: skip
    run = jobsim.run_virtual(day)
    frame = run.jobs.assign(
        created=pd.Timestamp("2026-01-07T00:00:00Z")
        + pd.to_timedelta(run.jobs["created"], unit="s")
    )
    found = jobsim.calibrate(jobsim.read_log(frame[["created"]].assign(service_s=1.0)))
    assert found.scenario.arrivals.kind == "varying"
    again = jobsim.run_virtual(found.scenario.replace({"jobs": None, "duration": 3 * 86_400.0}))
    expected = int((run.jobs["arrival"] < 3 * 86_400).sum())
    assert len(again.jobs) == pytest.approx(expected, rel=0.05)
    hour = (again.jobs["arrival"] + run.jobs["arrival"].iloc[0]) % 86_400 // 3600
    counts = hour.value_counts()
    assert counts[12] > 3 * counts[3]
    assert any("depends on the hour" in text for text in found.warnings)


LOAD = jobsim.Scenario(
    jobs=4000, workers=9, arrivals={"kind": "poisson", "rate": 3.0},
    payment={"delay": {"kind": "lognormal", "mean": 8.0, "cv": 0.7}, "abandon": 0.08},
    work={"service": {"kind": "lognormal", "mean": 2.0, "cv": 1.2}, "fail": 0.05},
)  # fmt: skip


@pytest.fixture(scope="module")
def calibration():
    return jobsim.calibrate(jobsim.read_log(jobsim.run_virtual(LOAD).jobs))


def test_a_scenario_is_learned_with_its_intervals(calibration):
    fit = calibration.fit.set_index("parameter")
    truth = {"arrivals per second": 3.0, "service mean": 2.0, "service cv": 1.2,
             "payment delay mean": 8.0, "share failed": 0.05, "share never paid": 0.08}  # fmt: skip
    for name, value in truth.items():
        wide = 0.5 * (fit.loc[name, "high"] - fit.loc[name, "low"])
        assert fit.loc[name, "low"] - wide <= value <= fit.loc[name, "high"] + wide, name
    assert calibration.scenario.workers == 9
    assert calibration.warnings == ()


def test_the_scenario_can_be_saved_and_run(calibration, tmp_path):
    path = tmp_path / "learned.toml"
    calibration.scenario.to_toml(path)
    assert jobsim.Scenario.load(path) == calibration.scenario
    assert len(jobsim.run_virtual(calibration.scenario).jobs) == calibration.scenario.jobs


def test_the_last_part_is_not_looked_at():
    jobs = jobsim.run_virtual(LOAD).jobs
    late = jobs["arrival"] > 0.8 * jobs["arrival"].max()
    changed = jobs.assign(finished=jobs["finished"].where(~late, jobs["started"] + 500.0))
    columns = ["request", "arrival", "paid", "started", "finished"]
    one, two = (jobsim.calibrate(jobsim.read_log(f[columns])) for f in (jobs, changed))
    assert one.service.mean == two.service.mean


def test_retries_are_learned():
    again = LOAD.replace({"retry": {"attempts": 3, "base": 30.0, "factor": 1.0}, "work.fail": 0.2})
    found = jobsim.calibrate(jobsim.read_log(jobsim.run_virtual(again).jobs))
    assert found.scenario.retry.attempts == 3
    assert found.scenario.retry.base == pytest.approx(30.0, abs=0.1)


def test_curves_show_what_was_logged_beside_what_was_fitted(calibration):
    curves = calibration.curves
    assert set(curves["quantity"]) == {"service", "payment delay"}
    middle = curves[curves["share"].between(0.1, 0.9)]
    assert (middle["fitted"] / middle["logged"]).between(0.85, 1.15).all()


def test_a_mixture_draws_each_kind_with_its_share():
    times = MIXED.sample(np.random.default_rng(1), 200_000)
    assert times.mean() == pytest.approx(MIXED.mean, rel=0.01)
    assert times.var() == pytest.approx(MIXED.variance, rel=0.03)
    with pytest.raises(ValueError, match="2 parts have 1 weights"):
        Mixture(parts=MIXED.parts, weights=[1.0])


@pytest.mark.parametrize("holdout", [-0.1, 1.0])
def test_a_share_out_of_range_is_refused(holdout, calibration):
    with pytest.raises(ValueError, match="from 0 to below 1"):
        jobsim.calibrate(calibration.log, holdout=holdout)


def test_too_few_jobs_are_refused():
    with pytest.raises(ValueError, match="30 are needed"):
        jobsim.calibrate(jobsim.read_log(pd.DataFrame({"created": [0, 1], "duration": [1, 2]})))
