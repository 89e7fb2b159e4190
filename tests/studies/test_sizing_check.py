"""The benchmark of sizing, in short: random M/M/c against Erlang C, asked as a user would."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench" / "sizing_check.py"


@pytest.fixture(scope="module")
def sizing_check():
    spec = importlib.util.spec_from_file_location("sizing_check", BENCH)
    # A dataclass looks its module up by name.
    module = sys.modules["sizing_check"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["sizing_check"]


def test_answers_are_enough_workers_and_hardly_more(sizing_check):
    pytest.importorskip("numba", reason="in plain Python these runs take minutes")
    for case in sizing_check.draw(3):
        assert case.truth <= case.answer() <= case.truth + 1, case


def test_a_number_far_below_the_target_is_enough_though_its_waits_are_rare(sizing_check):
    # With 60 workers one run of 20 has a wait at all: 0.9 us on average, 17,000 times too little.
    case = sizing_check.Case(
        rate=42.9, jobs=1000, metric="wait_mean", target=0.0154, seed=1184070210
    )
    assert case.truth == 52
    assert case.answer() == 52


def test_the_truth_of_a_case_is_erlangs(sizing_check):
    # M/M/8 at 6.4 erlangs waits 0.286 s on average, see any table of Erlang's C; M/M/7 far longer.
    case = sizing_check.Case(rate=6.4, jobs=1000, metric="wait_mean", target=0.29, seed=0)
    assert case.truth == 8
