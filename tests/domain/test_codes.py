"""The numbers that all packages share."""

from __future__ import annotations

import pytest

from jobsim.domain import codes
from jobsim.domain.models import LEGAL_TRANSITIONS, JobStatus
from jobsim.tables.schema import OP, OUTCOME, STATUS


def test_statuses_are_numbered_in_the_order_of_the_lifecycle():
    numbers = (codes.AWAITING, codes.RUNNING, codes.COMPLETED, codes.FAILED)
    assert numbers == (0, 1, 2, 3)
    assert tuple(codes.STATUSES[number] for number in numbers) == tuple(JobStatus)


def test_tables_have_the_same_numbers():
    assert [codes.NUMBER_OF[value] for value in STATUS.categories] == [0, 1, 2, 3]
    calls = (codes.CREATE, codes.GET, codes.UPDATE, codes.COUNT)
    assert [OP.categories[n] for n in calls] == ["create", "get", "update_status", "count"]
    ends = (codes.OK, codes.ILLEGAL, codes.NOT_FOUND, codes.ERROR, codes.PENDING)
    named = ["ok", "illegal", "not_found", "error", "pending"]
    assert [OUTCOME.categories[n] for n in ends] == named


@pytest.mark.parametrize("status", list(JobStatus))
def test_the_status_before_is_the_one_that_leads_there(status):
    leads = [source for source, targets in LEGAL_TRANSITIONS.items() if status in targets]
    before = codes.BEFORE[codes.NUMBER_OF[status]]
    assert leads == ([] if before == codes.NO_STATUS else [codes.STATUSES[before]])


@pytest.mark.parametrize("value", [None, 1, "paused", ["running"], "RUNNING"])
def test_what_is_no_status_has_the_number_of_none(value):
    assert codes.number_of(value) == codes.NO_STATUS
