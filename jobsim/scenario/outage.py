"""An outage: workers that are gone for a while."""

from __future__ import annotations

from pydantic import Field

from jobsim.display.text import format_number
from jobsim.scenario.part import Count, Part, PositiveSeconds, Seconds


class Outage(Part):
    """Some workers are gone for a while; what they were working on stays RUNNING.

    Attributes
    ----------
    at
        When they go, in seconds.
    duration
        How long they are gone, in seconds.
    workers
        How many: those with the lowest numbers.

    Examples
    --------
    >>> Outage(at=60.0, duration=30.0, workers=4).describe()
    '4 workers are gone from 60 s to 90 s.'
    """

    at: Seconds = Field(description="When they go, in seconds.")
    duration: PositiveSeconds = Field(description="How long they are gone, in seconds.")
    workers: Count = Field(description="How many: those with the lowest numbers.")

    def describe(self) -> str:
        """Return what happens in a sentence."""
        who = "1 worker is" if self.workers == 1 else f"{self.workers:,} workers are"
        begin, end = format_number(self.at), format_number(self.at + self.duration)
        return f"{who} gone from {begin} s to {end} s."
