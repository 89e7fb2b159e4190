from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import jobsim
from jobsim.command import main as cli
from jobsim.studies.of_log import FixedByLogError, with_changes, with_traffic

CSV = "submitted_at,duration\n0,100\n10,100\n20,100\n200,100\n210,100\n400,100\n"


@pytest.fixture
def log(tmp_path) -> jobsim.Log:
    path = tmp_path / "log.csv"
    path.write_text(CSV)
    return jobsim.read_log(path)


def test_the_workers_that_a_log_would_have_needed(log):
    answer = jobsim.workers_needed(log, wait_p95=85.0)
    assert (answer.workers, answer.value, answer.horizon) == (2, 60.0, "scenario")
    assert "1 worker: 188" in repr(answer)
    waits = answer.table.set_index("workers")["wait_p95"]
    assert waits[1] == 187.5
    assert jobsim.workers_needed(log.workload(), wait_p95=0.0).workers == 3


def test_any_quantile_and_any_service_level_can_be_asked(log):
    assert jobsim.workers_needed(log, wait_p90=100.0).workers == 2
    assert jobsim.workers_needed(log, wait_within_30s=0.9).workers == 3


def test_a_target_that_no_number_meets_has_no_answer(log):
    answer = jobsim.workers_needed(log, sojourn_mean=50.0)
    assert answer.workers is None
    assert "worker for every job" in answer.sentence


def test_a_sweep_over_workers_is_exact_and_runs_once(log):
    table = jobsim.sweep(log, {"workers": [1, 2, 3]})
    assert table["wait_p95"].tolist() == [187.5, 60.0, 0.0]
    assert len(table) == 3


@pytest.mark.parametrize("field", ["work.service.mean", "jobs", "arrivals.kind", "patience"])
def test_what_the_jobs_fix_is_an_error_that_says_what_can_be_changed(log, field):
    with pytest.raises(FixedByLogError, match=r"arrivals\.rate or traffic"):
        jobsim.sweep(log, {field: [1.0]})


@pytest.mark.parametrize("factor", [0.25, 1.0, 2.0, 3.5])
def test_traffic_is_thinned_or_laid_over(factor):
    times = np.sort(np.random.default_rng(1).uniform(0, 3 * 86_400, 4000))
    frame = pd.DataFrame({"submitted": times, "runtime": np.arange(4000.0)})
    workload = jobsim.read_log(frame).workload()
    changed, how = with_traffic(workload, factor)
    assert len(changed) == pytest.approx(4000 * factor, rel=0.05)
    assert changed.arrival[-1] <= 3 * 86_400 + 100
    assert changed.service.mean() == pytest.approx(workload.service.mean(), rel=0.05)
    assert how
    for bad in (0.0, -1.0, float("inf")):
        with pytest.raises(ValueError, match="factor above 0"):
            with_traffic(workload, bad)


def test_thinning_keeps_its_jobs_when_traffic_grows(log):
    workload = log.workload()
    few = set(with_traffic(workload, 0.4)[0].service.tolist())
    assert few <= set(with_traffic(workload, 0.9)[0].service.tolist())


def test_a_rate_is_a_factor_of_the_logs_own(log):
    workload = log.workload()
    doubled, _ = with_changes(workload, {"arrivals.rate": 2 * 6 / (400 + 80)})
    assert len(doubled) == 12


def test_a_payment_is_drawn_anew(log):
    changes = {"payment.delay": {"kind": "constant", "value": 5.0}}
    changed, how = with_changes(log.workload(), changes)
    assert changed.delay.tolist() == [5.0] * 6
    assert how == "as logged"


def test_the_command_line_sizes_from_a_log(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("log.csv").write_text(CSV)
    assert cli.main(["workers-needed", "--log", "log.csv", "wait_p95=85"]) == 0
    assert "2 workers for a wait_p95 of 85 s" in capsys.readouterr().out
    assert cli.main(["workers-needed", "--log", "log.csv", "sojourn_mean=1"]) == 1
    assert cli.main(["sweep", "--log", "log.csv", "--over", "workers=1:3"]) == 0
    assert "log.csv: 6 rows, 6 jobs used" in capsys.readouterr().out


def test_a_sweep_of_a_log_has_the_figures_that_were_asked_for(log):
    table = jobsim.sweep(log, {"workers": [2, 3]}, figures=["wait_p90"])
    assert table["wait_p90"].notna().all()


@pytest.mark.parametrize("over", [{}, {"seed": [1, 2]}, {"workers": []}, {"workers": [2, 2]}])
def test_a_grid_is_checked_for_a_log_too(log, over):
    with pytest.raises(ValueError, match=r"over is empty|seed cannot|no values|twice"):
        jobsim.sweep(log, over)
