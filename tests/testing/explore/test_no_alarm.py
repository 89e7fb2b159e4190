"""Correct repositories of many makes: nothing is found, and all of it under control."""

from __future__ import annotations

import pytest
from correct_repositories import CORRECT

from jobsim.testing import explore_repository


@pytest.mark.parametrize("name", CORRECT)
def test_nothing_is_found(name):
    programs = [[["running"], ["running"]], [["completed"], ["get"]], [["create"], ["count"]]]
    found = explore_repository(CORRECT[name], programs=programs, preemptions=1, budget=60)
    assert found.violation is None, found.violation
    assert found.uncontrolled == ()
