"""The checks from both faces: a correct repository passes, a report tells, nothing hangs."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

import jobsim.testing
from jobsim.domain.exceptions import JobNotFoundError
from jobsim.domain.models import JobStatus
from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.testing import (
    CHECKS,
    NotConforming,
    Pressure,
    RepositoryConformance,
    check_repository,
)
from jobsim.testing.broken import NoValidation, TornSnapshot
from jobsim.testing.conformance import check_repository as asking
from jobsim.testing.conformance import races, trial
from jobsim.testing.conformance.run_check import CheckResult, run_check

BY_NAME = {check.name: check for check in CHECKS}


class FourMethods:
    """Somebody's own repository: the four methods, its own exceptions, no snapshot."""

    class Refused(Exception):
        pass

    def __init__(self):
        self._inner = InMemoryJobRepository()
        self.create, self.count = self._inner.create, self._inner.count

    def get(self, job_id):
        try:
            return self._inner.get(job_id)
        except JobNotFoundError:
            raise KeyError(job_id) from None

    def update_status(self, job_id, target, result=None, error=None):
        try:
            return self._inner.update_status(job_id, target, result=result, error=error)
        except JobNotFoundError:
            raise KeyError(job_id) from None
        except jobsim.InvalidStateTransitionError:
            raise FourMethods.Refused from None


class TestInMemory(RepositoryConformance):
    @pytest.fixture
    def repository_factory(self):
        return InMemoryJobRepository


@pytest.fixture(scope="module")
def report():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(races, "ROUNDS", 20)
        return check_repository(NoValidation)


def test_a_repository_of_four_methods_and_its_own_exceptions_passes(monkeypatch):
    monkeypatch.setattr(races, "ROUNDS", 20)
    report = check_repository(FourMethods, illegal=FourMethods.Refused, not_found=KeyError)
    assert report.ok, report
    assert {r.check.name for r in report.results if r.result == "skipped"} == {
        "snapshot_is_one_instant"
    }
    assert "skipped: this repository offers no snapshot()" in repr(report)
    report.raise_on_failure()


def test_own_exceptions_that_were_not_named_fail_with_what_to_pass():
    wrong = run_check(BY_NAME["unknown_id_is_not_found"], FourMethods)
    assert wrong.problem.endswith("has to raise JobNotFoundError, or pass not_found=KeyError")
    wrong = run_check(BY_NAME["sixteen_transitions"], FourMethods, not_found=KeyError)
    assert wrong.problem.endswith("InvalidStateTransitionError, or pass illegal=Refused")


def test_a_report_names_the_failures_with_sentence_and_timeline(report):
    assert not report.ok
    failed = report["sixteen_transitions"]
    assert failed in report.failures
    assert "was accepted; it has to raise InvalidStateTransitionError" in failed.problem
    assert len(failed.timeline) == 2
    text = repr(report)
    assert "Conformance of NoValidation" in text
    assert f"FAILED: {failed.check.sentence}" in text
    assert failed.timeline[1] in text
    with pytest.raises(KeyError, match="no check is named 'x'"):
        report["x"]


def test_a_race_fails_with_a_verdict_and_the_calls_that_prove_it(report):
    failed = report["one_start_wins"]
    assert failed.check.pressure is Pressure.PERTURBED
    assert failed.verdict.violations[0].calls == failed.calls
    assert failed.verdict.violations[0].sentence == failed.problem


def test_raise_on_failure_raises_an_assertion_error_that_tells_all(report):
    with pytest.raises(AssertionError) as caught:
        report.raise_on_failure()
    assert isinstance(caught.value, NotConforming)
    assert len(caught.value.results) == len(report.failures)
    for result in report.failures:
        assert f"{result.check.name}: {result.problem}" in str(caught.value)
    copy = NotConforming("X", ())
    assert str(pickle.loads(pickle.dumps(copy))) == str(copy)  # noqa: S301 - made here


