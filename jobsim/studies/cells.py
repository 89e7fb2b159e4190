"""The cells of a study: a setting run once with one seed, reduced to its key figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from jobsim.figures.duty import absences
from jobsim.figures.measured import Measured
from jobsim.figures.metrics import metrics
from jobsim.figures.tally import Tally
from jobsim.figures.window import default_share, window_of
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import Workload
from jobsim.studies.statistics import fixed_fraction, mser5
from jobsim.tables.job_arrays import JobArrays, Jobs, arrays_of
from jobsim.virtual.server import Server

Warmup = float | Literal["mser5"]
"""What to delete: the first part of the requests, or what MSER-5 says from their waits."""

Figures = dict[str, float]

DISTRIBUTIONS = ("wait", "sojourn", "response")
"""The quantities whose durations are all kept, as counts, so that quantiles can be pooled."""


@dataclass(frozen=True)
class Outcome:
    """What one run gave. Picklable.

    Attributes
    ----------
    figures
        Its key figures.
    tallies
        Its waits, sojourns and, where they differ from sojourns, responses.
    halves
        The mean wait in the first and in the second half after the warm-up: under a load that is
        too high the second is longer, however long the run.
    """

    figures: Figures
    tallies: dict[str, Tally]
    halves: tuple[float, float]


UNDRAWN = (
    "name", "why", "workers", "clients", "pollers", "poll_interval", "reaper", "outages",
)  # fmt: skip
"""The fields of a scenario on which no draw depends."""


def replication_seed(seed: int, replication: int) -> int:
    """Return the seed of a replication: the scenario's own for the first, then derived ones.

    Examples
    --------
    >>> replication_seed(7, 0), replication_seed(7, 1) == replication_seed(8, 1)
    (7, False)
    """
    if replication == 0:
        return seed
    # The streams of a workload are children of its seed too: the key keeps these apart.
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=(replication, 1))
    # 63 bits: a seed has to fit into a signed integer of TOML and Parquet.
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


def default_warmup(scenario: Scenario) -> Warmup:
    """Return the part that rates leave out by default: one rule, see `default_share`."""
    return default_share(scenario)


def check_warmup(warmup: Warmup) -> Warmup:
    """Return the warm-up, or raise a ValueError if it is not one."""
    if warmup != "mser5":
        try:
            fixed_fraction((), warmup)
        except TypeError:
            raise ValueError(
                f"warmup is {warmup!r}; it is a fraction of the requests or 'mser5'"
            ) from None
    return warmup


def same_draws(scenario: Scenario) -> Scenario:
    """Return the scenario with `UNDRAWN` fields at their defaults: equal ones draw alike."""
    plain = {name: Scenario.model_fields[name].default for name in UNDRAWN}
    return scenario.replace(plain)


@dataclass(frozen=True)
class Task:
    """One replication of some settings that draw alike: the smallest piece of a study.

    It is sampled once for all of them, and sorted once for those without feedback. Picklable.

    Attributes
    ----------
    scenarios
        The settings, equal except for the fields in `UNDRAWN`.
    seed
        Seed of this replication.
    warmups
        What to delete at each setting.
    cells
        How many cells the whole study has: enough of them are worth compiling for.
    """

    scenarios: tuple[Scenario, ...]
    seed: int
    warmups: tuple[Warmup, ...]
    cells: int

    def run(self) -> list[Outcome | str]:
        """Return the figures of each setting, or a text that says why there are none."""
        try:
            workload = Workload.sample(self.scenarios[0].replace({"seed": self.seed}))
            server = Server(workload, runs=self.cells)
        except Exception as exc:  # noqa: BLE001 - one failed cell must not lose the others
            return [describe(exc)] * len(self.scenarios)
        found: list[Outcome | str] = []
        for scenario, warmup in zip(self.scenarios, self.warmups, strict=True):
            try:
                jobs = server.measure(scenario)
                found.append(outcome_of(jobs, workload, scenario, warmup))
            except Exception as exc:  # noqa: BLE001 - as above
                found.append(describe(exc))
        return found


def run_task(task: Task) -> list[Outcome | str]:
    """Run a task; a function, so that other processes find it by name."""
    return task.run()


def describe(exc: BaseException) -> str:
    """Return an exception in one line."""
    text = str(exc).splitlines()
    return f"{type(exc).__name__}: {text[0]}" if text else type(exc).__name__


def outcome_of(jobs: Jobs, workload: Workload, scenario: Scenario, warmup: Warmup) -> Outcome:
    """Return what a run gave over its window: after the warm-up, before the drain.

    The warm-up is made of whole requests, in the order in which they were first asked for: an
    attempt without those before it would misrepresent its client.

    See `jobsim.figures.metrics.figures_of`; the figure `warmup` comes first: the number of jobs
    that were left out.
    """
    rows = len(jobs)
    columns = arrays_of(jobs)
    window = window_of(columns, scenario, skipped=_skipped(columns, warmup))
    measured = Measured(columns, window, only_window=True)
    figures = metrics(
        columns,
        workers=scenario.workers,
        window=window,
        absent=absences(columns, workload, scenario),
        measured=measured,
    )
    tallies = {quantity: measured.tally(quantity) for quantity in DISTRIBUTIONS}
    waits = measured.durations("wait")
    half = len(waits) // 2
    halves = (float(waits[:half].mean()), float(waits[half:].mean())) if half else (0.0, 0.0)
    return Outcome({"warmup": rows - figures["jobs"], **figures}, tallies, halves)


def without_a_queue(workload: Workload, warmup: Warmup) -> Outcome:
    """Return what a worker for every job would give: nobody waits."""
    jobs, workers = Server(workload).serve_without_a_queue(workload.scenario)
    scenario = workload.scenario.replace({"workers": workers})
    return outcome_of(jobs, workload, scenario, warmup)


def _skipped(jobs: JobArrays, warmup: Warmup) -> int:
    """Return how many requests are warm-up."""
    if warmup != "mser5":
        return fixed_fraction(jobs.attempts, warmup)  # one entry per request
    # Users of a closed loop do not ask in the order of their requests' numbers.
    first = jobs.first[np.argsort(jobs["created"][jobs.first], kind="stable")]
    waits = (jobs["started"] - jobs["paid"])[first]
    paid = np.flatnonzero(~np.isnan(waits))
    cut = mser5(waits[paid])
    return int(paid[cut]) if cut else 0
