"""The checks for pytest: a class to inherit from, with one test per check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from jobsim.repository.adapt import ExceptionTypes
from jobsim.testing.conformance.check_repository import NotConforming
from jobsim.testing.conformance.checks import CHECKS, Check
from jobsim.testing.conformance.run_check import TIME_LIMIT, run_check
from jobsim.testing.explore.scheduled import ScheduledRun


class RepositoryConformance:
    """Inherit from this and give it a fixture: every check becomes a test.

    The fixture `repository_factory` returns a class or a function that makes a fresh
    repository; it may stand in the class, in its module or in a conftest.

    Attributes
    ----------
    illegal, not_found, retryable, time_limit, scale, seed, instances, preemptions
        As in `check_repository`.
    pages
        Folder for the HTML page of a schedule that fails, for CI to keep; by default a
        temporary one.
    expected_failures
        Names of checks that are known to fail, and why. Strict: if such a check passes the test
        fails, and an unknown name is an error.

    Examples
    --------
    >>> import pytest
    >>> from jobsim import InMemoryJobRepository
    >>> class TestMine(RepositoryConformance):
    ...     @pytest.fixture
    ...     def repository_factory(self):
    ...         return InMemoryJobRepository
    """

    illegal: ClassVar[ExceptionTypes] = ()
    not_found: ClassVar[ExceptionTypes] = ()
    retryable: ClassVar[ExceptionTypes] = ()
    time_limit: ClassVar[float] = TIME_LIMIT
    scale: ClassVar[float] = 1.0
    seed: ClassVar[int] = 0
    instances: ClassVar[int] = 1
    preemptions: ClassVar[int] = 2
    pages: ClassVar[str | None] = None
    expected_failures: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        names = [check.name for check in CHECKS]
        unknown = [name for name in cls.expected_failures if name not in names]
        if unknown:
            raise ValueError(
                f"{cls.__name__}.expected_failures names {unknown[0]!r}, which is not a check; "
                f"the checks are {', '.join(names)}"
            )

    @pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
    def test_check(self, check: Check, request: pytest.FixtureRequest) -> None:
        """Run one check on a fresh repository."""
        factory = _factory(request)
        cls = type(self)  # on the instance, a function among the options would be a bound method
        result = run_check(
            check,
            factory,
            illegal=cls.illegal,
            not_found=cls.not_found,
            retryable=cls.retryable,
            time_limit=cls.time_limit,
            scale=cls.scale,
            seed=cls.seed,
            instances=cls.instances,
            preemptions=cls.preemptions,
        )
        result.raise_if_interrupted()
        # A call of `xfail` and not a mark: a mark would hide an error in the user's fixture.
        reason = self.expected_failures.get(check.name)
        if result.result == "failed":
            if reason is not None:
                pytest.xfail(reason)
            name = getattr(factory, "__qualname__", type(factory).__qualname__)
            failure = NotConforming(name, (result,))
            if result.exploration is not None and result.exploration.violation is not None:
                page = _page(request, cls.pages, result.exploration.violation)
                failure.add_note(f"the schedule as a page: {page}")
            raise failure
        if reason is not None:
            pytest.fail(
                f"{check.name} {result.result}, but was expected to fail ({reason}); take it out "
                "of expected_failures",
                pytrace=False,
            )
        if result.result == "skipped":
            pytest.skip(result.problem)


def _page(request: pytest.FixtureRequest, folder: str | None, found: ScheduledRun) -> Path:
    """Write the page of a violation where CI can keep it, and return its path."""
    if folder is None:
        paths: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
        where = paths.mktemp("schedules")
    else:
        where = request.config.rootpath / folder
        where.mkdir(parents=True, exist_ok=True)
    return found.save_page(where / f"{found.repository}.html")


def _factory(request: pytest.FixtureRequest) -> Callable[[], object]:
    """Return the factory from the user's fixture; fail with a helpful message if it is unusable."""
    try:
        factory: Callable[[], object] = request.getfixturevalue("repository_factory")
    except pytest.FixtureLookupError as exc:
        if exc.argname != "repository_factory":
            raise
        name = request.cls.__name__
        pytest.fail(
            f"{name} needs a fixture repository_factory that returns a class or a function "
            f"which makes a repository: @pytest.fixture, def repository_factory(self): return "
            "MyRepository",
            pytrace=False,
        )
    if not callable(factory):
        pytest.fail(
            f"the fixture repository_factory returned a {type(factory).__name__}; return the class "
            "or a function that makes a repository, each check needs a fresh one",
            pytrace=False,
        )
    return factory
