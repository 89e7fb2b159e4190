from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle

from jobsim import plot
from jobsim.plot.counterexample import MAX_CALLS, proof
from jobsim.plot.parts.style import NEUTRAL, STATUS_COLOURS
from jobsim.proof.checks.all_checks import check_history
from jobsim.proof.history import FINAL_ROW
from jobsim.proof.verdict_value import Call, Verdict, Violation
from jobsim.tables.schema import CALLS
from jobsim.testing.broken import StaleCache
from jobsim.testing.conformance.checks import CHECKS
from jobsim.testing.conformance.run_check import run_check


def call(
    actor: str,
    op: str,
    invoked: int,
    returned: int | None,
    observed: str | None,
    *,
    target: str | None = None,
    outcome: str = "ok",
    job: int = 7,
    row: int = 0,
) -> Call:
    return Call(row, actor, op, job, target, invoked, returned, outcome, observed)


WROTE = call("w-1", "update_status", 5_000, 7_000, "running", target="running")
STALE = call("r-0", "get", 7_640, 8_000, "awaiting_payment")
REFUSED = call("w-2", "update_status", 6_000, 9_000, "running", target="failed", outcome="illegal")
PENDING = call("w-2", "update_status", 6_000, None, None, target="failed", outcome="pending")
LAST = call("the final read", "get", 9_000, 9_000, "completed", row=FINAL_ROW)


def violation(*calls: Call, sentence: str = "job 7: it went back", job: int = 7) -> Violation:
    return Violation(job, "real_time", sentence, calls)


def drawn(*calls: Call) -> Axes:
    return plot.counterexample(violation(*calls))


def bars(ax: Axes) -> list[Rectangle]:
    return [bar for group in ax.containers for bar in group]


def microseconds(bar: Rectangle) -> tuple[float, float]:
    left = 1e6 * bar.get_x()
    return round(left, 6), round(left + 1e6 * bar.get_width(), 6)


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_text()]


class TestBars:
    def test_they_run_from_invocation_to_return_since_the_first_call(self):
        assert [microseconds(bar) for bar in bars(drawn(WROTE, STALE))] == [(0, 2), (2.64, 3)]

    def test_they_have_the_colour_of_the_status_that_was_revealed(self):
        colours = [bar.get_facecolor() for bar in bars(drawn(WROTE, STALE))]
        wanted = (STATUS_COLOURS["running"], STATUS_COLOURS["awaiting_payment"])
        assert colours == [to_rgba(colour) for colour in wanted]

    def test_answer_without_a_status_has_no_colour_of_one(self):
        count = call("c-0", "count", 0, 5, None, job=-1)
        ax = plot.counterexample(violation(count, job=-1))
        (bar,) = bars(ax)
        assert bar.get_facecolor() == to_rgba(NEUTRAL)
        assert texts(ax)[1:] == ["count\nanswered"]

    def test_refusal_is_hatched_in_the_colour_of_what_it_saw(self):
        _, outline, hatching = bars(drawn(WROTE, REFUSED))
        assert outline.get_facecolor() == to_rgba("white")
        assert hatching.get_hatch()
        assert hatching.get_edgecolor() == to_rgba(STATUS_COLOURS["running"])
        assert microseconds(hatching) == microseconds(outline)

    def test_call_too_short_to_see_is_a_line_in_its_colour(self):
        brief = call("w-1", "get", 5_000, 5_001, "completed")
        line, bar = bars(drawn(brief, REFUSED))[:2]
        assert line.get_edgecolor() == to_rgba(STATUS_COLOURS["completed"])
        assert line.get_linewidth() > bar.get_linewidth()
        assert bar.get_edgecolor() != to_rgba(STATUS_COLOURS["running"])

    def test_pending_call_is_open_up_to_the_edge(self):
        ax = drawn(WROTE, PENDING, STALE)
        (bar,) = [bar for bar in bars(ax) if bar.get_linestyle() == "--"]
        assert bar.get_x() + bar.get_width() == pytest.approx(ax.get_xlim()[1])
        assert "update_status(failed)\nnever returned" in texts(ax)

    def test_final_read_is_a_diamond(self):
        ax = drawn(WROTE, LAST)
        (diamond,) = [line for line in ax.lines if line.get_marker() == "D"]
        assert (diamond.get_xdata()[0], diamond.get_ydata()[0]) == (pytest.approx(4e-6), 1)
        assert to_rgba(diamond.get_color()) == to_rgba(STATUS_COLOURS["completed"])
        assert len(bars(ax)) == 1

    def test_final_read_that_found_no_job_is_empty(self):
        lost = call("the final read", "get", 9_000, 9_000, None, outcome="not_found", row=FINAL_ROW)
        (diamond,) = [line for line in drawn(WROTE, lost).lines if line.get_marker() == "D"]
        assert to_rgba(diamond.get_color()) == to_rgba("white")

    @pytest.mark.parametrize("alone", [LAST, PENDING])
    def test_call_without_duration_has_an_axis_with_one_tick(self, alone):
        ax = drawn(alone)
        ax.figure.canvas.draw()
        assert [label.get_text() for label in ax.get_xticklabels()] == ["0"]


