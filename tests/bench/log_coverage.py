"""How often the intervals that are learned from logs cover the truth, on logs of known loads.

Part of ``make coverage``; alone: ``python tests/bench/log_coverage.py [logs] [words]``, where words
choose studies by their name. Prints one row per figure, with the range that is stated for it. Exit
status 1 if a figure lies outside its range by more than two binomial standard errors.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from math import sqrt

import numpy as np

import jobsim
from jobsim.scenario.distributions import Distribution, LogNormal, Mixture, Weibull
from jobsim.studies.arrival_fit import fit_arrivals
from jobsim.studies.backtest import backtest
from jobsim.studies.calibrate import calibrate
from jobsim.studies.families import Times
from jobsim.studies.fitting import fit_times

SERVICES: dict[str, Distribution] = {
    "lognormal": LogNormal(mean=2.0, cv=1.5),
    "weibull": Weibull(mean=2.0, cv=1.4),
    "mixture": Mixture(
        parts=[LogNormal(mean=1.0, cv=0.5), LogNormal(mean=10.0, cv=0.6)], weights=[0.85, 0.15]
    ),
}
_FIGURES = ("mean", "cv", "p95")
INTERVAL = (0.92, 0.98)
RANGES = {
    # What the methods that jobsim does not use reach: a study that calls them good sees nothing.
    "(mean, unfinished dropped)": (0.0, 0.43),
    "(rate, Poisson)": (0.0, 0.6),
    # Independent arrivals need no more than Poisson's interval.
    "independent arrivals (rate, Poisson)": INTERVAL,
    "unseen wait p50": (0.9, 1.0),
    "unseen wait p95": (0.9, 1.0),
    "within 10 % of p95": (0.9, 1.0),
    "wait mean": (0.9, 0.98),
    "wait p50": (0.9, 0.98),
    "wait p95": (0.9, 0.98),
    "forecast drained": (0.9, 0.985),
    "forecast wait": (0.9, 0.985),
}
"""From which to which share a figure is to be covered; `INTERVAL` for all others."""

LOADS = (0.5, 0.7, 0.85)
SHARE_RUNNING = 40.0  # mean services that a log lasts, so that a twentieth is unfinished


@cache
def truth_of(name: str) -> tuple[float, float, float]:
    """Return mean, cv and p95 of one of `SERVICES`."""
    service = SERVICES[name]
    p95 = getattr(service, "p95", None)
    if p95 is None:
        p95 = float(np.quantile(service.sample(np.random.default_rng(0), 4_000_000), 0.95))
    return service.mean, service.variance**0.5 / service.mean, p95


def fit_once(name: str, jobs: int, unfinished: bool, seed: int) -> dict[str, bool]:
    """Fit one sample; return which intervals cover, and that of the mean where none is censored."""
    service, rng = SERVICES[name], np.random.default_rng(seed)
    times = service.sample(rng, jobs)
    known, age = times, np.empty(0)
    if unfinished:
        span = SHARE_RUNNING * service.mean
        start = rng.uniform(0.0, span, jobs)
        over = start + times <= span
        known, age = times[over], (span - start)[~over]
    fit = fit_times(Times(known, age))
    pairs = zip(_FIGURES, (fit.mean, fit.cv, fit.p95), truth_of(name), strict=True)
    found = {f"service {figure}": estimate.covers(value) for figure, estimate, value in pairs}
    if unfinished:
        dropped = fit_times(Times(known, np.empty(0)))
        found["(mean, unfinished dropped)"] = dropped.mean.covers(service.mean)
    return found


def in_bursts(rng: np.random.Generator, end: float) -> np.ndarray:
    """Return arrivals of 0.1 per second in bursts of four on average, within seconds each."""
    clusters = rng.poisson(end / 40.0)
    arrival = np.repeat(rng.uniform(0.0, end, clusters), rng.geometric(0.25, clusters))
    return np.sort(np.mod(arrival + rng.exponential(2.0, len(arrival)), end))


def rate_once(bursty: bool, seed: int) -> dict[str, bool]:
    """Estimate a rate of 0.1 per second from about 2,400 arrivals."""
    rng, end = np.random.default_rng(seed), 24_000.0
    arrival = in_bursts(rng, end) if bursty else np.empty(0)
    if not bursty:
        arrival = np.sort(rng.uniform(0.0, end, rng.poisson(2400)))
    fit = fit_arrivals(arrival, end)
    reach = 1.96 * len(arrival) ** 0.5 / end
    return {"rate": fit.rate.covers(0.1), "(rate, Poisson)": abs(fit.rate.value - 0.1) <= reach}


def log_once(jobs: int, workers: int, seed: int) -> dict[str, bool]:
    """Calibrate a whole log, and predict its last part."""
    load = jobsim.Scenario(
        jobs=jobs, workers=workers, seed=seed, arrivals={"kind": "poisson", "rate": 3.2},
        payment={"delay": {"kind": "lognormal", "mean": 8.0, "cv": 0.7}, "abandon": 0.08},
        work={"service": {"kind": "lognormal", "mean": 2.0, "cv": 1.2}, "fail": 0.05},
    )  # fmt: skip
    log = jobsim.read_log(jobsim.run_virtual(load).jobs)
    fit = calibrate(log).fit.set_index("parameter")
    truth = {"arrivals per second": 3.2, "payment delay mean": 8.0, "share failed": 0.05,
             "share never paid": 0.08}  # fmt: skip
    found = {
        name: bool(fit.loc[name, "low"] <= value <= fit.loc[name, "high"])
        for name, value in truth.items()
    }
    unseen = backtest(log, workers=workers).unseen
    if unseen is not None:
        inside = unseen.set_index("figure")["inside"]
        found |= {f"unseen wait {name}": bool(inside[name]) for name in ("p50", "p95")}
    return found


def load_at(load: float, jobs: int, seed: int) -> jobsim.Scenario:
    """Return a scenario of four workers at a load."""
    return jobsim.Scenario(
        jobs=jobs, workers=4, seed=seed, arrivals={"kind": "poisson", "rate": 2.0 * load},
        work={"service": {"kind": "lognormal", "mean": 2.0, "cv": 1.2}},
    )  # fmt: skip


def long_run(scenario: jobsim.Scenario) -> np.ndarray:
    """Return mean, p50 and p95 of the waits, without the first tenth."""
    jobs = jobsim.run_virtual(scenario, progress=False).jobs
    waits = (jobs["started"] - jobs["paid"]).to_numpy()[len(jobs) // 10 :]
    return np.array([waits.mean(), *np.quantile(waits, [0.5, 0.95])])


@cache
def true_waits(load: float) -> np.ndarray:
    """Return the long-run waits at a load, to within about 1 %."""
    return long_run(load_at(load, 3_000_000, 2026))


def bursty_load(end: float, seed: int) -> jobsim.Scenario:
    """Return a scenario of four workers at a load of 0.7, whose jobs arrive in bursts."""
    arrival = in_bursts(np.random.default_rng(seed), end)
    return jobsim.Scenario(
        workers=4, seed=seed, arrivals={"kind": "schedule", "times": arrival.tolist()},
        work={"service": {"kind": "lognormal", "mean": 28.0, "cv": 1.2}},
    )  # fmt: skip


@cache
def true_bursty_waits() -> np.ndarray:
    """Return the long-run waits of `bursty_load`, to within about 2 %."""
    return long_run(bursty_load(16_000_000.0, 2026))


def waits_once(bursty: bool, seed: int) -> dict[str, bool]:
    """Calibrate a log; ask whether waits over the drawn scenarios cover those of the true one."""
    load = LOADS[seed % len(LOADS)]
    known = bursty_load(100_000.0, seed) if bursty else load_at(load, 5_000, seed)
    log = jobsim.read_log(jobsim.run_virtual(known, progress=False).jobs)
    calibration, rng = calibrate(log, holdout=0.0), np.random.default_rng(seed)
    if bursty and calibration.scenario.arrivals.kind == "schedule":
        return {}  # too few bursts to measure, and it says so
    # The waits of bursts take longer to settle.
    jobs = 150_000 if bursty else 60_000
    drawn = [
        calibration.drawn(rng).replace({"jobs": jobs, "workers": 4, "seed": number})
        for number in range(60)
    ]
    low, high = np.quantile(
        [long_run(each) for each in drawn], [0.025, 0.975], axis=0, method="weibull"
    )
    truth = true_bursty_waits() if bursty else true_waits(load)
    found = (low <= truth) & (truth <= high)
    names, service = ["wait mean", "wait p50", "wait p95"], known.work.service.mean
    # A median wait below a tenth of the mean service says nothing of use.
    return {
        name: bool(hit)
        for name, hit, value in zip(names, found, truth, strict=True)
        if name != "wait p50" or value > 0.1 * service
    }


def accuracy_once(seed: int) -> dict[str, bool]:
    """Calibrate a log of 100,000 jobs; ask how far the scenario's p95 lies from the true one."""
    load = LOADS[seed % len(LOADS)]
    log = jobsim.read_log(jobsim.run_virtual(load_at(load, 100_000, seed), progress=False).jobs)
    learned = calibrate(log, holdout=0.0).scenario.replace({"jobs": 2_000_000, "workers": 4})
    found, truth = long_run(learned)[2], true_waits(load)[2]
    return {"within 10 % of p95": bool(abs(found / truth - 1.0) <= 0.1)}


