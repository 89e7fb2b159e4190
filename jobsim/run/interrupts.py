"""Ctrl-C is heard where it may end something, and noted where it would lose something.

Python raises KeyboardInterrupt between any two instructions: inside an import, half-way through
a save, or while the tables of what was recorded are made. Under `Interrupts` it is raised only
inside a block that says so; elsewhere it is noted, and the next such block raises it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupts:
    """Takes the place of Python's handler of Ctrl-C while the context lasts. For one thread.

    Outside the main thread, where there are no signals, and where Ctrl-C is ignored or is none
    of Python's business, it changes nothing.

    Parameters
    ----------
    on_noted
        Called with no arguments when Ctrl-C is noted instead of raised.

    Attributes
    ----------
    noted
        Whether Ctrl-C came and was not raised yet.

    Examples
    --------
    >>> with Interrupts() as interrupts:
    ...     signal.raise_signal(signal.SIGINT)
    ...     interrupts.noted
    True
    """

    def __init__(self, on_noted: Callable[[], None] | None = None) -> None:
        self.noted = False
        self._on_noted = on_noted
        self._listening = False
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if callable(before):  # not ignored, as it is in a job that a shell put behind
                self._before = before
                signal.signal(signal.SIGINT, self._heard)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Let Ctrl-C raise KeyboardInterrupt inside this block, also one that came before."""
        self._listening = True
        try:
            if self.noted:
                self.noted = False
                raise KeyboardInterrupt
            yield
        finally:
            # One that comes before this line is raised here, still inside the caller's `try`.
            self._listening = False

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        if self._listening:
            self._listening = False  # once: what cleans up after it is not cut short
            raise KeyboardInterrupt
        self.noted = True
        if self._on_noted is not None:
            self._on_noted()
