"""A verdict on calls of several hosts whose clocks are known up to an uncertainty.

**What is known.** A round trip that left us at s, was answered at c on the other host's clock, and
came back at r, says that the other clock showed c at some moment in [s, r] of ours: its offset
lies in [c - r, c - s]. Between round trips a clock drifts, by `drift` seconds a second at most. So
every stamp t of a host has a moment on our clock that lies in ``midpoint(t) +- uncertainty(t)``,
whatever the network did, as long as the bound on the drift holds (F. Cristian, "Probabilistic
clock synchronization", Distributed Computing 3 (1989)).

**Why widening is right.** A call that is known to lie in [i, r] up to u lies in [i - u, r + u] in
truth. A linearization of the true history keeps to those wider intervals, so if the widened history
has none, the true one has none either: such a verdict of VIOLATED is no clock's doing.

**Why each host is judged on its own clock as well.** Widening calls of one host against each other
hides races inside that host, whose order is known exactly. That host's clock only ever goes
forward, so its stamps are a monotone image of time, and so are their midpoints on our clock, for
the offset changes by less than a second a second. Whether a history can be linearized does not
change under a monotone map of its times. On the axis of host h its own calls are therefore exact,
and a call of another host, which lies in [i - u, r + u] of our time, lies in [i - u - v, r + u + v]
of that axis, where v is the largest uncertainty of h. One judgement a host, each of all calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.proof.verdict_value import Outcome, Verdict

DRIFT = 200e-6
"""Seconds that a clock may gain or lose in a second, at most; quartz keeps to a quarter of it."""

NO_CLOCK = 0.1
"""A drift that no clock has: it was set."""

_ROUNDING_NS = 1e-3
"""How far floats may be off: a day of drift is less than 1e14 ns."""


@dataclass(frozen=True)
class RoundTrip:
    """A question to another host: when it was asked and answered here, and its clock between.

    All in nanoseconds, `there` of that host's clock.
    """

    sent: int
    there: int
    back: int


class HostClock:
    """What is known of one host's clock from round trips.

    Parameters
    ----------
    trips
        At least one; best some before, during and after what is to be placed.
    drift
        Seconds a second by which this clock and that may go apart.

    Raises
    ------
    ValueError
        If there is no round trip, or no offset explains all of them within the drift.

    Examples
    --------
    >>> clock = HostClock([RoundTrip(sent=1_000, there=501_100, back=1_400)])
    >>> moment, uncertainty = clock.place(np.array([501_100]))
    >>> int(moment[0]), int(uncertainty[0])
    (1200, 200)
    """

    def __init__(self, trips: Sequence[RoundTrip], *, drift: float = DRIFT) -> None:
        if not trips:
            raise ValueError("no round trip says anything about that host's clock; make one")
        self.drift = drift
        trips = sorted(trips, key=lambda trip: trip.there)
        there = np.array([trip.there for trip in trips], np.int64)
        low = there - np.array([trip.back for trip in trips], np.int64)
        high = there - np.array([trip.sent for trip in trips], np.int64)
        # Relative to the first trip, for stamps of a host that was started long ago, or their
        # differences, are more nanoseconds than a float holds exactly.
        self._there, self._zero = there, int(low[0])
        self._low = _tightest(there - there[0], low - self._zero, drift)
        self._high = -_tightest(there - there[0], self._zero - high, drift)
        if (self._low > self._high + _ROUNDING_NS).any():
            raise ValueError(
                f"the clock drifts from ours by more than {drift * 1e6:g} ppm: no offset "
                "explains all round trips; give a larger bound on the drift"
            )
        binding = self._low <= low - self._zero + _ROUNDING_NS
        binding |= self._high >= high - self._zero - _ROUNDING_NS
        self.trips = tuple(trip for trip, says in zip(trips, binding, strict=True) if says)

    @classmethod
    def fitting(cls, trips: Sequence[RoundTrip], *, drift: float = DRIFT) -> HostClock:
        """Return the clock with the least bound on the drift that explains all round trips.

        That is `drift`, doubled as often as it takes. From `NO_CLOCK` on the clock was set while
        they were made, or stood still; of that the first trip tells nothing, and stands alone.

        Raises
        ------
        ValueError
            If there is no round trip.
        """
        while drift < NO_CLOCK:
            try:
                return cls(trips, drift=drift)
            except ValueError:
                drift *= 2
        return cls(trips[:1], drift=NO_CLOCK)

    def offsets(self, stamps: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the least and the largest offset of the clock at its own stamps."""
        # Between two round trips these two decide: what the others say has been put into them.
        after = np.clip(np.searchsorted(self._there, stamps), 1, len(self._there)) - 1
        low = np.full(len(stamps), -np.inf)
        high = np.full(len(stamps), np.inf)
        for at in (after, np.minimum(after + 1, len(self._there) - 1)):
            apart = np.abs(stamps - self._there[at]) * self.drift
            np.maximum(low, self._low[at] - apart, out=low)
            np.minimum(high, self._high[at] + apart, out=high)
        return (
            np.floor(low).astype(np.int64) + self._zero,
            np.ceil(high).astype(np.int64) + self._zero,
        )

    def place(self, stamps: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the moments of stamps on our clock, and by how much they may be off.

        The half nanosecond that is lost by halving is added to the uncertainty.
        """
        low, high = self.offsets(stamps)
        offset = (low + high) // 2
        return stamps - offset, np.maximum(high - offset, offset - low)

    def uncertainty(self, moments: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return by how much stamps that were placed at these moments may be off.

        The offset at a stamp is wanted to find the stamp. Each round comes nearer by the factor of
        the drift, and ends when what is left changes the bounds by less than a nanosecond.
        """
        stamps = moments + self._zero
        while True:
            low, high = self.offsets(stamps)
            offset = (low + high) // 2
            step = np.abs(moments + offset - stamps).max(initial=0)
            stamps = moments + offset
            if step * self.drift < 1:
                break
        uncertainty: NDArray[np.int64] = np.maximum(high - offset, offset - low)
        return uncertainty


def _tightest(
    at: NDArray[np.int64], bounds: NDArray[np.int64], drift: float
) -> NDArray[np.float64]:
    """Return the largest lower bound at each moment, with what every other one says of it.

    One at t bounds the offset at t' by `drift` times their distance less. So of those before it
    is the largest of ``bound + drift * t``, less ``drift * t'``; and so for those after.
    """
    drifted = at * drift
    before = np.maximum.accumulate(bounds + drifted) - drifted
    after = np.maximum.accumulate((bounds - drifted)[::-1])[::-1] + drifted
    tightest: NDArray[np.float64] = np.maximum(bounds, np.maximum(before, after))
    return tightest


def judge_hosts(
    calls: pd.DataFrame,
    host: NDArray[np.integer],
    clocks: Mapping[int, HostClock],
    check: Callable[[pd.DataFrame], Verdict],
) -> Verdict:
    """Return the verdict on the calls of several hosts.

    VIOLATED if any judgement that no clock can falsify is. OK if these and the midpoint history
    hold. UNKNOWN if only the midpoint history breaks, with the pair of calls and the uncertainty
    that decides. As many judgements as hosts, and one more: linear in the calls.

    Parameters
    ----------
    calls
        As in `jobsim.tables.schema.CALLS`, each with the stamps of its own host.
    host
        int, which host each call is of.
    clocks
        What is known of each host's clock; one that is missing is ours.
    check
        Judges a whole history, such as `check_history` with its options.
    """
    middle, off = placed(calls, host, clocks)
    return judge_placed(middle, off, host, check)


def judge_placed(
    middle: pd.DataFrame,
    off: NDArray[np.int64],
    host: NDArray[np.integer],
    check: Callable[[pd.DataFrame], Verdict],
) -> Verdict:
    """Return the verdict on calls that are placed on our clock, as `judge_hosts` does.

    Parameters
    ----------
    middle, off
        As `placed` returns them.
    host, check
        As for `judge_hosts`.
    """
    likely = check(middle)
    verdict = likely
    for number in np.unique(host):
        verdict = check(_widened(middle, off, host, int(number)))
        if verdict.outcome is Outcome.VIOLATED:
            break
    # Calls that were widened meet more often than they did.
    verdict = replace(verdict, overlapping=likely.overlapping, untried=likely.untried)
    if verdict.outcome is Outcome.VIOLATED or likely.outcome is not Outcome.VIOLATED:
        return verdict
    first = likely.violations[0]
    rows = [call.row for call in first.calls if call.row >= 0]
    uncertain = max((int(off[:, row].max()) for row in rows), default=0)
    sentence = (
        f"{first.sentence}; but the clocks of the hosts are known to within "
        f"{uncertain / 1e6:.3f} ms only, which leaves the order of these calls open"
    )
    return replace(verdict, undecided=(*verdict.undecided, sentence))


def placed(
    calls: pd.DataFrame, host: NDArray[np.integer], clocks: Mapping[int, HostClock]
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Return the calls at their midpoints on our clock, and by how much each may be off.

    The second is (2, calls), nanoseconds, of invocation and return.
    """
    times = np.stack([calls["invoked_ns"].to_numpy(), calls["returned_ns"].to_numpy()])
    off = np.zeros_like(times)
    answered = calls["outcome"].to_numpy() != "pending"
    for number, clock in clocks.items():
        for end, rows in enumerate((host == number, (host == number) & answered)):
            times[end, rows], off[end, rows] = clock.place(times[end, rows])
    # Rounding may put a return that came at once a nanosecond before its invocation.
    times[1, answered] = np.maximum(times[1, answered], times[0, answered])
    return calls.assign(invoked_ns=times[0], returned_ns=times[1]), off


def _widened(
    middle: pd.DataFrame, off: NDArray[np.int64], host: NDArray[np.integer], exact: int
) -> pd.DataFrame:
    """Return the history on the axis of one host: its calls exact, all others widened."""
    mine = host == exact
    wide = np.where(mine, 0, off + off[:, mine].max(initial=0))
    wide[1, middle["outcome"].to_numpy() == "pending"] = 0
    return middle.assign(
        invoked_ns=middle["invoked_ns"] - wide[0], returned_ns=middle["returned_ns"] + wide[1]
    )
