"""Text from outside is inert: in every display, chart, file, and on the terminal."""

import io
import json
import warnings
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest

from jobsim import (
    InMemoryJobRepository,
    Run,
    Scenario,
    Workload,
    compare,
    explore,
    plot,
    replay,
    replicate,
    run_threads,
    run_virtual,
    theory,
    workers_needed,
)
from jobsim.command.main import main
from jobsim.display.text import MAX_TEXT
from jobsim.proof.checks.all_checks import check_history
from jobsim.testing import check_repository

# The units have tests of their own; to trace these would cost as much as they do.
pytestmark = pytest.mark.no_cover

mpl.use("Agg")

TEXTS = {
    "markup": "<script>alert('x')</script><img src=x onerror=alert(1)> &amp; \"'",
    "escapes": "\x1b[31mred\x1b]0;title\x07\x9b31m\x7f\b",
    "direction": "\u202egnp.exe\u2066\u200f\u2028\ufeff",
    "lines": "a\x00b\r\nc\td\v",
    "mathematics": r"$\frac{1}{0$ $x^2$ \\ _a_ **b** `c` % #",
    "emoji": "👩‍👩‍👧 🙂 e\u0301",
    "half": "half \ud83d",
    "long": "z" * 20_000,
}
HALF = "\ud83d"
MIXED = "".join(text for name, text in TEXTS.items() if name not in ("half", "long"))

EACH = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
ALL = MIXED + TEXTS["long"]
"""For what takes long: all of it at once."""

MUCH = 6_000
"""Characters that no display of so little should need."""


def repository_that_answers(text):
    """Return a repository whose name, jobs and exceptions hold the text."""

    class Hostile(InMemoryJobRepository):
        calls = 0

        def create(self, input_hash):
            return super().create(input_hash).model_copy(update=self.answers())

        def get(self, job_id):
            return super().get(job_id).model_copy(update=self.answers())

        def update_status(self, job_id, target, result=None, error=None):
            Hostile.calls += 1
            if Hostile.calls % 5 == 0:
                raise RuntimeError(text)
            return super().update_status(job_id, target, result=result, error=error)

        def answers(self):
            return {"result": text, "error": text, "input_hash": text}

    name = text.replace(HALF, "").replace("\x00", "")  # Python allows neither in a class's name
    Hostile.__name__ = Hostile.__qualname__ = name
    return Hostile


def scenario_of(text):
    return Scenario(name=text, why=text, jobs=20, workers=2, pollers=1, poll_interval=0.0)


def run_of(text):
    hostile = repository_that_answers(text)()
    return run_threads(scenario_of(text), hostile, speedup=float("inf"), progress=False)


def assert_inert(text):
    """Hold that a terminal shows exactly these characters, in this order, and not too many."""
    assert all(ch.isprintable() for ch in text.replace("\n", ""))
    assert len(text) < MUCH


def assert_inert_html(page):
    assert_inert(page.replace("<td", "\n<td").replace("<th", "\n<th")[:MUCH])
    assert "<script" not in page
    assert "<img" not in page
    assert "mathjax_ignore" in page


def assert_shown_inertly(shown):
    assert_inert(repr(shown))
    assert_inert(str(shown))
    assert_inert_html(shown._repr_html_())
    assert repr(shown) == repr(shown)
    assert "0x" not in repr(shown)


@EACH
def test_a_run_and_all_that_is_said_of_it(text):
    run = run_of(text)
    assert run.ended == "complete"
    verdict = run.check()
    assert verdict.violations  # the answers are not what was written
    for shown in (run, run.workload.scenario, run.workload, verdict, compare(run)):
        assert_shown_inertly(shown)
    assert_inert(run.workload.scenario.describe())
    assert all(len(violation.sentence) < MUCH for violation in verdict.violations)


def test_studies_of_a_scenario():
    scenario = scenario_of(ALL)
    studies = [
        replicate(scenario, n=2, progress=False),
        workers_needed(scenario, wait_p95=1e6, replications=2, progress=False),
        theory(scenario),
        replay(run_virtual(scenario), repository_that_answers(ALL)()),
    ]
    for study in studies:
        assert_shown_inertly(study)
    explorer = explore(scenario)
    assert_inert(repr(explorer))
    assert_inert_html(explorer._repr_mimebundle_()["text/html"])


def test_a_report_on_a_repository():
    factory = repository_that_answers(ALL)
    report = check_repository(factory, scale=0.1, time_limit=5.0)
    assert not report.ok
    assert all(ch.isprintable() for ch in repr(report).replace("\n", ""))
    assert max(map(len, repr(report).splitlines())) < 2 * MAX_TEXT
    assert "<script" not in report._repr_html_()


