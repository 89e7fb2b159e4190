"""``jobsim show`` shows a saved run."""

from command_line import SWF, TINY, jobsim


def test_show_prints_a_saved_run(capsys):
    jobsim("run", "unpaid", *TINY, "--out", "r")
    capsys.readouterr()
    assert jobsim("show", "r") == 0
    out = capsys.readouterr().out
    assert "Run of 'unpaid'" in out
    assert "jobs arrive at random" in out


def test_show_tells_where_a_trace_came_from(tmp_path, capsys):
    (tmp_path / "log.swf").write_text(SWF)
    jobsim("run", "--trace", "log.swf", "--speedup", "inf", "--out", "r")
    capsys.readouterr()
    assert jobsim("show", "r") == 0
    assert "log.swf: 3 rows" in capsys.readouterr().out
