"""How jobs flow: counts of transitions, jobs in each status, transitions per second.

Each function reads the `transitions` table of a run and changes nothing.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobsim.tables.schema import STATUS

CREATION = "(created)"
"""The row of `transition_matrix` that counts creations, which have no source."""

_DAY = 86_400.0
_ROUND_DURATIONS: tuple[float, ...] = (
    *(float(f"{digit}e{power}") for power in range(-6, 1) for digit in (1, 2, 5)),
    *(10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0),
    *(3600.0, 7200.0, 10_800.0, 21_600.0, 43_200.0),
    *(_DAY * float(f"{digit}e{power}") for power in range(7) for digit in (1, 2, 5)),
)


def transition_matrix(transitions: pd.DataFrame) -> pd.DataFrame:
    """Count the accepted transitions between each pair of statuses.

    Where a repository wrongly accepted a step twice, the source is where the job really was.

    Parameters
    ----------
    transitions
        The `transitions` table of a run.

    Returns
    -------
    DataFrame
        int64, 5 x 4: one row per source, creation first, and one column per target, both in
        lifecycle order. Pairs that never happened are 0.

    Examples
    --------
    >>> import pandas as pd
    >>> moves = pd.DataFrame({"time": [0.0, 1.0], "job": 0,
    ...                       "source": [None, "awaiting_payment"],
    ...                       "target": ["awaiting_payment", "running"]})
    >>> int(transition_matrix(moves).loc["awaiting_payment", "running"])
    1
    """
    names = list(STATUS.categories)
    source, target = _steps(transitions)
    # A missing source has code -1, so the pairs number from 0 with creation first.
    pair = (source + 1) * len(names) + target
    counts = np.bincount(pair, minlength=(len(names) + 1) * len(names))
    return pd.DataFrame(
        counts.reshape(len(names) + 1, len(names)),
        index=pd.Index([CREATION, *names], name="source"),
        columns=pd.Index(names, name="target"),
    )


def occupancy(transitions: pd.DataFrame) -> pd.DataFrame:
    """Count the jobs in each status over time.

    Where a repository wrongly accepted a step twice, the job leaves the status in which it really
    was, so no count falls below zero.

    Parameters
    ----------
    transitions
        The `transitions` table of a run.

    Returns
    -------
    DataFrame
        int32, one column per status in lifecycle order and one row per instant at which something
        changed, indexed by `time` (s, increasing). The counts hold from that instant until
        the next row.

    Examples
    --------
    >>> import pandas as pd
    >>> moves = pd.DataFrame({"time": [0.0, 0.0, 1.5], "job": [0, 1, 0],
    ...                       "source": [None, None, "awaiting_payment"],
    ...                       "target": ["awaiting_payment", "awaiting_payment", "running"]})
    >>> occupancy(moves)["running"].to_dict()
    {0.0: 0, 1.5: 1}
    """
    # Stable: steps at the same instant keep the order of the table.
    order = np.argsort(transitions["time"].to_numpy(), kind="stable")
    time = transitions["time"].to_numpy()[order]
    source, target = (codes[order] for codes in _steps(transitions))
    # Of several counts at one instant only the last is in force afterwards.
    last_of_ties = np.append(time[1:] != time[:-1], True)[: len(time)]
    columns = {}
    for code, name in enumerate(STATUS.categories):
        # int8 holds -1, 0 and 1; only the running sum needs more.
        change = (target == code).astype(np.int8) - (source == code).astype(np.int8)
        columns[name] = np.cumsum(change, dtype=np.int32)[last_of_ties]
    return pd.DataFrame(columns, index=pd.Index(time[last_of_ties], name="time"))


def throughput(transitions: pd.DataFrame, *, window: float | None = None) -> pd.DataFrame:
    """Count the transitions per second in windows of equal width.

    Parameters
    ----------
    transitions
        The `transitions` table of a run.
    window
        Width of a window in seconds; None takes `throughput_window`.

    Returns
    -------
    DataFrame
        float64, transitions per second into each status (one column each, in lifecycle
        order), indexed by the `start` of the window (s), a multiple of its width. A window
        includes its start but not its end. The last one may reach past the last transition,
        and its rate is then too low.

    Raises
    ------
    ValueError
        If `window` is not a positive number of seconds.

    Examples
    --------
    >>> import pandas as pd
    >>> moves = pd.DataFrame({"time": [0.0, 1.0, 9.0], "target": ["awaiting_payment"] * 3})
    >>> throughput(moves, window=5.0)["awaiting_payment"].to_dict()
    {0.0: 0.4, 5.0: 0.2}
    """
    time, target = transitions["time"].to_numpy(), _codes(transitions["target"])
    names = enumerate(STATUS.categories)
    return rates({name: time[target == code] for code, name in names}, window=window)


def rates(
    moments: Mapping[str, NDArray[np.float64]], *, window: float | None = None
) -> pd.DataFrame:
    """Count what happens per second in windows of equal width.

    Parameters
    ----------
    moments
        For each column the times, float64 seconds, at which something of its kind happened.
    window
        Width of a window in seconds; None takes a round one that makes 24 to 60 of them.

    Returns
    -------
    DataFrame
        float64, as `throughput` returns it, with the columns of `moments`.

    Raises
    ------
    ValueError
        If `window` is not a positive number of seconds.

    Examples
    --------
    >>> rates({"asked": np.array([0.0, 1.0]), "done": np.array([9.0])}, window=5.0)["done"].tolist()
    [0.0, 0.2]
    """
    if window is not None and not (math.isfinite(window) and window > 0):
        raise ValueError(f"window must be a positive number of seconds, not {window!r}")
    known = [times for times in moments.values() if len(times)]
    if not known:
        nowhere = pd.Index([], dtype="float64", name="start")
        return pd.DataFrame(columns=list(moments), index=nowhere, dtype="float64")
    earliest = min(float(times.min()) for times in known)
    latest = max(float(times.max()) for times in known)
    width = round_duration((latest - earliest) / 60) if window is None else window
    # One start more than needed: rounding may put the last moment into the next window.
    first, last = math.floor(earliest / width), math.floor(latest / width)
    starts = np.arange(first, last + 2) * width
    # Compared with the same starts that the index shows: a division would round differently.
    which = {
        name: np.searchsorted(starts, times, side="right") - 1 for name, times in moments.items()
    }
    length = 1 + max(int(places.max(initial=0)) for places in which.values())
    columns = {
        name: np.bincount(places, minlength=length) / width for name, places in which.items()
    }
    return pd.DataFrame(columns, index=pd.Index(starts[:length], name="start"))


def throughput_window(transitions: pd.DataFrame) -> float:
    """Return a round width in seconds that makes 24 to 60 windows of these transitions.

    One second where everything happened at the same instant.
    """
    time = transitions["time"].to_numpy()
    return round_duration(float(time.max() - time.min()) / 60) if len(time) else 1.0


def round_duration(at_least: float) -> float:
    """Return the shortest round duration that is not below `at_least`, in seconds.

    Round are 1, 2 and 5 times a power of ten up to 20 s, then 30 s, 1 min, 2 min, 5 min and so on
    to days. Zero gives one second, and beyond 5 million days it is 5 million days.

    Examples
    --------
    >>> round_duration(0.3), round_duration(45.0), round_duration(5000.0)
    (0.5, 60.0, 7200.0)
    """
    if at_least <= 0:
        return 1.0
    place = bisect.bisect_left(_ROUND_DURATIONS, at_least)
    return _ROUND_DURATIONS[min(place, len(_ROUND_DURATIONS) - 1)]


def _steps(transitions: pd.DataFrame) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Return the source and the target of each transition, as `_codes`.

    The table has the source that a step should have. In a correct run that is the job's last
    target, because no step is taken twice; only where one was, the source is looked up.
    """
    source, target = _codes(transitions["source"]), _codes(transitions["target"])
    job = transitions["job"].to_numpy()
    # A job ends once, in COMPLETED or in FAILED: three steps per job.
    step = 3 * job.astype(np.int64) + np.minimum(target, 2)
    taken = np.zeros(int(step.max(initial=-1)) + 1, dtype=np.bool_)
    taken[step] = True
    if np.count_nonzero(taken) == len(step):
        return source, target
    # Much slower, so only where a repository accepted a step twice.
    order = np.lexsort((transitions["time"].to_numpy(), job))
    again = job[order[1:]] == job[order[:-1]]
    source = np.full(len(target), -1, dtype=np.int64)
    source[order[1:]] = np.where(again, target[order[:-1]], -1)
    return source, target


def _codes(statuses: pd.Series) -> NDArray[np.integer]:
    """Return the statuses as numbers in lifecycle order, -1 where there is none."""
    return statuses.astype(STATUS).cat.codes.to_numpy(dtype=np.int64)
