"""What to try next, each step for a reason found in the run."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from jobsim.display.text import count_of, format_duration, format_share
from jobsim.proof.verdict_value import Outcome, Verdict
from jobsim.report.again import Code, as_preset, as_python, call_of
from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.run.run import Run
from jobsim.scenario.arrivals import Paced, Poisson
from jobsim.scenario.renewal import Renewal

MOST = 3
"""The most steps that a report suggests; fewer where fewer are certain to help."""

BUSY, IDLE = 0.85, 0.4
"""Utilisation above which waits grow fast, and below which workers mostly idle."""

PILE = 0.05
"""The share of clients that gave up above which more workers are suggested."""

STORM = 1.5
"""Jobs per request above which a retry budget is suggested."""

KILLS = 0.02
"""The share of false kills among the jobs above which a longer timeout is suggested."""


class Step(NamedTuple):
    """Something to try."""

    reason: str
    """What suggests it in this run."""
    code: Code


class _Found(NamedTuple):
    """What the rules read."""

    run: Run
    verdict: Verdict | None
    shown: str | None
    figures: dict[str, float]

    @property
    def keeps_time(self) -> bool:
        """Whether the run kept to its schedule, so that its waits are those of the load."""
        return self.run.waits_are_true

    def python(self, *lines: str) -> Code:
        return Code("python", "\n".join(["import jobsim", "", as_python(self.shown), *lines]))

    @property
    def is_trace(self) -> bool:
        """Whether the jobs were read from a trace: no scenario can draw them."""
        return self.run.workload.source is not None

    def changed(self, changes: str) -> Code:
        """Return a run of the same jobs under a changed scenario; `changes` is Python."""
        scenario = f"scenario = workload.scenario.replace({changes})"
        if not self.is_trace:
            return self.python(scenario, "print(jobsim.run_virtual(scenario))")
        code = self.python(
            scenario, "print(jobsim.run_virtual(replace(workload, scenario=scenario)))"
        )
        return code._replace(text=f"from dataclasses import replace\n\n{code.text}")

    def study(self, command: str, options: str, lines: str) -> Code:
        """Return a study of this scenario: a command for a preset, Python for any other."""
        named = as_preset(self.run.workload.scenario)
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
        The run's folder, as the user wrote it; None if it was not saved.
    """
    found = _Found(run, verdict, shown, run.metrics())
    rules = (rule for rule in RULES if not (found.is_trace and rule in STUDIES))
    return [step for rule in rules if (step := rule(found)) is not None][:MOST]


def _violated(found: _Found) -> Step | None:
    """Suggest the kit, which names one broken rule where a run shows many consequences."""
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


def _simulated(found: _Found) -> Step | None:
    if found.verdict is not None:
        return None
    return Step(
        "This was a simulation: no repository was tested. Run the same jobs with real threads, on "
        "your own repository if you have one.",
        found.python("run = jobsim.run_threads(workload, speedup=None)", "print(run.check())"),
    )


def _undecided(found: _Found) -> Step | None:
    if found.verdict is None or found.verdict.outcome is not Outcome.UNKNOWN:
        return None
    return Step(
        "Some answers could not be judged. A new, empty repository leaves nothing undecided.",
        found.python(f"run = {call_of(found.run)}", "print(run.check())"),
    )


def _busy(found: _Found) -> Step | None:
    """Suggest sizing, where steady traffic and not an incident explains the waits."""
    scenario, busy, wait = (
        found.run.workload.scenario,
        found.figures["utilisation"],
        found.figures["wait_p95"],
    )
    # Waits that a spike, an outage or a closed loop explains do not call for more workers.
    steady = isinstance(scenario.arrivals, Poisson | Paced | Renewal) and not scenario.outages
    if not (found.keeps_time and steady and busy > BUSY and wait > found.figures["service_mean"]):
        return None
    target = f"{wait / 4:.2g}"
    return Step(
        f"Workers were busy {format_share(busy)} of the time, and 5 % of paid jobs waited longer "
        f"than {format_duration(wait)}. Ask how many workers it takes for a quarter of that.",
        found.study(
            "workers-needed",
            f"wait_p95={target}",
            f"print(jobsim.workers_needed(scenario, wait_p95={target}))",
        ),
    )


def _idle(found: _Found) -> Step | None:
    """Suggest fewer workers, where neither the load nor the waits need as many."""
    workers, busy = found.run.workload.scenario.workers, found.figures["utilisation"]
    # Where jobs wait long in spite of idle workers, fewer would not help. NaN compares as False:
    # without a wait nothing is waiting.
    waiting = found.figures["wait_p95"] > found.figures["service_mean"]
    if not (found.keeps_time and busy < IDLE and workers > 1) or waiting:
        return None
    # Fewer than this could not even do the work.
    low = max(1, math.ceil(workers * busy))
    tried = f"{low}:{workers}"
    return Step(
        f"Workers were busy only {format_share(busy)} of the time. See what fewer would do to the "
        "waits.",
        found.study(
            "sweep",
            f"--over workers={tried}",
            f'print(jobsim.sweep(scenario, {{"workers": range({low}, {workers + 1})}}))',
        ),
    )


