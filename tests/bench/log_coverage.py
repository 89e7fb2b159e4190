"""How often the intervals that are learned from logs cover the truth, on logs of known loads.

Part of ``make coverage``; alone: ``python tests/bench/log_coverage.py [logs]``. Prints one row per
figure: nominal is 95 %.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

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
SHARE_RUNNING = 40.0  # mean services that a log lasts, so that a twentieth is unfinished


def truth_of(service: Distribution) -> tuple[float, float, float]:
    """Return mean, cv and p95."""
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
    pairs = zip(_FIGURES, (fit.mean, fit.cv, fit.p95), truth_of(service), strict=True)
    found = {f"service {figure}": estimate.covers(value) for figure, estimate, value in pairs}
    if unfinished:
        dropped = fit_times(Times(known, np.empty(0)))
        found["(mean, unfinished dropped)"] = dropped.mean.covers(service.mean)
    return found


def rate_once(bursty: bool, seed: int) -> dict[str, bool]:
    """Estimate a rate of 0.1 per second from about 2,400 arrivals."""
    rng, end = np.random.default_rng(seed), 24_000.0
    if bursty:
        clusters = rng.poisson(600)
        size = rng.geometric(0.25, clusters)
        arrival = np.repeat(rng.uniform(0.0, end, clusters), size)
        arrival = np.sort(np.mod(arrival + rng.exponential(2.0, len(arrival)), end))
    else:
        arrival = np.sort(rng.uniform(0.0, end, rng.poisson(2400)))
    fit = fit_arrivals(arrival, end)
    reach = 1.96 * len(arrival) ** 0.5 / end
    return {"rate": fit.rate.covers(0.1), "(rate, Poisson)": abs(fit.rate.value - 0.1) <= reach}


def log_once(jobs: int, seed: int) -> dict[str, bool]:
    """Calibrate a whole log, and foretell its last part."""
    load = jobsim.Scenario(
        jobs=jobs, workers=9, seed=seed, arrivals={"kind": "poisson", "rate": 3.2},
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
    unseen = backtest(log, workers=9).unseen
    if unseen is not None:
        inside = unseen.set_index("figure")["inside"]
        found |= {f"unseen wait {name}": bool(inside[name]) for name in ("p50", "p95")}
    return found


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
        yield f"{name}, 50,000 jobs", partial(fit_once, name, 50_000, False), 0.3
    yield "independent arrivals", partial(rate_once, False), 1.0
    yield "arrivals in bursts", partial(rate_once, True), 1.0
    yield "whole logs of 5,000 jobs", partial(log_once, 5_000), 0.3
    yield "moments of logs of 1,500 jobs", forecast_once, 0.5


def table(logs: int, *, only: str = "") -> list[tuple[str, str, float, int]]:
    """Return study, figure, coverage and number of logs."""
    rows = []
    with ProcessPoolExecutor(2) as pool:
        for name, study, share in studies():
            if only not in name:
                continue
            count = max(int(logs * share), 10)
            found = list(pool.map(study, range(count), chunksize=4))
            for figure in found[0]:
                hits = [each[figure] for each in found if figure in each]
                rows.append((name, figure, float(np.mean(hits)), len(hits)))
                print(f"{name:<38} {figure:<28} {np.mean(hits):7.1%}  of {len(hits):,}", flush=True)
    return rows


if __name__ == "__main__":
    table(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, only=" ".join(sys.argv[2:]))
