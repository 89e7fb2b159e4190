"""Repositories named by a text: the address of a database, or a function to import."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from jobsim.domain.exceptions import JobsimError
from jobsim.domain.text import without_password


class NoSuchRepository(JobsimError):  # noqa: N818 - says what is the matter
    """The text names no repository that can be made; the message says why."""

    def __init__(self, name: str, problem: str) -> None:
        name = without_password(name)
        super().__init__(name, problem)
        self.name, self.problem = name, problem

    def __str__(self) -> str:
        return f"{self.name}: {self.problem}"


def repository_factory(name: str) -> Callable[[], Any]:
    """Return a factory of the repository that a text names; nothing is made yet.

    Parameters
    ----------
    name
        A database's address, as `jobsim.repository.sql_repo.SqlJobRepository` takes it
        (``"sqlite:///jobs.db"``), or ``"package.module:factory"``, a class or a function
        without arguments. The working directory is searched for the module as well.

    Raises
    ------
    NoSuchRepository
        If the module cannot be imported, lacks that name, or the name is not callable; or if the
        text is an address and the extra ``sql`` is not installed.

    Examples
    --------
    >>> repository_factory("jobsim.repository.job_repo:InMemoryJobRepository")().count()
    0
    >>> repository_factory("jobsim.repository.job_repo:Forgotten")
    Traceback (most recent call last):
        ...
    jobsim.repository.named.NoSuchRepository: jobsim.repository.job_repo:Forgotten: \
jobsim.repository.job_repo has no 'Forgotten'
    """
    if "://" in name:
        return partial(_sql_repository(name), name)
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise NoSuchRepository(
            name, "give a database's address, such as sqlite:///jobs.db, or package.module:factory"
        )
    found = _imported(name, module)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise NoSuchRepository(name, f"{module} has no {attribute!r}")
        found = getattr(found, part)
    if not callable(found):
        kind = type(found).__name__
        raise NoSuchRepository(name, f"{attribute} is a {kind}, not a class or a function")
    factory: Callable[[], Any] = found
    return factory


def made_by(name: str, factory: Callable[[], Any]) -> Any:
    """Return what a factory makes.

    Raises
    ------
    NoSuchRepository
        If the factory raises, for example because it cannot reach its database; that exception is
        the cause.
    """
    try:
        return factory()
    except Exception as exc:
        first = str(exc).partition("\n")[0]
        # The error of a database is a sentence; that of a function may be no more than a key.
        if "://" not in name:
            first = f"{type(exc).__name__}: {first}"
        elif isinstance(exc, ModuleNotFoundError):
            first = _not_installed(exc)
        raise NoSuchRepository(name, first) from exc


def _imported(name: str, module: str) -> Any:
    if "" not in sys.path:
        sys.path.insert(0, "")  # as python -m does, and an installed command does not
    try:
        return importlib.import_module(module)
    except Exception as exc:
        first = str(exc).partition("\n")[0]
        raise NoSuchRepository(
            name, f"{module} cannot be imported: {type(exc).__name__}: {first}"
        ) from exc


def _sql_repository(name: str) -> Callable[..., Any]:
    try:
        module = importlib.import_module("jobsim.repository.sql_repo")
    except ModuleNotFoundError as exc:
        raise NoSuchRepository(name, _not_installed(exc)) from exc
    kind: Callable[..., Any] = module.SqlJobRepository
    return kind


def _not_installed(exc: ModuleNotFoundError) -> str:
    return f"{exc.name} is not installed; pip install 'jobsim-toolkit[sql]'"
