"""The command line's way in, and nothing that takes time to import."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

from jobsim.command.signals import Signals


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name, and return its exit code.

    See `jobsim.command.endings` for the codes. From here on Ctrl-C and SIGTERM are heard where
    that is safe: never while a module is imported or a run is saved.
    """
    with Signals() as signals:
        from jobsim.command.endings import ended

        return ended(sys.argv[1:] if arguments is None else arguments, signals)


def console() -> int:
    """Run one command as a whole program: what comes after it is the interpreter's own end."""
    code = main()
    # Ctrl-C would print a traceback out of the interpreter's own last steps.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return code


if __name__ == "__main__":
    sys.exit(console())