class TestTexts:
    def test_title_is_the_sentence(self):
        sentence = "job 7: costs $5 and $6, " + "word " * 40 + "end"
        ax = plot.counterexample(violation(WROTE, STALE, sentence=sentence))
        title = ax.get_title(loc="left")
        assert " ".join(title.split()) == sentence.replace("$", r"\$")
        assert title.count("\n") >= 3

    def test_title_is_narrower_in_a_narrow_chart(self):
        _, both = plt.subplots(1, 2)
        for ax in both:
            plot.counterexample(violation(WROTE, STALE, sentence="word " * 30), ax=ax)
            assert max(len(line) for line in ax.get_title(loc="left").splitlines()) < 35

    def test_each_call_says_what_was_asked_and_answered(self):
        assert texts(drawn(WROTE, REFUSED))[1:] == [
            "update_status(running)\nanswered running",
            "update_status(failed)\nwas refused from running",
        ]

    def test_target_of_create_goes_without_saying(self):
        made = call("c", "create", 0, 9, "awaiting_payment", target="awaiting_payment")
        assert texts(drawn(made))[1:] == ["create\nanswered awaiting_payment"]

    def test_call_on_another_job_says_so(self):
        other = call("c", "create", 0, 9, "awaiting_payment", job=3)
        assert any(text.startswith("create (job 3)\n") for text in texts(drawn(other, WROTE)))

    def test_first_calls_are_labelled_at_their_start_and_late_ones_at_their_end(self):
        labels = {
            text.get_text().split("\n")[0]: text.get_ha() for text in drawn(WROTE, STALE).texts
        }
        assert labels["update_status(running)"] == "left"
        assert labels["get"] == "right"

    def test_subtitle_names_the_rule_and_how_many_there_are(self):
        found = violation(WROTE, STALE)
        several = Verdict(9, 30, ("linearizability",), (found,), {"real_time": 2, "count": 1})
        single = Verdict(9, 30, ("linearizability",), (found,), {"real_time": 1})
        assert texts(plot.counterexample(several))[0] == (
            "rule: real_time, the first of 3 violations"
        )
        assert texts(plot.counterexample(single))[0] == "rule: real_time"


class TestLanes:
    def test_one_a_thread_in_the_order_in_which_they_came(self):
        ax = drawn(STALE, REFUSED, WROTE)
        assert [label.get_text() for label in ax.get_yticklabels()] == ["w-1", "w-2", "r-0"]
        assert ax.yaxis_inverted()

    def test_calls_of_one_thread_are_below_each_other_in_its_lane(self):
        again = call("w-1", "get", 9_500, 9_900, "running")
        shown = proof(violation(WROTE, STALE, again))
        assert shown.lanes == {"w-1": (0, 1), "r-0": (2, 2)}
        assert [bar.call for bar in shown.bars] == [WROTE, again, STALE]
        assert list(drawn(WROTE, STALE, again).get_yticks()) == [0.5, 2]

    def test_a_long_proof_shows_its_last_calls_and_says_so(self):
        many = [call(f"w-{n}", "get", n, n + 1, "running") for n in range(40)]
        ax = drawn(*many)
        assert len(bars(ax)) == MAX_CALLS
        assert ax.get_yticklabels()[-1].get_text() == "w-39"
        assert texts(ax)[0] == f"rule: real_time, the last {MAX_CALLS} of 40 calls"


