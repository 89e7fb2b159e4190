"""How often a client asks again, and how the backoff before each retry grows."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from jobsim.display.text import format_given_share, format_number
from jobsim.scenario.part import Count, Part, Probability, Seconds


class Retry(Part):
    """A client asks again, as a new job, when an attempt fails or its patience runs out.

    Before attempt k it waits ``min(cap, base * factor ** (k - 2))`` seconds, less the random
    share that jitter takes away (Brooker, Exponential Backoff And Jitter, 2015). Nobody asks
    again once any attempt of the request was COMPLETED.

    A retry budget is a bucket of tokens that all clients share: it begins full, each request
    adds `budget` of a token, each retry takes a whole one, and without one the client leaves.

    Attributes
    ----------
    attempts
        How many attempts a request has at most, the first one included.
    base
        Seconds before the first retry.
    factor
        What each further wait is multiplied by; 1 makes the backoff constant.
    cap
        The longest wait, in seconds.
    jitter
        Largest share of the wait that chance takes away: 0 none, 1 all of it ("full jitter").
    budget
        Retries per request in the long run, at most; None sets no limit.
    burst
        How many retries the bucket can hold.

    Examples
    --------
    >>> Retry(attempts=5, base=1.0, cap=5.0).waits()
    (1.0, 2.0, 4.0, 5.0)
    """

    attempts: Annotated[Count, Field(le=100)] = Field(
        default=3, description="Attempts of a request at most, the first one included."
    )
    base: Seconds = Field(default=1.0, description="Seconds before the first retry.")
    factor: Annotated[float, Field(strict=True, ge=1)] = Field(
        default=2.0, description="What each further wait is multiplied by; 1 is constant."
    )
    cap: Seconds = Field(default=60.0, description="Longest wait, in seconds.")
    jitter: Probability = Field(
        default=0.0, description="Largest share of a wait that chance takes away."
    )
    budget: Probability | None = Field(
        default=None, description="Retries per request in the long run, at most; none: no limit."
    )
    burst: Count = Field(default=10, description="Retries that the budget's bucket can hold.")

    def waits(self) -> tuple[float, ...]:
        """Return the wait before each retry, in seconds, before jitter."""
        waits = []
        wait = min(self.base, self.cap)
        for _ in range(self.attempts - 1):
            waits.append(wait)
            # Multiplied step by step, and never past the cap: no power can overflow.
            wait = min(wait * self.factor, self.cap)
        return tuple(waits)

    def describe(self) -> str:
        """Return the rule in a sentence."""
        waits = self.waits()
        if not waits:
            return "Nobody asks again."
        # The waits never get shorter, so the first and the last one are the bounds.
        wait = f"{format_number(waits[-1])} s"
        if waits[0] != waits[-1]:
            wait = f"{format_number(waits[0])} to {wait}"
        times = "once" if self.attempts == 2 else f"up to {self.attempts - 1} times"
        sentence = f"A failed job is asked for again {times}, after {wait}"
        if self.jitter:
            sentence += f" less a random share of up to {format_given_share(self.jitter)}"
        if self.budget is not None:
            sentence += (
                f", while a budget of {format_given_share(self.budget)} of all requests lasts"
            )
        return f"{sentence}."
