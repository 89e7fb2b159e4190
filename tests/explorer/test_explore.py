"""The explorer, driven as a browser drives it: by its sliders and its button."""

import io
import math
import sys

import ipywidgets
import pandas as pd
import pytest
from PIL import Image

import jobsim
from jobsim import Scenario, explore, preset, run_virtual
from jobsim.explorer.panel import MOST, NO_WIDGETS

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def explorer():
    return explore(preset("steady"))


def parts(explorer, kind):
    """Return the explorer's widgets of a kind, in the order of the page."""
    found, left = [], [explorer.widget]
    while left:
        widget = left.pop(0)
        found += [widget] if type(widget) is kind else []
        left = [*getattr(widget, "children", ()), *left]
    return found


def seen(explorer):
    """Return the message, the table of figures, and the code."""
    message, table, _ = parts(explorer, ipywidgets.HTML)
    (code,) = parts(explorer, ipywidgets.Textarea)
    return message.value, table.value, code.value


def pasted(explorer):
    """Return what a cell has after the code was pasted into it and run."""
    cell = {}
    exec(seen(explorer)[2], cell)  # noqa: S102 - to be run is what it is for
    return cell["scenario"]


def test_a_slider_changes_scenario_run_and_all_that_is_seen(explorer):
    (picture,) = parts(explorer, ipywidgets.Image)
    before = picture.value, *seen(explorer)[1:]
    explorer.sliders["arrivals.rate"].value = 7.8
    expected = preset("steady").replace({"arrivals.rate": 7.8})
    assert explorer.scenario == expected
    assert explorer.run.metrics() == run_virtual(expected).metrics()
    after = picture.value, *seen(explorer)[1:]
    assert all(now != then for now, then in zip(after, before, strict=True))
    Image.open(io.BytesIO(picture.value)).verify()


def test_figures_stand_beside_those_of_before(explorer):
    assert "before" not in repr(explorer)
    explorer.sliders["workers"].value = 7
    assert "utilisation    91 % (before: 80 %)" in repr(explorer)


def test_a_slider_that_goes_back_leaves_the_scenario_as_it_was():
    given = preset("steady").replace({"arrivals.rate": math.pi * 2})
    explorer = explore(given)
    explorer.sliders["workers"].value += 1
    assert explorer.scenario == given.replace({"workers": 9})  # pi is not rounded to the step
    explorer.sliders["workers"].value -= 1
    assert explorer.scenario == given


def test_other_draws_stay_as_they_are(explorer):
    service = explorer.run.workload.service
    explorer.sliders["payment.delay.mean"].value = 5.0
    assert (explorer.run.workload.service == service).all()


@pytest.mark.parametrize("name", ["steady", "unpaid"])
def test_the_code_gives_the_scenario(name):
    explorer = explore(preset(name))
    assert pasted(explorer) == preset(name)
    for slider in explorer.sliders.values():
        slider.value += slider.step
    assert pasted(explorer) == explorer.scenario != preset(name)


def test_the_button_shows_the_code_and_offers_it_to_the_clipboard(explorer):
    (box,) = (box for box in parts(explorer, ipywidgets.VBox) if box.layout.display == "none")
    reset, button = parts(explorer, ipywidgets.Button)
    assert [reset.description, button.description] == ["reset", "copy as code"]
    button.click()
    assert box.layout.display is None
    (output,) = parts(explorer, ipywidgets.Output)
    script = output.outputs[0]["data"]["application/javascript"]
    assert "navigator.clipboard.writeText" in script
    assert "preset" not in script
    assert "steady" in script


def test_no_name_can_end_the_script_or_put_markup_on_the_page():
    explorer = explore(Scenario(jobs=5, name="</script><script>alert(1)</script>\u2028\x00"))
    _, button = parts(explorer, ipywidgets.Button)
    button.click()
    (output,) = parts(explorer, ipywidgets.Output)
    script = output.outputs[0]["data"]["application/javascript"]
    assert "<" not in script
    assert script.isascii()
    assert script.isprintable()
    assert pasted(explorer) == explorer.scenario
    assert "<script" not in explorer._repr_mimebundle_()["text/html"]


def test_an_impossible_combination_is_one_line_and_all_else_stays():
    explorer = explore(preset("unpaid"))
    before = explorer.scenario, explorer.run, *seen(explorer)[1:]
    explorer.sliders["payment.delay.p95"].value = 4.0
    message = seen(explorer)[0]
    assert message == "Not possible: payment.delay: p95 = 4.0 lies below median = 10.0"
    assert (explorer.scenario, explorer.run, *seen(explorer)[1:]) == before
    explorer.sliders["payment.delay.p95"].value = 40.0
    assert seen(explorer)[0] == explorer.problem == ""


