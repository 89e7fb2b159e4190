"""What an engine returns: the tables, the workload, and where it ran."""

from __future__ import annotations

import json
import math
import os
import platform
import sys
from dataclasses import replace
from datetime import datetime
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jobsim.display.text import Rows, rows_as_html, rows_as_text
from jobsim.domain.exceptions import JobsimError
from jobsim.figures.metrics import figures_of
from jobsim.figures.names import parse_figure, unit_of
from jobsim.figures.timekeeping import NO_SCHEDULE, NOT_THE_LOADS, Timekeeping, timekeeping
from jobsim.figures.window import window_of
from jobsim.files.claim import Claim
from jobsim.logs.source import TraceSource
from jobsim.proof.checks.all_checks import check_history
from jobsim.proof.verdict_value import Verdict, replaced_threads
from jobsim.run.display import run_rows
from jobsim.scenario.scenario import Scenario
from jobsim.scenario.workload import COLUMNS, Workload
from jobsim.tables.derive import transitions_from_jobs
from jobsim.tables.jobs_table import from_before
from jobsim.tables.last_word import lost_answers
from jobsim.tables.schema import CALLS, FAULTS, FINAL, JOBS, OUTCOME, TRANSITIONS, require_columns

Ended = Literal["complete", "time_limit", "interrupted", "failed", "deadlock", "hang"]

_TABLES = {
    "jobs": JOBS,
    "transitions": TRANSITIONS,
    "calls": CALLS,
    "final": FINAL,
    "faults": FAULTS,
}


class Unreturned(BaseModel):
    """A thread that was still inside a repository call after the end of the run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    actor: str
    stack: str = Field(description="Where it was, as Python prints a traceback.")


class Platform(BaseModel):
    """Where and with what a run was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    python: str
    implementation: str
    system: str
    machine: str
    cpu_count: int
    gil: bool = Field(description="Whether the global interpreter lock was on.")
    versions: dict[str, str] = Field(description="jobsim and the libraries that shape results.")

    @classmethod
    @cache  # reading the versions takes longer than ten thousand jobs in virtual time
    def here(cls) -> Platform:
        """Describe this process."""
        gil_enabled = getattr(sys, "_is_gil_enabled", lambda: True)
        libraries = ("jobsim-toolkit", "numpy", "pandas", "pydantic")
        return cls(
            python=platform.python_version(),
            implementation=platform.python_implementation(),
            system=platform.system(),
            machine=platform.machine(),
            cpu_count=os.cpu_count() or 1,
            gil=gil_enabled(),
            versions={name: version(name) for name in libraries},
        )


