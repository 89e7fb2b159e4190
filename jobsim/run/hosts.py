"""The verdict on a run that used several hosts, or lost calls of a process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from jobsim.proof.clocks import NO_CLOCK, HostClock, RoundTrip, judge_placed
from jobsim.proof.verdict_value import Outcome, Verdict


class RemoteHost(BaseModel):
    """A host with another clock, and what is known about that clock."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    actors: tuple[str, ...] = Field(description="Whose calls were stamped there.")
    drift: float = Field(description="Seconds a second by which its clock and ours may go apart.")
    trips: tuple[tuple[int, int, int], ...] = Field(
        description="Round trips that bind its offset: sent, its clock, back; nanoseconds."
    )

    def clock(self) -> HostClock:
        """Return its clock."""
        return HostClock([RoundTrip(*trip) for trip in self.trips], drift=self.drift)

    @property
    def uncertainty_ms(self) -> float:
        """How well the moments of its calls are known at best, by the best round trip."""
        return min(back - sent for sent, _, back in self.trips) / 2e6


def judge(
    calls: pd.DataFrame,
    hosts: Sequence[RemoteHost],
    lost: Sequence[str],
    check: Callable[[pd.DataFrame], Verdict],
) -> Verdict:
    """Return a verdict on the calls of a run that no clock and no lost call can make false.

    Parameters
    ----------
    calls
        At their likeliest moments on our clock.
    hosts
        The hosts with other clocks.
    lost
        Processes whose last calls are not known.
    check
        Judges a whole history.
    """
    if hosts:
        host, off = _uncertain(calls, hosts)
        verdict = judge_placed(calls, off, host, check)
    else:
        verdict = check(calls)
    # The proof of a violation needs all calls and bounds on their times. If a call may be missing
    # or a clock was set, there may be another explanation.
    doubts = [f"the last calls of {name} are lost with its host" for name in lost]
    doubts += [f"the clock of {host.name} was set" for host in hosts if host.drift >= NO_CLOCK]
    if verdict.outcome is not Outcome.VIOLATED or not doubts:
        return verdict
    sentence = f"{verdict.violations[0].sentence}; but {' and '.join(doubts)}, which may explain it"
    return replace(verdict, violations=(), counts={}, undecided=(*verdict.undecided, sentence))


def _uncertain(
    calls: pd.DataFrame, hosts: Sequence[RemoteHost]
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Return the host of each call, 0 for ours, and how far off its two moments may be."""
    actors = calls["actor"].cat
    host_of_actor = np.zeros(len(actors.categories), np.intp)
    for number, remote in enumerate(hosts, 1):
        host_of_actor[actors.categories.isin(remote.actors)] = number
    host = host_of_actor[actors.codes.to_numpy()]
    times = np.stack([calls["invoked_ns"].to_numpy(), calls["returned_ns"].to_numpy()])
    off = np.zeros_like(times)
    answered = calls["outcome"].to_numpy() != "pending"
    for number, remote in enumerate(hosts, 1):
        clock = remote.clock()
        for end, rows in enumerate((host == number, (host == number) & answered)):
            off[end, rows] = clock.uncertainty(times[end, rows])
    return host, off
