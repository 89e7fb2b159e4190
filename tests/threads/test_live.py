"""What is shown while a run goes on is what happens, and is all there at its end."""

import io
import re
import sys
import threading
from pathlib import Path

import nbformat
import numpy as np
import pytest
from ctrl_c import ctrl_c_once
from nbclient import NotebookClient

from jobsim import InMemoryJobRepository, JobStatus, RunFailed, Scenario, Workload, run_threads
from jobsim.repository.recorded import RecordedRepository
from jobsim.threads import live, run_tables
from jobsim.threads.live import Tally

INF = float("inf")
STATUSES = tuple(JobStatus)


def counts(text):
    return {name: int(number) for name, number in re.findall(r"(\w+) (\d+)(?:,|$)", text)}


def counts_of(run):
    made = run.transitions["target"].value_counts()
    created, started, completed, failed = (int(made[status.value]) for status in STATUSES)
    wanted = {"waiting": created - started, "running": started - completed - failed}
    wanted |= {"completed": completed, "failed": failed}
    refused = int(run.jobs["rejected"].sum())
    return wanted | ({"refused": refused} if refused else {})


class FakePicture:
    """Keeps what it is shown; `now` are the pictures of the test that runs."""

    now: "FakePicture"

    def __init__(self):
        FakePicture.now = self
        self.texts, self.threads = [], set()

    def show(self, svg, text):
        self.texts.append(text)
        self.threads.add(threading.current_thread())


@pytest.fixture
def notebook(monkeypatch):
    monkeypatch.setattr(live, "in_notebook", lambda: True)
    monkeypatch.setattr(live, "Picture", FakePicture)
    return monkeypatch


@pytest.fixture
def hasty_notebook(notebook):
    notebook.setattr(live.Pace, "is_due", lambda self: True)


SCENARIO = Scenario(
    jobs=60,
    workers=4,
    arrivals={"kind": "poisson", "rate": 60.0},
    work={"fail": 0.2, "service": {"kind": "exponential", "mean": 0.05}},
    payment={"abandon": 0.1, "duplicate": 0.2},
)


def test_the_last_counts_are_those_of_the_run(hasty_notebook):
    run = run_threads(SCENARIO, speedup=4, progress="live")
    texts = FakePicture.now.texts
    assert counts(texts[0]) == {"waiting": 0, "running": 0, "completed": 0, "failed": 0}
    assert counts(texts[-1]) == counts_of(run)
    assert len(texts) > 3


def test_counts_are_never_of_two_moments_at_once(hasty_notebook):
    run_threads(SCENARIO, speedup=20, progress="live")
    seen = [counts(text) for text in FakePicture.now.texts]
    assert all(min(now.values()) >= 0 for now in seen)
    assert all(now["running"] <= SCENARIO.workers for now in seen)
    done = [now["completed"] + now["failed"] for now in seen]
    assert done == sorted(done)


def test_only_the_main_thread_shows_anything(hasty_notebook):
    run_threads(SCENARIO, speedup=20, progress="live")
    assert FakePicture.now.threads == {threading.main_thread()}


def test_the_last_counts_of_a_run_that_is_cut_short_are_exact_too(notebook):
    run = run_threads(SCENARIO, progress="live", wall_limit=0.3)
    assert run.ended == "time_limit"
    assert counts(FakePicture.now.texts[-1]) == counts_of(run)


def test_the_last_counts_after_ctrl_c_are_exact_too(notebook):
    press = ctrl_c_once()

    class Interrupting(InMemoryJobRepository):
        def update_status(self, job_id, target, result=None, error=None):
            job = super().update_status(job_id, target, result, error)
            if target is JobStatus.COMPLETED:
                press()
            return job

    run = run_threads(SCENARIO, Interrupting(), progress="live")
    assert run.ended == "interrupted"
    assert counts(FakePicture.now.texts[-1]) == counts_of(run)


def test_a_run_shorter_than_the_pace_is_drawn_before_and_after(notebook):
    notebook.setattr(live.Pace, "is_due", lambda self: False)
    run = run_threads(SCENARIO, speedup=4, progress="live")
    first, last = FakePicture.now.texts
    assert first == "0 s: waiting 0, running 0, completed 0, failed 0"
    assert counts(last) == counts_of(run)


def test_the_bar_shows_the_same_counts(capsys):
    run = run_threads(SCENARIO, speedup=INF, progress=True)
    last = capsys.readouterr().err.rstrip().rsplit("\r", 1)[-1]
    assert "60/60" in last
    assert counts(last.partition("] ")[2]) == counts_of(run)


def test_the_bar_counts_requests_and_comes_to_its_end_when_the_run_does(capsys, monkeypatch):
    shown = []

    def look(*args):
        shown.append(capsys.readouterr().err)
        return final_table(*args)

    final_table = run_tables.final_table
    monkeypatch.setattr(run_tables, "final_table", look)
    run_threads(SCENARIO, speedup=INF, progress=True)
    assert "requests:" in shown[0]
    assert "60/60" not in shown[0]
    assert "60/60" in capsys.readouterr().err


