from __future__ import annotations

import math

import pandas as pd
import pytest
from report_runs import FOUR, NAN, STORM, made, retried

import jobsim
from jobsim import run_virtual
from jobsim.report import facts
from jobsim.report.facts import all_figures, parts, provenance, tiles
from jobsim.report.page import as_page
from jobsim.scenario.workload import Workload
from jobsim.tables.schema import FAULTS


def test_tiles_show_what_happened():
    run = made(FOUR)
    run.jobs = run.jobs.assign(rejected=[2, 0, 0, 0])
    assert {tile.label: (tile.value, tile.note) for tile in tiles(run)} == {
        "completed": ("2", "of 4 jobs"),
        "failed": ("1", "25 % of jobs"),
        "never paid": ("1", "25 % of jobs"),
        "median wait": ("1 s", "95 % within 2.8 s"),
        "created to done": ("6 s", "95 % within 8.7 s"),
        "throughput": ("0.3", "jobs per second"),
        "busy": ("70 %", "of the time, 2 workers"),
        "refused": ("2", "calls, by the repository"),
    }


def test_tiles_leave_out_what_there_is_not():
    rows = [(0.0, 0.0, 0.0, NAN, "running", "w"), (0.0, 0.0, NAN, NAN, "awaiting_payment", None)]
    labels = [tile.label for tile in tiles(made(rows))]
    assert labels == ["completed", "still waiting", "still running", "median wait"]
    assert [tile.label for tile in tiles(made())] == ["completed"]


def test_tiles_of_feedback_tell_of_requests():
    run = retried(STORM, left={4: 7.0}, retry={"attempts": 2})
    assert {tile.label: (tile.value, tile.note) for tile in tiles(run)} == {
        "served": ("2", "of 3 requests"),
        "gave up": ("1", "33 % of clients"),
        "attempts": ("1.67", "for each request"),
        "completed": ("5", "of 5 jobs"),
        "median wait": ("1 s", "95 % within 5.4 s"),
        "asked to served": ("6 s", "5 % and more got nothing"),
        "goodput": ("0.2", "of 0.5 jobs per second"),
        "busy": ("95 %", "of the time, 2 workers"),
    }


@pytest.mark.parametrize(
    ("released", "note"), [(3.0, "of those that failed"), (9.0, "1 false kill")]
)
def test_tiles_tell_whom_the_reaper_failed(released, note):
    rows = [(0, 1, 0.0, 0.0, 0.0, 8.0, "failed", "worker-0")]
    run = retried(rows, released={0: released}, crashed=[0], reaped=[0])
    found = {tile.label: (tile.value, tile.note) for tile in tiles(run)}
    assert found["reaped"] == ("1", note)
    assert "attempts" not in found


def test_parts_are_the_whole():
    found = parts(made(FOUR))
    assert [(part.name, part.duration) for part in found] == [
        ("unpaid", "333 ms"), ("wait", "1.33 s"), ("service", "4.67 s"),
    ]  # fmt: skip
    assert sum(part.share for part in found) == pytest.approx(1.0)
    assert parts(made()) == []


def test_all_figures_have_units_and_no_holes():
    rows = dict(all_figures(made(FOUR)))
    assert rows["wait_p50"] == "1 s"
    assert rows["utilisation"] == "0.7 share"
    assert "nan" not in " ".join(rows.values())
    assert "wait_p50" not in dict(all_figures(made()))


def test_provenance_of_a_virtual_run():
    run = made(FOUR, seed=7)
    rows = dict(provenance(run, None))
    assert rows["engine"] == "virtual time"
    assert rows["seed"] == "7"
    assert rows["started"] == "2026-01-02 03:04:05 UTC"
    assert rows["took"] == "2 s of wall time"
    assert rows["workload"].endswith(run.workload.digest())
    assert rows["saved in"] == "not saved"
    assert "repository" not in rows


@pytest.mark.parametrize(("speedup", "told"), [(math.inf, "never waited"), (2.5, "2.5")])
def test_provenance_of_a_threaded_run(speedup, told):
    rows = dict(provenance(made(FOUR, engine="threads", perturbed=True, speedup=speedup), "runs/x"))
    assert rows["repository"] == "Mine, threads switched at random inside its code"
    assert rows["speed-up"] == told
    assert rows["saved in"] == "runs/x"


def test_provenance_of_retries_counts_requests():
    rows = dict(provenance(retried(STORM, jobs=3, retry={"attempts": 2}), None))
    assert rows["workload"].startswith("3 requests, up to 2 attempts each, SHA-256 ")


def test_provenance_of_a_trace_names_its_file(tmp_path):
    path = tmp_path / "log.csv"
    pd.DataFrame({"submit": [0, 1], "run_time": [1.0, 1.0]}).to_csv(path, index=False)
    rows = dict(provenance(run_virtual(Workload.from_csv(path)), None))
    assert rows["trace"].startswith("log.csv, SHA-256 ")


def test_provenance_tells_of_a_missing_lock():
    run = made(FOUR)
    run.info = run.info.model_copy(
        update={"platform": run.info.platform.model_copy(update={"gil": False})}
    )
    assert dict(provenance(run, None))["Python"].endswith("without the global interpreter lock")


def test_a_run_on_a_log_shows_dates_and_logged_beside_simulated_waits():
    log = jobsim.read_log(
        pd.DataFrame(
            {
                "queued": ["2026-05-04T09:00:00Z", "2026-05-04T09:00:10Z"],
                "started": ["2026-05-04T09:00:00Z", "2026-05-04T09:01:00Z"],
                "finished": ["2026-05-04T09:01:00Z", "2026-05-04T09:02:00Z"],
            }
        )
    )
    rows = dict(facts.of_log(jobsim.run_virtual(log.workload(jobsim.Scenario(workers=2)))))
    assert rows["span"] == "10 s, 2026-05-04 09:00:00 to 2026-05-04 09:00:10 by the log's clock"
    assert rows["waits, logged"] == "p50 25 s, p95 47.5 s, of 2 jobs"
    assert rows["waits, simulated"] == "p50 0 s, p95 0 s, of 2 jobs"
    assert facts.of_log(jobsim.run_virtual(jobsim.Scenario(jobs=3))) == []


def test_the_report_says_what_was_injected_and_of_other_runs_nothing():
    run = made(FOUR, engine="threads", calls=[("create", 0, 1, "error")])
    assert facts.faults(run) == ""
    run.faults = pd.DataFrame([("cut_after", 0, 0, 1)], columns=list(FAULTS)).astype(FAULTS)
    assert facts.faults(run) == (
        "Injected into the database: 1 lost answer. 1 call ended in an error, and the client "
        "cannot know the state of 1 job."
    )
    assert facts.faults(run) in as_page(run, None)
