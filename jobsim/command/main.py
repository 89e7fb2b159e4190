"""The entry point of the command line; it imports nothing that takes time."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None, *, at_once: bool = False) -> int:
    """Run the command that the arguments name, and return its exit code.

    See `jobsim.command.endings` for the codes. From here on Ctrl-C and SIGTERM interrupt only
    where that is safe: never while a module is imported or a run is saved.

    Parameters
    ----------
    arguments
        What follows the program's name; by default the arguments of this process.
    at_once
        Whether a signal may end the process while there is nothing to lose.
    """
    from jobsim.command.signals import Signals

    with Signals(at_once=at_once) as signals:
        from jobsim.command.endings import ended

        return ended(sys.argv[1:] if arguments is None else arguments, signals)


def console() -> int:
    """Run one command as a whole program that never prints a traceback at Ctrl-C."""
    import signal

    # Python's own handler would print a traceback during imports and during the interpreter's
    # exit. In between, `main` installs its own handler.
    before = signal.getsignal(signal.SIGINT)
    if callable(before):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    import jobsim.command.signals  # noqa: F401 - the slowest import before `main` has a handler

    signal.signal(signal.SIGINT, before)
    code = main(at_once=True)
    if callable(before):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return code


if __name__ == "__main__":
    sys.exit(console())