def test_hostile_text_is_inert_in_the_report():
    class Hostile(InMemoryJobRepository):
        def create(self, input_hash):
            raise OSError("<script>\x00\u202e")

    Hostile.__qualname__ = "<b>Hostile"
    report = check_repository(Hostile)
    assert not any(result.result == "passed" for result in report.results)
    html = report._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "\x00" not in repr(report) + html


def test_a_repository_that_deadlocks_fails_with_the_stacks_of_its_threads():
    class Deadlocks(InMemoryJobRepository):
        release = threading.Event()

        def update_status(self, job_id, target, result=None, error=None):
            self.release.wait()
            return super().update_status(job_id, target, result=result, error=error)

    interval = sys.getswitchinterval()
    result = run_check(BY_NAME["one_start_wins"], Deadlocks, time_limit=0.5)
    Deadlocks.release.set()
    assert result.result == "failed"
    assert "no answer within 0.5 s" in result.problem
    assert [name for name, _ in result.stacks] == [
        f"actor-{number}" for number in range(trial.ACTORS)
    ]
    assert all("in update_status" in stack for _, stack in result.stacks)
    assert "actor-0 is at" in str(NotConforming("Deadlocks", (result,)))
    assert sys.getswitchinterval() == interval


def test_a_repository_that_hung_once_gets_less_time_for_the_rest(monkeypatch):
    limits = []

    def fake(check, factory, *, time_limit, **_options):
        limits.append(time_limit)
        return CheckResult(check, "failed", "hung", stacks=(("a", "s"),))

    monkeypatch.setattr(asking, "run_check", fake)
    check_repository(InMemoryJobRepository, time_limit=5.0)
    assert limits == [5.0] + [2.0] * (len(CHECKS) - 1)


@pytest.mark.parametrize("pressure", list(Pressure))
def test_everything_is_restored_after_a_race_that_raises(pressure):
    class Fault(Exception):
        pass

    def fail(trial):
        def step(player):
            raise Fault

        trial.race([[step, step]])

    before = (sys.getswitchinterval(), sys.gettrace(), threading.gettrace())
    check = jobsim.testing.Check("x", "X.", fail, pressure)
    with pytest.raises(Fault):
        run_check(check, InMemoryJobRepository)
    assert (sys.getswitchinterval(), sys.gettrace(), threading.gettrace()) == before


def test_what_makes_no_repository_is_refused():
    with pytest.raises(TypeError, match="takes a class or a function"):
        check_repository(InMemoryJobRepository())
    with pytest.raises(TypeError, match="dict is not a job repository"):
        check_repository(dict)
    with pytest.raises(ValueError, match="time_limit must be positive, not 0"):
        check_repository(InMemoryJobRepository, time_limit=0)


def test_a_torn_snapshot_is_proved_by_two_calls():
    failed = run_check(BY_NAME["snapshot_is_one_instant"], TornSnapshot)
    assert len(failed.calls) == 2
    assert "no instant has both" in failed.problem


@pytest.mark.parametrize(
    ("snapshot", "problem"),
    [
        (lambda self: 1 / 0, "snapshot() raised ZeroDivisionError"),
        (lambda self: [], "does not show what"),
        (lambda self: None, "snapshot() answered None, which lists no jobs"),
        (lambda self: self._first(), "does not show what"),
        (lambda self: list(self._store.values()) * 2, "but only"),
        (lambda self: [self.stranger], "that nobody created"),
        (lambda self: self._ended(), "shows a state that nobody wrote"),
    ],
)
def test_a_wrong_snapshot_is_told_apart(snapshot, problem):
    class Wrong(InMemoryJobRepository):
        stranger = InMemoryJobRepository().create("a")

        def _first(self):
            self.first = getattr(self, "first", None) or list(self._store.values())
            return self.first

        def _ended(self):
            change = {"status": JobStatus.FAILED}
            return {job.job_id: job.model_copy(update=change) for job in super().snapshot()}

    Wrong.snapshot = snapshot
    result = run_check(BY_NAME["snapshot_is_one_instant"], Wrong)
    assert problem in result.problem