class TestKill:
    @pytest.mark.parametrize("killed", [7_200, 4_000])
    def test_a_line_marks_when_the_server_was_killed_also_before_the_first_call(self, killed):
        lost = Violation(7, "lost_after_recovery", "a write is missing", (WROTE, STALE), killed)
        ax = plot.counterexample(lost)
        label = next(text for text in ax.texts if text.get_text() == "server killed")
        assert label.xy[0] == pytest.approx((killed - 5_000) * 1e-9)
        assert ax.get_xlim()[0] < label.xy[0] < ax.get_xlim()[1]

    def test_where_nothing_was_killed_there_is_none(self):
        assert "server killed" not in texts(drawn(WROTE, STALE))


class TestGap:
    def test_it_is_shaded_from_return_to_invocation_and_has_its_length(self):
        ax = drawn(WROTE, STALE)
        (shade,) = [patch for patch in ax.patches if patch not in bars(ax)]
        assert microseconds(shade) == (2, 2.64)
        assert "640 ns between" in texts(ax)

    def test_three_calls_have_the_one_between_the_first_two(self):
        assert proof(violation(WROTE, STALE, LAST)).gap == pytest.approx((2e-6, 2.64e-6))

    @pytest.mark.parametrize(
        "calls",
        [
            (WROTE, REFUSED),  # at the same time
            (WROTE, call("r-0", "get", 7_000, 7_100, "running")),  # closed intervals touch
            (PENDING, STALE),
            (WROTE,),
            (WROTE, call("c", "create", 8_000, 9_000, None, job=3)),  # another job
        ],
    )
    def test_calls_that_are_not_one_after_the_other_have_none(self, calls):
        assert proof(violation(*calls)).gap is None
        ax = drawn(*calls)
        assert set(ax.patches) == set(bars(ax))

    @pytest.mark.parametrize(("returned", "place"), [(5_010, "left"), (8_990, "right")])
    def test_length_stays_inside(self, returned, place):
        first = call("a", "get", 5_000, returned, "running")
        second = call("b", "get", returned + 5, 9_000, "awaiting_payment")
        (length,) = [text for text in drawn(first, second).texts if "between" in text.get_text()]
        assert length.get_ha() == place


class TestWhatItTakes:
    def test_verdict_stands_for_its_first_violation(self):
        rows = [
            ("c", "create", None, 0, 100, "awaiting_payment"),
            ("w", "update_status", "running", 200, 900, "running"),
            ("r", "get", None, 1_000, 1_100, "awaiting_payment"),
        ]
        columns = ["actor", "op", "target", "invoked_ns", "returned_ns", "observed"]
        calls = pd.DataFrame(rows, columns=columns).assign(
            job=0, outcome="ok", count=-1, changed=False, backdated=False, error=None
        )
        verdict = check_history(calls.astype(CALLS))
        ax = plot.counterexample(verdict)
        title = " ".join(ax.get_title(loc="left").split())
        assert title == verdict.violations[0].sentence
        assert [label.get_text() for label in ax.get_yticklabels()] == ["w", "r"]

    def test_check_that_failed_has_a_verdict_to_draw(self):
        check = next(check for check in CHECKS if check.name == "reads_during_writes")
        result = run_check(check, StaleCache)
        title = plot.counterexample(result.verdict).get_title(loc="left")
        assert " ".join(title.split()) == result.problem

    @pytest.mark.parametrize(
        ("verdict", "outcome"),
        [
            (Verdict(1, 1, ("linearizability",)), "OK"),
            (Verdict(1, 1, ("linearizability",), undecided=("who knows",)), "UNKNOWN"),
        ],
    )
    def test_verdict_without_a_violation_is_refused(self, verdict, outcome):
        with pytest.raises(ValueError, match=f"the verdict is {outcome} and has no violation"):
            plot.counterexample(verdict)
        assert plt.get_fignums() == []

    def test_violation_without_calls_is_refused(self):
        with pytest.raises(ValueError, match="of real_time names no calls"):
            plot.counterexample(violation())

    def test_anything_else_is_refused(self):
        with pytest.raises(TypeError, match="one of its violations, not None"):
            plot.counterexample(None)
