"""``jobsim report`` writes the report of a saved run."""

from pathlib import Path

from command_line import jobsim, one_line_error

from jobsim.report.errors import ReportError


def test_a_report_can_be_made_of_a_saved_run(capsys, reports):
    assert jobsim("report", "mine", "--out", "a.html") == 0
    assert reports == [("mine", Path("a.html"))]
    assert capsys.readouterr().out == "Report  a.html\n"


def test_a_report_that_cannot_be_made_is_exit_code_two_and_one_line(monkeypatch, capsys):
    def fail(_run, _out):
        raise ReportError("no kernel")

    monkeypatch.setattr("jobsim.report.build.build_report", fail)
    assert jobsim("report", "mine") == 2
    assert "could not be made: no kernel" in one_line_error(capsys)
