"""What the charts of feedback show of a run: retries, reapers, outages, unpaid jobs.

As in `jobsim.report.sentences`: a run in, one sentence out, also where there is nothing to tell.
"""

from __future__ import annotations

import math

from jobsim.display.text import count_of, format_duration
from jobsim.figures import recovery
from jobsim.figures.attempts import LEFT, attempts_per_request, settle, useful
from jobsim.figures.unpaid import unpaid_stock
from jobsim.plot.spans import disturbances
from jobsim.report.sentences import percent
from jobsim.run.run import Run

_ENOUGH = 0.9
"""From this share on the work is told as being of use; below it, as being only so much of use."""


def goodput(run: Run) -> str:
    """Say what share of the work was of use to somebody, and how many clients left."""
    ended = int(run.jobs["finished"].notna().sum())
    if not ended:
        return "No job ended, so none was of use."
    share = int(useful(run.jobs).sum()) / ended
    busy = run.metrics()["utilisation"]
    told = f"{percent(share)} of the jobs that ended were of use"
    if not math.isnan(busy):
        workers = run.workload.scenario.workers
        who = f"The {workers:,} workers were" if workers > 1 else "The one worker was"
        but = "and" if share >= _ENOUGH else "but only"
        told = f"{who} busy {percent(busy)} of the time, {but} {told}"
    requests = settle(run.jobs)
    left = int((requests.outcome == LEFT).sum())
    if not left:
        return f"{told}; no client left with nothing."
    return f"{told}; {percent(left / len(requests.first))} of the clients left with nothing."


def attempts(run: Run) -> str:
    """Say how many jobs the requests became, and what came of them."""
    table = attempts_per_request(run.jobs)
    total = int(table.to_numpy().sum())
    if not total:
        return "No request was made."
    jobs = len(run.jobs)
    first, later = int(table["served"].iloc[0]), int(table["served"].iloc[1:].sum())
    parts = [f"{percent(first / total)} of them were served with one attempt"]
    if later:
        parts.append(f"{percent(later / total)} with more")
    if left := int(table["left"].sum()):
        tried = table.index[table["left"] > 0]
        most = count_of(int(tried[-1]), "attempt")
        up_to = "" if len(tried) == 1 else "up to "
        parts.append(f"{percent(left / total)} left with nothing after {up_to}{most}")
    if still := int(table["open"].sum()):
        parts.append(f"{percent(still / total)} had no answer when the run ended")
    each = f"{jobs / total:.2f}"
    told = f", {each} for each" if float(each) > 1 else ""
    return f"{count_of(total, 'request')} became {count_of(jobs, 'job')}{told}: {', '.join(parts)}."


def running_age(run: Run) -> str:
    """Say what became of the jobs that lost their worker, and whom the reaper failed wrongly."""
    cut = recovery.cut_off(run.jobs)
    if cut.empty:
        return "No job lost its worker, and nobody failed one that ran too long."
    alone = cut.loc[cut["kind"] == "recovered", "recovery"]
    stuck, killed = (int((cut["kind"] == kind).sum()) for kind in ("stuck", "false kill"))
    lost = len(alone) + stuck
    who = f"{count_of(lost, 'job')} lost" if lost else "no job lost"
    parts = [f"{who} {'its' if lost < 2 else 'their'} worker"]
    if len(alone):
        mean, most = (format_duration(float(value)) for value in (alone.mean(), alone.max()))
        parts.append(
            f"the reaper came {mean} later on average and {most} at most"
            if not stuck
            else f"to {len(alone):,} the reaper came, {mean} later on average and {most} at most"
        )
    if stuck:
        parts.append(f"{stuck:,} stayed RUNNING for ever")
    if killed:
        parts.append(f"the reaper failed {count_of(killed, 'job')} whose worker was still at it")
    told = "; ".join(parts)
    return f"{told[0].upper()}{told[1:]}."


def outage(run: Run) -> str:
    """Say how the backlog grew while the service was disturbed, and how long it stayed."""
    jobs = run.jobs
    spans = disturbances(run.workload.scenario, recovery.last_moment(jobs))
    if not spans:
        return "Nothing disturbed the service."
    start, end = spans[0].start, max(span.end for span in spans)
    most = recovery.around(jobs, start, end)["backlog_max"].fillna(0.0)
    before, later = int(most["before"]), int(most[["during", "after"]].max())
    was = f"at most {count_of(before, 'job')} before" if before else "empty before"
    what = spans[0].label.capitalize() if len(spans) == 1 else f"{len(spans):,} disturbances"
    told = f"{what} from {format_duration(start)} to {format_duration(end)}"
    if later <= before:
        return f"{told}: the backlog, {was}, never grew longer."
    drained = recovery.time_to_drain(jobs, start, end)
    back = (
        "and was not that short again when the run ended"
        if math.isnan(drained)
        else f"and was that short again {format_duration(drained)} after the end of it"
    )
    return f"{told}: the backlog, {was}, grew to {count_of(later, 'job')} {back}."


def unpaid(run: Run) -> str:
    """Say how many jobs awaited their payment at once, and how many of them always will."""
    stock = unpaid_stock(run.jobs)
    if stock.empty:
        return "No job was created."
    created = int(run.jobs["created"].notna().sum())
    peak, never = int(stock["unpaid"].max()), int(stock["never"].iloc[-1])
    told = f"At most {count_of(peak, 'job')} awaited a confirmation of payment at once"
    if not never:
        return f"{told}; in the end each one came."
    which = f"{never:,} of {created:,} ({percent(never / created)})"
    return f"{told}; {which} never get one and stay in the store for ever."
