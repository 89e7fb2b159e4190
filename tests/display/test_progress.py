"""The bar shows itself where somebody watches, and nowhere else."""

import io
import os
import sys
import types

import pytest

from jobsim.display.progress import bar, in_notebook


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    # Not before the test runs: pytest's own capture puts its streams in place between.
    def take_over():
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return take_over


def show(progress=None):
    with bar(10, "jobs", unit="job", progress=progress) as shown:
        shown.update_to(4)
        shown.update_to(10)


def test_on_a_terminal_it_shows(terminal):
    stream = terminal()
    show()
    assert "10/10" in stream.getvalue()


def test_on_a_terminal_it_can_be_switched_off(terminal):
    stream = terminal()
    show(progress=False)
    assert stream.getvalue() == ""


def test_where_nobody_watches_it_is_silent(capsys):
    show()
    assert capsys.readouterr() == ("", "")


def test_it_can_be_asked_for_where_nobody_watches(capsys):
    show(progress=True)
    assert "10/10" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("shell", "shows"), [("ZMQInteractiveShell", True), ("TerminalInteractiveShell", False)]
)
def test_in_a_notebook_it_shows(monkeypatch, capsys, shell, shows):
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: type(shell, (), {})()
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    show()
    assert ("10/10" in capsys.readouterr().err) is shows


def test_a_program_without_standard_error_gets_a_silent_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    show()


class SizedTerminal(Terminal):
    """A terminal of so many columns, and what it was told to write, line by line."""

    def __init__(self, columns, monkeypatch):
        super().__init__()
        size = os.terminal_size((columns, 24))
        monkeypatch.setattr(os, "get_terminal_size", lambda fd: size)
        monkeypatch.setattr(sys, "stderr", self)

    def fileno(self):
        return 2

    @property
    def lines(self):
        return self.getvalue().rstrip("\n").split("\r")


NOTE = "waiting 12, running 8, completed 340, failed 5"


@pytest.mark.parametrize(
    ("columns", "shows"),
    [
        (120, ("jobs:", "345/1000", "job/s", NOTE)),
        (90, ("jobs:", "345/1000", NOTE)),
        (80, ("34%|", NOTE)),
        (55, ("34% waiting", NOTE)),
        (50, ("jobs:", "34%|", "| 345/1000")),
        (30, ("34%|",)),
        (5, ("34%",)),
    ],
)
def test_a_line_says_what_fits_and_cuts_no_number(monkeypatch, columns, shows):
    terminal = SizedTerminal(columns, monkeypatch)
    with bar(1000, "jobs", unit="job", progress=None) as shown:
        shown.update_to(345, lambda: NOTE)
        shown.close()
    last = terminal.lines[-1]
    assert all(text in last for text in shows)
    assert all(len(line) < columns for line in terminal.lines)
    assert (NOTE in last) or "waiting" not in last


def test_a_line_does_not_grow_back_when_numbers_shrink(monkeypatch):
    terminal = SizedTerminal(90, monkeypatch)
    with bar(1000, "jobs", unit="job", progress=None) as shown:
        shown.update_to(345, lambda: NOTE.replace("12", "1" * 20))
        shown.update_to(346, lambda: NOTE)
    assert "346/1000" not in terminal.lines[-1]
    assert NOTE in terminal.lines[-1]


def test_two_columns_stay_free_for_ctrl_c_and_are_blank_at_the_end(monkeypatch):
    terminal = SizedTerminal(90, monkeypatch)
    with bar(1000, "jobs", unit="job", progress=None) as shown:
        shown.update_to(345, lambda: NOTE)
    assert len(terminal.lines[-1]) == 89
    assert terminal.lines[-1].endswith("5  ")


def test_more_may_be_done_than_was_asked_for(terminal):
    stream = terminal()
    with bar(10, "jobs", unit="job", progress=None) as shown:
        shown.update_to(12, lambda: NOTE)
    assert "12/12" in stream.getvalue()


def test_where_nobody_watches_no_note_is_made():
    with bar(10, "jobs", unit="job", progress=False) as shown:
        shown.update_to(4, lambda: pytest.fail("made for nobody"))
        shown.close()


def test_a_kernel_of_another_make_is_a_notebook_too(monkeypatch):
    ipython = types.ModuleType("IPython")
    shell = type("Shell", (type("ZMQInteractiveShell", (), {}),), {})()
    ipython.get_ipython = lambda: shell
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert in_notebook()
