"""The explorer counts jobs on their way exactly, and draws on one figure again and again."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from jobsim import preset, run_virtual
from jobsim.explorer.chart import Chart, jobs_by_stage, longest_queue
from jobsim.figures import flow

NAN = float("nan")


def jobs_table(*rows):
    return pd.DataFrame(rows, columns=["created", "paid", "started", "finished"], dtype="float64")


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def test_counts_agree_with_the_transitions():
    run = run_virtual(preset("unpaid"))
    counts = jobs_by_stage(run.jobs, points=50)
    occupancy = flow.occupancy(run.transitions)
    running = occupancy["running"].to_numpy()
    place = np.searchsorted(occupancy.index, counts.index, side="right") - 1
    expected = np.where(place < 0, 0, running[place])
    assert counts["running"].tolist() == expected.tolist()


def test_a_job_that_is_never_paid_is_not_on_its_way():
    counts = jobs_by_stage(jobs_table([0, NAN, NAN, NAN], [0, 1, 1, 2]), points=3)
    assert counts.to_dict("list") == {"running": [0, 1, 0], "waiting": [0] * 3, "paying": [1, 0, 0]}


def test_a_stuck_job_runs_to_the_end():
    assert jobs_by_stage(jobs_table([0, 0, 1, NAN]), points=2)["running"].tolist() == [0, 1]


def test_no_job_is_an_empty_chart():
    counts = jobs_by_stage(jobs_table())
    assert not counts.to_numpy().any()
    assert pixels(Chart(counts).png(counts)).ndim == 3


@pytest.mark.parametrize("name", ["steady", "bursty", "stampede"])
def test_the_longest_queue_is_that_of_counting_one_by_one(name):
    jobs = run_virtual(preset(name)).jobs
    paid, started = (jobs[column].dropna().to_numpy() for column in ("paid", "started"))
    at = np.unique(np.concatenate([paid, started]))
    assert longest_queue(jobs) == max((paid <= t).sum() - (started <= t).sum() for t in at)


def test_the_same_run_gives_the_same_picture_whatever_was_drawn_between():
    first, other = (jobs_by_stage(run_virtual(preset(name)).jobs) for name in ("steady", "bursty"))
    chart = Chart(first)
    once = pixels(chart.png(first))
    assert (pixels(chart.png(other)) != once).any()
    chart.forget()
    assert (pixels(chart.png(first)) == once).all()


def test_the_scenario_as_it_was_is_drawn_only_beside_another():
    first, other = (jobs_by_stage(run_virtual(preset(name)).jobs) for name in ("steady", "bursty"))
    chart = Chart(first)
    ink = [34, 34, 34]

    def dark(png):
        plot_area = pixels(png)[100:300, 150:850]
        return int((plot_area == ink).all(axis=-1).sum())

    assert dark(chart.png(other)) > dark(chart.png(first))


def test_the_axes_grow_and_never_shrink_until_they_are_reset():
    small, large = (
        jobs_by_stage(run_virtual(preset("steady").replace({"workers": workers})).jobs)
        for workers in (9, 3)
    )
    chart = Chart(small)
    once = pixels(chart.png(small))
    chart.png(large)
    assert (pixels(chart.png(small)) != once).any()
    chart.forget()
    assert (pixels(chart.png(small)) == once).all()