class RunInfo(BaseModel):
    """What is worth knowing of a run besides its tables."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    engine: Literal["threads", "virtual"]
    ended: Ended = "complete"
    speedup: float = Field(description="Scenario seconds per wall second; infinite: no waiting.")
    started_at: datetime
    wall_seconds: float
    zero_ns: int = Field(default=0, description="The start of the run on the clock of `calls`.")
    repository: str = Field(default="", description="The repository's class.")
    perturbed: bool = Field(
        default=False, description="Whether threads were switched at random inside its code."
    )
    schedule: int | Literal["fair"] | None = Field(
        default=None,
        description='Who took turns: "fair", the seed of a random schedule, or the system.',
    )
    points: int = Field(default=0, description="Turns offered in the repository's own code.")
    outside: tuple[str, ...] = Field(
        default=(),
        description="Threads that blocked where control does not reach, and where.",
    )
    deadlock: str = Field(default="", description="Who held what and waited for what, in the end.")
    count_before: int | None = Field(default=None, description="`count()` before the first job.")
    unreturned: tuple[Unreturned, ...] = ()
    threads_of: str = Field(
        default="", description="The library that had replaced Python's threads, if one had."
    )
    processes: int = Field(default=1, description="How many processes the actors were spread over.")
    died: tuple[str, ...] = Field(
        default=(), description="Processes that ended in the middle of the run."
    )
    platform: Platform = Field(default_factory=Platform.here)

    @property
    def jumps(self) -> bool:
        """Whether time jumps from event to event, so that nobody can be late."""
        return self.engine == "virtual" or self.schedule is not None

    @property
    def keeps_time(self) -> bool:
        """Whether the run kept to its schedule, so that its waits can be those of the load."""
        return self.jumps or math.isfinite(self.speedup)

    @property
    def pace(self) -> str:
        """How scenario time went by, in a few words."""
        if self.schedule is not None:
            return "fair turns" if self.schedule == "fair" else f"turns from seed {self.schedule}"
        return "no waiting" if math.isinf(self.speedup) else f"speed-up {self.speedup:,.4g}"

    @property
    def incomplete(self) -> tuple[str, ...]:
        """Why the run is no proof of what it says of its threads, one phrase each.

        Turns that were to be controlled and were not all, or threads that are not Python's.
        """
        found = [replaced_threads(self.threads_of)] if self.threads_of else []
        found += self.died
        if self.schedule is None:
            return tuple(found)
        if not self.points:
            found.append("no turn was taken inside the repository's own code")
        if self.outside:
            found.append(f"a thread blocked where turns are not taken: {self.outside[0]}")
        return tuple(found)


class Run:
    """One run of a workload: tidy tables, the workload itself, and where it ran.

    Immutable by convention: the tables are not to be written to. Everything that can be
    said of a run is a plain function of it; the methods here are shorthands.

    Attributes
    ----------
    workload
        The jobs that were run, with their scenario; enough to run them again.
    info
        How the run went and where.
    jobs
        One row per job, columns as in `jobsim.tables.schema.JOBS`.
    calls, final
        The recorded calls and the last look at each job; None for a virtual run.
    faults
        What was done to the database meanwhile; None if nothing could be.
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
        """One row per accepted transition, in time order; derived when first asked for."""
        scenario = self.workload.scenario
        return transitions_from_jobs(self.jobs, clients=scenario.clients, users=scenario.users)

    @property
    def ended(self) -> Ended:
        """How the run ended: complete, time_limit, interrupted, failed, deadlock or hang."""
        return self.info.ended

    @property
    def unreturned(self) -> tuple[Unreturned, ...]:
        """The threads that never came back from a repository call, with their stacks."""
        return self.info.unreturned

    def metrics(self, *also: str) -> dict[str, float]:
        """Return the key figures of this run by name, see `jobsim.figures.metrics`.

        Parameters
        ----------
        *also
            Names of further ones, such as ``wait_p90`` or ``wait_within_20s``.

        Raises
        ------
        UnknownFigureError
            If a name is none, see `jobsim.figures.names.parse_figure`.
        """
        return figures_of(self.jobs, self.workload, also=also)

    @cached_property
    def timekeeping(self) -> Timekeeping:
        """How well the run kept the time of its load; virtual time always does."""
        return timekeeping(self.jobs, self.workload)

    @property
    def waits_are_true(self) -> bool:
        """Whether the waits of the run are those of its load, and not of late threads.

        Of a run that ignored the schedule (an infinite speed-up) they are not.
        """
        info = self.info
        if info.jumps or not info.keeps_time:
            return info.jumps
        return self.timekeeping.kept

    @cached_property
    def lost_answers(self) -> int:
        """How many transitions happened in the repository of which no answer came."""
        if self.calls is None:
            return 0
        return lost_answers(self.jobs, self.transitions)

    def summary(self, *also: str) -> pd.DataFrame:
        """Return the key figures as a table: one row a figure, `value`, `unit` and `note`.

        `also` is as for `metrics`. Besides them there are `lost_answers` and `work_stretch`, how
        many times as long as asked for the work took. `note` says of waits that they are not
        those of the load, where the threads ran late, and of rates over which time they are.
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
        """Return what a reader of a figure has to know, or nothing."""
        if name in {"utilisation", "throughput", "goodput"}:
            return str(window_of(self.jobs, self.workload.scenario))
        timed = parse_figure(name).quantity in {"wait", "sojourn", "response"}
        if not timed or self.waits_are_true:
            return ""
        return NOT_THE_LOADS if self.info.keeps_time else NO_SCHEDULE

    def check(self) -> Verdict:
        """Prove or refute that the recorded history is linearizable and keeps its invariants.

        See `jobsim.proof.checks.all_checks.check_history`.

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
        verdict = check_history(
            self.calls,
            self.final,
            workers=self.workload.scenario.workers,
            count_before=self.info.count_before,
            jobs=self.jobs,
            crashed=np.flatnonzero(self.jobs["crashed"]),
            faults=self.faults,
            engine_texts=True,
        )
        return replace(verdict, incomplete=self.info.incomplete)

    def save(self, folder: str | os.PathLike[str] | Claim) -> Path:
        """Write the run to a new folder, whole or not at all, and return the folder.

        Parameters
        ----------
        folder
            Its name; or the claim on it, see `jobsim.run.saved.claim_folder`, for a run that is
            to be sure of its folder before it begins.

        Raises
        ------
        SavedRunError
            If something of that name already exists, or it cannot be written.
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
        """Read a run that `save` wrote; it holds its workload, so it can be run again.

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
            if index["format"] < COMPLETE_SINCE:
                tables["jobs"] = from_before(tables["jobs"])
            if index["format"] < SIX_OUTCOMES_SINCE:
                for name in {"calls", "final"} & tables.keys():
                    tables[name] = tables[name].astype({"outcome": OUTCOME})
            for name, columns in _TABLES.items():
                if name in tables:
                    require_columns(f"{name}.parquet", tables[name], columns)
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

    def __repr__(self) -> str:
        return rows_as_text(*self._display())

    def _repr_html_(self) -> str:
        return rows_as_html(*self._display())

    def _display(self) -> tuple[str, Rows]:
        return run_rows(self)


def _workload(index: dict[str, Any], table: pd.DataFrame) -> Workload:
    """Put a saved workload together, and make sure that it is the one that was run."""
    source = index["source"]
    workload = Workload(
        scenario=Scenario.model_validate(index["scenario"]),
        **{name: table[name].to_numpy() for name in COLUMNS if name in table},
        source=None if source is None else TraceSource.model_validate(source),
    )
    # The tables have their digests; this one ties the scenario in the index to them.
    if workload.digest() != index["workload_digest"]:
        raise ValueError("workload.parquet holds another workload than the one that was run")
    return workload


class RunFailed(JobsimError):  # noqa: N818 - says what happened, like a verdict
    """The engine itself is at fault, not the repository; please report it with its cause.

    Parameters
    ----------
    problem
        What went wrong.
    run
        What was recorded until then.
    """

    def __init__(self, problem: str, run: Run) -> None:
        super().__init__(problem, run)
        self.problem, self.run = problem, run

    def __str__(self) -> str:
        return f"the engine failed: {self.problem}; `.run` holds what was recorded"
