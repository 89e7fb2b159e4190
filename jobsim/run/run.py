"""The result of an engine: a run with its tables, its workload, and how and where it ran."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from jobsim.display.text import Rows, Shown
from jobsim.domain.exceptions import JobsimError
from jobsim.figures.metrics import figures_of
from jobsim.figures.names import parse_figure, unit_of
from jobsim.figures.timekeeping import NO_SCHEDULE, NOT_THE_LOADS, Timekeeping, timekeeping
from jobsim.figures.window import window_of
from jobsim.files.claim import Claim
from jobsim.logs.source import TraceSource
from jobsim.proof.checks.all_checks import check_history
from jobsim.proof.verdict_value import Verdict
from jobsim.run.display import run_rows
from jobsim.run.hosts import judge
from jobsim.run.info import Ended, RunInfo, Unreturned
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import COLUMNS, Workload
from jobsim.tables.derive import transitions_from_jobs
from jobsim.tables.jobs_table import from_before
from jobsim.tables.last_word import lost_answers
from jobsim.tables.schema import (
    CALLS,
    FAULTS,
    FINAL,
    JOBS,
    OUTCOME,
    TRANSITIONS,
    require_columns,
    with_lost_dtypes,
)

_TABLES = {
    "jobs": JOBS,
    "transitions": TRANSITIONS,
    "calls": CALLS,
    "final": FINAL,
    "faults": FAULTS,
}


class Run(Shown):
    """One run of a workload: tidy tables, the workload itself, and how and where it ran.

    Immutable by convention: do not write to the tables. Everything derived from a run is a plain
    function of it; the methods here are shorthands.

    Attributes
    ----------
    workload
        The jobs that were run, with their scenario; enough to run them again.
    info
        How the run went and where.
    jobs
        One row per job, columns as in `jobsim.tables.schema.JOBS`.
    calls, final
        The recorded calls, and the final read of each job; None for a virtual run.
    faults
        The faults that were injected into the database; None without an injector.
    """

    def __init__(
        self,
        workload: Workload,
        info: RunInfo,
        jobs: pd.DataFrame,
        *,
        transitions: pd.DataFrame | None = None,
        calls: pd.DataFrame | None = None,
        final: pd.DataFrame | None = None,
        faults: pd.DataFrame | None = None,
    ) -> None:
        self.workload = workload
        self.info = info
        self.jobs = jobs
        self.calls = calls
        self.final = final
        self.faults = faults
        if transitions is not None:
            self.transitions = transitions

    @cached_property
    def transitions(self) -> pd.DataFrame:
        """One row per accepted transition, in time order; derived on first use."""
        scenario = self.workload.scenario
        return transitions_from_jobs(self.jobs, clients=scenario.clients, users=scenario.users)

    @property
    def ended(self) -> Ended:
        """How the run ended: complete, time_limit, interrupted, failed, deadlock or hang."""
        return self.info.ended

    @property
    def unreturned(self) -> tuple[Unreturned, ...]:
        """The threads that never returned from a repository call, with their stacks."""
        return self.info.unreturned

    def metrics(self, *also: str) -> dict[str, float]:
        """Return the key figures of this run by name, see `jobsim.figures.metrics`.

        Parameters
        ----------
        *also
            Names of further figures, such as ``wait_p90`` or ``wait_within_20s``.

        Raises
        ------
        UnknownFigureError
            If a name is not a figure, see `jobsim.figures.names.parse_figure`.
        """
        return figures_of(self.jobs, self.workload, also=also)

    @cached_property
    def timekeeping(self) -> Timekeeping:
        """How well the run kept to its schedule; virtual time always does."""
        return timekeeping(self.jobs, self.workload)

    @property
    def waits_are_true(self) -> bool:
        """Whether the waits of the run are those of its load, and not due to late threads.

        False for a run that ignored its schedule (an infinite speed-up).
        """
        info = self.info
        if info.jumps or not info.keeps_time:
            return info.jumps
        return self.timekeeping.kept

    @cached_property
    def lost_answers(self) -> int:
        """How many transitions happened in the repository although their answers were lost."""
        if self.calls is None:
            return 0
        return lost_answers(self.jobs, self.transitions)

    def summary(self, *also: str) -> pd.DataFrame:
        """Return the key figures as a table: one row per figure, with `value`, `unit` and `note`.

        `also` is as for `metrics`. There are two more: `lost_answers`, and `work_stretch`, the
        factor by which work took longer than scheduled. The note of a wait says if late threads
        distort it; the note of a rate names its time window.
        """
        figures = self.metrics(*also) | {
            "lost_answers": self.lost_answers,
            "work_stretch": self.timekeeping.stretch,
        }
        return pd.DataFrame(
            {
                "value": figures.values(),
                "unit": [unit_of(name) for name in figures],
                "note": [self._note(name) for name in figures],
            },
            index=pd.Index(figures, name="figure"),
        )

    def _note(self, name: str) -> str:
        """Return what a reader of this figure should know, or nothing."""
        if name in {"utilisation", "throughput", "goodput"}:
            return str(window_of(self.jobs, self.workload.scenario))
        timed = parse_figure(name).quantity in {"wait", "sojourn", "response"}
        if not timed or self.waits_are_true:
            return ""
        return NOT_THE_LOADS if self.info.keeps_time else NO_SCHEDULE

    def check(self) -> Verdict:
        """Prove or refute that the recorded history is linearizable and keeps its invariants.

        See `jobsim.proof.checks.all_checks.check_history`, and `jobsim.proof.clocks` for calls that
        were stamped on several hosts.

        Raises
        ------
        ValueError
            If the run has no calls, as in virtual time.
        """
        if self.calls is None:
            raise ValueError(
                "only a threaded run has calls to check; this one is virtual: `replay` puts its "
                "transitions to a repository"
            )
        check = partial(
            check_history,
            final=self.final,
            workers=self.workload.scenario.workers,
            count_before=self.info.count_before,
            jobs=self.jobs,
            crashed=np.flatnonzero(self.jobs["crashed"]),
            faults=self.faults,
            engine_texts=True,
        )
        verdict = judge(self.calls, self.info.hosts, self.info.lost, check)
        return replace(verdict, incomplete=self.info.incomplete)

    def save(self, folder: str | os.PathLike[str] | Claim) -> Path:
        """Write the run to a new folder, whole or not at all, and return the folder.

        Parameters
        ----------
        folder
            Its name, or a claim made before the run, see `jobsim.run.saved.claim_folder`: then the
            folder is certain to be available.

        Raises
        ------
        SavedRunError
            If the name is taken, or the folder cannot be written.
        """
        from jobsim.run.saved import claim_folder, write_folder

        workload = self.workload
        index = {
            "info": json.loads(self.info.model_dump_json()),
            "scenario": workload.scenario.model_dump(mode="json"),
            "source": None if workload.source is None else workload.source.model_dump(mode="json"),
            "workload_digest": workload.digest(),
        }
        tables = {
            "workload": pd.DataFrame(workload.arrays()),
            "jobs": self.jobs,
            "transitions": self.transitions,
            "calls": self.calls,
            "final": self.final,
            "faults": self.faults,
        }
        claim = folder if isinstance(folder, Claim) else claim_folder(folder)
        return write_folder(
            claim, index, {name: table for name, table in tables.items() if table is not None}
        )

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Run:
        """Read a run that `save` wrote. It includes its workload, so it can be run again.

        Raises
        ------
        SavedRunError
            If the folder is not a saved run, is damaged, was written in another format, or holds
            another workload than the one that was run.
        """
        from jobsim.run.saved import (
            COMPLETE_SINCE,
            INDEX,
            SIX_OUTCOMES_SINCE,
            SavedRunError,
            read_folder,
        )

        index, tables = read_folder(Path(folder))
        try:
            # Converted first: what is required below is the schema of today.
            if index["format"] < COMPLETE_SINCE:
                tables["jobs"] = from_before(tables["jobs"])
            if index["format"] < SIX_OUTCOMES_SINCE:
                for name in {"calls", "final"} & tables.keys():
                    tables[name] = tables[name].astype({"outcome": OUTCOME})
            for name, columns in _TABLES.items():
                if name in tables:
                    require_columns(f"{name}.parquet", tables[name], columns)
                    tables[name] = with_lost_dtypes(tables[name], columns)
            return cls(
                _workload(index, tables["workload"]),
                RunInfo.model_validate(index["info"]),
                tables["jobs"],
                transitions=tables["transitions"],
                calls=tables.get("calls"),
                final=tables.get("final"),
                faults=tables.get("faults"),
            )
        except KeyError as exc:
            raise SavedRunError(str(folder), f"{INDEX} is damaged: it has no {exc}") from exc
        except ValidationError as exc:
            error = exc.errors()[0]
            problem = f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
            raise SavedRunError(str(folder), f"{INDEX} is damaged: {problem}") from exc
        except (ValueError, TypeError) as exc:
            raise SavedRunError(str(folder), f"is damaged: {exc}") from exc

    def _display(self) -> tuple[str, Rows]:
        return run_rows(self)


def _workload(index: dict[str, Any], table: pd.DataFrame) -> Workload:
    """Rebuild a saved workload, and make sure that it is the one that was run."""
    source = index["source"]
    workload = Workload(
        scenario=Scenario.model_validate(index["scenario"]),
        **{name: table[name].to_numpy() for name in COLUMNS if name in table},
        source=None if source is None else TraceSource.model_validate(source),
    )
    # Each table has its own digest; this one covers the scenario in the index as well.
    if workload.digest() != index["workload_digest"]:
        raise ValueError("workload.parquet holds another workload than the one that was run")
    return workload


class RunFailed(JobsimError):  # noqa: N818 - says what happened, like a verdict
    """A run failed, and what it recorded is kept; the cause tells whose fault it was.

    The engine's, unless the repository ended a thread, by SystemExit for example, or could not be
    closed. Please report a fault of the engine together with its cause.

    Parameters
    ----------
    problem
        What went wrong.
    run
        What had been recorded by then.
    """

    def __init__(self, problem: str, run: Run) -> None:
        super().__init__(problem, run)
        self.problem, self.run = problem, run

    def __str__(self) -> str:
        return f"the run failed: {self.problem}; `.run` holds what was recorded"
