"""A progress bar for people: shown in a notebook or a terminal, silent elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeAlias

LiveProgress: TypeAlias = bool | Literal["live"] | None
"""What `run_threads` takes as `progress`."""

_COUNT = "{n_fmt}/{total_fmt}"
_LINES = (
    "{l_bar}{bar}| " + _COUNT + " [{elapsed}<{remaining}, {rate_fmt}] <note>",
    "{l_bar}{bar}| " + _COUNT + ", <note>",
    "{percentage:3.0f}%|{bar}| <note>",
    "{percentage:3.0f}% <note>",
    "{l_bar}{bar}| " + _COUNT,
    "{percentage:3.0f}%|{bar}|",
    "{percentage:3.0f}%",
)
"""The formats of a line, the widest first: a number that is cut off is a wrong number."""

_LEAST_BAR = 10
"""Columns that tqdm gives a bar where it does not know the width of the screen."""

_CTRL_C = 2
"""Columns left free for the ^C that a terminal writes at the cursor; overwritten at the end."""


class Bar(Protocol):
    """The part of a progress bar that jobsim uses. For one thread."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> object: ...

    def update_to(self, done: int, note: Callable[[], str] | None = None) -> None:
        """Show that `done` of the total are done, and the note; a silent bar never calls it."""

    def close(self) -> None:
        """Leave the last state on the screen; a second call does nothing more."""


class _Tqdm:
    def __init__(self, total: int, description: str, unit: str) -> None:
        from tqdm.auto import tqdm

        # With `miniters` 0 time alone decides when to draw, so a change of the note is drawn too,
        # and tqdm's monitor thread never draws.
        self._bar: Any = tqdm(
            total=total, desc=description, unit=unit, leave=True, miniters=0, dynamic_ncols=True
        )
        self._line = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def update_to(self, done: int, note: Callable[[], str] | None = None) -> None:
        # A retry adds a job to those that were expected.
        self._bar.total = max(self._bar.total, done)
        if note is not None:
            self._bar.bar_format = self._fitting(done, note())
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar.bar_format is not None:
            self._bar.bar_format += " " * _CTRL_C
        self._bar.close()

    def _fitting(self, done: int, note: str) -> str:
        """Return the widest format that fits, never wider than before: that would flicker."""
        # The width is read each time because people resize terminals.
        shown: dict[str, Any] = self._bar.format_dict
        columns = shown["ncols"]
        if not isinstance(columns, int):
            return _LINES[0].replace("<note>", note)  # a notebook, or no terminal
        for number in range(self._line, len(_LINES)):
            self._line, line = number, _LINES[number].replace("<note>", note)
            shown |= {"n": done, "ncols": None, "bar_format": line}
            spare = columns - _CTRL_C - len(self._bar.format_meter(**shown))
            if spare >= 0:
                break
        return line.replace("{bar}", f"{{bar:{_LEAST_BAR + spare}}}")


class _Silent:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def update_to(self, done: int, note: Callable[[], str] | None = None) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Do nothing: nothing was shown."""


def bar(total: int, description: str, *, unit: str, progress: bool | None) -> Bar:
    """Return a bar; `progress` None shows it in a notebook or on a terminal only."""
    show = _watched() if progress is None else progress
    return _Tqdm(total, description, unit) if show else _Silent()


def in_notebook() -> bool:
    """Return whether this runs in a Jupyter kernel, whose outputs a person sees."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    # By name, because a kernel may have its own class that derives from this one.
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__)


def _watched() -> bool:
    return (sys.stderr is not None and sys.stderr.isatty()) or in_notebook()