def test_pytest_is_loaded_only_with_its_class():
    code = "import sys, jobsim.testing as t; t.check_repository; print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert set(dir(jobsim.testing)) == set(jobsim.testing.__all__)
    with pytest.raises(AttributeError, match=r"jobsim\.testing.*nothing"):
        jobsim.testing.nothing  # noqa: B018 - the access is the test


SUITE = """
import pytest
from jobsim import InMemoryJobRepository
from jobsim.testing import RepositoryConformance
from jobsim.testing.broken import NoValidation

class TestForgotten(RepositoryConformance):
    pass

class TestInstance(RepositoryConformance):
    @pytest.fixture
    def repository_factory(self):
        return InMemoryJobRepository()

class TestKnown(RepositoryConformance):
    expected_failures = {"sixteen_transitions": "not yet", "texts_are_kept": "works by now"}

    @pytest.fixture
    def repository_factory(self):
        return NoValidation

class Bare(InMemoryJobRepository):
    snapshot = None

class TestBare(RepositoryConformance):
    @pytest.fixture
    def factory(self):
        return Bare

    @pytest.fixture
    def repository_factory(self, factory):
        return factory

class TestFarFixture(RepositoryConformance):
    @pytest.fixture
    def repository_factory(self, no_such_fixture):
        return Bare
"""


def test_the_pytest_class_has_a_test_a_check_and_clear_errors(tmp_path):
    (tmp_path / "test_mine.py").write_text(SUITE)
    names = "sixteen or texts_are or refusal or snapshot"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:nbval", "-rA", "-k",
         names, str(tmp_path)],
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120,
    )  # fmt: skip
    out = done.stdout
    assert "TestForgotten needs a fixture repository_factory" in out
    assert "repository_factory returned a InMemoryJobRepository; return the class" in out
    assert "XFAIL test_mine.py::TestKnown::test_check[sixteen_transitions]" in out
    assert "FAILED test_mine.py::TestKnown::test_check[texts_are_kept]" in out
    assert "texts_are_kept passed, but was expected to fail (works by now)" in out
    assert "FAILED test_mine.py::TestKnown::test_check[refusal_changes_nothing]" in out
    assert "NoValidation fails 1 of the checks" in out
    assert "PASSED test_mine.py::TestBare::test_check[sixteen_transitions]" in out
    assert "offers no snapshot()" in out
    assert "no_such_fixture" in out


def test_an_expected_failure_of_no_check_is_an_error():
    with pytest.raises(ValueError, match="names 'sixteen', which is not a check; the checks are"):
        type("TestX", (RepositoryConformance,), {"expected_failures": {"sixteen": "typo"}})


class Raising(InMemoryJobRepository):
    def get(self, job_id):
        raise OSError("disk full")


def test_an_exception_is_told_with_the_line_that_raised_it_and_with_its_traceback():
    failed = run_check(BY_NAME["get_answers_what_create_did"], Raising)
    assert "raised OSError: disk full (test_check_repository.py:" in failed.problem
    assert "in get)" in failed.problem
    assert 'raise OSError("disk full")' in failed.traceback
    assert 'raise OSError("disk full")' in str(NotConforming("Raising", (failed,)))


def test_the_verdict_on_a_history_with_errors_is_shown_beside_the_error():
    class FailsAndForgets(NoValidation):
        def count(self):
            raise OSError("no route to host")

    failed = run_check(BY_NAME["one_start_wins"], FailsAndForgets)
    assert "OSError: no route to host" in failed.problem
    assert failed.verdict is not None
    assert failed.verdict.errors["count"] >= 1


def test_what_create_answered_instead_of_a_job_is_told():
    class Forgetful(InMemoryJobRepository):
        def create(self, input_hash):
            super().create(input_hash)

    failed = run_check(BY_NAME["create_awaits_payment"], Forgetful)
    assert failed.problem == "create answered None, not a Job"


