"""Every number in every chart's sentence, computed again from the tables in another way.

Plain pandas on the columns of `jobs`, none of the functions that the charts and figures share.
"""

from __future__ import annotations

import itertools
import re

import numpy as np
import pandas as pd
import pytest

from jobsim import InMemoryJobRepository, preset, presets, run_threads, run_virtual
from jobsim.figures.window import window_of
from jobsim.report.charts import CHARTS

NUMBER = re.compile(
    r"(<?)(\d[\d,]*(?:\.\d+)?)"
    r"(?: (%|µs|ms|s|min|h|d)(?![\w/])| jobs per (second|minute|hour|day))?"
)
UNITS = {
    "": 1.0,
    "%": 0.01,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "second": 1.0,
    "minute": 1 / 60,
    "hour": 1 / 3600,
    "day": 1 / 86400,
}


def holds(text, values):
    """Assert that a sentence has these numbers in this order, each to the digits it shows."""
    found = list(NUMBER.finditer(text))
    assert len(found) == len(values), (text, values)
    for (less, number, unit, per), value in zip((f.groups() for f in found), values, strict=True):
        scale = UNITS[unit or per or ""]
        shown = float(number.replace(",", "")) * scale
        place = scale * 10.0 ** -len(number.partition(".")[2])
        if less:
            assert 0 < value < shown, (text, values)
        elif unit == "%" and 0.99 < value < 1:  # rounded down, never to all
            assert 0 <= value - shown < place, (text, values)
        else:
            # Three figures: "60 s" is not 60.4 s.
            exact = scale == 1.0 and not unit and not per
            off = 0.0 if exact and "." not in number else place / 2
            if unit not in (None, "%"):
                off = min(off, 0.005 * shown)
            assert value == pytest.approx(shown, abs=off * (1 + 1e-9), rel=0), (text, values)


def steps(come, go):
    """Return how many are there over time: those that came and have not gone."""
    moves = pd.concat(
        [pd.Series(1, index=come.dropna()), pd.Series(-1, index=go[come.notna()].dropna())]
    )
    return moves.groupby(level=0).sum().cumsum()


def by_request(jobs):
    """Return a row per request: its attempts, whether it was served and when, and its start."""
    left = jobs.groupby("request")["left"].min()
    done = jobs[jobs["status"] == "completed"].copy()
    done = done[~(done["finished"] > done["request"].map(left))]
    rows = jobs.groupby("request").agg(
        attempts=("attempt", "size"), asked=("arrival", "first"), created=("created", "first")
    )
    rows["served"] = done.groupby("request")["finished"].min().reindex(rows.index)
    rows["left"] = left.where(rows["served"].isna())
    return rows


def lost_of(jobs):
    return jobs["crashed"] & ~(jobs["released"] > jobs["finished"])


def utilisation(run):
    """Return work over duty in the window that the summary names, worker by worker."""
    jobs, workload = run.jobs, run.workload
    scenario = workload.scenario
    start, end = window_of(jobs, scenario)[:2]
    begun = jobs[jobs["started"].notna()]
    worked = (
        begun["released"].fillna(end).clip(start, end) - begun["started"].clip(start, end)
    ).sum()
    away = {
        worker: [
            (outage.at, outage.at + outage.duration)
            for outage in scenario.outages
            if worker < outage.workers
        ]
        for worker in range(scenario.workers)
    }
    for row in begun[begun["crashed"]].itertuples():
        drawn = row.request * workload.attempts + row.attempt - 1
        crash = np.nan if workload.crash is None else workload.crash[drawn]
        if abs(row.released - row.started - crash) < 1e-5:  # it died; others an outage took
            number = int(str(row.worker).rpartition("-")[2])
            away[number].append((row.released, row.released + workload.restart[drawn]))
    out = 0.0
    for spans in away.values():
        reached = start
        for since, until in sorted(spans):
            out += max(min(until, end) - max(since, reached), 0.0)
            reached = max(reached, min(until, end))
    return worked / (scenario.workers * (end - start) - out)


