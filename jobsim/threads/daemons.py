"""Threads that may hang: daemons that are waited for with a limit, and reported if they stay.

CPython cannot stop a thread that is blocked. So calls into somebody else's code are made in a
thread of their own, nobody waits for that thread without a limit, and if it does not return, its
stack is reported. It may still return later, so what it appends then must do no harm.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
import types
from collections.abc import Callable, Iterable, Sequence

TICK_S = 0.1
"""The longest that the main thread waits at a time, so that Ctrl-C is heard."""


class Daemon:
    """A named function in a daemon thread of its own. For the thread that made it.

    Parameters
    ----------
    name
        Of the thread, and in reports.
    body
        What it does. An exception is kept, not printed.
    on_fault
        Called in the daemon with what its body raised, so that others need not wait for it.

    Attributes
    ----------
    fault
        What the body raised; written by the daemon before it ends, so read it after `wait`.
    """

    def __init__(
        self,
        name: str,
        body: Callable[[], object],
        on_fault: Callable[[BaseException], object] | None = None,
    ) -> None:
        self.name = name
        self.fault: BaseException | None = None
        self._body, self._on_fault = body, on_fault
        self._thread = threading.Thread(target=self._run, name=f"jobsim {name}", daemon=True)

    def start(self) -> None:
        """Start the thread.

        Raises
        ------
        RuntimeError
            If the system has no more threads.
        """
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait at most `seconds` for its end; return whether it has ended.

        A daemon that could not be started counts as ended.
        """
        if self._thread.ident is None:
            return True
        deadline = time.monotonic() + seconds
        # In short waits: one long one would keep Ctrl-C waiting on some platforms.
        while self._thread.is_alive():
            left = deadline - time.monotonic()
            self._thread.join(max(0.0, min(TICK_S, left)))
            if left <= 0:
                break
        return not self._thread.is_alive()

    def stack(self) -> str:
        """Return its stack; empty once it has ended."""
        # Ids of ended threads are reused.
        if not self._thread.is_alive():
            return ""
        frame = sys._current_frames().get(self._thread.ident or 0)
        return "" if frame is None else "".join(traceback.format_stack(frame))

    def _run(self) -> None:
        try:
            self._body()
        except BaseException as exc:  # noqa: BLE001 - kept for the thread that waits
            self.fault = exc
            if self._on_fault is not None:
                self._on_fault(exc)


def wait_all(daemons: Iterable[Daemon], seconds: float) -> None:
    """Wait for all daemons, at most `seconds` in total."""
    deadline = time.monotonic() + seconds
    for daemon in daemons:
        daemon.wait(max(deadline - time.monotonic(), 0.0))


def stacks(daemons: Sequence[Daemon]) -> dict[str, str]:
    """Return the stacks of the daemons that have not ended, by name."""
    found = {daemon.name: daemon.stack() for daemon in daemons}
    return {name: stack for name, stack in found.items() if stack}


def replaced_by() -> str:
    """Return the library that has replaced Python's threads with its own; empty if none has.

    gevent and eventlet do so on request. Their threads switch only where one of them waits, so most
    races cannot happen, and a run says nothing about them.
    """
    for name in ("_start_new_thread", "_start_joinable_thread"):  # before 3.13, and from it on
        starter = getattr(threading, name, None)
        if starter is not None and not isinstance(starter, types.BuiltinFunctionType):
            return str(getattr(starter, "__module__", "")).partition(".")[0] or "something else"
    return ""
