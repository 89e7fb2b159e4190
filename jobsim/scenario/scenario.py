"""The load on a job service, as a person describes it."""

from __future__ import annotations

import difflib
import itertools
import os
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from jobsim.display.text import rows_as_html
from jobsim.domain.exceptions import JobsimError
from jobsim.scenario import files
from jobsim.scenario.arrivals import Arrivals, Poisson
from jobsim.scenario.closed import Closed
from jobsim.scenario.distributions import Constant, Distribution, Exponential
from jobsim.scenario.outage import Outage
from jobsim.scenario.part import Count, Part, PositiveSeconds, Probability, Seconds
from jobsim.scenario.payment import Payment
from jobsim.scenario.reaper import Reaper
from jobsim.scenario.retry import Retry


class UnknownFieldError(JobsimError, ValueError):
    """A scenario has no field at this dotted path; use one of the choices.

    Parameters
    ----------
    path
        The dotted path that was asked for.
    choices
        Dotted paths that exist at the step that went wrong; at least one.
    """

    def __init__(self, path: str, choices: tuple[str, ...]) -> None:
        super().__init__(path, choices)
        self.path, self.choices = path, choices

    def __str__(self) -> str:
        # The choices replace the step that went wrong; the steps before it were right.
        above, _, _ = self.choices[0].rpartition(".")
        wrong = self.path.split(".")[self.choices[0].count(".")]
        names = [choice.rpartition(".")[2] for choice in self.choices]
        close = difflib.get_close_matches(wrong, names, n=1)
        hint = f"choose from {', '.join(self.choices)}"
        if close:
            hint = f"did you mean {'.'.join(filter(None, (above, close[0])))!r}?"
        return f"A scenario has no field {self.path!r}; {hint}"


class PartNotGivenError(JobsimError, ValueError):
    """A path leads into a part that this scenario does without; give the whole part first.

    Parameters
    ----------
    path
        The dotted path that was asked for.
    part
        The dotted path of the part.

    Examples
    --------
    >>> str(PartNotGivenError("reaper.timeout", "reaper"))
    "This scenario has no reaper, so no 'reaper.timeout'; give 'reaper' as a whole first"
    """

    def __init__(self, path: str, part: str) -> None:
        super().__init__(path, part)
        self.path, self.part = path, part

    def __str__(self) -> str:
        return (
            f"This scenario has no {self.part}, so no {self.path!r}; "
            f"give {self.part!r} as a whole first"
        )


class Work(Part):
    """What a worker does for one job.

    Attributes
    ----------
    service
        Service time in seconds.
    fail
        Probability that the work ends in FAILED, after its full time.
    crash
        Probability that the worker dies in the middle of it; the job then stays RUNNING until
        a reaper comes, or for ever.
    restart
        Seconds from its death until the worker is back.
    """

    service: Distribution = Field(
        default=Exponential(mean=1.0), description="Service time in seconds."
    )
    fail: Probability = Field(
        default=0.0,
        description="Probability that the work ends in FAILED, after its full time.",
    )
    crash: Probability = Field(
        default=0.0,
        description="Probability that the worker dies in the middle; the job stays RUNNING.",
    )
    restart: Distribution = Field(
        default=Constant(value=0.0),
        description="Seconds from its death until the worker is back.",
    )


