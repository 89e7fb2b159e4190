"""What the page says of runs that end in different ways."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest
from report_runs import FOUR, HOSTILE, Careless, made

from jobsim import Scenario, preset, run_threads, run_virtual
from jobsim.proof.verdict_value import Verdict, Violation
from jobsim.report.page import SHOWN_VIOLATIONS, as_page
from jobsim.run.info import Unreturned
from jobsim.scenario.workload import Workload
from jobsim.tables.schema import CALLS

OK = Verdict(jobs=4, calls=9, checks=("linearizability", "count"))
UNKNOWN = replace(OK, undecided=("answers of <b>count</b>",))
BAD = replace(
    OK,
    violations=tuple(Violation(job, "lost", f"job {job}: <i>lost</i>", ()) for job in range(7)),
    counts={"lost": 9},
)


@pytest.fixture(autouse=True)
def no_charts(request, monkeypatch):
    """Draw no chart, which takes most of a second a page, but where a test is about charts."""
    if "with_charts" not in request.fixturenames:
        monkeypatch.setattr("jobsim.report.page.drawn", lambda run: [])


@pytest.fixture
def with_charts():
    """Ask for the charts."""


@pytest.fixture
def page_of(monkeypatch):
    """Return the page of a run, whose check is given instead of made."""

    def page(run, verdict=None, shown="r"):
        if verdict is not None:
            monkeypatch.setattr(type(run), "check", lambda self: verdict)
            run.calls = run.calls if run.calls is not None else pd.DataFrame(columns=list(CALLS))
        return as_page(run, shown)

    return page


def part(page, heading):
    """Return the part of the page below a heading."""
    return page.partition(f"<h2>{heading}</h2>")[2].partition("<h2>")[0]


@pytest.mark.parametrize(
    ("verdict", "badge"),
    [(OK, "It held"), (BAD, "Violated"), (UNKNOWN, "Undecided"), (None, "Simulated")],
)
def test_the_page_opens_with_the_verdict_in_a_word(page_of, verdict, badge):
    opening = page_of(made(FOUR, name=HOSTILE, why="a\nb"), verdict).partition("<h2>")[0]
    assert badge in opening
    assert "&lt;script&gt;" in opening
    assert "a\\nb" in opening
    assert 'class="why"' not in page_of(made(FOUR), verdict)


def test_the_scenario_is_told_without_its_name(page_of):
    told = part(page_of(made(FOUR, name="my name", why="my reason")), "What ran")
    assert "4 jobs arrive" in told
    assert "my " not in told


def test_a_trace_tells_where_it_was_read_from(page_of):
    trace = Workload.from_frame(pd.DataFrame({"submit": [0, 1], "run_time": [1.0, 1.0]}))
    told = part(page_of(run_virtual(trace)), "What ran")
    assert "DataFrame: 2 rows, 2 jobs used." in told
    assert "1 worker, 1 client" in told
    assert "arrive " not in told


def test_a_run_that_held_says_of_what(page_of):
    told = part(page_of(made(FOUR, engine="threads"), OK), "Did it hold?")
    assert "All 9 calls on 4 jobs fit" in told
    assert "Checked on Mine: linearizability, count." in told
    assert "<figure>" not in told


def test_a_virtual_run_says_that_no_repository_was_tested(page_of):
    assert "no repository was tested" in part(page_of(made(FOUR)), "Did it hold?")


def test_violations_are_listed_and_counted(page_of):
    told = part(page_of(made(FOUR, engine="threads"), BAD), "Did it hold?")
    assert "9 answers cannot come" in told
    assert told.count("&lt;i&gt;lost") == SHOWN_VIOLATIONS
    assert "and 4 more" in told
    assert "<figure>" not in told


def test_a_violation_with_calls_is_drawn(page_of):
    scenario = Scenario(jobs=40, payment={"duplicate": 0.5})
    run = run_threads(scenario, Careless(), speedup=math.inf, progress=False)
    told = part(page_of(run), "Did it hold?")
    assert told.count("<figure>") == 1
    assert 'src="data:image/svg+xml;base64,' in told


def test_what_is_undecided_is_listed(page_of):
    told = part(page_of(made(FOUR, engine="threads"), UNKNOWN), "Did it hold?")
    assert "not everything could be judged" in told
    assert "answers of &lt;b&gt;count&lt;/b&gt;" in told


def test_an_early_end_and_lost_threads_are_told(page_of):
    run = made(FOUR, engine="threads", ended="time_limit")
    lost = tuple(Unreturned(actor=name, stack="") for name in ("w-1", "<w>"))
    run.info = run.info.model_copy(update={"unreturned": lost})
    told = part(page_of(run, OK), "Did it hold?")
    assert "ended early (time limit)" in told
    assert "w-1, &lt;w&gt;." in told


def test_a_summary_has_tiles_parts_and_all_figures(page_of):
    told = part(page_of(made(FOUR)), "In figures")
    assert told.count('class="tile"') == 7
    assert told.count("<span class=") == 3
    assert "wait_p95" in told
    assert "<span" not in part(page_of(made()), "In figures")


def test_numbers_stay_with_their_units(page_of):
    told = part(page_of(made(FOUR)), "In figures")
    assert "took 6.33&nbsp;s on average: 5&nbsp;% awaiting payment" in told


def test_a_run_without_a_job_has_nothing_to_draw(page_of, with_charts):
    assert "nothing to draw" in part(page_of(made()), "What happened")
    assert part(page_of(made(FOUR)), "What happened").count("<img") >= 3


def test_steps_provenance_and_command_are_there(page_of):
    run = run_virtual(Scenario(jobs=30, name="<mine>"))
    page = page_of(run, shown="<r>")
    assert "run_threads" in part(page, "What to try next")
    assert "&lt;r&gt;" in part(page, "Where this comes from")
    assert "jobsim.Run.load(&#34;&lt;r&gt;&#34;)" in part(page, "Run it again")
    assert "was not saved" in part(page_of(run, shown=None), "Run it again")


def test_a_run_that_suggests_nothing_has_no_such_section(page_of):
    run = made(FOUR, engine="threads")
    assert "What to try next" not in page_of(run, OK)


def test_a_command_is_told_as_one(page_of):
    told = part(page_of(run_virtual(preset("steady"))), "Run it again")
    assert '<code class="shell">jobsim run steady --engine virtual</code>' in told
