"""A scenario learned from a log, with its uncertainty and what it does not explain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from jobsim.display.text import Rows, Shown, count_of, format_duration, format_percent, format_share
from jobsim.logs.table import LOST_SAYS
from jobsim.scenario.distributions import Constant, Distribution
from jobsim.scenario.log import Log
from jobsim.scenario.renewal import MOST_SPREAD
from jobsim.scenario.scenario import Scenario
from jobsim.studies.arrival_fit import WEEK, ArrivalFit, fit_arrivals
from jobsim.studies.families import Times
from jobsim.studies.fitting import WRONG, Estimate, Fit, fit_times
from jobsim.studies.seen import FAILED, RAN, TICK, lost_of, payment_delays, seen_part, service_times

Floats = NDArray[np.float64]

FEW = 30
"""The fewest jobs from which anything is learned."""


@dataclass(frozen=True, eq=False, repr=False)
class Calibration(Shown):
    """A scenario that was learned from the first part of a log.

    Attributes
    ----------
    log
        The log.
    scenario
        What was learned, like any other scenario: it can be saved, swept and sized.
    fit
        DataFrame, one row per parameter: `parameter`, `estimate`, `low`, `high` (95 % interval),
        `family`, `error` (worst relative error of mean, p50, p90, p95 and p99), `p_value`,
        `fits`, `tried`.
    warnings
        What does not fit, in sentences.
    cut
        Seconds from the first arrival up to which the log was used; the rest is unseen.
    service, delay
        The fits of service and of payment delay; the latter None where payment is at once.
    arrivals
        The fit of arrivals.
    """

    log: Log
    scenario: Scenario
    fit: pd.DataFrame
    warnings: tuple[str, ...]
    cut: float
    service: Fit
    delay: Fit | None
    arrivals: ArrivalFit

    @property
    def curves(self) -> pd.DataFrame:
        """Logged and fitted quantiles of service and delay: what `jobsim.plot.calibration` draws.

        Columns: `quantity`, `share`, `logged` and `fitted` in seconds.
        """
        seen = seen_part(self.log, self.cut)
        parts = [_curve("service", service_times(seen).known, self.scenario.work.service)]
        if self.delay is not None:
            known = payment_delays(seen, self.cut)[0]
            parts.append(_curve("payment delay", known, self.scenario.payment.delay))
        return pd.concat(parts, ignore_index=True)

    def drawn(self, rng: np.random.Generator) -> Scenario:
        """Return the scenario with parameters drawn from the distributions of their estimates.

        Predictions over such scenarios include the uncertainty of the fit.
        """
        changes: dict[str, Any] = {}
        kind = self.scenario.arrivals.kind
        if kind in {"poisson", "renewal", "varying"}:
            rate = self.arrivals.rate
            deviation = (rate.high - rate.low) / 2 / 1.96
            factor = max(rng.normal(rate.value, deviation), 0.05 * rate.value) / rate.value
            changes |= _at_rate(self.scenario, factor)
        if kind == "renewal":
            bursts = self.arrivals.dispersion
            deviation = math.log(bursts.high / bursts.low) / 2 / 1.96
            ratio = math.exp(rng.normal(math.log(bursts.value), deviation))
            changes["arrivals.cv"] = float(np.clip(math.sqrt(ratio), *MOST_SPREAD))
        if self.service.draw is not None:
            changes["work.service"] = self.service.draw(rng)
        if self.delay is not None and self.delay.draw is not None:
            changes["payment.delay"] = self.delay.draw(rng)
        return self.scenario.replace(changes)

    def _display(self) -> tuple[str, Rows]:
        rows: Rows = [("seen", f"the first {format_duration(self.cut)} of the log")]
        for row in self.fit.to_dict("records"):
            text = f"{row['estimate']:.4g} ({row['low']:.4g} to {row['high']:.4g})"
            if row["family"]:
                fits = "" if row["fits"] else ", does not fit"
                text += f", {row['family']}, worst error {format_percent(row['error'])}{fits}"
            rows.append((str(row["parameter"]), text))
        rows += [("warning", warning) for warning in self.warnings]
        return f"Calibration of {self.log.name}", rows


def calibrate(log: Log, *, holdout: float = 0.25) -> Calibration:
    """Learn a scenario from a log, leaving its last part unseen.

    Arrivals are learned as a rate, by the hour of the day or week where the log clearly has such
    a cycle, and tested for bursts. Service and payment delay are fitted by a family of the package,
    by a mixture of two lognormals where none holds, or kept as a sample. Jobs that were running
    at the cut count with the time for which they had run: to leave them out would leave out the
    long ones.

    Parameters
    ----------
    log
        The log; at least `FEW` jobs.
    holdout
        The share of its time span that stays unseen, from 0 to below 1.

    Raises
    ------
    ValueError
        If the log has too few jobs, or the share is out of range.

    Notes
    -----
    An interval of 95 % is exact for long logs of a load whose family is true. The number of workers
    is the most that the log shows at work at once. Thread-safe; the same log gives the same
    calibration.

    Examples
    --------
    >>> from jobsim import read_log, run_virtual
    >>> load = Scenario(jobs=3000, workers=9, arrivals={"kind": "poisson", "rate": 2.0})
    >>> found = calibrate(read_log(run_virtual(load).jobs))
    >>> found.scenario.arrivals.kind, found.service.family
    ('poisson', 'exponential')
    >>> found.service.mean.covers(1.0)
    True
    """
    if not 0 <= holdout < 1:
        raise ValueError(f"holdout is {holdout}; it is a share from 0 to below 1")
    cut = log.span * (1 - holdout) if holdout else max(log.end, log.span)
    seen = seen_part(log, cut)
    times = service_times(seen)
    if len(times.known) < FEW:
        few = count_of(len(times.known), "job")
        raise ValueError(f"only {few} ended before the unseen part: {FEW} are needed")
    first = seen[seen["attempt"] == 1]
    arrivals = fit_arrivals(np.sort(first["arrival"].to_numpy()), cut, phase=_phase(log))
    service = fit_times(times)
    delay, zero, unpaid = _payment(log, first, cut)
    failed = _failure(seen)
    warnings = [*arrivals.warnings, *_warnings(log, seen, service, delay)]
    retry, more = _retry(seen)
    warnings += more
    changes: dict[str, Any] = {
        "name": f"{log.name} calibrated",
        "why": "Learned from a log.",
        "jobs": None if arrivals.arrivals.kind == "schedule" else max(len(first), 1),
        "arrivals": arrivals.arrivals,
        "work.service": service.distribution,
        "work.fail": failed.value,
        "workers": max(log.peak_concurrency()[0], 1),
        **retry,
    }
    if log.pays:
        changes["payment.abandon"] = unpaid.value
        changes["payment.delay"] = delay.distribution if delay else Constant(value=zero)
    if not log.has_waits:
        warnings.append("the log tells no waits: its number of workers is not known")
    scenario = Scenario().replace(changes)
    table = _table(arrivals, service, delay, failed, unpaid if log.pays else None)
    return Calibration(log, scenario, table, tuple(warnings), cut, service, delay, arrivals)


def _payment(log: Log, first: pd.DataFrame, cut: float) -> tuple[Fit | None, float, Estimate]:
    """Fit the delay of payments; where few are late, a constant is better than a family."""
    nobody = Estimate(0.0, 0.0, 0.0)
    if not log.pays:
        return None, 0.0, nobody
    known, never = payment_delays(first, cut)
    share = _share(never, never + len(known))
    positive = known[known > 0]
    # Where nearly all are paid at once, a fitted delay would describe the exceptions.
    if len(positive) < max(FEW, 0.05 * len(known)):
        return None, float(np.median(known)) if len(known) else 0.0, share
    # Zeros come from rounding; in a logarithm, half of the smallest known delay replaces them.
    least = 0.5 * float(positive.min())
    return fit_times(Times(np.maximum(known, least), np.empty(0))), 0.0, share


def _failure(seen: pd.DataFrame) -> Estimate:
    counts = seen["outcome"].value_counts()
    failed = int(sum(counts.get(name, 0) for name in FAILED))
    return _share(failed, failed + int(counts.get("completed", 0)))


def _share(hits: int, of: int) -> Estimate:
    """Return a share with Wilson's interval (1927), which is right for rare events too."""
    if not of:
        return Estimate(0.0, 0.0, 1.0)
    found = stats.binomtest(hits, of).proportion_ci(method="wilson")
    return Estimate(hits / of, float(found.low), float(found.high))