class Scenario(Part):
    """A load on a job service: who asks, who pays, who works, and for how long.

    Frozen and hashable, so it may be shared between threads; change it with `replace`.

    Attributes
    ----------
    name
        What tables and charts call it.
    why
        One sentence: what is to be learned from it.
    jobs
        Number of jobs asked for; None leaves it to `duration`.
    duration
        Seconds after which no further job arrives; None leaves it to `jobs`. With both, whichever
        comes first ends the arrivals; with neither, a `Schedule` or a trace does.
    arrivals
        When jobs are asked for.
    payment
        How they are paid for.
    work
        What a worker does for one.
    workers
        Number of workers; each runs one job at a time.
    clients
        Number of threads that create jobs.
    pollers
        Number of threads that read jobs meanwhile.
    poll_interval
        Seconds between two reads of one poller; 0 reads as fast as it can.
    patience
        Seconds for which a client waits for the end of one attempt; None waits for ever. Then
        it asks again, if `retry` lets it, or leaves. The job that it leaves behind is served
        all the same: the lifecycle has no legal way out of the queue.
    retry
        When a client asks again; None never does.
    reaper
        What fails jobs that run too long; None lets them run.
    outages
        When some of the workers are gone.
    call_time
        Seconds that each repository call about a job takes. Only a run in which threads take turns
        uses this; None lets calls take no time there.
    seed
        Seed of every random choice.

    Examples
    --------
    >>> scenario = Scenario(jobs=100, arrivals=Poisson(rate=3.0), workers=4)
    >>> scenario.replace({"arrivals.rate": 2.0, "workers": 8}).offered_load
    2.0
    """

    name: str = Field(default="custom", description="What tables and charts call it.")
    why: str = Field(default="", description="One sentence: what is to be learned from it.")
    jobs: Annotated[Count, Field(le=2**31 - 1)] | None = Field(
        default=None, description="Number of jobs asked for; None leaves it to the duration."
    )
    duration: PositiveSeconds | None = Field(
        default=None,
        description="Seconds after which no further job arrives; None leaves it to the jobs.",
    )
    arrivals: Arrivals = Field(default=Poisson(rate=1.0), description="When jobs are asked for.")
    payment: Payment = Field(default=Payment(), description="How jobs are paid for.")
    work: Work = Field(default=Work(), description="What a worker does for one job.")
    workers: Count = Field(default=4, description="Number of workers; each runs one job at a time.")
    clients: Count = Field(default=1, description="Number of threads that create jobs.")
    pollers: Annotated[int, Field(strict=True, ge=0)] = Field(
        default=0, description="Number of threads that read jobs meanwhile."
    )
    poll_interval: Seconds = Field(
        default=1.0,
        description="Seconds between two reads of one poller; 0 reads as fast as it can.",
    )
    patience: Distribution | None = Field(
        default=None,
        description="Seconds for which a client waits for the end of one attempt; none: for ever.",
    )
    retry: Retry | None = Field(default=None, description="When a client asks again; none: never.")
    reaper: Reaper | None = Field(
        default=None, description="What fails jobs that run too long; none: they run on."
    )
    outages: tuple[Outage, ...] = Field(
        default=(), description="When some of the workers are gone."
    )
    call_time: Distribution | None = Field(
        default=None,
        description="Seconds that a repository call takes, where turns are taken; none: no time.",
    )
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**63)] = Field(
        default=0, description="Seed of every random choice."
    )

    @property
    def attempts(self) -> int:
        """How many attempts a request has at most."""
        return 1 if self.retry is None else self.retry.attempts

    @property
    def users(self) -> int | None:
        """How many users a closed loop has; None in an open loop."""
        return self.arrivals.users if isinstance(self.arrivals, Closed) else None

    @property
    def open_queue(self) -> bool:
        """Whether arrivals do not depend on earlier jobs, and the workers never leave.

        Then the formulas of queues apply, one more worker never makes anyone wait longer, and
        arrival rate and work alone decide whether the workers can keep up.

        Examples
        --------
        >>> Scenario(jobs=10).open_queue, Scenario(jobs=10, retry={"attempts": 2}).open_queue
        (True, False)
        """
        return not (
            isinstance(self.arrivals, Closed)
            or self.patience
            or self.retry
            or self.reaper
            or self.work.crash
            or self.outages
        )

    @property
    def has_feedback(self) -> bool:
        """Whether an engine must follow events in their order: anything but an open queue."""
        return not self.open_queue

    @property
    def offered_load(self) -> float | None:
        """Arrival rate of paid jobs times mean service time, in erlangs.

        None without a rate, and with a deadline for payments, see `Payment.confirmed`.
        """
        rate, confirmed = self.arrivals.mean_rate, self.payment.confirmed
        if rate is None or confirmed is None:
            return None
        return rate * confirmed * self.work.service.mean

    def replace(self, changes: Mapping[str, Any], /) -> Scenario:
        """Return a validated copy with some fields changed.

        Parameters
        ----------
        changes
            Dotted path to new value. A whole part may be given as a model or a dict; paths into
            it then mean the new part. Numpy scalars count as the numbers they hold.

        Raises
        ------
        UnknownFieldError
            If the scenario has no such field; its text suggests one.
        PartNotGivenError
            If the path leads into a part that is None; give the part first, or with it.
        pydantic.ValidationError
            If a value does not fit; a ValueError too.

        Examples
        --------
        >>> Scenario(jobs=10).replace({"work.service.mean": 2.5}).work.service.mean
        2.5
        """
        scenario = self
        # Whole parts go first, so that deeper paths find the new part.
        by_depth = sorted(changes, key=lambda path: path.count("."))
        for _, paths in itertools.groupby(by_depth, key=lambda path: path.count(".")):
            # Through plain data and back, so that every change is validated like a file.
            data = scenario.model_dump()
            for path in paths:
                _set(data, path, changes[path])
            scenario = type(self).model_validate(data)
        return scenario

    def describe(self) -> str:
        """Return the scenario in a few plain sentences, with units.

        Examples
        --------
        >>> print(Scenario(name="demo", jobs=2000).describe())
        demo
        2,000 jobs arrive at random (Poisson), 1 per second on average.
        Payment is confirmed at once.
        Work takes 1 s on average, exponentially distributed.
        4 workers, 1 client, no pollers; seed 0.
        Offered load 1 erlangs on 4 workers: utilisation 25 % per worker.
        """
        from jobsim.scenario.describe import describe

        return describe(self)

    def __repr__(self) -> str:
        from jobsim.scenario.code import as_code

        return as_code(self, cut=True)

    def __str__(self) -> str:
        return self.describe()

    def _repr_html_(self) -> str:
        from jobsim.scenario.describe import title_and_rows

        return rows_as_html(*title_and_rows(self))

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, limit_bytes: int | None = None) -> Scenario:
        """Read a scenario from a `.toml` or `.json` file; see `from_toml`.

        No more than `limit_bytes` is read, 1 GiB by default.
        """
        if limit_bytes is None:
            return files.load(path, cls)
        return files.load(path, cls, limit_bytes=limit_bytes)

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> Scenario:
        """Read a scenario from a TOML file.

        Raises
        ------
        jobsim.scenario.files.ScenarioFileError
            Naming the file, the field and the problem.
        """
        return files.from_toml(path, cls)

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> Scenario:
        """Read a scenario from a JSON file; raises as `from_toml` does."""
        return files.from_json(path, cls)

    def to_toml(self, path: str | os.PathLike[str]) -> None:
        """Write a TOML file that `from_toml` reads back as an equal scenario."""
        files.to_toml(self, path)

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write a JSON file that `from_json` reads back as an equal scenario."""
        files.to_json(self, path)


def _set(data: dict[str, Any], path: str, value: Any) -> None:
    """Put a value into nested dicts, at a dotted path that exists already."""
    *parents, last = path.split(".")
    inner: Any = data
    for depth, part in enumerate(parents):
        inner = _step(inner, part, path, parents[:depth])
    _step(inner, last, path, parents)
    inner[last] = value.model_dump() if isinstance(value, BaseModel) else value


def _step(inner: Any, part: str, path: str, above: list[str]) -> Any:
    if inner is None:
        raise PartNotGivenError(path, ".".join(above))
    if not isinstance(inner, dict):
        raise UnknownFieldError(path, (".".join(above),))
    if part not in inner:
        raise UnknownFieldError(path, tuple(".".join([*above, key]) for key in inner))
    return inner[part]
