"""What to try next, each step for a reason that is found in the run."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from jobsim.analysis.verdict import Outcome, Verdict
from jobsim.display import count_of, format_duration
from jobsim.report.again import Code, as_preset, as_python, call_of
from jobsim.report.sentences import percent
from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.run import Run
from jobsim.scenario.arrivals import Paced, Poisson

MOST = 5
"""How many steps a reader is given."""

BUSY, IDLE = 0.85, 0.4
"""Utilisation above which waits grow fast, and below which workers mostly idle."""

PILE = 0.05
"""The share of jobs that were never paid or are stuck, from which on it is worth a look."""

LATE = 0.05
"""Lateness is high from this share of a job's usual time in the system on."""


class Step(NamedTuple):
    """Something to try."""

    reason: str
    """What in this run suggests it."""
    code: Code


class _Found(NamedTuple):
    """What the rules look at."""

    run: Run
    verdict: Verdict | None
    shown: str | None
    figures: dict[str, float]

    @property
    def keeps_time(self) -> bool:
        """Whether the run kept to its schedule, so that its waits are those of the load."""
        return self.run.info.engine == "virtual" or math.isfinite(self.run.info.speedup)

    def python(self, *lines: str) -> Code:
        return Code("python", "\n".join(["import jobsim", "", as_python(self.shown), *lines]))

    def study(self, command: str, options: str, lines: str) -> Code:
        """Return a study of this scenario: a command for a preset, Python for any other."""
        workload = self.run.workload
        named = as_preset(workload.scenario) if workload.source is None else None
        if named is not None:
            return Code("shell", f"jobsim {command} {named} {options}")
        return self.python("scenario = workload.scenario", lines)


def next_steps(run: Run, verdict: Verdict | None, shown: str | None) -> list[Step]:
    """Return what to try next, the most pressing first, at most `MOST`.

    Parameters
    ----------
    run
        The run.
    verdict
        What its check found; None for a virtual run.
    shown
        The run's folder, as a person wrote it; None if it was not saved.
    """
    found = _Found(run, verdict, shown, run.metrics())
    return [step for rule in RULES if (step := rule(found)) is not None][:MOST]


def _violated(found: _Found) -> Step | None:
    if found.verdict is None or found.verdict.outcome is not Outcome.VIOLATED:
        return None
    return Step(
        "The repository gave answers that no correct one can give. The kit tries each duty of a "
        "repository by itself and says which one fails.",
        Code(
            "python",
            "from jobsim.testing import check_repository\n\n"
            f"check_repository({_class_of(found.run)})",
        ),
    )


def _ended_early(found: _Found) -> Step | None:
    if found.run.ended == "complete":
        return None
    ended = found.run.ended.replace("_", " ")
    return Step(
        f"The run ended early ({ended}), so the figures are of a part of it. Run all of it.",
        found.python(f"run = {call_of(found.run)}"),
    )


def _nothing_proved(found: _Found) -> Step | None:
    if found.verdict is not None:
        return None
    return Step(
        "Virtual time touches no repository, so nothing was proved. Run the same jobs with real "
        "threads, on your own repository if you have one.",
        found.python("run = jobsim.run_threads(workload, speedup=None)", "print(run.check())"),
    )


def _undecided(found: _Found) -> Step | None:
    if found.verdict is None or found.verdict.outcome is not Outcome.UNKNOWN:
        return None
    return Step(
        "Some answers could not be judged. A new, empty repository leaves nothing undecided.",
        found.python(f"run = {call_of(found.run)}", "print(run.check())"),
    )


def _late(found: _Found) -> Step | None:
    late, usual = found.figures.get("lateness_p99", math.nan), found.figures["sojourn_p50"]
    if not late > LATE * usual:
        return None
    slower = f"{max(found.run.info.speedup / 4, 1.0):.4g}"
    if float(slower) >= found.run.info.speedup:
        return None
    return Step(
        f"One job in a hundred was created more than {format_duration(late)} late: the clients "
        "could not keep to the schedule. Waits are truer at a lower speed-up.",
        found.python(f"run = jobsim.run_threads(workload, speedup={slower})"),
    )


def _no_schedule(found: _Found) -> Step | None:
    if found.keeps_time:
        return None
    return Step(
        "The run never waited, to press the repository hardest: its waits are not those of the "
        "load. Virtual time shows them at once.",
        found.python("run = jobsim.run_virtual(workload)", "print(run)"),
    )


