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

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.proof.verdict_value import Outcome, Verdict

DRIFT = 200e-6
"""Seconds that a clock may gain or lose in a second, at most; quartz keeps to a quarter of it."""


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

    def __init__(self, trips: list[RoundTrip], *, drift: float = DRIFT) -> None:
        if not trips:
            raise ValueError("no round trip tells anything of that host's clock; make one")
        self._there = np.array([trip.there for trip in trips], np.int64)
        self._low = self._there - np.array([trip.back for trip in trips], np.int64)
        self._high = self._there - np.array([trip.sent for trip in trips], np.int64)
        self.drift = drift
        low, high = self.offsets(self._there)
        if (low > high).any():
            raise ValueError(
                f"the clock goes apart from ours by more than {drift * 1e6:g} ppm: no offset "
                "explains all round trips; give a larger bound on the drift"
            )

    def offsets(self, stamps: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the least and the largest offset of the clock at its own stamps."""
        low = np.full(len(stamps), np.iinfo(np.int64).min)
        high = np.full(len(stamps), np.iinfo(np.int64).max)
        # Every round trip bounds the offset at every moment, the less the further away it is.
        for at, least, most in zip(self._there, self._low, self._high, strict=True):
            apart = np.ceil(np.abs(stamps - at) * self.drift).astype(np.int64)
            np.maximum(low, least - apart, out=low)
            np.minimum(high, most + apart, out=high)
        return low, high

    def place(self, stamps: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the moments of stamps on our clock, and by how much they may be off.

        The half nanosecond that is lost by halving is added to the uncertainty.
        """
        low, high = self.offsets(stamps)
        offset = (low + high) // 2
        return stamps - offset, np.maximum(high - offset, offset - low)


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
    verdict: Verdict | None = None
    for number in np.unique(host):
        verdict = check(_widened(middle, off, host, int(number)))
        if verdict.outcome is Outcome.VIOLATED:
            return verdict
    doubt = check(middle)
    if verdict is None or doubt.outcome is not Outcome.VIOLATED:
        return doubt if verdict is None else verdict
    first = doubt.violations[0]
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