def test_a_terminal_that_is_gone_loses_no_run(monkeypatch):
    class Gone(io.StringIO):
        closing = False

        def write(self, text):
            if self.closing:
                raise BrokenPipeError
            return super().write(text)

    gone = Gone()
    final_table = run_tables.final_table

    def leave(*args):
        gone.closing = True
        return final_table(*args)

    monkeypatch.setattr(sys, "stderr", gone)
    monkeypatch.setattr(run_tables, "final_table", leave)
    assert run_threads(SCENARIO, speedup=INF, progress=True).ended == "complete"


def test_live_outside_a_notebook_is_the_bar(capsys):
    run_threads(SCENARIO, speedup=INF, progress="live")
    assert "60/60" in capsys.readouterr().err


def test_who_wants_to_see_nothing_sees_nothing_and_pays_nothing(monkeypatch, capsys):
    monkeypatch.setattr(Tally, "look", lambda self: pytest.fail("looked for nobody"))
    run_threads(SCENARIO, speedup=INF, progress=False)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("progress", ["LIVE", "bar", 2])
def test_progress_that_is_none_of_its_values_is_refused(progress):
    with pytest.raises(ValueError, match=f"progress must be .* not {progress!r}"):
        run_threads(SCENARIO, progress=progress)


@pytest.mark.parametrize(("done", "speedup"), [(0, 0.1), (3, INF)], ids=["amidst", "at the end"])
def test_a_display_that_fails_ends_the_run_as_failed_and_keeps_what_was_recorded(
    hasty_notebook, monkeypatch, done, speedup
):
    show = FakePicture.show

    def failing(self, svg, text):
        show(self, svg, text)
        now = counts(text)
        if len(self.texts) > 1 and now["completed"] + now["failed"] >= done:
            raise OSError("no more ink")

    monkeypatch.setattr(FakePicture, "show", failing)
    workload = Workload.sample(SCENARIO.replace({"jobs": 3, "payment.abandon": 0.0}))
    with pytest.raises(RunFailed, match="OSError: no more ink") as caught:
        run_threads(workload, speedup=speedup, progress="live")
    run = caught.value.run
    assert run.ended == "failed"
    assert isinstance(caught.value.__cause__, OSError)
    assert run.jobs["finished"].notna().sum() >= done


def test_a_display_that_cannot_open_starts_nothing(notebook, monkeypatch):
    def failing(self, svg, text):
        raise OSError("no ink")

    monkeypatch.setattr(FakePicture, "show", failing)
    repository = InMemoryJobRepository()
    with pytest.raises(OSError, match="no ink"):
        run_threads(SCENARIO, repository, progress="live")
    assert repository.count() == 0


def test_any_actor_is_counted_when_it_appears():
    recorded = RecordedRepository(InMemoryJobRepository())
    tally = Tally(recorded)
    tally.look()
    first = recorded.actor("client").create("a" * 64)
    tally.look()
    second = recorded.actor("retry").create("a" * 64)
    for target in (JobStatus.RUNNING, JobStatus.FAILED):
        recorded.actor("reaper").update_status(first.job_id, target)
    for target in (JobStatus.FAILED, JobStatus.COMPLETED):
        with pytest.raises(Exception, match="Cannot transition"):
            recorded.actor("worker").update_status(first.job_id, target)
    recorded.actor("poller").get(second.job_id)
    recorded.actor("poller").count()
    with pytest.raises(Exception, match="nobody"):
        recorded.actor("poller").get("nobody")
    tally.look()
    assert str(tally) == "waiting 1, running 0, completed 0, failed 1, refused 2"
    assert tally.look()[0].size == 0


def test_a_job_that_moves_on_between_two_buffers_counts_with_its_cause():
    recorded = RecordedRepository(InMemoryJobRepository())
    client, worker = recorded.actor("client"), recorded.actor("worker")
    tally = Tally(recorded)

    class Slow(list):
        def __iter__(self):
            yield client
            # The client's buffer has been read: the creation is not in what was.
            worker.update_status(client.create("a" * 64).job_id, JobStatus.RUNNING)
            yield worker

    recorded.recorders = lambda: Slow()
    tally.look()
    assert str(tally) == "waiting 0, running 0, completed 0, failed 0"
    del recorded.recorders
    returned, target = tally.look()
    assert str(tally) == "waiting 0, running 1, completed 0, failed 0"
    assert sorted(target.tolist()) == [0, 1]
    assert np.array_equal(np.sort(returned), [client.returned_ns, worker.returned_ns])


def test_a_kernel_is_left_with_one_picture():
    cell = nbformat.v4.new_code_cell(
        "from jobsim import Scenario, run_threads\n"
        "scenario = Scenario(jobs=50, workers=4, arrivals={'kind': 'poisson', 'rate': 50.0})\n"
        "run = run_threads(scenario, speedup=4.0, progress='live')"
    )
    folder = str(Path(sys.modules["jobsim"].__file__).parent.parent)
    NotebookClient(
        nbformat.v4.new_notebook(cells=[cell]),
        kernel_name="python3",
        timeout=60,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": folder}},
    ).execute()
    (output,) = cell.outputs
    assert set(output.data) == {"image/svg+xml", "text/plain"}
    assert "waiting 0, running 0, completed 50, failed 0" in output.data["text/plain"]
    assert ">50 jobs in " in output.data["image/svg+xml"]
