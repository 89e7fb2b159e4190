"""A violation shows itself: as a chart, a page, a slider, in pytest, on the command line."""

from __future__ import annotations

import _thread
import itertools
import subprocess
import sys

import pytest

from jobsim import InMemoryJobRepository, plot
from jobsim.command.main import main
from jobsim.plot.schedule import segments
from jobsim.testing import broken, explore_repository, replay_schedule
from jobsim.testing.broken import CheckAndActApart
from jobsim.testing.conformance import checks, every_schedule
from jobsim.testing.explore.html import page
from jobsim.testing.explore.stepper import states, view

STARTERS = [["running"], ["running"]]


@pytest.fixture(scope="module")
def violation():
    return explore_repository(CheckAndActApart, programs=STARTERS).violation


@pytest.fixture(autouse=True)
def enough_schedules(few_schedules, monkeypatch):
    monkeypatch.setattr(every_schedule, "BUDGET", 12_000)


def test_the_chart_cuts_where_the_turn_changed_hands(violation):
    cut = segments(violation)
    assert [segment.lane for segment in cut] == [0, 1, 0]
    assert all(before.bottom < after.top for before, after in itertools.pairwise(cut))
    assert cut[0].lines[0] == "→ update_status(running)"


def test_the_chart_refuses_what_is_no_schedule():
    with pytest.raises(TypeError, match="int is not a schedule"):
        plot.schedule(3)


def test_the_page_has_the_picture_the_table_and_the_way_to_run_it_again(violation):
    text = page(violation)
    assert text.startswith("<!DOCTYPE html>")
    assert "<svg" in text
    assert "<td>" in text
    assert violation.schedule in text
    assert text == page(replay_schedule(CheckAndActApart, violation.schedule))


def test_the_stepper_knows_who_holds_which_lock(violation):
    every = states(violation)
    assert len(every) == len(violation.rows)
    holders = {tuple(state.held.values()) for state in every}
    assert holders == {(), (0,), (1,)}  # one lock, never two holders
    assert every[-1].held == {}
    assert len(every[-1].answers) == 3  # two starts and the final read
    assert "both succeeded" in view(violation, every[-1], len(every) - 1)
    assert "both succeeded" not in view(violation, every[0], 0)


def test_a_notebook_gets_a_slider_and_the_table(violation):
    pytest.importorskip("ipywidgets")
    bundle = violation._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "<table>" in bundle["text/html"]


def test_without_widgets_a_notebook_gets_the_table(violation, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert set(violation._repr_mimebundle_()) == {"text/plain", "text/html"}


SUITE = """
import pytest
from jobsim.testing import RepositoryConformance
from jobsim.testing.broken import CheckAndActApart

class TestMine(RepositoryConformance):
    scale = 0.02
    pages = "pages"

    @pytest.fixture
    def repository_factory(self):
        return CheckAndActApart
"""


def test_pytest_prints_the_schedule_and_keeps_the_page(tmp_path):
    (tmp_path / "test_mine.py").write_text(SUITE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:nbval", "-k",
         "every_schedule", str(tmp_path), "--rootdir", str(tmp_path)],
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120,
    )  # fmt: skip
    assert "replay_schedule(CheckAndActApart" in done.stdout
    assert "the schedule as a page:" in done.stdout
    assert (tmp_path / "pages" / "CheckAndActApart.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("name", "code"), [("CheckAndActApart", 1), ("no_such_thing", 2), ("__doc__", 2)]
)
def test_the_command_has_its_exit_codes(name, code, capsys, tmp_path):
    out = tmp_path / "kit.html"
    target = f"jobsim.testing.broken:{name}"
    assert main(["test", target, "--scale", "0.02", "--out", str(out)]) == code
    printed = capsys.readouterr()
    if code == 1:
        assert "with self._lock:" in printed.out
        assert "<svg" in out.read_text(encoding="utf-8")
    else:
        assert name in printed.err
        assert not out.exists()


def test_a_budget_that_ends_first_is_an_error_only_if_strict(capsys):
    target = "jobsim.repository.job_repo:InMemoryJobRepository"
    assert main(["test", target, "--scale", "0.02"]) == 0
    assert main(["test", target, "--scale", "0.02", "--strict"]) == 1
    assert "not complete" in capsys.readouterr().out


def test_ctrl_c_ends_the_command_with_its_own_exit_code(monkeypatch, capsys, tmp_path):
    class Pressing(InMemoryJobRepository):
        calls = 0

        def get(self, job_id):  # in a thread that takes turns, while the main thread waits
            Pressing.calls += 1
            if Pressing.calls == 30:
                _thread.interrupt_main()
            return super().get(job_id)

    explored = [check for check in checks.CHECKS if check.name == "every_schedule"]
    monkeypatch.setattr(checks, "CHECKS", explored)
    monkeypatch.setattr(broken, "Pressing", Pressing, raising=False)
    out = tmp_path / "kit.html"
    assert main(["test", "jobsim.testing.broken:Pressing", "--out", str(out)]) == 130
    printed = capsys.readouterr()
    assert "interrupted" in printed.err
    assert "interrupted" in printed.out
    assert "interrupted" in out.read_text(encoding="utf-8")
