"""Ctrl-C, SIGTERM and SIGHUP end a command alike: what was recorded is kept."""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType
from typing import Any, Self

from jobsim.run.interrupts import Interrupts

_LIKE_CTRL_C = ("SIGTERM", "SIGHUP")


class Signals(Interrupts):
    """The signals of one command; for the main thread.

    Parameters
    ----------
    at_once
        Whether a signal ends the process at once where it would otherwise only be noted: while
        modules are imported, when there is nothing to lose yet.

    Attributes
    ----------
    at_once
        As above; a command sets it to False as soon as there is something to lose.
    number
        The signal that came first; None while none has.
    """

    def __init__(self, *, at_once: bool = False) -> None:
        super().__init__()
        self.at_once = at_once
        self.number: int | None = None
        self._others: dict[int, Any] = {}

    @property
    def code(self) -> int:
        """The exit code of an interrupted command: 130, 143 after SIGTERM, 129 after SIGHUP."""
        # As shells report it: 128 plus the number of the signal.
        return 128 + (signal.SIGINT if self.number is None else self.number)

    def __enter__(self) -> Self:
        super().__enter__()
        if self in self._inside:  # in the main thread
            for name in _LIKE_CTRL_C:
                number = getattr(signal, name, None)
                # An ignored signal stays ignored: nohup relies on that.
                if number is not None and signal.getsignal(number) == signal.SIG_DFL:
                    self._others[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, before in self._others.items():
            signal.signal(number, before)
        super().__exit__(kind, error, trace)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # The first one says why the command ends; later ones only hurry it.
        self.number = number if self.number is None else self.number
        super()._on_signal(number, frame)

    def interrupt(self) -> None:
        """Do what Ctrl-C does: raise where it is heard, otherwise end at once or note it."""
        if self.at_once and not self._listening:
            # Not through Python's streams and locks, any of which the signal may have interrupted.
            os.write(2, b"jobsim: interrupted\n")
            os._exit(self.code)
        super().interrupt()