def _amplified(found: _Found) -> Step | None:
    retry, jobs = found.run.workload.scenario.retry, found.figures.get("amplification", 1.0)
    if retry is None or retry.budget is not None or not jobs > STORM:
        return None
    return Step(
        f"Each request became {jobs:.3g} jobs: most of the load is retries. A retry budget lets "
        "one request in ten be tried again in the long run, and no more.",
        found.changed('{"retry.budget": 0.1}'),
    )


def _false_kills(found: _Found) -> Step | None:
    """Suggest a longer timeout, where the reaper often fails jobs that are worked on."""
    reaper, killed = found.run.workload.scenario.reaper, found.figures.get("false_kills", 0.0)
    # A few false kills are the price of finding dead workers soon.
    if reaper is None or not killed > KILLS * found.figures["created"]:
        return None
    # The present timeout is among them, so that the others can be compared with it.
    timeouts = [f"{times * reaper.timeout:g}" for times in (1, 2, 4)]
    return Step(
        f"The reaper failed {count_of(int(killed), 'job')} whose worker was still at it. A longer "
        "timeout is wrong less often, and finds dead workers later: see what it costs.",
        found.study(
            "sweep",
            f"--over reaper.timeout={','.join(timeouts)} --metric false_kills "
            "--metric recovery_mean",
            f'print(jobsim.sweep(scenario, {{"reaper.timeout": [{", ".join(timeouts)}]}}))',
        ),
    )


def _left(found: _Found) -> Step | None:
    """Suggest more workers, where many clients give up."""
    left, requests = found.figures["left"], found.figures["requests"]
    scenario = found.run.workload.scenario
    if scenario.patience is None or not left > PILE * requests:
        return None
    tried = [str(math.ceil(times * scenario.workers)) for times in (1, 1.5, 2)]
    return Step(
        f"{format_share(left / requests)} of the clients gave up. See how many of "
        "them more workers would serve.",
        found.study(
            "sweep",
            f"--over workers={','.join(tried)} --metric left",
            f'print(jobsim.sweep(scenario, {{"workers": [{", ".join(tried)}]}}))',
        ),
    )


def _not_the_waits(found: _Found) -> Step | None:
    if found.keeps_time:
        return None
    return Step(
        "The waits of this run are not those of the load: the threads did not keep to its time. "
        "Virtual time shows them at once.",
        found.python("run = jobsim.run_virtual(workload)", "print(run)"),
    )


def _stuck(found: _Found) -> Step | None:
    """Suggest a reaper, where nothing ever fails the job of a dead worker."""
    stuck = found.figures["stuck"]
    if not stuck or found.run.ended != "complete" or found.run.workload.scenario.reaper:
        return None
    # Ten mean service times: rarely wrong about a worker that is only slow.
    timeout = f"{10 * found.figures['service_mean']:.2g}"
    if not float(timeout) > 0:
        return None
    return Step(
        f"{count_of(int(stuck), 'job')} stayed RUNNING for ever: nothing fails the job of a "
        "worker that died. Try a reaper.",
        found.changed(f'{{"reaper": {{"timeout": {timeout}}}}}'),
    )


def _own_repository(found: _Found) -> Step | None:
    """Suggest the user's own repository, where only jobsim's was tested."""
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


def _untried(found: _Found) -> Step | None:
    """Suggest the kit, where the run held but some calls never overlapped."""
    verdict = found.verdict
    if verdict is None or not verdict.ok or not verdict.untried:
        return None
    if found.run.info.repository == InMemoryJobRepository.__name__:
        return None  # see `_own_repository`
    first = " and ".join(verdict.untried[0].split(" + "))
    return Step(
        f"It held, but some calls were never under way at the same time, such as {first}. The kit "
        "tries them in every order.",
        Code(
            "python",
            "from jobsim.testing import check_repository\n\n"
            f"check_repository({_class_of(found.run)})",
        ),
    )


def _class_of(run: Run) -> str:
    name = run.info.repository
    return name if name.isidentifier() and name.isascii() else "MyRepository"


RULES: tuple[Callable[[_Found], Step | None], ...] = (
    _violated,
    _ended_early,
    _undecided,
    _not_the_waits,
    _stuck,
    _amplified,
    _false_kills,
    _left,
    _busy,
    _idle,
    _simulated,
    _untried,
    _own_repository,
)
"""The most pressing first. A rule is here only if its step helps every run that it applies to."""

STUDIES = (_false_kills, _left, _busy, _idle)
"""The rules that suggest a study of the scenario, which says nothing about the jobs of a trace."""
