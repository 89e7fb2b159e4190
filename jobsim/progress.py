"""A progress bar for people: shown in a notebook or a terminal, silent elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Protocol, Self


class Bar(Protocol):
    """The little of a progress bar that jobsim uses. For one thread."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> object: ...

    def update_to(self, done: int) -> None:
        """Show that `done` of the total are done."""


class _Tqdm:
    def __init__(self, total: int, description: str, unit: str) -> None:
        from tqdm.auto import tqdm

        self._bar: Any = tqdm(total=total, desc=description, unit=unit, leave=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def update_to(self, done: int) -> None:
        self._bar.update(done - self._bar.n)


class _Silent:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def update_to(self, done: int) -> None:
        """Show nothing."""


def bar(total: int, description: str, *, unit: str, progress: bool | None) -> Bar:
    """Return a bar; `progress` None shows it in a notebook or on a terminal only."""
    show = _watched() if progress is None else progress
    return _Tqdm(total, description, unit) if show else _Silent()


def _watched() -> bool:
    if sys.stderr is not None and sys.stderr.isatty():
        return True
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return type(shell).__name__ == "ZMQInteractiveShell"