def test_a_run_that_is_impossible_is_one_line_too():
    explorer = explore(
        preset("steady").replace({"work.service": {"kind": "constant", "value": 8e9}})
    )
    explorer.sliders["work.service.value"].value = 9e9
    assert "work.service" in explorer.problem
    assert "beyond 2**33 s" in seen(explorer)[0]


@pytest.mark.parametrize(
    "scenario",
    [
        preset("steady").replace({"jobs": 10 * MOST}),
        preset("steady").replace({"jobs": None, "duration": 1e6}),
    ],
    ids=["jobs", "duration"],
)
def test_a_large_scenario_is_cut_and_that_is_said_but_its_code_is_whole(scenario):
    explorer = explore(scenario)
    assert len(explorer.run.jobs) == MOST
    assert f"only the first {MOST:,} jobs" in repr(explorer)
    assert f"only the first {MOST:,} jobs" in seen(explorer)[1]
    assert pasted(explorer) == scenario


def test_a_scenario_that_fits_is_not_cut(explorer):
    assert "only the first" not in repr(explorer)
    assert "only the first" not in repr(explore(preset("overload")))  # ends by its duration


def test_what_cannot_be_run_at_all_is_refused_at_once():
    with pytest.raises(ValueError, match="say how many by jobs or duration"):
        explore(Scenario())


def test_anything_but_a_scenario_is_refused():
    with pytest.raises(TypeError, match="explore takes a Scenario, a Log or a Workload, not str"):
        explore("steady")


def test_a_page_without_widgets_gets_the_figures(explorer):
    bundle = explorer._repr_mimebundle_()
    assert bundle["text/plain"] == repr(explorer)
    assert bundle["text/html"].startswith("<table")
    assert bundle[WIDGET]["model_id"] == explorer.widget.model_id


def test_without_ipywidgets_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    explorer = explore(preset("steady"))
    assert repr(explorer).splitlines()[-1].split("  ")[-1] == NO_WIDGETS
    assert "jobsim-toolkit[notebook]" in explorer._repr_mimebundle_()["text/html"]
    assert "p95" in repr(explorer)
    assert WIDGET not in explorer._repr_mimebundle_()
    assert (explorer.sliders, explorer.widget) == ({}, None)


def test_it_is_a_public_name():
    assert jobsim.explore is explore


def test_reset_puts_all_back_with_one_run(explorer, monkeypatch):
    given = explorer.scenario
    explorer.sliders["workers"].value = 3
    explorer.sliders["arrivals.rate"].value = 9.0
    runs = []
    monkeypatch.setattr(
        "jobsim.explorer.panel.run_virtual", lambda w: runs.append(w) or run_virtual(w)
    )
    reset, _ = parts(explorer, ipywidgets.Button)
    reset.click()
    assert explorer.scenario == given
    assert len(runs) == 1
    assert explorer.sliders["workers"].value == given.workers


def test_sliders_are_named_in_words_with_their_unit(explorer):
    assert explorer.sliders["arrivals.rate"].description == "arrivals rate (jobs/s)"
    assert explorer.sliders["workers"].description == "workers"


def test_a_spike_and_a_retry_budget_have_sliders():
    explorer = explore(preset("retry-storm"))
    explorer.sliders["arrivals.points"].value = 6.0
    assert explorer.scenario.arrivals.peak_rate == 6.0
    explorer.sliders["retry.budget"].value = 0.1
    assert explorer.scenario.retry.budget == 0.1
    explorer.sliders["retry.budget"].value = 1.0
    assert explorer.scenario.retry.budget is None


def test_with_retries_the_figures_tell_of_requests():
    shown = repr(explore(preset("retry-storm")))
    assert "served" in shown
    assert "requests/s" in shown
    assert "goodput" not in repr(explore(preset("steady")))


def test_a_logs_own_jobs_have_sliders_for_workers_and_traffic():
    frame = pd.DataFrame({"submitted": range(0, 300, 3), "runtime": 5.0})
    explorer = explore(jobsim.read_log(frame))
    assert list(explorer.sliders) == ["workers", "traffic"]
    explorer.sliders["traffic"].value = 2.0
    assert explorer.problem == ""
    assert len(explorer.run.jobs) == 200
    explorer.sliders["workers"].value = 1
    assert explorer.scenario.workers == 1
    assert explorer.run.metrics()["wait_p95"] > 100.0