def crew(run):
    workers = run.workload.scenario.workers
    return [workers] if workers > 1 else []


def occupancy(run):
    jobs = run.jobs
    there = steps(jobs["created"], jobs["finished"])
    at = there.idxmax()
    inside = jobs[(jobs["created"] <= at) & ~(jobs["finished"] <= at)]
    running, paid = inside["started"] <= at, inside["paid"] <= at
    gone = running & lost_of(inside) & (inside["released"] <= at)
    parts = [(running & ~gone).sum(), gone.sum(), (paid & ~running).sum(), (~paid).sum()]
    left = (jobs["created"].notna() & jobs["finished"].isna()).sum()
    return [there.max(), at, *(n for n in parts if n), *([left] if left else [])]


def goodput(run):
    jobs, requests = run.jobs, by_request(run.jobs)
    wanted = requests["served"].notna().sum() / jobs["finished"].notna().sum()
    left = requests["left"].notna().mean()
    return [*crew(run), utilisation(run), wanted, *([left] if left else [])]


def attempts(run):
    requests = by_request(run.jobs)
    made, total = len(run.jobs), len(requests)
    once, served = requests["attempts"] == 1, requests["served"].notna()
    later, left = (served & ~once).sum(), requests["left"].notna()
    values = [total, made, *([made / total] if round(made / total, 2) > 1 else [])]
    values += [(served & once).sum() / total, *([later / total] if later else [])]
    if left.any():
        values += [left.mean(), requests.loc[left, "attempts"].max()]
    still = (~served & ~left).sum()
    return values + ([still / total] if still else [])


def response(run):
    rows = by_request(run.jobs).dropna(subset="served")
    meant, actual = rows["served"] - rows["asked"], rows["served"] - rows["created"]
    return [(meant > actual).mean(), 0.95, meant.quantile(0.95), actual.quantile(0.95)]


def outage(run):
    scenario, jobs = run.workload.scenario, run.jobs
    if scenario.outages:
        (one,) = scenario.outages
        label, start, end = [one.workers, scenario.workers], one.at, one.at + one.duration
    else:
        points = scenario.arrivals.points
        top = max(rate for _, rate in points)
        ((start, end),) = [
            (since, until)
            for (since, low), (until, high) in itertools.pairwise(points)
            if low == high == top
        ]
        label = [top]
    waiting = steps(jobs["paid"], jobs["started"])
    before = max(waiting[waiting.index < start].max(), 0)
    rest = waiting[waiting.index >= start]
    later = max(rest.max(), waiting[waiting.index <= start].iloc[-1])
    calm = waiting[(waiting.index > end) & (waiting <= before)].index
    drained = 0.0 if waiting[waiting.index <= end].iloc[-1] <= before else calm[0] - end
    values = [*label, start, end, *([before] if before else [])]
    return values + ([later, drained] if later > before else [])


def running_age(run):
    jobs = run.jobs
    lost = lost_of(jobs)
    reaped = (jobs["finished"] - jobs["released"])[lost & jobs["finished"].notna()]
    stuck, killed = (lost & jobs["finished"].isna()).sum(), (jobs["reaped"] & ~lost).sum()
    values = [lost.sum()] if lost.any() else []
    if len(reaped):
        values += [*([len(reaped)] if stuck else []), reaped.mean(), reaped.max()]
    return values + [n for n in (stuck, killed) if n]


def unpaid(run):
    jobs = run.jobs
    peak = steps(jobs["created"], jobs["paid"]).max()
    never, created = jobs["paid"].isna().sum(), jobs["created"].notna().sum()
    return [peak, *([never, created, never / created] if never else [])]


