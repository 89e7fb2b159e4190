"""The command line, run in this process."""

from __future__ import annotations

from typing import Any

from jobsim.command.main import main

TINY = ["--jobs", "8", "--speedup", "inf"]
"""Options of a run that is over at once."""

SWF = """; UnixStartTime: 0
1 0 5 2 1 -1 -1 1 -1 -1 1 1 1 -1 -1 -1 -1 -1
2 3 0 2 1 -1 -1 1 -1 -1 0 1 1 -1 -1 -1 -1 -1
3 4 0 -1 1 -1 -1 1 -1 -1 1 1 1 -1 -1 -1 -1 -1
"""
"""A log of two jobs, and of one that cannot be used."""


def jobsim(*arguments: object) -> int:
    """Run a command, and return its exit code."""
    return main([str(argument) for argument in arguments])


def one_line_error(capsys: Any) -> str:
    """Return what was said of an error, which is one line and no traceback."""
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert len(err.splitlines()) == 1
    return err
