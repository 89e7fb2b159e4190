"""Raises Ctrl-C only where it cannot lose anything, and notes it elsewhere.

Python raises KeyboardInterrupt between any two instructions: inside an import, half-way through
a save, or while the tables of a run are made. Under `Interrupts` it is raised only inside a block
that allows it; elsewhere it is noted, and the next such block raises it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, ClassVar, Self


class Interrupts:
    """Replaces Python's handler of Ctrl-C while the context lasts. For one thread.

    Contexts may be nested; the innermost one receives Ctrl-C. Outside the main thread, which alone
    receives signals, a context changes nothing. Where Ctrl-C is ignored, as in a background job of
    a shell, it stays ignored.

    Attributes
    ----------
    noted
        Whether Ctrl-C came and has not been raised yet. When the context ends, it is passed to the
        enclosing context, or forgotten if there is none.

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
                # A Ctrl-C that the enclosing context noted is raised in this one.
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
        """Let Ctrl-C raise KeyboardInterrupt inside this block, also one that was noted before."""
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
        """Do what Ctrl-C does: raise inside a `heard` block, note it elsewhere."""
        if self._listening:
            self._listening = False  # once only: a second Ctrl-C must not cut the clean-up short
            raise KeyboardInterrupt
        self.noted = True
