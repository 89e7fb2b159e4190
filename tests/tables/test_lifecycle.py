"""Illegal transitions are found on the columns, all of them and no others."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsim.domain.models import LEGAL_TRANSITIONS, JobStatus
from jobsim.tables.lifecycle import illegal_transitions
from jobsim.tables.schema import TRANSITIONS

WAITING, RUNNING, COMPLETED, FAILED = (status.value for status in JobStatus)
LIFE = [
    (0.0, 0, None, WAITING),
    (0.5, 1, None, WAITING),
    (1.0, 0, WAITING, RUNNING),
    (1.0, 1, WAITING, RUNNING),
    (2.0, 1, RUNNING, FAILED),
    (3.0, 0, RUNNING, COMPLETED),
]


def table(rows):
    columns = {name: TRANSITIONS[name] for name in ("time", "job", "source", "target")}
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def test_two_whole_lives_are_legal():
    assert illegal_transitions(table(LIFE)).empty


def test_no_transitions_are_legal():
    assert illegal_transitions(table(LIFE).head(0)).empty


@pytest.mark.parametrize(
    ("row", "instead"),
    [
        (0, (0.0, 0, WAITING, WAITING)),  # a creation has no source
        (2, (1.0, 0, RUNNING, RUNNING)),  # not where it was
        (4, (2.0, 1, RUNNING, WAITING)),  # no way back
        (5, (3.0, 0, RUNNING, None)),  # leads nowhere
        (5, (1.5, 0, RUNNING, COMPLETED)),  # back in time
        (5, (math.nan, 0, RUNNING, COMPLETED)),
        (5, (3.0, 2, RUNNING, COMPLETED)),  # never created
        (5, (3.0, 1, FAILED, COMPLETED)),  # twice
    ],
)
def test_a_bad_row_is_found_and_no_other(row, instead):
    rows = [*LIFE[:row], instead, *LIFE[row + 1 :]]
    found = illegal_transitions(table(rows))
    assert row in found.index
    assert set(found.index) <= {row, *(later for later in range(row + 1, 6))}


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from([None, *JobStatus]),
            st.sampled_from(list(JobStatus)),
        ),
        max_size=12,
    )
)
def test_it_agrees_with_a_walk_over_the_rows(steps):
    rows = [(float(i), job, source, target) for i, (job, source, target) in enumerate(steps)]
    where, bad = {}, []
    for number, (_, job, source, target) in enumerate(rows):
        legal = {JobStatus.AWAITING_PAYMENT} if source is None else LEGAL_TRANSITIONS[source]
        if source != where.get(job) or target not in legal:
            bad.append(number)
        where[job] = target
    plain = [
        (time, job, source and source.value, target.value) for time, job, source, target in rows
    ]
    assert illegal_transitions(table(plain)).index.tolist() == bad
