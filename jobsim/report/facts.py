"""What the report says about a run in figures and facts: tiles, parts of time, provenance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

import numpy as np

from jobsim.display.text import Rows, count_of, format_duration, format_number, format_share
from jobsim.figures.durations import STAGES, dwell
from jobsim.figures.faulted import fault_sentence
from jobsim.figures.metrics import UNITS, has_retries_or_losses
from jobsim.figures.timekeeping import RAN_LATE
from jobsim.run.display import process_rows
from jobsim.run.run import Run
from jobsim.scenario.workload import Workload


class Tile(NamedTuple):
    """One key figure."""

    label: str
    value: str
    note: str = ""


class Part(NamedTuple):
    """One part of the mean time of a finished job."""

    name: str
    label: str
    share: float
    duration: str


def tiles(run: Run) -> list[Tile]:
    """Return the key figures; those that say nothing about this run are left out."""
    figures = run.metrics()
    created, workers = figures["created"], run.workload.scenario.workers
    requests = _requests(figures)
    found = [
        *requests,
        Tile("completed", f"{figures['completed']:,.0f}", f"of {count_of(int(created), 'job')}"),
        *(
            Tile(label, f"{figures[name]:,.0f}", f"{format_share(figures[name] / created)} of jobs")
            for name, label in (("failed", "failed"), ("unpaid", "never paid"))
            if figures[name]
        ),
        *(
            Tile(label, f"{figures[name]:,.0f}", "when the run ended")
            for name, label in (
                ("waiting", "still waiting"),
                ("in_progress", "still running"),
                ("stuck", "RUNNING for ever"),
            )
            if figures[name]
        ),
    ]
    if figures["reaped"]:
        killed = figures["false_kills"]
        note = count_of(int(killed), "false kill") if killed else "of those that failed"
        found.append(Tile("reaped", f"{figures['reaped']:,.0f}", note))
    if not math.isnan(figures["wait_p50"]):
        within = f"95 % within {format_duration(figures['wait_p95'])}"
        note = "of late threads, not of this load" if late(run) else within
        found.append(Tile("median wait", format_duration(figures["wait_p50"]), note))
    took, label = ("response", "asked to served") if requests else ("sojourn", "created to done")
    if not math.isnan(figures[f"{took}_p50"]):
        most = figures[f"{took}_p95"]
        within = f"95 % within {format_duration(most)}"
        note = "5 % and more got nothing" if math.isinf(most) else within
        found.append(Tile(label, format_duration(figures[f"{took}_p50"]), note))
    if not math.isnan(figures["throughput"]):
        done = format_number(figures["throughput"])
        found.append(
            Tile("goodput", format_number(figures["goodput"]), f"of {done} jobs per second")
            if requests
            else Tile("throughput", done, "jobs per second")
        )
    if not math.isnan(figures["utilisation"]):
        note = f"of the time, {count_of(workers, 'worker')}"
        found.append(Tile("busy", format_share(figures["utilisation"]), note))
    if figures["rejected"]:
        found.append(Tile("refused", f"{figures['rejected']:,.0f}", "calls, by the repository"))
    return found


def late(run: Run) -> str:
    """Return the warning of a run whose threads ran late; empty for any other."""
    if run.waits_are_true or not run.info.keeps_time:
        return ""
    said = f"{RAN_LATE[0].upper()}{RAN_LATE[1:]}"
    return f"{said}: {run.timekeeping}. Virtual time has the true waits."


def faults(run: Run) -> str:
    """Say what was injected into the database and what clients saw of it; empty without faults."""
    if run.calls is None or run.faults is None:
        return ""
    return fault_sentence(run.calls, run.faults)


def _requests(figures: Mapping[str, float]) -> list[Tile]:
    """Return what came of the requests, where feedback makes them other than the jobs."""
    if not has_retries_or_losses(figures):
        return []
    requests = figures["requests"]
    found = [
        Tile("served", f"{figures['served']:,.0f}", f"of {count_of(int(requests), 'request')}")
    ]
    if figures["left"]:
        note = f"{format_share(figures['left'] / requests)} of clients"
        found.append(Tile("gave up", f"{figures['left']:,.0f}", note))
    # Compared as it is shown: "1.00 for each request" says nothing.
    attempts = f"{figures['amplification']:.2f}"
    if float(attempts) > 1:
        found.append(Tile("attempts", attempts, "for each request"))
    return found


def parts(run: Run) -> list[Part]:
    """Return the parts of the mean time of a finished job; empty without one."""
    stages = dwell(run.jobs).dropna()
    total = float(stages["sojourn"].sum())
    if not total > 0:
        return []
    return [
        Part(
            name,
            label,
            float(stages[name].sum()) / total,
            format_duration(float(stages[name].mean())),
        )
        for name, label in STAGES.items()
        if stages[name].any()
    ]


def time_spent(run: Run) -> str:
    """Say what finished jobs spent their time on, on average."""
    stages = dwell(run.jobs).dropna()
    total = float(stages["sojourn"].sum())
    if not total:
        return "No job was finished, so there is no time to divide."
    made = [
        f"{format_share(float(stages[name].sum()) / total)} {label}"
        for name, label in STAGES.items()
        if stages[name].any()
    ]
    return (
        f"A finished job took {format_duration(total / len(stages))} on average: {', '.join(made)}."
    )


def _jobs_of(workload: Workload) -> str:
    if workload.attempts == 1:
        return count_of(len(workload), "job")
    return f"{count_of(workload.requests, 'request')}, up to {workload.attempts:,} attempts each"


def all_figures(run: Run) -> Rows:
    """Return every key figure by its name in Python, with its unit."""
    return [
        (name, f"{value:,.6g} {UNITS.get(name, '')}".rstrip())
        for name, value in run.metrics().items()
        if not math.isnan(value)
    ]


def provenance(run: Run, shown: str | None) -> Rows:
    """Return where the run comes from: enough to tell whether another run is comparable."""
    info, workload = run.info, run.workload
    here = info.platform
    rows = [("engine", "virtual time" if info.engine == "virtual" else "real threads")]
    if info.engine == "threads":
        perturbed = ", threads switched at random inside its code" if info.perturbed else ""
        rows.append(("repository", f"{info.repository}{perturbed}"))
        if info.schedule is not None:
            rows.append(("schedule", str(info.schedule)))
        else:
            speed = "never waited" if math.isinf(info.speedup) else format_number(info.speedup)
            rows.append(("speed-up", speed))
        rows += process_rows(info)
    rows += [
        ("ended", info.ended.replace("_", " ")),
        ("started", info.started_at.strftime("%Y-%m-%d %H:%M:%S %Z").rstrip()),
        ("took", f"{format_duration(info.wall_seconds)} of wall time"),
        ("seed", str(workload.scenario.seed)),
        ("workload", f"{_jobs_of(workload)}, SHA-256 {workload.digest()}"),
    ]
    if workload.source is not None and workload.source.sha256 is not None:
        rows.append(("trace", f"{workload.source.name}, SHA-256 {workload.source.sha256}"))
    lock = "" if here.gil else ", without the global interpreter lock"
    return [
        *rows,
        ("versions", ", ".join(f"{name} {number}" for name, number in here.versions.items())),
        ("Python", f"{here.implementation} {here.python}{lock}"),
        ("machine", f"{here.system} {here.machine}, {count_of(here.cpu_count, 'processor')}"),
        ("saved in", "not saved" if shown is None else shown),
    ]


def of_log(run: Run) -> list[tuple[str, str]]:
    """Return the span of a log with its dates, and its logged waits beside the simulated ones."""
    workload = run.workload
    source = workload.source
    if source is None or not len(workload):
        return []
    span = float(workload.arrival[-1])
    text = format_duration(span)
    if source.unix_start_time is not None:
        first = datetime.fromtimestamp(source.unix_start_time + source.first_arrival, timezone.utc)
        last = first + timedelta(seconds=span)
        text += f", {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S} by the log's clock"
    rows = [("span", text)]
    logged = workload.logged_wait
    if logged is None or np.isnan(logged).all():
        return [*rows, ("waits", "not in the log")]
    found = {
        "logged": logged,
        "simulated": (run.jobs["started"] - run.jobs["paid"]).to_numpy(),
    }
    for name, waits in found.items():
        known = waits[~np.isnan(waits)]
        if len(known):
            p50, p95 = (format_duration(float(x)) for x in np.quantile(known, [0.5, 0.95]))
            count = count_of(len(known), "job")
            rows.append((f"waits, {name}", f"p50 {p50}, p95 {p95}, of {count}"))
    return rows