def forecast_once(seed: int) -> dict[str, bool]:
    """Foretell one moment of a run, from what its log knew by then."""
    rng = np.random.default_rng(seed)
    load = jobsim.Scenario(
        jobs=1500, workers=5, seed=seed, arrivals={"kind": "poisson", "rate": 2.2},
        work={"service": {"kind": "lognormal", "mean": 2.0, "cv": 1.0}},
    )  # fmt: skip
    jobs = jobsim.run_virtual(load).jobs
    log = jobsim.read_log(jobs)
    at = float(rng.uniform(0.5, 0.9)) * log.span
    now = at + float(jobs["arrival"].iloc[0])
    row = jobsim.forecast(log, at=at, workers=5).table.iloc[0]
    inside = jobs[(jobs["paid"] <= now) & (jobs["finished"] > now)]
    drained = max(float(inside["finished"].max()) - now, 0.0) if len(inside) else 0.0
    busy = np.sort(inside["finished"].to_numpy())
    wait = max(float(busy[-5]) - now, 0.0) if len(busy) >= 5 else 0.0
    return {
        f"forecast {name}": row[f"{name}_low"] - 1e-6 <= value <= row[f"{name}_high"] + 1e-6
        for name, value in (("drained", drained), ("wait", wait))
    }


def studies() -> Iterator[tuple[str, partial[dict[str, bool]], float]]:
    """Yield each study, and which share of the logs it takes."""
    for name in SERVICES:
        yield f"{name}, 5,000 jobs", partial(fit_once, name, 5_000, False), 1.0
        yield f"{name}, 5,000 jobs, some unfinished", partial(fit_once, name, 5_000, True), 1.0
        yield f"{name}, 50,000 jobs", partial(fit_once, name, 50_000, False), 1.0
    yield "independent arrivals", partial(rate_once, False), 1.0
    yield "arrivals in bursts", partial(rate_once, True), 1.0
    yield "whole logs of 5,000 jobs, load 0.65", partial(log_once, 5_000, 9), 0.5
    yield "whole logs of 5,000 jobs, load 0.84", partial(log_once, 5_000, 7), 0.5
    yield "waits at loads up to 0.85", partial(waits_once, False), 0.4
    yield "waits of jobs in bursts, load 0.7", partial(waits_once, True), 0.2
    yield "waits of logs of 100,000 jobs", accuracy_once, 0.3
    yield "moments of logs of 1,500 jobs", partial(forecast_once), 0.5


def within(name: str, figure: str, covered: float, logs: int) -> bool:
    """Return whether a share lies in its range, up to two binomial standard errors."""
    low, high = RANGES.get(f"{name} {figure}", RANGES.get(figure, INTERVAL))
    below, above = (2.0 * sqrt(end * (1.0 - end) / logs) for end in (low, high))
    return low - below <= covered <= high + above


def table(logs: int, *, only: str = "", processes: int = 2) -> bool:
    """Print study, figure, coverage and number of logs; return whether all lie in their ranges."""
    held = True
    with ProcessPoolExecutor(processes) as pool:
        for name, study, share in studies():
            if only not in name:
                continue
            count = max(int(logs * share), 10)
            found = list(pool.map(study, range(count), chunksize=4))
            for figure in dict.fromkeys(figure for each in found for figure in each):
                hits = [each[figure] for each in found if figure in each]
                covered = float(np.mean(hits))
                good = within(name, figure, covered, len(hits))
                held &= good
                note = "" if good else "  outside its range"
                said = f"{name:<38} {figure:<28} {covered:7.1%}  of {len(hits):,}{note}"
                print(said, flush=True)
    return held


if __name__ == "__main__":
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    sys.exit(not table(asked, only=" ".join(sys.argv[2:])))