def _busy(found: _Found) -> Step | None:
    busy, wait = found.figures["utilisation"], found.figures["wait_p95"]
    if not found.keeps_time or math.isnan(busy):
        return None
    if not (busy > BUSY or wait > found.figures["service_mean"]):
        return None
    target = f"{wait / 4:.2g}"
    if not float(target) > 0:
        return None
    return Step(
        f"Workers were busy {percent(busy)} of the time, and 5 % of jobs waited longer than "
        f"{format_duration(wait)}. Ask how many workers a quarter of that takes.",
        found.study(
            "workers-needed",
            f"wait_p95={target}",
            f"print(jobsim.workers_needed(scenario, wait_p95={target}))",
        ),
    )


def _idle(found: _Found) -> Step | None:
    workers, busy = found.run.workload.scenario.workers, found.figures["utilisation"]
    if not (found.keeps_time and busy < IDLE and workers > 1):
        return None
    low = max(1, math.ceil(workers * busy))
    tried = f"{low}:{workers}"
    return Step(
        f"Workers were busy only {percent(busy)} of the time. See what fewer would do to the "
        "waits.",
        found.study(
            "sweep",
            f"--over workers={tried}",
            f'print(jobsim.sweep(scenario, {{"workers": range({low}, {workers + 1})}}))',
        ),
    )


def _unpaid(found: _Found) -> Step | None:
    unpaid, created = found.figures["unpaid"], found.figures["created"]
    if not unpaid > PILE * created:
        return None
    return Step(
        f"{percent(unpaid / created)} of jobs were never paid, and no legal step takes them out of "
        "the store: it only grows. See how much of the load is left without them.",
        found.study(
            "sweep",
            "--over payment.abandon=0,0.1,0.3 --metric utilisation --metric unpaid",
            'print(jobsim.sweep(scenario, {"payment.abandon": [0.0, 0.1, 0.3]}))',
        ),
    )


def _stuck(found: _Found) -> Step | None:
    stuck = found.figures["stuck"]
    if not stuck or found.run.ended != "complete" or found.run.workload.scenario.reaper:
        return None
    timeout = f"{10 * found.figures['service_mean']:.2g}"
    if not float(timeout) > 0:
        return None
    return Step(
        f"{count_of(int(stuck), 'job')} stayed RUNNING for ever: nobody looks after a worker that "
        "died. Try a reaper that fails what runs too long.",
        found.python(
            f'scenario = workload.scenario.replace({{"reaper": {{"timeout": {timeout}}}}})',
            "run = jobsim.run_virtual(scenario)",
        ),
    )


def _press_harder(found: _Found) -> Step | None:
    if found.verdict is None or not found.verdict.ok or found.run.info.perturbed:
        return None
    return Step(
        "It held, in this one run. Threads that are switched at random moments inside the "
        "repository's code bring rare races to light.",
        found.python(f"run = {call_of(found.run, perturb=True)}", "print(run.check())"),
    )


def _twice_the_load(found: _Found) -> Step | None:
    workload = found.run.workload
    if workload.source is not None or not isinstance(workload.scenario.arrivals, Poisson | Paced):
        return None
    rate = workload.scenario.arrivals.rate
    rates = f"{rate:g},{1.5 * rate:g},{2 * rate:g}"
    return Step(
        "Before traffic grows: see what half as much again, and twice as much, does to the waits.",
        found.study(
            "sweep",
            f"--over arrivals.rate={rates}",
            f'print(jobsim.sweep(scenario, {{"arrivals.rate": [{rates.replace(",", ", ")}]}}))',
        ),
    )


def _own_repository(found: _Found) -> Step | None:
    if found.verdict is None or found.run.info.repository != InMemoryJobRepository.__name__:
        return None
    return Step(
        "This was the repository that comes with jobsim. Check your own: any object with "
        "create, get, update_status and count.",
        Code(
            "python",
            "from jobsim.testing import check_repository\n\ncheck_repository(MyRepository)",
        ),
    )


def _class_of(run: Run) -> str:
    name = run.info.repository
    return name if name.isidentifier() and name.isascii() else "MyRepository"


RULES: tuple[Callable[[_Found], Step | None], ...] = (
    _violated,
    _ended_early,
    _nothing_proved,
    _undecided,
    _late,
    _no_schedule,
    _stuck,
    _busy,
    _unpaid,
    _press_harder,
    _idle,
    _twice_the_load,
    _own_repository,
)
"""In the order of a reader's attention; one line adds one."""
