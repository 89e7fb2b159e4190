"""Ctrl-C is heard where it may end something, and noted where it would lose something.

Python raises KeyboardInterrupt between any two instructions: inside an import, half-way through
a save, or while the tables of what was recorded are made. Under `Interrupts` it is raised only
inside a block that says so; elsewhere it is noted, and the next such block raises it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, ClassVar, Self


class Interrupts:
    """Takes the place of Python's handler of Ctrl-C while the context lasts. For one thread.

    Contexts may lie within each other; the innermost one hears. Outside the main thread, where
    there are no signals, a context changes nothing, and where Ctrl-C is ignored, as in a job that
    a shell put behind, it stays ignored.

    Attributes
    ----------
    noted
        Whether Ctrl-C came and was not raised yet. When the context ends, it is left to the
        context around it, and forgotten if there is none.

    Examples
    --------
    >>> with Interrupts() as interrupts:
    ...     signal.raise_signal(signal.SIGINT)
    ...     interrupts.noted
    True
    """

    _inside: ClassVar[list[Interrupts]] = []  # the open contexts of the main thread

    def __init__(self) -> None:
        self.noted = False
        self._listening = False
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            if self._inside:
                # What came before is raised in here, where it ends something.
                outer = self._inside[-1]
                self.noted, outer.noted = outer.noted, False
            self._inside.append(self)
            if callable(before := signal.getsignal(signal.SIGINT)):
                self._before = before
                signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
        if self in self._inside:
            self._inside.remove(self)
            if self.noted and self._inside:
                self._inside[-1].noted = True

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

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._inside[-1].interrupt()

    def interrupt(self) -> None:
        """Do what Ctrl-C does: raise where it is heard, else note it."""
        if self._listening:
            self._listening = False  # once: what cleans up after it is not cut short
            raise KeyboardInterrupt
        self.noted = True
