"""The factory of a repository as bytes that another process can read."""

from __future__ import annotations

import importlib
import pickle
import sys
from importlib.util import find_spec
from typing import Any, cast

from jobsim.domain.exceptions import JobsimError
from jobsim.repository.protocol import RepositoryFactory


class FactoryCannotTravel(JobsimError):  # noqa: N818 - says what happened, like a verdict
    """The factory cannot be sent to another process; put it into a module and import it."""

    def __init__(self, factory: str, problem: str) -> None:
        super().__init__(factory, problem)
        self.factory, self.problem = factory, problem

    def __str__(self) -> str:
        return f"{self.factory} cannot be sent to another process: {self.problem}"


def packed(factory: RepositoryFactory) -> bytes:
    """Return a factory as bytes for `unpacked` in another process.

    A factory that can be imported is sent by name. A lambda, a nested function or a factory defined
    in a notebook is sent as code, by cloudpickle if that is installed.

    Raises
    ------
    FactoryCannotTravel
        If neither is possible.

    Examples
    --------
    >>> from jobsim.repository.job_repo import InMemoryJobRepository
    >>> unpacked(packed(InMemoryJobRepository)) is InMemoryJobRepository
    True
    """
    name = getattr(factory, "__qualname__", repr(factory))
    problem = "it is defined in __main__"
    if getattr(factory, "__module__", "") != "__main__" and not _holds_main(factory):
        try:
            return pickle.dumps(factory)
        except Exception as exc:  # noqa: BLE001 - what is pickled may raise anything
            problem = f"{type(exc).__name__}: {exc}"
    if not find_spec("cloudpickle"):
        raise FactoryCannotTravel(
            name,
            f"{problem}; put it into a module and import it from there, or install cloudpickle",
        )
    try:
        return cast("bytes", importlib.import_module("cloudpickle").dumps(factory))
    except Exception as exc:
        raise FactoryCannotTravel(
            name,
            f"{type(exc).__name__}: {exc}; let it open its connections and make its locks itself",
        ) from exc


def unpacked(factory: bytes) -> Any:
    """Return the factory that `packed` was given."""
    return pickle.loads(factory)  # noqa: S301 - from the process that started this one


def _holds_main(factory: object) -> bool:
    """Return whether a partial's function is defined in a notebook, which cannot be imported."""
    inner = getattr(factory, "func", factory)
    main = sys.modules.get("__main__")
    return getattr(inner, "__module__", "") == getattr(main, "__name__", "__main__")
