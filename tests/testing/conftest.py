"""The kit's own tests explore little; those of exploration say how much themselves."""

from __future__ import annotations

import pytest

from jobsim.testing.conformance import every_schedule


@pytest.fixture(autouse=True)
def few_schedules(monkeypatch):
    monkeypatch.setattr(every_schedule, "BUDGET", 150)
    monkeypatch.setattr(every_schedule, "MIXED", 10)
