"""The bar shows itself where somebody watches, and nowhere else."""

import io
import sys
import types

import pytest

from jobsim.progress import bar


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
