"""How often `workers_needed` is right about random M/M/c queues: ``make coverage`` prints it.

Each load, of 1.6 to 63 erlangs, is asked about as a user would ask, with nothing but the scenario
and a target on the mean wait, p95 or p99. The truth is Erlang's C. Too few is what a stated risk
of 5 % is about; more than one too many is a waste. It exits with 1 if more than 10 of 100
answers have too few workers, more than 5 have over one too many, or one takes over five seconds
of CPU.

Alone: ``python tests/bench/sizing_check.py [cases]``.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from jobsim import Scenario
from jobsim.studies.formulas import mmc_wait_mean, mmc_wait_percentile
from jobsim.studies.sizing import workers_needed

TOO_FEW, TOO_MANY, SECONDS = 0.10, 0.05, 5.0
TARGETS = {"wait_mean": None, "wait_p95": 95.0, "wait_p99": 99.0}


@dataclass(frozen=True)
class Case:
    """A queue with work of 1 s on average and a target for its waits."""

    rate: float
    jobs: int
    metric: str
    target: float
    seed: int

    @property
    def truth(self) -> int:
        """The smallest number of workers that meets the target, by Erlang C."""
        workers = int(self.rate) + 1
        while _by_theory(workers, self.rate, self.metric) > self.target:
            workers += 1
        return workers

    def answer(self) -> int:
        """Return what `workers_needed` says; 0 for no answer."""
        scenario = Scenario(
            jobs=self.jobs, arrivals={"kind": "poisson", "rate": self.rate}, seed=self.seed
        )
        with ThreadPoolExecutor(1) as one:
            target = {self.metric: self.target}
            found = workers_needed(scenario, executor=one, progress=False, **target)
        return found.workers or 0


def draw(cases: int, seed: int = 2026) -> list[Case]:
    """Return random cases; the target lies between what two numbers of workers give.

    Up to a fifth more workers than the fewest that keep up, so that targets are of both kinds:
    those that short runs cannot tell of, and those that any run can.
    """
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(cases):
        rate = round(float(np.exp(rng.uniform(np.log(1.6), np.log(63.0)))), 2)
        metric = str(rng.choice(list(TARGETS)))
        least = int(rate) + 1
        workers = least + int(rng.integers(0, 2 + least // 5))
        # Where one more than the fewest can do all, the fewest have no bound of their own.
        high = _by_theory(workers, rate, metric)
        low = _by_theory(workers + 1, rate, metric)
        target = float(f"{low + rng.uniform(0.1, 0.9) * (high - low):.3g}")
        jobs = int(rng.choice([1000, 4000, 20_000]))
        found.append(Case(rate, jobs, metric, max(target, 0.001), int(rng.integers(2**31))))
    return found


def check(cases: int) -> bool:
    """Print what was counted; return whether it is within what is promised."""
    few = many = late = 0
    spent = []
    for case in draw(cases):
        before = time.process_time()
        answer = case.answer()
        seconds = time.process_time() - before
        spent.append(seconds)
        truth = case.truth
        few += answer < truth
        many += answer > truth + 1
        late += seconds > SECONDS
        if not truth <= answer <= truth + 1 or seconds > SECONDS:
            print(f"  {case}: {answer} workers, Erlang C {truth}; {seconds:.1f} s", flush=True)
    print("| cases | too few | over one too many | CPU, median | CPU, longest | over 5 s |")
    print("|---|---|---|---|---|---|")
    print(
        f"| {cases} | {few} | {many} | {np.median(spent):.2f} s | {max(spent):.1f} s | {late} |",
        flush=True,
    )
    return few <= TOO_FEW * cases and many <= TOO_MANY * cases and not late


def _by_theory(workers: int, rate: float, metric: str) -> float:
    share = TARGETS[metric]
    if share is None:
        return mmc_wait_mean(workers, rate, 1.0)
    return mmc_wait_percentile(workers, rate, 1.0, share)


if __name__ == "__main__":
    sys.exit(not check(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
