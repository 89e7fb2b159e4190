"""Every way in which a command can end, and its exit code.

0
    Done, and whatever was checked held.
1
    A check failed: a violation, a requirement that is not met, a target out of reach; with
    ``--strict`` also a verdict of UNKNOWN.
2
    The input is at fault, or the place to write to; one line says how.
3
    jobsim itself is at fault.
130, 143, 129
    Interrupted by Ctrl-C, by SIGTERM, by a terminal that was closed.
141
    Whoever read the output closed it, as `head` does.
"""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jobsim.command import terminal
from jobsim.command.codes import BAD_INPUT, FAULT, OUTPUT_CLOSED
from jobsim.domain.exceptions import JobsimError

if TYPE_CHECKING:
    from jobsim.command.signals import Signals


def ended(arguments: Sequence[str], signals: Signals) -> int:
    """Run a command, report how it ended, and return the exit code."""
    terminal.prepare()
    with warnings.catch_warnings():
        warnings.showwarning = _warn
        try:
            code = _run(arguments, signals)
            if sys.stdout is not None:
                sys.stdout.flush()  # here, where a full disk is an error like any other
        except BaseException as exc:  # noqa: BLE001 - every ending has an exit code
            code = _code_of(exc, signals)
    return code


def _run(arguments: Sequence[str], signals: Signals) -> int:
    from jobsim.command.parser import parsed

    options = parsed(arguments)
    options.signals = signals
    code: int = options.execute(options)
    return code


def _code_of(exc: BaseException, signals: Signals) -> int:
    """Report in one line what ended a command, and return the exit code."""
    if isinstance(exc, SystemExit):
        return exc.code if isinstance(exc.code, int) else 0
    if isinstance(exc, BrokenPipeError):
        _close_output()
        return OUTPUT_CLOSED
    if isinstance(exc, KeyboardInterrupt) or signals.number is not None:
        # Interrupted code can fail in other ways: an import, for instance, with ImportError.
        terminal.complain("interrupted")
        return signals.code
    if problem := _of_input(exc):
        terminal.complain(problem)
        return BAD_INPUT
    return fault(exc)


def _of_input(exc: BaseException) -> str:
    """Return what is wrong with the input or the machine; empty if jobsim is at fault."""
    if isinstance(exc, OSError):
        if exc.filename is None and sys.stdout is not None and not sys.stdout.isatty():
            _close_output()
        # The system's message, without the number and the class, which mean little to users.
        what = exc.strerror or str(exc)
        return f"{os.fsdecode(exc.filename)}: {what}" if exc.filename is not None else what
    if isinstance(exc, MemoryError):
        return "there is not enough memory for this; ask for less"
    if isinstance(exc, OverflowError):
        return f"a number is too large: {exc}"
    if isinstance(exc, ValueError) and type(exc).__name__ == "ValidationError":
        from jobsim.scenario.files import explain
        from jobsim.scenario.scenario import Scenario

        return ": ".join(explain(exc, Scenario))  # type: ignore[arg-type]
    return str(exc) if isinstance(exc, JobsimError | ValueError) else ""


def fault(exc: BaseException, kept: str = "") -> int:
    """Report a fault of jobsim, where the details are, and what to do; return the exit code.

    Parameters
    ----------
    exc
        The fault.
    kept
        A sentence about what was kept in spite of it.
    """
    # Into a file: a traceback on the screen looks like something that the user must understand.
    text = "".join(traceback.format_exception(exc))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="jobsim-fault-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
        details = f"The details are in {file.name}: please report them"
    except OSError:
        details = "Please report it"
    what = f"{type(exc).__name__}: {exc}".rstrip(": ")
    terminal.complain(" ".join(filter(None, [f"a fault of jobsim itself: {what}.", kept, details])))
    return FAULT


def _close_output() -> None:
    """Discard what is still buffered: to write it would fail again as the interpreter exits."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return  # an output that is not a file, and is not flushed at exit


def _warn(message: Warning | str, *_: Any, **__: Any) -> None:
    terminal.complain(f"warning: {message}")
