"""The kit's own tests explore little; those of exploration say how much themselves."""

from __future__ import annotations

import pytest

from jobsim.testing import schedules


@pytest.fixture(autouse=True)
def few_schedules(monkeypatch):
    monkeypatch.setattr(schedules, "BUDGET", 150)
    monkeypatch.setattr(schedules, "MIXED", 10)
