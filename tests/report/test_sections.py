"""What each section says of runs that end in different ways."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest
from report_runs import FOUR, HOSTILE, Careless, made

from jobsim import Scenario, run_threads, run_virtual
from jobsim.proof.verdict import Verdict, Violation
from jobsim.report import charts, sections
from jobsim.report.charts import CHARTS
from jobsim.run.run import Unreturned
from jobsim.scenario.workload import Workload

OK = Verdict(jobs=4, calls=9, checks=("linearizability", "count"))
UNKNOWN = replace(OK, undecided=("answers of <b>count</b>",))
BAD = replace(
    OK,
    violations=tuple(Violation(job, "lost", f"job {job}: <i>lost</i>", ()) for job in range(7)),
    counts={"lost": 9},
)


def html(section):
    return section._repr_html_()


@pytest.mark.parametrize(
    ("verdict", "badge"),
    [(OK, "It held"), (BAD, "Violated"), (UNKNOWN, "Undecided"), (None, "Nothing proved")],
)
def test_the_opening_has_the_verdict_in_a_word(verdict, badge):
    page = html(sections.opening(made(FOUR, name=HOSTILE, why="a\nb"), verdict))
    assert badge in page
    assert "&lt;script&gt;" in page
    assert "a\\nb" in page
    assert 'class="why"' not in html(sections.opening(made(FOUR), verdict))


def test_the_scenario_is_told_without_its_name():
    page = html(sections.scenario(made(FOUR, name="my name", why="my reason")))
    assert "4 jobs arrive" in page
    assert "my " not in page


def test_a_trace_tells_where_it_was_read_from():
    trace = Workload.from_frame(pd.DataFrame({"submit": [0, 1], "run_time": [1.0, 1.0]}))
    page = html(sections.scenario(run_virtual(trace)))
    assert "DataFrame: 2 rows, 2 jobs used." in page
    assert "workers" in page
    assert "arrive " not in page


def test_a_run_that_held_says_of_what():
    page = html(sections.proof(made(FOUR, engine="threads"), OK))
    assert "All 9 calls on 4 jobs fit" in page
    assert "Checked on Mine: linearizability, count." in page
    assert "<figure>" not in page


def test_a_virtual_run_says_that_nothing_was_proved():
    assert "Nothing was proved." in html(sections.proof(made(FOUR), None))


def test_violations_are_listed_and_counted():
    page = html(sections.proof(made(FOUR, engine="threads"), BAD))
    assert "9 answers cannot come" in page
    assert page.count("&lt;i&gt;lost") == sections.SHOWN_VIOLATIONS
    assert "and 4 more" in page
    assert "<figure>" not in page


def test_a_violation_with_calls_is_drawn():
    scenario = Scenario(jobs=40, payment={"duplicate": 0.5})
    run = run_threads(scenario, Careless(), speedup=math.inf, progress=False)
    page = html(sections.proof(run, run.check()))
    assert page.count("<figure>") == 1
    assert 'src="data:image/svg+xml;base64,' in page


def test_what_is_undecided_is_listed():
    page = html(sections.proof(made(FOUR, engine="threads"), UNKNOWN))
    assert "not everything could be judged" in page
    assert "answers of &lt;b&gt;count&lt;/b&gt;" in page


def test_an_early_end_and_lost_threads_are_told():
    run = made(FOUR, engine="threads", ended="time_limit")
    lost = tuple(Unreturned(actor=name, stack="") for name in ("w-1", "<w>"))
    run.info = run.info.model_copy(update={"unreturned": lost})
    page = html(sections.proof(run, OK))
    assert "ended early (time limit)" in page
    assert "w-1, &lt;w&gt;." in page


def test_a_summary_has_tiles_parts_and_all_figures():
    page = html(sections.summary(made(FOUR)))
    assert page.count('class="tile"') == 7
    assert page.count("<span class=") == 3
    assert "wait_p95" in page
    assert "<span" not in html(sections.summary(made()))


def test_numbers_stay_with_their_units():
    assert "took 6.33&nbsp;s on average: 5&nbsp;% of that" in html(sections.summary(made(FOUR)))


def test_charts_of_rows_are_as_narrow_as_the_others(monkeypatch):
    monkeypatch.setattr(charts, "CHARTS", [chart for chart in CHARTS if chart.rows][:1])
    page = html(sections.charts(made(FOUR)))
    assert page.count("<img") == 1
    assert "nothing to draw" in html(sections.charts(made()))


def test_steps_provenance_and_command_are_there():
    run = run_virtual(Scenario(jobs=30, name="<mine>"))
    assert "run_threads" in html(sections.what_next(run, None, "<r>"))
    assert "&lt;r&gt;" in html(sections.provenance(run, "<r>"))
    assert "jobsim.Run.load(&#34;&lt;r&gt;&#34;)" in html(sections.reproduce(run, "<r>"))
    assert "was not saved" in html(sections.reproduce(run, None))


def test_a_command_is_told_as_one():
    from jobsim import preset

    page = html(sections.reproduce(run_virtual(preset("steady")), "r"))
    assert '<code class="shell">jobsim run steady --engine virtual</code>' in page


def test_in_a_terminal_a_section_tells_its_name():
    assert repr(sections.provenance(made(FOUR), "r")) == (
        "<provenance of the report; a notebook shows it>"
    )