def test_an_illegal_transition_may_be_told_by_a_function():
    def is_conflict(exc):
        return isinstance(exc, FourMethods.Refused)

    check = BY_NAME["sixteen_transitions"]
    assert run_check(check, FourMethods, illegal=is_conflict, not_found=KeyError).result == "passed"
    with pytest.raises(TypeError, match="illegal takes exception types or a function, not 'X'"):
        run_check(check, FourMethods, illegal="X")


def test_the_class_for_pytest_takes_functions_too():
    class Own(RepositoryConformance):
        illegal = lambda exc: isinstance(exc, FourMethods.Refused)  # noqa: E731
        not_found = KeyError

    request = SimpleNamespace(getfixturevalue=lambda _name: FourMethods, cls=Own)
    Own().test_check(BY_NAME["sixteen_transitions"], request)


def test_a_factory_that_hangs_late_loses_nothing_and_is_not_called_again():
    made, release = [], threading.Event()

    def factory():
        made.append(None)
        if len(made) == 3:
            release.wait()
        return InMemoryJobRepository()

    report = check_repository(factory, time_limit=0.3, scale=0.1)
    release.set()
    assert [result.result for result in report.results[:3]] == ["passed", "passed", "failed"]
    assert {result.result for result in report.results[3:]} == {"skipped"}
    assert "the factory: no answer within 0.3 s" in report.results[2].problem
    assert len(made) == 3


@pytest.mark.parametrize("late", [lambda: 1 / 0, dict], ids=["raises", "makes no repository"])
def test_a_factory_that_fails_late_fails_that_check_only(late, monkeypatch):
    monkeypatch.setattr(races, "MANY_JOBS", 100)
    calls = []

    def factory():
        calls.append(None)
        return late() if len(calls) == 3 else InMemoryJobRepository()

    report = check_repository(factory, scale=0.1)
    (failed,) = report.failures
    assert failed is report.results[2]
    assert "the factory raised ZeroDivisionError" in failed.problem or "lacks" in failed.problem


def test_every_repository_that_was_made_is_closed():
    closed = []

    class Closing(InMemoryJobRepository):
        def close(self):
            closed.append(self)

    run_check(BY_NAME["count_counts_jobs"], Closing)
    assert len(closed) == 1
    run_check(BY_NAME["count_counts_jobs"], Closing, instances=3)
    assert len(set(map(id, closed))) == 4


def test_a_repository_that_the_factory_made_too_late_is_closed_all_the_same():
    release, closed = threading.Event(), threading.Event()

    class Late(InMemoryJobRepository):
        def __init__(self):
            super().__init__()
            release.wait()

        def close(self):
            closed.set()

    assert run_check(BY_NAME["count_counts_jobs"], Late, time_limit=0.2).result == "failed"
    release.set()
    assert closed.wait(10)


def test_a_close_that_raises_is_a_failure():
    class Closing(InMemoryJobRepository):
        def close(self):
            raise OSError("not open")

    failed = run_check(BY_NAME["count_counts_jobs"], Closing)
    assert failed.problem.startswith("close() raised OSError: not open (test_check_repository.py:")


def test_scale_changes_how_much_is_tried():
    seen = []

    def look(trial):
        seen.append((trial.scaled(100), trial.actors))

    for scale in (0.01, 1.0, 4.0):
        run_check(jobsim.testing.Check("x", "X.", look), InMemoryJobRepository, scale=scale)
    assert seen == [(2, 4), (100, 8), (400, 16)]


@pytest.mark.parametrize("name", ["scale", "instances", "time_limit"])
def test_what_must_be_positive_is_refused_if_it_is_not(name):
    with pytest.raises(ValueError, match=f"{name} must be positive, not -1"):
        check_repository(InMemoryJobRepository, **{name: -1})


def test_jobs_that_were_there_before_are_no_part_of_a_snapshot():
    class Used(InMemoryJobRepository):
        def __init__(self):
            super().__init__()
            self.create("old")

    assert run_check(BY_NAME["snapshot_is_one_instant"], Used).result == "passed"
