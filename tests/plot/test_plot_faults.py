"""The faults of a run, in each of the charts that mark them."""

from __future__ import annotations

import pandas as pd
import pytest
from report_runs import FOUR, made

from jobsim import plot
from jobsim.tables.schema import FAULTS

CUT = "ticks above: 1 cut"


@pytest.fixture
def struck():
    run = made(FOUR, engine="threads", calls=[("get", 0, 900_000_000, "ok")])
    rows = [
        ("kill_server", 5, 1_000_000_000, 2_000_000_000),
        ("cut_after", 9, 3_000_000_000, 3_000_000_000),
    ]
    run.faults = pd.DataFrame(rows, columns=list(FAULTS)).astype(FAULTS)
    return run


def shaded(ax) -> list[tuple[float, float]]:
    spans = [patch for patch in ax.patches if patch.get_alpha() == 0.2]
    return [(span.get_x(), span.get_x() + span.get_width()) for span in spans]


@pytest.mark.parametrize("options", [{}, {"cumulative": True}])
def test_jobs_in_the_system_are_drawn_with_the_faults(struck, options):
    ax = plot.occupancy(struck, **options)
    assert shaded(ax) == [(1.0, 2.0)]
    assert {CUT, "server gone"} <= {text.get_text() for text in ax.texts}


def test_jobs_in_and_out_are_drawn_with_the_faults(struck):
    ax = plot.throughput(struck)
    assert shaded(ax) == [(1.0, 2.0)]
    assert {CUT, "server gone"} <= {text.get_text() for text in ax.texts}


def test_the_times_of_calls_are_drawn_with_how_long_the_server_was_gone(struck):
    ax = plot.latency(struck)
    assert shaded(ax) == [(1e6, 1e6)]
    assert "server gone" in {text.get_text() for text in ax.texts}
    assert CUT not in {text.get_text() for text in ax.texts}
