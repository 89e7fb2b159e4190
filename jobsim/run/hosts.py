"""The verdict on a run whose processes were on several hosts, or of which calls were lost."""

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
    """A host with a clock of its own, and what is known of that clock."""

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
    """Return the verdict on the calls of a run, which no clock and no lost call can falsify.

    Parameters
    ----------
    calls
        At their likeliest moments on our clock.
    hosts
        Those with other clocks.
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
    # A violation is proved by calls that are there; where one may be missing, or its moment is
    # nowhere near what is bounded, another explanation is left.
    doubts = [f"the last calls of {name} are lost with its host" for name in lost]
    doubts += [f"the clock of {host.name} was set" for host in hosts if host.drift >= NO_CLOCK]
    if verdict.outcome is not Outcome.VIOLATED or not doubts:
        return verdict
    sentence = f"{verdict.violations[0].sentence}; but {' and '.join(doubts)}, which may explain it"
    return replace(verdict, violations=(), counts={}, undecided=(*verdict.undecided, sentence))


def _uncertain(
    calls: pd.DataFrame, hosts: Sequence[RemoteHost]
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Return the host of each call, 0 for ours, and by how much its two moments may be off."""
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