def test_charts_draw_the_text_as_it_stands():
    run = run_of(ALL)
    charts = ["lifecycle", "occupancy", "dwell", "throughput", "swimlanes", "latency", "waits"]
    for name in charts:
        assert_drawn(getattr(plot, name)(run))
    assert_drawn(plot.counterexample(run.check()))


def test_charts_of_actors_and_settings_with_such_names():
    run = run_virtual(Scenario(jobs=5))
    moves = with_actors(run.transitions, ALL)
    assert_drawn(plot.swimlanes(Run(run.workload, run.info, run.jobs, transitions=moves)))
    settings = pd.DataFrame({"name": [ALL, "b"], "replication": 0, "wait_p95": [1.0, 2.0]})
    assert_drawn(plot.sweep(settings, y="wait_p95"))


def with_actors(table, text):
    return table.assign(actor=table["actor"].cat.rename_categories(lambda name: name + text))


def assert_drawn(axes):
    figure = axes.figure
    with warnings.catch_warnings():
        # A box in place of a letter that the font lacks is as inert as can be.
        warnings.filterwarnings("ignore", "Glyph", UserWarning)
        figure.savefig(io.BytesIO(), dpi=40)
    for label in figure.findobj(mpl.text.Text):
        assert len(label.get_text()) < MUCH
        assert label.get_text().replace("\n", "").isprintable()
    plt.close(figure)


@EACH
def test_a_saved_run_is_read_back_with_the_same_text(text, tmp_path):
    run = run_of(text)
    run.save(tmp_path / "run")
    read = Run.load(tmp_path / "run")
    assert read.workload.scenario == run.workload.scenario
    assert read.info == run.info
    pd.testing.assert_frame_equal(read.calls, run.calls)
    pd.testing.assert_frame_equal(read.final, run.final)
    assert repr(read.check()) == repr(run.check())


@EACH
@pytest.mark.parametrize("kind", ["toml", "json"])
def test_a_scenario_file_is_read_back_with_the_same_text(text, kind, tmp_path):
    path, scenario = tmp_path / f"scenario.{kind}", scenario_of(text)
    write = getattr(scenario, f"to_{kind}")
    if HALF in text:  # neither TOML nor JSON can say it; what was there stays
        path.write_text("before")
        with pytest.raises(ValueError, match="surrogates not allowed"):
            write(path)
        assert path.read_text() == "before"
    else:
        write(path)
        assert Scenario.load(path) == scenario


def test_no_control_character_reaches_the_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    scenario_of(ALL).to_toml("scenario.toml")
    scenario = ["scenario.toml", "--jobs", "5"]
    study = ["--replications", "2"]
    run_of(ALL).save("saved")
    run = ["run", *scenario, "--engine", "virtual", "--no-report", "--out", "new"]
    assert main(run) == 0
    assert main(["show", "saved"]) == 1
    assert main(["check", "saved"]) == 1
    assert main(["sweep", *scenario, "--over", "workers=1,2", *study]) == 0
    assert main(["workers-needed", *scenario, "wait_p95=1e6", *study]) == 0
    shown = capsys.readouterr()
    for part in (shown.out, shown.err):
        assert part.replace("\n", "").isprintable()
        assert [line for line in part.splitlines() if len(line) >= 3 * MAX_TEXT] == []


def test_a_trace_may_have_any_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    name = MIXED.replace("/", "-").replace("\x00", "") + ".csv"
    pd.DataFrame({"arrival": [0.0, 1.0], "service": [1.0, 1.0]}).to_csv(name, index=False)
    workload = Workload.from_csv(name)
    assert_shown_inertly(workload)
    run_virtual(workload).save("saved")
    assert main(["show", "saved"]) == 0
    Path(name).write_text("nothing\n1\n")
    assert main(["run", "--trace", name]) == 2
    shown = capsys.readouterr()
    assert (shown.out + shown.err).replace("\n", "").isprintable()


@EACH
def test_a_bad_scenario_file_is_one_printable_line(text, tmp_path, capsys):
    file = tmp_path / "scenario.json"
    file.write_text(json.dumps({"name": 1, text: text, "arrivals": {"kind": text}}))
    assert main(["run", str(file)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.endswith("\n")
    assert shown.err[:-1].isprintable()
    assert len(shown.err) < 3 * MAX_TEXT


def test_a_history_of_hostile_actors_is_told_inertly():
    run = run_of("other than was written")
    verdict = check_history(with_actors(run.calls, ALL), run.final, workers=2, engine_texts=True)
    assert verdict.violations
    assert_shown_inertly(verdict)
    assert_drawn(plot.counterexample(verdict))
