"""Which charts a report has, and that each says something of every run."""

from __future__ import annotations

import pytest
from report_runs import made, retried

from jobsim import preset, presets, run_virtual
from jobsim.report.charts import CHARTS, MOST, chosen, drawn


@pytest.mark.parametrize("name", presets())
def test_a_preset_has_six_to_eight_charts_each_with_its_own_sentence(name):
    run = run_virtual(preset(name))
    said = [chart.sentence(run) for chart in chosen(run)]
    assert 5 <= len(said) <= MOST
    assert len(set(said)) == len(said)
    for text in said:
        assert text.endswith(".")
        assert "nan" not in text


@pytest.mark.parametrize("run", [made(), made(calls=[]), retried()])
def test_every_sentence_copes_with_an_empty_run(run):
    for chart in CHARTS:
        text = chart.sentence(run)
        assert text.endswith(".")
        assert "nan" not in text
    assert chosen(run) == []


def test_a_picture_is_at_most_80_kb():
    for name in ("steady", "retry-storm"):
        for chart in drawn(run_virtual(preset(name))):
            assert len(chart.source) * 3 / 4 < 80_000, chart.sentence