def _retry(seen: pd.DataFrame) -> tuple[dict[str, Any], list[str]]:
    """Learn when a failed job is tried again, where the log tells."""
    most = int(seen["attempt"].max())
    if most < 2:
        return {}, []
    ordered = seen.sort_values(["request", "attempt"], kind="stable")
    before = ordered.groupby("request")["finished"].shift()
    pause = (ordered["arrival"] - before)[ordered["attempt"] > 1].dropna()
    pause = pause[pause >= 0]
    base = float(pause.median()) if len(pause) else 0.0
    retry = {"attempts": min(most, 100), "base": base, "factor": 1.0, "cap": max(base, 1.0)}
    last = ordered.drop_duplicates("request", keep="last")
    given_up = last["outcome"].isin(FAILED) & (last["attempt"] < most)
    text = []
    if given_up.mean() > 0.01:
        text = [
            (
                f"{format_share(given_up.mean())} of jobs failed and were not tried again: "
                "scenarios always do"
            )
        ]
    return {"retry": retry}, text


def _phase(log: Log) -> float:
    """Return the time of the week of the first arrival, by the log's own clock."""
    dates = log.dates()
    if dates is None:
        return 0.0
    wall = dates[0].tz_localize(None)
    since = (wall - pd.Timestamp("1970-01-05")).total_seconds()
    return float(since % WEEK)


