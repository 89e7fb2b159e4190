"""The reaper, which fails jobs that have been running for too long."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from jobsim.display.text import format_number
from jobsim.scenario.part import Part, PositiveSeconds, SignedSeconds


class Reaper(Part):
    """Fails jobs that have been RUNNING for too long; looks at multiples of `every`.

    It cannot tell a dead worker from a slow one. A slow worker finishes its job all the same, and
    its result is then refused.

    Attributes
    ----------
    timeout
        Seconds after which a job is failed.
    since
        From when they count: "running", from the start; "created", from the creation, whatever
        the status. Only RUNNING jobs can be failed: a job that starts after its timeout is failed
        at the next look.
    every
        Seconds from one look to the next.
    skew
        Seconds by which the reaper's clock is ahead of the workers': jobs look that much older.

    Examples
    --------
    >>> Reaper(timeout=30.0, every=10.0).describe()
    'A reaper looks every 10 s and fails what has been running for 30 s.'
    """

    timeout: PositiveSeconds = Field(description="Seconds after which a job is failed.")
    since: Literal["running", "created"] = Field(
        default="running", description="From when the timeout counts: from the start, or creation."
    )
    every: PositiveSeconds = Field(default=1.0, description="Seconds from one look to the next.")
    skew: SignedSeconds = Field(
        default=0.0, description="Seconds by which its clock is ahead of the workers'."
    )

    @model_validator(mode="after")
    def _sees_an_age(self) -> Self:
        if self.skew >= self.timeout:
            raise ValueError(
                f"skew = {self.skew} is not below timeout = {self.timeout}: the reaper would "
                "fail every job at once"
            )
        return self

    def describe(self) -> str:
        """Return the rule in a sentence."""
        timeout = f"{format_number(self.timeout)} s"
        what = f"has been running for {timeout}"
        if self.since == "created":
            what = f"runs and was created {timeout} ago or earlier"
        sentence = f"A reaper looks every {format_number(self.every)} s and fails what {what}"
        if self.skew:
            way = "ahead" if self.skew > 0 else "behind"
            sentence += f"; its clock is {format_number(abs(self.skew))} s {way}"
        return f"{sentence}."
