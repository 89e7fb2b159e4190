"""What a call says about its job, looked up in tables for all calls at once.

A job takes its steps in one order: 0 creation, 1 RUNNING, 2 COMPLETED or FAILED. A call can

- bound a step from below (`LOWER`): the step was not over before the call was invoked;
- bound a state from above (`UPPER`): the state had been written when the call returned;
- be the writer of a state (`WRITES`), or possibly be it (`MAY_WRITE`);
- be a refusal that does not name the state it saw (`HIDES`);
- be an answer that no state explains (`FAULT`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jobsim.domain.codes import (
    AWAITING,
    COMPLETED,
    CREATE,
    ERROR,
    FAILED,
    GET,
    ILLEGAL,
    NO_EFFECT,
    NOT_FOUND,
    OK,
    OPERATIONS,
    OUTCOMES,
    PENDING,
    RUNNING,
    STATUSES,
    UPDATE,
)
from jobsim.domain.models import LEGAL_TRANSITIONS

STEP = (0, 1, 2, 2)
"""Which step writes each status."""

NO_STEP = 3
NO_STATE = 4

NO_FAULT, WRONG_ANSWER, SPURIOUS = range(3)

_SHAPE = (len(OPERATIONS), 5, len(OUTCOMES), 5)


@dataclass(frozen=True)
class _Role:
    lower: int = NO_STEP
    upper: int = NO_STATE
    writes: int = NO_STATE
    may_write: int = NO_STATE
    hides: bool = False
    fault: int = NO_FAULT


def _saw(state: int) -> _Role:
    return _Role(lower=STEP[state] + 1 if state < COMPLETED else NO_STEP, upper=state)


def _wrote(state: int) -> _Role:
    return _Role(lower=STEP[state], upper=state, writes=state)


# An error is not an answer: the call may have taken effect, at once, later or never, like a call
# that has not returned. So both are possible writers, and set no bound. A call without effect is
# not even that: a state that only such calls were to write has no writer.


def _create(outcome: int, observed: int) -> _Role:
    if outcome in (ERROR, PENDING):
        return _Role(may_write=AWAITING)
    right = outcome == OK and observed == AWAITING
    return _wrote(AWAITING) if right else _Role(fault=WRONG_ANSWER)


def _get(outcome: int, observed: int) -> _Role:
    if outcome in (ERROR, PENDING):
        return _Role()
    if outcome == NOT_FOUND:
        return _Role(lower=0)
    return _saw(observed) if outcome == OK and observed >= 0 else _Role(fault=WRONG_ANSWER)


def _update(target: int, outcome: int, observed: int) -> _Role:
    if outcome == NOT_FOUND:
        return _Role(lower=0)
    if outcome == OK:
        right = target == observed and target >= RUNNING
        return _wrote(target) if right else _Role(fault=WRONG_ANSWER)
    if outcome == ILLEGAL:
        return _refused(target, observed)
    return _Role(may_write=target) if target >= RUNNING else _Role()


def _refused(target: int, observed: int) -> _Role:
    """Return what a refusal says: the state that it names, or all states that would justify it."""
    if observed >= 0:
        # A refusal that names a state from which the step is legal contradicts itself. Any other
        # says as much as a read of that state.
        if target >= 0 and STATUSES[target] in LEGAL_TRANSITIONS[STATUSES[observed]]:
            return _Role(fault=SPURIOUS)
        return _saw(observed)
    # It saw any state but the one from which the step is legal; in all of these the job exists.
    # For RUNNING, these are all states after the first: the step had been made. For an end, they
    # lie before and after RUNNING, and only the times of other calls tell which it was.
    if target == RUNNING:
        return _Role(upper=RUNNING)
    return _Role(upper=AWAITING, hides=target in (COMPLETED, FAILED))


def _role(op: int, target: int, outcome: int, observed: int) -> _Role:
    if outcome == NO_EFFECT:
        return _Role()
    if op == CREATE:
        return _create(outcome, observed)
    if op == GET:
        return _get(outcome, observed)
    return _update(target, outcome, observed) if op == UPDATE else _Role()


def table(of_call: Callable[[int, int, int, int], int]) -> NDArray[np.int8]:
    """Return a number for every code; `of_call` takes operation, target, outcome, observed."""
    return np.array(
        [
            of_call(op, target - 1, outcome, observed - 1)
            for op, target, outcome, observed in itertools.product(*map(range, _SHAPE))
        ],
        dtype=np.int8,
    )


LOWER = table(lambda *call: _role(*call).lower)
UPPER = table(lambda *call: _role(*call).upper)
WRITES = table(lambda *call: _role(*call).writes)
MAY_WRITE = table(lambda *call: _role(*call).may_write)
HIDES = table(lambda *call: _role(*call).hides)
FAULT = table(lambda *call: _role(*call).fault)
CODES = len(FAULT)


def classify(
    op: NDArray[np.int8],
    target: NDArray[np.int8],
    outcome: NDArray[np.int8],
    observed: NDArray[np.int8],
) -> NDArray[np.int16]:
    """Return each call's index into the tables of this module.

    Parameters
    ----------
    op, target, outcome, observed
        Category codes as in `calls`, one length; -1 for a missing status.

    Examples
    --------
    >>> code = classify(*(np.array([n], np.int8) for n in (GET, -1, OK, RUNNING)))
    >>> int(LOWER[code][0]), int(UPPER[code][0])  # not yet over, and already running
    (2, 1)
    """
    code = op.astype(np.int16)
    for part, missing, size in zip((target, outcome, observed), (1, 0, 1), _SHAPE[1:], strict=True):
        code *= np.int16(size)
        code += part
        code += np.int16(missing)
    return code
