"""Every broken repository is caught, those of the gallery and others."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading

import odd_repositories as odd
import pytest

from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.testing import CHECKS
from jobsim.testing.broken import CAUGHT_BY, GALLERY
from jobsim.testing.conformance import races
from jobsim.testing.conformance.run_check import run_check

BY_NAME = {check.name: check for check in CHECKS}
ALONE = [check for check in CHECKS if check.pressure is None and check.run is not None]
SQL = {"illegal": odd.SqlConflict, "not_found": KeyError}


def first_failure(factory, checks, **options):
    results = (run_check(check, factory, **options) for check in checks)
    return next((result.check.name for result in results if result.result == "failed"), None)


def test_the_table_has_every_repository_and_known_checks():
    assert list(CAUGHT_BY) == list(GALLERY)
    assert {name for names in CAUGHT_BY.values() for name in names} <= set(BY_NAME)
    assert all(issubclass(broken, InMemoryJobRepository) for broken in GALLERY.values())
    assert all(broken.__doc__ for broken in GALLERY.values())


@pytest.mark.parametrize("name", GALLERY)
def test_the_table_tells_which_checks_catch_it(name):
    for check in CAUGHT_BY[name]:
        assert run_check(BY_NAME[check], GALLERY[name]).result == "failed", check


@pytest.mark.parametrize("name", GALLERY)
def test_one_thread_finds_only_what_the_table_says(name):
    alone = [check for check in CAUGHT_BY[name] if BY_NAME[check].pressure is None]
    found = [check.name for check in ALONE if run_check(check, GALLERY[name]).result == "failed"]
    if name == "acknowledge_before_write":  # its background thread may be late, or not
        assert set(alone) <= set(found)
    else:
        assert found == alone


@pytest.mark.parametrize("broken", odd.SHOWN_BY, ids=lambda broken: broken.__name__)
def test_mistakes_that_are_not_in_the_gallery_are_caught_too(broken):
    limit = 1.0 if broken in odd.HANGING else 30.0
    check = BY_NAME[odd.SHOWN_BY[broken]]
    assert run_check(check, broken, time_limit=limit).result == "failed"


def test_an_asynchronous_repository_that_awaits_in_the_wrong_place_is_caught():
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        factory = type("Mine", (odd.Waiting,), {"loop": loop})
        assert first_failure(factory, [BY_NAME["one_start_wins"]])
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


# A thread that waits inside SQLite when its race ends is ended by an exception; where that comes
# between the call that opens a connection and the one that will close it, the collector closes it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_over_sqlite_the_naive_one_is_caught_and_the_right_one_passes(tmp_path, monkeypatch):
    monkeypatch.setattr(races, "ROUNDS", 20)
    numbers = itertools.count()
    checks = [BY_NAME["sixteen_transitions"], BY_NAME["one_start_wins"]]
    naive = lambda: odd.Sqlite(tmp_path / f"{next(numbers)}.db")  # noqa: E731
    right = lambda: odd.GuardedSqlite(tmp_path / f"{next(numbers)}.db")  # noqa: E731
    assert first_failure(naive, checks, **SQL) == "one_start_wins"
    assert first_failure(right, checks, **SQL) is None
    gc.collect()  # what is left is warned of here
