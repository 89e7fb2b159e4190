"""The benchmark of what is learned from logs judges its shares as it says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench" / "log_coverage.py"


@pytest.fixture(scope="module")
def log_coverage():
    spec = importlib.util.spec_from_file_location("log_coverage", BENCH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "figure", "covered", "logs", "good"),
    [
        # 92 to 98 %, two standard errors wide: 1.7 and 0.9 points of 1,000 logs.
        ("any study", "service mean", 0.95, 1000, True),
        ("any study", "service mean", 0.904, 1000, True),
        ("any study", "service mean", 0.902, 1000, False),
        ("any study", "service mean", 0.988, 1000, True),
        ("any study", "service mean", 0.99, 1000, False),
        # Few logs prove little.
        ("any study", "service mean", 0.902, 100, True),
        # A wrong method that is called good is a study that sees nothing.
        ("any study", "(mean, unfinished dropped)", 0.3, 1000, True),
        ("any study", "(mean, unfinished dropped)", 0.95, 1000, False),
        ("arrivals in bursts", "(rate, Poisson)", 0.95, 1000, False),
        ("independent arrivals", "(rate, Poisson)", 0.95, 1000, True),
        ("any study", "unseen wait p95", 1.0, 500, True),
        ("any study", "forecast wait", 0.86, 500, False),
    ],
)
def test_a_share_is_judged_by_its_range(log_coverage, name, figure, covered, logs, good):
    assert log_coverage.within(name, figure, covered, logs) is good


def test_wrong_methods_stand_beside_the_figures_that_they_spoil(log_coverage):
    found = {}
    for name, study, _ in log_coverage.studies():
        if name.startswith(("lognormal, 5,000 jobs, some", "independent", "arrivals in")):
            found |= dict.fromkeys([*study(1), *(f"{name} {figure}" for figure in study(1))])
    assert {"service mean", "service cv", "service p95", "rate"} <= set(found)
    assert {"(mean, unfinished dropped)", "independent arrivals (rate, Poisson)"} <= set(found)
