"""How and where a run was made: everything about it except its tables."""

from __future__ import annotations

import math
import os
import platform
import sys
from datetime import datetime
from functools import cache
from importlib.metadata import version
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from jobsim.proof.verdict_value import replaced_threads
from jobsim.run.hosts import RemoteHost

Ended = Literal["complete", "time_limit", "interrupted", "failed", "deadlock", "hang"]


class Unreturned(BaseModel):
    """A thread that was still inside a repository call after the end of the run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    actor: str
    stack: str = Field(description="Where it was, as Python prints a traceback.")


class Platform(BaseModel):
    """The platform and the library versions of a run."""

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
    """Everything about a run except its workload and its tables."""

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
    lost: tuple[str, ...] = Field(
        default=(), description="Those of them whose last calls are not known."
    )
    hosts: tuple[RemoteHost, ...] = Field(
        default=(), description="Hosts with clocks of their own, from which calls were stamped."
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
        """How scenario time passed, in a few words."""
        if self.schedule is not None:
            return "fair turns" if self.schedule == "fair" else f"turns from seed {self.schedule}"
        return "no waiting" if math.isinf(self.speedup) else f"speed-up {self.speedup:,.4g}"

    @property
    def incomplete(self) -> tuple[str, ...]:
        """Why the run proves nothing about its threads, one phrase each; empty if it may.

        Its threads were not Python's, a process died, or not every turn was controlled.
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