def _warnings(log: Log, seen: pd.DataFrame, service: Fit, delay: Fit | None) -> list[str]:
    """Return what the log shows but a scenario cannot express, beyond chance and trifles."""
    found = []
    if gone := lost_of(seen):
        found.append(f"{count_of(gone, 'job')} not over count for no work: {LOST_SAYS}")
    for name, fit in (("service time", service), ("payment delay", delay)):
        if fit is not None and not fit.fits:
            found.append(
                f"no family fits the {name}: {fit.family} is off by up to {format_share(fit.error)}"
            )
        elif fit is not None and fit.family == "empirical":
            found.append(f"no family fits the {name}: the log's own sample stands for it")
    ran = seen[seen["outcome"].isin(RAN)]
    found += _by_hour(log, ran)
    failed, good = (
        ran[ran["outcome"].isin(names)]["service"] for names in (FAILED, ("completed",))
    )
    if min(len(failed), len(good)) >= FEW:
        # Both conditions: with many jobs the test finds differences that do not matter.
        ratio = failed.median() / max(good.median(), TICK)
        if not 0.67 < ratio < 1.5 and stats.mannwhitneyu(failed, good).pvalue < 1e-3:
            found.append(
                f"jobs that fail run {ratio:.2g} times as long as others: scenarios ignore it"
            )
    half = ran["arrival"].median()
    early, late = (ran[mask]["service"] for mask in (ran["arrival"] <= half, ran["arrival"] > half))
    if min(len(early), len(late)) >= FEW:
        ratio = late.median() / max(early.median(), TICK)
        if not 0.8 < ratio < 1.25 and stats.mannwhitneyu(early, late).pvalue < 1e-3:
            found.append(
                f"service times change over the log: the second half is {ratio:.2g} times the first"
            )
    return found


def _by_hour(log: Log, ran: pd.DataFrame) -> Sequence[str]:
    """Say that service depends on the time of the day, where that is clear and matters."""
    if log.span < 2 * 86_400:
        return []
    part = (np.mod(ran["arrival"] + _phase(log), 86_400) // 14_400).astype("int64")
    groups = [group["service"].to_numpy() for _, group in ran.groupby(part) if len(group) >= FEW]
    if len(groups) < 2:
        return []
    medians = [float(np.median(group)) for group in groups]
    if max(medians) > 1.25 * max(min(medians), TICK) and stats.kruskal(*groups).pvalue < 1e-3:
        return ["service time depends on the hour: the scenario ignores it"]
    return []


def _at_rate(scenario: Scenario, factor: float) -> dict[str, Any]:
    arrivals = scenario.arrivals
    if arrivals.kind in {"poisson", "renewal"}:
        return {"arrivals.rate": arrivals.rate * factor}
    if arrivals.kind == "varying":
        return {"arrivals.points": tuple((time, rate * factor) for time, rate in arrivals.points)}
    return {}


def _table(
    arrivals: ArrivalFit,
    service: Fit,
    delay: Fit | None,
    failed: Estimate,
    unpaid: Estimate | None,
) -> pd.DataFrame:
    """Put all estimates into one table: one row per parameter, fitted or counted."""
    rows: list[tuple[Any, ...]] = []

    def add(name: str, found: Estimate, fit: Fit | None = None) -> None:
        told = ("", math.nan, math.nan, True, "")
        if fit is not None:
            told = (fit.family, fit.error, fit.p_value, fit.fits, ", ".join(fit.tried))
        rows.append((name, found.value, found.low, found.high, *told))

    add("arrivals per second", arrivals.rate)
    add("burstiness (Poisson is 1)", arrivals.dispersion)
    for name, fit in (("service", service), ("payment delay", delay)):
        if fit is not None:
            add(f"{name} mean", fit.mean, fit)
            add(f"{name} cv", fit.cv, fit)
            add(f"{name} p95", fit.p95, fit)
    add("share failed", failed)
    if unpaid is not None:
        add("share never paid", unpaid)
    names = ("parameter", "estimate", "low", "high", "family", "error", "p_value", "fits", "tried")
    return pd.DataFrame(rows, columns=list(names))


def _curve(quantity: str, known: Floats, fitted: Distribution) -> pd.DataFrame:
    """Return quantiles of the log and of the fit, drawn because not every family has a formula."""
    shares = (np.arange(200) + 0.5) / 200
    drawn = fitted.sample(np.random.default_rng(0), 200_000)
    return pd.DataFrame(
        {
            "quantity": quantity,
            "share": shares,
            "logged": np.quantile(known, shares),
            "fitted": np.quantile(drawn, shares),
        }
    )


__all__ = ["FEW", "WRONG", "Calibration", "calibrate", "seen_part", "service_times"]