def dwell(run):
    jobs = run.jobs[run.jobs["finished"].notna()]
    sojourn = jobs["finished"] - jobs["created"]
    lost = (jobs["finished"] - jobs["released"]).where(lost_of(jobs), 0.0)
    parts = [
        jobs["paid"] - jobs["created"],
        jobs["started"] - jobs["paid"],
        jobs["finished"] - jobs["started"] - lost,
        lost,
    ]
    longest = max(part.sum() for part in parts) / sojourn.sum()
    return [sojourn.quantile(0.5), 0.95, sojourn.quantile(0.95), longest]


def waits(run):
    seconds = (run.jobs["started"] - run.jobs["paid"]).dropna()
    p95 = seconds.quantile(0.95)
    slowest = -(-len(seconds) // 100)
    told = [(seconds == 0).mean()] if p95 == 0 else [0.95, p95]
    worst = seconds.nlargest(slowest).sum() / seconds.sum()
    return [*told, *([0.01] if slowest > 1 else []), worst]


def throughput(run):
    created, finished = run.jobs["created"].dropna(), run.jobs["finished"].dropna()
    span, whole = created.max() - created.min(), finished.max() - created.min()
    if span <= 0.01 * whole:
        some = [] if len(finished) == len(created) else [len(finished)]
        return [len(created), *([span] if span else []), *some, whole, len(finished) / whole]
    done = (finished <= created.max()).sum()
    return [(len(created) - 1) / span, done / span, len(created) - done]


def lifecycle(run):
    jobs = run.jobs
    running, lost = jobs["status"] == "running", lost_of(jobs)
    counts = [
        (jobs["status"] == "completed").sum(),
        (jobs["status"] == "failed").sum(),
        (jobs["created"].notna() & jobs["paid"].isna()).sum(),
        (jobs["paid"].notna() & jobs["started"].isna()).sum(),
        (running & ~lost).sum(),
        (running & lost).sum(),
    ]
    created, refused = jobs["created"].notna().sum(), jobs["rejected"].sum()
    ends = [value for n in counts if n for value in (n, n / created)]
    return [created, *ends, *([refused] if refused else [])]


def swimlanes(run):
    jobs = run.jobs[run.jobs["started"].notna()]
    had = (jobs["released"] - jobs["started"]).groupby(jobs["worker"].astype("str")).sum()
    return [*crew(run), utilisation(run), had.max(), had.min()]


def latency(run):
    calls = run.calls[run.calls["returned_ns"] >= 0]
    took = (calls["returned_ns"] - calls["invoked_ns"]) / 1e9
    return [len(took), took.quantile(0.5), 0.99, took.quantile(0.99), took.max()]


AGAIN = {
    value.__name__: value
    for value in (
        *(occupancy, goodput, attempts, response, outage, running_age, unpaid),
        *(dwell, waits, throughput, lifecycle, swimlanes, latency),
    )
}


def test_every_chart_is_computed_again():
    assert {chart.draw.__name__ for chart in CHARTS} == set(AGAIN)


@pytest.mark.parametrize("name", presets())
def test_the_numbers_of_a_preset_are_those_of_its_tables(name):
    run = run_virtual(preset(name))
    shown = [chart for chart in CHARTS if chart.is_worth_showing(run)]
    assert len(shown) >= 6
    for chart in shown:
        holds(chart.sentence(run), AGAIN[chart.draw.__name__](run))


def test_the_times_of_calls_are_those_of_the_table():
    run = run_threads(
        preset("stampede").replace({"jobs": 60}), InMemoryJobRepository(), speedup=400
    )
    (chart,) = [chart for chart in CHARTS if chart.draw.__name__ == "latency"]
    holds(chart.sentence(run), latency(run))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("3 jobs", [4]),
        ("1.77 s", [1.78]),
        ("98 %", [0.99]),
        ("99.9 %", [0.998]),
        ("2 jobs and 3", [2]),
    ],
)
def test_a_wrong_number_is_noticed(text, values):
    with pytest.raises(AssertionError):
        holds(text, values)
