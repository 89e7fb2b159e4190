"""The summary of a run in a few lines."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from jobsim.display.text import Rows, format_duration, format_number, format_share
from jobsim.figures.faulted import fault_rows
from jobsim.figures.metrics import has_retries_or_losses
from jobsim.figures.timekeeping import NOT_THE_LOADS, RAN_LATE

if TYPE_CHECKING:
    from jobsim.run.info import RunInfo
    from jobsim.run.run import Run


def run_rows(run: Run) -> tuple[str, Rows]:
    """Return a title and rows of label and value: what was run, and what came of it."""
    scenario, figures = run.workload.scenario, run.metrics()
    # A run that ignores its schedule cannot be late.
    late = run.info.keeps_time and not run.waits_are_true
    title = f"Run of {scenario.name!r}" + (f": {RAN_LATE}" if late else "")
    mark = f" ({NOT_THE_LOADS})" if late else ""
    return title, [
        ("engine", _engine_row(run)),
        *(_late_rows(run) if late else []),
        ("jobs", _jobs_row(figures)),
        ("wait", _spread_row(figures, "wait") + mark),
        ("sojourn", _spread_row(figures, "sojourn") + mark),
        ("workers", _workers_row(figures, scenario.workers)),
        *_request_rows(figures, mark),
        *_calls_rows(run, figures),
        *([] if run.calls is None or run.faults is None else fault_rows(run.calls, run.faults)),
        *process_rows(run.info),
        *(("never returned", left.actor) for left in run.unreturned),
        *([("deadlock", run.info.deadlock)] if run.info.deadlock else []),
    ]


def process_rows(info: RunInfo) -> Rows:
    """Return the rows about processes: how many, which died, and how well clocks are known."""
    if info.processes == 1 and not info.died:
        return []
    rows = [("processes", str(info.processes))]
    rows += [("died", how) for how in info.died]
    rows += [("lost", f"the last calls of {name}") for name in info.lost]
    for host in info.hosts:
        known = f"known to within {host.uncertainty_ms:.3f} ms at best"
        rows.append((f"clock of {host.name}", f"{known}, drift up to {host.drift * 1e6:,.0f} ppm"))
    return rows


def _late_rows(run: Run) -> Rows:
    return [
        ("time", str(run.timekeeping)),
        ("try", "jobsim.run_virtual(run.workload) for the true waits, or a lower speed-up"),
    ]


def _engine_row(run: Run) -> str:
    info = run.info
    wall = format_duration(info.wall_seconds)
    if info.engine == "virtual":
        return f"virtual time; {run.ended} after {wall} of wall time"
    ended = run.ended.replace("_", " ")
    perturbed = ", perturbed" if info.perturbed else ""
    where = f"threads on {info.repository}{perturbed}"
    return f"{where}, {info.pace}; {ended} after {wall} of wall time"


def _calls_rows(run: Run, figures: dict[str, float]) -> Rows:
    """Return the rows about calls on the repository; none for a virtual run."""
    if run.calls is None:
        return []
    outcomes = run.calls["outcome"].value_counts()
    made = ", ".join(
        f"{count:,} {str(name).replace('_', ' ')}" for name, count in outcomes.items() if count
    )
    rows = [("calls", f"{len(run.calls):,} on the repository: {made}")]
    if run.info.schedule is None and not math.isnan(figures["lateness_p50"]):
        late = _spread_row(figures, "lateness", ("p50", "p99", "max"))
        wall = format_duration(figures["lateness_p50"] / run.info.speedup)
        rows.append(("lateness", f"{late} (p50 is {wall} of wall time)"))
    if run.lost_answers:
        told = f"{run.lost_answers:,} (the repository had done it all the same)"
        rows.append(("answers lost", told))
    return rows


def _jobs_row(figures: dict[str, float]) -> str:
    """Return where the jobs are at the end; the counts add up to those created."""
    parts = {
        "completed": "completed",
        "failed": "failed",
        "unpaid": "never paid",
        "waiting": "paid and waiting",
        "in_progress": "being worked on",
        "stuck": "stuck in RUNNING",
    }
    counts = (f"{figures[name]:,.0f} {label}" for name, label in parts.items() if figures[name])
    # Jobs that were never created are in no other count, so this comes first.
    created = f"{figures['created']:,.0f} of {figures['jobs']:,.0f} created"
    return f"{created}: {', '.join(counts) or 'none finished'}"


def _request_rows(figures: dict[str, float], mark: str) -> Rows:
    """Return the rows about requests; without retries or losses the row of jobs says it all."""
    if not has_retries_or_losses(figures):
        return []
    requests, served, left = (figures[name] for name in ("requests", "served", "left"))
    parts = {"served": served, "left": left, "open": requests - served - left}
    ends = ", ".join(f"{count:,.0f} {name}" for name, count in parts.items() if count)
    grown = "" if not requests else f"; amplification {format_number(figures['amplification'])}"
    rows = [
        ("requests", f"{requests:,.0f}: {ends or 'none made'}{grown}"),
        ("response", _spread_row(figures, "response") + mark),
    ]
    if figures["crashed"] or figures["reaped"]:
        reaped, false = figures["reaped"], figures["false_kills"]
        killed = f"{reaped:,.0f} reaped, {false:,.0f} of them false kills"
        rows.append(("cut off", f"{figures['crashed']:,.0f} lost their worker; {killed}"))
    return rows


def _spread_row(
    figures: dict[str, float], name: str, tail: tuple[str, ...] = ("mean", "p50", "p95", "p99")
) -> str:
    return ", ".join(f"{part} {format_duration(figures[f'{name}_{part}'])}" for part in tail)


def _workers_row(figures: dict[str, float], workers: int) -> str:
    busy = figures["utilisation"]
    share = "" if math.isnan(busy) else f", busy {format_share(busy)}"
    rate = figures["throughput"]
    done = "" if math.isnan(rate) else f"; {format_number(rate)} jobs/s finished"
    return f"{workers:,}{share}{done}"
