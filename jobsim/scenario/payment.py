"""How a job is paid for: delays, people who never pay, confirmations that get lost or repeated."""

from __future__ import annotations

import math
from itertools import accumulate

from pydantic import Field

from jobsim.scenario.distributions import Constant, Distribution
from jobsim.scenario.part import Part, PositiveSeconds, Probability


class Payment(Part):
    """How, when and how often a job is paid for.

    A confirmation comes after its `delay`, and twice with probability `duplicate`. Where delays
    differ, jobs are confirmed in another order than they were asked for. A lost delivery is sent
    again, so its job is only late; if the last one is lost too, the job waits for ever, like a
    job that nobody pays for.

    Attributes
    ----------
    delay
        Seconds from the arrival until the payment is confirmed; a `Sum` adds up stages.
    abandon
        Probability that a job is never paid; it then waits for ever.
    duplicate
        Probability that the confirmation of a paid job comes twice.
    lag
        Seconds from the confirmation to its duplicate; 0 makes the two race.
    lost
        Probability that one delivery of a confirmation is lost, each independently.
    resend
        Seconds from each lost delivery to the next one, as webhooks are retried; a job whose
        last delivery is lost too waits for ever.
    deadline
        Seconds from the arrival after which nobody pays any more: a job with a longer `delay`
        waits for ever. Deliveries that are sent again may come later, for the payment was in
        time. None sets no limit.

    Examples
    --------
    >>> payment = Payment(delay=Constant(value=2.0), lost=0.5, resend=(30.0,))
    >>> payment.confirmed, payment.confirmation_mean
    (0.75, 12.0)
    """

    delay: Distribution = Field(
        default=Constant(value=0.0),
        description="Seconds from the arrival until the payment is confirmed.",
    )
    abandon: Probability = Field(
        default=0.0, description="Probability that a job is never paid; it then waits for ever."
    )
    duplicate: Probability = Field(
        default=0.0, description="Probability that the confirmation of a paid job comes twice."
    )
    lag: Distribution = Field(
        default=Constant(value=0.0),
        description="Seconds from the confirmation to its duplicate; 0 makes the two race.",
    )
    lost: Probability = Field(
        default=0.0, description="Probability that one delivery of a confirmation is lost."
    )
    resend: tuple[PositiveSeconds, ...] = Field(
        default=(30.0, 60.0, 120.0, 240.0, 480.0),
        description="Seconds from each lost delivery to the next one; after the last: never.",
    )
    deadline: PositiveSeconds | None = Field(
        default=None,
        description="Seconds from the arrival after which nobody pays any more; none: no limit.",
    )

    @property
    def resend_waits(self) -> tuple[float, ...]:
        """Seconds by which 0, 1, 2, ... lost deliveries delay a confirmation."""
        return tuple(accumulate(self.resend, initial=0.0))

    @property
    def confirmed(self) -> float | None:
        """Probability that a job is ever confirmed; None with a deadline.

        The share of delays that a deadline cuts off has no closed form for every distribution.
        """
        if self.deadline is not None:
            return None
        return (1.0 - self.abandon) * (1.0 - self.lost ** len(self.resend_waits))

    @property
    def confirmation_mean(self) -> float:
        """Mean time from arrival to confirmation of the jobs that are confirmed, in seconds.

        It does not take a deadline into account.
        """
        return self.delay.mean + self._resend_moment(1)

    @property
    def confirmation_variance(self) -> float:
        """Variance of the same time, in seconds squared; losses do not depend on the delay."""
        return self.delay.variance + self._resend_moment(2) - self._resend_moment(1) ** 2

    def _resend_moment(self, power: int) -> float:
        # A truncated geometric distribution: given that some delivery arrives, the probability
        # of k losses before it is proportional to lost**k.
        weights = [self.lost**losses for losses in range(len(self.resend_waits))]
        moments = (w * s**power for w, s in zip(weights, self.resend_waits, strict=True))
        return math.fsum(moments) / math.fsum(weights)
