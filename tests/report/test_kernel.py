"""The kernel of the report is this interpreter, and is gone afterwards whatever happens."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest
from nbformat import v4

from jobsim.report import kernel
from jobsim.report.errors import ReportError


def notebook(*sources):
    return v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources])


def result(cell):
    return cell.outputs[-1].data["text/plain"]


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """Return a notebook whose last cell raised, the folder it ran in and the error."""
    folder = tmp_path_factory.mktemp("cwd")
    (folder / "pandas.py").write_text("1 / 0")
    book = notebook("import os, sys, pandas\nsys.executable", "os.getcwd()", "os.getpid()", "1 / 0")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("JUPYTER_PATH", str(folder / "no-kernels"))
        with pytest.raises(ReportError) as caught:
            kernel.execute(book)
    return book, folder, str(caught.value)


def test_it_is_this_interpreter_and_this_folder_whatever_lies_in_it(failed):
    book, folder, _ = failed
    assert result(book.cells[0]) == repr(sys.executable)
    assert result(book.cells[1]) == repr(str(folder))


def test_it_is_gone_afterwards(failed):
    until(lambda: not is_alive(int(result(failed[0].cells[2]))))


def test_a_cell_that_raises_is_named(failed):
    assert "raised ZeroDivisionError: division by zero" in failed[2]


def test_a_kernel_that_dies_is_told_with_its_last_words_and_only_there(capfd):
    dying = "import os\nos.write(2, b'out of luck\\n')\nos._exit(3)"
    with pytest.raises(ReportError, match=r"(?i)died.*\(out of luck\)"):
        kernel.execute(notebook(dying))
    assert capfd.readouterr() == ("", "")


def test_a_kernel_that_cannot_start_is_told(monkeypatch):
    argv = [sys.executable, "-c", "raise SystemExit('no such thing')"]
    monkeypatch.setattr(kernel, "_argv", lambda: argv)
    with pytest.raises(ReportError, match=r"(?i)died.*\(no such thing\)"):
        kernel.execute(notebook("1"))


def test_a_cell_that_takes_too_long_is_told(monkeypatch):
    monkeypatch.setattr(kernel, "CELL_TIMEOUT", 1)
    with pytest.raises(ReportError, match="longer than 1 s"):
        kernel.execute(notebook("import time\ntime.sleep(60)"))


@pytest.mark.parametrize("answers", [True, False], ids=["at work", "starting"])
def test_ctrl_c_ends_the_kernel(tmp_path, monkeypatch, answers):
    told = tmp_path / "pid"
    source = (
        f"import os, pathlib, time\npathlib.Path({str(told)!r}).write_text(str(os.getpid()))\n"
        "time.sleep(60)"
    )
    if not answers:
        monkeypatch.setattr(kernel, "_argv", lambda: [sys.executable, "-c", source])

    def interrupt():
        until(lambda: told.exists() and told.read_text())
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        kernel.execute(notebook(source))
    thread.join()
    until(lambda: not is_alive(int(told.read_text())))
